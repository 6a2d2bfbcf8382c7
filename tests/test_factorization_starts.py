"""Where a fit starts: by name, by seed, from given factors, and with H fixed."""

import numpy as np
import pytest

from sparsenmf._validation import check_matrix
from sparsenmf.factorization import solve_rows
from sparsenmf.init import initialize, quick_random
from tests import reference
from tests.fits import LOSSES, each_loss, each_pair, each_path, fit, objectives, same_factors

# --- starts -----------------------------------------------------------------------------------------------------------


@each_path
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("solver", ["mu", "cd"])
def test_a_warm_start_goes_on(dense_counts, solver, loss, path):
    whole = fit(dense_counts, solver=solver, loss=loss, path=path, max_iter=10)
    half = fit(dense_counts, solver=solver, loss=loss, path=path, max_iter=5)
    rest = fit(dense_counts, solver=solver, loss=loss, path=path, max_iter=5, init="custom", W=half.W, H=half.H)
    np.testing.assert_allclose(rest.W, whole.W, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(rest.H, whole.H, rtol=1e-8, atol=1e-12)
    assert rest.history[0].objective == pytest.approx(half.objective, rel=1e-10)


@pytest.mark.parametrize("init", ["auto", "random", "nndsvd", "nndsvda", "nndsvdar"])
def test_an_init_by_name_is_the_start(dense_counts, init):
    X, dtype = check_matrix(dense_counts), np.dtype(np.float64)
    W, H = quick_random(X, 4, 3, dtype) if init == "auto" else initialize(X, 4, init, random_state=3, dtype=dtype)
    given = fit(dense_counts, solver="cd", W=W, H=H)
    assert same_factors(fit(dense_counts, solver="cd", init=init, random_state=3), given)


def test_one_factor_may_be_given_alone(dense_counts, start):
    W, H = quick_random(check_matrix(dense_counts), 4, 0, np.dtype(np.float64))
    assert same_factors(fit(dense_counts, W=start[0]), fit(dense_counts, W=start[0], H=H))
    assert same_factors(fit(dense_counts, H=start[1]), fit(dense_counts, W=W, H=start[1]))
    assert same_factors(fit(dense_counts, init="custom", W=W, H=H), fit(dense_counts))


def test_a_start_may_be_any_array_like(dense_counts, start):
    W, H = start
    expected = fit(dense_counts, W=W, H=H)
    for form in (np.ndarray.tolist, np.asfortranarray, lambda A: A[:, ::-1][:, ::-1]):
        assert same_factors(fit(dense_counts, W=form(W), H=form(H)), expected)


def test_seeds(counts):
    assert same_factors(fit(counts, random_state=5), fit(counts, random_state=np.random.RandomState(5)))
    assert same_factors(*(fit(counts, random_state=np.random.default_rng(5)) for _ in range(2)))
    assert not same_factors(fit(counts, random_state=5), fit(counts, random_state=6))
    assert not same_factors(fit(counts, random_state=None), fit(counts, random_state=None))


@each_path
@pytest.mark.parametrize("solver", ["auto", "cd"])
def test_a_document_of_one_new_word_finds_its_way(solver, path):
    """A zero row of W meets a zero column of H at a count: WH = 0 there, and no slope shows the way."""
    rng = np.random.default_rng(0)
    X = rng.poisson(0.3, (60, 40)).astype(float)
    X[:, -1], X[-1] = 0, 0
    before = fit(X)
    X[-1, -1] = 3
    after = fit(X, solver=solver, path=path, W=before.W, H=before.H, max_iter=60)
    assert np.isfinite(after.objective)
    assert after.objective <= 1.03 * fit(X, max_iter=60).objective
    assert after.W[-1] @ after.H[:, -1] > 0


@each_loss
@each_path
@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_starts_of_disjoint_supports_end_at_the_optimum(loss, path, k):
    """Of three blocks of four ones: for Frobenius the singular values left over, for KL what is merged."""
    X = np.kron(np.eye(3), np.ones((2, 2)))
    least = {"frobenius": [8, 4, 0, 0], "kl": [12 * np.log(3), 8 * np.log(2), 0, 0]}[loss][k - 1]
    fitted = fit(X, k, loss=loss, path=path, init="nndsvd", max_iter=200, tol=1e-4)
    assert fitted.objective == pytest.approx(least, rel=1e-6, abs=1e-12)
    assert np.isfinite(fitted.W).all()
    assert np.isfinite(fitted.H).all()


# --- H fixed ----------------------------------------------------------------------------------------------------------


@each_path
@each_pair
def test_a_fixed_h_comes_back_bit_for_bit(dense_counts, start, solver, loss, path):
    H = start[1].copy()
    H[2] = 0  # a component that H lacks stays so, and W lacks it too
    fitted = fit(dense_counts, solver=solver, loss=loss, path=path, H=H, update_H=False)
    assert np.array_equal(fitted.H, H)
    assert not fitted.W[:, 2].any()
    assert (np.diff(objectives(fitted)) <= 1e-12 * fitted.history[0].objective).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_a_fixed_h_comes_back_bit_for_bit_at_any_scale(dense_counts, start, scale, dtype):
    X, H = (dense_counts * scale).astype(dtype), start[1].astype(dtype)
    for given in (H, H * H.dtype.type(1e-30)):
        if dtype == "float32" and scale == 1e30 and given is not H:
            with pytest.raises(ValueError, match="too large for float32: use dtype='float64'"):
                fit(X, H=given, update_H=False)
        else:
            assert np.array_equal(fit(X, H=given, update_H=False).H, given)


@each_loss
@pytest.mark.parametrize("solver", ["auto", "mu", "cd"])
def test_rows_are_independent_where_h_is_fixed(dense_counts, start, solver, loss):
    W, H = start
    some = np.array([3, 59, 7, 20])
    whole = fit(dense_counts, solver=solver, loss=loss, path="sparse", W=W, H=H, update_H=False)
    part = fit(dense_counts[some], solver=solver, loss=loss, path="sparse", W=W[some], H=H, update_H=False)
    np.testing.assert_allclose(part.W, whole.W[some], rtol=1e-12, atol=1e-15)


@each_loss
@pytest.mark.parametrize("solver", ["auto", "cd"])
def test_a_fit_with_h_fixed_finds_the_minimiser(dense_counts, start, solver, loss):
    fitted = fit(dense_counts, solver=solver, loss=loss, H=start[1], update_H=False, max_iter=3000)
    worst, slack = reference.kkt_parts(dense_counts, fitted.W, start[1].T, loss)
    assert max(worst, slack) < 1e-8 * dense_counts.sum()
    solved = solve_rows(dense_counts, start[1], loss=loss, max_iter=20000, tol=1e-10)
    np.testing.assert_allclose(fitted.W, solved, rtol=1e-5, atol=1e-6)


@each_path
@pytest.mark.parametrize("solver", ["auto", "cd"])
def test_words_that_a_fixed_h_has_never_seen_do_not_matter(dense_counts, start, solver, path):
    H = start[1].copy()
    H[:, :3] = 0
    W = fit(dense_counts, solver=solver, path=path, H=H, update_H=False, max_iter=400).W
    np.testing.assert_allclose(W, solve_rows(dense_counts, H, tol=1e-9, max_iter=1000), rtol=1e-3, atol=1e-4)
