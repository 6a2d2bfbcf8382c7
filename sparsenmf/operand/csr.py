"""X in CSR: the sparse path."""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np

from sparsenmf.kernels import coordinate, frobenius, kl, short
from sparsenmf.kernels.rows import BLOCKS, blocks_of, find_panels, row_blocks, split_by_length, transpose
from sparsenmf.kernels.simd import lanes_of
from sparsenmf.operand.factors import empty_factor
from sparsenmf.operand.protocol import Pass, Rule, collect, numbers
from sparsenmf.scaling import TINY

ROWS_TOGETHER = 8  # their chains of dependent operations overlap
# A factor beyond CACHE_BYTES is read panel by panel, by blocks of long rows: the more rows in a block, the fewer times.
CACHE_BYTES = 1 << 22
PANEL_BYTES = 1 << 19
PANEL_NONZEROS = 24  # in a row and panel, on average, that make a long row
PANEL_LEAST = 4  # blocks, below which panels are not worth while
PANEL_REUSE = 8  # times that a block of rows is to use each row of a panel


class Tile(NamedTuple):
    """Rows of X of one kind, and the order in which a pass takes their nonzeros."""

    rows: np.ndarray
    panels: np.ndarray  # rows x (panels + 1): the bounds of each row's nonzeros in each panel of G's rows
    group: int  # rows that go over a panel together
    blocks: np.ndarray


def tiles_of(arrays: tuple[np.ndarray, np.ndarray, np.ndarray], n_columns: int, width: int) -> list[Tile]:
    """Long rows, which go over G's rows panel by panel where G is larger than the cache; and the others, whole."""
    indptr, indices, _ = arrays
    count = -(-n_columns // width)
    lengths = np.diff(indptr)
    long = lengths >= PANEL_NONZEROS * count
    n_blocks = int(lengths[long].sum() / n_columns / PANEL_REUSE)
    if count * PANEL_BYTES <= CACHE_BYTES or n_blocks < PANEL_LEAST:
        long[:] = False
    tiles = []
    if long.any():
        rows = np.flatnonzero(long)
        panels = np.empty((len(rows), count + 1), np.int64)
        find_panels(indptr, indices, rows, width, panels)
        blocks = blocks_of(rows, indptr, n_blocks=min(n_blocks, BLOCKS))
        tiles.append(Tile(rows, panels, int(np.diff(blocks).max()), blocks))
    if not long.all():
        rows = np.flatnonzero(~long)
        panels = np.stack([indptr[rows], indptr[rows + 1]], axis=1).astype(np.int64)
        tiles.append(Tile(rows, panels, ROWS_TOGETHER, blocks_of(rows, indptr)))
    return tiles


class CsrOperand:
    """X in canonical CSR: the sparse path. Everything costs O(nnz k)."""

    def __init__(self, arrays: tuple[np.ndarray, np.ndarray, np.ndarray], shape: tuple[int, int], dtype: np.dtype):
        self.arrays, self.shape, self.dtype = arrays, shape, dtype
        self.blocks = row_blocks(arrays[0])
        self.rows = split_by_length(arrays[0], short.SHORT)  # long rows, short rows
        self.row_blocks = [blocks_of(r, arrays[0], u) for r, u in zip(self.rows, (1, lanes_of(dtype)), strict=True)]
        self.tiles: dict[int, list[Tile]] = {}
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
        for tile in self._tiles(G):
            frobenius.times(self.arrays, G, *tile, out)
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
        limits = numbers(self.dtype, TINY[self.dtype], TINY[self.dtype], cut)
        tiles = self._tiles(G)
        counts = np.append(0, np.cumsum([len(tile.blocks) - 1 for tile in tiles]))
        sums, tally = np.zeros((counts[-1], F.shape[1])), np.zeros((counts[-1], 2))
        for tile, first, last in zip(tiles, counts[:-1], counts[1:], strict=True):
            kl.multiply(
                self.arrays, F, G, den, self.dtype.type(l2), limits, want, *tile, sums[first:last], tally[first:last]
            )
        return collect(sums, tally)

    def _tiles(self, G: np.ndarray) -> list[Tile]:
        """How a pass goes over the nonzeros, for a G of so many bytes: found once."""
        width = max(1, PANEL_BYTES // (G.shape[1] * G.itemsize))
        if width not in self.tiles:
            self.tiles[width] = tiles_of(self.arrays, len(G), width)
        return self.tiles[width]

    def descend(
        self, F: np.ndarray, N: np.ndarray, G: np.ndarray, k: int, den: np.ndarray, l2: float, rule: Rule, want: bool
    ) -> Pass:
        """KL coordinate descent on the rows of F; N gets the iterate, F its extrapolation."""
        self.tiles.clear()  # 24 bytes a row, and who descends makes no more of the passes that use them
        scalars = numbers(self.dtype, TINY[self.dtype], l2, rule.beta)
        counts = [len(blocks) - 1 for blocks in self.row_blocks]
        sums, tally = np.zeros((sum(counts), F.shape[1])), np.zeros((sum(counts), 2))
        cut = counts[0]
        for kernels, rows, blocks, part in zip(
            (coordinate, short), self.rows, self.row_blocks, (slice(cut), slice(cut, None)), strict=True
        ):
            if len(rows):
                state = (F, N, G, den, scalars, rule.sweeps, rule.fixed, want, k)
                kernels.descend(self.arrays, *state, rows, blocks, sums[part], tally[part])
        return collect(sums, tally)

    def solve(
        self, F: np.ndarray, G: np.ndarray, k: int, den: np.ndarray, l2: float, max_sweeps: int, tol: float
    ) -> None:
        """The KL minimiser over the rows of F, each row by itself."""
        scalars = numbers(self.dtype, TINY[self.dtype], l2, tol)
        coordinate.solve(self.arrays, F, G, den, scalars, max_sweeps, k, self.blocks)
