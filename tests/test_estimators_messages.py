"""NMF refuses and warns in scikit-learn's words, where it has any."""

import re
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.decomposition
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import sparsenmf
from sparsenmf import NMF, non_negative_factorization

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def message_of(function, *args, **kwargs):
    """Kind and text of the error that a call raises."""
    with pytest.raises((ValueError, TypeError, AttributeError)) as caught:
        function(*args, **kwargs)
    return type(caught.value), str(caught.value)


def unordered(text):
    """Choices in braces in one order: they are sets."""
    return re.sub(r"\{(.*?)\}", lambda choices: str(sorted(choices[1].split(", "))), text)


@pytest.mark.parametrize(
    "bad",
    [
        {"n_components": 0},
        {"n_components": 2.5},
        {"n_components": "all"},
        {"init": "svd"},
        {"tol": -1e-3},
        {"tol": "small"},
        {"max_iter": 0},
        {"max_iter": 10.0},
        {"random_state": "seed"},
        {"alpha_W": -1},
        {"alpha_H": "other"},
        {"l1_ratio": 1.1},
        {"verbose": -1},
        {"shuffle": "yes"},
    ],
    ids=str,
)
def test_bad_parameters_are_refused_in_scikit_learns_words(bad):
    X = np.ones((4, 3))
    for method in ("fit", "fit_transform"):
        ours = message_of(getattr(NMF(**bad), method), X)
        theirs = message_of(getattr(sklearn.decomposition.NMF(**bad), method), X)
        assert (ours[0], unordered(ours[1])) == (theirs[0], unordered(theirs[1]))
    ours = message_of(non_negative_factorization, X, **bad)
    theirs = message_of(sklearn.decomposition.non_negative_factorization, X, **bad)
    assert (ours[0], unordered(ours[1])) == (theirs[0], unordered(theirs[1]))


@pytest.mark.parametrize(
    ("bad", "choices"),
    [
        ({"solver": "newton"}, ["'auto'", "'cd'", "'mu'", "'gd'"]),
        ({"beta_loss": "itakura-saito"}, ["'frobenius'", "'kullback-leibler'", "'kl'", "1", "2"]),
        ({"beta_loss": 0.5}, ["'frobenius'", "'kullback-leibler'", "'kl'", "1", "2"]),
        ({"path": "gpu"}, ["'auto'", "'sparse'", "'dense'"]),
        ({"n_threads": 0}, ["[1, inf)", "None"]),
        ({"max_seconds": -1}, ["[0.0, inf)", "None"]),
        ({"callback": "print"}, ["callable", "None"]),
    ],
    ids=str,
)
def test_our_own_choices_are_listed(bad, choices):
    kind, text = message_of(NMF(**bad).fit, np.ones((4, 3)))
    assert issubclass(kind, ValueError)
    assert text.startswith(f"The '{next(iter(bad))}' parameter of NMF must be ")
    assert all(choice in text for choice in choices)


X43 = np.ones((4, 3))


@pytest.mark.parametrize(
    "given",
    [
        np.array([[1.0, np.nan]]),
        np.array([[1.0, np.inf]]),
        sp.csr_array([[1.0, np.nan]]),
        np.ones(3),
        np.float64(3),
        np.ones((2, 2, 2)),
        np.empty((0, 3)),
        np.empty((3, 0)),
        np.array([[1.0, 2j]]),
    ],
    ids=["nan", "inf", "sparse nan", "1d", "0d", "3d", "no rows", "no columns", "complex"],
)
def test_bad_data_are_refused_in_scikit_learns_words(given):
    ours = message_of(NMF(1).fit, given)
    theirs = message_of(sklearn.decomposition.NMF(1).fit, given)
    assert ours[0] is theirs[0]
    assert ours[1].split("\n", maxsplit=1)[0] == theirs[1].split("\n", maxsplit=1)[0]


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array])
def test_negative_data_are_refused_with_their_place(make):
    X = X43.copy()
    X[2, 1] = -5
    for call in (NMF(2).fit, NMF(2).fit(X43).transform, non_negative_factorization):
        with pytest.raises(ValueError, match=r"Negative values in data passed to NMF.*\nX\[2, 1\] = -5\.0"):
            call(make(X))


