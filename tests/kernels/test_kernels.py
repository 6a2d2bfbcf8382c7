"""Each kernel, through its operand, against the slow float64 twins. Small enough to run without compilation too."""

import numpy as np
import pytest
import scipy.sparse as sp

from sparsenmf._jit import threads
from sparsenmf._validation import check_matrix
from sparsenmf.kernels import gram, kl
from sparsenmf.kernels.rows import row_blocks, transpose
from sparsenmf.kernels.rules import GramHals, GramMultiply, KlDescend, KlMultiply, in_dtype
from sparsenmf.losses import LOSSES, RowTask
from sparsenmf.operand import as_operand, empty_factor, pad, padded_transpose, plan, transposed
from sparsenmf.scaling import TINY
from tests import reference
from tests.conftest import THREADS

TOLERANCE = {np.dtype(np.float32): 2e-4, np.dtype(np.float64): 1e-10}
SHAPES = [(13, 9), (1, 7), (20, 1)]


@pytest.fixture(params=["float64", "float32"])
def dtype(request):
    return np.dtype(request.param)


@pytest.fixture(params=["sparse", "dense"])
def path(request):
    return request.param


def problem(shape, k, dtype, seed=0, kind=np.int32):
    """Counts with empty rows and columns where there is room, and a positive start, F and G padded."""
    rng = np.random.default_rng(seed)
    X = rng.poisson(0.7, shape).astype(np.float64)
    if shape[0] > 5:
        X[3] = 0
    if shape[1] > 5:
        X[:, 2] = 0
    X[0, 0] = 3
    W, H = rng.uniform(0.2, 1, (shape[0], k)), rng.uniform(0.2, 1, (shape[1], k))
    W, H = W.astype(dtype).astype(np.float64), H.astype(dtype).astype(np.float64)
    return X, W, H, sp.csr_array(X.astype(kind))


def operand_of(X, dtype, path):
    return as_operand(check_matrix(X), dtype, path)


def multiplying(dtype, k, l2=0.0, cut=0.0, measure=True):
    return KlMultiply(TINY[dtype], TINY[dtype], cut, l2, k, measure)


def descending(dtype, k, l2=0.0, beta=0.0, sweeps=2, measure=True):
    return KlDescend(TINY[dtype], l2, beta, sweeps, k, False, measure)


def den_of(G, dtype, l1=0.0):
    return np.where(G.sum(axis=0) > 0, G.sum(axis=0) + l1, 0).astype(dtype)


def assert_close(a, b, dtype):
    scale = max(1e-300, float(np.abs(b).max()))
    assert np.abs(np.asarray(a, np.float64) - b).max() <= TOLERANCE[dtype] * scale


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("k", [1, 3, 17])
def test_multiplicative_update(shape, k, dtype, path):
    X, W, H, S = problem(shape, k, dtype)
    F, G = pad(W, dtype), pad(H, dtype)
    l1, l2 = 0.25, 0.5
    done = operand_of(S, dtype, path).multiply(F, G, den_of(G, dtype, l1), multiplying(dtype, k, l2))
    expected = reference.mu_rows(X, W, H, "kl", l1, l2)
    assert_close(F[:, :k], expected, dtype)
    assert not F[:, k:].any()
    assert_close(done.sums[:k], expected.sum(axis=0), dtype)
    fit = X.sum() - reference.kl(X, W, H) + (X[X > 0] * np.log(X[X > 0])).sum() - 2 * X.sum() + (W @ H.T).sum()
    assert_close(done.loglik, fit, dtype)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("k", [3, 17])
