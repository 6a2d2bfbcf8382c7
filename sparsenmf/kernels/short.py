"""KL coordinate descent on short rows, a register of rows side by side.

Most columns of a count matrix hold a few nonzeros: too few to fill registers with, and horizontal sums and scalar
Newton steps would cost more than the arithmetic. Here each lane is a row, of a batch whose rows have about equally
many nonzeros, and every step is a vector step; nothing crosses lanes, so a row's result does not depend on its mates.

A batch's vectors lie in one work array, at the offsets that a `Batch` names, stored [position][component][lane]. Lanes
past a row's nonzeros hold x = 0, which adds exactly nothing. The steps are those of `coordinate`, over all components
instead of a list; a gate, kept in the place of the numerators, says which lanes take part.
"""

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
    log,
    maximum,
    mul,
    same,
    store,
    sub,
    total,
    where_positive,
)
from sparsenmf.kernels.steps import LEFT_LIMIT, add_row, extrapolate_row, newton, residual, room

SHORT = 24  # nonzeros up to which a row is short


class Batch(NamedTuple):
    """Which rows go side by side, their sizes, and where their vectors begin in the work array."""

    first: int  # rows[first:last]
    last: int
    n: int  # nonzeros of the longest
    lanes: int
    width: int  # of a vector of all components, lanes x columns
    mass: int
    x: int
    y: int
    ratio: int
    num: int
    f: int
    B: int


@helper
def room_for_batch(lanes, columns, like):
    """The work array, and an empty batch in it."""
    width, long = lanes * columns, lanes * SHORT
    work, mass = room(lanes + 3 * long + (2 + SHORT) * width, like)
    x = mass + lanes
    num = x + 3 * long
    return work, Batch(0, 0, 0, lanes, width, mass, x, x + long, x + 2 * long, num, num + width, num + 2 * width)


@helper
def with_rows(at, first, last, n):
    """The same places for the rows first to last, the longest of n nonzeros."""
    return Batch(first, last, n, at.lanes, at.width, at.mass, at.x, at.y, at.ratio, at.num, at.f, at.B)


@helper
def gather_batch(indptr, indices, data, F, G, rows, batch, work, names):
    """Load the batch's rows (the last row again in lanes to spare, without counts).

    Positions go outer: the rows of G that the lanes name at one position are transposed in registers, and land where
    the sweeps measure them, one component's lanes side by side.
    """
    lanes, first, last = batch.lanes, batch.first, batch.last
    for w in range(lanes):
        work[batch.mass + w] = 0
    for t in range(batch.n):
        for w in range(lanes):
            row = rows[min(first + w, last - 1)]
            start, stop = indptr[row], indptr[row + 1]
            here = start + t < stop
            names[w] = indices[start + t if here else max(start, stop - 1)] if start < stop else 0
            x = batch.x + t * lanes + w
            work[x] = data[start + t] if here and first + w < last else 0
            work[batch.mass + w] += work[x]
        gather_transposed(work, lanes, batch.B + t * batch.width, G, names, 0, lanes)
    gather_transposed(work, lanes, batch.f, F, rows, first, last)


@helper
def evaluate_batch(work, batch, tiny, measure):
    """y = B'f and num = B (x / y) for every lane; the sum of x log y, and of the x where y is zero.

    y goes by positions, in four chains of multiply-adds that hide their latency; num by components, whose sums stay in
    a register over all positions.
    """
    none, floor = fill(work, 0.0), fill(work, tiny)
    loglik, dead, lanes, f = none, none, batch.lanes, batch.f
    for t in range(batch.n):
        s0, s1, s2, s3 = none, none, none, none
        at, here = batch.B + t * batch.width, t * batch.lanes
        for a in range(0, batch.width, 4 * lanes):
            s0 = fma(load(work, f + a), load(work, at + a), s0)
            s1 = fma(load(work, f + a + lanes), load(work, at + a + lanes), s1)
            s2 = fma(load(work, f + a + 2 * lanes), load(work, at + a + 2 * lanes), s2)
            s3 = fma(load(work, f + a + 3 * lanes), load(work, at + a + 3 * lanes), s3)
        value, counts = add(add(s0, s1), add(s2, s3)), load(work, batch.x + here)
        if measure:
            loglik = add(loglik, where_positive(counts, mul(counts, log(value)), none))
        dead = add(dead, where_positive(value, none, counts))
        value = maximum(value, floor)
        store(work, batch.y + here, value)
        store(work, batch.ratio + here, div(counts, value))
    for a in range(0, batch.width, lanes):
        s = none
        for t in range(batch.n):
            s = fma(load(work, batch.ratio + t * lanes), load(work, batch.B + t * batch.width + a), s)
        store(work, batch.num + a, s)
    return total(loglik), dead


@helper
def revive_batch(work, batch, den, rule, dead):
    """As `coordinate.revive`, in the lanes where a count lies on y = 0; where G is fixed, in empty ones alone."""
    none, scale, lanes = fill(work, 0.0), 0.0, batch.lanes
    held = none
    for a in range(rule.k):
        held = add(held, load(work, batch.f + a * lanes))
        scale += den[a]
    if rule.fixed:
        dead = where_positive(held, none, dead)
    share = div(mul(load(work, batch.mass), fill(work, 0.1)), fill(work, scale))
    share = where_positive(dead, share, none)
    for a in range(rule.k):
        if den[a] > 0:
            f = batch.f + a * lanes
            store(work, f, add(load(work, f), share))


