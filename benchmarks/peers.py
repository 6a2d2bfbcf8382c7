"""sparsenmf beside other packages: objective against time from shared starts, and peak memory.

Each contestant (`contestants.py`) has a process of its own, all cores, and the same time; sparsenmf has a twelfth of
it. What counts is the exact float64 objective of the factors that it gives back. The goal of a problem is the objective
that scikit-learn in float32 has after 200 iterations of `mu` (KL) or 100 of `cd` (Frobenius), or when its time is up.
Between two looks at a contestant's factors the objective is taken to fall along a straight line. A peer that cannot be
imported, or that would need too much memory, is left out, and the page says why.

    python benchmarks/peers.py [--quick] [--seconds S] [--peer-python PATH]
    python benchmarks/peers.py --case newsgroups20 32 kl --seconds 300      # as long as it takes

implicit is not among them: its least squares are weighted, and its factors have either sign.
"""

from __future__ import annotations

import argparse
import json
import math
import pathlib
import statistics
import subprocess
import sys
import tempfile
import warnings
from typing import Any

import common
import contestants
import numpy as np
from contestants import CONTESTANTS, GOAL, MOST, OURS

Case = tuple[str, int, str, float]  # data, k, loss, seconds of a contestant
CASES: list[Case] = [
    ("newsgroups20", 32, "kl", 60), ("nips", 32, "kl", 40), ("cbcl_faces", 49, "kl", 12),
    ("newsgroups20", 32, "frobenius", 30), ("nips", 32, "frobenius", 25),
]  # fmt: skip
FALLBACK_CASES: list[Case] = [("made", 32, "kl", 60), ("digits", 10, "kl", 10), ("made", 32, "frobenius", 45)]
QUICK_CASES: list[Case] = [("made_small", 10, "kl", 1.5), ("made_small", 10, "frobenius", 1.5)]
TRANSFORMED = 4000  # rows
SLACK = 1e-6  # relative, by which a goal may be missed: the rounding of float32
TITLES = {"kl": "KL", "frobenius": "Frobenius"}


# --- one contestant --------------------------------------------------------------------------------------------------


def alone(name: str, loss: str, X: Any, problem: pathlib.Path, seconds: float, python: str) -> dict[str, Any]:
    """What a contestant did, in a process of its own: its curve of (seconds, iterations, objective), or why not."""
    with tempfile.TemporaryDirectory() as place:
        folder, trouble = pathlib.Path(place), ""
        program = [python, "-W", "ignore", contestants.__file__, name, loss, str(problem), place, str(seconds)]
        try:
            done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=4 * seconds + 120)
            if done.returncode:
                last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
                trouble = f"failed ({last[:120]})"
        except subprocess.TimeoutExpired as late:
            trouble = f"was ended after {late.timeout:.0f} s"
        except OSError as error:
            trouble = f"could not be started ({error})"
        return collected(folder, X, loss, trouble)


def collected(folder: pathlib.Path, X: Any, loss: str, trouble: str) -> dict[str, Any]:
    """What a run left in its folder, with the exact objective of each look."""
    path = folder / "run.json"
    told = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    looks = told.pop("looks", [])
    if not looks:
        return {"skipped": told.get("skipped") or trouble or "gave nothing"}
    told["curve"] = []
    for number, (seconds, iterations) in enumerate(looks):
        with np.load(folder / f"{number}.npz") as kept:
            told["curve"].append([seconds, iterations, common.objective(X, kept["W"], kept["H"], loss)])
    return told | ({"trouble": trouble} if trouble else {})


def race(case: Case, X: Any, others: str | None) -> dict[str, Any]:
    """All contestants on one problem; objectives become relative excesses over the lowest of all."""
    data, k, loss, seconds = case
    runs: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place:
        problem = pathlib.Path(place) / "problem.npz"
        contestants.write_problem(problem, X, *common.start(X, k))
        for name, kind in CONTESTANTS.items():
            if loss not in kind.losses:
                continue
            runs[name] = alone(name, loss, X, problem, seconds, sys.executable)
            if others and runs[name].get("skipped", "").startswith("does not import"):
                runs[name] = alone(name, loss, X, problem, seconds, others)
            common.say(f"peers: {data} k={k} {loss} {name}: {in_words(runs[name])}")
    best = relative(runs)
    return {
        "data": data,
        "k": k,
        "loss": loss,
        "limit": seconds,
        "about": common.describe(X),
        "best": best,
        "runs": runs,
    }


