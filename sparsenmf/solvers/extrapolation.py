"""The default solver: a few multiplicative updates, then extrapolated coordinate descent with restarts.

After each update a factor is carried on along its last change, F <- N + beta (N - N before) (A. M. S. Ang and
N. Gillis, Neural Computation 31, 2019). beta grows while the objective falls. Where it rose, both factors go back to
their last iterates and beta is halved. Coordinate descent itself never raises the cost, so a restart recovers.
"""

from __future__ import annotations

import math

from sparsenmf.solvers.base import Problem, Side, Solver

START, GROWTH, CEILING_GROWTH = 0.5, 1.05, 1.01


class Extrapolated(Solver):
    """`warm` for a few iterations, then `descent` with extrapolation."""

    window = 4  # a restart takes an iteration or two to pay

    def __init__(self, problem: Problem, warm: Solver, descent: Solver, warm_iterations: int):
        super().__init__(problem)
        self.warm, self.descent, self.left = warm, descent, warm_iterations
        self.beta, self.ceiling = START, 1.0
        self.last = math.inf

    def iterate(self) -> tuple[float, float]:
        """One alternation; see the module's text."""
        if self.left > 0:
            self.left -= 1
            return self.warm.iterate()
        p = self.p
        if p.w.N is p.w.F and p.update_h:
            p.w.N, p.h.N = p.w.F.copy(), p.h.F.copy()
        if not p.update_h:  # nothing to alternate with: the rows' problem is convex
            return self.descent.iterate()
        rest = p.rest()
        first = self.descent.update(p.w, p.h, True, beta=self.beta)
        value = p.value(first.fit, rest)
        if value <= self.last and math.isfinite(value):
            self.last, beta = value, self.beta
            self.beta = min(self.beta * GROWTH, self.ceiling)
            self.ceiling = min(self.ceiling * CEILING_GROWTH, 1.0)
        else:
            self.ceiling, self.beta, beta = self.beta, self.beta / 2, 0.0
            self.last = math.inf
            self._back_to_iterate(p.w)
            self._back_to_iterate(p.h)
        second = self.descent.update(p.h, p.w, False, beta=beta)
        return value, p.loss.residual(p.w.X, max(first.moved, second.moved))

    def _back_to_iterate(self, side: Side) -> None:
        side.F[:] = side.N
        side.digest = self.p.loss.digest(side.F)

    def finish(self) -> None:
        """Return the iterates, not their extrapolations."""
        for side in (self.p.w, self.p.h):
            if side.N is not side.F:
                side.F = side.N
                side.digest = self.p.loss.digest(side.F)
