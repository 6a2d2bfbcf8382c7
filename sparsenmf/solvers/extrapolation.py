"""The default solver: a few multiplicative updates, then extrapolated coordinate descent with restarts.

After each update a factor is carried on along its last change, F <- N + beta (N - N before) (A. M. S. Ang and
N. Gillis, Neural Computation 31, 2019). beta grows while the objective falls. Where it rose, both factors go back to
their last iterates and beta is halved. Coordinate descent itself never raises the cost, so a restart recovers.
"""

from __future__ import annotations

import math

from sparsenmf.operand import copied
from sparsenmf.solvers.base import Descent, Problem, Solver
from sparsenmf.state import Factor

START, GROWTH, CEILING_GROWTH = 0.5, 1.05, 1.01


class Extrapolated(Solver):
    """`warm` for a few iterations, then `descent` with extrapolation. All that it remembers is in the fit's state."""

    window = 4  # a restart takes an iteration or two to pay

    def __init__(self, problem: Problem, warm: Solver, descent: Descent, warm_iterations: int):
        super().__init__(problem)
        self.warm, self.descent, self.now = warm, descent, problem.state.extrapolation
        if self.now.warm_left is None:
            self.now.warm_left, self.now.beta = warm_iterations, START

    def iterate(self) -> tuple[float, float]:
        """One alternation; see the module's text."""
        p, now = self.p, self.now
        if now.warm_left:
            now.warm_left -= 1
            return self.warm.iterate()
        if not p.update_h:  # nothing to alternate with: the rows' problem is convex
            return self.descent.iterate()
        W, H = p.w.factor, p.h.factor
        for factor in (W, H):
            if factor.ahead is None:
                factor.ahead = copied(factor.iterate)
        pair = p.pair()
        first = self.descent.descend(p.w, H, True, now.beta)
        value = p.value(first.fit, pair)
        beta = self._next_beta(value)
        second = self.descent.descend(p.h, W, False, beta)
        return value, p.loss.residual(p.w.X.moments, max(first.moved, second.moved))

    def _next_beta(self, value: float) -> float:
        """The extrapolation of H: that of W, or none and a restart where the objective rose."""
        now = self.now
        if value <= now.last and math.isfinite(value):
            now.last, beta = value, now.beta
            now.beta = min(now.beta * GROWTH, now.ceiling)
            now.ceiling = min(now.ceiling * CEILING_GROWTH, 1.0)
            return beta
        now.ceiling, now.beta, now.last = now.beta, now.beta / 2, math.inf
        self._back_to_iterate(self.p.w.factor)
        self._back_to_iterate(self.p.h.factor)
        return 0.0

    def _back_to_iterate(self, factor: Factor) -> None:
        if factor.ahead is not None:
            factor.ahead[:] = factor.iterate
        factor.digest = self.p.loss.digest(factor.iterate)

    def finish(self) -> None:
        """Return the iterates, not their extrapolations."""
        for half in (self.p.w, self.p.h):
            if half.factor.ahead is not None:
                half.factor.ahead = None
                half.factor.digest = self.p.loss.digest(half.factor.iterate)
