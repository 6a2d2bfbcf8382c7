"""The kernels that the micro-benchmarks and the guard time, each with its floating-point operations and its bytes.

The counts are formulas over

    n, m      rows and columns of the side that is updated (W: X, H: X')     nnz  entries of X (dense: n m)
    k, K      components, and columns of a factor padded to whole registers   s    bytes of a factor's number
    x, i      bytes of a stored count, of a stored index                      P    nnz x the positive share of F's rows

Operations are those that the method needs (a division, a maximum, a logarithm count one each), not those that the code
happens to do. Bytes are what has to be moved through the core if only the row at hand stays in it: X once, the rows of
F, and for each nonzero a row of G, which mostly comes from a shared cache rather than from memory.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import common
import numpy as np
import scipy.sparse as sp

WARM = 12  # iterations before a kernel is timed: then as many entries are zero as in most of a fit
POSITIVE = 0.3  # share of the entries of made-up factors that are not zero
SWEEPS = 5


class Bench(NamedTuple):
    """A kernel ready to run: `reset` puts back what `run` changes."""

    run: Callable[[], Any]
    reset: Callable[[], None]
    counts: dict[str, float]


TINY = 1e-18  # the least WH that float32 kernels divide by


class Kernel(NamedTuple):
    name: str
    storage: str  # of X
    loss: str  # of the fit that made the factors
    flops: str
    bytes: str
    prepare: Callable[[Half], tuple[Callable[[], Any], list[np.ndarray]]]  # the call, and the arrays that it changes
    sides: str = "WH"
    note: str = ""


class Half:
    """Half an alternation: the rows of F given G, where the operand X ~ F G'."""

    def __init__(self, problem: Problem, side: str):
        operand, W, Ht = problem.operand, problem.W.copy(), problem.Ht.copy()
        self.X, self.F, self.G = (operand, W, Ht) if side == "W" else (operand.T, Ht, W)
        self.k, self.loss, self.first = problem.k, problem.loss, side == "W"
        self.N = self.F.copy()

    @functools.cached_property
    def den(self) -> np.ndarray:
        """The column sums of G."""
        return self.G.sum(axis=0, dtype=np.float64).astype(self.F.dtype)

    def counts(self) -> dict[str, float]:
        """What the formulas are about."""
        n, m = self.X.shape
        positive = (self.F[:, : self.k] > 0).sum(axis=1)
        if hasattr(self.X, "arrays"):
            indptr, indices, data = self.X.arrays
            lengths = np.diff(indptr)
            sizes = {"nnz": len(data), "x": data.itemsize, "i": indices.itemsize, "P": float(positive @ lengths)}
        else:
            sizes = {"nnz": n * m, "x": self.F.itemsize, "i": 0, "P": float(positive.sum()) * m}
        return sizes | {"n": n, "m": m, "k": self.k, "K": self.F.shape[1], "s": self.F.itemsize, "sweeps": SWEEPS}


class Problem:
    """A matrix and factors as they are a dozen iterations into a fit; `fixed`: made up, whatever the solvers do."""

    def __init__(self, name: str, X: Any, k: int, loss: str, storage: str, fixed: bool = False):
        from sparsenmf._validation import check_matrix
        from sparsenmf.operand import as_operand, pad

        W, H = _thinned(*common.start(X, k)) if fixed else _after_some_iterations(X, k, loss, storage)
        dtype = np.dtype(np.float32)
        self.name, self.k, self.loss = name, k, loss
        self.W, self.Ht = pad(W, dtype), pad(H.T, dtype)
        self.operand = as_operand(check_matrix(X), dtype, storage)

    def bench(self, kernel: Kernel, side: str) -> Bench:
        half = Half(self, side)
        counts = half.counts()
        run, changed = kernel.prepare(half)
        kept = [array.copy() for array in changed]

        def reset() -> None:
            for array, before in zip(changed, kept, strict=True):
                np.copyto(array, before)

        return Bench(run, reset, counts)


