"""KL coordinate descent: a row's problem gathered into cache, then scalar Newton steps over its active set.

The row's problem is min over f >= 0 of den . f + l2 |f|^2 / 2 - sum_j x_j log(y_j) with y = B'f, where B holds the
rows of G that the row's nonzeros name, as columns (k x nonzeros, `stride` apart): every pass over a coordinate is then
unit-stride, and further sweeps cost no memory traffic.

A row's vectors lie in one work array, at the offsets that a `Row` names: x its counts, y = B'f, ratio = x / y of a
chunk, num the gradient's numerators B (x / y), f the row itself. B is an array of its own, for on dense X all rows
share it. `active` lists the coordinates in play. Helpers take the arrays one by one: to take an array out of a tuple
costs Numba an atomic reference count, as much as a vector step.

The step is Newton's where the cost falls to the right (it undershoots there: the second derivative decreases). To the
left it is damped: f'' is at most h / (1 - m d)^2 at a distance d, with m = max_j b_j / y_j, and the minimiser of the
bound that this gives, d = g / (h + m g) < 1 / m, neither raises the cost nor empties any y_j.
"""

from typing import NamedTuple

import numpy as np

from sparsenmf._jit import helper, kernel, prange
from sparsenmf.kernels.gather import gather_transposed, prefetch_rows, strided_dots
from sparsenmf.kernels.kl import AHEAD
from sparsenmf.kernels.simd import (
    GROUP,
    VECTOR_BYTES,
    add,
    add_group,
    div,
    fill,
    fma,
    largest,
    load,
    load_counts,
    log,
    maximum,
    mul,
    same,
    spread,
    store,
    total,
    where_positive,
)
from sparsenmf.kernels.steps import LEFT_LIMIT, add_row, clear, extrapolate_row, load_row, newton, residual, room

CHUNK = 512  # nonzeros evaluated while their columns of B are in the first-level cache
INNER_SWEEPS = 4  # passes over what is positive before zeros are asked again, when rows are solved to the end


class Row(NamedTuple):
    """The sizes of a row's problem, and where its vectors begin in the work array."""

    n: int  # nonzeros, in whole registers
    stride: int  # from one column of B to the next
    columns: int  # of a padded factor
    num: int
    f: int
    ratio: int
    x: int
    y: int
    B: int  # in the array B


@helper
def room_for_row(columns, longest, like):
    """The work array for rows of up to `longest` nonzeros, and the longest row in it."""
    work, start = room(2 * columns + CHUNK + 2 * longest, like)
    f = start + columns
    x = f + columns + CHUNK
    return work, Row(longest, longest, columns, start, f, f + columns, x, x + longest, 0)


@helper
def with_length(row, n, stride, at):
    """The same places for a row of n nonzeros whose B begins at `at`."""
    return Row(n, stride, row.columns, row.num, row.f, row.ratio, row.x, row.y, at)


