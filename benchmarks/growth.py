"""How the time of an iteration grows with the nonzeros, with k and with the threads: slopes on log-log lines.

The nonzeros grow in two ways: by taking more rows of real data at random, with the columns that have something in them;
and in made-up data with as many more rows and columns, so that everything is in proportion. An iteration's time is the
median over some iterations of one fit; all settings in turn, medians over a few rounds.

    python benchmarks/growth.py [--quick] [--rounds N]
"""

from __future__ import annotations

import argparse
import functools
import pathlib
from collections.abc import Callable
from typing import Any

import common
import numpy as np
import scipy.sparse as sp

SERIES = (("kl", "mu"), ("kl", "auto"), ("frobenius", "mu"), ("frobenius", "auto"))
PARTS, RANKS = (8, 4, 2, 1), (8, 16, 32, 64, 128)  # 8: one row in eight
QUICK_PARTS, QUICK_RANKS = (4, 1), (8, 32)
TIMES, QUICK_TIMES = (1, 2, 4, 8), (1, 2)  # the made-up data
K, SKIP, MEASURED = 32, 10, 12
AXES = {
    "size": "nonzeros (rows and columns in proportion)",
    "nonzeros": "nonzeros (of more and more rows)",
    "k": "k (components)",
    "threads": "threads",
}

Points = list[list[float]]  # (size, seconds)


# --- measuring -------------------------------------------------------------------------------------------------------


