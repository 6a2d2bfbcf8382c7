"""Euclidean kernels on CSR: the cross product XG, and sums over the entries."""

import numpy as np

from sparsenmf._jit import kernel, prange
from sparsenmf.kernels.gather import gather_add, prefetch_rows
from sparsenmf.kernels.kl import AHEAD
from sparsenmf.kernels.rows import span_of
from sparsenmf.kernels.simd import (
    GROUP,
    VECTOR_BYTES,
    add,
    fill,
    fma,
    load_counts,
    load_group,
    log,
    mul,
    total,
    where_positive,
)
from sparsenmf.kernels.steps import clear


@kernel
def times(X, G, route, out):
    """Some rows of out = XG, the cross product X H' (or X' W) of eq. 4; the route is that of `kl.multiply`.

    Rows go outer, within a panel of G's rows: the row of `out` stays in cache while GROUP nonzeros at a time add to it.
    """
    _, indices, data = X
    rows, panels, group, blocks = route
    columns = G.shape[1]
    for b in prange(len(blocks) - 1):
        for first in range(blocks[b], blocks[b + 1], group):
            last = min(first + group, blocks[b + 1])
            for r in range(first, last):
                clear(out, rows[r] * columns, (rows[r] + 1) * columns)
            for p in range(panels.shape[1] - 1):
                for r in range(first, last):
                    start, stop, end = span_of(panels, r, p, len(indices))
                    for t in range(start, stop, GROUP):
                        prefetch_rows(G, indices, t + AHEAD, end)
                        gather_add(out, rows[r] * columns, load_group(data, t, stop, G), G, indices, t, stop)


@kernel
def moments(data, bounds, out):
    """Per block of entries: sum of x, of x log x (0 log 0 = 0) and of x^2, in float64.

    One pass makes all three sums, so the entries come from memory once.
    """
    for b in prange(len(bounds) - 1):
        first, last = bounds[b], bounds[b + 1]
        none = fill(out, 0.0)
        s, entropy, square = none, none, none
        for t in range(first, last, VECTOR_BYTES // out.itemsize):
            x = load_counts(data, t, last, out)
            s = add(s, x)
            entropy = add(entropy, where_positive(x, mul(x, log(x)), none))
            square = fma(x, x, square)
        out[b, 0], out[b, 1], out[b, 2] = total(s), total(entropy), total(square)


def moments_of(data: np.ndarray, n_blocks: int = 64) -> tuple[float, float, float]:
    """Sum of x, of x log x and of x^2 over the entries of a flat array."""
    bounds = np.linspace(0, len(data), n_blocks + 1).astype(np.int64)
    out = np.zeros((n_blocks, 3))
    moments(data, bounds, out)
    mass, entropy, square = out.sum(axis=0)
    return float(mass), float(entropy), float(square)
