"""Euclidean updates that see X only through its cross product C = XG and the Gram matrix A = G'G.

Rows are independent, but a row's components are a chain of dependent steps. So `LANE_GROUPS` registers of rows go
side by side, stored component by component, and every step of the chain is a vector step over them.
"""

import numpy as np

from sparsenmf._jit import helper, kernel, prange
from sparsenmf.kernels.coordinate import KEPT
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

LANE_GROUPS = 4
TILES = 8  # tiles of rows to a block


def tile_rows(itemsize: int) -> int:
    """Rows that go side by side."""
    return LANE_GROUPS * VECTOR_BYTES // itemsize


def tile_blocks(n: int, itemsize: int) -> np.ndarray:
    """Bounds of blocks of whole tiles."""
    step = TILES * tile_rows(itemsize)
    return np.append(np.arange(0, n, step), n).astype(np.int64)


@helper
def gradient_of(f, c, A, a, k, l1, q, stride):
    """C - l1 - A f for component a and four registers of rows: minus the gradient, in four chains."""
    lanes = VECTOR_BYTES // f.itemsize
    penalty = fill(f, l1)
    at = a * stride + q
    s0, s1 = sub(load(c, at), penalty), sub(load(c, at + lanes), penalty)
    s2, s3 = sub(load(c, at + 2 * lanes), penalty), sub(load(c, at + 3 * lanes), penalty)
    for b in range(k):
        w, row = fill(f, -A[a, b]), b * stride + q
        s0, s1 = fma(w, load(f, row), s0), fma(w, load(f, row + lanes), s1)
        s2, s3 = fma(w, load(f, row + 2 * lanes), s2), fma(w, load(f, row + 3 * lanes), s3)
    return s0, s1, s2, s3


@helper
def step_lane(f, at, slope, curvature, l2, live, moved, q):
    """f <- max(f + slope / curvature, 0) in one register of live rows; adds curvature * change^2 to `moved`."""
    old = load(f, at)
    whole = fill(f, curvature + l2)
    new = add(old, div(sub(slope, mul(fill(f, l2), old)), whole))
    new = where_positive(load(live, q), where_positive(new, new, same(new, 0.0)), old)
    change = sub(new, old)
    store(f, at, new)
    store(moved, q, fma(mul(whole, change), change, load(moved, q)))


@helper
def hals_sweep(f, c, A, k, l1, l2, live, moved):
    """One Gauss-Seidel pass over the components of a tile of rows; one that the other factor lacks stays as it is."""
    lanes = VECTOR_BYTES // f.itemsize
    stride = LANE_GROUPS * lanes
    for a in range(k):
        if A[a, a] + l2 > 0:
            slopes = gradient_of(f, c, A, a, k, l1, 0, stride)
            step_lane(f, a * stride, slopes[0], A[a, a], l2, live, moved, 0)
            step_lane(f, a * stride + lanes, slopes[1], A[a, a], l2, live, moved, lanes)
            step_lane(f, a * stride + 2 * lanes, slopes[2], A[a, a], l2, live, moved, 2 * lanes)
            step_lane(f, a * stride + 3 * lanes, slopes[3], A[a, a], l2, live, moved, 3 * lanes)


@helper
def load_tile(F, order, i, stop, tile):
    """Rows i, i + 1, ... of F (the last one again past `stop`), stored component by component."""
    lanes = VECTOR_BYTES // F.itemsize
    for q in range(0, LANE_GROUPS * lanes, lanes):
        row = min(i + q, stop - 1)
        gather_transposed(tile, LANE_GROUPS * lanes, q, F, order, row, stop)


@helper
def store_tile(tile, new, rows):
    """The first `rows` rows of a tile, row by row."""
    lanes = VECTOR_BYTES // new.itemsize
    for q in range(0, LANE_GROUPS * lanes, lanes):
        scatter_transposed(tile, LANE_GROUPS * lanes, q, new, q, rows)


