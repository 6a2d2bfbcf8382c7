"""What `factorize` returns: factors, objective and history, for every solver, loss, path and dtype."""

import numpy as np
import pytest
import scipy.sparse as sp

import sparsenmf
from sparsenmf.kernels.short import SHORT
from tests import reference
from tests.fits import (
    EVERYTHING,
    LOSSES,
    PATHS,
    PENALTY,
    each_loss,
    each_pair,
    each_path,
    fit,
    objectives,
    same_factors,
    without_empty,
)

EXACT = {"float64": 1e-10, "float32": 1e-4}


def full_objective(X, W, H, loss, alpha_W=0.0, alpha_H=0.0, l1_ratio=0.0) -> float:
    """The cost with its penalties, in float64."""
    p = reference.penalties(X.shape, alpha_W, alpha_H, l1_ratio)
    W, H = W.astype(np.float64), H.astype(np.float64)
    extra = reference.penalty(W, p["l1_W"], p["l2_W"]) + reference.penalty(H, p["l1_H"], p["l2_H"])
    return reference.objective(X, W, H.T, loss) + (2 if loss == "frobenius" else 1) * extra


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("solver", "loss", "path"), EVERYTHING)
def test_the_objective_is_that_of_the_factors_returned(dense_counts, solver, loss, path, dtype):
    fitted = fit(dense_counts, solver=solver, loss=loss, path=path, dtype=dtype)
    assert fitted.W.dtype == fitted.H.dtype == dtype
    W, H = fitted.W.astype(np.float64), fitted.H.astype(np.float64)
    exact = reference.objective(dense_counts, W, H.T, loss)
    assert fitted.objective == pytest.approx(exact, rel=EXACT[dtype])
    assert sparsenmf.objective(dense_counts, W, H, loss) == pytest.approx(exact, rel=1e-10)
    assert objectives(fitted)[0] > fitted.objective


@pytest.mark.parametrize(("solver", "loss", "path"), EVERYTHING)
def test_the_objective_holds_the_penalties(dense_counts, start, solver, loss, path):
    W, H = start
    fitted = fit(dense_counts, solver=solver, loss=loss, path=path, W=W, H=H, **PENALTY)
    assert objectives(fitted)[0] == pytest.approx(full_objective(dense_counts, W, H, loss, **PENALTY), rel=1e-10)
    assert fitted.objective == pytest.approx(
        full_objective(dense_counts, fitted.W, fitted.H, loss, **PENALTY), rel=1e-10
    )


@each_pair
def test_the_result_names_what_was_done(counts, solver, loss):
    fitted = fit(counts, solver=solver, loss=loss)
    assert (fitted.solver, fitted.loss, fitted.n_iter) == (solver, loss, 12)
    assert (fitted.stop_reason, fitted.converged) == ("max_iter", False)
    assert fitted.objective == fitted.history[-1].objective
    assert fitted.kkt == fitted.history[-1].kkt > 0
    assert type(fitted.objective) is float
    assert [record.iteration for record in fitted.history] == list(range(13))
    seconds = [record.seconds for record in fitted.history]
    assert seconds[0] == 0
    assert seconds == sorted(seconds)


@each_path
@each_pair
def test_factors_are_arrays_of_their_own(dense_counts, start, solver, loss, path):
    W, H = (factor.copy() for factor in start)
    fitted = fit(dense_counts, solver=solver, loss=loss, path=path, W=W, H=H)
    for factor, given, shape in ((fitted.W, W, (60, 4)), (fitted.H, H, (4, 40))):
        assert type(factor) is np.ndarray
        assert factor.shape == shape
        assert factor.flags.c_contiguous
        assert factor.flags.writeable
        assert (factor >= 0).all()
        assert not np.shares_memory(factor, given)
    assert np.array_equal(W, start[0])
    assert np.array_equal(H, start[1])


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("solver", ["mu", "cd", "gd"])
def test_the_history_is_that_of_shorter_fits(dense_counts, solver, loss):
    """A record's objective comes out of the update that leaves its pair; a fit that ends there measures it apart."""
    X = without_empty(dense_counts)
    long = objectives(fit(X, solver=solver, loss=loss, max_iter=5))
    short = [fit(X, solver=solver, loss=loss, max_iter=i).objective for i in range(1, 6)]
    np.testing.assert_allclose(long[1:], short, rtol=1e-10)