@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.0), (0.25, 0.5)])
def test_the_update_in_two_halves(shape, k, l1, l2, dtype):
    """Numerators first, then `kl.apply`: the twin's result, and that of the fused update."""
    X, W, H, S = problem(shape, k, dtype)
    F, G, fused = pad(W, dtype), pad(H, dtype), pad(W, dtype)
    operand, den = operand_of(S, dtype, "sparse"), den_of(pad(H, dtype), dtype, l1)
    done = operand.multiply(fused, G, den, multiplying(dtype, k, l2))
    num, _ = operand.ratio_times(F, G)
    blocks = row_blocks(operand.arrays[0], 3)
    sums, tally = np.zeros((len(blocks) - 1, F.shape[1])), np.zeros((len(blocks) - 1, 2))
    rule = in_dtype(dtype, multiplying(dtype, k, l2))
    kl.apply(F, num, X.sum(axis=1).astype(dtype), den, rule, blocks, sums, tally)
    new, moved = reference.mu_apply(W, reference.ratio(X, W @ H.T) @ H, H.sum(axis=0) + l1, X.sum(axis=1), l2)
    assert_close(F[:, :k], new, dtype)
    assert not F[:, k:].any()
    assert_close(tally[:, 1].sum(), moved, dtype)
    assert_close(sums.sum(axis=0)[:k], new.sum(axis=0), dtype)
    assert not tally[:, 0].any()
    assert_close(F, fused, dtype)
    assert_close(sums.sum(axis=0), done.sums, dtype)
    assert_close(tally[:, 1].sum(), done.moved, dtype)


@pytest.mark.parametrize("cut", [0.0, 1e-10])
def test_the_update_in_two_halves_cuts_and_keeps_as_the_fused_one(cut, dtype):
    _, W, H, S = problem((13, 9), 3, dtype)
    W[0, 0], W[1, 1], W[5, 2] = 1e-12, 0.0, 1e-30
    F, G, fused = pad(W, dtype), pad(H, dtype), pad(W, dtype)
    operand, den = operand_of(S, dtype, "sparse"), den_of(pad(H, dtype), dtype)
    operand.multiply(fused, G, den, multiplying(dtype, 3, cut=cut, measure=False))
    num, _ = operand.ratio_times(F, G)
    blocks = row_blocks(operand.arrays[0])
    sums, tally = np.zeros((len(blocks) - 1, F.shape[1])), np.zeros((len(blocks) - 1, 2))
    rule = in_dtype(dtype, multiplying(dtype, 3, cut=cut))
    kl.apply(F, num, S.sum(axis=1).astype(dtype), den, rule, blocks, sums, tally)
    assert np.array_equal(F, fused)
    assert (F[0, 0] == 0) == (cut > 0)
    assert not F[3].any()


def test_long_rows_go_panel_by_panel_to_the_same_update(monkeypatch, dtype):
    for name, value in {"CACHE_BYTES": 0, "PANEL_NONZEROS": 1, "PANEL_REUSE": 1, "PANEL_LEAST": 2}.items():
        monkeypatch.setattr(plan, name, value)
    rng = np.random.default_rng(5)
    X = rng.poisson(0.5, (14, 11)).astype(np.float64)
    X[::2] += 1  # long rows, and short ones between them, one of them empty
    X[1::2, 4:] = 0
    X[3] = 0
    W, H = (rng.uniform(0.2, 1, (n, 3)).astype(dtype).astype(np.float64) for n in X.shape)
    operand = operand_of(sp.csr_array(X), dtype, "sparse")
    G = pad(H, dtype)
    monkeypatch.setattr(plan, "PANEL_BYTES", 2 * G.strides[0])
    long, whole = operand.plan(G).routes
    assert long.panels.shape == (7, 7)  # six panels of two rows of G, the last of one
    assert np.array_equal(np.sort(np.concatenate([long.rows, whole.rows])), np.arange(len(X)))
    results = []
    for count in THREADS:
        F = pad(W, dtype)
        with threads(count):
            done = operand.multiply(F, G, den_of(G, dtype), multiplying(dtype, 3))
            results.append((F, operand.times(G), done.sums, done.loglik, done.moved))
    expected = reference.mu_rows(X, W, H, "kl", 0.0, 0.0)
    assert_close(F[:, :3], expected, dtype)
    assert_close(done.sums[:3], expected.sum(axis=0), dtype)
    assert_close(operand.times(G)[:, :3], X @ H, dtype)
    assert_close(np.array([done.loglik]), np.array([(X[X > 0] * np.log((W @ H.T)[X > 0])).sum()]), dtype)
    for same in zip(*results, strict=True):
        assert all(np.array_equal(one, same[0]) for one in same[1:])


