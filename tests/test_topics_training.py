"""Whose rows a model's weights are: those of the fit, and no others."""

import numpy as np
import pytest
import scipy.sparse as sp

from sparsenmf import factorize
from sparsenmf._validation import check_matrix
from sparsenmf.io import Model
from sparsenmf.topics.training import weights_of_rows


@pytest.fixture(scope="module")
def X() -> sp.csr_array:
    rng = np.random.default_rng(0)
    return sp.csr_array(rng.poisson(rng.gamma(0.3, 2.0, (60, 4)) @ rng.gamma(0.2, 1.0, (4, 40))))


def has_weights_of(model, X, names=None) -> bool:
    W = weights_of_rows(model, X, names)
    assert W is None or W is model.W
    return W is not None


def model_of(X, rows=None, params=None, **options) -> Model:
    return Model.of(factorize(X, 4, random_state=0, max_iter=30, **options), rows=rows, params=params)


@pytest.mark.parametrize("loss", ["kl", "frobenius"])
@pytest.mark.parametrize("form", [lambda X: X, lambda X: X.toarray(), check_matrix], ids=["csr", "dense", "checked"])
def test_rows_of_the_fit(X, loss, form):
    assert has_weights_of(model_of(X, loss=loss), form(X))


@pytest.mark.parametrize("loss", ["kl", "frobenius"])
def test_other_rows(X, loss):
    model = model_of(X, loss=loss)
    assert not has_weights_of(model, X[::-1])
    assert not has_weights_of(model, 2 * X)
    assert not has_weights_of(model, sp.csr_array(X.shape))
    assert not has_weights_of(model, X[:59])


def test_names_of_rows(X):
    names = [f"row {i}" for i in range(60)]
    model = model_of(X, rows=names)
    assert has_weights_of(model, X, names)
    assert has_weights_of(model, X)
    assert not has_weights_of(model, X, names[::-1])


def test_a_model_without_weights(X):
    assert not has_weights_of(Model(H=model_of(X).H), X)


def test_an_objective_with_penalties_is_not_compared(X):
    given = {"alpha_W": 0.01, "alpha_H": 0.01}
    assert has_weights_of(model_of(X, params=given, **given), X)
    assert has_weights_of(model_of(X, params={"alpha_W": 0.0, "alpha_H": "same"}), X)


def test_an_exact_fit():
    X = np.outer(np.arange(1, 9), np.arange(1, 7)).astype(float)
    assert has_weights_of(Model.of(factorize(X, 1, random_state=0)), X)
