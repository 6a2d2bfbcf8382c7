"""What fits and transforms of NMF give."""

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.decomposition

import sparsenmf
from sparsenmf import NMF, non_negative_factorization
from sparsenmf.solvers import SOLVER_NAMES
from tests.conftest import THREADS
from tests.estimators import LOSSES, model

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("dense", [False, True], ids=["csr", "dense"])
@pytest.mark.parametrize("loss", LOSSES)
def test_fit_transform_is_transform_to_the_bit(counts, loss, dense, dtype):
    X = (counts.toarray() if dense else counts).astype(dtype)
    fitted = model(loss)
    W = fitted.fit_transform(X)
    assert W.dtype == fitted.components_.dtype == (np.float64 if dtype == np.float64 else np.float32)
    np.testing.assert_array_equal(W, fitted.transform(X))
    np.testing.assert_array_equal(W, model(loss).fit(X).transform(X))
    np.testing.assert_array_equal(W, non_negative_factorization(X, **model(loss).get_params())[0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("dense", [False, True], ids=["csr", "dense"])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_row_never_depends_on_the_rows_beside_it(counts, loss, dense, dtype):
    fitted = model(loss, alpha_W=1e-4).fit(counts.astype(dtype))
    X = counts.toarray().astype(dtype)
    X[3] *= 1e6  # a row that would rule any scale or tolerance common to all
    form = np.asarray if dense else sp.csr_array
    whole = fitted.transform(form(X))
    for rows in ([5], [3], [7], range(10, 25), [59, 0, 3, 3]):
        np.testing.assert_array_equal(fitted.transform(form(X[list(rows)])), whole[list(rows)])
    assert (whole[7] == 0).all()  # an empty row has no topics


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_row_of_dense_data_is_the_same_to_rounding(loss, dtype):
    """BLAS rounds by the number of rows that it is given."""
    X = np.random.default_rng(0).random((30, 12)).astype(dtype)
    fitted = model(loss, path="dense").fit(X)
    whole = fitted.transform(X)
    tolerance = 64 * np.finfo(dtype).eps * whole.max()
    for rows in ([5], [1, 2], range(3, 20)):
        np.testing.assert_allclose(fitted.transform(X[list(rows)]), whole[list(rows)], rtol=0, atol=tolerance)


def test_the_path_of_transform_goes_by_the_training_data(counts):
    """Were it chosen by the batch, rows would depend on the batch."""
    X = counts.toarray().astype(np.float32)
    full = X[[np.argmax((X > 0).sum(axis=1))] * 3]  # a batch far denser than the training data
    fitted = model("frobenius").fit(X)
    np.testing.assert_array_equal(fitted.transform(np.vstack([full, X]))[:3], fitted.transform(full))


@pytest.mark.parametrize("loss", LOSSES)
def test_every_storage_of_x_gives_the_same_factors(counts, loss):
    reference = model(loss)
    W = reference.fit_transform(counts)
    for kind in ("matrix", "array"):
        for form in ("csr", "csc", "coo", "bsr", "dok", "lil", "dia"):
            other = model(loss)
            np.testing.assert_array_equal(W, other.fit_transform(getattr(sp, f"{form}_{kind}")(counts)))
            np.testing.assert_array_equal(reference.components_, other.components_)


@pytest.mark.parametrize(
    ("loss", "regularization"),
    [
        ("frobenius", {}),
        ("frobenius", {"alpha_W": 1e-2, "l1_ratio": 0.0}),
        ("frobenius", {"alpha_W": 1e-2, "l1_ratio": 0.5}),
        ("frobenius", {"alpha_W": 1e-2, "l1_ratio": 1.0}),
        ("kullback-leibler", {}),
        ("kullback-leibler", {"alpha_W": 1e-2, "l1_ratio": 0.0}),
        # With an L1 part, scikit-learn 1.9.1's KL transform adds the penalty again in each iteration: no peer there.
    ],
)
def test_transform_finds_the_optimum_that_scikit_learn_approaches(dense_counts, loss, regularization):
    tight = {"tol": 1e-9, "max_iter": 3000, **regularization}
    solver = "cd" if loss == "frobenius" else "mu"
    peer = sklearn.decomposition.NMF(3, solver=solver, beta_loss=loss, random_state=0, **tight).fit(dense_counts)
    ours = NMF(3, beta_loss=loss, random_state=0, **tight).fit(dense_counts)
    ours.components_ = peer.components_
    expected = peer.transform(dense_counts)
    np.testing.assert_allclose(ours.transform(dense_counts), expected, atol=2e-3 * expected.max())


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("loss", LOSSES)
def test_transform_meets_the_optimality_conditions_of_the_documented_objective(dense_counts, loss, l1_ratio):
    X, alpha = dense_counts, 1e-2
    fitted = NMF(3, beta_loss=loss, random_state=0, alpha_W=alpha, alpha_H=0.0, l1_ratio=l1_ratio, tol=1e-10).fit(X)
    W, H = fitted.transform(X), fitted.components_
    gradient = alpha * X.shape[1] * (l1_ratio + (1 - l1_ratio) * W)
    if loss == "frobenius":
        gradient, scale = gradient + (W @ H - X) @ H.T, (X @ H.T).max()
    else:
        ratio = np.divide(X, W @ H, out=np.zeros_like(X), where=X > 0)
        gradient, scale = gradient + H.sum(axis=1) - ratio @ H.T, H.sum(axis=1).max()
    assert W.min() >= 0
    assert gradient.min() > -1e-3 * scale
    assert np.abs(W * gradient).max() < 1e-3 * scale * W.max()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_tolerance_of_zero_is_no_worse_than_the_default(loss, dtype):
    """Rows never stop then, though their steps no longer move anything."""
    X = np.random.default_rng(0).random((60, 30)).astype(dtype)
    fitted = NMF(8, beta_loss=loss, random_state=0, max_iter=5, tol=1e-4).fit(X)
    costs = []
    for fitted.tol in (1e-4, 0.0):
        costs.append(sparsenmf.objective(X, fitted.transform(X), fitted.components_, loss))
    assert costs[1] <= costs[0] * (1 + 1e-6)


@pytest.mark.parametrize("solver", SOLVER_NAMES)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_solver_handles_every_loss(dense_counts, loss, solver):
    first, last = (model(loss, solver=solver, max_iter=n, tol=0).fit(dense_counts) for n in (1, 30))
    assert last.n_iter_ == 30
    assert last.reconstruction_err_ < first.reconstruction_err_


def test_more_components_than_features():
    X = np.random.default_rng(0).random((12, 4))
    assert NMF(6, random_state=0).fit_transform(X).shape == (12, 6)


def test_dtypes_of_transform_after_a_fit_of_another_dtype(counts):
    for fitted, given, expected in (
        (np.float64, np.int64, np.float64),
        (np.float32, np.int64, np.float32),
        (np.float64, np.float32, np.float32),
        (np.int64, np.float64, np.float64),
    ):
        assert model().fit(counts.astype(fitted)).transform(counts.astype(given)).dtype == expected


def test_a_custom_start_for_counts_may_have_either_dtype(counts, start):
    W, H = start
    one, two = (
        NMF(init="custom", max_iter=5).fit(counts, W=W.astype(t), H=H.astype(t)) for t in (np.float32, np.float64)
    )
    np.testing.assert_array_equal(one.components_, two.components_)


def test_l1_regularization_makes_zeros(counts):
    zeros = [(model("frobenius", alpha_H=a, l1_ratio=1.0).fit(counts).components_ == 0).sum() for a in (0.0, 0.05)]
    assert zeros[1] > zeros[0]


def test_threads_do_not_change_a_bit(counts):
    one, *others = (model(n_threads=n) for n in THREADS)
    W = one.fit_transform(counts)
    for other in others:
        np.testing.assert_array_equal(other.fit_transform(counts), W)
        np.testing.assert_array_equal(other.components_, one.components_)


def test_components_set_by_hand_are_enough_to_transform(counts):
    fitted, by_hand = model().fit(counts), model()
    by_hand.components_ = fitted.components_
    np.testing.assert_array_equal(by_hand.transform(counts), fitted.transform(counts))


def test_inverse_transform_multiplies_out(counts):
    fitted = model()
    W = fitted.fit_transform(counts)
    for given in (W, sp.csr_array(W)):
        np.testing.assert_allclose(fitted.inverse_transform(given), W @ fitted.components_, rtol=1e-5)


def test_a_fixed_h_stays_as_it_is(dense_counts, start):
    H = start[1]
    W, same, n_iter = non_negative_factorization(dense_counts, H=H, update_H=False)
    np.testing.assert_array_equal(same, H)
    fitted = NMF(4).fit(dense_counts)
    fitted.components_ = H
    np.testing.assert_array_equal(W, fitted.transform(dense_counts))
    assert n_iter == 0
