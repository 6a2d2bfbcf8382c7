"""The operand is the dispatcher: X as the few products that solvers need, on sparse or on dense storage.

Every method updates or measures the rows of F given G, where X ~ F G'. With F = W, G = H' that is one half of an
alternation; `X.T` with F = H', G = W is the other. Nothing above this module knows how X is stored.

Factors are padded with zero columns to whole registers (`pad`). `den` is the column sums of G plus the L1 penalty.
"""

from __future__ import annotations

import functools
from typing import NamedTuple, Protocol

import numpy as np

from sparsenmf._jit import for_blocks, plain
from sparsenmf._validation import CsrArrays
from sparsenmf.kernels import coordinate, dense, frobenius, kl, short
from sparsenmf.kernels.rows import BLOCKS, blocks_of, find_panels, row_blocks, split_by_length, transpose, turn
from sparsenmf.kernels.simd import GROUP, lanes_of
from sparsenmf.scaling import TINY, scaled

BLOCK_BYTES = 1 << 20  # of WH at a time, on the dense path: it stays in the second-level cache
BLOCK_UNIT = 16  # rows: BLAS's own tiles and registers come out whole
DENSE_BLOCKS = 64
PRODUCT_ROWS = 4096
ALONE_ROWS = 64
DOUBLE_BUDGET = 64 << 20  # bytes of a float64 copy of a dense X, made to measure a nearly exact fit
MEMORY_BUDGET = 2 << 30  # bytes that path="auto" may spend on a dense copy of a sparse X
# Density from which the dense path is the quicker one: benchmarks/crossover.py.
CROSSOVER = {"kl": 0.8, "frobenius": 0.6}
# A dense X becomes CSR below this density only: X and X' are then no larger than X was.
SPARSE_COPY = 0.25
ROWS_TOGETHER = 8  # their chains of dependent operations overlap
# A factor beyond CACHE_BYTES is read panel by panel, by blocks of long rows: the more rows in a block, the fewer times.
CACHE_BYTES = 1 << 22
PANEL_BYTES = 1 << 19
PANEL_NONZEROS = 24  # in a row and panel, on average, that make a long row
PANEL_LEAST = 4  # blocks, below which panels are not worth while
PANEL_REUSE = 8  # times that a block of rows is to use each row of a panel
_COPY_ALIGNMENT = 64


class Rule(NamedTuple):
    """How coordinate descent goes: passes an update, and extrapolation of its change."""

    sweeps: int = 2
    beta: float = 0.0
    fixed: bool = False  # the other factor stays as it is


class Pass(NamedTuple):
    """What a pass over the rows of F learnt: column sums of the F it left, and of the F it met the rest."""

    sums: np.ndarray
    loglik: float  # sum of x log(WH)
    moved: float  # KKT residual, not yet divided by the sum of X


class Operand(Protocol):
    """What a solver may ask of X."""

    shape: tuple[int, int]
    dtype: np.dtype

    @property
    def T(self) -> Operand: ...  # noqa: N802
    def in_double(self) -> Operand | None: ...
    @property
    def moments(self) -> tuple[float, float, float]: ...
    @property
    def empty_rows(self) -> np.ndarray: ...
    def times(self, G: np.ndarray, out: np.ndarray | None = None, alone: bool = False) -> np.ndarray: ...
    def ratio_times(self, F: np.ndarray, G: np.ndarray) -> tuple[np.ndarray, float]: ...
    def loglik(self, F: np.ndarray, G: np.ndarray) -> float: ...
    def multiply(
        self, F: np.ndarray, G: np.ndarray, k: int, den: np.ndarray, l2: float, cut: float, want: bool
    ) -> Pass: ...
    def descend(
        self, F: np.ndarray, N: np.ndarray, G: np.ndarray, k: int, den: np.ndarray, l2: float, rule: Rule, want: bool
    ) -> Pass: ...
    def solve(
        self, F: np.ndarray, G: np.ndarray, k: int, den: np.ndarray, l2: float, max_sweeps: int, tol: float
    ) -> None: ...


