"""Each register operation against its numpy twin, compiled."""

import numpy as np
import pytest

from sparsenmf import _jit
from sparsenmf.kernels import gather, simd, simd_numpy

pytestmark = pytest.mark.skipif(_jit.JIT_DISABLED, reason="without compilation the twins are what runs")
DTYPES = (np.float32, np.float64)


def compiled(function):
    import numba

    return numba.njit(error_model="numpy")(function)


@pytest.fixture(params=DTYPES, ids=["float32", "float64"])
def rng_and_dtype(request):
    return np.random.default_rng(0), request.param


def registers(rng, dtype, count):
    lanes = simd.lanes_of(np.dtype(dtype))
    return lanes, [rng.uniform(0.1, 2, lanes).astype(dtype) for _ in range(count)]


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "maximum"])
def test_binary_operations(name, rng_and_dtype):
    rng, dtype = rng_and_dtype
    _, (a, b) = registers(rng, dtype, 2)
    operation, out = getattr(simd, name), np.empty_like(a)

    @compiled
    def run(a, b, out):
        simd.store(out, 0, operation(simd.load(a, 0), simd.load(b, 0)))

    run(a, b, out)
    assert np.array_equal(out, getattr(simd_numpy, name)(a, b))


def test_fma_and_choice(rng_and_dtype):
    rng, dtype = rng_and_dtype
    _, (a, b, c) = registers(rng, dtype, 3)
    c[::2] *= -1
    out = np.empty_like(a)

    @compiled
    def run(a, b, c, out):
        x = simd.fma(simd.load(a, 0), simd.load(b, 0), simd.load(c, 0))
        simd.store(out, 0, simd.where_positive(simd.load(c, 0), x, simd.fill(out, 7.0)))

    run(a, b, c, out)
    assert np.allclose(out, np.where(c > 0, a * b + c, 7), rtol=1e-6 if dtype == np.float32 else 1e-15)


def test_horizontal_sum_and_maximum(rng_and_dtype):
    rng, dtype = rng_and_dtype
    _, (a,) = registers(rng, dtype, 1)

    @compiled
    def run(a):
        return simd.total(simd.load(a, 0)), simd.largest(simd.load(a, 0))

    total, largest = run(a)
    assert total == pytest.approx(a.sum(dtype=np.float64), rel=1e-6)
    assert largest == a.max()


def test_logarithm_is_accurate_to_the_last_digits(rng_and_dtype):
    rng, dtype = rng_and_dtype
    lanes = simd.lanes_of(np.dtype(dtype))
    tiny = np.finfo(dtype).tiny
    values = np.concatenate(
        [np.exp(rng.uniform(np.log(float(tiny)) + 1, 80, 4096)), rng.uniform(0.9, 1.1, 4096), [1.0, 2.0, tiny, 0.5]]
    )
    values = np.resize(values, -(-len(values) // lanes) * lanes).astype(dtype)
    out = np.empty_like(values)

    @compiled
    def run(values, out, lanes):
        for t in range(0, len(values), lanes):
            simd.store(out, t, simd.log(simd.load(values, t)))

    run(values, out, lanes)
    exact = np.log(values.astype(np.float64))
    assert np.abs(out - exact).max() <= 2 * np.finfo(dtype).eps * max(1.0, np.abs(exact).max())
    near_one = np.abs(values - 1) < 0.1
    assert np.allclose(out[near_one], exact[near_one], rtol=4 * np.finfo(dtype).eps, atol=np.finfo(dtype).eps / 8)


def test_logarithm_of_zero_is_minus_infinity(rng_and_dtype):
    _, dtype = rng_and_dtype
    values = np.zeros(simd.lanes_of(np.dtype(dtype)), dtype)

    @compiled
    def run(values):
        simd.store(values, 0, simd.log(simd.load(values, 0)))

    run(values)
    assert np.isneginf(values).all()


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int32, np.uint16, np.int64, np.float32, np.float64])
def test_counts_of_any_dtype_are_converted_and_masked(kind, rng_and_dtype):
    rng, dtype = rng_and_dtype
    x = rng.integers(0, 100, 40).astype(kind)
    lanes = simd.lanes_of(np.dtype(dtype))
    out, group = np.empty(lanes, dtype), np.zeros(simd.GROUP, dtype)

    @compiled
    def run(x, t, stop, out, group):
        simd.store(out, 0, simd.load_counts(x, t, stop, out))
        simd.add_group(group, 0, simd.load_group(x, t, stop, out))

    for t, stop in ((0, 40), (37, 40), (5, 6), (3, 3)):
        group[:] = 0
        run(x, t, stop, out, group)
        assert np.array_equal(out, simd_numpy._entries(x, t, stop, lanes, np.dtype(dtype)))
        assert np.array_equal(group, simd_numpy._entries(x, t, stop, simd.GROUP, np.dtype(dtype)))


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_gathers(index, rng_and_dtype):
    rng, dtype = rng_and_dtype
    lanes = simd.lanes_of(np.dtype(dtype))
    g = rng.uniform(size=(30, 2 * lanes)).astype(dtype)
    f = rng.uniform(size=(3, 2 * lanes)).astype(dtype)
    indices = rng.integers(0, 30, 50).astype(index)
    acc = rng.uniform(size=(2, 2 * lanes)).astype(dtype)
    y = np.zeros(simd.GROUP, dtype)
    stride = 3 * lanes
    b = np.zeros(2 * lanes * stride, dtype)

    @compiled
    def run(f, g, indices, t, stop, acc, y, b, stride):
        gather.prefetch_rows(g, indices, t, stop)
        dots = gather.gather_dots(f, 1, g, indices, t, stop)
        simd.add_group(y, 0, dots)
        gather.gather_add(acc, acc.shape[1], dots, g, indices, t, stop)
        gather.gather_transposed(b, stride, 1, g, indices, t, stop)

    for t, stop in ((0, 50), (46, 50), (10, 11)):
        expected, y[:], twin_b = acc.copy(), 0, b.copy()
        dots = simd_numpy.gather_dots(f, 1, g, indices, t, stop)
        simd_numpy.gather_add(expected, acc.shape[1], dots, g, indices, t, stop)
        run(f, g, indices, t, stop, acc, y, b, stride)
        for a, column in enumerate(g[indices[np.minimum(np.arange(t, t + lanes), stop - 1)]].T):
            twin_b[a * stride + 1 : a * stride + 1 + lanes] = column
        assert np.allclose(y, dots, rtol=1e-6)
        assert np.allclose(acc, expected, rtol=1e-5)
        assert np.array_equal(b, twin_b)


