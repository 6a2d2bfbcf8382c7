"""Kullback-Leibler kernels on CSR: every one updates or measures the rows of F, given G.

X is the tuple (indptr, indices, data) of X for F = W, G = H', or of X' for F = H', G = W: one kernel, both factors.
Factors are padded with zero columns to whole registers. WH is evaluated at the nonzeros alone: the other terms of the
gradient are the column sums of G, which come in as `den` (with the L1 penalty added; `l2` is the L2 penalty).

Each block of rows writes its own rows and its own line of `sums` (column sums of the new F) and of `tally`
(sum of x log(WH) at entry, KKT residual at entry), which the caller adds up in block order.
"""

import numpy as np

from sparsenmf._jit import helper, kernel, prange
from sparsenmf.kernels.gather import gather_add, gather_dots, prefetch_rows
from sparsenmf.kernels.simd import (
    GROUP,
    VECTOR_BYTES,
    add,
    add_wide,
    div,
    fill,
    fma,
    load,
    load_group,
    log,
    maximum,
    mul,
    same,
    sqrt,
    store,
    store_part,
    sub,
    total,
    where_positive,
    widen,
)

SPARED = 1e8  # rows whose entries are not about this many times the cut are left alone by it
AHEAD = 16  # nonzeros between a prefetch and its use


