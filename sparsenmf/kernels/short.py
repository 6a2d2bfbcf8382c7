"""KL coordinate descent on short rows, a register of rows side by side.

Most columns of a count matrix hold a few nonzeros: too few to fill registers with, and horizontal sums and scalar
Newton steps would cost more than the arithmetic. Here each lane is a row, of a batch whose rows have about equally
many nonzeros, and every step is a vector step; nothing crosses lanes, so a row's result does not depend on its mates.

Work arrays are stored [position][component][lane]; lanes past a row's nonzeros hold x = 0, which adds exactly nothing.
The steps are those of `coordinate`, over all components instead of a list; `gate` says which lanes take part.
"""

import numpy as np

from sparsenmf._jit import helper, kernel, prange
from sparsenmf.kernels.coordinate import KEPT, LEFT_LIMIT
from sparsenmf.kernels.gather import gather_transposed, scatter_transposed
from sparsenmf.kernels.kl import add_row, residual
from sparsenmf.kernels.simd import (
    VECTOR_BYTES,
    add,
    div,
    fill,
    fma,
    load,
    log,
    maximum,
    mul,
    store,
    sub,
    total,
    where_positive,
)

SHORT = 24  # nonzeros up to which a row is short


@helper
def scratch(columns, lanes, like):
    """Room for x, y, ratio, B, num, f, the iterate before, each row's mass, rows to write back, names of rows of G."""
    return (
        np.empty(SHORT * lanes, like.dtype),
        np.empty(SHORT * lanes, like.dtype),
        np.empty(SHORT * lanes, like.dtype),
        np.empty(SHORT * columns * lanes, like.dtype),
        np.empty(columns * lanes, like.dtype),
        np.empty(columns * lanes, like.dtype),
        np.empty(columns * lanes, like.dtype),
        np.empty(lanes, like.dtype),
        np.empty((lanes, columns), like.dtype),
        np.empty(lanes, np.int64),
    )


@helper
def gather_batch(indptr, indices, data, F, N, G, rows, first, last, x, B, f, before, mass, names):
    """Load the batch rows[first:last] (the last row again in lanes to spare, without counts); its longest length."""
    lanes, columns = len(names), G.shape[1]
    longest = 0
    for w in range(lanes):
        row = rows[min(first + w, last - 1)]
        longest = max(longest, indptr[row + 1] - indptr[row])
        mass[w] = 0
    for t in range(longest):
        for w in range(lanes):
            row = rows[min(first + w, last - 1)]
            start, stop = indptr[row], indptr[row + 1]
            here = start + t < stop
            names[w] = indices[start + t if here else max(start, stop - 1)] if start < stop else 0
            x[t * lanes + w] = data[start + t] if here and first + w < last else 0
            mass[w] += x[t * lanes + w]
        gather_transposed(B, lanes, t * columns * lanes, G, names, 0, lanes)
    gather_transposed(f, lanes, 0, F, rows, first, last)
    gather_transposed(before, lanes, 0, N, rows, first, last)
    return longest


@helper
def evaluate_batch(x, y, ratio, B, num, f, n, columns, lanes, tiny, want):
    """y = B'f and num = B (x / y) for every lane; the sum of x log y, and of the x where y is zero."""
    none, floor = fill(f, 0.0), fill(f, tiny)
    loglik, dead = none, none
    for t in range(n):
        s0, s1, s2, s3 = none, none, none, none
        at = t * columns * lanes
        for a in range(0, columns * lanes, 4 * lanes):
            s0 = fma(load(f, a), load(B, at + a), s0)
            s1 = fma(load(f, a + lanes), load(B, at + a + lanes), s1)
            s2 = fma(load(f, a + 2 * lanes), load(B, at + a + 2 * lanes), s2)
            s3 = fma(load(f, a + 3 * lanes), load(B, at + a + 3 * lanes), s3)
        value, counts = add(add(s0, s1), add(s2, s3)), load(x, t * lanes)
        if want:
            loglik = add(loglik, where_positive(counts, mul(counts, log(value)), none))
        dead = add(dead, where_positive(value, none, counts))
        value = maximum(value, floor)
        store(y, t * lanes, value)
        store(ratio, t * lanes, div(counts, value))
    for a in range(0, columns * lanes, lanes):
        s = none
        for t in range(n):
            s = fma(load(ratio, t * lanes), load(B, t * columns * lanes + a), s)
        store(num, a, s)
    return total(loglik), dead


@helper
def revive_batch(f, mass, den, k, lanes, dead, fixed):
    """As `coordinate.revive`, in the lanes where a count lies on y = 0; where G is fixed, in empty ones alone."""
    scale, held = 0.0, fill(f, 0.0)
    for a in range(0, k * lanes, lanes):
        held = add(held, load(f, a))
    if fixed:
        dead = where_positive(held, fill(f, 0.0), dead)
    for a in range(k):
        scale += den[a]
    share = div(mul(load(mass, 0), fill(f, 0.1)), fill(f, scale))
    share = where_positive(dead, share, fill(f, 0.0))
    for a in range(k):
        if den[a] > 0:
            store(f, a * lanes, add(load(f, a * lanes), share))