def test_transposed_rows_come_back(rng_and_dtype):
    rng, dtype = rng_and_dtype
    lanes = simd.lanes_of(np.dtype(dtype))
    f = rng.uniform(size=(lanes + 3, 2 * lanes)).astype(dtype)
    out, b, order = np.zeros_like(f), np.zeros(2 * lanes * lanes, dtype), np.arange(len(f))

    @compiled
    def run(f, out, b, order, lanes):
        for t in range(0, len(f), lanes):
            gather.gather_transposed(b, lanes, 0, f, order, t, len(f))
            gather.scatter_transposed(b, lanes, 0, out, t, len(f))

    run(f, out, b, order, lanes)
    assert np.array_equal(out, f)


def test_strided_dots(rng_and_dtype):
    rng, dtype = rng_and_dtype
    lanes = simd.lanes_of(np.dtype(dtype))
    b = rng.uniform(size=simd.GROUP * 3 * lanes).astype(dtype)
    v, out = rng.uniform(size=2 * lanes + 3).astype(dtype), np.zeros(simd.GROUP, dtype)

    @compiled
    def run(b, v, out, lanes):
        simd.add_group(out, 0, gather.strided_dots(b, lanes, 2 * lanes + lanes // 2, v, 3, 2 * lanes))

    room = np.concatenate([b, np.zeros(4 * lanes, dtype)])
    run(room, v, out, lanes)
    assert np.allclose(out, simd_numpy.strided_dots(room, lanes, 2 * lanes + lanes // 2, v, 3, 2 * lanes), rtol=1e-5)


def test_wide_sums(rng_and_dtype):
    rng, dtype = rng_and_dtype
    lanes, (v,) = registers(rng, dtype, 1)
    sums = rng.uniform(size=(3, lanes))
    expected = sums.copy()
    expected[1] += v

    @compiled
    def run(sums, v, lanes):
        simd.add_wide(sums, lanes, simd.load(v, 0))

    run(sums, v, lanes)
    assert np.array_equal(sums, expected)


def test_lanes_widen(rng_and_dtype):
    rng, dtype = rng_and_dtype
    lanes, (v,) = registers(rng, dtype, 1)
    sums = np.zeros(lanes)

    @compiled
    def run(sums, v):
        wide = simd.widen(simd.load(v, 0))
        simd.add_wide(sums, 0, simd.add(wide, wide))

    run(sums, v)
    assert np.array_equal(sums, 2 * v.astype(np.float64))


def test_a_part_of_a_register_is_written(rng_and_dtype):
    rng, dtype = rng_and_dtype
    lanes, (v,) = registers(rng, dtype, 1)

    @compiled
    def run(out, t, stop, v):
        simd.store_part(out, t, stop, simd.load(v, 0))

    for t, stop in ((0, 3), (2, 2 + lanes), (5, 5), (1, 100)):
        out = np.zeros(lanes + 8, dtype)
        run(out, t, min(stop, len(out)), v)
        n = max(0, min(lanes, stop - t))
        assert np.array_equal(out[t : t + n], v[:n])
        assert np.count_nonzero(out) == n
