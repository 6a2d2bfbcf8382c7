"""What holds for every matrix: hypothesis looks for one where it does not."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import sparsenmf
from sparsenmf import factorize, kkt_residual
from sparsenmf.factorization import solve_rows
from tests import reference
from tests.conftest import THREADS
from tests.fits import each_loss, each_pair

some = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

counts = st.integers(1, 30).map(float)
measures = st.floats(1e-3, 1e3)
seeds = st.integers(0, 2**32 - 1)


@st.composite
def dense_matrices(draw, entries=counts):
    """Small matrices with any share of zeros, and so with empty rows and columns, but one positive entry at least."""
    shape = draw(st.tuples(st.integers(1, 12), st.integers(1, 9)))
    X = draw(hnp.arrays(np.float64, shape, elements=entries, fill=st.just(0.0)))
    keep = draw(hnp.arrays(np.bool_, shape))
    X = np.where(keep, X, 0.0)
    if not X.any():
        X[draw(st.integers(0, shape[0] - 1)), draw(st.integers(0, shape[1] - 1))] = draw(entries)
    return X


@st.composite
def stored_as(draw, X):
    """X in CSR as others may hold it: stored zeros, entries in parts, any order, either index dtype, read-only."""
    rows, columns = np.nonzero(X)
    values = X[rows, columns]
    rng = np.random.default_rng(draw(seeds))
    if draw(st.booleans()):  # entries in two parts that add up exactly
        rows, columns = np.tile(rows, 2), np.tile(columns, 2)
        values = np.tile(values / 2, 2)
    if draw(st.booleans()):
        n = draw(st.integers(1, 5))
        rows = np.append(rows, rng.integers(X.shape[0], size=n))
        columns = np.append(columns, rng.integers(X.shape[1], size=n))
        values = np.append(values, np.zeros(n))
    order = rng.permutation(len(rows)) if draw(st.booleans()) else np.arange(len(rows))
    order = order[np.argsort(rows[order], kind="stable")]
    index = draw(st.sampled_from([np.int32, np.int64]))
    indptr = np.append(0, np.cumsum(np.bincount(rows, minlength=X.shape[0]))).astype(index)
    arrays = values[order], columns[order].astype(index), indptr
    if draw(st.booleans()):
        for array in arrays:
            array.setflags(write=False)
    return sp.csr_array(arrays, shape=X.shape)


@st.composite
def problems(draw, entries=counts):
    """X, a positive start, and now and then zeros in the start."""
    X = draw(dense_matrices(entries))
    k = draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(seeds))
    scale = np.sqrt(X.mean() / k)
    W, H = (scale * rng.uniform(0.2, 2.0, shape) for shape in ((X.shape[0], k), (k, X.shape[1])))
    if draw(st.booleans()):
        W[rng.random(W.shape) < 0.2] = 0
        H[rng.random(H.shape) < 0.2] = 0
        W[0, 0] = H[0, 0] = scale
    return X, W, H


def fit(X, W, H, **arguments):
    defaults = {"max_iter": 6, "tol": 0, "n_threads": 1, "path": "sparse"}
    return factorize(X, W.shape[1], W=W, H=H, **(defaults | arguments))


def rounding(X, loss) -> float:
    """What the sums that cancel in an objective may round to."""
    x = X[X > 0]
    return 1e-13 * float(x @ x if loss == "frobenius" else (x * (1 + np.abs(np.log(x)))).sum())


# --- where the rows stand, and how X is held --------------------------------------------------------------------------


@each_loss
@pytest.mark.parametrize("solver", ["auto", "cd"])
@pytest.mark.parametrize("seed", range(5))
def test_permuted_rows_of_ordinary_data_give_permuted_factors(solver, loss, seed):
    rng = np.random.default_rng(seed)
    X, W, H = rng.poisson(2.0, (40, 25)) * 1.0, rng.uniform(0.5, 1.5, (40, 3)), rng.uniform(0.5, 1.5, (3, 25))
    order = rng.permutation(40)
    here = fit(X, W, H, solver=solver, loss=loss, max_iter=12)
    there = fit(X[order], W[order], H, solver=solver, loss=loss, max_iter=12)
    np.testing.assert_allclose(there.W, here.W[order], rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(there.H, here.H, rtol=1e-6, atol=1e-9)


@each_loss
@given(problem=problems(), data=st.data())
@some
def test_permuted_rows_give_permuted_factors(loss, problem, data):
    """For mu, which is smooth; in coordinate descent on data as odd as these rounding may decide what becomes zero."""
    X, W, H = problem
    order = np.array(data.draw(st.permutations(range(len(X)))))
    here = fit(X, W, H, solver="mu", loss=loss, max_iter=3)
    there = fit(X[order], W[order], H, solver="mu", loss=loss, max_iter=3)
    product = here.W @ here.H  # a component that H all but lacks leaves W free
    np.testing.assert_allclose(there.W @ there.H, product[order], rtol=1e-6, atol=1e-8 * (1 + product.max()))
    np.testing.assert_allclose(there.objective, here.objective, rtol=1e-8, atol=rounding(X, loss))


@each_loss
@given(problem=problems(), data=st.data())
@some
def test_solved_rows_do_not_know_of_one_another(loss, problem, data):
    X, _, H = problem
    whole = solve_rows(X, H, loss=loss, path="sparse", n_threads=1)
    order = np.array(data.draw(st.permutations(range(len(X)))))
    part = order[: data.draw(st.integers(1, len(X)))]
    assert np.array_equal(solve_rows(X[part], H, loss=loss, path="sparse", n_threads=1), whole[part])
    assert not whole[~X.any(axis=1)].any()


@each_pair
@given(problem=problems(), data=st.data())
@some
def test_storage_does_not_change_a_bit(solver, loss, problem, data):
    X, W, H = problem
    stored = data.draw(stored_as(X))
    before = [array.copy() for array in (stored.data, stored.indices, stored.indptr)]
    a, b = (fit(A, W, H, solver=solver, loss=loss) for A in (sp.csr_array(X), stored))
    assert np.array_equal(a.W, b.W)
    assert np.array_equal(a.H, b.H)
    assert [r.objective for r in a.history] == [r.objective for r in b.history]
    for array, copy in zip((stored.data, stored.indices, stored.indptr), before, strict=True):
        assert np.array_equal(array, copy)


@pytest.mark.parametrize("path", ["sparse", "dense"])
@each_pair
@given(problem=problems(measures))
@settings(some, max_examples=15)
def test_threads_do_not_change_a_bit(solver, loss, path, problem):
    X, W, H = problem
    one, *others = (fit(X, W, H, solver=solver, loss=loss, path=path, n_threads=n, max_iter=4) for n in THREADS)
    for other in others:
        assert np.array_equal(one.W, other.W)
        assert np.array_equal(one.H, other.H)
        assert [r[2:] for r in one.history] == [r[2:] for r in other.history]
    alone, *others = (solve_rows(X, H, loss=loss, path=path, n_threads=n) for n in THREADS)
    assert all(np.array_equal(alone, other) for other in others)


# --- values -----------------------------------------------------------------------------------------------------------


@each_loss
@given(problem=problems(measures), data=st.data())
@some
def test_the_objective_is_the_references(loss, problem, data):
    X, W, H = problem
    expected = reference.objective(X, W, H.T, loss)
    for A in (X, data.draw(stored_as(X))):
        value = sparsenmf.objective(A, W, H, loss)
        if np.isfinite(expected):
            assert value == pytest.approx(expected, rel=1e-10, abs=rounding(X, loss))
        else:
            assert value == np.inf


@each_loss
@given(problem=problems(measures), data=st.data())
@some
def test_the_kkt_residual_is_a_number_from_zero_up(loss, problem, data):
    X, W, H = problem
    value = kkt_residual(X, W, H, loss)
    assert 0 <= value < np.inf
    assert kkt_residual(data.draw(stored_as(X)), W, H, loss) == pytest.approx(value, rel=1e-10, abs=1e-13)
    assert kkt_residual(X.T, H.T, W.T, loss) == pytest.approx(value, rel=1e-10, abs=1e-13)


@each_loss
@pytest.mark.parametrize("solver", ["mu", "cd", "gd"])
@given(problem=problems(measures), alpha=st.sampled_from([0.0, 0.01, 1.0]), l1_ratio=st.sampled_from([0.0, 0.5, 1.0]))
@some
def test_the_cost_never_rises(solver, loss, problem, alpha, l1_ratio):
    X, W, H = problem
    fitted = fit(X, W, H, solver=solver, loss=loss, alpha_W=alpha, l1_ratio=l1_ratio, max_iter=8)
    values = np.array([record.objective for record in fitted.history])
    assert (values[1:] <= values[:-1] * (1 + 1e-12) + rounding(X, loss)).all()


@each_pair
@given(problem=problems(measures), alpha=st.sampled_from([0.0, 0.1]))
@some
def test_factors_are_finite_and_empty_rows_and_columns_get_zeros(solver, loss, problem, alpha):
    X, W, H = problem
    fitted = fit(X, W, H, solver=solver, loss=loss, alpha_W=alpha)
    for factor in (fitted.W, fitted.H):
        assert np.isfinite(factor).all()
        assert (factor >= 0).all()
    assert not fitted.W[~X.any(axis=1)].any()
    assert not fitted.H[:, ~X.any(axis=0)].any()
    assert fitted.kkt >= 0


@each_pair
@given(problem=problems(), p=st.integers(25, 60), q=st.integers(25, 60), sign=st.sampled_from([1, -1]))
@some
def test_powers_of_four_pass_through_exactly(solver, loss, problem, p, q, sign):
    X, W, H = problem
    a, b = (fit(X * 4.0**e, W * 2.0**e, H * 2.0**e, solver=solver, loss=loss) for e in (sign * p, sign * q))
    assert np.array_equal(a.W * 2.0 ** (sign * (q - p)), b.W)
    assert np.array_equal(a.H * 2.0 ** (sign * (q - p)), b.H)


@each_loss
@given(problem=problems(), scale=st.floats(1e-4, 1e4))
@some
def test_scaled_data_give_scaled_products(loss, problem, scale):
    """For mu, which is smooth; in coordinate descent rounding decides whether an entry lands on zero."""
    X, W, H = problem
    here = fit(X, W, H, solver="mu", loss=loss, max_iter=3)
    there = fit(scale * X, scale * W, H, solver="mu", loss=loss, max_iter=3)
    product = here.W @ here.H
    np.testing.assert_allclose(there.W @ there.H, scale * product, rtol=1e-6, atol=1e-8 * scale * (1 + product.max()))
