"""X in CSR: the sparse path."""

from __future__ import annotations

import functools

import numpy as np

from sparsenmf.kernels import coordinate, frobenius, kl, short
from sparsenmf.kernels.rows import BLOCKS, Route, blocks_of, find_panels, row_blocks, split_by_length, transpose
from sparsenmf.kernels.rules import KlDescend, KlMultiply, KlSolve, in_dtype
from sparsenmf.kernels.simd import lanes_of
from sparsenmf.operand.factors import empty_factor
from sparsenmf.operand.protocol import Pass, Rule, collect
from sparsenmf.scaling import TINY

ROWS_TOGETHER = 8  # their chains of dependent operations overlap
# A factor beyond CACHE_BYTES is read panel by panel, by blocks of long rows: the more rows in a block, the fewer times.
CACHE_BYTES = 1 << 22
PANEL_BYTES = 1 << 19
PANEL_NONZEROS = 24  # in a row and panel, on average, that make a long row
PANEL_LEAST = 4  # blocks, below which panels are not worth while
PANEL_REUSE = 8  # times that a block of rows is to use each row of a panel


def routes_of(arrays: tuple[np.ndarray, np.ndarray, np.ndarray], n_columns: int, width: int) -> list[Route]:
    """Long rows, which go over G's rows panel by panel where G is larger than the cache; and the others, whole."""
    indptr, indices, _ = arrays
    count = -(-n_columns // width)
    lengths = np.diff(indptr)
    long = lengths >= PANEL_NONZEROS * count
    n_blocks = int(lengths[long].sum() / n_columns / PANEL_REUSE)
    if count * PANEL_BYTES <= CACHE_BYTES or n_blocks < PANEL_LEAST:
        long[:] = False
    routes = []
    if long.any():
        rows = np.flatnonzero(long)
        panels = np.empty((len(rows), count + 1), np.int64)
        find_panels(indptr, indices, rows, width, panels)
        blocks = blocks_of(rows, indptr, n_blocks=min(n_blocks, BLOCKS))
        routes.append(Route(rows, panels, int(np.diff(blocks).max()), blocks))
    if not long.all():
        rows = np.flatnonzero(~long)
        panels = np.stack([indptr[rows], indptr[rows + 1]], axis=1).astype(np.int64)
        routes.append(Route(rows, panels, ROWS_TOGETHER, blocks_of(rows, indptr)))
    return routes


class CsrOperand:
    """X in canonical CSR: the sparse path. Everything costs O(nnz k)."""

    def __init__(self, arrays: tuple[np.ndarray, np.ndarray, np.ndarray], shape: tuple[int, int], dtype: np.dtype):
        self.arrays, self.shape, self.dtype = arrays, shape, dtype
        self.blocks = row_blocks(arrays[0])
        self.rows = split_by_length(arrays[0], short.SHORT)  # long rows, short rows
        self.row_blocks = [blocks_of(r, arrays[0], u) for r, u in zip(self.rows, (1, lanes_of(dtype)), strict=True)]
        self.routes: dict[int, list[Route]] = {}
        self._transposed: CsrOperand | None = None

    @property
    def T(self) -> CsrOperand:  # noqa: N802
        """X' in CSR, built once."""
        if self._transposed is None:
            self._transposed = CsrOperand(transpose(self.arrays, self.shape[1]), self.shape[::-1], self.dtype)
            self._transposed._transposed = self
        return self._transposed

    def in_double(self) -> CsrOperand:
        """The same arrays for factors in float64."""
        return CsrOperand(self.arrays, self.shape, np.dtype(np.float64))

    @functools.cached_property
    def moments(self) -> tuple[float, float, float]:
        """Sum of x, of x log x and of x^2."""
        return frobenius.moments_of(self.arrays[2])

    @property
    def empty_rows(self) -> np.ndarray:
        """Which rows hold nothing."""
        return np.diff(self.arrays[0]) == 0

    def _tally(self, columns: int) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros((len(self.blocks) - 1, columns)), np.zeros((len(self.blocks) - 1, 2))

    def times(self, G: np.ndarray, out: np.ndarray | None = None, alone: bool = False) -> np.ndarray:
        """XG, into `out` where that is given."""
        if out is None:
            out = empty_factor(self.shape[0], G.shape[1], self.dtype)
        for route in self._routes(G):
            frobenius.times(self.arrays, G, route, out)
        return out

    def ratio_times(self, F: np.ndarray, G: np.ndarray) -> tuple[np.ndarray, float]:
        """(X / FG')G, and the sum of x log(FG')."""
        out = empty_factor(self.shape[0], G.shape[1], self.dtype)
        tally = self._tally(0)[1]
        kl.ratio_times(self.arrays, F, G, self.dtype.type(TINY[self.dtype]), self.blocks, out, tally)
        return out, float(tally[:, 0].sum())

    def loglik(self, F: np.ndarray, G: np.ndarray) -> float:
        """The sum of x log(FG'); -inf where FG' is zero at a nonzero."""
        tally = self._tally(0)[1]
        kl.loglik(self.arrays, F, G, self.blocks, tally)
        return float(tally[:, 0].sum())

    def multiply(
        self, F: np.ndarray, G: np.ndarray, k: int, den: np.ndarray, l2: float, cut: float, want: bool
    ) -> Pass:
        """Eq. 5 on the rows of F, in place, entries up to `cut` becoming zero; `want` the log-likelihood too."""
        tiny = TINY[self.dtype]
        rule = in_dtype(self.dtype, KlMultiply(tiny, tiny, cut, l2, want))
        routes = self._routes(G)
        counts = np.append(0, np.cumsum([len(route.blocks) - 1 for route in routes]))
        sums, tally = np.zeros((counts[-1], F.shape[1])), np.zeros((counts[-1], 2))
        for route, first, last in zip(routes, counts[:-1], counts[1:], strict=True):
            kl.multiply(self.arrays, F, G, den, rule, route, sums[first:last], tally[first:last])
        return collect(sums, tally)

    def _routes(self, G: np.ndarray) -> list[Route]:
        """How a pass goes over the nonzeros, for a G of so many bytes: found once."""
        width = max(1, PANEL_BYTES // (G.shape[1] * G.itemsize))
        if width not in self.routes:
            self.routes[width] = routes_of(self.arrays, len(G), width)
        return self.routes[width]

    def descend(
        self, F: np.ndarray, N: np.ndarray, G: np.ndarray, k: int, den: np.ndarray, l2: float, rule: Rule, want: bool
    ) -> Pass:
        """KL coordinate descent on the rows of F; N gets the iterate, F its extrapolation."""
        self.routes.clear()  # 24 bytes a row, and who descends makes no more of the passes that use them
        told = KlDescend(TINY[self.dtype], l2, rule.beta, rule.sweeps, k, rule.fixed, want)
        told = in_dtype(self.dtype, told)
        counts = [len(blocks) - 1 for blocks in self.row_blocks]
        sums, tally = np.zeros((sum(counts), F.shape[1])), np.zeros((sum(counts), 2))
        cut = counts[0]
        for kernels, rows, blocks, part in zip(
            (coordinate, short), self.rows, self.row_blocks, (slice(cut), slice(cut, None)), strict=True
        ):
            if len(rows):
                kernels.descend(self.arrays, F, N, G, den, told, rows, blocks, sums[part], tally[part])
        return collect(sums, tally)

    def solve(
        self, F: np.ndarray, G: np.ndarray, k: int, den: np.ndarray, l2: float, max_sweeps: int, tol: float
    ) -> None:
        """The KL minimiser over the rows of F, each row by itself."""
        rule = in_dtype(self.dtype, KlSolve(TINY[self.dtype], l2, tol, max_sweeps, k))
        coordinate.solve(self.arrays, F, G, den, rule, self.blocks)
