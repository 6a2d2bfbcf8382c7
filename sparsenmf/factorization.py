"""`factorize`: X ~ W H from a checked X to a named result, and `solve_rows`: W alone, row by row.

What is done about the scales of X, W and H is told in `scaling`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sparsenmf import _validation as check
from sparsenmf._jit import threads
from sparsenmf.init import INITS, initialize, quick_random, usual_start
from sparsenmf.losses import LOSSES
from sparsenmf.operand import Operand, as_operand, empty_factor, pad, padded_transpose, transposed
from sparsenmf.scaling import (
    Matrix,
    Penalty,
    Units,
    cost_scale,
    in_units,
    penalties_in,
    power_near,
    row_scales,
    scale_of,
    take_rows,
    tamed,
)
from sparsenmf.solvers import SOLVER_NAMES, SOLVERS, Outcome, Problem, Record, Side, Stopping, run

PATHS = ("auto", "sparse", "dense")


@dataclass(frozen=True, eq=False)
class Factorization:
    """What `factorize` returns: the factors, and how they came about.

    Attributes
    ----------
    W : ndarray of shape (n, k)
    H : ndarray of shape (k, m)
    history : tuple of Record
        (iteration, seconds, objective, kkt) of the start, of each iterate, and of the pair returned. With
        solver="auto" these are the extrapolated pairs, whose objective may rise now and then.
    n_iter : int
    converged : bool
        Whether `tol` stopped it.
    stop_reason : str
        "objective", "kkt", "max_iter", "max_seconds", "callback", or, for "gd" with a step too long, "diverged".
    loss, solver : str
    objective : float
        Of the pair returned, penalties included.
    kkt : float
        The KKT residual that the last iteration met (`sparsenmf.kkt_residual` measures that of W and H themselves).
    """

    W: np.ndarray = field(repr=False)
    H: np.ndarray = field(repr=False)
    history: tuple[Record, ...] = field(repr=False)
    n_iter: int
    converged: bool
    stop_reason: str
    loss: str
    solver: str
    objective: float
    kkt: float


Start = tuple[np.ndarray | None, np.ndarray]


def factorize(
    X: Any,
    n_components: int,
    *,
    loss: Any = "kl",
    solver: str = "auto",
    init: str = "auto",
    max_iter: int = 200,
    tol: float = 1e-4,
    max_seconds: float | None = None,
    random_state: Any = None,
    n_threads: int | None = None,
    dtype: Any = "auto",
    path: str = "auto",
    W: Any = None,
    H: Any = None,
    update_H: bool = True,
    alpha_W: float = 0.0,
    alpha_H: float | str = "same",
    l1_ratio: float = 0.0,
    step: float | None = None,
    callback: Callable[[Record], Any] | None = None,
) -> Factorization:
    """Factorize a non-negative matrix, X ~ W H with W and H non-negative.

    Parameters
    ----------
    X : sparse matrix or array of any format, array-like, or data frame, of shape (n, m)
        Finite and non-negative. Rows and columns of zeros are data: their factors are zero.
    n_components : int
        k, the columns of W and rows of H.
    loss : {"kl", "frobenius"}
        "kl" (also "kullback-leibler", 1): D(X || WH), eq. 3 of Lee and Seung, NIPS 2000. "frobenius" (also 2):
        ||X - WH||^2, eq. 2.
    solver : {"auto", "mu", "cd", "gd"}
        "auto": extrapolated coordinate descent after a short warm-up, the fastest. "mu": multiplicative updates
        (eqs. 4, 5). "cd": HALS, or scalar Newton for KL. "gd": projected gradient (eq. 6), for comparison.
    init : {"auto", "random", "nndsvd", "nndsvda", "nndsvdar", "custom"}
        "auto" draws what "random" draws, but quicker and not scikit-learn's numbers, for what W and H do not give; for
        KL and a large X, less than a hundredth full, whose rows hold fewer than 3 n_components nonzeros on average, it
        is "nndsvdar", from a sample of the rows where they are many. "custom" takes both from W and H.
    max_iter : int
        At most so many alternations.
    tol : float
        Stop where the objective's relative fall (over 4 iterations; 2 for "cd", 10 for "mu" and "gd") or the KKT
        residual is no larger. 0: never.
    max_seconds : float, optional
        Stop after the first iteration that ends later.
    random_state : None, int, RandomState or Generator
    n_threads : int, optional
        None: Numba's number. The result is the same for any number, to the last bit.
    dtype : {"auto", "float32", "float64"}
        "auto": float64 data stay so, all else (counts too) is worked on in float32.
    path : {"auto", "sparse", "dense"}
        How X is held. "auto" goes by density, and makes no dense copy beyond 2 GiB.
    W, H : array-like, optional
        A start of shapes (n, k) and (k, m), in the original scale.
    update_H : bool
        False: H is given and fixed, W is solved for.
    alpha_W, alpha_H, l1_ratio : float
        Penalties as scikit-learn scales them: ``alpha_W m (l1_ratio |W|_1 + (1 - l1_ratio) |W|^2 / 2)``, and alpha_H
        with n for H, are added to ``D(X || WH)``, or to half of ``||X - WH||^2``.
    step : float, optional
        For "gd": its fixed step. None: a safe one.
    callback : callable, optional
        Called with the `Record` of the pair that each iteration met, and of the last; a true return value stops.

    Returns
    -------
    Factorization

    Raises
    ------
    ValueError
        For bad entries of X, W or H (naming row, column and value), shapes that do not match, an X without a positive
        entry, an unknown loss, solver, init, dtype or path (listing the choices), or a number out of range.
    TypeError
        For arguments of the wrong kind.

    References
    ----------
    D. D. Lee and H. S. Seung, "Algorithms for Non-negative Matrix Factorization", NIPS 2000.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from sparsenmf import factorize
    >>> X = sp.random(60, 40, 0.2, format="csr", random_state=0)
    >>> fit = factorize(X, 3, random_state=0)
    >>> fit.W.shape, fit.H.shape, fit.converged
    ((60, 3), (3, 40), True)
    """
    k = check.check_count(n_components, "n_components")
    loss = check.canonical_loss(loss)
    solver = check.check_choice(solver, SOLVER_NAMES, "solver")
    stopping = _stopping(max_iter, tol, max_seconds)
    path = check.check_choice(path, PATHS, "path")
    step = _check_step(step, solver)
    alphas = _check_alphas(alpha_W, alpha_H, l1_ratio)
    if callback is not None and not callable(callback):
        raise TypeError(f"callback must be a function of one Record, got {callback!r}.")
    A = check.check_matrix(X, whom="factorize")
    check.check_positive(A)
    working = check.working_dtype(dtype, A.dtype if isinstance(A, np.ndarray) else A.data.dtype)
    with threads(_check_threads(n_threads)):
        scale = scale_of(A, working)
        start = _start(A, k, loss, init, (W, H), update_H, random_state, working)
        units = Units(scale, math.sqrt(scale) if update_H else power_near(float(start[1].max())))
        if units.w > float(np.finfo(working).max) / 1e6:
            raise ValueError(
                f"For this H, W has entries of about {units.w:g}, too large for {working}: use dtype='float64'."
            )
        operand = as_operand(A, working, loss, path, scale)
        penalties = penalties_in(alphas, A.shape, loss, units)
        problem = _problem(operand, start, k, loss, units, penalties, update_H, step)
        start = None, start[1]  # the fit has its own copies: a W of millions of rows is not held twice
        outcome = run(SOLVERS[solver, loss](problem), stopping, _unscaled(callback, loss, scale))
        fit = _result(problem, outcome, loss, solver, units)
        return fit if update_H else dataclasses.replace(fit, H=start[1])


def solve_rows(
    X: Any,
    H: Any,
    *,
    loss: Any = "kl",
    alpha_W: float = 0.0,
    l1_ratio: float = 0.0,
    max_iter: int = 200,
    tol: float = 1e-4,
    n_threads: int | None = None,
    path: str = "auto",
) -> np.ndarray:
    """The best W >= 0 for a given H: each row of X ~ W H solved by itself.

    Parameters
    ----------
    X : sparse matrix or array-like of shape (n, m)
    H : array-like of shape (k, m)
        Its dtype, float32 or float64, is the one worked in.
    loss, alpha_W, l1_ratio, n_threads, path
        As for `factorize`.
    max_iter : int
        At most so many passes over a row's components.
    tol : float
        A row is done where a pass over it moves less than this share of it.

    Returns
    -------
    ndarray of shape (n, k)
        The problem is convex, and a row's solution does not depend on the rows beside it. X' is not built.

    Raises
    ------
    ValueError
        As for `factorize`.

    Examples
    --------
    >>> from sparsenmf.factorization import solve_rows
    >>> solve_rows([[2.0, 4.0]], [[1.0, 2.0]], tol=1e-6).round(4)
    array([[2.]])
    """
    kind = LOSSES[check.canonical_loss(loss)]
    A = check.check_matrix(X)
    H = np.asarray(H)
    dtype = np.dtype(np.float64 if H.dtype != np.float32 else np.float32)
    H = check.check_factor(H, "H", (None, A.shape[1]), dtype)
    path = check.check_choice(path, PATHS, "path")
    alphas = _check_alphas(alpha_W, 0.0, l1_ratio)
    max_iter, tol = check.check_count(max_iter, "max_iter"), _number(tol, "tol")
    if path == "auto":  # as it came: a choice by the density of all rows would let them touch one another
        path = "dense" if isinstance(A, np.ndarray) else "sparse"
    with threads(_check_threads(n_threads)):
        W = np.zeros((A.shape[0], len(H)), dtype)
        h_scale = power_near(float(H.max(initial=0)))
        G = pad((H / dtype.type(h_scale)).T, dtype)
        scales = row_scales(A)
        for scale in np.unique(scales):
            rows = np.flatnonzero(scales == scale)
            part = A if len(rows) == A.shape[0] else take_rows(A, rows)
            units = Units(float(scale), h_scale)
            w, _ = penalties_in(alphas, A.shape, kind.name, units)
            F = empty_factor(len(rows), len(H), dtype)
            kind.solve(
                as_operand(part, dtype, kind.name, path, float(scale), alone=True), F, G, len(H), w, max_iter, tol
            )
            W[rows] = F[:, : len(H)] * dtype.type(units.w)
        return W


# --- arguments -------------------------------------------------------------------------------------------------------


def _number(value: Any, name: str, least: float = 0.0, above: bool = False) -> float:
    """A finite number of at least (or above) `least`."""
    if isinstance(value, (bool, str)) or not isinstance(value, (int, float, np.number)):
        raise TypeError(f"{name} must be a number, got {value!r}.")
    if not math.isfinite(value) or value < least or (above and value == least):
        raise ValueError(f"{name} must be {'above' if above else 'at least'} {least:g} and finite, got {value!r}.")
    return float(value)


def _stopping(max_iter: Any, tol: Any, max_seconds: Any) -> Stopping:
    seconds = None if max_seconds is None else _number(max_seconds, "max_seconds")
    return Stopping(check.check_count(max_iter, "max_iter"), _number(tol, "tol"), seconds)


def _check_threads(n_threads: Any) -> int | None:
    return None if n_threads is None else check.check_count(n_threads, "n_threads")


def _check_step(step: Any, solver: str) -> float | None:
    if step is None:
        return None
    if solver != "gd":
        raise ValueError(f"step={step!r} is for solver='gd' alone; solver={solver!r} chooses its own steps.")
    return _number(step, "step", above=True)


def _check_alphas(alpha_w: Any, alpha_h: Any, l1_ratio: Any) -> tuple[float, float, float]:
    alpha_w = _number(alpha_w, "alpha_W")
    alpha_h = alpha_w if isinstance(alpha_h, str) and alpha_h == "same" else _number(alpha_h, "alpha_H")
    ratio = _number(l1_ratio, "l1_ratio")
    if ratio > 1:
        raise ValueError(f"l1_ratio must lie between 0 and 1, got {ratio!r}.")
    return alpha_w, alpha_h, ratio


# --- start and end ---------------------------------------------------------------------------------------------------


def _start(
    A: Matrix,
    k: int,
    loss: str,
    init: str,
    given: tuple[Any, Any],
    update_h: bool,
    random_state: Any,
    dtype: np.dtype,
) -> Start:
    """(W, H) to start from, in X's scale; no W where H is fixed and none is given."""
    W, H = given
    init = check.check_choice(init, ("auto", *INITS, "custom"), "init")
    if init in INITS and (W is not None or H is not None):
        raise ValueError(f"init={init!r} makes a start of its own: with W or H given, pass init='custom' or 'auto'.")
    if init == "custom" and (W is None or H is None) and update_h:
        raise ValueError("init='custom' needs both W and H.")
    if not update_h and H is None:
        raise ValueError("update_H=False needs H: the rows of W are solved for a given H.")
    n, m = A.shape
    W = None if W is None else check.check_factor(W, "W", (n, k), dtype, zeros_ok=False)
    H = None if H is None else check.check_factor(H, "H", (k, m), dtype, zeros_ok=False)
    if W is not None and H is not None:
        return W, H
    if not update_h and H is not None:
        return None, H
    if W is not None or H is not None:
        fresh = quick_random(A, k, random_state, dtype)
        return (fresh[0] if W is None else W), (fresh[1] if H is None else H)
    if init == "auto":
        return usual_start(A, k, loss, random_state, dtype)
    return initialize(A, k, init, random_state, dtype)


