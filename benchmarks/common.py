"""What the benchmarks share: data, starts, the exact objective, timing in turn, the machine, and output.

Importing this module makes `sparsenmf` mean the checkout that the benchmarks belong to.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import itertools
import json
import math
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from typing import Any

import numpy as np
import scipy.sparse as sp

ROOT = pathlib.Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))
DATA = pathlib.Path(os.environ.get("SPARSENMF_DATA") or ROOT.parent / "shared" / "data")
OUT, QUICK_OUT = ROOT / "docs" / "benchmarks", ROOT / "build" / "benchmarks"
LOSSES = {"kl": "kullback-leibler", "frobenius": "frobenius"}  # our names and scikit-learn's

# --- data ------------------------------------------------------------------------------------------------------------


class MissingDataError(Exception):
    """A data set is not on this machine; the message says why."""


def load(name: str) -> sp.csr_matrix | np.ndarray:
    """A data set in float32, CSR or dense: of the folder `SPARSENMF_DATA`, else packaged, else made ("made...")."""
    if name.startswith("made"):
        return _made(name)
    folder = DATA / name
    if (folder / "X.npz").exists():
        return sp.csr_matrix(sp.load_npz(folder / "X.npz")).astype(np.float32)
    if (folder / "X_dense.npz").exists():
        return np.ascontiguousarray(np.load(folder / "X_dense.npz")["X"], dtype=np.float32)
    from sparsenmf import datasets

    if name == "kjv_verses":
        return sp.csr_matrix(datasets.load_kjv().counts).astype(np.float32)
    if name == "digits":
        return np.ascontiguousarray(datasets.load_digits().pixels, dtype=np.float32)
    raise MissingDataError(f"no {name}/X.npz or X_dense.npz in the folder that SPARSENMF_DATA names")


def _made(name: str) -> sp.csr_matrix | np.ndarray:
    """Counts with planted topics: "made" like 20 Newsgroups in a third of its size, "made_small", "made_dense"."""
    from sparsenmf.datasets import make_counts

    shapes = {"made": (8000, 20000, 30, 130), "made_small": (1500, 4000, 10, 80), "made_dense": (1200, 361, 20, 8000)}
    rows, columns, topics, length = shapes[name]
    counts = make_counts(rows, columns, topics, mean_length=length, zipf_exponent=0.5, random_state=0).counts
    X = sp.csr_matrix(counts).astype(np.float32)
    return np.ascontiguousarray(X.toarray()) if name == "made_dense" else X


def first_of(*names: str) -> tuple[str, Any]:
    """The first data set that is there, with its name."""
    for name in names:
        with contextlib.suppress(MissingDataError):
            return name, load(name)
    raise MissingDataError(f"none of {', '.join(names)}")


def start(X: Any, k: int, dtype: Any = np.float32, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Random W and H in the scale of X, which everyone in a race starts from."""
    rng = np.random.default_rng(seed)
    scale = np.sqrt(X.mean(dtype=np.float64) / k)
    W, H = (np.abs(rng.standard_normal(shape)) * scale for shape in ((X.shape[0], k), (k, X.shape[1])))
    return W.astype(dtype), H.astype(dtype)


def entries(X: Any) -> int:
    """What a pass over X visits."""
    return int(X.nnz if sp.issparse(X) else X.size)


def describe(X: Any) -> str:
    """Shape and entries in words."""
    if sp.issparse(X):
        return f"{X.shape[0]:,} x {X.shape[1]:,}, {X.nnz:,} nonzeros"
    return f"{X.shape[0]:,} x {X.shape[1]:,}, dense"


# --- the exact objective ---------------------------------------------------------------------------------------------


def objective(X: Any, W: Any, H: Any, loss: str) -> float:
    """KL divergence or squared Frobenius error in float64; shares nothing with the package.

    Infinite where WH is zero at a positive entry. WH is evaluated some entries at a time.
    """
    W, Ht = np.asarray(W, np.float64), np.ascontiguousarray(np.asarray(H, np.float64).T)
    total = _sparse_terms(X, W, Ht, loss) if sp.issparse(X) else _dense_terms(np.asarray(X), W, Ht, loss)
    if loss == "kl":
        return total + float(W.sum(axis=0) @ Ht.sum(axis=0))
    return total + float(((W.T @ W) * (Ht.T @ Ht)).sum())


def _terms(x: np.ndarray, wh: np.ndarray, loss: str) -> float:
    """The part of the objective that entries x add to that of an empty X."""
    if loss == "frobenius":
        return float((x * (x - 2 * wh)).sum())
    positive = x > 0
    x, wh = x[positive], wh[positive]
    if not (wh > 0).all():
        return math.inf
    return float((x * np.log(x / wh)).sum() - x.sum())


