"""`Fit`: one factorization that steps. It owns alternation, stopping, history and the time budget.

A fit is a prepared X (shared), options (fixed) and a state (its own). `run` is a thin loop over the steps.
"""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sparsenmf import _validation as check
from sparsenmf._jit import threads
from sparsenmf.measures import objective
from sparsenmf.operand import Operand, choose_path, empty_factor, transposed
from sparsenmf.options import FitOptions
from sparsenmf.parameters import Callback
from sparsenmf.prepared import as_prepared
from sparsenmf.progress import told
from sparsenmf.scaling import check_cost, cost_scale, scale_of
from sparsenmf.solvers import SOLVERS, Half, Problem, Solver
from sparsenmf.start import fixed_factor, padded_start, random_description, start_of, units_of
from sparsenmf.state import Factor, FitState, Record

__all__ = ["Factorization", "Fit"]

logger = logging.getLogger("sparsenmf")


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
        Of the pair returned, penalties included. Infinite for "kl" where WH is zero at a positive entry: in float32
        that is where entries of X are a billion billion times smaller than the largest.
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


class Fit:
    """A factorization, an iteration a step: `for record in fit`.

    Parameters
    ----------
    X : what `prepare` returned, or any matrix that `factorize` takes
    options : FitOptions
    W, H : array-like, optional
        A start of shapes (n, k) and (k, m), in the scale of X.
    state : FitState, optional
        Where to go on, instead of a start: a state of a fit of this X with these options. The fit takes the state over.

    Attributes
    ----------
    state : FitState
        Where the fit stands; each step changes it.

    Raises
    ------
    ValueError, TypeError
        As for `factorize`.

    Examples
    --------
    >>> from sparsenmf import Fit, FitOptions
    >>> fit = Fit([[1.0, 2.0], [3.0, 4.0]], FitOptions(1, solver="mu", max_iter=3, tol=0, random_state=0))
    >>> [record.iteration for record in fit]
    [0, 1, 2, 3]
    >>> fit.result().stop_reason
    'max_iter'
    """

    def __init__(
        self, X: Any, options: FitOptions, *, W: Any = None, H: Any = None, state: FitState | None = None
    ) -> None:
        if not isinstance(options, FitOptions):
            raise TypeError(f"options must be FitOptions, got {options!r}: pass FitOptions(n_components, ...).")
        if state is not None and W is not None:
            raise ValueError("Pass W or a state, not both: the state holds W.")
        self.prepared, self.options = as_prepared(X), options
        A = self.prepared.checked_matrix
        check.check_positive(A)
        self.dtype = check.working_dtype(options.dtype, A.dtype)
        self.scale = scale_of(A, self.dtype)
        check_cost(A, options.cost.degree, self.scale)
        self._fixed_h = fixed_factor(H, options, A.shape[1], self.dtype)
        self.units = units_of(self.scale, self._fixed_h, self.dtype)
        self._since: float | None = None
        self._running = False  # inside `run`, which sets the threads once for all steps
        self._least = math.inf  # of the objectives before the window of the tolerance
        with threads(options.n_threads):
            path = choose_path(A, self.dtype, options.cost.crossover, options.path)
            X = self.prepared.operand(self.dtype, path)
            self.state = self._first_state(X, W, H) if state is None else self._checked(state)
            self._solver = self._begin(X)

    def _first_state(self, X: Operand, W: Any, H: Any) -> FitState:
        options, digest = self.options, self.options.cost.digest
        start = start_of(self.prepared.checked_matrix, options, W, H, self.dtype)
        W, Ht = padded_start(start, self.units, X, options.update_H)
        factors = Factor(W, digest(W)), Factor(Ht, digest(Ht))
        return FitState(*factors, self._made_for(), random_state=random_description(options.random_state))

    def _checked(self, state: FitState) -> FitState:
        columns = empty_factor(0, self.options.n_components, self.dtype).shape[1]
        state.check(self.prepared.shape, columns, self.dtype, self._made_for())
        return state

    def _made_for(self) -> dict[str, Any]:
        options = self.options
        kept = {name: getattr(options, name) for name in ("loss", "solver", "n_components", "update_H")}
        return kept | {"dtype": self.dtype.name}

    def _begin(self, X: Operand) -> Solver:
        options, state, loss = self.options, self.state, self.options.cost
        penalties = options.alphas.in_units(X.shape, loss.degree, self.units)
        steps = self._steps(loss.degree)
        w, h = (
            Half(name, operand, factor, penalty, step)
            for name, operand, factor, penalty, step in zip(
                "WH", (X, X.T), (state.W, state.H), penalties, steps, strict=True
            )
        )
        problem = Problem(loss, w, h, options.n_components, options.update_H, state)
        return SOLVERS[options.solver, options.loss](problem)

    def _steps(self, degree: int) -> tuple[float | None, float | None]:
        """The user's step in the units of each factor: the gradient of the cost shrinks with X, and so does F."""
        step = self.options.step
        if step is None:
            return None, None
        cost = cost_scale(degree, self.units.x)
        return step * cost / self.units.w**2, step * cost / self.units.h**2

    # --- stepping -----------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Record]:
        return self

    def __next__(self) -> Record:
        """Do one iteration and tell of the pair that it met; at the end, tell of the pair that is returned."""
        state = self.state
        if state.finished:
            raise StopIteration
        if self._since is None:
            self._since = time.perf_counter() - state.seconds
        with contextlib.nullcontext() if self._running else threads(self.options.n_threads):
            return self._finish() if state.stop_reason is not None else self._step()

    def _step(self) -> Record:
        state, unit = self.state, cost_scale(self.options.cost.degree, self.units.x)
        value, kkt = self._solver.iterate()
        record = Record(state.iteration, state.seconds, value * unit, kkt)
        state.history.append(record)
        state.iteration += 1
        state.seconds = self._now()
        state.stop_reason = "diverged" if self._solver.diverged else self._reason_to_stop()
        logger.debug("iteration %d: objective %.8g, KKT residual %.3g", record.iteration, record.objective, kkt)
        return record

    def _finish(self) -> Record:
        state, problem = self.state, self._solver.p
        self._solver.finish()
        problem.tidy()
        unit = cost_scale(self.options.cost.degree, self.units.x)
        if problem.w.X.complete:
            value = unit * problem.objective()
        else:  # entries that the updates never saw count, too
            value = objective(self.prepared, *self._factors(), self.options.loss) + unit * problem.penalties()
        kkt = state.history[-1].kkt if state.history else math.nan
        record = Record(state.iteration, self._now(), value, kkt)
        state.history.append(record)
        state.finished = True
        logger.info("%s after %d iterations: objective %.8g", state.stop_reason, state.iteration, value)
        return record

    def _now(self) -> float:
        return time.perf_counter() - (self._since or 0.0)

    def _reason_to_stop(self) -> str | None:
        """Why to stop now, or None."""
        options, state = self.options, self.state
        if options.max_seconds is not None and state.seconds >= options.max_seconds:
            return "max_seconds"
        if options.tol > 0 and math.isfinite(state.history[-1].objective) and (met := self._tolerance_met()):
            return met
        return "max_iter" if state.iteration >= options.max_iter else None

    def _tolerance_met(self) -> str | None:
        tol, window, records = self.options.tol, self._solver.window, self.state.history
        if records[-1].kkt <= tol:
            return "kkt"
        if len(records) > window:
            older = records[:-window] if self._least == math.inf else [records[-window - 1]]
            self._least = min(self._least, *(record.objective for record in older))
            now = min(record.objective for record in records[-window:])
            if self._least - now <= tol * abs(now):
                return "objective"
        return None

    def stop(self, reason: str = "callback") -> None:
        """End the fit: the next step makes and measures the pair to return.

        Parameters
        ----------
        reason : str
            What `stop_reason` will be.
        """
        if not self.state.finished and self.state.stop_reason != "diverged":
            self.state.stop_reason = reason

    # --- the result ---------------------------------------------------------------------------------------------------

    def run(self, callback: Callback | None = None) -> Factorization:
        """Step until told to stop.

        Parameters
        ----------
        callback : callable, optional
            Called with the `Record` of the pair that each iteration met, and of the last; a true return value stops.

        Returns
        -------
        Factorization
        """
        options, state = self.options, self.state
        if callback is not None and not callable(callback):
            raise TypeError(f"callback must be a function of one Record, got {callback!r}.")
        with threads(options.n_threads), told(options, state):
            self._running = True
            try:
                for record in self:
                    if callback is None or state.stop_reason in ("callback", "diverged"):
                        continue
                    if callback(record):
                        self.stop()
            finally:
                self._running = False
        return self.result()

    def result(self) -> Factorization:
        """The factors where the fit stands; a fit that was left in the middle ends here.

        Returns
        -------
        Factorization
        """
        state = self.state
        if not state.finished:
            self.stop(state.stop_reason or "callback")
            for _ in self:
                pass
        W, H = self._factors()
        last = state.history[-1]
        return Factorization(
            W=W,
            H=H,
            history=tuple(state.history),
            n_iter=state.iteration,
            converged=state.stop_reason in ("objective", "kkt"),
            stop_reason=str(state.stop_reason),
            loss=self.options.loss,
            solver=self.options.solver,
            objective=last.objective,
            kkt=last.kkt,
        )

    def _factors(self) -> tuple[np.ndarray, np.ndarray]:
        """The iterates in the scale of X."""
        k, units, of_dtype = self.options.n_components, self.units, self.dtype.type
        W = self.state.W.iterate[:, :k] * of_dtype(units.w)
        if self._fixed_h is not None:
            return W, self._fixed_h
        return W, transposed(self.state.H.iterate, k) * of_dtype(units.h)