def some_rows(X: Any, part: int) -> Any:
    """One in `part` rows, chosen at random, and the columns that have something in them."""
    rows = np.sort(np.random.default_rng(0).permutation(X.shape[0])[: X.shape[0] // part])
    Y = X[rows]
    return Y[:, np.flatnonzero(np.bincount(Y.indices, minlength=Y.shape[1]))].tocsr()


def in_proportion(times: int, rows: int) -> Any:
    """Counts with `times` as many rows, columns and nonzeros, about as long each."""
    from sparsenmf.datasets import make_counts

    made = make_counts(
        rows * times, 12 * rows * times // 5, 30, mean_length=130, zipf_exponent=0.5, random_state=0
    )  # fmt: skip
    return sp.csr_matrix(made.counts).astype(np.float32)


def seconds_an_iteration(X: Any, k: int, loss: str, solver: str, threads: int | None) -> float:
    from sparsenmf import factorize

    W, H = common.start(X, k)
    fit = factorize(
        X, k, loss=loss, solver=solver, init="custom", W=W, H=H, max_iter=SKIP + MEASURED, tol=0, n_threads=threads
    )
    return common.iteration_seconds(fit, SKIP)


def settings(
    X: Any, parts: list[Any], made: list[Any], quick: bool
) -> list[tuple[str, int, tuple[Any, int, int | None]]]:
    """(what grows, its size, (matrix, k, threads))."""
    threads = sorted({1, *(2**i for i in range(10) if 2**i <= common.cores()), common.cores()})
    found: list[Any] = [("size", Y.nnz, (Y, K, None)) for Y in made]
    found += [("nonzeros", Y.nnz, (Y, K, None)) for Y in parts]
    found += [("k", k, (X, k, None)) for k in (QUICK_RANKS if quick else RANKS)]
    return found + [("threads", count, (X, K, count)) for count in threads]


def measure(options: argparse.Namespace) -> dict[str, Any]:
    name, X = common.first_of(*(("made_small",) if options.quick else ("newsgroups20", "made")))
    parts = [some_rows(X, part) for part in (QUICK_PARTS if options.quick else PARTS)]
    made = [in_proportion(times, 500 if options.quick else 2500) for times in (QUICK_TIMES if options.quick else TIMES)]
    calls: dict[Any, Callable[[], float]] = {}
    for loss, solver in SERIES:
        common.warm_up(X, loss, solver)
        common.warm_up(X, loss, solver, n_threads=1)
        for what, size, (Y, k, count) in settings(X, parts, made, options.quick):
            call = functools.partial(seconds_an_iteration, Y, k, loss, solver, count)
            calls[f"{loss} {solver}", what, size] = call
    times = common.medians(common.in_turn(calls, options.rounds or (1 if options.quick else 3)))
    series: dict[str, dict[str, Points]] = {}
    for (who, what, size), seconds in times.items():
        series.setdefault(who, {}).setdefault(what, []).append([size, seconds])
        common.say(f"growth: {who}, {what} {size}: {seconds:.5f} s an iteration")
    shapes = [[Y.nnz, sum(Y.shape)] for Y in parts]
    about = {"data": name, "about": common.describe(X), "made": common.describe(made[-1]), "k": K}
    return about | {"series": series, "shapes": shapes}


# --- what the points say ---------------------------------------------------------------------------------------------


def slope(points: Points) -> float:
    """Of the straight line fitted to the logarithms."""
    if len(points) < 2:
        return float("nan")
    x, y = np.log(np.array(points, dtype=float)).T
    return float(np.polyfit(x, y, 1)[0])


def price(points: Points, shapes: list[list[float]]) -> tuple[float, float]:
    """Seconds a nonzero, and seconds a row or column: the non-negative pair with the smallest relative errors."""
    from scipy.optimize import nnls

    around = dict(map(tuple, shapes))
    sizes = np.array([[nnz, around[nnz]] for nnz, _ in points], dtype=float)
    seconds = np.array([t for _, t in points])
    scale = sizes.max(axis=0)
    found, _ = nnls(sizes / scale / seconds[:, None], np.ones(len(points)))
    return tuple(found / scale)


def speedup(points: Points) -> str:
    times = {int(count): t for count, t in points}
    most = max(times)
    return f"{times[1] / times[most]:.2f} with {most} threads" if most > 1 and 1 in times else "-"


# --- the section -----------------------------------------------------------------------------------------------------


def render(results: dict[str, Any], folder: pathlib.Path) -> str:
    rows = []
    for name, found in results["series"].items():
        nonzero, line = price(found["nonzeros"], results["shapes"])
        rows.append([
            f"`{name}`", f"{slope(found['size']):.2f}", f"{slope(found['nonzeros']):.2f}",
            common.figures(nonzero * 1e9, 2), common.figures(line * 1e9, 2), f"{slope(found['k']):.2f}",
            speedup(found["threads"]),
        ])  # fmt: skip
    head = ["solver", "slope, in proportion", "slope, more rows", "ns a nonzero", "ns a row or column", "slope in k",
            "speedup"]  # fmt: skip
    return "\n\n".join([
        "## Growth", text_of(results), common.table(head, rows), *draw(results, folder),
        "Milliseconds an iteration against k:", by_rank(results["series"]),
    ])  # fmt: skip


def text_of(results: dict[str, Any]) -> str:
    (few, few_lines), (many, many_lines) = min(results["shapes"]), max(results["shapes"])
    return (
        f"Time of an iteration (both factors), float32, k = {results['k']} unless k varies, all cores unless threads "
        "vary. Slopes are of straight lines fitted to logarithms: 1 is growth in proportion. *In proportion*: made-up "
        f"counts whose rows and columns grow with the nonzeros (the largest: {results['made']}). *More rows*, and all "
        f"that follows: {results['data']} ({results['about']}), from a part of the rows to all. Words recur, so there "
        f"the nonzeros grow {many / few:.1f}-fold, rows and columns together only {many_lines / few_lines:.1f}-fold, "
        "and these have a cost of their own: the time is also fitted as a price for each nonzero and one for each row "
        "or column."
    )


def by_rank(series: dict[str, dict[str, Points]]) -> str:
    ranks = [int(k) for k, _ in next(iter(series.values()))["k"]]
    rows = [[f"`{name}`", *(common.figures(t * 1e3) for _, t in found["k"])] for name, found in series.items()]
    return common.table(["solver", *(f"k = {k}" for k in ranks)], rows)


def draw(results: dict[str, Any], folder: pathlib.Path) -> list[str]:
    plt = common.plots()
    if plt is None:
        return [common.NO_PLOT]
    figure, axes = plt.subplots(2, 2, figsize=(8, 7.6))
    for axis, (what, label) in zip(axes.flat, AXES.items(), strict=True):
        for (dash, marker, grey), (name, found) in zip(common.STYLES, results["series"].items(), strict=False):
            points = np.array(found[what])
            told = f"{name}, slope {slope(found[what]):.2f}" if len(points) > 1 else name
            axis.plot(points[:, 0], points[:, 1] * 1e3, dash, marker=marker, color=grey, label=told)
        axis.set(xscale="log", yscale="log", xlabel=label)
        proportion(axis, what)
        axis.margins(x=0.08)
        axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=7.5, handlelength=3.5)
        plain_ticks(plt, axis, [int(size) for size, _ in next(iter(results["series"].values()))[what]])
    for axis in axes[:, 0]:
        axis.set_ylabel("milliseconds an iteration")
    names = ", ".join(results["series"])
    caption = "Time of an iteration. Broad grey line: growth (for threads: fall) in proportion."
    alt = (
        "Four panels with logarithmic axes: milliseconds an iteration against nonzeros in proportion, against nonzeros "
        f"of more rows, against k and against threads; a line each for {names}, the fitted slopes in the legends."
    )
    return [common.show(plt, figure, folder, "growth", caption, alt)]


def plain_ticks(plt: Any, axis: Any, sizes: list[int]) -> None:
    """The sizes themselves below, and 1, 2 and 5 times powers of ten at the side."""
    axis.set_xticks(sizes, [f"{size / 1e6:.2f} M" if size > 1e5 else f"{size:,}" for size in sizes])
    axis.xaxis.set_minor_locator(plt.NullLocator())
    axis.yaxis.set_major_locator(plt.LogLocator(subs=(1, 2, 5)))
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axis.yaxis.set_minor_locator(plt.NullLocator())


def proportion(axis: Any, what: str) -> None:
    """A grey line of slope 1 (threads: -1) across the panel, under the data."""
    lines = [line.get_data() for line in axis.lines]
    low, high = min(x.min() for x, _ in lines), max(x.max() for x, _ in lines)
    middle = np.exp(np.mean([np.log(y).mean() for _, y in lines]))
    x = np.array([low, high])
    sign = -1 if what == "threads" else 1
    axis.plot(x, middle * (x / np.sqrt(low * high)) ** sign, "-", color="0.85", lw=4, zorder=0)


def options_of(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, help="rounds over all settings (default 3)")


if __name__ == "__main__":
    given = common.arguments(__doc__, options_of)
    common.finish(given, "growth", measure(given), render)