def _sparse_terms(X: sp.csr_matrix, W: np.ndarray, Ht: np.ndarray, loss: str) -> float:
    rows = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
    step, parts = max(1, (1 << 19) // W.shape[1]), []
    for a in range(0, X.nnz, step):
        piece = slice(a, a + step)
        wh = np.einsum("ij,ij->i", W[rows[piece]], Ht[X.indices[piece]])
        parts.append(_terms(X.data[piece].astype(np.float64), wh, loss))
    return math.fsum(parts) if all(map(math.isfinite, parts)) else math.inf


def _dense_terms(X: np.ndarray, W: np.ndarray, Ht: np.ndarray, loss: str) -> float:
    step, parts = max(1, (1 << 20) // X.shape[1]), []
    for a in range(0, X.shape[0], step):
        block = X[a : a + step].astype(np.float64)
        parts.append(_terms(block.ravel(), (W[a : a + step] @ Ht.T).ravel(), loss))
    return math.fsum(parts) if all(map(math.isfinite, parts)) else math.inf


# --- time ------------------------------------------------------------------------------------------------------------


def seconds_of(call: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of one call, the garbage collector held off."""
    gc.collect()
    enabled = gc.isenabled()
    gc.disable()
    try:
        began = clock()
        call()
        return clock() - began
    finally:
        if enabled:
            gc.enable()


def in_turn(calls: dict[Any, Callable[[], float]], rounds: int) -> dict[Any, list[float]]:
    """What each call returns, one after another, `rounds` times: what slows the machine for a while slows all."""
    values: dict[Any, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            values[name].append(call())
    return values


def medians(values: dict[Any, list[float]]) -> dict[Any, float]:
    return {name: statistics.median(each) for name, each in values.items()}


def geometric_mean(values: Iterable[float]) -> float:
    values = list(values)
    return math.exp(math.fsum(map(math.log, values)) / len(values)) if values else math.nan


def iteration_seconds(fit: Any, skip: int) -> float:
    """The median time of an iteration after the first `skip`, from a fit's history; the last record only measures."""
    stamps = [record.seconds for record in fit.history[skip:-1]]
    return statistics.median(np.diff(stamps))


def warm_up(X: Any, loss: str, solver: str, **options: Any) -> None:
    """Compile what a fit of X calls: kernels depend on how X is held, but not on k."""
    from sparsenmf import factorize

    factorize(X, 2, loss=loss, solver=solver, max_iter=12, tol=0, random_state=0, **options)


# --- the machine -----------------------------------------------------------------------------------------------------

SGEMM_SIZE = 1536
COPY_BYTES = 1 << 27


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


class Machine:
    """The machine's own rates, by calls that take a few hundredths of a second each, to be measured between others.

    The multiply-adds of a float32 matrix product on all cores (numpy's BLAS), and the bytes read and written by
    copying an array far larger than a core's caches, on as many threads. `alone`: both on this thread, by its own
    clock, which stands still while others have the core.
    """

    def __init__(self, size: int = SGEMM_SIZE, copied: int = COPY_BYTES, alone: bool = False):
        self.clock = time.thread_time if alone else time.perf_counter
        rng = np.random.default_rng(0)
        self.A, self.B = (rng.random((size, size), dtype=np.float32) for _ in range(2))
        self.C = np.empty_like(self.A)
        self.source, self.target = (np.ones(copied // 4, np.float32) for _ in range(2))
        self.pool = None if alone else ThreadPoolExecutor(cores())
        bounds = np.linspace(0, len(self.source), cores() + 1).astype(int)
        self.parts = [slice(a, b) for a, b in itertools.pairwise(bounds)]
        self.flops, self.bytes = 2.0 * size**3, 2.0 * self.source.nbytes
        self.sgemm(), self.copy()

    def sgemm(self) -> float:
        """Seconds of one product (on one thread where the caller has told BLAS so)."""
        return seconds_of(lambda: np.matmul(self.A, self.B, out=self.C), self.clock)

    def copy(self) -> float:
        """Seconds of one copy."""
        each = map if self.pool is None else self.pool.map
        return seconds_of(lambda: list(each(self._copy_part, self.parts)), self.clock)

    def _copy_part(self, part: slice) -> None:
        np.copyto(self.target[part], self.source[part])


def describe_machine() -> dict[str, Any]:
    """Processor, caches, memory, system and versions."""
    import numba
    import threadpoolctl

    versions = {name: _version(name) for name in ("numba", "llvmlite", "numpy", "scipy", "scikit-learn", "tbb")}
    versions |= {name: _version(name) for name in ("gensim", "nimfa", "poismf")}
    blas = sorted({f"{p['internal_api']} {p['version']}" for p in threadpoolctl.threadpool_info() if p["version"]})
    return {
        "processor": _processor(),
        "cores": cores(),
        "caches": _caches(),
        "memory_gib": _memory(),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}, {platform.machine()}",
        "python": platform.python_version(),
        "threads": numba.config.NUMBA_NUM_THREADS,
        "sparsenmf": _own_version(),
        "blas": ", ".join(blas),
        "versions": {name: version for name, version in versions.items() if version},
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _own_version() -> str:
    import sparsenmf

    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        found = subprocess.run(git, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
        return f"{sparsenmf.__version__} (commit {found})"
    return sparsenmf.__version__


def _processor() -> str:
    facts = pathlib.Path("/proc/cpuinfo")
    if facts.exists():
        models = [line.partition(":")[2].strip() for line in facts.read_text().splitlines() if "model name" in line]
        flags = next((line for line in facts.read_text().splitlines() if line.startswith("flags")), "").split()
        simd = next((name for name in ("avx512f", "avx2", "sse4_2") if name in flags), "")
        if models:
            return f"{models[0]} ({simd})" if simd else models[0]
    return platform.processor() or platform.machine()


def _caches() -> str:
    folder = pathlib.Path("/sys/devices/system/cpu/cpu0/cache")
    found = []
    for index in sorted(folder.glob("index*")) if folder.is_dir() else []:
        level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        if kind != "Instruction":
            found.append(f"L{level} {size}")
    return ", ".join(found)


def _memory() -> float | None:
    with contextlib.suppress(ValueError, OSError, AttributeError):
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    return None


# --- output ----------------------------------------------------------------------------------------------------------


def arguments(text: str | None, *extra: Callable[[argparse.ArgumentParser], Any]) -> argparse.Namespace:
    """The options that every program has, and those that `extra` adds."""
    parser = argparse.ArgumentParser(description=(text or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small data and short runs, to see that all works")
    parser.add_argument("--out", type=pathlib.Path, default=None, help="folder of results (default: docs/benchmarks)")
    for add in extra:
        add(parser)
    options = parser.parse_args()
    options.out = options.out or (QUICK_OUT if options.quick else OUT)
    options.out.mkdir(parents=True, exist_ok=True)
    return options


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def rounded(value: Any, digits: int = 6) -> Any:
    """The same with floats of `digits` figures, and null for what JSON has no number for."""
    if isinstance(value, dict):
        return {str(name): rounded(each, digits) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(each, digits) for each in value]
    if isinstance(value, (float, np.floating)):
        return float(f"{value:.{digits}g}") if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def save(folder: pathlib.Path, name: str, results: dict[str, Any]) -> None:
    """Write the raw results."""
    text = json.dumps(rounded(results), indent=None, separators=(",", ":"))
    (folder / f"{name}.json").write_text(text.replace("},{", "},\n{") + "\n", encoding="utf-8")


def read(folder: pathlib.Path, name: str) -> dict[str, Any] | None:
    path = folder / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def finish(options: argparse.Namespace, name: str, results: dict[str, Any], render: Callable[..., str]) -> None:
    """Save what a program measured, draw it, and print its section."""
    save(options.out, name, results)
    print(render(read(options.out, name), options.out))


def table(head: list[str], rows: Iterable[list[Any]], right: int = 1) -> str:
    """A Markdown table; columns from number `right` on are set to the right."""
    lines = [head, [":--" if i < right else "--:" for i in range(len(head))], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def figures(value: float | None, digits: int = 3) -> str:
    """A number in so many figures, without an exponent where it is readable so."""
    if value is None or not math.isfinite(value):
        return "-"
    if value != 0 and not 1e-4 <= abs(value) < 1e6:
        return f"{value:.{digits - 1}e}"
    return f"{value:,.{max(0, digits - 1 - math.floor(math.log10(abs(value))) if value else 0)}f}"


STYLES = [  # dash, marker and grey of a line: told apart without colour
    ("-", "o", "0.0"), ("--", "s", "0.35"), (":", "^", "0.0"), ("-.", "D", "0.5"),
    ("-", "v", "0.6"), ("--", "P", "0.0"), (":", "X", "0.45"), ("-.", "*", "0.2"),
]  # fmt: skip


def plots() -> Any:
    """matplotlib.pyplot, drawing to files, or None."""
    try:
        import matplotlib as mpl
    except ImportError:
        return None
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    small = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "legend.frameon": False}
    plt.rcParams.update(small | {"savefig.dpi": 110, "lines.linewidth": 1.3, "lines.markersize": 4})
    return plt


def show(plt: Any, figure: Any, folder: pathlib.Path, name: str, caption: str, alt: str = "") -> str:
    """Write a figure and return the Markdown that shows it; `alt` tells what is to be seen (else the caption does)."""
    figure.tight_layout()
    figure.savefig(folder / f"{name}.png", metadata={"Software": None})
    plt.close(figure)
    return f"![{alt or caption}]({name}.png)\n\n{caption}"


NO_PLOT = "(No plot: matplotlib is not installed.)"