def empty_factor(n: int, k: int, dtype: np.dtype) -> np.ndarray:
    """Zeros for a factor of n rows: k columns padded to whole registers and groups, rows on cache lines."""
    unit = max(lanes_of(dtype), GROUP)
    columns = -(-k // unit) * unit
    room = np.zeros(n * columns + _COPY_ALIGNMENT // dtype.itemsize, dtype)
    offset = -room.ctypes.data % _COPY_ALIGNMENT // dtype.itemsize
    return room[offset : offset + n * columns].reshape(n, columns)


def pad(A: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """A copy of a factor (rows x k) in the form that kernels take."""
    out = empty_factor(A.shape[0], A.shape[1], dtype)
    out[:, : A.shape[1]] = A
    return out


def padded_transpose(H: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """H' (m x k) in the form that kernels take, from H (k x m)."""
    out = empty_factor(H.shape[1], H.shape[0], dtype)
    turn(np.ascontiguousarray(H, dtype), out)
    return out


def transposed(F: np.ndarray, k: int) -> np.ndarray:
    """The first k columns of a padded factor as a k x m array."""
    out = np.empty((k, len(F)), F.dtype)
    turn(F, out)
    return out


def product(F: np.ndarray, A: np.ndarray) -> np.ndarray:
    """F A for a tall F, in fixed row blocks: the same bits for any number of threads."""
    out = np.empty_like(F)

    def block(b: int) -> None:
        rows = slice(b * PRODUCT_ROWS, (b + 1) * PRODUCT_ROWS)
        np.matmul(F[rows], A, out=out[rows])

    for_blocks(block, -(-len(F) // PRODUCT_ROWS))
    return out


def _numbers(dtype: np.dtype, *values: float) -> tuple[np.floating, ...]:
    """Scalars of the factors' dtype, so that kernels compile for one signature."""
    return tuple(dtype.type(v) for v in values)


def _collect(sums: np.ndarray, tally: np.ndarray) -> Pass:
    """Add up what the blocks wrote, in block order."""
    loglik, moved = tally.sum(axis=0)
    return Pass(sums.sum(axis=0), float(loglik), float(moved))


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
        limits = _numbers(self.dtype, TINY[self.dtype], TINY[self.dtype], cut)
        tiles = self._tiles(G)
        counts = np.append(0, np.cumsum([len(tile.blocks) - 1 for tile in tiles]))
        sums, tally = np.zeros((counts[-1], F.shape[1])), np.zeros((counts[-1], 2))
        for tile, first, last in zip(tiles, counts[:-1], counts[1:], strict=True):
            kl.multiply(
                self.arrays, F, G, den, self.dtype.type(l2), limits, want, *tile, sums[first:last], tally[first:last]
            )
        return _collect(sums, tally)

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
        numbers = _numbers(self.dtype, TINY[self.dtype], l2, rule.beta)
        counts = [len(blocks) - 1 for blocks in self.row_blocks]
        sums, tally = np.zeros((sum(counts), F.shape[1])), np.zeros((sum(counts), 2))
        cut = counts[0]
        for kernels, rows, blocks, part in zip(
            (coordinate, short), self.rows, self.row_blocks, (slice(cut), slice(cut, None)), strict=True
        ):
            if len(rows):
                state = (F, N, G, den, numbers, rule.sweeps, rule.fixed, want, k)
                kernels.descend(self.arrays, *state, rows, blocks, sums[part], tally[part])
        return _collect(sums, tally)

    def solve(
        self, F: np.ndarray, G: np.ndarray, k: int, den: np.ndarray, l2: float, max_sweeps: int, tol: float
    ) -> None:
        """The KL minimiser over the rows of F, each row by itself."""
        numbers = _numbers(self.dtype, TINY[self.dtype], l2, tol)
        coordinate.solve(self.arrays, F, G, den, numbers, max_sweeps, k, self.blocks)


def _even_blocks(n: int, count: int, unit: int = 1) -> np.ndarray:
    """Bounds of about `count` runs of equally many rows, at multiples of `unit`."""
    bounds = np.round(np.linspace(0, n, min(n, count) + 1) / unit).astype(np.int64) * unit
    bounds[-1] = n
    return np.unique(np.minimum(bounds, n))


class DenseOperand:
    """X as a dense array: matrix products, in row blocks that fit the cache; never anything of X's size beside X.

    The transpose shares X: its row blocks are column blocks of X, and products take them as BLAS's own transposes.
    """

    def __init__(self, X: np.ndarray, dtype: np.dtype, transposed: bool = False):
        self.X, self.dtype, self.transposed = X, dtype, transposed
        self.shape = X.shape[::-1] if transposed else X.shape
        n, m = self.shape
        pieces = -(-n * m * dtype.itemsize // BLOCK_BYTES)
        self.blocks = _even_blocks(n, min(4 * (-(-pieces // 4)), max(1, n // 16)), BLOCK_UNIT)
        self.wide_blocks = _even_blocks(n, min(8, max(1, n // 16)))
        self.fine_blocks = _even_blocks(n, DENSE_BLOCKS)

    @functools.cached_property
    def T(self) -> DenseOperand:  # noqa: N802
        """X' over the same memory."""
        return DenseOperand(self.X, self.dtype, not self.transposed)

    def in_double(self) -> DenseOperand | None:
        """X in float64, where a copy of it is small."""
        if self.X.size * 8 > DOUBLE_BUDGET:
            return None
        double = np.dtype(np.float64)
        return DenseOperand(self.X.astype(double), double, self.transposed)

    @functools.cached_property
    def moments(self) -> tuple[float, float, float]:
        """Sum of x, of x log x and of x^2."""
        return frobenius.moments_of(self.X.reshape(-1))

    @functools.cached_property
    def masses(self) -> np.ndarray:
        """The sum of each row."""
        return self.X.sum(axis=0 if self.transposed else 1, dtype=np.float64).astype(self.dtype)

    @property
    def empty_rows(self) -> np.ndarray:
        """Which rows hold nothing."""
        return self.masses == 0

    def times(self, G: np.ndarray, out: np.ndarray | None = None, alone: bool = False) -> np.ndarray:
        """XG, into `out` where given; `alone`: each row the same to the last bit whichever rows are beside it."""
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

    def _ratio(self, F: np.ndarray, G: np.ndarray, b: int, want: bool = True) -> tuple[np.ndarray, float]:
        """Block b of X / FG', and its part of the log-likelihood where wanted."""
        first, last = self.blocks[b], self.blocks[b + 1]
        Y = G @ F[first:last].T if self.transposed else F[first:last] @ G.T
        corner = (0, first) if self.transposed else (first, 0)
        loglik = dense.divide_into(self.X, *corner, Y, self.dtype.type(TINY[self.dtype]), want)
        return (Y.T if self.transposed else Y), loglik

    def ratio_times(self, F: np.ndarray, G: np.ndarray) -> tuple[np.ndarray, float]:
        """(X / FG')G, and the sum of x log(FG')."""
        out = empty_factor(self.shape[0], G.shape[1], self.dtype)

        def block(b: int) -> float:
            ratio, loglik = self._ratio(F, G, b)
            np.matmul(ratio, G, out=out[self.blocks[b] : self.blocks[b + 1]])
            return loglik

        return out, float(sum(for_blocks(block, len(self.blocks) - 1)))

    def loglik(self, F: np.ndarray, G: np.ndarray) -> float:
        """The sum of x log(FG'); -inf where FG' is zero at a nonzero."""
        return float(sum(for_blocks(lambda b: self._ratio(F, G, b)[1], len(self.blocks) - 1)))

    def multiply(
        self, F: np.ndarray, G: np.ndarray, k: int, den: np.ndarray, l2: float, cut: float, want: bool
    ) -> Pass:
        """Eq. 5 on the rows of F, in place, entries up to `cut` becoming zero."""
        masses, count = self.masses, len(self.blocks) - 1
        sums, tally = np.zeros((count, F.shape[1])), np.zeros((count, 2))
        limits = _numbers(self.dtype, TINY[self.dtype], TINY[self.dtype], cut)
        dense.multiply(
            self.X,
            self.transposed,
            F,
            np.ascontiguousarray(G[:, :k]),
            den,
            self.dtype.type(l2),
            limits,
            want,
            masses,
            self.blocks,
            sums,
            tally,
        )
        return _collect(sums, tally)

    def _columns(self, G: np.ndarray) -> np.ndarray:
        """G' flat, its rows padded to whole registers (with the last column of G' again: y > 0 there)."""
        lanes = lanes_of(self.dtype)
        B = np.empty((G.shape[1], -(-len(G) // lanes) * lanes), self.dtype)
        B[:, : len(G)] = G.T
        B[:, len(G) :] = G[-1][:, None]
        return B.reshape(-1)

    def descend(
        self, F: np.ndarray, N: np.ndarray, G: np.ndarray, k: int, den: np.ndarray, l2: float, rule: Rule, want: bool
    ) -> Pass:
        """KL coordinate descent on the rows of F; N gets the iterate, F its extrapolation."""
        count = len(self.fine_blocks) - 1
        sums, tally = np.zeros((count, F.shape[1])), np.zeros((count, 2))
        numbers = _numbers(self.dtype, TINY[self.dtype], l2, rule.beta)
        B = self._columns(G)
        dense.descend(
            self.X,
            self.transposed,
            F,
            N,
            B,
            den,
            numbers,
            rule.sweeps,
            rule.fixed,
            want,
            k,
            self.fine_blocks,
            sums,
            tally,
        )
        return _collect(sums, tally)

    def solve(
        self, F: np.ndarray, G: np.ndarray, k: int, den: np.ndarray, l2: float, max_sweeps: int, tol: float
    ) -> None:
        """The KL minimiser over the rows of F, each row by itself."""
        numbers = _numbers(self.dtype, TINY[self.dtype], l2, tol)
        dense.solve(self.X, self.transposed, F, self._columns(G), den, numbers, max_sweeps, k, self.fine_blocks)


def choose_path(X: CsrArrays | np.ndarray, dtype: np.dtype, loss: str, path: str) -> str:
    """Say "sparse" or "dense": as asked, else by density, with no dense copy beyond the memory budget."""
    if path != "auto":
        return path
    size = X.shape[0] * X.shape[1]
    if isinstance(X, CsrArrays):
        quicker = len(X.data) > CROSSOVER[loss] * size
        return "dense" if quicker and size * dtype.itemsize <= MEMORY_BUDGET else "sparse"
    return "sparse" if np.count_nonzero(X) < SPARSE_COPY * size else "dense"


def as_operand(
    X: CsrArrays | np.ndarray, dtype: np.dtype, loss: str, path: str = "auto", scale: float = 1.0, alone: bool = False
) -> Operand:
    """The operand of a checked X / scale, on the path asked for or the quicker one.

    CSR entries stay in their own dtype (kernels convert as they load) unless `scale` is not 1. `alone`: no entry is
    dropped for being too small beside those of other rows.
    """
    chosen = choose_path(X, dtype, loss, path)
    if chosen == "dense":
        return DenseOperand(np.ascontiguousarray(scaled(_dense_array(X, dtype), dtype, scale, alone), dtype), dtype)
    indptr, indices, data = _csr_arrays(X)
    given, data = data, scaled(data, dtype, scale, alone)
    if data is not given and data.min() == 0:
        indptr, indices, data = _without_zeros(indptr, indices, data)
    return CsrOperand((plain(indptr), plain(indices), plain(data)), X.shape, dtype)


def _csr_arrays(X: CsrArrays | np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if isinstance(X, CsrArrays):
        return X.indptr, X.indices, X.data
    rows, columns = np.nonzero(X)
    indptr = np.zeros(X.shape[0] + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=X.shape[0]), out=indptr[1:])
    return indptr, columns.astype(np.int32), X[rows, columns]


def _dense_array(X: CsrArrays | np.ndarray, dtype: np.dtype) -> np.ndarray:
    if isinstance(X, CsrArrays):
        out = np.zeros(X.shape, X.data.dtype if X.data.dtype.kind == "f" else dtype)
        out[np.repeat(np.arange(X.shape[0]), np.diff(X.indptr)), X.indices] = X.data
        return out
    return X


def _without_zeros(
    indptr: np.ndarray, indices: np.ndarray, data: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    kept = data > 0
    before = np.append(0, np.cumsum(kept))
    return before[indptr], indices[kept], data[kept]
