"""What kernels of either cost do to a row of a factor, each written once: step, extrapolate, add up.

Arrays are addressed by flat offsets (see `simd.py`), so a row may lie in a factor, in a block or in a work array.
"""

import numpy as np

from sparsenmf._jit import helper
from sparsenmf.kernels.simd import (
    CACHE_LINE,
    VECTOR_BYTES,
    add,
    add_wide,
    fill,
    fma,
    load,
    maximum,
    mul,
    same,
    store,
    sub,
    where_positive,
    widen,
)

LEFT_LIMIT = 0.99  # share of 1 / m that a step to the left may take, whatever rounding makes of it
KEPT = 0.1  # an extrapolated entry keeps this share of the new one, so no y_j is emptied


@helper
def room(size, like):
    """An array of at least `size` elements, and the first of them that begins a cache line."""
    work = np.empty(size + CACHE_LINE // like.itemsize, like.dtype)
    return work, -np.int64(work.ctypes.data) % CACHE_LINE // like.itemsize


@helper
def clear(a, start, stop):
    """a[start:stop] = 0, whole registers, flat offsets."""
    for i in range(start, stop, VECTOR_BYTES // a.itemsize):
        store(a, i, fill(a, 0.0))


@helper
def load_row(F, i, work, at):
    """work[at:] = F[i]."""
    columns = F.shape[1]
    for a in range(0, columns, VECTOR_BYTES // F.itemsize):
        store(work, at + a, load(F, i * columns + a))


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
def newton(old, g, full, damped, limit):
    """Where a coordinate with gradient g goes from `old` (see the text of `coordinate.py`); scalars or registers.

    To the right (g <= 0) by the Newton step `full` = g / h. To the left by `damped` = g / (h + m g), at most by
    `limit` = LEFT_LIMIT / m, and not beyond zero.
    """
    step = where_positive(sub(limit, damped), damped, limit)
    return where_positive(g, maximum(sub(old, step), same(old, 0.0)), sub(old, full))


@helper
def extrapolate_row(F, N, i, work, at, beta):
    """N[i] = the new row, work[at:]; F[i] = the row plus beta times its change, clear of zero where the row is."""
    columns = F.shape[1]
    factor, kept = fill(F, beta), fill(F, KEPT)
    for a in range(0, columns, VECTOR_BYTES // F.itemsize):
        new, before = load(work, at + a), load(N, i * columns + a)
        store(N, i * columns + a, new)
        ahead = fma(factor, sub(new, before), new)
        store(F, i * columns + a, maximum(ahead, mul(kept, new)))


@helper
def add_row(sums, b, F, i):
    """sums[b] += F[i], in float64."""
    columns = F.shape[1]
    for a in range(0, columns, VECTOR_BYTES // F.itemsize):
        add_wide(sums, b * columns + a, load(F, i * columns + a))


@helper
def add_rows(sums, b, F, rows, first, last):
    """sums[b] += the rows of F that rows[first:last] names, in float64.

    A register of columns goes outer: its sum over the rows stays in registers, and `sums` is met once.
    """
    columns = F.shape[1]
    for a in range(0, columns, VECTOR_BYTES // F.itemsize):
        part = widen(fill(F, 0.0))
        for r in range(first, last):
            part = add(part, widen(load(F, rows[r] * columns + a)))
        add_wide(sums, b * columns + a, part)
