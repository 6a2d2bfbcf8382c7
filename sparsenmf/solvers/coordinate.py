"""Coordinate descent: HALS for the Euclidean cost, scalar Newton over an active set for KL.

Either updates one entry of a factor at a time, exactly (HALS: the cost is quadratic in it) or by a Newton step that
never raises the cost; the rows of a factor are independent, so they run in parallel.
"""

from __future__ import annotations

import numpy as np

from sparsenmf.kernels import gram
from sparsenmf.kernels.rules import GramHals, KlDescend, in_dtype
from sparsenmf.losses import CrossStatistics
from sparsenmf.scaling import TINY
from sparsenmf.solvers.base import Descent, Half, Met, Problem
from sparsenmf.solvers.multiplicative import denominator
from sparsenmf.state import Factor

SWEEPS = 2  # passes over a row's coordinates in an update: docs/tried.md


class CoordinateKL(Descent):
    """Scalar Newton steps on each row's gathered problem (`kernels.coordinate`): a fused pass, which needs X itself."""

    window = 2

    def descend(self, half: Half, given: Factor, measure: bool, beta: float) -> Met:
        """A few passes over each row's active set."""
        factor, penalty, dtype = half.factor, half.penalty, half.X.dtype
        rule = KlDescend(TINY[dtype], penalty.l2, beta, SWEEPS, self.p.k, not self.p.update_h, measure)
        den = denominator(given.digest, penalty.l1, dtype)
        done = half.X.descend(factor.met, factor.iterate, given.met, den, rule)
        factor.digest = done.sums
        return Met(done.loglik, done.moved)


class CoordinateFrobenius(Descent):
    """HALS (Cichocki and Phan, 2009) on the cross product and the Gram matrix (`kernels.gram.hals`)."""

    window = 2

    def __init__(self, problem: Problem, sweeps: int = 1):
        super().__init__(problem)
        self.sweeps = sweeps

    def descend(self, half: Half, given: Factor, measure: bool, beta: float) -> Met:
        """`sweeps` passes over the components of each row."""
        return self._hals(half, half.factor, self.statistics(half, given), beta)

    def apply(self, half: Half, factor: Factor, statistics: CrossStatistics) -> Met:
        """The same by statistics alone, without extrapolation."""
        return self._hals(half, factor, statistics, 0.0)

    def _hals(self, half: Half, factor: Factor, statistics: CrossStatistics, beta: float) -> Met:
        C = half.memory = statistics.cross
        dtype = C.dtype
        blocks = gram.tile_blocks(len(C), dtype.itemsize)
        tally = np.zeros((len(blocks) - 1, 2))
        rule = in_dtype(dtype, GramHals(*half.penalty, beta, self.sweeps, self.p.k))
        A = statistics.gram.astype(dtype)
        order = np.arange(len(C))
        gram.hals(factor.met, factor.iterate, C, A, rule, order, blocks, tally)
        factor.digest = self.p.loss.digest(factor.met)
        fit, moved = tally.sum(axis=0)
        return Met(float(fit), float(moved))
