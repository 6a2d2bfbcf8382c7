"""In which order a pass takes the rows of a CSR X: a plan for each width of the other factor, made once.

The parts of a plan are functions of X and of the width alone, never of the number of threads. So sums over blocks come
out the same for any number of threads.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sparsenmf.kernels import short
from sparsenmf.kernels.rows import BLOCKS, Route, blocks_of, find_panels, row_blocks, split_by_length
from sparsenmf.kernels.simd import lanes_of

ROWS_TOGETHER = 8  # their chains of dependent operations overlap
# A factor beyond CACHE_BYTES is read panel by panel, by blocks of long rows: the more rows in a block, the fewer times.
CACHE_BYTES = 1 << 22
PANEL_BYTES = 1 << 19
PANEL_NONZEROS = 24  # in a row and panel, on average, that make a long row
PANEL_LEAST = 4  # blocks, below which panels are not worth while
PANEL_REUSE = 8  # times that a block of rows is to use each row of a panel

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]


class Rows(NamedTuple):
    """Some rows of X, and the bounds of blocks of equal work among them."""

    rows: np.ndarray
    blocks: np.ndarray


class Plan(NamedTuple):
    """How passes go over the rows of X."""

    blocks: np.ndarray  # of all rows, in their order
    long: Rows  # rows that coordinate descent takes one by one
    short: Rows  # rows that coordinate descent takes a register side by side, sorted by length
    routes: tuple[Route, ...]  # of multiplicative passes and products
    lines: int  # blocks of all routes, each of which writes its own line of sums


def plan_of(arrays: Arrays, n_columns: int, dtype: np.dtype, width: int) -> Plan:
    """The plan of passes over X that read a factor of n_columns rows, `width` rows of which fill a panel."""
    indptr = arrays[0]
    long, few = split_by_length(indptr, short.SHORT)
    routes = tuple(_routes(arrays, n_columns, width))
    return Plan(
        row_blocks(indptr),
        Rows(long, blocks_of(long, indptr)),
        Rows(few, blocks_of(few, indptr, lanes_of(dtype))),
        routes,
        sum(len(route.blocks) - 1 for route in routes),
    )


def panel_rows(columns: int, itemsize: int) -> int:
    """Rows of a factor of so many columns that fill a panel."""
    return max(1, PANEL_BYTES // (columns * itemsize))


def _routes(arrays: Arrays, n_columns: int, width: int) -> list[Route]:
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
