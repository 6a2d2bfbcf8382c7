"""The race of our own solvers: seconds to 1e-2, 1e-3 and 1e-4 above the best objective that any of them found.

Every solver starts from the same random factors, runs for the same time (more for larger problems: `--budget` seconds
for 20 Newsgroups at k = 32, growing with the root of nonzeros x k), and may stop once it has stalled. The seconds are
of the loop of iterations alone: all solvers share what comes before it. Whoever comes near the best on some accuracy
runs again, in turn, and medians count: a fit gives the same bits each time, so only its clock differs. Each run's own
objective is checked against the exact one.

From one start, solvers end in different local minima, by chance. So with several starts (`--starts`) what is compared
is the expected time to the goal: all the time that a solver's runs took (to the goal, or to their end where they missed
it), divided by the number of runs that reached it. The goal of each start is set by the best that was found from it.

    python benchmarks/race.py [--quick] [--budget S] [--starts N] [--data NAME ...] [-k K ...]
"""

from __future__ import annotations

import argparse
import bisect
import math
import pathlib
import statistics
from collections.abc import Iterator
from typing import Any

import common
import numpy as np

SETS = {
    "newsgroups20": "text", "nips": "text", "kos": "text", "bbc": "text", "kjv_verses": "text", "pbmc3k": "cells",
    "movielens_small": "ratings", "lastfm_hetrec": "ratings", "cbcl_faces": "images", "digits": "images",
}  # fmt: skip
QUICK_SETS = ("made_small", "digits")
RANKS, QUICK_RANKS = (10, 32, 100), (10,)
SOLVERS = ("auto", "cd", "mu")
ACCURACIES = (1e-2, 1e-3, 1e-4)
REFERENCE = 2_430_000 * 32  # nonzeros x k of a run that gets the whole budget
REPEATS = 3
CONTENDER = 3.0  # how many times slower than the best a solver may be and still be timed again
ALLOWED = 1.5  # how many times slower than the best `auto` may be anywhere
STALLED = 1e-6  # relative fall over the last third of the time, under which a run stops


class Stall:
    """A callback that ends a run whose best objective has stopped falling."""

    def __init__(self, least: float):
        self.least, self.seconds, self.best = least, [], []

    def __call__(self, record: Any) -> bool:
        best = min(record.objective, self.best[-1]) if self.best else record.objective
        self.seconds.append(record.seconds)
        self.best.append(best)
        if record.seconds < self.least:
            return False
        before = self.best[bisect.bisect(self.seconds, record.seconds * 2 / 3) - 1]
        return before - best <= STALLED * abs(best)


def allowance(X: Any, k: int, budget: float) -> float:
    """Seconds for one run."""
    return budget * min(max(math.sqrt(common.entries(X) * k / REFERENCE), 0.25), 2.0)


def run(X: Any, begin: tuple[np.ndarray, np.ndarray], loss: str, solver: str, seconds: float) -> dict[str, Any]:
    """One run: its curve, and how far its last objective is from the exact one."""
    from sparsenmf import factorize

    W, H = begin
    fit = factorize(
        X, W.shape[1], loss=loss, solver=solver, init="custom", W=W, H=H, max_iter=10**6, tol=0, max_seconds=seconds,
        callback=Stall(min(0.25 * seconds, 0.5)),
    )  # fmt: skip
    exact = common.objective(X, fit.W, fit.H, loss)
    curve = [(record.iteration, record.seconds, record.objective) for record in fit.history]
    return {"curve": curve, "off": fit.objective / exact - 1, "stalled": fit.stop_reason == "callback"}


def again(X: Any, begin: tuple[np.ndarray, np.ndarray], loss: str, solver: str, iterations: int) -> list[float]:
    """The seconds of the first iterates of the same run."""
    from sparsenmf import factorize

    W, H = begin
    fit = factorize(X, W.shape[1], loss=loss, solver=solver, init="custom", W=W, H=H, max_iter=iterations + 1, tol=0)
    return [record.seconds for record in fit.history[:-1]]


def first_below(curve: list[tuple[int, float, float]], goal: float) -> int | None:
    """The place in a curve where the goal is first met."""
    return next((place for place, point in enumerate(curve) if point[2] <= goal), None)


