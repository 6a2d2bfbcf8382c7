"""Euclidean updates that see X only through its cross product C = XG and the Gram matrix A = G'G.

Rows are independent, but a row's components are a chain of dependent steps. So `LANE_GROUPS` registers of rows go
side by side, a tile, stored component by component, and every step of the chain is a vector step over them.
"""

import functools
from typing import NamedTuple

import numpy as np

from sparsenmf._jit import helper, kernel, prange
from sparsenmf.kernels.gather import gather_transposed, scatter_transposed
from sparsenmf.kernels.simd import (
    VECTOR_BYTES,
    add,
    div,
    fill,
    fma,
    load,
    maximum,
    mul,
    same,
    store,
    sub,
    total,
    where_positive,
)
from sparsenmf.kernels.steps import clear, extrapolate_row, room

LANE_GROUPS = 4
TILES = 8  # tiles of rows to a block


class Tile(NamedTuple):
    """Where a tile's vectors begin in the work array."""

    rows: int  # side by side
    live: int  # positive where a row still moves
    moved: int  # squared length of its steps in the metric of A's diagonal
    size: int  # its own squared length in that metric
    f: int  # the rows themselves
    c: int  # their rows of the cross product


def tile_rows(itemsize: int) -> int:
    """Rows that go side by side."""
    return LANE_GROUPS * VECTOR_BYTES // itemsize


@functools.lru_cache(maxsize=32)
def tile_blocks(n: int, itemsize: int) -> np.ndarray:
    """Bounds of blocks of whole tiles."""
    step = TILES * tile_rows(itemsize)
    return np.append(np.arange(0, n, step), n).astype(np.int64)


@helper
def room_for_tile(columns, like):
    """The work array and the tile in it, and an array for the tile row by row."""
    rows = LANE_GROUPS * VECTOR_BYTES // like.itemsize
    work, live = room((3 + 2 * columns) * rows, like)
    f = live + 3 * rows
    return (
        work,
        Tile(rows, live, live + rows, live + 2 * rows, f, f + columns * rows),
        np.empty((rows, columns), like.dtype),
    )


@helper
def gradient_of(work, tile, A, a, q, rule):
    """C - l1 - A f for component a and four registers of rows: minus the gradient.

    The registers go inner: four chains of multiply-adds hide their latency, and each entry of A is fetched once for
    all four.
    """
    lanes, penalty = VECTOR_BYTES // work.itemsize, fill(work, rule.l1)
    at = tile.c + a * tile.rows + q
    s0, s1 = sub(load(work, at), penalty), sub(load(work, at + lanes), penalty)
    s2, s3 = sub(load(work, at + 2 * lanes), penalty), sub(load(work, at + 3 * lanes), penalty)
    for b in range(rule.k):
        w, row = fill(work, -A[a, b]), tile.f + b * tile.rows + q
        s0, s1 = fma(w, load(work, row), s0), fma(w, load(work, row + lanes), s1)
        s2, s3 = fma(w, load(work, row + 2 * lanes), s2), fma(w, load(work, row + 3 * lanes), s3)
    return s0, s1, s2, s3


@helper
def step_lane(work, tile, a, q, slope, curvature, l2):
    """f_a <- max(f_a + slope / curvature, 0) in one register of live rows; adds curvature * change^2 to `moved`."""
    at = tile.f + a * tile.rows + q
    old, whole = load(work, at), fill(work, curvature + l2)
    new = add(old, div(sub(slope, mul(fill(work, l2), old)), whole))
    new = where_positive(load(work, tile.live + q), where_positive(new, new, same(new, 0.0)), old)
    change = sub(new, old)
    store(work, at, new)
    store(work, tile.moved + q, fma(mul(whole, change), change, load(work, tile.moved + q)))


@helper
def hals_sweep(work, tile, A, rule):
    """One Gauss-Seidel pass over the components of a tile of rows; one that the other factor lacks stays as it is.

    Components go outer, for each step needs the last one's; f, c and A stay in the first-level cache for all passes.
    """
    lanes = VECTOR_BYTES // work.itemsize
    for a in range(rule.k):
        if A[a, a] + rule.l2 > 0:
            slopes = gradient_of(work, tile, A, a, 0, rule)
            step_lane(work, tile, a, 0, slopes[0], A[a, a], rule.l2)
            step_lane(work, tile, a, lanes, slopes[1], A[a, a], rule.l2)
            step_lane(work, tile, a, 2 * lanes, slopes[2], A[a, a], rule.l2)
            step_lane(work, tile, a, 3 * lanes, slopes[3], A[a, a], rule.l2)