@helper
def clear(a, start, stop):
    """a[start:stop] = 0, whole registers, flat offsets."""
    for i in range(start, stop, VECTOR_BYTES // a.itemsize):
        store(a, i, fill(a, 0.0))


@helper
def ratio_part(indices, data, start, stop, end, F, i, G, tiny, want, num, at):
    """num[at:] += (X / FG')G over the nonzeros start to stop of row i; returns their sums of x log(FG') and of x."""
    none = load_group(data, start, start, num)
    loglik, mass, floor = none, none, same(none, tiny)
    for t in range(start, stop, GROUP):
        prefetch_rows(G, indices, t + AHEAD, end)
        x = load_group(data, t, stop, num)
        y = gather_dots(F, i, G, indices, t, stop)
        if want:
            loglik = add(loglik, where_positive(x, mul(x, log(y)), none))
        mass = add(mass, x)
        gather_add(num, at, div(x, maximum(y, floor)), G, indices, t, stop)
    return total(loglik), total(mass)


@helper
def residual(f, den, factor, mass):
    """|min(f den, mass (1 - factor))|, lane by lane: the counts that a scaled projected gradient step would move.

    `factor` is that of eq. 5, numerator by denominator: 1 where the gradient vanishes.
    """
    held, zero = mul(f, den), same(f, 0.0)
    slack = sub(mass, mul(mass, factor))
    least = sub(held, maximum(sub(held, slack), zero))  # min(held, slack)
    return maximum(least, sub(zero, least))


@helper
def multiply_row(F, i, num, at, den, l2, floor, cut, mass):
    """F[i] *= num[at:] / den, eq. 5; a positive entry stays at or above the floor, or turns zero at or below the cut.

    With an L2 penalty it is the minimiser of eq. 26 plus that penalty, the positive root of l2 f'^2 + den f' = f num
    (scikit-learn divides by den + l2 f there, which can raise the cost).
    """
    columns, moved = F.shape[1], fill(num, 0.0)
    zero, one, floors, cuts = fill(num, 0.0), fill(num, 1.0), fill(num, floor), fill(num, cut)
    masses = fill(num, mass)
    for a in range(0, columns, VECTOR_BYTES // F.itemsize):
        f, n, push = load(F, i * columns + a), load(num, at + a), load(den, a)
        d = fma(fill(num, l2), f, push)
        factor = where_positive(d, div(n, d), one)
        moved = add(moved, residual(f, d, factor, masses))
        new = mul(f, where_positive(d, factor, zero))
        if l2 > 0:
            pull = mul(f, n)
            root = sqrt(fma(push, push, mul(fill(num, 4 * l2), pull)))
            new = where_positive(d, div(add(pull, pull), add(push, root)), zero)
        new = where_positive(f, where_positive(n, maximum(new, floors), zero), zero)
        store(F, i * columns + a, where_positive(sub(new, cuts), new, zero))
    return total(moved)


@helper
def add_row(sums, b, F, i):
    """sums[b] += F[i], in float64."""
    columns = F.shape[1]
    for a in range(0, columns, VECTOR_BYTES // F.itemsize):
        add_wide(sums, b * columns + a, load(F, i * columns + a))


@helper
def add_rows(sums, b, F, rows, first, last):
    """sums[b] += the rows of F that rows[first:last] names, in float64."""
    columns = F.shape[1]
    for a in range(0, columns, VECTOR_BYTES // F.itemsize):
        part = widen(fill(F, 0.0))
        for r in range(first, last):
            part = add(part, widen(load(F, rows[r] * columns + a)))
        add_wide(sums, b * columns + a, part)


@kernel
def multiply(X, F, G, den, l2, limits, want, rows, panels, group, blocks, sums, tally):
    """The multiplicative update of some rows of F, eq. 5: F <- F * ((X / FG')G) / (column sums of G), in place.

    `limits` is (the least WH to divide by, the least positive entry to leave, entries up to which become zero).
    panels[r, p] is where the nonzeros of rows[r] enter panel p of G's rows: `group` rows of F at a time go over a panel
    while it is in cache.
    """
    _, indices, data = X
    tiny, floor, cut = limits
    columns = F.shape[1]
    spared = SPARED * cut * den.sum()  # the new row's den-weighted sum is its sum of x
    for b in prange(len(blocks) - 1):
        num = np.empty(group * columns, F.dtype)
        logliks, masses = np.empty(group), np.empty(group, F.dtype)
        loglik, kkt = 0.0, 0.0
        for first in range(blocks[b], blocks[b + 1], group):
            count = min(group, blocks[b + 1] - first)
            clear(num, 0, count * columns)
            logliks[:count] = 0
            masses[:count] = 0
            for p in range(panels.shape[1] - 1):
                for r in range(count):
                    start, stop = panels[first + r, p], panels[first + r, p + 1]
                    end = stop if panels.shape[1] > 2 else len(indices)
                    part, mass = ratio_part(
                        indices, data, start, stop, end, F, rows[first + r], G, tiny, want, num, r * columns
                    )
                    logliks[r] += part
                    masses[r] += mass
            for r in range(count):
                i, mass = rows[first + r], masses[r]
                if mass == 0:
                    clear(F, i * columns, (i + 1) * columns)
                    continue
                low = cut if mass > spared else tiny * 0
                kkt += multiply_row(F, i, num, r * columns, den, l2, floor, low, mass)
                loglik += logliks[r]
            add_rows(sums, b, F, rows, first, first + count)
        tally[b, 0], tally[b, 1] = loglik, kkt


@kernel
def ratio_times(X, F, G, tiny, blocks, out, tally):
    """out = (X / FG')G: the part of the gradient that needs X; tally has the sum of x log(FG')."""
    indptr, indices, data = X
    for b in prange(len(blocks) - 1):
        loglik = 0.0
        for i in range(blocks[b], blocks[b + 1]):
            at = i * G.shape[1]
            clear(out, at, at + G.shape[1])
            loglik += ratio_part(indices, data, indptr[i], indptr[i + 1], len(indices), F, i, G, tiny, True, out, at)[0]
        tally[b, 0] = loglik


@kernel
def loglik(X, F, G, blocks, tally):
    """The sum of x log(FG') over the nonzeros: -inf where FG' is zero at one of them."""
    indptr, indices, data = X
    for b in prange(len(blocks) - 1):
        value = 0.0
        for i in range(blocks[b], blocks[b + 1]):
            start, stop = indptr[i], indptr[i + 1]
            none = load_group(data, start, start, G)
            part = none
            for t in range(start, stop, GROUP):
                prefetch_rows(G, indices, t + AHEAD, indptr[-1])
                x = load_group(data, t, stop, G)
                y = gather_dots(F, i, G, indices, t, stop)
                part = add(part, where_positive(x, mul(x, log(y)), none))
            value += total(part)
        tally[b, 0] = value


@kernel
def products(X, F, G, blocks, out):
    """out[t] = WH at the t-th nonzero of X: rows outer, so a row of F is loaded once for all its nonzeros."""
    indptr, indices, _ = X
    for b in prange(len(blocks) - 1):
        for i in range(blocks[b], blocks[b + 1]):
            for t in range(indptr[i], indptr[i + 1], GROUP):
                prefetch_rows(G, indices, t + AHEAD, indptr[-1])
                store_part(out, t, indptr[i + 1], gather_dots(F, i, G, indices, t, indptr[i + 1]))
