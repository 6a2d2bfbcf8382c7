"""KL coordinate descent: a row's problem gathered into cache, then scalar Newton steps over its active set.

The row's problem is min over f >= 0 of den . f + l2 |f|^2 / 2 - sum_j x_j log(y_j) with y = B'f, where B holds the
rows of G that the row's nonzeros name, as columns (k x nonzeros, `stride` apart): every pass over a coordinate is then
unit-stride, and further sweeps cost no memory traffic.

A row's arrays are named alike throughout: x its counts, y = B'f, ratio = x / y of a chunk, B, num the gradient's
numerators B (x / y), f the row, active the coordinates in play. Helpers take them one by one: to take an array out of
a tuple costs Numba an atomic reference count, as much as a vector step.

The step is Newton's where the cost falls to the right (it undershoots there: the second derivative decreases). To the
left it is damped: f'' is at most h / (1 - m d)^2 at a distance d, with m = max_j b_j / y_j, and the minimiser of the
bound that this gives, d = g / (h + m g) < 1 / m, neither raises the cost nor empties any y_j.
"""

import numpy as np

from sparsenmf._jit import helper, kernel, prange
from sparsenmf.kernels.gather import gather_transposed, prefetch_rows, strided_dots
from sparsenmf.kernels.kl import AHEAD, add_row, residual
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
    store,
    sub,
    total,
    where_positive,
)

CHUNK = 512  # nonzeros evaluated while their columns of B are in the first-level cache
LEFT_LIMIT = 0.99  # share of 1 / m that a step to the left may take, whatever rounding makes of it
INNER_SWEEPS = 4  # passes over what is positive before zeros are asked again, when rows are solved to the end
KEPT = 0.1  # an extrapolated entry keeps this share of the new one, so no y_j is emptied


@helper
def scratch(columns, longest, like):
    """Room for x, y, ratio, B, num, f and active."""
    return (
        np.empty(longest, like.dtype),
        np.empty(longest, like.dtype),
        np.empty(CHUNK, like.dtype),
        np.empty(columns * longest, like.dtype),
        np.empty(columns, like.dtype),
        np.zeros(columns, like.dtype),
        np.empty(columns, np.int64),
    )


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
def gather_chunk(indptr, indices, data, G, row, first, last, x, B, stride):
    """Copy a chunk of the row's counts to x, and the rows of G that it names to columns of B."""
    start, stop, end = indptr[row], indptr[row + 1], indptr[-1]
    lanes = VECTOR_BYTES // G.itemsize
    for t in range(start + first, start + last, lanes):
        for ahead in range(AHEAD, AHEAD + lanes, GROUP):
            prefetch_rows(G, indices, t + ahead, end)
        gather_transposed(B, stride, t - start, G, indices, t, stop)
        store(x, t - start, load_counts(data, t, stop, G))


