"""KL kernels on dense X: the ratio X / WH on a block that fits the cache, between two matrix products."""

import numpy as np

from sparsenmf._jit import helper, kernel, prange
from sparsenmf.kernels.coordinate import descend_row, evaluate_row, room_for_row, solve_into
from sparsenmf.kernels.kl import apply_rows
from sparsenmf.kernels.simd import (
    VECTOR_BYTES,
    add,
    div,
    fill,
    load,
    load_counts,
    log,
    maximum,
    mul,
    same,
    store,
    store_part,
    total,
    where_positive,
)
from sparsenmf.kernels.steps import add_row, load_row


@helper
def divide_into(X, first_row, first_column, Y, tiny, measure):
    """Y = X / Y for the block of X at (first_row, first_column); returns the sum of x log(Y) as it came (if `measure`).

    Rows go outer, as X lies; the block of Y is still in the second-level cache from the product that made it.
    """
    lanes = VECTOR_BYTES // Y.itemsize
    rows, columns = Y.shape
    loglik = 0.0
    for i in range(rows):
        start = (first_row + i) * X.shape[1] + first_column
        none = fill(Y, 0.0)
        part, floor = none, same(none, tiny)
        whole = columns - columns % lanes
        for t in range(0, whole, lanes):
            x, y = load(X, start + t), load(Y, i * columns + t)
            if measure:
                part = add(part, where_positive(x, mul(x, log(y)), none))
            store(Y, i * columns + t, div(x, maximum(y, floor)))
        if whole < columns:
            x = load_counts(X, start + whole, start + columns, Y)
            y = load_counts(Y, i * columns + whole, (i + 1) * columns, Y)
            if measure:
                part = add(part, where_positive(x, mul(x, log(y)), none))
            store_part(Y, i * columns + whole, (i + 1) * columns, div(x, maximum(y, floor)))
        loglik += total(part)
    return loglik


@kernel
def multiply(X, transposed, F, G, den, rule, masses, blocks, sums, tally):
    """`kl.multiply` on dense X, a block of WH at a time; G has no padding, so that BLAS multiplies no zeros.

    A block of WH goes from one product to the other inside the second-level cache, and nothing of X's size is ever
    made. One compiled call: two Python threads that call BLAS block by block wait for each other's interpreter lock.
    """
    k = G.shape[1]
    for b in prange(len(blocks) - 1):
        first, last = blocks[b], blocks[b + 1]
        part = F[first:last, :k].copy()
        if transposed:
            Y = np.dot(G, part.T)
            tally[b, 0] = divide_into(X, 0, first, Y, rule.tiny, rule.measure)
            product = np.dot(Y.T, G)
        else:
            Y = np.dot(part, G.T)
            tally[b, 0] = divide_into(X, first, 0, Y, rule.tiny, rule.measure)
            product = np.dot(Y, G)
        num = np.zeros((last - first, F.shape[1]), F.dtype)
        num[:, :k] = product
        tally[b, 1] = apply_rows(F, first, last, num, 0, masses, den, rule, sums, b)


@helper
def load_counts_row(X, transposed, i, work, row):
    """x = row i of X (of X' where transposed)."""
    n = X.shape[0] if transposed else X.shape[1]
    for t in range(n):
        work[row.x + t] = X[t, i] if transposed else X[i, t]
    for t in range(n, row.n):
        work[row.x + t] = 0


@kernel
def descend(X, transposed, F, N, B, den, rule, blocks, sums, tally):
    """`coordinate.descend` where every row of X is whole: B = G' serves all rows, nothing is gathered.

    Rows go outer: a row's x and y stay in cache for all its sweeps, while B comes from the cache that holds it.
    """
    columns = F.shape[1]
    n = len(B) // columns
    for b in prange(len(blocks) - 1):
        work, row = room_for_row(columns, n, F)
        active = np.empty(columns, np.int64)
        loglik, kkt = 0.0, 0.0
        for i in range(blocks[b], blocks[b + 1]):
            load_counts_row(X, transposed, i, work, row)
            load_row(F, i, work, row.f)
            met = evaluate_row(work, B, active, row, rule, rule.measure)
            loglik += met[0]
            kkt += descend_row(F, N, i, work, B, active, row, den, rule, met)
            add_row(sums, b, F, i)
        tally[b, 0], tally[b, 1] = loglik, kkt


@kernel
def solve(X, transposed, F, B, den, rule, blocks):
    """`coordinate.solve` where every row of X is whole."""
    columns = F.shape[1]
    n = len(B) // columns
    for b in prange(len(blocks) - 1):
        work, row = room_for_row(columns, n, F)
        active = np.empty(columns, np.int64)
        for i in range(blocks[b], blocks[b + 1]):
            load_counts_row(X, transposed, i, work, row)
            solve_into(F, i, work, B, active, row, den, rule, n)
