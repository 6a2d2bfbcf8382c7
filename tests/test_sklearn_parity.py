"""From one start, `solver="mu"` in float64 goes where scikit-learn's goes, iteration by iteration."""

import numpy as np
import pytest
import scipy.sparse as sp

from sparsenmf import factorize
from sparsenmf.datasets import load_digits
from tests import reference
from tests.fits import each_loss, sklearn_iterates


def start_for(X, k, seed=0):
    """A positive start on the scale of X."""
    rng = np.random.default_rng(seed)
    scale = np.sqrt(X.sum() / (X.shape[0] * X.shape[1] * k))
    return scale * rng.uniform(0.5, 1.5, (X.shape[0], k)), scale * rng.uniform(0.5, 1.5, (k, X.shape[1]))


def theirs(X, start, iterations, loss, **options):
    return sklearn_iterates(X, start, iterations, loss, "mu", **options)


def ours(X, start, iterations, loss, **options):
    W, H = start
    fitted = factorize(
        X, W.shape[1], loss=loss, solver="mu", W=W, H=H, max_iter=iterations, tol=0, dtype="float64", **options
    )
    return fitted.W, fitted.H


def assert_close(found, expected, tolerance=1e-8):
    """Relative to the length of each factor, and entry by entry wherever an entry counts for anything."""
    for a, b in zip(found, expected, strict=True):
        assert np.linalg.norm(a - b) <= tolerance * np.linalg.norm(b)
        np.testing.assert_allclose(a, b, rtol=100 * tolerance, atol=tolerance * b.max())


@each_loss
@pytest.mark.parametrize("path", ["dense", "sparse"])
def test_digits_for_fifty_iterations(loss, path):
    X = load_digits().pixels.astype(np.float64)
    start = start_for(X, 16)
    expected = theirs(X if path == "dense" else sp.csr_matrix(X), start, 50, loss)
    assert_close(ours(X, start, 50, loss, path=path), expected)


@each_loss
def test_twenty_newsgroups_for_fifty_iterations(real_data, loss):
    X = sp.csr_matrix(real_data("newsgroups20")).astype(np.float64)
    start = start_for(X, 8)
    assert_close(ours(X, start, 50, loss), theirs(X, start, 50, loss))


@each_loss
def test_one_iteration_of_the_updates_of_the_paper(loss, dense_counts, start):
    """What both are measured by: eqs. 4 and 5."""
    expected = reference.mu_step(dense_counts, *start, loss)
    assert_close(theirs(dense_counts, start, 1, loss), expected, 1e-12)
    assert_close(ours(dense_counts, start, 1, loss), expected, 1e-12)


# scikit-learn 1.9 reads the entries of X in the order in which X.nonzero() lists their places: other factors for a CSC
# matrix, an error for stored zeros.


def with_stored_zeros(X):
    X = sp.csr_matrix(X + sp.csr_matrix(np.eye(*X.shape)))
    X.data[X.data == X.data.min()] = 0
    return X


@pytest.mark.parametrize("form", ["csc", "coo", "stored zeros", "stored zeros in csc"])
def test_kl_follows_scikit_learns_canonical_csr_from_every_storage(dense_counts, start, form):
    X = sp.csr_matrix(dense_counts)
    if "zeros" in form:
        X = with_stored_zeros(X)
        assert X.nnz > np.count_nonzero(X.toarray())
    canonical = sp.csr_matrix(X.toarray())
    given = X.asformat("csc" if form.endswith("csc") else "coo" if form == "coo" else "csr")
    assert given.nnz == X.nnz
    assert_close(ours(given, start, 30, "kl"), theirs(canonical, start, 30, "kl"))


@each_loss
def test_a_fixed_h_is_followed_too(dense_counts, start, loss):
    W, H = start
    full = np.full_like(W, np.sqrt(dense_counts.mean() / W.shape[1]))  # what scikit-learn starts W from
    expected = theirs(dense_counts, (full, H), 30, loss, update_H=False)
    assert_close(ours(dense_counts, (full, H), 30, loss, update_H=False), expected)
