"""What X may be: every storage gives the same factors and stays as it was; every shape is fitted."""

import numpy as np
import pytest
import scipy.sparse as sp

from tests import reference
from tests.fits import EVERYTHING, PENALTY, SOLVERS, each_pair, each_path, fit, same_factors


def reversed_rows(X):
    ends = np.stack([X.indptr[:-1], X.indptr[1:]], axis=1)
    order = np.concatenate([np.arange(a, b)[::-1] for a, b in ends])
    return sp.csr_array((X.data[order], X.indices[order], X.indptr), shape=X.shape)


def halved_twice(X):
    return sp.csr_array((np.repeat(X.data / 2, 2), np.repeat(X.indices, 2), 2 * X.indptr), shape=X.shape)


def with_stored_zeros(X):
    dense = X.toarray()
    stored = (dense > 0) | (np.random.default_rng(2).random(X.shape) < 0.2)
    rows, columns = stored.nonzero()
    indptr = np.append(0, np.cumsum(np.bincount(rows, minlength=X.shape[0])))
    return sp.csr_array((dense[stored], columns, indptr), shape=X.shape)


def wide(X):
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


def read_only(X):
    for array in (X.data, X.indices, X.indptr):
        array.setflags(write=False)
    return X


def memory_mapped(X):
    mapped = []
    for name in ("data", "indices", "indptr"):  # in the working directory, a temporary one
        np.save(f"{name}.npy", getattr(X, name))
        mapped.append(np.load(f"{name}.npy", mmap_mode="r"))
    return sp.csr_array(tuple(mapped), shape=X.shape)


def sparse_frame(X):
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame.sparse.from_spmatrix(sp.csr_matrix(X))


FORMS = {
    "csr_matrix": sp.csr_matrix,
    "csc_array": sp.csr_array.tocsc,
    "csc_matrix": sp.csc_matrix,
    "coo_array": sp.csr_array.tocoo,
    "lil_array": sp.csr_array.tolil,
    "unsorted": reversed_rows,
    "unsorted csc": lambda X: reversed_rows(X.T.tocsr()).T,
    "duplicates": halved_twice,
    "stored zeros": with_stored_zeros,
    "stored zeros csc": lambda X: with_stored_zeros(X).tocsc(),
    "int64 indices": wide,
    "read-only": read_only,
    "memory-mapped": memory_mapped,
    "sparse frame": sparse_frame,
    "dense": sp.csr_array.toarray,
    "dense in columns": lambda X: np.asfortranarray(X.toarray()),
    "list": lambda X: X.toarray().tolist(),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_storage_gives_the_factors_of_canonical_csr(dense_counts, tmp_path, monkeypatch, form):
    monkeypatch.chdir(tmp_path)
    X = FORMS[form](sp.csr_array(dense_counts))
    before = X.copy() if hasattr(X, "copy") else list(X)
    for solver, loss in (("mu", "kl"), ("cd", "kl"), ("auto", "kl"), ("mu", "frobenius"), ("cd", "frobenius")):
        expected = fit(sp.csr_array(dense_counts), solver=solver, loss=loss, path="sparse", max_iter=8)
        found = fit(X, solver=solver, loss=loss, path="sparse", max_iter=8)
        assert same_factors(found, expected), (solver, loss)
        assert found.objective == expected.objective
    assert same_storage(X, before)


def same_storage(X, before) -> bool:
    """Whether X still holds the arrays that it held, in their order."""
    if not sp.issparse(X):
        return bool((np.asarray(X) == np.asarray(before)).all())
    names = {"lil": ("rows",), "coo": ("row", "col", "data")}.get(X.format, ("indptr", "indices", "data"))
    return all(
        getattr(X, name).dtype == getattr(before, name).dtype
        and np.array_equal(getattr(X, name), getattr(before, name))
        for name in names
    )


@each_path
@each_pair
def test_nothing_given_is_changed(counts, start, solver, loss, path):
    X = sp.csr_array(counts).astype(np.float64)
    W, H = (factor.copy() for factor in start)
    for array in (X.data, X.indices, X.indptr, W, H):
        array.setflags(write=False)
    fit(X, solver=solver, loss=loss, path=path, W=W, H=H, **PENALTY)
    assert np.array_equal(X.toarray(), counts.toarray())
    assert np.array_equal(W, start[0])
    assert np.array_equal(H, start[1])


@each_path
@each_pair
def test_a_dense_array_is_not_changed(dense_counts, solver, loss, path):
    X = dense_counts.copy()
    fit(X, solver=solver, loss=loss, path=path)
    assert np.array_equal(X, dense_counts)


@each_path
@each_pair
def test_factors_of_empty_rows_and_columns_are_zero(dense_counts, start, solver, loss, path):
    W, H = start
    for penalty in ({}, PENALTY):
        fitted = fit(dense_counts, solver=solver, loss=loss, path=path, W=W, H=H, max_iter=3, **penalty)
        assert not fitted.W[7].any()
        assert not fitted.H[:, 11].any()
        assert fitted.W.any(axis=1).sum() > 40


@pytest.mark.parametrize(("shape", "k"), [((1, 1), 1), ((1, 7), 1), ((7, 1), 2), ((3, 2), 6), ((1, 5), 4), ((5, 1), 3)])
def test_small_shapes_and_many_components(shape, k):
    X = np.random.default_rng(4).poisson(2.0, shape) + 1.0
    for solver, loss, path in EVERYTHING:
        fitted = fit(X, k, solver=solver, loss=loss, path=path, max_iter=60)
        assert (fitted.W.shape, fitted.H.shape) == ((shape[0], k), (k, shape[1]))
        assert np.isfinite(fitted.W).all()
        assert np.isfinite(fitted.H).all()
        assert 0 <= fitted.objective <= fitted.history[0].objective
        if k >= min(shape) and solver != "gd":  # an exact factorization exists
            assert fitted.objective < 1e-2 * reference.objective(
                X, np.ones((shape[0], 1)), np.ones((shape[1], 1)), loss
            )


@each_path
@pytest.mark.parametrize("solver", SOLVERS)
def test_one_component_for_kl_has_a_closed_form(dense_counts, solver, path):
    """WH = row sums times column sums, over the total: independence."""
    fitted = fit(dense_counts, 1, solver=solver, path=path, max_iter=200)
    rows, columns = dense_counts.sum(axis=1, keepdims=True), dense_counts.sum(axis=0, keepdims=True)
    least = reference.objective(dense_counts, rows / rows.sum(), columns.T, "kl")
    assert fitted.objective == pytest.approx(least, rel=1e-3 if solver == "gd" else 1e-11)
    if solver != "gd":  # which is slow
        np.testing.assert_allclose(fitted.W @ fitted.H, rows @ columns / rows.sum(), rtol=1e-9, atol=1e-9)


@each_path
@pytest.mark.parametrize("solver", SOLVERS)
def test_one_component_for_frobenius_is_the_first_singular_pair(dense_counts, solver, path):
    fitted = fit(dense_counts, 1, solver=solver, loss="frobenius", path=path, max_iter=300)
    U, S, V = np.linalg.svd(dense_counts)
    np.testing.assert_allclose(fitted.W @ fitted.H, S[0] * np.outer(U[:, 0], V[0]), atol=1e-6)
    assert fitted.objective == pytest.approx((S[1:] ** 2).sum(), rel=1e-9)
