"""X in CSR: the sparse path."""

from __future__ import annotations

import functools

import numpy as np

from sparsenmf._jit import made_once
from sparsenmf.kernels import coordinate, frobenius, kl, short
from sparsenmf.kernels.rows import transpose
from sparsenmf.kernels.rules import KlDescend, KlMultiply, KlSolve, in_dtype
from sparsenmf.operand.factors import empty_factor
from sparsenmf.operand.plan import Arrays, Plan, panel_rows, plan_of
from sparsenmf.operand.protocol import Moments, Operand, Pass, collect
from sparsenmf.scaling import TINY


class CsrOperand(Operand):
    """X in canonical CSR: the sparse path. Everything costs O(nnz k)."""

    def __init__(self, arrays: Arrays, shape: tuple[int, int], dtype: np.dtype):
        super().__init__(shape, dtype)
        self.arrays = arrays
        self._plans: dict[int, Plan] = {}

    def _transposed(self) -> CsrOperand:
        return CsrOperand(transpose(self.arrays, self.shape[1]), self.shape[::-1], self.dtype)

    def in_double(self) -> CsrOperand:
        """The same arrays for factors in float64."""
        return CsrOperand(self.arrays, self.shape, np.dtype(np.float64))

    def plan(self, G: np.ndarray) -> Plan:
        """How passes go over the rows of X, for a factor G of so many bytes a row."""
        width = panel_rows(G.shape[1], G.itemsize)
        return made_once(self._plans, width, lambda: plan_of(self.arrays, self.shape[1], self.dtype, width))

    @functools.cached_property
    def moments(self) -> Moments:
        """See `Operand`."""
        return Moments(*frobenius.moments_of(self.arrays[2]))

    @functools.cached_property
    def masses(self) -> np.ndarray:
        """See `Operand`."""
        indptr, _, data = self.arrays
        sums, filled = np.zeros(self.shape[0]), np.flatnonzero(np.diff(indptr))
        if len(filled):
            sums[filled] = np.add.reduceat(data, indptr[filled], dtype=np.float64)
        return sums.astype(self.dtype)

    @property
    def empty_rows(self) -> np.ndarray:
        """See `Operand`."""
        return np.diff(self.arrays[0]) == 0

    # --- primitives -----------------------------------------------------------------------------------------------

    def times(self, G: np.ndarray, out: np.ndarray | None = None, alone: bool = False) -> np.ndarray:
        """See `Operand`."""
        if out is None:
            out = empty_factor(self.shape[0], G.shape[1], self.dtype)
        for route in self.plan(G).routes:
            frobenius.times(self.arrays, G, route, out)
        return out

    def products(self, F: np.ndarray, G: np.ndarray) -> np.ndarray:
        """See `Operand`."""
        out = np.empty(len(self.arrays[1]), self.dtype)
        kl.products(self.arrays, F, G, self.plan(G).blocks, out)
        return out

    @property
    def values(self) -> np.ndarray:
        """See `Operand`."""
        return self.arrays[2]

    def replaced(self, values: np.ndarray) -> CsrOperand:
        """See `Operand`."""
        return CsrOperand((*self.arrays[:2], values), self.shape, self.dtype)

    # --- fused passes ---------------------------------------------------------------------------------------------

    def ratio_times(self, F: np.ndarray, G: np.ndarray) -> tuple[np.ndarray, float]:
        """See `Operand`."""
        blocks = self.plan(G).blocks
        out, tally = empty_factor(self.shape[0], G.shape[1], self.dtype), np.zeros((len(blocks) - 1, 2))
        kl.ratio_times(self.arrays, F, G, self.dtype.type(TINY[self.dtype]), blocks, out, tally)
        return out, float(tally[:, 0].sum())

    def loglik(self, F: np.ndarray, G: np.ndarray) -> float:
        """See `Operand`."""
        blocks = self.plan(G).blocks
        tally = np.zeros((len(blocks) - 1, 2))
        kl.loglik(self.arrays, F, G, blocks, tally)
        return float(tally[:, 0].sum())

    def multiply(self, F: np.ndarray, G: np.ndarray, den: np.ndarray, rule: KlMultiply) -> Pass:
        """See `Operand`."""
        rule, plan = in_dtype(self.dtype, rule), self.plan(G)
        sums, tally = np.zeros((plan.lines, F.shape[1])), np.zeros((plan.lines, 2))
        first = 0
        for route in plan.routes:
            last = first + len(route.blocks) - 1
            kl.multiply(self.arrays, F, G, den, rule, route, sums[first:last], tally[first:last])
            first = last
        return collect(sums, tally)

    def descend(self, F: np.ndarray, N: np.ndarray, G: np.ndarray, den: np.ndarray, rule: KlDescend) -> Pass:
        """See `Operand`."""
        rule, plan = in_dtype(self.dtype, rule), self.plan(G)
        cut = len(plan.long.blocks) - 1
        count = cut + len(plan.short.blocks) - 1
        sums, tally = np.zeros((count, F.shape[1])), np.zeros((count, 2))
        for kernels, (rows, blocks), part in (
            (coordinate, plan.long, slice(cut)),
            (short, plan.short, slice(cut, None)),
        ):
            if len(rows):
                kernels.descend(self.arrays, F, N, G, den, rule, rows, blocks, sums[part], tally[part])
        return collect(sums, tally)

    def solve(self, F: np.ndarray, G: np.ndarray, den: np.ndarray, rule: KlSolve) -> None:
        """See `Operand`."""
        coordinate.solve(self.arrays, F, G, den, in_dtype(self.dtype, rule), self.plan(G).blocks)