@helper
def residual_batch(num, f, masses, den, l2, k, lanes):
    """The batch's part of the KKT residual."""
    moved, mass = fill(f, 0.0), load(masses, 0)
    for a in range(k):
        value = load(f, a * lanes)
        d = fma(fill(f, l2), value, fill(f, den[a]))
        factor = where_positive(d, div(load(num, a * lanes), d), fill(f, 1.0))
        moved = add(moved, residual(value, d, factor, mass))
    return total(moved)


@helper
def newton_lanes(f, old, g, h, m):
    """`coordinate.newton`, lane by lane; `f` is an array of the dtype."""
    zero = fill(f, 0.0)
    right = where_positive(h, sub(old, div(g, h)), old)
    step = div(g, fma(m, g, h))
    limit = where_positive(m, div(fill(f, LEFT_LIMIT), m), step)
    step = where_positive(sub(limit, step), step, limit)
    return where_positive(g, maximum(sub(old, step), zero), right)


@helper
def set_gate(gate, num, f, den, k, lanes, first, dead):
    """Positive where a lane takes part: its entry is positive or, in the first pass, a zero that wants to grow.

    No entry of a lane that is dead still does: the other factor lacks what its row needs, and is to find it positive.
    """
    for a in range(k):
        value = load(f, a * lanes)
        if first:
            value = maximum(value, sub(load(num, a * lanes), fill(f, den[a])))
        store(gate, a * lanes, where_positive(dead, fill(f, 0.0), value))


@helper
def sweep_batch(x, y, B, f, gate, n, columns, lanes, den, l2, k, tiny, prev, delta):
    """One pass over the components, where y still lacks the step `delta` of `prev`; returns the step it lacks then."""
    none, floor = fill(f, 0.0), fill(f, tiny)
    for a in range(k):
        g, h, m = none, none, none
        for t in range(n):
            at = t * columns * lanes
            value = maximum(fma(delta, load(B, at + prev * lanes), load(y, t * lanes)), floor)
            store(y, t * lanes, value)
            counts = load(x, t * lanes)
            u = where_positive(counts, div(load(B, at + a * lanes), value), none)
            v = mul(counts, u)
            g = add(g, v)
            h = fma(v, u, h)
            m = maximum(m, u)
        old, penalty = load(f, a * lanes), fill(f, l2)
        slope = sub(fma(penalty, old, fill(f, den[a])), g)
        new = where_positive(load(gate, a * lanes), newton_lanes(f, old, slope, add(h, penalty), m), old)
        store(f, a * lanes, new)
        delta = sub(new, old)
        prev = a
    return prev, delta


@helper
def leave_batch(f, before, new, N, F, rows, first, last, k, beta, sums, b):
    """Write back N = f and F = its extrapolation; add F to the column sums."""
    lanes = len(new)
    scatter_transposed(f, lanes, 0, new, 0, last - first)
    for w in range(last - first):
        for a in range(k):
            N[rows[first + w], a] = new[w, a]
    factor, kept = fill(f, beta), fill(f, KEPT)
    for a in range(0, k * lanes, lanes):
        value = load(f, a)
        ahead = fma(factor, sub(value, load(before, a)), value)
        store(f, a, maximum(ahead, mul(kept, value)))
    scatter_transposed(f, lanes, 0, new, 0, last - first)
    for w in range(last - first):
        for a in range(k):
            F[rows[first + w], a] = new[w, a]
        add_row(sums, b, new, w)


@kernel
def descend(X, F, N, G, den, numbers, sweeps, fixed, want, k, rows, blocks, sums, tally):
    """`coordinate.descend` on the short `rows`, sorted by length."""
    indptr, indices, data = X
    tiny, l2, beta = numbers
    lanes, columns = VECTOR_BYTES // F.itemsize, F.shape[1]
    for b in prange(len(blocks) - 1):
        x, y, ratio, B, num, f, before, mass, new, names = scratch(columns, lanes, F)
        loglik, kkt = 0.0, 0.0
        for first in range(blocks[b], blocks[b + 1], lanes):
            last = min(first + lanes, blocks[b + 1])
            n = gather_batch(indptr, indices, data, F, N, G, rows, first, last, x, B, f, before, mass, names)
            value, dead = evaluate_batch(x, y, ratio, B, num, f, n, columns, lanes, tiny, want)
            loglik += value
            if total(dead) > 0:
                revive_batch(f, mass, den, k, lanes, dead, fixed)
                _, dead = evaluate_batch(x, y, ratio, B, num, f, n, columns, lanes, tiny, False)
                if fixed:
                    dead = fill(F, 0.0)
            kkt += residual_batch(num, f, mass, den, l2, k, lanes)
            prev, delta = 0, fill(F, 0.0)
            for s in range(sweeps):
                set_gate(num, num, f, den, k, lanes, s == 0, dead)
                prev, delta = sweep_batch(x, y, B, f, num, n, columns, lanes, den, l2, k, tiny, prev, delta)
            leave_batch(f, before, new, N, F, rows, first, last, k, beta, sums, b)
        tally[b, 0], tally[b, 1] = loglik, kkt