def test_data_without_a_positive_entry_are_refused():
    with pytest.raises(ValueError, match="no positive entry"):
        NMF(2).fit(np.zeros((4, 3)))


@pytest.mark.parametrize(
    ("W", "H"),
    [
        (np.ones((5, 2)), np.ones((2, 3))),
        (np.ones((4, 3)), np.ones((2, 3))),
        (np.ones((4, 2)), np.ones((3, 3))),
        (np.ones((4, 2)), np.ones((2, 4))),
        (np.ones((4, 2)), -np.ones((2, 3))),
        (-np.ones((4, 2)), np.ones((2, 3))),
        (np.ones((4, 2)), np.zeros((2, 3))),
        (np.zeros((4, 2)), np.ones((2, 3))),
        (np.ones((4, 2)), np.ones((2, 3), np.float32)),
        (np.ones((4, 2), np.float32), np.ones((2, 3))),
    ],
    ids=["W rows", "W columns", "H rows", "H columns", "H < 0", "W < 0", "H = 0", "W = 0", "H float32", "W float32"],
)
def test_bad_starts_are_refused_in_scikit_learns_words(W, H):
    ours = message_of(NMF(2, init="custom").fit, X43, W=W, H=H)
    theirs = message_of(sklearn.decomposition.NMF(2, init="custom").fit, X43, W=W, H=H)
    # Of a factor full of zeros scikit-learn says "to NMF (input H)", as of all the others.
    assert (ours[0], ours[1].split("\n", maxsplit=1)[0]) == theirs


def test_bad_fixed_factors_are_refused_in_scikit_learns_words():
    for H in (np.ones((2, 4)), -np.ones((2, 3)), np.zeros((2, 3)), np.ones((2, 3), np.float32)):
        ours = message_of(non_negative_factorization, X43, H=H, update_H=False)
        theirs = message_of(sklearn.decomposition.non_negative_factorization, X43, H=H, update_H=False)
        assert (ours[0], ours[1].split("\n", maxsplit=1)[0]) == theirs


def test_a_missing_start_is_named():
    with pytest.raises(ValueError, match="W is not given: init='custom' starts from W and H"):
        NMF(2, init="custom").fit(X43, H=np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"H is not given: .*update_H=False keeps H"):
        non_negative_factorization(X43, update_H=False)


@pytest.mark.parametrize("init", ["nndsvd", "nndsvda", "nndsvdar"])
def test_too_many_components_for_an_svd_start(init):
    assert message_of(NMF(4, init=init).fit, X43) == message_of(sklearn.decomposition.NMF(4, init=init).fit, X43)


def test_use_before_and_beside_the_fit():
    for method in ("transform", "inverse_transform"):
        ours = message_of(getattr(NMF(), method), X43)
        assert ours == message_of(getattr(sklearn.decomposition.NMF(), method), X43)
        assert issubclass(ours[0], NotFittedError)
    narrow = np.ones((4, 2))
    ours, theirs = (
        message_of(package.NMF(2).fit(X43).transform, narrow) for package in (sparsenmf, sklearn.decomposition)
    )
    assert ours == theirs


def test_warnings_are_scikit_learns():
    X = np.random.default_rng(0).random((6, 5))
    W, H = np.ones((6, 2)), np.ones((2, 5))
    with pytest.warns(ConvergenceWarning, match=r"Maximum number of iterations 1 reached\. Increase it"):
        NMF(2, max_iter=1).fit(X)
    with pytest.warns(RuntimeWarning, match="When init!='custom', provided W or H are ignored"):
        NMF(2).fit(X, W=W, H=H)
    with pytest.warns(RuntimeWarning, match="When update_H=False, the provided initial W is not used"):
        non_negative_factorization(X, W=W, H=H, update_H=False)
    with pytest.warns(UserWarning, match=r"The multiplicative update \('mu'\) solver cannot update zeros"):
        NMF(2, solver="mu", init="nndsvd").fit(X)


def test_no_warning_where_none_is_due():
    X = np.random.default_rng(0).random((6, 5))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        NMF(2, max_iter=3, tol=0).fit(X)
        NMF(2, max_iter=2000, tol=1e-3).fit(X).transform(X)