@helper
def longest_row(indptr, rows, lanes):
    """Room for the longest of these rows, padded."""
    longest = 0
    for i in rows:
        longest = max(longest, indptr[i + 1] - indptr[i])
    return (longest // lanes + 3) * lanes


@helper
def padded(n, lanes):
    """Nonzeros of a row in whole registers, and an odd number of registers between columns (no bank conflicts)."""
    registers = (n + lanes - 1) // lanes
    return registers * lanes, (registers | 1) * lanes


@helper
def gather_chunk(indptr, indices, data, G, i, first, last, work, B, row):
    """Copy a chunk of row i's counts to x, and the rows of G that it names to columns of B.

    A register of nonzeros goes at a time, transposed in registers, so each row of G is read once and in whole lines.
    """
    start, stop, end = indptr[i], indptr[i + 1], indptr[-1]
    lanes = VECTOR_BYTES // G.itemsize
    for t in range(first, last, lanes):
        for ahead in range(AHEAD, AHEAD + lanes, GROUP):
            prefetch_rows(G, indices, start + t + ahead, end)
        gather_transposed(B, row.stride, row.B + t, G, indices, start + t, stop)
        store(work, row.x + t, load_counts(data, start + t, stop, G))


@helper
def evaluate_chunk(work, B, active, row, first, last, n_active, tiny, measure):
    """y, ratio and num of a chunk; its sums of x log y and of x, and of the x where y is zero.

    y goes by nonzeros, so each of its registers takes all positive entries without leaving the core, and the entries
    that are zero cost nothing. num goes by columns of B, which the first loop left in the first-level cache.
    """
    none = fill(work, 0.0)
    loglik, mass, dead, floor = none, none, none, same(none, tiny)
    for t in range(first, last, VECTOR_BYTES // work.itemsize):
        value = none
        for p in range(n_active):
            a = active[p]
            value = fma(spread(work, row.f + a), load(B, row.B + a * row.stride + t), value)
        counts = load(work, row.x + t)
        if measure:
            loglik = add(loglik, where_positive(counts, mul(counts, log(value)), none))
        mass = add(mass, counts)
        dead = add(dead, where_positive(value, none, counts))
        value = maximum(value, floor)
        store(work, row.y + t, value)
        store(work, row.ratio + t - first, div(counts, value))
    for a in range(0, row.columns, GROUP):
        sums = strided_dots(B, row.B + a * row.stride + first, row.stride, work, row.ratio, last - first)
        add_group(work, row.num + a, sums)
    return total(loglik), total(mass), total(dead)


@helper
def evaluate_row(work, B, active, row, rule, measure):
    """Evaluate a row's problem that x and B hold; as `evaluate_chunk`, for the whole row."""
    clear(work, row.num, row.num + row.columns)
    n_active = positive(work, row, rule.k, active)
    loglik, mass, dead = 0.0, 0.0, 0.0
    for first in range(0, row.n, CHUNK):
        last = min(first + CHUNK, row.n)
        parts = evaluate_chunk(work, B, active, row, first, last, n_active, rule.tiny, measure)
        loglik, mass, dead = loglik + parts[0], mass + parts[1], dead + parts[2]
    return loglik, mass, dead


@helper
def enter_row(indptr, indices, data, G, i, work, B, active, row, rule):
    """Gather a row's problem and evaluate it, chunk by chunk while a chunk is in cache; as `evaluate_row`."""
    clear(work, row.num, row.num + row.columns)
    n_active = positive(work, row, rule.k, active)
    loglik, mass, dead = 0.0, 0.0, 0.0
    for first in range(0, row.n, CHUNK):
        last = min(first + CHUNK, row.n)
        gather_chunk(indptr, indices, data, G, i, first, last, work, B, row)
        parts = evaluate_chunk(work, B, active, row, first, last, n_active, rule.tiny, rule.measure)
        loglik, mass, dead = loglik + parts[0], mass + parts[1], dead + parts[2]
    return loglik, mass, dead


@helper
def revive(work, row, den, k, mass):
    """Give every component a tenth of an even share: some y_j was zero, where the cost is infinite and has no slope."""
    scale = 0.0
    for a in range(k):
        scale += den[a]
    for a in range(k):
        if den[a] > 0:
            work[row.f + a] += 0.1 * mass / scale


@helper
def residual_row(work, row, den, l2, mass):
    """The row's part of the KKT residual, from the numerators at its f."""
    moved, masses = fill(work, 0.0), fill(work, mass)
    for a in range(0, row.columns, VECTOR_BYTES // work.itemsize):
        f, num = load(work, row.f + a), load(work, row.num + a)
        d = fma(fill(work, l2), f, load(den, a))
        factor = where_positive(d, div(num, d), fill(work, 1.0))
        moved = add(moved, residual(f, d, factor, masses))
    return total(moved)


@helper
def coordinate(work, B, row, prev, a, delta, tiny):
    """Apply the last step, y += delta * B[prev], while adding up derivatives and m of coordinate a.

    One pass does both, so y is loaded and stored once for each coordinate; x, y and two rows of B are all it touches.
    """
    none = fill(B, 0.0)
    g, h, m, one, floor, step = none, none, none, fill(B, 1.0), fill(B, tiny), fill(B, delta)
    before, here = row.B + prev * row.stride, row.B + a * row.stride
    for t in range(0, row.n, VECTOR_BYTES // B.itemsize):
        value = maximum(fma(step, load(B, before + t), load(work, row.y + t)), floor)
        store(work, row.y + t, value)
        counts = load(work, row.x + t)
        u = where_positive(counts, mul(div(one, value), load(B, here + t)), none)
        v = mul(counts, u)
        g = add(g, v)
        h = fma(v, u, h)
        m = maximum(m, u)
    return total(g), total(h), largest(m)


@helper
def step_of(old, g, h, m):
    """Where `newton` takes one coordinate; in float64, which alone holds the limit exactly enough not to matter."""
    full = where_positive(h, div(g, h), same(g, 0.0))
    damped = div(g, h + m * g)
    return newton(np.float64(old), np.float64(g), np.float64(full), np.float64(damped), div(LEFT_LIMIT, np.float64(m)))


@helper
def sweep(work, B, active, row, den, rule, n_active, prev, delta):
    """One pass over the active coordinates, where y still lacks the step `delta` of coordinate `prev`.

    Coordinates go outer, one after another: each step needs the y that the last one left. Returns the step that y lacks
    afterwards, and the counts that the pass moved.
    """
    moved = 0.0
    for p in range(n_active):
        a = active[p]
        num, h, m = coordinate(work, B, row, prev, a, delta, rule.tiny)
        old = work[row.f + a]
        work[row.f + a] = step_of(old, den[a] + rule.l2 * old - num, h + rule.l2, m)
        prev, delta = a, work[row.f + a] - old
        moved += abs(delta) * den[a]
    return prev, delta, moved


@helper
def positive(work, row, k, active):
    """List the positive entries."""
    n = 0
    for a in range(k):
        active[n] = a
        n += work[row.f + a] > 0
    return n


@helper
def pick(work, row, den, k, active):
    """List the positive entries and the zeros that measure to grow."""
    n = 0
    for a in range(k):
        active[n] = a
        n += (work[row.f + a] > 0) | (work[row.num + a] > den[a])
    return n


@helper
def sweeps_of(work, B, active, row, den, rule):
    """The rule's passes: the first over the active set, the others over what is positive after it."""
    prev, delta = 0, work[row.num] * 0
    n_active = pick(work, row, den, rule.k, active)
    for s in range(rule.sweeps):
        if s > 0:
            n_active = positive(work, row, rule.k, active)
        prev, delta, _ = sweep(work, B, active, row, den, rule, n_active, prev, delta)


@helper
def descend_row(F, N, i, work, B, active, row, den, rule, met):
    """One row's descent from f, where `met` is what its evaluation gave; leaves N[i] and F[i], returns the residual."""
    _, mass, dead = met
    if dead > 0 and (positive(work, row, rule.k, active) == 0 or not rule.fixed):
        revive(work, row, den, rule.k, mass)
        _, _, dead = evaluate_row(work, B, active, row, rule, False)
    kkt = residual_row(work, row, den, rule.l2, mass)
    if dead == 0 or rule.fixed:  # else the other factor lacks what this row needs, and is to find the row positive
        sweeps_of(work, B, active, row, den, rule)
    extrapolate_row(F, N, i, work, row.f, rule.beta)
    return kkt


@kernel
def descend(X, F, N, G, den, rule, rows, blocks, sums, tally):
    """Coordinate descent on `rows` of F from F itself; N gets the new rows, F their extrapolation (beta = 0: them).

    `rule` is a `KlDescend`. `sums` and `tally` are of the F that is left, and of the F that came. Rows go outer, each
    from its gather to its last sweep: its whole problem stays in cache, and G is read once for all sweeps.
    """
    indptr, indices, data = X
    lanes = VECTOR_BYTES // F.itemsize
    for b in prange(len(blocks) - 1):
        mine = rows[blocks[b] : blocks[b + 1]]
        work, at = room_for_row(F.shape[1], longest_row(indptr, mine, lanes), F)
        B, start = room(at.columns * at.n, F)
        active = np.empty(at.columns, np.int64)
        loglik, kkt = 0.0, 0.0
        for i in mine:
            n, stride = padded(indptr[i + 1] - indptr[i], lanes)
            row = with_length(at, n, stride, start)
            load_row(F, i, work, row.f)
            met = enter_row(indptr, indices, data, G, i, work, B, active, row, rule)
            loglik += met[0]
            kkt += descend_row(F, N, i, work, B, active, row, den, rule, met)
            add_row(sums, b, F, i)
        tally[b, 0], tally[b, 1] = loglik, kkt


@helper
def solve_row(work, B, active, row, den, rule, mass):
    """Minimise over one row, from an even share of its mass, until a pass moves less than tol of the mass.

    The problem is convex; the start and the stop depend on this row alone. x and B hold the row's problem.
    """
    clear(work, row.f, row.f + row.columns)
    revive(work, row, den, rule.k, 10 * mass)
    evaluate_row(work, B, active, row, rule, False)
    for a in range(rule.k):  # one multiplicative step: a good first guess of the active set
        f, num = work[row.f + a], work[row.num + a]
        work[row.f + a] = f * num / (den[a] + rule.l2 * f) if den[a] > 0 else num * 0
    count, none = 0, work[row.num] * 0
    while count < rule.max_sweeps:
        evaluate_row(work, B, active, row, rule, False)
        n_active = pick(work, row, den, rule.k, active)
        prev, delta, first_moved = sweep(work, B, active, row, den, rule, n_active, 0, none)
        moved, inner = first_moved, 0
        count += 1
        while moved > rule.tol * mass and inner < INNER_SWEEPS and count < rule.max_sweeps:
            n_active = positive(work, row, rule.k, active)
            prev, delta, moved = sweep(work, B, active, row, den, rule, n_active, prev, delta)
            count, inner = count + 1, inner + 1
        if first_moved <= rule.tol * mass:
            break


@helper
def solve_into(F, i, work, B, active, row, den, rule, n):
    """F[i] = the minimiser of the problem whose n counts x holds; an empty row stays as it is."""
    mass = 0.0
    for t in range(n):
        mass += work[row.x + t]
    if mass > 0:
        solve_row(work, B, active, row, den, rule, mass)
        extrapolate_row(F, F, i, work, row.f, 0.0)


@kernel
def solve(X, F, G, den, rule, blocks):
    """F = the minimiser for the given G, row by row, each from a start of its own; `rule` is a `KlSolve`.

    Rows go outer and are gathered once: the many sweeps of a row run in cache.
    """
    indptr, indices, data = X
    lanes = VECTOR_BYTES // F.itemsize
    for b in prange(len(blocks) - 1):
        longest = longest_row(indptr, np.arange(blocks[b], blocks[b + 1]), lanes)
        work, at = room_for_row(F.shape[1], longest, F)
        B, start = room(at.columns * longest, F)
        active = np.empty(at.columns, np.int64)
        for i in range(blocks[b], blocks[b + 1]):
            n, stride = padded(indptr[i + 1] - indptr[i], lanes)
            row = with_length(at, n, stride, start)
            gather_chunk(indptr, indices, data, G, i, 0, n, work, B, row)
            solve_into(F, i, work, B, active, row, den, rule, n)