def race(X: Any, k: int, loss: str, seconds: float, seed: int) -> dict[str, Any]:
    """One matrix, k, loss and start: curves, the best objective, and for each accuracy the seconds of each solver."""
    begin = common.start(X, k, seed=seed)
    runs = {solver: run(X, begin, loss, solver, seconds) for solver in SOLVERS}
    best = min(point[2] for each in runs.values() for point in each["curve"])
    places = {s: [first_below(runs[s]["curve"], best * (1 + e)) for e in ACCURACIES] for s in SOLVERS}
    stamps = {s: [[point[1] for point in runs[s]["curve"]]] for s in SOLVERS}
    for _ in range(REPEATS - 1):
        for solver in contenders(places, stamps):
            last = max(place for place in places[solver] if place is not None)
            if last < len(runs[solver]["curve"]) - 1:  # the last record is the measuring pass: not to be had again
                stamps[solver].append(again(X, begin, loss, solver, last))
    times = {
        s: [None if p is None else statistics.median(t[p] for t in stamps[s] if p < len(t)) for p in places[s]]
        for s in SOLVERS
    }
    return {
        "best": best,
        "seconds": times,
        "excess": {s: min(p[2] for p in runs[s]["curve"]) / best - 1 for s in SOLVERS},
        "ran": {s: runs[s]["curve"][-1][1] for s in SOLVERS},
        "stalled": {s: runs[s]["stalled"] for s in SOLVERS},
        "iterations": {s: runs[s]["curve"][-1][0] for s in SOLVERS},
        "off": {s: runs[s]["off"] for s in SOLVERS},
        "curves": {s: thinned(runs[s]["curve"], best) for s in SOLVERS},
    }


def contenders(places: dict[str, list[int | None]], stamps: dict[str, list[list[float]]]) -> Iterator[str]:
    """Solvers that come near the best on some accuracy."""
    for solver in SOLVERS:
        for at in range(len(ACCURACIES)):
            times = {s: stamps[s][0][places[s][at]] for s in SOLVERS if places[s][at] is not None}
            if solver in times and times[solver] <= CONTENDER * min(times.values()):
                yield solver
                break


def thinned(curve: list[tuple[int, float, float]], best: float, points: int = 60) -> list[list[float]]:
    """(seconds, excess over the best objective) at about evenly spaced logarithms of the iteration."""
    last = len(curve) - 1
    places = sorted({round(math.exp(v)) - 1 for v in np.linspace(0, math.log(last + 1), points)})
    return [[curve[p][1], curve[p][2] / best - 1] for p in places]


def measure(options: argparse.Namespace) -> dict[str, Any]:
    names = options.data or (QUICK_SETS if options.quick else tuple(SETS))
    ranks = options.k or (QUICK_RANKS if options.quick else RANKS)
    budget = options.budget or (1.2 if options.quick else 4.0)
    results: dict[str, Any] = {"budget": budget, "starts": options.starts, "cases": [], "skipped": []}
    for name in names:
        try:
            X = common.load(name)
        except common.MissingDataError as missing:
            results["skipped"].append([name, str(missing)])
            continue
        for loss in common.LOSSES:
            for solver in SOLVERS:
                common.warm_up(X, loss, solver)
        for k in ranks:
            if k > min(X.shape):
                results["skipped"].append([f"{name}, k = {k}", f"min(shape) is {min(X.shape)}"])
                continue
            for loss in common.LOSSES:
                for seed in range(options.starts):
                    case = race(X, k, loss, allowance(X, k, budget), seed)
                    results["cases"].append({"data": name, "k": k, "loss": loss, "seed": seed, **case})
                    common.say(f"race: {name} k={k} {loss} start {seed}: " + in_words(case))
    return results


def in_words(case: dict[str, Any]) -> str:
    return "; ".join(f"{s} {' '.join(common.figures(t) for t in case['seconds'][s])} s" for s in SOLVERS)


# --- the section -----------------------------------------------------------------------------------------------------


class Problem:
    """A matrix, k and loss, with one case a start: who came where, and how many times later than the quickest."""

    def __init__(self, cases: list[dict[str, Any]]):
        self.cases = cases
        self.name = f"{cases[0]['data']}, k = {cases[0]['k']}"
        self.loss = cases[0]["loss"]

    def expected(self, solver: str, at: int) -> float | None:
        """Expected seconds to an accuracy; None where no run reached it."""
        times = [case["seconds"][solver][at] for case in self.cases]
        spent = [case["ran"][solver] if t is None else max(t, 1e-6) for t, case in zip(times, self.cases, strict=True)]
        reached = sum(t is not None for t in times)
        return sum(spent) / reached if reached else None

    def best(self, at: int) -> float | None:
        return min((t for s in SOLVERS if (t := self.expected(s, at)) is not None), default=None)

    def ratio(self, solver: str, at: int) -> float | None:
        """How many times later than the quickest; None: never."""
        own, best = self.expected(solver, at), self.best(at)
        return None if own is None or best is None else own / best

    def cell(self, solver: str, at: int) -> str:
        """The ratio; where there is none, the excess in brackets (stalled) or the least that it can be."""
        ratio = self.ratio(solver, at)
        if ratio is not None:
            return "**1**" if ratio == 1 else common.figures(ratio, 3 if ratio < 10 else 2)
        if all(case["stalled"][solver] for case in self.cases):
            return f"({min(case['excess'][solver] for case in self.cases):.0e})"
        best = self.best(at)
        return f"> {common.figures(sum(case['ran'][solver] for case in self.cases) / best, 2)}" if best else "-"


