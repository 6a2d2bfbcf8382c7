"""The multiplicative updates of Lee and Seung (NIPS 2000), eqs. 4 and 5. Neither ever raises its cost.

Euclidean   W <- W * (XH') / (WHH')                          H <- H * (W'X) / (W'WH)
KL          W <- W * ((X / WH)H') / (row sums of H)          H <- H * (W'(X / WH)) / (column sums of W)
"""

from __future__ import annotations

import numpy as np

from sparsenmf.kernels import gram
from sparsenmf.kernels.rules import GramMultiply, in_dtype
from sparsenmf.operand import product
from sparsenmf.scaling import TINY
from sparsenmf.solvers.base import Entry, Side, Solver


def denominator(given: Side, l1: float) -> np.ndarray:
    """The column sums of the other factor, plus the L1 penalty where a component has any."""
    return np.where(given.digest > 0, given.digest + l1, 0).astype(given.F.dtype)


class MultiplicativeKL(Solver):
    """Eq. 5: the whole update is one pass over X's nonzeros (`kernels.kl.multiply`)."""

    def update(self, side: Side, given: Side, want: bool, beta: float = 0.0) -> Entry:
        """F <- F * ((X / FG')G) / (column sums of G)."""
        cut = self._cut() if side is self.p.h else 0.0
        done = side.X.multiply(side.F, given.F, self.p.k, denominator(given, side.l1), side.l2, cut, want)
        side.digest = done.sums
        return Entry(done.loglik, done.moved)

    def _cut(self) -> float:
        """Below a double's resolution an entry of H turns zero, as in scikit-learn, whose iterates these are."""
        return float(np.finfo(np.float64).eps) * min(1.0, float(self.p.h.digest.max()))


class MultiplicativeFrobenius(Solver):
    """Eq. 4, from the cross product C = XG and the Gram matrix A = G'G (`kernels.gram.multiply`)."""

    def update(self, side: Side, given: Side, want: bool, beta: float = 0.0) -> Entry:
        """F <- F * C / (F A)."""
        C, dtype = side.cross(given), side.F.dtype
        blocks = gram.tile_blocks(len(C), dtype.itemsize)
        D = product(side.F, given.digest.astype(dtype))
        tally = np.zeros((len(blocks) - 1, 2))
        rule = in_dtype(dtype, GramMultiply(side.l1, side.l2, TINY[dtype]))
        gram.multiply(side.F, C, D, np.diag(given.digest).astype(dtype), rule, blocks, tally)
        side.digest = self.p.loss.digest(side.F)
        fit, moved = tally.sum(axis=0)
        return Entry(float(fit), float(moved))
