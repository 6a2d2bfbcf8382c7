"""Rows of a CSR matrix: blocks of equal work, the way of a pass over them, and the transpose."""

from typing import NamedTuple

import numpy as np

from sparsenmf._jit import helper, kernel, prange

BLOCKS = 96
ROW_COST = 16  # what a row costs beside its nonzeros, in nonzeros
PARTS = 4
TILE = 64


class Route(NamedTuple):
    """Rows of X of one kind, and the order in which a pass takes their nonzeros."""

    rows: np.ndarray
    panels: np.ndarray  # rows x (panels + 1): the bounds of each row's nonzeros in each panel of G's rows
    group: int  # rows that go over a panel together
    blocks: np.ndarray  # bounds of the runs of `rows` that are one thread's


def row_blocks(indptr: np.ndarray, n_blocks: int = BLOCKS) -> np.ndarray:
    """Bounds of at most `n_blocks` runs of rows of about equal work; a function of the matrix alone.

    Word counts are Zipf's: blocks of equally many rows would be lopsided. The number of threads does not enter, so
    whatever is summed block by block comes out the same for any of them.
    """
    work = indptr + ROW_COST * np.arange(len(indptr), dtype=np.int64)
    bounds = np.searchsorted(work, np.linspace(0, work[-1], n_blocks + 1))
    bounds[0], bounds[-1] = 0, len(indptr) - 1
    return np.unique(bounds).astype(np.int64)


def split_by_length(indptr: np.ndarray, short: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of more than `short` nonzeros, and the others sorted by their number (by place among equals)."""
    lengths = np.diff(indptr)
    few = np.flatnonzero(lengths <= short)
    return np.flatnonzero(lengths > short), few[np.argsort(lengths[few], kind="stable")]


def blocks_of(rows: np.ndarray, indptr: np.ndarray, unit: int = 1, n_blocks: int = BLOCKS) -> np.ndarray:
    """Bounds of blocks of equal work in a list of rows, at multiples of `unit` rows."""
    lengths = np.append(0, np.cumsum(indptr[rows + 1] - indptr[rows]))
    bounds = row_blocks(lengths, n_blocks) // unit * unit
    bounds[-1] = len(rows)
    return np.unique(bounds)


@helper
def span_of(panels, r, p, nnz):
    """The nonzeros of a route's row r in panel p: the first, the one past them, and the one past all to prefetch."""
    stop = panels[r, p + 1]
    return panels[r, p], stop, stop if panels.shape[1] > 2 else nnz


@kernel
def find_panels(indptr, indices, rows, width, out):
    """out[r, p] = where the nonzeros of row rows[r] reach column p * width: the bounds of its part in each panel.

    A row's indices are sorted, so each bound is a binary search, and no pass over the nonzeros is needed.
    """
    panels = out.shape[1] - 1
    for r in prange(len(rows)):
        at, stop = indptr[rows[r]], indptr[rows[r] + 1]
        for p in range(panels):
            out[r, p] = at + np.searchsorted(indices[at:stop], p * width)
        out[r, panels] = stop


@kernel
def turn(A, out):
    """out[i, a] = A[a, i] for as many rows and columns as both have.

    One of the two is met across its rows whichever loop is inner. A tile of both fits the first-level cache, so each of
    their cache lines is fetched once.
    """
    rows, columns = min(out.shape[0], A.shape[1]), min(out.shape[1], A.shape[0])
    across = (columns + TILE - 1) // TILE
    for b in prange(across * ((rows + TILE - 1) // TILE)):
        i0, a0 = b // across * TILE, b % across * TILE
        for i in range(i0, min(i0 + TILE, rows)):
            for a in range(a0, min(a0 + TILE, columns)):
                out[i, a] = A[a, i]


@kernel
def count_columns(indptr, indices, parts, places):
    """places[p, j] = the nonzeros of column j in the rows parts[p] to parts[p + 1].

    Parts are few, for each has counters for all columns, and many, for each is one thread's.
    """
    for p in prange(len(parts) - 1):
        for t in range(indptr[parts[p]], indptr[parts[p + 1]]):
            places[p, indices[t]] += 1


@kernel
def scatter_columns(X, parts, places, out_indices, out_data):
    """Move each nonzero to places[p, column], which goes up by one: a stable counting sort, a part a thread.

    Rows go outer, so each column of X' receives its rows in order and needs no sort of its own.
    """
    indptr, indices, data = X
    for p in prange(len(parts) - 1):
        for i in range(parts[p], parts[p + 1]):
            for t in range(indptr[i], indptr[i + 1]):
                j = indices[t]
                at = places[p, j]
                places[p, j] = at + 1
                out_indices[at] = i
                out_data[at] = data[t]


def transpose(X, n_columns: int):
    """CSR of X' from CSR of X, rows sorted: one pass to count, one to move; nothing else of X's size."""
    indptr, indices, data = X
    parts = row_blocks(indptr, PARTS)
    places = np.zeros((len(parts) - 1, n_columns), dtype=np.int64)
    count_columns(indptr, indices, parts, places)
    out_indptr = np.zeros(n_columns + 1, dtype=np.int64)
    np.cumsum(places.sum(axis=0), out=out_indptr[1:])
    places = np.cumsum(places, axis=0) - places + out_indptr[:-1]
    narrow = len(indptr) - 1 <= np.iinfo(np.int32).max
    out_indices = np.empty(len(indices), dtype=np.int32 if narrow else np.int64)
    out_data = np.empty(len(data), dtype=data.dtype)
    scatter_columns(X, parts, places, out_indices, out_data)
    return out_indptr, out_indices, out_data
