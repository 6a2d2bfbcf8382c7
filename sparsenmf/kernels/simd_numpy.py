"""The numpy twins of the operations of `simd.py` and `gather.py`: their meaning, and what NUMBA_DISABLE_JIT=1 runs."""

import numpy as np

GROUP = 8
VECTOR_BYTES = 32
__all__ = [
    "VECTOR_BYTES",
    "add",
    "add_group",
    "add_wide",
    "div",
    "fill",
    "fma",
    "gather_add",
    "gather_dots",
    "gather_transposed",
    "lanes_of",
    "largest",
    "load",
    "load_counts",
    "load_group",
    "log",
    "maximum",
    "mul",
    "prefetch_rows",
    "same",
    "scatter_transposed",
    "spread",
    "sqrt",
    "store",
    "store_part",
    "strided_dots",
    "sub",
    "total",
    "where_positive",
    "widen",
]


def lanes_of(dtype):
    return VECTOR_BYTES // dtype.itemsize


def _flat(a, i, count):
    view = a.reshape(-1)[i : i + count]
    if i < 0 or len(view) < count:
        raise IndexError(f"lanes {i} to {i + count} of an array of {a.size} elements")
    return view


def load(a, i):
    return _flat(a, i, lanes_of(a.dtype)).copy()


def spread(a, i):
    return np.full(lanes_of(a.dtype), _flat(a, i, 1)[0], a.dtype)


def store(a, i, v):
    _flat(a, i, lanes_of(a.dtype))[:] = v


def _entries(x, t, stop, count, dtype):
    out = np.zeros(count, dtype)
    n = max(0, min(count, stop - t))
    out[:n] = _flat(x, t, n) if n else 0
    return out


def load_counts(x, t, stop, like):
    return _entries(x, t, stop, lanes_of(like.dtype), like.dtype)


def load_group(x, t, stop, like):
    return _entries(x, t, stop, GROUP, like.dtype)


def fill(like, value):
    return np.full(lanes_of(like.dtype), value, like.dtype)


def same(v, value):
    return np.full_like(v, value)


def add(a, b):
    return a + b


def sub(a, b):
    with np.errstate(invalid="ignore"):  # inf - inf in lanes that are not chosen afterwards
        return a - b


def mul(a, b):
    with np.errstate(invalid="ignore", over="ignore"):  # 0 * -inf in lanes that are not chosen afterwards
        return a * b


def div(a, b):
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return a / b


def maximum(a, b):
    return np.where(a > b, a, b)


def sqrt(v):
    return np.sqrt(v)


def fma(a, b, c):
    return a * b + c


def where_positive(test, a, b):
    return np.where(test > 0, a, b)


def total(v):
    return v.sum()


def largest(v):
    return v.max()


def log(v):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(v > 0, np.log(v), -np.inf).astype(v.dtype)


def _named(g, indices, t, stop, count):
    places = np.minimum(np.arange(t, t + count), stop - 1)
    return g[indices[places]]


def gather_dots(f, row, g, indices, t, stop):
    return _named(g, indices, t, stop, GROUP) @ f.reshape(-1, g.shape[1])[row]


def gather_add(acc, at, r, g, indices, t, stop):
    _flat(acc, at, g.shape[1])[:] += r @ _named(g, indices, t, stop, GROUP)


def prefetch_rows(g, indices, t, stop):
    pass


def gather_transposed(b, stride, place, g, indices, t, stop):
    lanes = lanes_of(g.dtype)
    block = _named(g, indices, t, stop, lanes)
    for a in range(g.shape[1]):
        _flat(b, a * stride + place, lanes)[:] = block[:, a]


def strided_dots(b, at, stride, v, start, n):
    return np.array([_flat(b, at + w * stride, n) @ _flat(v, start, n) for w in range(GROUP)], b.dtype)


def add_group(a, i, v):
    _flat(a, i, GROUP)[:] += v


def scatter_transposed(b, stride, place, f, t, stop):
    lanes = lanes_of(f.dtype)
    for w in range(min(lanes, stop - t)):
        for a in range(f.shape[1]):
            f[t + w, a] = _flat(b, a * stride + place, lanes)[w]


def widen(v):
    return v.astype(np.float64)


def add_wide(a, i, v):
    _flat(a, i, len(v))[:] += v


def store_part(a, i, stop, v):
    n = max(0, min(len(v), stop - i))
    if n:
        _flat(a, i, n)[:] = v[:n]
