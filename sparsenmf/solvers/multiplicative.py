"""The multiplicative updates of Lee and Seung (NIPS 2000), eqs. 4 and 5. Neither ever raises its cost.

Euclidean   W <- W * (XH') / (WHH')                          H <- H * (W'X) / (W'WH)
KL          W <- W * ((X / WH)H') / (row sums of H)          H <- H * (W'(X / WH)) / (column sums of W)
"""

from __future__ import annotations

import numpy as np

from sparsenmf.kernels import gram, kl
from sparsenmf.kernels.rules import GramMultiply, KlMultiply, in_dtype
from sparsenmf.losses import CrossStatistics, RatioStatistics
from sparsenmf.operand import product
from sparsenmf.scaling import TINY
from sparsenmf.solvers.base import Half, Met, Solver
from sparsenmf.state import Factor


def denominator(sums: np.ndarray, l1: float, dtype: np.dtype) -> np.ndarray:
    """The column sums of the other factor, plus the L1 penalty where a component has any."""
    return np.where(sums > 0, sums + l1, 0).astype(dtype)


def cut_of(half: Half, factor: Factor) -> float:
    """The number up to which an entry turns zero: for H a double's resolution, as in scikit-learn; for W none."""
    return float(np.finfo(np.float64).eps) * min(1.0, float(factor.digest.max())) if half.name == "H" else 0.0


class MultiplicativeKL(Solver):
    """Eq. 5, F <- F * ((X / FG')G) / (column sums of G)."""

    def update(self, half: Half, given: Factor, measure: bool) -> Met:
        """Statistics and apply in one pass over X's nonzeros (`kernels.kl.multiply`)."""
        factor, den = half.factor, denominator(given.digest, half.penalty.l1, half.X.dtype)
        done = half.X.multiply(factor.iterate, given.met, den, self._rule(half, factor, measure))
        factor.digest = done.sums
        return Met(done.loglik, done.moved)

    def apply(self, half: Half, factor: Factor, statistics: RatioStatistics) -> Met:
        """The update by its numerators and denominators alone (`kernels.kl.apply`)."""
        F, dtype = factor.iterate, factor.iterate.dtype
        den, rule = denominator(statistics.sums, half.penalty.l1, dtype), self._rule(half, factor, True)
        blocks = gram.tile_blocks(len(F), dtype.itemsize)
        sums, tally = np.zeros((len(blocks) - 1, F.shape[1])), np.zeros((len(blocks) - 1, 2))
        kl.apply(F, statistics.numerators, statistics.masses, den, in_dtype(dtype, rule), blocks, sums, tally)
        factor.digest = sums.sum(axis=0)
        return Met(statistics.loglik, float(tally[:, 1].sum()))

    def _rule(self, half: Half, factor: Factor, measure: bool) -> KlMultiply:
        tiny = TINY[factor.iterate.dtype]
        return KlMultiply(tiny, tiny, cut_of(half, factor), half.penalty.l2, self.p.k, measure)


class MultiplicativeFrobenius(Solver):
    """Eq. 4, F <- F * C / (F A), from the cross product C = XG and the Gram matrix A = G'G."""

    def apply(self, half: Half, factor: Factor, statistics: CrossStatistics) -> Met:
        """The update (`kernels.gram.multiply`)."""
        half.memory, F, A = statistics.cross, factor.iterate, statistics.gram
        dtype = F.dtype
        blocks = gram.tile_blocks(len(F), dtype.itemsize)
        D = product(F, A.astype(dtype))
        tally = np.zeros((len(blocks) - 1, 2))
        rule = in_dtype(dtype, GramMultiply(*half.penalty, TINY[dtype]))
        gram.multiply(F, statistics.cross, D, np.diag(A).astype(dtype), rule, blocks, tally)
        factor.digest = self.p.loss.digest(F)
        fit, moved = tally.sum(axis=0)
        return Met(float(fit), float(moved))
