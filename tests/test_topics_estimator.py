"""`TopicModel` among scikit-learn's tools: what it takes for texts, what it refuses, and what it says before a fit."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags

from sparsenmf import factorize
from sparsenmf.io import Model, load_model, save_model
from sparsenmf.io.named import named
from sparsenmf.topics import TopicModel

TEXTS = ["cat dog cat pet", "dog dog cat", "pet cat dog vet", "bond stock bond", "fund stock bank", "bank bond fund"]


@pytest.fixture(scope="module")
def model() -> TopicModel:
    return TopicModel(2, random_state=0).fit(TEXTS)


def test_tables_of_texts_are_told_from_their_column():
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pd.DataFrame({"id": [1, 2], "text": ["cat dog", "dog"]}, index=[7, 8])
    with pytest.raises(TypeError, match=r"holds texts \('cat dog'\): give the one column"):
        TopicModel(1).fit(frame)
    assert TopicModel(1, random_state=0).fit_transform(frame["text"]).tolist() == [[1], [1]]


def test_tokens_are_counted_by_a_vectorizer_that_takes_them():
    tokens = [["cat", "dog"], ["dog"], ["bond", "fund"], []]
    model = TopicModel(2, vectorizer=CountVectorizer(analyzer=list), random_state=0).fit(tokens)
    assert model.vocabulary_ == ("bond", "cat", "dog", "fund")
    expected = TopicModel(2, random_state=0).fit([" ".join(document) for document in tokens])
    np.testing.assert_array_equal(model.weights_, expected.weights_)
    np.testing.assert_array_equal(model.transform([["cat", "zebra"]]), expected.transform(["cat zebra"]))


def test_a_vectorizer_that_does_not_know_its_words(tmp_path):
    hashing = HashingVectorizer(n_features=16, alternate_sign=False, norm=None)
    model = TopicModel(2, vectorizer=hashing, random_state=0).fit(TEXTS)
    assert model.vocabulary_ is None
    assert all(topic.words[0].name.startswith("#") for topic in model.topics(3))
    with pytest.warns(UserWarning, match="not stored"):
        path = model.save(tmp_path / "model.npz")
    again = TopicModel.load(path, vectorizer=hashing)
    np.testing.assert_array_equal(again.transform(TEXTS), model.transform(TEXTS))
    with pytest.raises(TypeError, match="fitted vectorizer, got 'hashing'"):
        TopicModel.load(path, vectorizer="hashing")


def test_columns_in_another_order_are_refused():
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = pd.DataFrame([[2, 1, 0], [0, 1, 3]], columns=["ark", "dove", "flood"])
    model = TopicModel(2, random_state=0).fit(frame)
    assert model.transform(frame).shape == model.transform(frame.to_numpy()).shape == (2, 2)
    with pytest.raises(ValueError, match="column 0 of X is 'flood', and that of the model 'ark'"):
        model.transform(frame[["flood", "dove", "ark"]])
    counts = named(sparse.csr_array(frame.to_numpy()), column_names=["ark", "flood", "dove"])
    with pytest.raises(ValueError, match="column 1 of X is 'flood'"):
        model.coherence(counts)


def test_scikit_learns_tools(model):
    twin = clone(TopicModel(2, vectorizer=CountVectorizer(min_df=2)))
    assert twin.set_params(vectorizer__min_df=1).vectorizer.min_df == 1
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).transform(TEXTS), model.transform(TEXTS))
    labels = [0, 0, 1, 1] * 3
    steps = make_pipeline(TopicModel(2, random_state=0), LogisticRegression())
    assert steps.fit(["cat dog", "dog cat", "bond fund", "fund bond"] * 3, labels).score(["cat"], [0]) == 1

    def score(fitted, X, y=None):
        return -fitted.held_out(X).deviance_per_token

    search = GridSearchCV(TopicModel(random_state=0), {"n_components": [1, 2]}, scoring=score, cv=3)
    assert search.fit(["cat dog", "bond fund", "cat dog dog"] * 4).best_params_ == {"n_components": 2}
    tags = get_tags(model).input_tags
    assert (tags.string, tags.one_d_array, tags.sparse, tags.positive_only) == (True,) * 4


def test_before_a_fit_it_is_said_that_there_was_none():
    calls = [
        lambda model: model.transform(["cat"]),
        lambda model: model.topics(),
        lambda model: model.names(),
        lambda model: model.top_words(),
        lambda model: model.representative_documents(),
        lambda model: model.similar_topics(),
        lambda model: model.topics_by_group([1]),
        lambda model: model.coherence(["cat"]),
        lambda model: model.held_out(["cat"]),
        lambda model: model.merge([(0, 1)]),
        lambda model: model.get_feature_names_out(),
        lambda model: model.save("model.npz"),
    ]
    for call in calls:
        with pytest.raises(NotFittedError, match="not fitted yet"):
            call(TopicModel(2))


@pytest.mark.parametrize("together", ["01", [0, 1], [(0, 1.7)], [("0", "1")]])
def test_topics_to_be_merged_are_named_by_whole_numbers(together, model):
    with pytest.raises(TypeError, match=r"as in \[\(0, 3\)"):
        model.merge(together)


def test_a_loaded_model_can_be_fitted_anew_and_learns_other_words(tmp_path):
    path = TopicModel(2, random_state=0).fit(TEXTS).save(tmp_path / "model.npz")
    path = TopicModel.load(path).save(tmp_path / "again.npz")
    assert TopicModel.load(path).fit(["rain sun", "sun snow"]).vocabulary_ == ("rain", "snow", "sun")
    given = TopicModel(2, vectorizer=CountVectorizer(vocabulary=["cat", "bond"]), random_state=0).fit(TEXTS)
    again = TopicModel.load(given.save(tmp_path / "given.npz"))
    assert again.fit(["cat rain", "bond"]).vocabulary_ == ("cat", "bond")


def test_a_model_that_lost_its_vectorizer_says_so_after_it_is_stored_again(tmp_path):
    lost = TopicModel(2, vectorizer=CountVectorizer(analyzer=list), random_state=0).fit(
        [text.split() for text in TEXTS]
    )
    with pytest.warns(UserWarning, match="not stored"):
        path = lost.save(tmp_path / "model.npz")
    again = load_model(TopicModel.load(path).save(tmp_path / "again.npz"))
    assert "function" in again.params["vectorizer"]["lost"]


def test_the_loss_of_a_model_comes_from_its_fit(tmp_path):
    X = np.array([[4.0, 1, 0], [2, 0, 1], [0, 1, 3]])
    fit = factorize(X, 2, loss="frobenius", random_state=0)
    model = TopicModel.load(save_model(tmp_path / "model.npz", Model.of(fit)))
    assert model.loss == "frobenius"
    expected = TopicModel(2, loss="frobenius", random_state=0).fit(X)
    np.testing.assert_allclose(model.transform(X), expected.transform(X))


def test_parameters_and_defaults_are_those_of_factorize():
    import inspect

    theirs = inspect.signature(factorize).parameters
    own = {name: each for name, each in inspect.signature(TopicModel).parameters.items() if name in theirs}
    assert {"alpha_W", "alpha_H", "l1_ratio", "max_seconds", "verbose"} <= set(own)
    assert all(each.default == theirs[name].default for name, each in own.items() if name != "n_components")


def test_bad_parameters_are_refused_before_texts_are_counted():
    def unread():
        raise AssertionError("a text was read")
        yield

    for given, message in (({"alpha_W": -1}, "alpha_W must be at least 0"), ({"solver": "newton"}, "Unknown solver")):
        with pytest.raises(ValueError, match=message):
            TopicModel(2, **given).fit(unread())


def test_a_budget_of_time_ends_the_fit_and_verbose_tells_of_it(caplog):
    model = TopicModel(2, random_state=0, max_seconds=0.0, verbose=1).fit(TEXTS)
    assert model.n_iter_ == 1
    assert any("max_seconds after 1 iterations" in record.getMessage() for record in caplog.records)