def _even_start(operand: Operand, H: np.ndarray) -> np.ndarray:
    """The same value everywhere, such that sum(WH) is sum(X)."""
    value = operand.moments[0] / (operand.shape[0] * float(H.sum(dtype=np.float64)))
    return np.full((operand.shape[0], len(H)), value)


def _problem(
    operand: Operand,
    start: Start,
    k: int,
    loss: str,
    units: Units,
    penalties: tuple[Penalty, Penalty],
    update_h: bool,
    step: float | None,
) -> Problem:
    kind, dtype = LOSSES[loss], operand.dtype
    H = in_units(start[1], units.h)
    W = _even_start(operand, H) if start[0] is None else in_units(start[0], units.w)
    if update_h:
        W, H = tamed(W, H, operand.moments[0])
    factors = pad(W, dtype), padded_transpose(H, dtype)
    w, h = (
        Side(X, F, penalty.l1, penalty.l2, kind.digest(F))
        for X, F, penalty in zip((operand, operand.T), factors, penalties, strict=True)
    )
    if step is not None and loss == "frobenius":
        step *= units.x
    return Problem(kind, w, h, k, update_h, step)


def _unscaled(callback: Callable[[Record], Any] | None, loss: str, scale: float) -> Callable[[Record], Any] | None:
    if callback is None or scale == 1.0:
        return callback
    return lambda record: callback(record._replace(objective=record.objective * cost_scale(loss, scale)))


def _result(problem: Problem, outcome: Outcome, loss: str, solver: str, units: Units) -> Factorization:
    dtype, factor, k = problem.w.F.dtype, cost_scale(loss, units.x), problem.k
    history = tuple(r._replace(objective=r.objective * factor) for r in outcome.history)
    return Factorization(
        W=problem.w.F[:, :k] * dtype.type(units.w),
        H=transposed(problem.h.F, k) * dtype.type(units.h),
        history=history,
        n_iter=outcome.n_iter,
        converged=outcome.stop_reason in ("objective", "kkt"),
        stop_reason=outcome.stop_reason,
        loss=loss,
        solver=solver,
        objective=history[-1].objective,
        kkt=history[-1].kkt,
    )