def relative(runs: dict[str, Any]) -> float:
    """Turn objectives into relative excesses over the lowest, which is returned."""
    points = [point for each in runs.values() for point in each.get("curve", [])]
    best = min((point[2] for point in points), default=math.nan)
    for point in points:
        point[2] = point[2] / best - 1
    return best


def in_words(found: dict[str, Any]) -> str:
    if "skipped" in found:
        return found["skipped"]
    seconds, iterations, objective = found["curve"][-1]
    return f"{iterations} iterations in {seconds:.2f} s, objective {objective:.9g}"


def transforms(quick: bool) -> dict[str, Any]:
    """New rows for a fixed H, KL: our time and scikit-learn's, and the objectives."""
    from sklearn import decomposition

    from sparsenmf import NMF, factorize

    k, count = (10, 200) if quick else (32, TRANSFORMED)
    name, X = common.first_of(*(("made_small",) if quick else ("newsgroups20", "made")))
    rows = X[:count]
    W, H = common.start(X, k)
    H = factorize(X, k, init="custom", W=W, H=H, max_iter=20, tol=0).H
    kl = {"beta_loss": common.LOSSES["kl"], "max_iter": 1, "random_state": 0}
    models = {"ours": NMF(k, **kl), "theirs": decomposition.NMF(k, init="random", solver="mu", **kl)}
    seconds, objectives = {}, {}
    for who, model in models.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(X[:100])
            model.components_, model.max_iter, model.tol = H, 200, 1e-4
            model.transform(rows[:20])
            solved: list[Any] = []
            times = [
                common.seconds_of(lambda m=model, out=solved: out.append(m.transform(rows)))
                for _ in range(5 if who == "ours" else 1)
            ]
        seconds[who], objectives[who] = statistics.median(times), common.objective(rows, solved[-1], H, "kl")
    return {"data": name, "k": k, "rows": rows.shape[0], "seconds": seconds, "objectives": objectives}


def cases_of(options: argparse.Namespace) -> list[Case]:
    if options.case:
        data, k, loss = options.case
        cases = [(data, int(k), loss, 60.0)]
    elif options.quick:
        cases = QUICK_CASES
    else:
        cases = CASES if (common.DATA / "newsgroups20").is_dir() else FALLBACK_CASES
    return [(*case[:3], options.seconds or case[3]) for case in cases]


def measure(options: argparse.Namespace) -> dict[str, Any]:
    results: dict[str, Any] = {"cases": [], "missing": []}
    results["transform"] = None if options.case else transforms(options.quick)
    for case in cases_of(options):
        try:
            X = common.load(case[0])
        except common.MissingDataError as missing:
            results["missing"].append([case[0], str(missing)])
            continue
        results["cases"].append(race(case, X, options.peer_python))
    return results


# --- who came when ---------------------------------------------------------------------------------------------------

Curve = list[list[Any]]  # (seconds, iterations, excess); no excess where the objective is infinite


def reach(curve: Curve, goal: float) -> float | None:
    """The seconds at which a curve comes down to the goal, on straight lines between its points."""
    before = None
    for seconds, _, value in curve:
        if value is not None and value <= goal:
            if before is None or before[1] is None:
                return seconds
            return before[0] + (before[1] - goal) / (before[1] - value) * (seconds - before[0])
        before = seconds, value
    return None


def lowest(curve: Curve) -> float | None:
    return min((value for _, _, value in curve if value is not None), default=None)


def goal_of(case: dict[str, Any]) -> float | None:
    """What scikit-learn has at its end."""
    curve = case["runs"].get(GOAL, {}).get("curve", [])
    return curve[-1][2] + SLACK if curve and curve[-1][2] is not None else None


