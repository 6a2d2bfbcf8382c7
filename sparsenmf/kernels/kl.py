"""Kullback-Leibler kernels on CSR: every one updates or measures the rows of F, given G.

X is the tuple (indptr, indices, data) of X for F = W, G = H', or of X' for F = H', G = W: one kernel, both factors.
Factors are padded with zero columns to whole registers. WH is evaluated at the nonzeros alone: the other terms of the
gradient are the column sums of G, which come in as `den` (with the L1 penalty added).

Each block of rows writes its own rows and its own line of `sums` (column sums of the new F) and of `tally`
(sum of x log(WH) at entry, KKT residual at entry), which the caller adds up in block order. The blocks are a function
of X alone: sums come out the same to the last bit for any number of threads.
"""

import numpy as np

from sparsenmf._jit import helper, kernel, prange
from sparsenmf.kernels.gather import gather_add, gather_dots, prefetch_rows
from sparsenmf.kernels.rows import span_of
from sparsenmf.kernels.simd import (
    GROUP,
    VECTOR_BYTES,
    add,
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
)
from sparsenmf.kernels.steps import add_row, add_rows, clear, residual

SPARED = 1e8  # rows whose entries are not about this many times the cut are left alone by it
AHEAD = 16  # nonzeros between a prefetch and its use


@helper
def ratio_part(indices, data, span, F, i, G, tiny, measure, num, at):
    """num[at:] += (X / FG')G over a span of nonzeros of row i; returns their sums of x log(FG') and of x.

    GROUP nonzeros go side by side. The rows of G that they name are fetched once, for WH and for the numerators, and
    the row of F and the numerators are loaded and stored once for all of them.
    """
    start, stop, end = span
    none = load_group(data, start, start, num)
    loglik, mass, floor = none, none, same(none, tiny)
    for t in range(start, stop, GROUP):
        prefetch_rows(G, indices, t + AHEAD, end)
        x = load_group(data, t, stop, num)
        y = gather_dots(F, i, G, indices, t, stop)
        if measure:
            loglik = add(loglik, where_positive(x, mul(x, log(y)), none))
        mass = add(mass, x)
        gather_add(num, at, div(x, maximum(y, floor)), G, indices, t, stop)
    return total(loglik), total(mass)


@helper
def spared_mass(rule, den):
    """The sum of x up to which a row is spared by the cut: the den-weighted sum of its new entries is its sum of x."""
    return SPARED * rule.cut * den.sum()


@helper
def multiply_row(F, i, num, at, den, rule, mass, spared):
    """F[i] *= num[at:] / den, eq. 5; a positive entry stays at or above the floor, or turns zero at or below the cut.

    With an L2 penalty it is the minimiser of eq. 26 plus that penalty, the positive root of l2 f'^2 + den f' = f num
    (scikit-learn divides by den + l2 f there, which can raise the cost). Returns the row's part of the KKT residual.
    """
    columns, moved, l2 = F.shape[1], fill(num, 0.0), rule.l2
    zero, one, floors = fill(num, 0.0), fill(num, 1.0), fill(num, rule.floor)
    cuts = fill(num, rule.cut if mass > spared else rule.floor * 0)
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


@kernel
def multiply(X, F, G, den, rule, route, sums, tally):
    """The multiplicative update of some rows of F, eq. 5: F <- F * ((X / FG')G) / (column sums of G), in place.

    `rule` is a `KlMultiply`, `route` says which rows. Rows go outer: a row's numerators stay in the first-level cache
    while its nonzeros pass, and no thread writes another's rows. A group of rows goes over one panel of G's rows after
    another, so that a panel comes from memory once for the group.
    """
    _, indices, data = X
    rows, panels, group, blocks = route
    columns, spared = F.shape[1], spared_mass(rule, den)
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
                    i, span = rows[first + r], span_of(panels, first + r, p, len(indices))
                    part, mass = ratio_part(indices, data, span, F, i, G, rule.tiny, rule.measure, num, r * columns)
                    logliks[r] += part
                    masses[r] += mass
            for r in range(count):
                i = rows[first + r]
                if masses[r] == 0:
                    clear(F, i * columns, (i + 1) * columns)
                    continue
                kkt += multiply_row(F, i, num, r * columns, den, rule, masses[r], spared)
                loglik += logliks[r]
            add_rows(sums, b, F, rows, first, first + count)
        tally[b, 0], tally[b, 1] = loglik, kkt


@helper
def apply_rows(F, first, last, num, at, masses, den, rule, sums, b):
    """Eq. 5 on F[first:last] from their numerators, num[at:]; returns the KKT residual, adds to their column sums."""
    kkt, columns, spared = 0.0, F.shape[1], spared_mass(rule, den)
    for i in range(first, last):
        kkt += multiply_row(F, i, num, at + (i - first) * columns, den, rule, masses[i], spared)
        add_row(sums, b, F, i)
    return kkt


@kernel
def apply(F, num, masses, den, rule, blocks, sums, tally):
    """The second half of `multiply`: eq. 5 on all rows of F, from num = (X / FG')G and the sums of X's rows.

    After `ratio_times` it does what `multiply` does at once, to rounding, for the price of reading `num` again.
    """
    for b in prange(len(blocks) - 1):
        first, last = blocks[b], blocks[b + 1]
        tally[b, 1] = apply_rows(F, first, last, num, first * F.shape[1], masses, den, rule, sums, b)


@kernel
def ratio_times(X, F, G, tiny, blocks, out, tally):
    """out = (X / FG')G: the part of the gradient that needs X; tally has the sum of x log(FG').

    Rows go outer: the row of `out` stays in the first-level cache while the row's nonzeros pass.
    """
    indptr, indices, data = X
    for b in prange(len(blocks) - 1):
        loglik = 0.0
        for i in range(blocks[b], blocks[b + 1]):
            at = i * G.shape[1]
            clear(out, at, at + G.shape[1])
            span = (indptr[i], indptr[i + 1], len(indices))
            loglik += ratio_part(indices, data, span, F, i, G, tiny, True, out, at)[0]
        tally[b, 0] = loglik


@kernel
def loglik(X, F, G, blocks, tally):
    """The sum of x log(FG') over the nonzeros: -inf where FG' is zero at one of them.

    Rows go outer, so the row of F stays in registers and cache; the logarithms of GROUP nonzeros are one vector step.
    """
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
