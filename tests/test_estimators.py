"""NMF keeps scikit-learn's contract, and scikit-learn's texts where it has any."""

import inspect
import logging
import pickle
import re
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.decomposition
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks

import sparsenmf
from sparsenmf import NMF, non_negative_factorization

OWN = ["n_threads", "path", "max_seconds", "callback"]
LOSSES = ["frobenius", "kullback-leibler"]
SOLVERS = ["auto", "cd", "mu", "gd"]

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def model(loss="kullback-leibler", **parameters):
    return NMF(**({"n_components": 4, "beta_loss": loss, "random_state": 0, "max_iter": 40} | parameters))


def message_of(function, *args, **kwargs):
    """Kind and text of the error that a call raises."""
    with pytest.raises((ValueError, TypeError, AttributeError)) as caught:
        function(*args, **kwargs)
    return type(caught.value), str(caught.value)


def unordered(text):
    """Choices in braces in one order: they are sets."""
    return re.sub(r"\{(.*?)\}", lambda choices: str(sorted(choices[1].split(", "))), text)


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


# --- the same words ---------------------------------------------------------------------------------------------------


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
        ({"max_seconds": 0}, ["(0.0, inf)", "None"]),
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


# --- results ----------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("solver", SOLVERS)
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
    one, two = (model(n_threads=n) for n in (1, 2))
    np.testing.assert_array_equal(one.fit_transform(counts), two.fit_transform(counts))
    np.testing.assert_array_equal(one.components_, two.components_)


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
    assert n_iter >= 0


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
    assert fitted.n_iter_ <= 5
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
