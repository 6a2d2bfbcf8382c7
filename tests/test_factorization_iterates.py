"""The iterates are those of the slow twins and of scikit-learn."""

import numpy as np
import pytest
import scipy.sparse as sp

from tests import reference
from tests.fits import PENALTY, each_loss, each_pair, each_path, fit, sklearn_iterates


@each_path
@each_loss
@pytest.mark.parametrize("l1_ratio", [None, 0.0, 0.5, 1.0])
def test_multiplicative_updates_are_the_references(dense_counts, start, loss, path, l1_ratio):
    W, H = start
    chosen = {} if l1_ratio is None else PENALTY | {"l1_ratio": l1_ratio}
    fitted = fit(dense_counts, solver="mu", loss=loss, path=path, W=W, H=H, max_iter=10, **chosen)
    weights = reference.penalties(dense_counts.shape, **chosen) if chosen else {}
    for _ in range(10):
        W, H = reference.mu_step(dense_counts, W, H, loss, **weights)
    np.testing.assert_allclose(fitted.W, W, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(fitted.H, H, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize(
    ("loss", "l1_ratio"), [("frobenius", 0.0), ("frobenius", 0.5), ("frobenius", 1.0), ("kl", 1.0)]
)
def test_penalised_multiplicative_updates_are_scikit_learns(dense_counts, start, loss, l1_ratio):
    penalty = PENALTY | {"l1_ratio": l1_ratio}
    W, H = sklearn_iterates(dense_counts, start, 20, loss, "mu", **penalty)
    fitted = fit(dense_counts, solver="mu", loss=loss, W=start[0], H=start[1], max_iter=20, **penalty)
    np.testing.assert_allclose(fitted.W, W, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(fitted.H, H, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_kl_with_an_l2_penalty_has_scikit_learns_fixed_points(dense_counts, start, l1_ratio):
    """Its update may raise the cost on the way, so ours is another one."""
    penalty = PENALTY | {"l1_ratio": l1_ratio}
    W, H = sklearn_iterates(dense_counts, start, 3000, "kl", "mu", **penalty)
    fitted = fit(dense_counts, solver="mu", W=W, H=H, max_iter=1, **penalty)
    np.testing.assert_allclose(fitted.W, W, rtol=1e-3, atol=1e-4 * W.max())
    np.testing.assert_allclose(fitted.H, H, rtol=1e-3, atol=1e-4 * H.max())


@each_path
@pytest.mark.parametrize("l1_ratio", [None, 0.0, 0.5, 1.0])
def test_euclidean_coordinate_descent_is_scikit_learns(dense_counts, start, path, l1_ratio):
    penalty = {} if l1_ratio is None else PENALTY | {"l1_ratio": l1_ratio}
    X = sp.csr_matrix(dense_counts) if path == "sparse" else dense_counts
    W, H = sklearn_iterates(X, start, 15, "frobenius", "cd", **penalty)
    fitted = fit(X, solver="cd", loss="frobenius", path=path, W=start[0], H=start[1], max_iter=15, **penalty)
    np.testing.assert_allclose(fitted.W, W, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(fitted.H, H, rtol=1e-8, atol=1e-10)


@each_loss
def test_projected_gradient_with_a_step_is_equation_6(dense_counts, start, loss):
    step, rows, columns = 1e-3, dense_counts.any(axis=1), dense_counts.any(axis=0)  # others' factors are zero anyway
    X, W, H = dense_counts[rows][:, columns], start[0][rows], start[1][:, columns]
    fitted = fit(X, solver="gd", loss=loss, W=W, H=H, step=step, max_iter=5)
    for _ in range(5):
        W = reference.gd_rows(X, W, H.T, loss, step)
        H = reference.gd_rows(X.T, H.T, W, loss, step).T
    np.testing.assert_allclose(fitted.W, W, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(fitted.H, H, rtol=1e-9, atol=1e-12)


@each_pair
def test_penalties_shrink_the_factors(dense_counts, start, solver, loss):
    W, H = start

    def size(**penalty):
        fitted = fit(dense_counts, solver=solver, loss=loss, W=W, H=H, max_iter=100, **penalty)
        return fitted.W.sum() + fitted.H.sum()

    assert size(alpha_W=0.5, l1_ratio=1.0) < size(alpha_W=0.05, l1_ratio=1.0) < size()
    assert size(alpha_W=0.5, alpha_H=0.5) == size(alpha_W=0.5, alpha_H="same")