@helper
def evaluate_chunk(x, y, ratio, B, num, f, active, first, last, stride, n_active, tiny, want):
    """y, ratio and num of a chunk; its sums of x log y and of x, and of the x where y is zero."""
    none = fill(num, 0.0)
    loglik, mass, dead, floor = none, none, none, same(none, tiny)
    for t in range(first, last, VECTOR_BYTES // num.itemsize):
        value = none
        for p in range(n_active):
            a = active[p]
            value = fma(fill(num, f[a]), load(B, a * stride + t), value)
        counts = load(x, t)
        if want:
            loglik = add(loglik, where_positive(counts, mul(counts, log(value)), none))
        mass = add(mass, counts)
        dead = add(dead, where_positive(value, none, counts))
        value = maximum(value, floor)
        store(y, t, value)
        store(ratio, t - first, div(counts, value))
    for a in range(0, len(num), GROUP):
        add_group(num, a, strided_dots(B, a * stride + first, stride, ratio, last - first))
    return total(loglik), total(mass), total(dead)


@helper
def evaluate_row(x, y, ratio, B, num, f, active, n, stride, k, tiny, want):
    """Evaluate a row's problem that x and B hold; as `evaluate_chunk`, for the whole row."""
    clear(num)
    n_active = positive(f, k, active)
    loglik, mass, dead = 0.0, 0.0, 0.0
    for first in range(0, n, CHUNK):
        last = min(first + CHUNK, n)
        parts = evaluate_chunk(x, y, ratio, B, num, f, active, first, last, stride, n_active, tiny, want)
        loglik, mass, dead = loglik + parts[0], mass + parts[1], dead + parts[2]
    return loglik, mass, dead


@helper
def enter_row(indptr, indices, data, G, row, x, y, ratio, B, num, f, active, n, stride, k, tiny, want):
    """Gather a row's problem and evaluate it, chunk by chunk while a chunk is in cache; as `evaluate_row`."""
    clear(num)
    n_active = positive(f, k, active)
    loglik, mass, dead = 0.0, 0.0, 0.0
    for first in range(0, n, CHUNK):
        last = min(first + CHUNK, n)
        gather_chunk(indptr, indices, data, G, row, first, last, x, B, stride)
        parts = evaluate_chunk(x, y, ratio, B, num, f, active, first, last, stride, n_active, tiny, want)
        loglik, mass, dead = loglik + parts[0], mass + parts[1], dead + parts[2]
    return loglik, mass, dead


@helper
def clear(a):
    """a = 0, for an array of whole registers."""
    for i in range(0, len(a), VECTOR_BYTES // a.itemsize):
        store(a, i, fill(a, 0.0))


@helper
def revive(f, den, k, mass):
    """Give every component a tenth of an even share: some y_j was zero, where the cost is infinite and has no slope."""
    scale = 0.0
    for a in range(k):
        scale += den[a]
    for a in range(k):
        if den[a] > 0:
            f[a] += 0.1 * mass / scale


@helper
def residual_row(num, f, den, l2, mass):
    """The row's part of the KKT residual, from the numerators at its f."""
    moved, masses = fill(num, 0.0), fill(num, mass)
    for a in range(0, len(num), VECTOR_BYTES // num.itemsize):
        d = fma(fill(num, l2), load(f, a), load(den, a))
        factor = where_positive(d, div(load(num, a), d), fill(num, 1.0))
        moved = add(moved, residual(load(f, a), d, factor, masses))
    return total(moved)


@helper
def coordinate(x, y, B, prev, delta, at, n, tiny):
    """Apply the last step, y += delta * B[prev], while adding up the next coordinate's derivatives and m."""
    none = fill(B, 0.0)
    g, h, m, one, floor, step = none, none, none, fill(B, 1.0), fill(B, tiny), fill(B, delta)
    for t in range(0, n, VECTOR_BYTES // B.itemsize):
        value = maximum(fma(step, load(B, prev + t), load(y, t)), floor)
        store(y, t, value)
        counts = load(x, t)
        u = where_positive(counts, mul(div(one, value), load(B, at + t)), none)
        v = mul(counts, u)
        g = add(g, v)
        h = fma(v, u, h)
        m = maximum(m, u)
    return total(g), total(h), largest(m)


@helper
def newton(old, g, h, m):
    """The new value of a coordinate with gradient g, curvature h and m = max b / y (see the module's text)."""
    if g <= 0:
        return old - float(g) / h if h > 0 else float(old)
    if not h > 0:
        return 0.0
    step = float(g) / (h + m * g)
    if m > 0:
        step = min(step, LEFT_LIMIT / m)
    return max(old - step, 0.0)


@helper
def sweep(x, y, B, f, active, n, stride, den, l2, n_active, prev, delta, tiny):
    """One pass over the active coordinates, where y still lacks the step `delta` of coordinate `prev`.

    Returns the step that y lacks afterwards, and the counts that the pass moved.
    """
    moved = 0.0
    for p in range(n_active):
        a = active[p]
        num, h, m = coordinate(x, y, B, prev * stride, delta, a * stride, n, tiny)
        old = f[a]
        f[a] = newton(old, den[a] + l2 * old - num, h + l2, m)
        prev, delta = a, f[a] - old
        moved += abs(delta) * den[a]
    return prev, delta, moved


@helper
def positive(f, k, active):
    """List the positive entries."""
    n = 0
    for a in range(k):
        active[n] = a
        n += f[a] > 0
    return n


@helper
def pick(f, num, den, k, active):
    """List the positive entries and the zeros that want to grow."""
    n = 0
    for a in range(k):
        active[n] = a
        n += (f[a] > 0) | (num[a] > den[a])
    return n


@helper
def sweeps_of(x, y, B, num, f, active, n, stride, den, l2, k, count, tiny):
    """`count` passes: the first over the active set, the others over what is positive after it."""
    prev, delta = 0, num[0] * 0
    n_active = pick(f, num, den, k, active)
    for s in range(count):
        if s > 0:
            n_active = positive(f, k, active)
        prev, delta, _ = sweep(x, y, B, f, active, n, stride, den, l2, n_active, prev, delta, tiny)


@helper
def extrapolate_row(N, F, i, f, beta):
    """N[i] = f, the new iterate; F[i] = f + beta (f - the iterate before), kept clear of zero where f is."""
    columns, factor, kept = F.shape[1], fill(f, beta), fill(f, KEPT)
    for a in range(0, columns, VECTOR_BYTES // F.itemsize):
        new, before = load(f, a), load(N, i * columns + a)
        store(N, i * columns + a, new)
        ahead = fma(factor, sub(new, before), new)
        store(F, i * columns + a, maximum(ahead, mul(kept, new)))


@helper
def load_row(F, i, f):
    """f = F[i]."""
    columns = F.shape[1]
    for a in range(0, columns, VECTOR_BYTES // F.itemsize):
        store(f, a, load(F, i * columns + a))


@kernel
def descend(X, F, N, G, den, numbers, sweeps, fixed, want, k, rows, blocks, sums, tally):
    """Coordinate descent on `rows` of F from F itself; N gets the new rows, F their extrapolation (beta = 0: them).

    `numbers` is (tiny, l2, beta): the least y, the L2 penalty and the extrapolation. `sums` and `tally` are of the F
    that is left, and of the F that came. `fixed` says that G will not change after this.
    """
    indptr, indices, data = X
    tiny, l2, beta = numbers
    lanes = VECTOR_BYTES // F.itemsize
    for b in prange(len(blocks) - 1):
        mine = rows[blocks[b] : blocks[b + 1]]
        x, y, ratio, B, num, f, active = scratch(F.shape[1], longest_row(indptr, mine, lanes), F)
        loglik, kkt = 0.0, 0.0
        for i in mine:
            n, stride = padded(indptr[i + 1] - indptr[i], lanes)
            load_row(F, i, f)
            value, mass, dead = enter_row(
                indptr, indices, data, G, i, x, y, ratio, B, num, f, active, n, stride, k, tiny, want
            )
            loglik += value
            if dead > 0 and (positive(f, k, active) == 0 or not fixed):
                revive(f, den, k, mass)
                _, _, dead = evaluate_row(x, y, ratio, B, num, f, active, n, stride, k, tiny, False)
            kkt += residual_row(num, f, den, l2, mass)
            if dead == 0 or fixed:  # else the other factor lacks what this row needs, and is to find the row positive
                sweeps_of(x, y, B, num, f, active, n, stride, den, l2, k, sweeps, tiny)
            extrapolate_row(N, F, i, f, beta)
            add_row(sums, b, F, i)
        tally[b, 0], tally[b, 1] = loglik, kkt


@helper
def solve_row(x, y, ratio, B, num, f, active, n, stride, den, l2, k, mass, max_sweeps, tol, tiny):
    """Minimise over one row, from an even share of its mass, until a pass moves less than tol of the mass.

    The problem is convex; the start and the stop depend on this row alone. x and B hold the row's problem.
    """
    clear(f)
    revive(f, den, k, 10 * mass)
    evaluate_row(x, y, ratio, B, num, f, active, n, stride, k, tiny, False)
    for a in range(k):  # one multiplicative step: a good first guess of the active set
        f[a] = f[a] * num[a] / (den[a] + l2 * f[a]) if den[a] > 0 else num[a] * 0
    count, none = 0, num[0] * 0
    while count < max_sweeps:
        evaluate_row(x, y, ratio, B, num, f, active, n, stride, k, tiny, False)
        n_active = pick(f, num, den, k, active)
        prev, delta, first_moved = sweep(x, y, B, f, active, n, stride, den, l2, n_active, 0, none, tiny)
        moved, inner = first_moved, 0
        count += 1
        while moved > tol * mass and inner < INNER_SWEEPS and count < max_sweeps:
            n_active = positive(f, k, active)
            prev, delta, moved = sweep(x, y, B, f, active, n, stride, den, l2, n_active, prev, delta, tiny)
            count, inner = count + 1, inner + 1
        if first_moved <= tol * mass:
            break


@kernel
def solve(X, F, G, den, numbers, max_sweeps, k, blocks):
    """F = the minimiser for the given G, row by row, each from a start of its own; `numbers` is (tiny, l2, tol)."""
    indptr, indices, data = X
    tiny, l2, tol = numbers
    lanes = VECTOR_BYTES // F.itemsize
    for b in prange(len(blocks) - 1):
        longest = longest_row(indptr, np.arange(blocks[b], blocks[b + 1]), lanes)
        x, y, ratio, B, num, f, active = scratch(F.shape[1], longest, F)
        for i in range(blocks[b], blocks[b + 1]):
            n, stride = padded(indptr[i + 1] - indptr[i], lanes)
            gather_chunk(indptr, indices, data, G, i, 0, n, x, B, stride)
            mass = 0.0
            for t in range(n):
                mass += x[t]
            if mass > 0:
                solve_row(x, y, ratio, B, num, f, active, n, stride, den, l2, k, mass, max_sweeps, tol, tiny)
                extrapolate_row(F, F, i, f, 0.0)
