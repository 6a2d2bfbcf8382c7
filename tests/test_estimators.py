"""NMF keeps scikit-learn's contract, works among its tools, and has four parameters of its own."""

import inspect
import logging
import pickle

import numpy as np
import pytest
import sklearn.decomposition
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

import sparsenmf
from sparsenmf import NMF, non_negative_factorization
from tests.estimators import LOSSES, model

OWN = ["n_threads", "path", "max_seconds", "callback"]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@parametrize_with_checks([NMF(), NMF(beta_loss="kullback-leibler")])
def test_every_check_of_scikit_learn(estimator, check):
    check(estimator)


# --- the same face ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["NMF", "non_negative_factorization"])
def test_signatures_are_scikit_learns_and_four_more(name):
    ours, theirs = (
        inspect.signature(getattr(package, name)).parameters for package in (sparsenmf, sklearn.decomposition)
    )
    assert list(ours) == [*theirs, *OWN]
    for parameter in theirs.values():
        assert ours[parameter.name].kind == parameter.kind
        if parameter.name != "solver":
            assert ours[parameter.name].default == parameter.default
    assert ours["solver"].default == "auto"


def test_tags_are_scikit_learns():
    assert get_tags(NMF()) == get_tags(sklearn.decomposition.NMF())


def test_attributes_of_a_fit(counts):
    fitted = model(n_components=3).fit(counts)
    assert fitted.components_.shape == (3, 40)
    assert fitted.components_.dtype == np.float32
    assert (fitted.n_components_, fitted.n_features_in_) == (3, 40)
    assert 1 <= fitted.n_iter_ <= 40
    assert not hasattr(fitted, "feature_names_in_")
    assert fitted.get_feature_names_out().tolist() == ["nmf0", "nmf1", "nmf2"]


@pytest.mark.parametrize("loss", LOSSES)
def test_reconstruction_error_is_the_root_of_twice_the_divergence(dense_counts, loss):
    fit = sparsenmf.factorize(dense_counts, 4, loss=loss, init="nndsvda", random_state=0, max_iter=40)
    WH = np.asarray(fit.W) @ np.asarray(fit.H)
    if loss == "frobenius":
        divergence = ((dense_counts - WH) ** 2).sum() / 2
    else:
        positive = dense_counts > 0
        x, y = dense_counts[positive], WH[positive]
        divergence = (x * np.log(x / y)).sum() - dense_counts.sum() + WH.sum()
    assert model(loss).fit(dense_counts).reconstruction_err_ == pytest.approx(np.sqrt(2 * divergence), rel=1e-6)


@pytest.mark.parametrize(
    ("parameters", "expected"), [({"n_components": None}, 7), ({}, 7), ({"n_components": 3}, 3)], ids=str
)
def test_number_of_components(parameters, expected):
    X = np.random.default_rng(0).random((9, 7))
    assert NMF(**parameters, random_state=0).fit(X).n_components_ == expected


def test_number_of_components_of_a_custom_start():
    rng = np.random.default_rng(0)
    X, W, H = rng.random((9, 7)), rng.random((9, 2)), rng.random((2, 7))
    assert NMF(init="custom").fit(X, W=W, H=H).n_components_ == 2
    assert non_negative_factorization(X, W, H, init="custom")[0].shape == (9, 2)
    assert non_negative_factorization(X, H=H, update_H=False)[0].shape == (9, 2)


# --- in the company of others -----------------------------------------------------------------------------------------


def test_clone_and_pickle(counts):
    original = model(alpha_W=0.01, path="sparse", n_threads=1, max_seconds=60.0)
    copy = clone(original)
    assert copy.get_params() == original.get_params()
    W = original.fit_transform(counts)
    np.testing.assert_array_equal(copy.fit_transform(counts), W)
    revived = pickle.loads(pickle.dumps(original))
    np.testing.assert_array_equal(revived.transform(counts), W)
    assert repr(revived) == repr(original)