@helper
def residual_batch(work, batch, den, rule):
    """The batch's part of the KKT residual."""
    moved, mass = fill(work, 0.0), load(work, batch.mass)
    for a in range(rule.k):
        f, num = load(work, batch.f + a * batch.lanes), load(work, batch.num + a * batch.lanes)
        d = fma(fill(work, rule.l2), f, fill(work, den[a]))
        factor = where_positive(d, div(num, d), fill(work, 1.0))
        moved = add(moved, residual(f, d, factor, mass))
    return total(moved)


@helper
def step_of(old, g, h, m, limit):
    """Where `newton` takes one coordinate of every lane."""
    full = where_positive(h, div(g, h), same(g, 0.0))
    return newton(old, g, full, div(g, fma(m, g, h)), div(limit, m))


@helper
def set_gate(work, batch, den, k, first, dead):
    """Positive where a lane takes part: its entry is positive or, in the first pass, a zero that wants to grow.

    No entry of a lane that is dead still does: the other factor lacks what its row needs, and is to find it positive.
    """
    for a in range(k):
        gate, value = batch.num + a * batch.lanes, load(work, batch.f + a * batch.lanes)
        if first:
            value = maximum(value, sub(load(work, gate), fill(work, den[a])))
        store(work, gate, where_positive(dead, fill(work, 0.0), value))


@helper
def sweep_batch(work, batch, den, rule, prev, delta):
    """One pass over the components, where y still lacks the step `delta` of `prev`; returns the step it lacks then.

    Components go outer, for each step needs the y that the last one left; a pass over the positions applies the last
    step and sums up the next one's derivatives.
    """
    none, floor = fill(work, 0.0), fill(work, rule.tiny)
    lanes, penalty, limit = batch.lanes, fill(work, rule.l2), fill(work, LEFT_LIMIT)
    for a in range(rule.k):
        g, h, m = none, none, none
        for t in range(batch.n):
            at, y = batch.B + t * batch.width, batch.y + t * lanes
            value = maximum(fma(delta, load(work, at + prev * lanes), load(work, y)), floor)
            store(work, y, value)
            counts = load(work, batch.x + t * lanes)
            u = where_positive(counts, div(load(work, at + a * lanes), value), none)
            v = mul(counts, u)
            g = add(g, v)
            h = fma(v, u, h)
            m = maximum(m, u)
        old = load(work, batch.f + a * lanes)
        slope = sub(fma(penalty, old, fill(work, den[a])), g)
        stepped = step_of(old, slope, add(h, penalty), m, limit)
        new = where_positive(load(work, batch.num + a * lanes), stepped, old)
        store(work, batch.f + a * lanes, new)
        prev, delta = a, sub(new, old)
    return prev, delta


@helper
def leave_batch(F, N, rows, batch, work, new, beta, sums, b):
    """Write back N = f and F = its extrapolation; add F to the column sums."""
    count = batch.last - batch.first
    scatter_transposed(work, batch.lanes, batch.f, new, 0, count)
    for w in range(count):
        i = rows[batch.first + w]
        extrapolate_row(F, N, i, new, w * F.shape[1], beta)
        add_row(sums, b, F, i)


@kernel
def descend(X, F, N, G, den, rule, rows, blocks, sums, tally):
    """`coordinate.descend` on the short `rows`, sorted by length: the rows of a batch have about equally many nonzeros.

    Batches go outer, each from its gather to its last sweep: its whole problem stays in cache.
    """
    indptr, indices, data = X
    lanes, columns = VECTOR_BYTES // F.itemsize, F.shape[1]
    for b in prange(len(blocks) - 1):
        work, at = room_for_batch(lanes, columns, F)
        new, names = np.empty((lanes, columns), F.dtype), np.empty(lanes, np.int64)
        loglik, kkt = 0.0, 0.0
        for first in range(blocks[b], blocks[b + 1], lanes):
            last = min(first + lanes, blocks[b + 1])
            batch = with_rows(at, first, last, indptr[rows[last - 1] + 1] - indptr[rows[last - 1]])
            gather_batch(indptr, indices, data, F, G, rows, batch, work, names)
            value, dead = evaluate_batch(work, batch, rule.tiny, rule.measure)
            loglik += value
            if total(dead) > 0:
                revive_batch(work, batch, den, rule, dead)
                _, dead = evaluate_batch(work, batch, rule.tiny, False)
                if rule.fixed:
                    dead = fill(F, 0.0)
            kkt += residual_batch(work, batch, den, rule)
            prev, delta = 0, fill(F, 0.0)
            for s in range(rule.sweeps):
                set_gate(work, batch, den, rule.k, s == 0, dead)
                prev, delta = sweep_batch(work, batch, den, rule, prev, delta)
            leave_batch(F, N, rows, batch, work, new, rule.beta, sums, b)
        tally[b, 0], tally[b, 1] = loglik, kkt
