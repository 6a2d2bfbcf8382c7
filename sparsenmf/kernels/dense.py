"""KL kernels on dense X: the ratio X / WH on a block that fits the cache, between two matrix products."""

import numpy as np

from sparsenmf._jit import helper, kernel, prange
from sparsenmf.kernels.coordinate import (
    evaluate_row,
    extrapolate_row,
    load_row,
    positive,
    residual_row,
    revive,
    scratch,
    solve_row,
    sweeps_of,
)
from sparsenmf.kernels.kl import SPARED, add_row, multiply_row
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


@helper
def divide_into(X, first_row, first_column, Y, tiny, want):
    """Y = X / Y for the block of X at (first_row, first_column); returns the sum of x log(Y) as it came (if `want`)."""
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
            if want:
                part = add(part, where_positive(x, mul(x, log(y)), none))
            store(Y, i * columns + t, div(x, maximum(y, floor)))
        if whole < columns:
            x = load_counts(X, start + whole, start + columns, Y)
            y = load_counts(Y, i * columns + whole, (i + 1) * columns, Y)
            if want:
                part = add(part, where_positive(x, mul(x, log(y)), none))
            store_part(Y, i * columns + whole, (i + 1) * columns, div(x, maximum(y, floor)))
        loglik += total(part)
    return loglik


@helper
def multiply_block(F, first, num, masses, den, l2, limits, sums, b):
    """Finish eq. 5 for rows first, first + 1, ... of F from their numerators; returns their KKT residual."""
    kkt, floor, cut = 0.0, limits[1], limits[2]
    spared = SPARED * cut * den.sum()
    for i in range(num.shape[0]):
        mass = masses[first + i]
        low = cut if mass > spared else floor * 0
        kkt += multiply_row(F, first + i, num, i * num.shape[1], den, l2, floor, low, mass)
        add_row(sums, b, F, first + i)
    return kkt


@kernel
def multiply(X, transposed, F, G, den, l2, limits, want, masses, blocks, sums, tally):
    """`kl.multiply` on dense X, a block of WH at a time; G has no padding, so that BLAS multiplies no zeros.

    One compiled call: two Python threads that call BLAS block by block wait for each other's interpreter lock.
    """
    k = G.shape[1]
    for b in prange(len(blocks) - 1):
        first, last = blocks[b], blocks[b + 1]
        part = F[first:last, :k].copy()
        if transposed:
            Y = np.dot(G, part.T)
            tally[b, 0] = divide_into(X, 0, first, Y, limits[0], want)
            product = np.dot(Y.T, G)
        else:
            Y = np.dot(part, G.T)
            tally[b, 0] = divide_into(X, first, 0, Y, limits[0], want)
            product = np.dot(Y, G)
        num = np.zeros((last - first, F.shape[1]), F.dtype)
        num[:, :k] = product
        tally[b, 1] = multiply_block(F, first, num, masses, den, l2, limits, sums, b)


@helper
def load_counts_row(X, transposed, i, x):
    """x = row i of X (of X' where transposed)."""
    n = X.shape[0] if transposed else X.shape[1]
    for t in range(n):
        x[t] = X[t, i] if transposed else X[i, t]
    for t in range(n, len(x)):
        x[t] = 0


@kernel
def descend(X, transposed, F, N, B, den, numbers, sweeps, fixed, want, k, blocks, sums, tally):
    """`coordinate.descend` where every row of X is whole: B = G' serves all rows, nothing is gathered."""
    tiny, l2, beta = numbers
    columns = F.shape[1]
    n = len(B) // columns
    for b in prange(len(blocks) - 1):
        _, _, ratio, _, num, f, active = scratch(columns, 0, F)
        x, y = np.empty(n, F.dtype), np.empty(n, F.dtype)
        loglik, kkt = 0.0, 0.0
        for i in range(blocks[b], blocks[b + 1]):
            load_counts_row(X, transposed, i, x)
            load_row(F, i, f)
            value, mass, dead = evaluate_row(x, y, ratio, B, num, f, active, n, n, k, tiny, want)
            loglik += value
            if dead > 0 and (positive(f, k, active) == 0 or not fixed):
                revive(f, den, k, mass)
                _, _, dead = evaluate_row(x, y, ratio, B, num, f, active, n, n, k, tiny, False)
            kkt += residual_row(num, f, den, l2, mass)
            if dead == 0 or fixed:  # else the other factor lacks what this row needs, and is to find the row positive
                sweeps_of(x, y, B, num, f, active, n, n, den, l2, k, sweeps, tiny)
            extrapolate_row(N, F, i, f, beta)
            add_row(sums, b, F, i)
        tally[b, 0], tally[b, 1] = loglik, kkt


@kernel
def solve(X, transposed, F, B, den, numbers, max_sweeps, k, blocks):
    """`coordinate.solve` where every row of X is whole."""
    tiny, l2, tol = numbers
    columns = F.shape[1]
    n = len(B) // columns
    for b in prange(len(blocks) - 1):
        _, _, ratio, _, num, f, active = scratch(columns, 0, F)
        x, y = np.empty(n, F.dtype), np.empty(n, F.dtype)
        for i in range(blocks[b], blocks[b + 1]):
            load_counts_row(X, transposed, i, x)
            mass = 0.0
            for t in range(n):
                mass += x[t]
            if mass > 0:
                solve_row(x, y, ratio, B, num, f, active, n, n, den, l2, k, mass, max_sweeps, tol, tiny)
                extrapolate_row(F, F, i, f, 0.0)