def faster(case: dict[str, Any], name: str, goal: float | None) -> str:
    """How many times sooner `auto` is at the goal than another: `12`, `> 12` (the other never came), or a dash."""
    curve, mine = (case["runs"].get(who, {}).get("curve", []) for who in (name, OURS))
    if goal is None or not curve or not mine:
        return "-"
    ours, theirs = reach(mine, goal), reach(curve, goal)
    if ours is None:
        return "never by `auto`" if theirs is not None else "-"
    ratio = (curve[-1][0] if theirs is None else theirs) / ours
    told = common.figures(ratio, 3 if ratio >= 100 else 2)
    return f"**{told}**" if theirs is not None else f"> {told}"


# --- the section -----------------------------------------------------------------------------------------------------


def render(results: dict[str, Any], folder: pathlib.Path) -> str:
    cases = results["cases"]
    parts = ["## Beside other packages", text_of(cases), summary(cases), *draw(cases, folder), how(cases)]
    for case in cases:
        parts += [f"### {case['data']}, k = {case['k']}, {TITLES[case['loss']]}", about(case), case_table(case)]
        parts += remarks(case)
    if results.get("transform"):
        parts += ["### New rows", transform_text(results["transform"])]
    if results["missing"]:
        parts.append(
            "Data that were missing: " + "; ".join(f"{what} ({why})" for what, why in results["missing"]) + "."
        )
    return "\n\n".join(parts)


def text_of(cases: list[dict[str, Any]]) -> str:
    return (
        'How many times sooner `sparsenmf` (`solver="auto"`) arrives at a goal: the objective that scikit-learn in '
        f"float32 has after {MOST['kl']} iterations of `mu` (KL) or {MOST['frobenius']} of `cd` (Frobenius), or when "
        "its time is up. `> 12`: the other did not arrive, in more than 12 times our time. A dash: it has no solver "
        "for this, or was left out (why stands below)."
    )


def how(cases: list[dict[str, Any]]) -> str:
    limits = sorted({case["limit"] for case in cases})
    span = f"{limits[0]:g} to {limits[-1]:g} s" if len(limits) > 1 else f"{sum(limits):g} s"
    return (
        "All start from the same random factors (gensim: from the same H), float32 but for gensim and nimfa, which "
        f"work in float64. Each has a process of its own, {span} by problem, and all cores; sparsenmf stops after a "
        "twelfth of that, which is why its curves end early. The clock counts the calls and what they prepare, not "
        "imports and compiling. One exact float64 function computes the objective from the factors that each gives "
        "back. In the tables below, *sooner* compares the time to the goal; *lowest* is how far above the lowest "
        "objective of all a contestant came, and *sooner there* how many times sooner `auto` had that objective; *MiB* "
        "is its peak of memory beyond X and the start. implicit is not among them: its least squares are weighted, and "
        "its factors have either sign."
    )


def summary(cases: list[dict[str, Any]]) -> str:
    head = ["times sooner than", *(f"{TITLES[c['loss']]}: {c['data']}, k = {c['k']}" for c in cases)]
    rows = [
        [name, *(faster(case, name, goal_of(case)) for case in cases)]
        for name in CONTESTANTS
        if name != OURS and any(name in case["runs"] for case in cases)
    ]
    return common.table(head, rows)


def about(case: dict[str, Any]) -> str:
    runs, goal = case["runs"], goal_of(case)
    end = runs[GOAL]["curve"][-1] if goal is not None else None
    told = f"{case['about']}; {case['limit']:g} s each."
    if end is not None:
        above = f"{common.figures(goal * 100, 2)}% above" if goal > 1e-6 else "also"
        told += (
            f" The goal is {above} the lowest objective of all ({case['best']:.6g}); "
            f"scikit-learn met it after {end[1]} iterations in {common.figures(end[0])} s."
        )
    return told


def case_table(case: dict[str, Any]) -> str:
    rows, goal = [], goal_of(case)
    for name, found in case["runs"].items():
        curve = found.get("curve")
        if not curve:
            continue
        own, when = lowest(curve), None if goal is None else reach(curve, goal)
        rows.append([
            f"{name} {found.get('version', '')}".strip(), curve[-1][1],
            common.figures(found.get("each", math.nan) * 1e3), common.figures(curve[-1][0]),
            "not reached" if when is None else common.figures(when),
            "" if name == OURS else faster(case, name, goal), "-" if own is None else f"{own:.1e}" if own else "0",
            "" if name == OURS else faster(case, name, own), f"{found['memory'] / 2**20:.0f}",
        ])  # fmt: skip
    head = ["who", "iterations", "ms each", "s at its end", "s to the goal", "sooner", "lowest", "sooner there", "MiB"]
    return common.table(head, rows)