def test_entries_up_to_the_cut_become_zero_and_positive_ones_stay_above_the_floor(path):
    dtype = np.dtype(np.float64)
    _, W, H, S = problem((13, 9), 3, dtype)
    W[0, 0], W[1, 1] = 1e-12, 0.0
    F, G = pad(W, dtype), pad(H, dtype)
    operand_of(S, dtype, path).multiply(F, G, den_of(G, dtype), multiplying(dtype, 3, cut=1e-10, measure=False))
    assert F[0, 0] == 0
    assert F[1, 1] == 0
    F = pad(np.where(W == 1e-12, 1e-200, W), dtype)
    operand_of(S, dtype, path).multiply(F, G, den_of(G, dtype), multiplying(dtype, 3, measure=False))
    assert F[0, 0] == 1e-150


@pytest.mark.parametrize("shape", SHAPES)
def test_ratio_product_and_cross_product(shape, dtype, path):
    X, W, H, S = problem(shape, 5, dtype)
    operand = operand_of(S, dtype, path)
    num, loglik = operand.ratio_times(pad(W, dtype), pad(H, dtype))
    Y = W @ H.T
    assert_close(num[:, :5], reference.ratio(X, Y) @ H, dtype)
    assert_close(loglik, (X[X > 0] * np.log(Y[X > 0])).sum(), dtype)
    assert_close(operand.loglik(pad(W, dtype), pad(H, dtype)), loglik, dtype)
    assert_close(operand.times(pad(H, dtype))[:, :5], X @ H, dtype)
    assert_close(operand.T.times(pad(W, dtype))[:, :5], X.T @ W, dtype)
    assert_close(operand.moments, [X.sum(), (X[X > 0] * np.log(X[X > 0])).sum(), (X**2).sum()], np.dtype(np.float64))


def test_log_likelihood_is_minus_infinity_where_wh_is_zero_at_a_nonzero(path):
    dtype = np.dtype(np.float64)
    _, W, H, S = problem((13, 9), 3, dtype)
    W[0] = 0
    assert operand_of(S, dtype, path).loglik(pad(W, dtype), pad(H, dtype)) == -np.inf


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("k", "l1", "l2"), [(1, 0.0, 0.0), (6, 0.0, 0.0), (6, 0.3, 0.2)])
def test_coordinate_descent(shape, k, l1, l2, dtype, path):
    X, W, H, S = problem(shape, k, dtype)
    F, G = pad(W, dtype), pad(H, dtype)
    N = F.copy()
    rule = descending(dtype, k, l2, sweeps=1)
    done = operand_of(S, dtype, path).descend(F, N, G, den_of(G, dtype, l1), rule)
    expected = reference.kl_newton_rows(X, W, H, l1, l2)
    assert_close(F[:, :k], expected, dtype)
    assert np.array_equal(N, F)
    assert_close(done.sums[:k], expected.sum(axis=0), dtype)
    before = reference.penalised(X, W, H, "kl", l1, l2)
    assert reference.penalised(X, F[:, :k].astype(float), H, "kl", l1, l2) <= before * (1 + TOLERANCE[dtype])


def test_extrapolation_goes_on_from_the_iterate_and_keeps_a_tenth(path):
    dtype = np.dtype(np.float64)
    X, W, H, S = problem((13, 9), 4, dtype)
    before = np.abs(np.random.default_rng(5).standard_normal(W.shape))
    F, N, G = pad(W, dtype), pad(before, dtype), pad(H, dtype)
    operand_of(S, dtype, path).descend(
        F, N, G, den_of(G, dtype), descending(dtype, 4, beta=0.75, sweeps=1, measure=False)
    )
    new = reference.kl_newton_rows(X, W, H)
    assert_close(N[:, :4], new, dtype)
    assert_close(F[:, :4], np.maximum(new + 0.75 * (new - before), 0.1 * new), dtype)


def test_a_row_without_support_is_revived(path):
    dtype = np.dtype(np.float64)
    X, W, H, S = problem((13, 9), 4, dtype)
    W[0] = 0
    F, G = pad(W, dtype), pad(H, dtype)
    operand_of(S, dtype, path).descend(F, F, G, den_of(G, dtype), descending(dtype, 4))
    assert np.isfinite(reference.kl(X, F[:, :4], H))


def test_a_row_longer_than_a_chunk():
    dtype = np.dtype(np.float64)
    X, W, H, S = problem((2, 1100), 3, dtype)
    F, G = pad(W, dtype), pad(H, dtype)
    done = operand_of(S, dtype, "sparse").descend(F, F, G, den_of(G, dtype), descending(dtype, 3, sweeps=1))
    assert_close(F[:, :3], reference.kl_newton_rows(X, W, H), dtype)
    Y = W @ H.T
    assert_close(done.loglik, (X[X > 0] * np.log(Y[X > 0])).sum(), dtype)


