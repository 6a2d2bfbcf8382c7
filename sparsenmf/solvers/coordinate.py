"""Coordinate descent: HALS for the Euclidean cost, scalar Newton over an active set for KL.

Either updates one entry of a factor at a time, exactly (HALS: the cost is quadratic in it) or by a Newton step that
never raises the cost; the rows of a factor are independent, so they run in parallel.
"""

from __future__ import annotations

import numpy as np

from sparsenmf.kernels import gram
from sparsenmf.kernels.rules import GramHals, in_dtype
from sparsenmf.operand import Rule
from sparsenmf.solvers.base import Entry, Problem, Side, Solver
from sparsenmf.solvers.multiplicative import denominator


class CoordinateKL(Solver):
    """Scalar Newton steps on each row's gathered problem (`kernels.coordinate`)."""

    window = 2

    def update(self, side: Side, given: Side, want: bool, beta: float = 0.0) -> Entry:
        """Two passes over each row's active set; side.N gets the rows, side.F their extrapolation by beta."""
        rule = Rule(sweeps=2, beta=beta, fixed=not self.p.update_h)
        den = denominator(given, side.l1)
        done = side.X.descend(side.F, side.N, given.F, self.p.k, den, side.l2, rule, want)
        side.digest = done.sums
        return Entry(done.loglik, done.moved)


class CoordinateFrobenius(Solver):
    """HALS (Cichocki and Phan, 2009) on the cross product and the Gram matrix (`kernels.gram.hals`)."""

    window = 2

    def __init__(self, problem: Problem, sweeps: int = 1):
        super().__init__(problem)
        self.sweeps = sweeps

    def update(self, side: Side, given: Side, want: bool, beta: float = 0.0) -> Entry:
        """`sweeps` passes over the components of each row; side.N and side.F as for KL."""
        C, dtype = side.cross(given), side.F.dtype
        blocks = gram.tile_blocks(len(C), dtype.itemsize)
        tally = np.zeros((len(blocks) - 1, 2))
        rule = in_dtype(dtype, GramHals(side.l1, side.l2, beta, self.sweeps, self.p.k))
        A = given.digest.astype(dtype)
        gram.hals(side.F, side.N, C, A, rule, np.arange(len(C)), blocks, tally)
        side.digest = self.p.loss.digest(side.F)
        fit, moved = tally.sum(axis=0)
        return Entry(float(fit), float(moved))
