"""What the first use costs: importing, the first fit of a new process, and compiling when nothing is cached yet.

Every figure is of new processes. Imports are timed in turn with those of what sparsenmf is built on; fits are of a
small matrix, so that what is seen is the loading or compiling of kernels.

    python benchmarks/coldstart.py [--quick]
"""

from __future__ import annotations

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
from typing import Any

import common

BASE, OWN = "import numba, scipy.sparse", "from sparsenmf import factorize"
IMPORTS = (BASE, "import sparsenmf", OWN, "from sparsenmf import NMF", "from sklearn.decomposition import NMF")
IMPORT = "import time; began = time.perf_counter(); {}; print(time.perf_counter() - began)"
FITS = """
import time, numpy as np, scipy.sparse as sp, sparsenmf
X = sp.random(500, 400, 0.05, format="csr", dtype=np.float32, random_state=0)
def fit():
    began = time.perf_counter()
    sparsenmf.factorize(X, 8, loss={loss!r}, max_iter=12, tol=0, random_state=0)
    return time.perf_counter() - began
print(fit(), fit())
"""
LIMIT = 900  # seconds, of any one process


def printed(code: str, cache: str | None = None) -> list[float]:
    """The numbers that a new process prints."""
    paths = [str(common.ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    env = dict(os.environ, PYTHONPATH=os.pathsep.join(paths))
    if cache is not None:
        env["NUMBA_CACHE_DIR"] = cache
    done = subprocess.run([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True, check=True,
                          timeout=LIMIT)  # fmt: skip
    return [float(word) for word in done.stdout.split()]


def fits(loss: str, repeats: int) -> dict[str, Any]:
    """A default fit with an empty cache of kernels, then with the cache that it has filled."""
    code = FITS.format(loss=loss)
    with tempfile.TemporaryDirectory() as cache:
        cold = printed(code, cache)
        kept = list(pathlib.Path(cache).rglob("*.nbc"))
        warm = [printed(code, cache) for _ in range(repeats)]
        return {
            "compiling": cold[0] - cold[1],
            "first": statistics.median(first for first, _ in warm),
            "second": statistics.median(second for _, second in warm),
            "kernels": len(kept),
            "megabytes": sum(file.stat().st_size for file in kept) / 1e6,
        }


def measure(options: argparse.Namespace) -> dict[str, Any]:
    rounds, repeats = (2, 1) if options.quick else (9, 5)
    times = common.in_turn({name: lambda name=name: printed(IMPORT.format(name))[0] for name in IMPORTS}, rounds)
    results: dict[str, Any] = {"rounds": rounds, "repeats": repeats, "imports": common.medians(times), "fits": {}}
    pairs = zip(times[OWN], times[BASE], strict=True)
    results["import_ratio"] = statistics.median(own / base for own, base in pairs)
    for loss in ("kl",) if options.quick else common.LOSSES:
        results["fits"][loss] = fits(loss, repeats)
        common.say(f"coldstart: {loss} {results['fits'][loss]}")
    return results


# --- the section -----------------------------------------------------------------------------------------------------


def render(results: dict[str, Any], folder: pathlib.Path) -> str:
    rows = [[f"`{name}`", f"{seconds:.2f}"] for name, seconds in results["imports"].items()]
    for loss, found in results["fits"].items():
        rows += [
            [f"{loss}: first fit of a process, kernels on disk", f"{found['first']:.2f}"],
            [f"{loss}: second fit", f"{found['second']:.3f}"],
            [
                f"{loss}: compiling, nothing on disk ({found['kernels']} files, {found['megabytes']:.1f} MB)",
                f"{found['compiling']:.1f}",
            ],
        ]
    parts = ["## Cold start", text_of(results), common.table(["what", "seconds"], rows)]
    return "\n\n".join([*parts, *draw(results, folder)])


def text_of(results: dict[str, Any]) -> str:
    found = "; ".join(
        f"with {loss}, the first fit of a process is {each['first'] - each['second']:.2f} s slower than the second "
        f"where the kernels are on disk, and {each['compiling']:.1f} s where they have to be compiled"
        for loss, each in results["fits"].items()
    )
    return (
        f"`{OWN}` takes **{results['import_ratio']:.2f} times** what `{BASE}` takes (`import sparsenmf` alone loads "
        f"neither: names are imported when first used); {found}. New processes each time: medians of "
        f"{results['rounds']} imports in turn, and of the fits with the kernels on disk ({results['repeats']}); "
        "compiling is measured once, with an empty `NUMBA_CACHE_DIR`. The fits are default ones "
        '(`solver="auto"`, all threads) of a 500 x 400 matrix in float32.'
    )


def draw(results: dict[str, Any], folder: pathlib.Path) -> list[str]:
    plt = common.plots()
    if plt is None:
        return [common.NO_PLOT]
    bars = list(results["imports"].items())
    for loss, found in results["fits"].items():
        bars += [(f"{loss}: {what}", found[key]) for what, key in
                 (("compiling", "compiling"), ("first fit", "first"), ("second fit", "second"))]  # fmt: skip
    figure, axis = plt.subplots(figsize=(6.4, 0.32 * len(bars) + 0.8))
    names, seconds = zip(*bars, strict=True)
    shades = ["0.75" if "import" in name else "0.35" for name in names]
    axis.barh(range(len(bars)), seconds, 0.6, color=shades, edgecolor="0", linewidth=0.6)
    for place, value in enumerate(seconds):
        axis.annotate(f" {common.figures(value, 2)}", (value, place), va="center", fontsize=8)
    axis.set_yticks(range(len(bars)), names)
    axis.invert_yaxis()
    axis.set(xscale="log", xlabel="seconds (logarithmic)")
    axis.margins(x=0.12)
    caption = "Seconds of imports, of compiling, and of the first and second fit of a process with the kernels on disk."
    told = ", ".join(f"{name} {common.figures(value, 2)}" for name, value in bars)
    return [common.show(plt, figure, folder, "coldstart", caption, f"Bars, seconds on a logarithmic axis: {told}.")]


if __name__ == "__main__":
    given = common.arguments(__doc__)
    common.finish(given, "coldstart", measure(given), render)