def problems_of(cases: list[dict[str, Any]], loss: str | None = None) -> list[Problem]:
    groups: dict[tuple[str, int, str], list[dict[str, Any]]] = {}
    for case in cases:
        groups.setdefault((case["data"], case["k"], case["loss"]), []).append(case)
    return [Problem(group) for key, group in groups.items() if loss in (None, key[2])]


Line = tuple[float, Problem, float]


def ratios(problems: list[Problem], solver: str) -> tuple[list[Line], int]:
    """(ratio, problem, accuracy) wherever a solver came to a goal, and the number of goals."""
    each = [(p.ratio(solver, at), p, e) for p in problems for at, e in enumerate(ACCURACIES)]
    return [line for line in each if line[0] is not None], len(each)


def summary(cases: list[dict[str, Any]]) -> str:
    """A line a loss and solver: how often it came how far, and the worst that happened to it."""
    rows = []
    for loss in common.LOSSES:
        problems = problems_of(cases, loss)
        for solver in SOLVERS if problems else ():
            reached, goals = ratios(problems, solver)
            worst = max(reached, key=lambda line: line[0], default=None)
            rows.append([
                loss, f"`{solver}`", f"{len(reached)} of {goals}", sum(line[0] <= ALLOWED for line in reached),
                common.figures(common.geometric_mean(line[0] for line in reached)),
                common.figures(worst[0]) if worst else "-", f"{worst[1].name}, to {worst[2]:g}" if worst else "-",
            ])  # fmt: skip
    head = ["loss", "solver", "goals reached", f"within {ALLOWED} x the best", "mean ratio", "worst ratio", "where"]
    return common.table(head, rows, 2)


def worst_of_auto(cases: list[dict[str, Any]]) -> str:
    """Whether `auto` keeps its promise, and which goals it did not reach."""
    problems = problems_of(cases)
    reached, goals = ratios(problems, "auto")
    if not reached:
        return "`auto` reached no goal."
    ratio, problem, accuracy = max(reached, key=lambda line: line[0])
    head = (
        f"**`auto` was at worst {common.figures(ratio)} times slower than the best solver** ({problem.loss}, "
        f"{problem.name}, to {accuracy:g}). It reached {len(reached)} of {goals} goals; not reached:"
    )
    lines = [head, ""]
    for p in problems:
        missed = [e for at, e in enumerate(ACCURACIES) if p.ratio("auto", at) is None]
        if missed:
            excess = min(case["excess"]["auto"] for case in p.cases)
            stalled = all(case["stalled"]["auto"] for case in p.cases)
            how = "in another local minimum" if stalled else "when its time was up"
            lines.append(f"- {p.loss}, {p.name}: not to {missed[0]:g}; {excess:.1e} above the best {how}")
    return "\n".join(lines if len(lines) > 2 else [*lines, "- none"])


def render(results: dict[str, Any], folder: pathlib.Path) -> str:
    cases = results["cases"]
    parts = ["## The race of our solvers", text_of(results), summary(cases), worst_of_auto(cases)]
    for loss in common.LOSSES:
        if problems := problems_of(cases, loss):
            parts += [f"### {loss}: times slower than the best", big_table(problems)]
    parts += draw(cases, folder)
    off = max((abs(value or 0) for case in cases for value in case["off"].values()), default=0)
    parts.append(f"The objective that a run reports is at most {off:.1e} (relative) from the exact one.")
    if results["skipped"]:
        parts.append("Skipped: " + "; ".join(f"{what} ({why})" for what, why in results["skipped"]) + ".")
    return "\n\n".join(parts)


def text_of(results: dict[str, Any]) -> str:
    many = f"{results['starts']} starts, expected times" if results["starts"] > 1 else "one start"
    return (
        "Seconds to 1e-2, 1e-3 and 1e-4 (relative) above the best objective that anyone found from the same start, as "
        f"a multiple of the quickest solver's; float32, {many}. A run takes at most {results['budget']:g} s for 20 "
        "Newsgroups at k = 32, and less for smaller problems. `> 12`: not reached in 12 times the quickest's time. "
        "`(1e-03)`: stalled so far above the best, in another local minimum."
    )


def big_table(problems: list[Problem]) -> str:
    head = ["matrix"]
    for accuracy in ACCURACIES:
        head += [f"best to {accuracy:g}, s", *(f"`{solver}`" for solver in SOLVERS)]
    rows = []
    for problem in problems:
        row = [problem.name]
        for at in range(len(ACCURACIES)):
            row += [common.figures(problem.best(at), 2), *(problem.cell(s, at) for s in SOLVERS)]
        rows.append(row)
    return common.table(head, rows)