@helper
def inner_row(F, C, i):
    """F[i] . C[i]."""
    columns, s = F.shape[1], fill(F, 0.0)
    for a in range(0, columns, VECTOR_BYTES // F.itemsize):
        s = fma(load(F, i * columns + a), load(C, i * columns + a), s)
    return total(s)


@helper
def leave_row(F, N, i, new, w, beta):
    """N[i] = the new row; F[i] = it plus beta times its change, kept clear of zero where it is."""
    columns = F.shape[1]
    factor, kept = fill(F, beta), fill(F, KEPT)
    for a in range(0, columns, VECTOR_BYTES // F.itemsize):
        value, before = load(new, w * columns + a), load(N, i * columns + a)
        store(N, i * columns + a, value)
        ahead = fma(factor, sub(value, before), value)
        store(F, i * columns + a, maximum(ahead, mul(kept, value)))


@kernel
def hals(F, N, C, A, numbers, sweeps, k, order, blocks, tally):
    """HALS: each row by its components in turn, f_a <- max(f_a + (C - f A)_a / A_aa, 0); N and F as in `descend`.

    `numbers` is (l1, l2, beta); `order` is 0, 1, 2, ...; `tally` has <F, C> at entry and the squared lengths of the
    steps in the metric of A's diagonal.
    """
    l1, l2, beta = numbers
    rows = LANE_GROUPS * VECTOR_BYTES // F.itemsize
    columns = F.shape[1]
    for b in prange(len(blocks) - 1):
        f, c = np.empty(columns * rows, F.dtype), np.empty(columns * rows, F.dtype)
        new, live, moved = np.empty((rows, columns), F.dtype), np.ones(rows, F.dtype), np.zeros(rows, F.dtype)
        inner, kkt = 0.0, 0.0
        for i in range(blocks[b], blocks[b + 1], rows):
            last = min(i + rows, blocks[b + 1])
            load_tile(F, order, i, last, f)
            load_tile(C, order, i, last, c)
            for r in range(rows):
                moved[r] = 0
            for _ in range(sweeps):
                hals_sweep(f, c, A, k, l1, l2, live, moved)
            store_tile(f, new, last - i)
            for w in range(last - i):
                inner += inner_row(F, C, i + w)
                kkt += moved[w]
                leave_row(F, N, i + w, new, w, beta)
        tally[b, 0], tally[b, 1] = inner, kkt


@helper
def lengths(f, A, k, rows, out):
    """out = the squared length of each row of a tile in the metric of A's diagonal."""
    for r in range(rows):
        out[r] = 0
    for a in range(k):
        for r in range(rows):
            out[r] += A[a, a] * f[a * rows + r] * f[a * rows + r]


@kernel
def solve(F, C, A, numbers, max_sweeps, k, order, blocks):
    """F = the non-negative least squares solution row by row, from zero, each row stopped by its own steps.

    `numbers` is (l1, l2, tol). A row that has stopped is not touched again, whatever its neighbours do.
    """
    l1, l2, tol = numbers
    rows = LANE_GROUPS * VECTOR_BYTES // F.itemsize
    columns = F.shape[1]
    for b in prange(len(blocks) - 1):
        f, c = np.empty(columns * rows, F.dtype), np.empty(columns * rows, F.dtype)
        new, live = np.empty((rows, columns), F.dtype), np.ones(rows, F.dtype)
        moved, size = np.zeros(rows, F.dtype), np.zeros(rows, F.dtype)
        for i in range(blocks[b], blocks[b + 1], rows):
            last = min(i + rows, blocks[b + 1])
            load_tile(C, order, i, last, c)
            for r in range(len(f)):
                f[r] = 0
            for r in range(rows):
                live[r] = 1
            left = rows
            for _ in range(max_sweeps):
                for r in range(rows):
                    moved[r] = 0
                hals_sweep(f, c, A, k, l1, l2, live, moved)
                lengths(f, A, k, rows, size)
                for r in range(rows):
                    if live[r] > 0 and moved[r] <= tol * tol * size[r]:
                        live[r] = 0
                        left -= 1
                if left == 0:
                    break
            store_tile(f, new, last - i)
            for w in range(last - i):
                leave_row(F, F, i + w, new, w, 0.0)


@kernel
def multiply(F, C, D, diagonal, numbers, blocks, tally):
    """F <- F * C / (D + l1 + l2 F), eq. 4, with D = FA; `numbers` is (l1, l2, floor), `diagonal` that of A.

    `tally` has <F, C> at entry and the squared length of min(F, (D - C) / diagonal) in the metric of the diagonal.
    """
    l1, l2, floor = numbers
    columns = F.shape[1]
    for b in prange(len(blocks) - 1):
        inner, kkt = 0.0, 0.0
        for i in range(blocks[b], blocks[b + 1]):
            moved, zero = fill(F, 0.0), fill(F, 0.0)
            inner += inner_row(F, C, i)
            for a in range(0, columns, VECTOR_BYTES // F.itemsize):
                at = i * columns + a
                f, c = load(F, at), load(C, at)
                d = add(add(load(D, at), fill(F, l1)), mul(fill(F, l2), f))
                gap = sub(c, d)
                weight = load(diagonal, a)
                step = where_positive(weight, sub(f, maximum(add(f, div(gap, weight)), zero)), zero)
                moved = fma(mul(weight, step), step, moved)
                new = where_positive(d, mul(f, div(c, d)), zero)
                kept = where_positive(f, where_positive(c, maximum(new, fill(F, floor)), zero), zero)
                store(F, at, kept)
            kkt += total(moved)
        tally[b, 0], tally[b, 1] = inner, kkt