def remarks(case: dict[str, Any]) -> list[str]:
    """Notes, troubles, and who was left out and why."""
    runs = case["runs"]
    notes = [f"{name}: {found['note']}" for name, found in runs.items() if found.get("note")]
    notes += [f"{name} {found['trouble']}" for name, found in runs.items() if found.get("trouble")]
    left = [f"{name} {found['skipped']}" for name, found in runs.items() if "skipped" in found]
    told = ["Notes. " + "; ".join(notes) + "."] if notes else []
    return told + (["Left out: " + "; ".join(left) + "."] if left else [])


def transform_text(found: dict[str, Any]) -> str:
    ours, theirs = found["seconds"]["ours"], found["seconds"]["theirs"]
    gap = found["objectives"]["ours"] / found["objectives"]["theirs"] - 1
    return (
        f"`transform` of {found['rows']:,} rows ({found['data']}, k = {found['k']}, KL, float32, `max_iter=200`, "
        f"`tol=1e-4`): {common.figures(ours)} s, scikit-learn's {common.figures(theirs)} s: "
        f"**{common.figures(theirs / ours)} times faster**, to an objective {abs(gap):.1e} "
        f"{'lower' if gap <= 0 else 'HIGHER'} (relative)."
    )


def draw(cases: list[dict[str, Any]], folder: pathlib.Path) -> list[str]:
    plt = common.plots()
    if plt is None:
        return [common.NO_PLOT] if cases else []
    looks = dict(zip(CONTESTANTS, common.STYLES, strict=False))
    return [
        draw_loss(plt, loss, found, looks, folder)
        for loss in common.LOSSES
        if (found := [case for case in cases if case["loss"] == loss])
    ]


def draw_loss(plt: Any, loss: str, cases: list[dict[str, Any]], looks: dict[str, Any], folder: pathlib.Path) -> str:
    """A panel a problem, and the legend of all in a last one."""
    figure, axes = plt.subplots(1, len(cases) + 1, figsize=(3.3 * len(cases) + 1.9, 3.4), squeeze=False,
                                width_ratios=[*[1] * len(cases), 0.5])  # fmt: skip
    lines: dict[str, Any] = {}
    for axis, case in zip(axes[0], cases, strict=False):
        for name, found in case["runs"].items():
            points = np.array([[p[0], p[2]] for p in found.get("curve", []) if p[2] is not None and p[2] > 1e-6])
            if len(points):
                dash, marker, grey = looks[name]
                (lines[name],) = axis.plot(*points.T, dash, marker=marker, color=grey, markevery=0.1)
        axis.set(xscale="log", yscale="log", xlabel="seconds", title=f"{case['data']}, k = {case['k']}")
        axis.set_ylim(bottom=max(1e-5, 0.6 * axis.dataLim.y0))
        if (goal := goal_of(case)) and goal > 0:
            axis.axhline(goal, color="0.8", lw=1, zorder=0)
    axes[0, 0].set_ylabel("relative excess over the lowest objective")
    axes[0, -1].axis("off")
    axes[0, -1].legend(lines.values(), lines.keys(), loc="center left", bbox_to_anchor=(-0.3, 0.5), handlelength=3.5)
    sets = ", ".join(case["data"] for case in cases)
    caption = f"{TITLES[loss]}: objective against time, relative to the lowest that anyone found. Grey line: the goal."
    alt = (
        f"Curves of the {TITLES[loss]} objective against seconds, both axes logarithmic. A panel each for {sets}; "
        f"a line each for {', '.join(lines)}. The lower and the further left a line, the faster."
    )
    return common.show(plt, figure, folder, f"peers-{loss}", caption, alt)


def options_of(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, help="of each contestant (default: 12 to 60, by problem)")
    parser.add_argument("--case", nargs=3, metavar=("DATA", "K", "LOSS"), help="one problem (default: five)")
    parser.add_argument("--peer-python", metavar="PATH", help="an interpreter for peers that do not import in this one")


if __name__ == "__main__":
    given = common.arguments(__doc__, options_of)
    common.finish(given, "peers", measure(given), render)