def draw(cases: list[dict[str, Any]], folder: pathlib.Path) -> list[str]:
    plt = common.plots()
    if plt is None:
        return [common.NO_PLOT]
    return [*draw_curves(plt, cases, folder), draw_ratios(plt, cases, folder)]


def draw_curves(plt: Any, cases: list[dict[str, Any]], folder: pathlib.Path) -> Iterator[str]:
    """A figure a loss: excess against time at the middle k, a panel a matrix."""
    ranks = sorted({case["k"] for case in cases})
    k = ranks[len(ranks) // 2] if ranks else 0
    for loss in common.LOSSES:
        found = [c for c in cases if c["loss"] == loss and c["k"] == k and c["seed"] == 0]
        if not found:
            continue
        columns = min(5, len(found))
        lines = -(-len(found) // columns)
        size = max(2.4 * columns, 5), 2.4 * lines + 0.5
        figure, axes = plt.subplots(lines, columns, figsize=size, squeeze=False, sharey=True)
        for axis in axes.flat[len(found) :]:
            axis.axis("off")
        for axis, case in zip(axes.flat, found, strict=False):
            for (dash, marker, grey), solver in zip(common.STYLES, SOLVERS, strict=False):
                points = np.array([p for p in case["curves"][solver] if p[1] and p[1] > 0 and p[0] > 0])
                if len(points):
                    every = max(1, len(points) // 6)
                    axis.plot(*points.T, dash, marker=marker, color=grey, markevery=every, label=solver)
            axis.set(xscale="log", yscale="log", title=case["data"], ylim=(3e-6, 3))
            for accuracy in ACCURACIES:
                axis.axhline(accuracy, color="0.85", lw=0.7, zorder=0)
        for axis in axes[:, 0]:
            axis.set_ylabel("relative excess over the best")
        for axis in axes[-1]:
            axis.set_xlabel("seconds")
        axes.flat[0].legend(loc="lower left")
        caption = f"{loss}, k = {k}: objective above the best found, against the seconds of the loop."
        alt = (
            f"A panel a matrix, logarithmic axes: relative excess over the best {loss} objective against seconds, for "
            f"{', '.join(SOLVERS)}. The lower and the further left a line, the faster."
        )
        yield common.show(plt, figure, folder, f"race-{loss}", caption, alt)


def draw_ratios(plt: Any, cases: list[dict[str, Any]], folder: pathlib.Path) -> str:
    """Each solver's ratio on every problem, a panel a loss and accuracy."""
    figure, axes = plt.subplots(2, 3, figsize=(10, 5.6), sharey=True, squeeze=False)
    for line, loss in enumerate(common.LOSSES):
        problems = problems_of(cases, loss)
        for at, accuracy in enumerate(ACCURACIES):
            axis = axes[line, at]
            for (dash, marker, grey), solver in zip(common.STYLES, SOLVERS, strict=False):
                reached = sorted(r for p in problems if (r := p.ratio(solver, at)) is not None)
                share = np.arange(1, len(reached) + 1) / max(len(problems), 1)
                axis.step([*reached, 1e3], [*share, *share[-1:]] if len(share) else [0], dash, color=grey,
                          where="post", label=solver, marker=marker, markevery=max(1, len(reached) // 5))  # fmt: skip
            axis.axvline(ALLOWED, color="0.85", lw=0.8, zorder=0)
            axis.set(xscale="log", xlim=(0.95, 50), ylim=(0, 1.03), title=f"{loss}, to {accuracy:g}")
        axes[line, 0].set_ylabel("share of problems")
    for axis in axes[-1]:
        axis.set_xlabel("times slower than the best")
    axes[0, 0].legend(loc="lower right")
    caption = (
        "Share of problems on which a solver was at most so many times slower than the best; what does not come to the "
        f"top was not reached. The grey line is at {ALLOWED}."
    )
    alt = (
        "Six panels, a row a loss and a column an accuracy: rising steps, the share of problems against times slower "
        f"than the best, for {', '.join(SOLVERS)}. The higher and the further left a line, the better."
    )
    return common.show(plt, figure, folder, "race-ratios", caption, alt)


def options_of(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--budget", type=float, help="seconds of a run on 20 Newsgroups at k = 32 (default 4)")
    parser.add_argument("--starts", type=int, default=1, help="random starts (default 1)")
    parser.add_argument("--data", nargs="*", help="data sets (default: ten)")
    parser.add_argument("-k", type=int, nargs="*", help="ranks (default: 10 32 100)")


if __name__ == "__main__":
    given = common.arguments(__doc__, options_of)
    common.finish(given, "race", measure(given), render)