@pytest.mark.parametrize("n", [1, 7, 150])
@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.0), (0.4, 0.3)])
def test_hals(n, l1, l2, dtype):
    k = 5
    X, W, H, _ = problem((n, 9), k, dtype)
    F, C, A = pad(W, dtype), pad(X @ H, dtype), (H.T @ H).astype(dtype)
    A = np.ascontiguousarray(A)
    blocks = gram.tile_blocks(n, dtype.itemsize)
    tally = np.zeros((len(blocks) - 1, 2))
    gram.hals(F, F, C, A, in_dtype(dtype, GramHals(l1, l2, 0.0, 2, k)), np.arange(n), blocks, tally)
    expected = reference.hals_rows(X, reference.hals_rows(X, W, H, l1, l2), H, l1, l2)
    assert_close(F[:, :k], expected, dtype)
    assert_close(tally[:, 0].sum(), (W * (X @ H)).sum(), dtype)


@pytest.mark.parametrize("n", [1, 150])
def test_euclidean_multiplicative_update(n, dtype):
    X, W, H, _ = problem((n, 9), 5, dtype)
    F, C, D = pad(W, dtype), pad(X @ H, dtype), pad(W @ (H.T @ H), dtype)
    blocks = gram.tile_blocks(n, dtype.itemsize)
    tally = np.zeros((len(blocks) - 1, 2))
    diagonal = pad((H.T @ H).diagonal()[None], dtype)[0]
    gram.multiply(F, C, D, diagonal, in_dtype(dtype, GramMultiply(0.2, 0.1, 1e-18)), blocks, tally)
    assert_close(F[:, :5], reference.mu_rows(X, W, H, "frobenius", 0.2, 0.1), dtype)


@pytest.mark.parametrize("loss", ["kl", "frobenius"])
def test_rows_solved_for_a_fixed_factor_meet_the_conditions_of_optimality(loss, dtype, path):
    k = 4
    X, _, H, S = problem((13, 9), k, dtype)
    F, G = empty_factor(13, k, dtype), pad(H, dtype)
    LOSSES[loss].solve(operand_of(S, dtype, path), F, G, RowTask(k, max_sweeps=400, tol=1e-7))
    worst_slope, worst_product = reference.kkt_parts(X, F[:, :k].astype(float), H, loss)
    assert max(worst_slope, worst_product) < (2e-2 if dtype == np.float32 else 1e-4)
    assert not F[3].any()


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float32])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_transpose(kind, index):
    _, _, _, S = problem((33, 21), 2, np.dtype(np.float64), kind=kind)
    arrays = (S.indptr.astype(np.int64), S.indices.astype(index), S.data)
    indptr, indices, data = transpose(arrays, 21)
    expected = S.T.tocsr()
    assert np.array_equal(indptr, expected.indptr)
    assert np.array_equal(indices, expected.indices)
    assert np.array_equal(data, expected.data)
    assert data.dtype == kind


def test_blocks_of_rows_cover_all_rows_and_share_the_work():
    counts = np.random.default_rng(0).zipf(1.5, 5000) % 3000
    indptr = np.append(0, np.cumsum(counts)).astype(np.int64)
    blocks = row_blocks(indptr, 50)
    assert blocks[0] == 0
    assert blocks[-1] == 5000
    assert (np.diff(blocks) > 0).all()
    work = np.diff((indptr + 16 * np.arange(5001))[blocks])
    assert work.max() <= work.sum() / 50 + counts.max() + 16


@pytest.mark.parametrize("n", [1, 3])
def test_blocks_of_few_rows(n):
    assert row_blocks(np.arange(n + 1, dtype=np.int64)).tolist() == list(range(n + 1))


@pytest.mark.parametrize("shape", [(3, 200), (130, 70), (1, 1)])
def test_turning_a_factor_over(shape, dtype):
    H = np.random.default_rng(0).uniform(size=shape).astype(dtype)
    F = padded_transpose(H, dtype)
    assert np.array_equal(F[:, : shape[0]], H.T)
    assert not F[:, shape[0] :].any()
    assert np.array_equal(transposed(F, shape[0]), H)
