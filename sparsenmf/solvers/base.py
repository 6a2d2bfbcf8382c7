"""One loop for every solver: alternation, objective, stopping, history, callback and time budget.

A solver updates one factor: `update(side, given)` changes the rows of side.F for the given other factor, and says what
it learnt of the pair that it met. The loop calls it for W and then for H = the same thing on X'.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from sparsenmf.losses import Loss
from sparsenmf.operand import Operand, pad

logger = logging.getLogger("sparsenmf")
NEARLY_EXACT = 1e-2  # of the sums that the cost is a difference of


class Record(NamedTuple):
    """A line of the history: the pair (W, H) after `iteration` alternations.

    Attributes
    ----------
    iteration : int
    seconds : float
        Since the loop began.
    objective : float
        Penalties included.
    kkt : float
        The KKT residual that the updates leaving this pair met.
    """

    iteration: int
    seconds: float
    objective: float
    kkt: float


class Entry(NamedTuple):
    """What an update learnt of the pair that it met: the fit (see `losses`), and its part of the KKT residual."""

    fit: float
    moved: float


@dataclass
class Side:
    """One half of the problem: the rows of F, where X ~ F G' (for H: of H', where X' ~ H' W')."""

    X: Operand
    F: np.ndarray
    l1: float
    l2: float
    digest: np.ndarray
    N: np.ndarray = field(init=False)  # the last iterate; F itself but for solvers that extrapolate
    room: np.ndarray | None = None  # for the cross product, made once

    def __post_init__(self) -> None:
        self.N = self.F

    def cross(self, given: Side) -> np.ndarray:
        """The cross product XG, in memory that the next call takes again."""
        self.room = self.X.times(given.F, out=self.room)
        return self.room

    def penalty(self) -> float:
        """l1 |F| + l2 |F|^2 / 2."""
        value = self.l1 * float(self.F.sum(dtype=np.float64)) if self.l1 else 0.0
        return value + (0.5 * self.l2 * float(np.einsum("ij,ij->", self.F, self.F, dtype=np.float64)) if self.l2 else 0)


@dataclass
class Problem:
    """The whole problem and where it stands."""

    loss: Loss
    w: Side
    h: Side
    k: int
    update_h: bool = True
    step: Any = None

    def rest(self) -> float:
        """What the objective holds beside constants and the fit: the pair of digests, and the penalties."""
        with np.errstate(over="ignore"):  # a fit that diverged says so; infinity is its objective
            pair = float((self.w.digest * self.h.digest).sum())
        return pair + self.loss.penalty_scale * (self.w.penalty() + self.h.penalty())

    def value(self, fit: float, rest: float) -> float:
        """The objective."""
        return self.loss.value(self.w.X, fit, rest)

    def tidy(self) -> None:
        """Zero what is of no use to WH: rows for X's empty rows, and components that the other factor lacks.

        Only at the end: until the first update, column sums and Gram matrices hold all of the start. A fixed H stays.
        """
        sides = [(self.w, self.h), (self.h, self.w)] if self.update_h else [(self.w, self.h)]
        for side, given in sides:
            empty = np.flatnonzero(side.X.empty_rows)
            side.F[empty] = 0
            weights = given.digest if given.digest.ndim == 1 else np.diag(given.digest)
            if not weights[: self.k].all():
                side.F[:, weights == 0] = 0
        for side, _ in sides:
            side.digest = self.loss.digest(side.F)

    def objective(self) -> float:
        """The objective of the pair as it is, by a pass of its own; in float64 where a fit is nearly exact.

        The cost is a difference of large sums, of which float32 leaves about six digits.
        """
        value = self.value(self.loss.fit(self.w.X, self.w.F, self.h.F), self.rest())
        mass, entropy, square = self.w.X.moments
        size = square if self.loss.name == "frobenius" else abs(entropy) + mass
        if value > NEARLY_EXACT * size or self.w.F.dtype == np.float64 or not math.isfinite(value):
            return value
        X = self.w.X.in_double()
        if X is None:
            return value
        F, G = (pad(side.F, X.dtype) for side in (self.w, self.h))
        pair = float((self.loss.digest(F) * self.loss.digest(G)).sum())
        penalties = self.loss.penalty_scale * (self.w.penalty() + self.h.penalty())
        return self.loss.value(X, self.loss.fit(X, F, G), pair + penalties)


class Solver:
    """A row update. Subclasses give `update`; those that need more than one update at a time, `iterate`."""

    window = 10  # iterations over which the fall of the least objective is compared with the tolerance

    def __init__(self, problem: Problem):
        self.p = problem
        self.diverged = False  # a step that the user gave left the finite numbers; the factors did not follow

    def update(self, side: Side, given: Side, want: bool, beta: float = 0.0) -> Entry:
        """Change side.F, given the other factor; `want` the fit of the pair met; `beta` extrapolates (coordinate)."""
        raise NotImplementedError

    def iterate(self) -> tuple[float, float]:
        """One alternation: W, then H. Returns objective and KKT residual of the pair that it met."""
        p = self.p
        rest = p.rest()
        first = self.update(p.w, p.h, True)
        moved = first.moved
        if p.update_h:
            moved = max(moved, self.update(p.h, p.w, False).moved)
        return p.value(first.fit, rest), p.loss.residual(p.w.X, moved)

    def finish(self) -> None:
        """Leave the pair to return in w.F and h.F."""


@dataclass(frozen=True)
class Stopping:
    """When to stop, beside the callback."""

    max_iter: int
    tol: float
    max_seconds: float | None = None

    def reason(self, records: list[Record], window: int) -> str | None:
        """Why to stop now, or None."""
        last = records[-1]
        if self.max_seconds is not None and last.seconds >= self.max_seconds:
            return "max_seconds"
        if self.tol <= 0 or not math.isfinite(last.objective):
            return None
        if last.kkt <= self.tol:
            return "kkt"
        if len(records) > window:
            before = min(record.objective for record in records[:-window])
            now = min(record.objective for record in records[-window:])
            if before - now <= self.tol * abs(now):
                return "objective"
        return None


@dataclass
class Outcome:
    """How a run ended."""

    history: tuple[Record, ...]
    n_iter: int
    stop_reason: str


def run(solver: Solver, stopping: Stopping, callback: Callable[[Record], Any] | None = None) -> Outcome:
    """Alternate until told to stop.

    The objective of a pair comes out of the update that leaves it, so each record is of the pair that the iteration
    met; one pass at the end measures the pair that is returned.
    """
    start, records, reason = time.perf_counter(), [], "max_iter"
    iteration, spent = 0, 0.0
    for iteration in range(1, stopping.max_iter + 1):
        value, kkt = solver.iterate()
        records.append(Record(iteration - 1, spent, value, kkt))
        spent = time.perf_counter() - start
        if solver.diverged:
            reason = "diverged"
            break
        logger.debug("iteration %d: objective %.8g, KKT residual %.3g", *(iteration - 1, value, kkt))
        if callback is not None and callback(records[-1]):
            reason = "callback"
            break
        stop = stopping.reason([*records[:-1], records[-1]._replace(seconds=spent)], solver.window)
        if stop is not None:
            reason = stop
            break
    solver.finish()
    solver.p.tidy()
    value = solver.p.objective()
    kkt = records[-1].kkt if records else math.nan
    records.append(Record(iteration, time.perf_counter() - start, value, kkt))
    if callback is not None and reason != "callback":
        callback(records[-1])
    logger.info("%s after %d iterations: objective %.8g", reason, iteration, value)
    return Outcome(tuple(records), iteration, reason)