@each_pair
def test_dense_and_sparse_paths_agree(dense_counts, solver, loss):
    """KL coordinate descent takes rows of few nonzeros another way (below): here none is short."""
    descends = loss == "kl" and solver in ("cd", "auto")
    X = np.random.default_rng(8).poisson(3.0, (50, 40)) * 1.0 if descends else dense_counts
    sparse, dense = (fit(X, solver=solver, loss=loss, path=path, max_iter=20) for path in PATHS)
    np.testing.assert_allclose(dense.W, sparse.W, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(dense.H, sparse.H, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(objectives(dense), objectives(sparse), rtol=1e-8)
    np.testing.assert_allclose(dense.kkt, sparse.kkt, rtol=1e-6)


@pytest.mark.parametrize(("alpha", "l1_ratio"), [(0.0, 0.0), (0.01, 0.5)])
def test_kl_coordinate_descent_on_short_rows_is_two_passes_of_the_reference(alpha, l1_ratio):
    rng = np.random.default_rng(9)
    X = without_empty(rng.poisson(0.4, (40, 24)) * 1.0)
    assert max((X > 0).sum(axis=0).max(), (X > 0).sum(axis=1).max()) <= SHORT
    W, H = rng.uniform(0.2, 0.8, (len(X), 3)), rng.uniform(0.2, 0.8, (3, X.shape[1]))
    fitted = fit(X, 3, solver="cd", W=W, H=H, max_iter=6, path="sparse", alpha_W=alpha, l1_ratio=l1_ratio)
    p = reference.penalties(X.shape, alpha, alpha, l1_ratio)
    for _ in range(6):
        W = reference.kl_newton_rows(X, W, H.T, p["l1_W"], p["l2_W"], sweeps=2)
        H = reference.kl_newton_rows(X.T, H.T, W, p["l1_H"], p["l2_H"], sweeps=2).T
    np.testing.assert_allclose(fitted.W, W, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(fitted.H, H, rtol=1e-8, atol=1e-10)


@each_loss
def test_the_automatic_path_is_one_of_the_two(dense_counts, loss):
    """A sparse matrix goes sparse and a full one dense, however they are stored."""
    full = dense_counts + 1
    for X, path in ((dense_counts * (dense_counts > 4), "sparse"), (full, "dense")):
        for stored in (X, sp.csr_array(X)):
            assert same_factors(fit(stored, loss=loss), fit(X, loss=loss, path=path))


@pytest.mark.parametrize(
    ("given", "asked", "expected"),
    [
        ("float64", "auto", "float64"),
        ("float32", "auto", "float32"),
        ("int64", "auto", "float32"),
        ("bool", "auto", "float32"),
        ("float16", "auto", "float32"),
        ("int64", "float64", "float64"),
        ("float64", "float32", "float32"),
        ("float32", np.float64, "float64"),
    ],
)
def test_dtypes(counts, given, asked, expected):
    X = counts.toarray().astype(given)
    fitted = fit(sp.csr_array(X) if given != "float16" else X, solver="mu", path="sparse", dtype=asked)
    assert fitted.W.dtype == fitted.H.dtype == expected
    exact = reference.objective(X.astype(np.float64), fitted.W.astype(np.float64), fitted.H.T.astype(np.float64), "kl")
    assert fitted.objective == pytest.approx(exact, rel=EXACT[expected])


def test_results_can_be_compared_and_kept_in_sets(dense_counts):
    """As objects: fields that are arrays have no single truth value, and no hash."""
    fitted, again = fit(dense_counts), fit(dense_counts)
    assert same_factors(fitted, again)
    assert fitted != again
    assert {fitted, again, fitted} == {again, fitted}


@each_loss
@each_path
def test_the_objective_of_a_nearly_exact_float32_fit_is_exact(loss, path):
    rng = np.random.default_rng(0)
    X = (rng.gamma(0.5, 30, (40, 3)) @ rng.gamma(0.5, 30, (3, 30))).astype(np.float32)
    fitted = fit(X, 3, loss=loss, path=path, max_iter=300)
    rounding = 1e-14 * float((X.astype(np.float64) ** (2 if loss == "frobenius" else 1)).sum())  # of sums in float64
    exact = sparsenmf.objective(X, fitted.W, fitted.H, loss)
    assert fitted.objective == pytest.approx(exact, rel=1e-3, abs=rounding)
