"""X as a dense array: the dense path."""

from __future__ import annotations

import functools

import numpy as np

from sparsenmf._jit import for_blocks
from sparsenmf.kernels import dense, frobenius
from sparsenmf.kernels.rules import KlDescend, KlMultiply, KlSolve, in_dtype
from sparsenmf.operand.factors import empty_factor
from sparsenmf.operand.protocol import Moments, Operand, Pass, collect
from sparsenmf.scaling import TINY

BLOCK_BYTES = 1 << 20  # of WH at a time: it stays in the second-level cache
BLOCK_UNIT = 16  # rows: BLAS's own tiles and registers come out whole
DENSE_BLOCKS = 64
ALONE_ROWS = 64
DOUBLE_BUDGET = 64 << 20  # bytes of a float64 copy of X, made to measure a nearly exact fit


def _even_blocks(n: int, count: int, unit: int = 1) -> np.ndarray:
    """Bounds of about `count` runs of equally many rows, at multiples of `unit`."""
    bounds = np.round(np.linspace(0, n, min(n, count) + 1) / unit).astype(np.int64) * unit
    bounds[-1] = n
    return np.unique(np.minimum(bounds, n))


class DenseOperand(Operand):
    """X as a dense array: matrix products, in row blocks that fit the cache; never anything of X's size beside X.

    The transpose shares X: its row blocks are column blocks of X, and products take them as BLAS's own transposes.
    """

    def __init__(self, X: np.ndarray, dtype: np.dtype, transposed: bool = False):
        super().__init__(X.shape[::-1] if transposed else X.shape, dtype)
        self.X, self.transposed = X, transposed
        n, m = self.shape
        pieces = -(-n * m * dtype.itemsize // BLOCK_BYTES)
        self.blocks = _even_blocks(n, min(4 * (-(-pieces // 4)), max(1, n // 16)), BLOCK_UNIT)
        self.wide_blocks = _even_blocks(n, min(8, max(1, n // 16)))
        self.fine_blocks = _even_blocks(n, DENSE_BLOCKS)

    def _transposed(self) -> DenseOperand:
        return DenseOperand(self.X, self.dtype, not self.transposed)

    def in_double(self) -> DenseOperand | None:
        """X in float64, where a copy of it is small."""
        if self.X.size * 8 > DOUBLE_BUDGET:
            return None
        double = np.dtype(np.float64)
        return DenseOperand(self.X.astype(double), double, self.transposed)

    @functools.cached_property
    def moments(self) -> Moments:
        """See `Operand`."""
        return Moments(*frobenius.moments_of(self.X.reshape(-1)))

    @functools.cached_property
    def masses(self) -> np.ndarray:
        """See `Operand`."""
        return self.X.sum(axis=0 if self.transposed else 1, dtype=np.float64).astype(self.dtype)

    # --- primitives -----------------------------------------------------------------------------------------------

    def times(self, G: np.ndarray, out: np.ndarray | None = None, alone: bool = False) -> np.ndarray:
        """See `Operand`."""
        if out is None:
            out = empty_factor(self.shape[0], G.shape[1], self.dtype)
        if alone:
            self._times_alone(G, out)
            return out

        def block(b: int) -> None:
            rows = slice(self.wide_blocks[b], self.wide_blocks[b + 1])
            np.matmul(self.X[:, rows].T if self.transposed else self.X[rows], G, out=out[rows])

        for_blocks(block, len(self.wide_blocks) - 1)
        return out

    def _times_alone(self, G: np.ndarray, out: np.ndarray) -> None:
        """XG in blocks of one fixed number of rows, the last filled up: BLAS rounds by the number of rows it gets."""
        X = self.X.T if self.transposed else self.X

        def block(b: int) -> None:
            rows = slice(b * ALONE_ROWS, (b + 1) * ALONE_ROWS)
            whole = np.zeros((ALONE_ROWS, X.shape[1]), self.dtype)
            whole[: len(X[rows])] = X[rows]
            out[rows] = (whole @ G)[: len(X[rows])]

        for_blocks(block, -(-len(X) // ALONE_ROWS))

    def products(self, F: np.ndarray, G: np.ndarray) -> np.ndarray:
        """See `Operand`; a matrix of X's size."""
        return (G @ F.T if self.transposed else F @ G.T).reshape(-1)

    @property
    def values(self) -> np.ndarray:
        """See `Operand`."""
        return self.X.reshape(-1)

    def replaced(self, values: np.ndarray) -> DenseOperand:
        """See `Operand`."""
        return DenseOperand(values.reshape(self.X.shape), self.dtype, self.transposed)

    # --- fused passes ---------------------------------------------------------------------------------------------

    def _ratio(self, F: np.ndarray, G: np.ndarray, b: int) -> tuple[np.ndarray, float]:
        """Block b of X / FG', and its part of the log-likelihood."""
        first, last = self.blocks[b], self.blocks[b + 1]
        Y = G @ F[first:last].T if self.transposed else F[first:last] @ G.T
        corner = (0, first) if self.transposed else (first, 0)
        loglik = dense.divide_into(self.X, *corner, Y, self.dtype.type(TINY[self.dtype]), True)
        return (Y.T if self.transposed else Y), loglik

    def ratio_times(self, F: np.ndarray, G: np.ndarray) -> tuple[np.ndarray, float]:
        """See `Operand`."""
        out = empty_factor(self.shape[0], G.shape[1], self.dtype)

        def block(b: int) -> float:
            ratio, loglik = self._ratio(F, G, b)
            np.matmul(ratio, G, out=out[self.blocks[b] : self.blocks[b + 1]])
            return loglik

        return out, float(sum(for_blocks(block, len(self.blocks) - 1)))

    def loglik(self, F: np.ndarray, G: np.ndarray) -> float:
        """See `Operand`."""
        return float(sum(for_blocks(lambda b: self._ratio(F, G, b)[1], len(self.blocks) - 1)))

    def multiply(self, F: np.ndarray, G: np.ndarray, den: np.ndarray, rule: KlMultiply) -> Pass:
        """See `Operand`."""
        rule, count = in_dtype(self.dtype, rule), len(self.blocks) - 1
        sums, tally = np.zeros((count, F.shape[1])), np.zeros((count, 2))
        columns = np.ascontiguousarray(G[:, : rule.k])
        dense.multiply(self.X, self.transposed, F, columns, den, rule, self.masses, self.blocks, sums, tally)
        return collect(sums, tally)

    def _columns(self, G: np.ndarray) -> np.ndarray:
        """G' flat, its rows aligned and padded to whole registers (with the last column of G' again: y > 0 there)."""
        B = empty_factor(G.shape[1], len(G), self.dtype)
        B[:, : len(G)] = G.T
        B[:, len(G) :] = G[-1][:, None]
        return B.reshape(-1)

    def descend(self, F: np.ndarray, N: np.ndarray, G: np.ndarray, den: np.ndarray, rule: KlDescend) -> Pass:
        """See `Operand`."""
        rule, count = in_dtype(self.dtype, rule), len(self.fine_blocks) - 1
        sums, tally = np.zeros((count, F.shape[1])), np.zeros((count, 2))
        B = self._columns(G)
        dense.descend(self.X, self.transposed, F, N, B, den, rule, self.fine_blocks, sums, tally)
        return collect(sums, tally)

    def solve(self, F: np.ndarray, G: np.ndarray, den: np.ndarray, rule: KlSolve) -> None:
        """See `Operand`."""
        rule, B = in_dtype(self.dtype, rule), self._columns(G)
        dense.solve(self.X, self.transposed, F, B, den, rule, self.fine_blocks)