def test_frames_in_and_out(counts):
    pd = pytest.importorskip("pandas")
    names = [f"word{j}" for j in range(counts.shape[1])]
    frame = pd.DataFrame(counts.toarray(), columns=names, index=[f"text{i}" for i in range(counts.shape[0])])
    fitted = model().set_output(transform="pandas")
    W = fitted.fit_transform(frame)
    assert fitted.feature_names_in_.tolist() == names
    assert list(W.columns) == ["nmf0", "nmf1", "nmf2", "nmf3"]
    assert list(W.index) == list(frame.index)
    np.testing.assert_array_equal(W, model().fit(counts.toarray()).transform(counts.toarray()))
    with pytest.raises(ValueError, match=r"feature names should match.*\nFeature names must be in the same order"):
        fitted.transform(frame[names[::-1]])
    with pytest.warns(UserWarning, match="X does not have valid feature names, but NMF was fitted with feature names"):
        fitted.transform(counts)
    sparse = frame.astype(pd.SparseDtype(np.int64, 0))
    np.testing.assert_array_equal(model().fit_transform(sparse), model().fit_transform(counts))


def test_pipeline_and_grid_search():
    texts = ["cat sat mat", "dog cat pet", "stocks fell rates rose", "rates stocks bonds"] * 6
    labels = [0, 0, 1, 1] * 6
    topics = NMF(beta_loss="kullback-leibler", random_state=0, max_iter=30)
    pipeline = make_pipeline(CountVectorizer(), topics, LogisticRegression(C=100))
    search = GridSearchCV(pipeline, {"nmf__n_components": [1, 2], "nmf__alpha_W": [0.0, 1e-3]}, cv=2)
    search.fit(texts, labels)
    assert search.best_score_ == 1.0
    assert search.best_params_["nmf__n_components"] == 2
    assert search.predict(["cat dog", "bonds fell"]).tolist() == [0, 1]


# --- our own parameters -----------------------------------------------------------------------------------------------


def test_callback_sees_each_iteration_and_may_stop(counts):
    seen = []
    fitted = model(tol=0, callback=lambda record: seen.append(record) or len(seen) == 5).fit(counts)
    assert len(seen) == 5
    assert fitted.n_iter_ == 5  # the iteration that was under way is ended
    assert seen[-1].objective < seen[0].objective


def test_max_seconds_ends_a_fit(counts):
    assert model(tol=0, max_iter=100_000, max_seconds=0.01).fit(counts).n_iter_ < 100_000


def test_paths_agree(counts):
    sparse, dense = (
        model(path=path, max_iter=10, tol=0).fit(counts.astype(np.float64)) for path in ("sparse", "dense")
    )
    np.testing.assert_allclose(sparse.components_, dense.components_, rtol=1e-6, atol=1e-9)


def test_verbose_lets_the_log_through(counts, caplog):
    model(max_iter=3, tol=0, verbose=1).fit(counts)
    lines = [record.getMessage() for record in caplog.records if record.name == "sparsenmf"]
    assert sum("objective" in line and "KKT residual" in line for line in lines) >= 3
    assert logging.getLogger("sparsenmf").level == logging.NOTSET


def test_verbose_without_logging_set_up_writes_to_standard_error(counts, capsys, monkeypatch):
    log = logging.getLogger("sparsenmf")
    monkeypatch.setattr(log, "propagate", False)
    model(max_iter=2, tol=0, verbose=1).fit(counts)
    captured = capsys.readouterr()
    assert "iteration 1: objective " in captured.err
    assert captured.out == ""
    assert log.handlers == []


def test_a_fit_is_silent_by_default(counts, capfd):
    model(max_iter=3).fit(counts)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("loss", LOSSES)
def test_grid_search_without_a_scoring_function(loss, counts):
    search = GridSearchCV(model(beta_loss=loss), {"n_components": [1, 4]}, cv=3)
    search.fit(counts)
    assert search.best_params_ == {"n_components": 4}  # as many as were planted
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.score(counts) == search.best_estimator_.score(counts)


@pytest.mark.parametrize("make", [lambda X: X, lambda X: X.toarray()], ids=["sparse", "dense"])
@pytest.mark.parametrize("loss", LOSSES)
def test_score_is_minus_the_mean_cost_of_a_row(loss, make, counts):
    fitted = model(beta_loss=loss).fit(make(counts))
    cost = fitted.reconstruction_err_**2 / 2 / len(counts.toarray())
    assert fitted.score(make(counts)) == pytest.approx(-cost, rel=1e-2)
    assert fitted.score(make(counts)) > model(n_components=1, beta_loss=loss).fit(make(counts)).score(make(counts))
    unseen = counts.toarray()
    unseen[3, 11] = 5  # of a feature that was empty in training: no model knows anything of it
    assert fitted.score(unseen) == pytest.approx(fitted.score(counts.toarray()))
    with pytest.raises(NotFittedError):
        model().score(counts)