@helper
def load_tile(F, order, i, stop, work, at, rows):
    """Rows i, i + 1, ... of F (the last one again past `stop`), stored component by component."""
    for q in range(0, rows, VECTOR_BYTES // F.itemsize):
        row = min(i + q, stop - 1)
        gather_transposed(work, rows, at + q, F, order, row, stop)


@helper
def store_tile(work, tile, new, count):
    """The first `count` rows of a tile's f, row by row."""
    for q in range(0, tile.rows, VECTOR_BYTES // new.itemsize):
        scatter_transposed(work, tile.rows, tile.f + q, new, q, count)


@helper
def inner_row(F, C, i):
    """F[i] . C[i]."""
    columns, s = F.shape[1], fill(F, 0.0)
    for a in range(0, columns, VECTOR_BYTES // F.itemsize):
        s = fma(load(F, i * columns + a), load(C, i * columns + a), s)
    return total(s)


@helper
def set_live(work, tile):
    """Every row of the tile moves."""
    for r in range(tile.rows):
        work[tile.live + r] = 1


@kernel
def hals(F, N, C, A, rule, order, blocks, tally):
    """HALS: each row by its components in turn, f_a <- max(f_a + (C - f A)_a / A_aa, 0); N and F as in `descend`.

    `rule` is a `GramHals`; `order` is 0, 1, 2, ...; `tally` has <F, C> at entry and the squared lengths of the steps in
    the metric of A's diagonal. Tiles go outer and passes inner: C and F come from memory once for all passes.
    """
    columns = F.shape[1]
    for b in prange(len(blocks) - 1):
        work, tile, new = room_for_tile(columns, F)
        set_live(work, tile)
        inner, kkt = 0.0, 0.0
        for i in range(blocks[b], blocks[b + 1], tile.rows):
            last = min(i + tile.rows, blocks[b + 1])
            load_tile(F, order, i, last, work, tile.f, tile.rows)
            load_tile(C, order, i, last, work, tile.c, tile.rows)
            clear(work, tile.moved, tile.moved + tile.rows)
            for _ in range(rule.sweeps):
                hals_sweep(work, tile, A, rule)
            store_tile(work, tile, new, last - i)
            for w in range(last - i):
                inner += inner_row(F, C, i + w)
                kkt += work[tile.moved + w]
                extrapolate_row(F, N, i + w, new, w * columns, rule.beta)
        tally[b, 0], tally[b, 1] = inner, kkt


@helper
def measure_rows(work, tile, A, k):
    """size = the squared length of each row of a tile in the metric of A's diagonal."""
    for q in range(0, tile.rows, VECTOR_BYTES // work.itemsize):
        s = fill(work, 0.0)
        for a in range(k):
            f = load(work, tile.f + a * tile.rows + q)
            s = add(s, mul(mul(fill(work, A[a, a]), f), f))
        store(work, tile.size + q, s)


@helper
def stop_rows(work, tile, tol):
    """Rows whose last pass moved no more than tol of their length are live no longer; returns how many are."""
    left = 0
    for r in range(tile.rows):
        if work[tile.moved + r] <= tol * tol * work[tile.size + r]:
            work[tile.live + r] = 0
        left += work[tile.live + r] > 0
    return left


@kernel
def solve(F, C, A, rule, order, blocks):
    """F = the non-negative least squares solution row by row, from zero, each row stopped by its own steps.

    `rule` is a `GramSolve`. A row that has stopped is not touched again, whatever its neighbours do. Tiles go outer:
    the many passes over one run in the first-level cache.
    """
    columns = F.shape[1]
    for b in prange(len(blocks) - 1):
        work, tile, new = room_for_tile(columns, F)
        for i in range(blocks[b], blocks[b + 1], tile.rows):
            last = min(i + tile.rows, blocks[b + 1])
            load_tile(C, order, i, last, work, tile.c, tile.rows)
            clear(work, tile.f, tile.f + columns * tile.rows)
            set_live(work, tile)
            for _ in range(rule.max_sweeps):
                clear(work, tile.moved, tile.moved + tile.rows)
                hals_sweep(work, tile, A, rule)
                measure_rows(work, tile, A, rule.k)
                if stop_rows(work, tile, rule.tol) == 0:
                    break
            store_tile(work, tile, new, last - i)
            for w in range(last - i):
                extrapolate_row(F, F, i + w, new, w * columns, 0.0)


@kernel
def multiply(F, C, D, diagonal, rule, blocks, tally):
    """F <- F * C / (D + l1 + l2 F), eq. 4, with D = FA; `rule` is a `GramMultiply`, `diagonal` that of A.

    `tally` has <F, C> at entry and the squared length of min(F, (D - C) / diagonal) in the metric of the diagonal. One
    pass makes the update and both sums: F, C and D come from memory once.
    """
    columns = F.shape[1]
    for b in prange(len(blocks) - 1):
        inner, kkt = 0.0, 0.0
        for i in range(blocks[b], blocks[b + 1]):
            product, moved, zero = fill(F, 0.0), fill(F, 0.0), fill(F, 0.0)
            for a in range(0, columns, VECTOR_BYTES // F.itemsize):
                at = i * columns + a
                f, c = load(F, at), load(C, at)
                product = fma(f, c, product)
                d = add(add(load(D, at), fill(F, rule.l1)), mul(fill(F, rule.l2), f))
                gap = sub(c, d)
                weight = load(diagonal, a)
                step = where_positive(weight, sub(f, maximum(add(f, div(gap, weight)), zero)), zero)
                moved = fma(mul(weight, step), step, moved)
                new = where_positive(d, mul(f, div(c, d)), zero)
                kept = where_positive(f, where_positive(c, maximum(new, fill(F, rule.floor)), zero), zero)
                store(F, at, kept)
            inner += total(product)
            kkt += total(moved)
        tally[b, 0], tally[b, 1] = inner, kkt