def _after_some_iterations(X: Any, k: int, loss: str, storage: str) -> tuple[np.ndarray, np.ndarray]:
    from sparsenmf import factorize

    W, H = common.start(X, k)
    fit = factorize(X, k, loss=loss, init="custom", W=W, H=H, max_iter=WARM, tol=0, path=storage)
    return fit.W, fit.H


def _thinned(W: np.ndarray, H: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same with most entries zero, but for one component: WH stays positive."""
    rng = np.random.default_rng(1)
    for A in (W.T, H):
        A[1:][rng.random(A[1:].shape) > POSITIVE] = 0
    return W, H


def count(formula: str, counts: dict[str, float]) -> float:
    """The value of a formula."""
    return float(eval(formula, {"__builtins__": {}}, counts))


def as_in_a_fit(n_threads: int | None = None) -> AbstractContextManager[None]:
    """Threads as a fit sets them: BLAS has one, kernels and blocks of rows have as many as said (None: all)."""
    from sparsenmf._jit import threads

    return threads(n_threads)


def caught(module: Any, name: str, call: Callable[[], Any]) -> tuple[Any, ...]:
    """The arguments with which `call` calls a kernel of a module."""
    kernel, seen = getattr(module, name), []

    def watch(*args: Any) -> Any:
        seen.append(args)
        return kernel(*args)

    setattr(module, name, watch)
    try:
        call()
    finally:
        setattr(module, name, kernel)
    return seen[-1]


# --- what is timed ---------------------------------------------------------------------------------------------------


def _multiply(h: Half) -> Any:
    from sparsenmf.kernels.rules import KlMultiply

    rule = KlMultiply(TINY, TINY, 0.0, 0.0, h.k, h.first)
    return lambda: h.X.multiply(h.F, h.G, h.den, rule), [h.F]


def _descend(h: Half) -> Any:
    from sparsenmf.kernels.rules import KlDescend

    rule = KlDescend(TINY, 0.0, 0.5, 2, h.k, False, h.first)
    return lambda: h.X.descend(h.F, h.N, h.G, h.den, rule), [h.F, h.N]


def _ratio_times(h: Half) -> Any:
    return lambda: h.X.ratio_times(h.F, h.G), []


def _loglik(h: Half) -> Any:
    return lambda: h.X.loglik(h.F, h.G), []


def _times(h: Half) -> Any:
    out = h.X.times(h.G)
    return lambda: h.X.times(h.G, out=out), []


def _solve(h: Half) -> Any:
    from sparsenmf.kernels.rules import KlSolve

    return lambda: h.X.solve(h.F, h.G, h.den, KlSolve(TINY, 0.0, 1e-4, 200, h.k)), [h.F]


def _transpose(h: Half) -> Any:
    from sparsenmf.kernels.rows import transpose

    return lambda: transpose(h.X.arrays, h.X.shape[1]), []


def _solver(h: Half, kind: type, *args: Any) -> Any:
    """A Frobenius solver's update of this half, alone; changes F and N."""
    from sparsenmf import solvers
    from sparsenmf.losses import LOSSES
    from sparsenmf.scaling import Penalty
    from sparsenmf.state import Factor, FitState

    loss = LOSSES["frobenius"]
    state = FitState(Factor(h.N, loss.digest(h.F), h.F), Factor(h.G, loss.digest(h.G)))
    halves = (solvers.Half("W", h.X, state.W, Penalty()), solvers.Half("H", h.X.T, state.H, Penalty()))
    solver = kind(solvers.Problem(loss, *halves, h.k, True, state), *args)
    return lambda: solver.update(halves[0], state.H, True)


def _hals(h: Half) -> Any:
    from sparsenmf.kernels import gram
    from sparsenmf.solvers.coordinate import CoordinateFrobenius

    args = caught(gram, "hals", _solver(h, CoordinateFrobenius, SWEEPS))
    return lambda: gram.hals(*args), [h.F, h.N]


def _gram_multiply(h: Half) -> Any:
    from sparsenmf.kernels import gram
    from sparsenmf.solvers.multiplicative import MultiplicativeFrobenius

    args = caught(gram, "multiply", _solver(h, MultiplicativeFrobenius))
    return lambda: gram.multiply(*args), [h.F]


def _gram_solve(h: Half) -> Any:
    from sparsenmf.kernels import gram
    from sparsenmf.losses import LOSSES, RowTask

    args = caught(gram, "solve", lambda: LOSSES["frobenius"].solve(h.X, h.F, h.G, RowTask(h.k)))
    return lambda: gram.solve(*args), [h.F]


def _gram(h: Half) -> Any:
    from sparsenmf.losses import LOSSES

    return lambda: LOSSES["frobenius"].digest(h.F), []


ONE_PASS = "nnz*(i + x + K*s)"
KERNELS = [
    Kernel("kl multiply", "sparse", "kl", "4*nnz*k", f"{ONE_PASS} + 2*n*K*s", _multiply),
    Kernel("kl descend", "sparse", "kl", "2*nnz*k + 18*P", f"{ONE_PASS} + 4*n*K*s", _descend,
           note="2 sweeps of 8 operations a nonzero and positive entry"),
    Kernel("kl ratio_times", "sparse", "kl", "4*nnz*k", f"{ONE_PASS} + 2*n*K*s", _ratio_times, "W"),
    Kernel("kl loglik", "sparse", "kl", "2*nnz*k", f"{ONE_PASS} + n*K*s", _loglik, "W"),
    Kernel("kl solve", "sparse", "kl", "4*nnz*k + 2*P", f"{ONE_PASS} + n*K*s", _solve, "W",
           note="counted as one evaluation and one multiplicative step: its sweeps depend on the rows"),
    Kernel("times", "sparse", "frobenius", "2*nnz*k", f"{ONE_PASS} + n*K*s", _times),
    Kernel("gram.hals", "sparse", "frobenius", "2*n*k*k*sweeps", "5*n*K*s", _hals, note=f"{SWEEPS} sweeps"),
    Kernel("gram.multiply", "sparse", "frobenius", "12*n*k", "4*n*K*s", _gram_multiply),
    Kernel("gram.solve", "sparse", "frobenius", "2*n*k*k", "3*n*K*s", _gram_solve, "W",
           note="counted as one sweep: how many there are depends on the rows"),
    Kernel("gram matrix", "sparse", "frobenius", "2*n*k*k", "n*K*s", _gram),
    Kernel("transpose", "sparse", "kl", "0", "nnz*(3*i + 2*x)", _transpose, "W"),
    Kernel("dense kl multiply", "dense", "kl", "4*nnz*k", "nnz*s + 2*n*K*s", _multiply),
    Kernel("dense kl descend", "dense", "kl", "2*nnz*k + 18*P", "nnz*s + 4*n*K*s", _descend),
    Kernel("dense kl solve", "dense", "kl", "4*nnz*k + 2*P", "nnz*s + n*K*s", _solve, "W",
           note="counted as the sparse one"),
    Kernel("dense times", "dense", "frobenius", "2*nnz*k", "nnz*s + n*K*s + m*K*s", _times),
]  # fmt: skip
CASES = [(kernel, side) for kernel in KERNELS for side in kernel.sides]


def case_name(kernel: Kernel, side: str) -> str:
    return f"{kernel.name} {side}"


@functools.cache
def _matrix(names: tuple[str, ...]) -> tuple[str, Any]:
    return common.first_of(*names)


@functools.cache
def problem_of(names: tuple[str, ...], k: int, loss: str, storage: str, fixed: bool = False) -> Problem:
    """The problem on the first of these data sets that is there."""
    name, X = _matrix(names)
    if storage == "dense" and sp.issparse(X):
        X = np.ascontiguousarray(X.toarray())
    return Problem(name, X, k, loss, storage, fixed)
