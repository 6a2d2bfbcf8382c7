"""What every solver is: a row update, that the alternation of `Fit` calls for W and then for H.

An update is statistics, then apply: `losses` takes from X what the update needs, and the solver's `apply` changes the
rows of the factor by that alone. A solver may do both in one fused pass over X where that is faster.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from sparsenmf.losses import Loss
from sparsenmf.operand import Operand, pad
from sparsenmf.scaling import Penalty
from sparsenmf.state import Factor, FitState

NEARLY_EXACT = 1e-2  # of the sums that the cost is a difference of


class Met(NamedTuple):
    """What an update learnt of the pair that it met: the fit (see `losses`), and its part of the KKT residual."""

    fit: float
    moved: float


@dataclass
class Half:
    """One half of the problem: the rows of F, where X ~ F G' (for H: of H', where X' ~ H' W').

    Attributes
    ----------
    name : {"W", "H"}
    X : Operand
    factor : Factor
        F, as the state of the fit holds it.
    penalty : Penalty
    step : float or None
        For "gd": the step that the user gave, in the units of the fit.
    memory : ndarray or None
        What the cross product is written to, made once.
    """

    name: str
    X: Operand
    factor: Factor
    penalty: Penalty
    step: float | None = None
    memory: np.ndarray | None = None


@dataclass
class Problem:
    """The whole problem: both halves of it, and the state that the solver moves on."""

    loss: Loss
    w: Half
    h: Half
    k: int
    update_h: bool
    state: FitState

    def pair(self) -> float:
        """What the objective holds beside constants and the fit: the pair of digests, and the penalties."""
        with np.errstate(over="ignore"):  # a fit that diverged says so; infinity is its objective
            pair = float((self.w.factor.digest * self.h.factor.digest).sum())
        return pair + self.penalties()

    def penalties(self) -> float:
        """The penalties of both factors in the objective."""
        return self.loss.penalty_scale * (self.w.penalty.of(self.w.factor.met) + self.h.penalty.of(self.h.factor.met))

    def value(self, fit: float, pair: float) -> float:
        """The objective."""
        return self.loss.value(self.w.X.moments, fit, pair)

    def tidy(self) -> None:
        """Zero what is of no use to WH: rows for X's empty rows, and components that the other factor lacks.

        Only at the end: until the first update, column sums and Gram matrices hold all of the start. A fixed H stays.
        """
        halves = [(self.w, self.h), (self.h, self.w)] if self.update_h else [(self.w, self.h)]
        for half, given in halves:
            half.factor.iterate[np.flatnonzero(half.X.empty_rows)] = 0
            weights = self.loss.weights(given.factor.digest)
            if not weights[: self.k].all():
                half.factor.iterate[:, weights == 0] = 0
        for half, _ in halves:
            half.factor.digest = self.loss.digest(half.factor.iterate)

    def objective(self) -> float:
        """The objective of the pair as it is, by a pass of its own; in float64 where a fit is nearly exact.

        The cost is a difference of large sums, of which float32 leaves about six digits.
        """
        X, F, G = self.w.X, self.w.factor.iterate, self.h.factor.iterate
        value = self.value(self.loss.fit(X, F, G), self.pair())
        if value > NEARLY_EXACT * self.loss.size(X.moments) or F.dtype == np.float64 or not math.isfinite(value):
            return value
        double = X.in_double()
        if double is None:
            return value
        F, G = pad(F, double.dtype), pad(G, double.dtype)
        pair = float((self.loss.digest(F) * self.loss.digest(G)).sum())
        return self.loss.value(double.moments, self.loss.fit(double, F, G), pair + self.penalties())


class Solver:
    """A row update. Subclasses give `apply`, or a fused `update`; those that need several updates, `iterate`."""

    window = 10  # iterations over which the fall of the least objective is compared with the tolerance

    def __init__(self, problem: Problem):
        self.p = problem
        self.diverged = False  # a step that the user gave left the finite numbers; the factors did not follow

    def statistics(self, half: Half, given: Factor) -> Any:
        """What an update needs of X (see `losses.Statistics`)."""
        return self.p.loss.statistics(half.X, half.factor.met, given.met, given.digest, half.memory)

    def apply(self, half: Half, factor: Factor, statistics: Any) -> Met:
        """Change the rows of a factor, and its digest, by statistics of X alone."""
        raise NotImplementedError

    def applied(self, half: Half, factor: Factor, statistics: Any) -> tuple[Factor, Met]:
        """What `apply` makes of a factor, which itself stays as it is."""
        new = factor.copy()
        return new, self.apply(half, new, statistics)

    def update(self, half: Half, given: Factor, measure: bool) -> Met:
        """Change the rows of one factor, given the other; `measure` the fit of the pair that the update met."""
        return self.apply(half, half.factor, self.statistics(half, given))

    def iterate(self) -> tuple[float, float]:
        """One alternation: W, then H. Returns objective and KKT residual of the pair that it met."""
        p = self.p
        pair = p.pair()
        first = self.update(p.w, p.h.factor, True)
        moved = first.moved
        if p.update_h:
            moved = max(moved, self.update(p.h, p.w.factor, False).moved)
        return p.value(first.fit, pair), p.loss.residual(p.w.X.moments, moved)

    def finish(self) -> None:
        """Leave the pair to return in the iterates of both factors."""


class Descent(Solver):
    """A row update that can leave a factor carried on along its last change."""

    def descend(self, half: Half, given: Factor, measure: bool, beta: float) -> Met:
        """Change the iterate of one factor, and carry it on by `beta` times its change."""
        raise NotImplementedError

    def update(self, half: Half, given: Factor, measure: bool) -> Met:
        """The update alone."""
        return self.descend(half, given, measure, 0.0)
