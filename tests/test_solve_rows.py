"""`solve_rows`: each row's minimiser, whatever is beside it."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import nnls

from sparsenmf._validation import check_matrix
from sparsenmf.factorization import solve_rows
from tests import reference
from tests.conftest import THREADS
from tests.fits import H32, ONES, PATHS, changed, each_loss, each_path


@each_path
def test_rows_solved_for_frobenius_are_scipys_nnls(dense_counts, start, path):
    H = start[1]
    W = solve_rows(dense_counts, H, loss="frobenius", path=path, max_iter=20000, tol=1e-12)
    expected = np.array([nnls(H.T, x)[0] for x in dense_counts])
    np.testing.assert_allclose(W, expected, atol=1e-7)
    assert (W == 0).any()


@each_path
@pytest.mark.parametrize(("alpha", "l1_ratio"), [(0.0, 0.0), (0.02, 1.0), (0.02, 0.0), (0.02, 0.5)])
@each_loss
def test_rows_solved_are_the_minimiser(dense_counts, start, loss, path, alpha, l1_ratio):
    """What long multiplicative updates approach, and meeting the conditions of optimality."""
    H = start[1]
    W = solve_rows(dense_counts, H, loss=loss, path=path, alpha_W=alpha, l1_ratio=l1_ratio, max_iter=20000, tol=1e-10)
    l1, l2 = 40 * alpha * l1_ratio, 40 * alpha * (1 - l1_ratio)
    slow = solve_rows(dense_counts, H, loss=loss, path=path)
    for _ in range(3000):
        slow = reference.mu_rows(dense_counts, np.maximum(slow, 1e-12), H.T, loss, l1, l2)
    cost = reference.penalised(dense_counts, W, H.T, loss, l1, l2)
    assert cost <= reference.penalised(dense_counts, slow, H.T, loss, l1, l2) * (1 + 1e-9)
    assert max(reference.kkt_parts(dense_counts, W, H.T, loss, l1, l2)) < 1e-6 * dense_counts.max()
    np.testing.assert_allclose(W, slow, atol=2e-2 * slow.max())


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@each_loss
def test_a_row_is_solved_the_same_whatever_is_beside_it(counts, start, loss, dtype):
    X, H = sp.csr_array(counts).astype(dtype), start[1].astype(dtype)

    def solve(rows):
        return solve_rows(X[rows], H, loss=loss, path="sparse", n_threads=1)

    whole, order = solve(np.arange(60)), np.random.default_rng(6).permutation(60)
    assert whole.dtype == dtype
    assert np.array_equal(solve(order), whole[order])
    assert np.array_equal(solve(order[:13]), whole[order[:13]])
    assert all(np.array_equal(solve([i])[0], whole[i]) for i in range(60))
    assert np.array_equal(solve(np.repeat(5, 40)), np.repeat(whole[5:6], 40, axis=0))
    for n in THREADS:
        assert np.array_equal(solve_rows(X, H, loss=loss, path="sparse", n_threads=n), whole)


@each_loss
def test_a_row_is_solved_the_same_beside_rows_of_other_scales(dense_counts, start, loss):
    H = start[1].astype(np.float32)
    X = np.float32(dense_counts[10:13]) * np.float32([[1e-20], [1.0], [1e20]])
    whole = solve_rows(X, H, loss=loss, path="sparse")
    for i in range(3):
        np.testing.assert_allclose(solve_rows(X[i : i + 1], H, loss=loss, path="sparse")[0], whole[i], rtol=1e-6)


@each_path
@each_loss
def test_rows_of_zeros_are_solved_by_zeros(dense_counts, start, loss, path):
    W = solve_rows(dense_counts, start[1], loss=loss, path=path)
    assert not W[7].any()
    assert W.any(axis=1).sum() == (dense_counts.sum(axis=1) > 0).sum()
    assert not solve_rows(np.zeros((2, 40)), start[1], loss=loss, path=path).any()


@each_path
@each_loss
def test_a_component_that_h_lacks_is_not_used(dense_counts, start, loss, path):
    H = start[1].copy()
    H[1] = 0
    W = solve_rows(dense_counts, H, loss=loss, path=path)
    assert not W[:, 1].any()
    alone = solve_rows(dense_counts, np.delete(H, 1, axis=0), loss=loss, path=path)
    np.testing.assert_allclose(np.delete(W, 1, axis=1), alone, rtol=1e-6, atol=1e-9)
    assert not solve_rows(dense_counts, 0 * H, loss=loss, path=path).any()


@each_path
@each_loss
def test_more_passes_come_closer(dense_counts, start, loss, path):
    costs = [
        reference.objective(
            dense_counts, solve_rows(dense_counts, start[1], loss=loss, path=path, max_iter=i, tol=0), start[1].T, loss
        )
        for i in (1, 3, 10, 100)
    ]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] > costs[-1] * (1 + 1e-6)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("exponent", [-30, 30])
@each_loss
def test_rows_are_solved_at_any_scale(dense_counts, start, loss, exponent, dtype):
    X, H = dense_counts.astype(dtype), start[1].astype(dtype)
    scale = X.dtype.type(10.0**exponent)
    for path in PATHS:
        plain = solve_rows(X, H, loss=loss, path=path, tol=1e-6, max_iter=2000)
        scaled = solve_rows(X * scale, H, loss=loss, path=path, tol=1e-6, max_iter=2000)
        np.testing.assert_allclose(scaled / scale, plain, rtol=1e-2, atol=1e-3 * plain.max())


def test_the_order_of_magnitude_of_the_batch_does_not_reach_a_row():
    X, H = np.array([[1, 1e-7], [1e12, 0]], np.float32), np.eye(2, dtype=np.float32)
    for loss in ("kl", "frobenius"):
        for matrix in (X, sp.csr_array(X)):
            assert np.array_equal(solve_rows(matrix, H, loss=loss)[:1], solve_rows(matrix[:1], H, loss=loss))


@each_loss
def test_checked_arrays_that_are_strided_are_read_as_what_they_hold(loss):
    counts = sp.csr_array(np.random.default_rng(1).poisson(1.0, (12, 9)))
    A = check_matrix(counts)
    strided = replace(A, indices=np.repeat(A.indices, 2)[::2], data=np.repeat(A.data, 2)[::2])
    H = np.random.default_rng(2).random((3, 9))
    assert np.array_equal(solve_rows(strided, H, loss=loss), solve_rows(A, H, loss=loss))


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments", [{"alpha_W": "x"}, {"l1_ratio": None}, {"loss": "x"}, {"path": "x"}, {"n_threads": 0}]
)
def test_bad_arguments_of_solve_rows(arguments):
    with pytest.raises((ValueError, TypeError), match=next(iter(arguments))):
        solve_rows(ONES, H32, **arguments)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"max_iter": 0}, ValueError),
        ({"max_iter": 2.5}, TypeError),
        ({"tol": -1}, ValueError),
        ({"tol": np.nan}, ValueError),
    ],
)
def test_bad_limits_of_solve_rows(arguments, error):
    with pytest.raises(error, match=next(iter(arguments))):
        solve_rows(ONES, H32, **arguments)


@pytest.mark.parametrize(
    ("H", "message"),
    [
        (np.ones((2, 5)), "input H.*Expected 4, but got 5"),
        (changed(H32, 1, 2, -1), r"input H.*\s+H\[1, 2\] = -1"),
        (changed(H32, 1, 2, np.nan), r"Input H contains NaN.*\s+H\[1, 2\]"),
    ],
)
def test_bad_factors_of_solve_rows(H, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        solve_rows(ONES, H)


def test_weights_beyond_the_dtype_are_refused():
    with pytest.raises(ValueError, match="too large for float32: use dtype='float64'"):
        solve_rows([[1e30]], np.array([[1e-20]], np.float32))
    assert solve_rows([[1e30]], np.array([[1e-20]]))[0, 0] == pytest.approx(1e50)
