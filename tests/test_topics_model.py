"""`TopicModel` from texts to files."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from sparsenmf import read_texts
from sparsenmf.io import Model, save_model
from sparsenmf.topics import (
    TopicModel,
    to_pyldavis,
)

PETS = ["cat dog cat pet", "dog dog cat", "pet cat dog vet", "vet dog pet"]
MONEY = ["bond stock bond", "fund stock bank", "bank bond fund stock", "stock stock bank fund"]
TEXTS = PETS + MONEY


@pytest.fixture(scope="module")
def model() -> TopicModel:
    return TopicModel(2, random_state=0).fit(TEXTS)


# --- the model --------------------------------------------------------------------------------------------------------


def test_texts_become_topics(model):
    words = [{word.name for word in topic.words} for topic in model.topics(3)]
    of_pets = [found <= {"cat", "dog", "pet", "vet"} for found in words]
    of_money = [found <= {"bond", "stock", "fund", "bank"} for found in words]
    assert sorted(of_pets) == sorted(of_money) == [False, True]
    theta = model.transform(TEXTS)
    np.testing.assert_allclose(theta.sum(axis=1), 1)
    assert len(set(theta[:4].argmax(axis=1))) == len(set(theta[4:].argmax(axis=1))) == 1
    assert theta[0].argmax() != theta[4].argmax()


def test_texts_and_their_counts_give_the_same_topics(model):
    vectorizer = CountVectorizer()
    X = vectorizer.fit_transform(TEXTS)
    other = TopicModel(2, random_state=0)
    theta = other.fit_transform(X.astype(np.int32), names=vectorizer.get_feature_names_out())
    np.testing.assert_array_equal(other.components_, model.components_)
    np.testing.assert_array_equal(theta, model.transform(TEXTS))
    assert other.vocabulary_ == model.vocabulary_
    with pytest.raises(ValueError, match="counts no texts"):
        other.transform(TEXTS)


def test_scikit_learns_conventions():
    model = TopicModel(3, loss="frobenius", vectorizer=TfidfVectorizer(min_df=2), random_state=1)
    assert clone(model).get_params()["vectorizer"].min_df == 2
    assert model.set_params(n_components=2).n_components == 2
    vectorizer = model.vectorizer
    model.fit(TEXTS)
    assert not hasattr(vectorizer, "vocabulary_")  # what was given stays unfitted
    assert model.get_feature_names_out().tolist() == ["topicmodel0", "topicmodel1"]


def test_columns_are_named_by_frames_and_readers(tmp_path):
    pandas = pytest.importorskip("pandas", reason="a data frame names its columns")
    frame = pandas.DataFrame({"ark": [1, 2, 0], "dove": [0, 1, 3]})
    assert TopicModel(1, random_state=0).fit(frame).vocabulary_ == ("ark", "dove")
    (tmp_path / "a.txt").write_text("\n".join(TEXTS))
    assert "cat" in TopicModel(2, random_state=0).fit(read_texts(tmp_path / "a.txt")).vocabulary_
    with pytest.raises(ValueError, match="3 names for 2 columns"):
        TopicModel(1).fit(frame.to_numpy(), names=["a", "b", "c"])


def test_unknown_words_give_zero_rows(model):
    theta = model.transform(["", "zebra zebra", "cat zebra"])
    assert theta[:2].tolist() == [[0, 0], [0, 0]]
    np.testing.assert_allclose(theta[2].sum(), 1)
    assert np.isfinite(theta).all()


def test_groups_merging_and_documents_of_a_model(model):
    table = model.topics_by_group(["pets"] * 4 + ["money"] * 4)
    assert table.groups == ("money", "pets")
    assert table.shares.max(axis=1).min() > 0.9
    merged = model.merge([(0, 1)])
    assert merged.sizes_.tolist() == [1.0]
    assert model.components_.shape[0] == 2
    np.testing.assert_allclose(merged.transform(TEXTS), 1)
    documents = model.representative_documents(2)
    assert {int(rows[0]) < 4 for rows in documents} == {True, False}


def test_completion_draws_by_the_seed_of_the_model():
    texts = ["cat dog cat pet dog", "dog pet cat", "bond stock fund bond", "stock fund fund bond"] * 5
    model = TopicModel(2, random_state=3).fit(texts)
    one, two = (model.held_out(texts, completion=0.5) for _ in range(2))
    assert one == two
    assert model.held_out(texts, completion=0.5, random_state=4) != one


# --- files ------------------------------------------------------------------------------------------------------------


VECTORIZERS = [
    CountVectorizer(),
    CountVectorizer(stop_words=["cat"], ngram_range=(1, 2), min_df=1, binary=True),
    CountVectorizer(vocabulary=["dog", "cat", "bond", "fund"]),
    TfidfVectorizer(sublinear_tf=True, dtype=np.float32),
]


@pytest.mark.parametrize("vectorizer", VECTORIZERS, ids=["plain", "settings", "vocabulary", "tf-idf"])
def test_a_model_comes_back_from_its_file(vectorizer, tmp_path):
    model = TopicModel(2, vectorizer=vectorizer, random_state=0, tol=1e-3).fit(TEXTS)
    path = model.save(tmp_path / "topics.npz")
    back = TopicModel.load(path)
    new = ["dog fund cat", "unseen", "Bond, bond!"]
    np.testing.assert_array_equal(back.transform(new), model.transform(new))
    assert back.topics() == model.topics()
    assert back.get_params()["tol"] == 1e-3
    np.testing.assert_array_equal(back.fit(TEXTS).components_, model.components_)
    with pytest.raises(FileExistsError):
        model.save(path)
    model.save(path, force=True)
    with np.load(path, allow_pickle=False) as arrays:
        assert all(array.dtype != object for array in arrays.values())


def test_a_vectorizer_that_cannot_be_stored_is_said(tmp_path):
    model = TopicModel(2, vectorizer=CountVectorizer(tokenizer=str.split, token_pattern=None), random_state=0).fit(
        TEXTS
    )
    with pytest.warns(UserWarning, match="its tokenizer is a function"):
        path = model.save(tmp_path / "topics.npz")
    back = TopicModel.load(path)
    np.testing.assert_array_equal(back.transform(model.counts(TEXTS)), model.transform(TEXTS))
    with pytest.raises(ValueError, match=r"TopicModel.load\(path, vectorizer"):
        back.transform(TEXTS)
    whole = TopicModel.load(path, vectorizer=model.vectorizer_)
    np.testing.assert_array_equal(whole.transform(TEXTS), model.transform(TEXTS))
    with pytest.raises(ValueError, match="is it the one"):
        TopicModel.load(path, vectorizer=CountVectorizer().fit(["other words"]))


def test_a_model_of_the_command_line_counts_texts(tmp_path):
    path = save_model(
        tmp_path / "m.npz",
        Model(
            H=np.eye(2), outcome={"loss": "kl"}, params={"n_components": 2, "counting": {}}, vocabulary=("ark", "flood")
        ),
    )
    back = TopicModel.load(path)
    np.testing.assert_allclose(back.transform(["the flood", "an ark", "x"]), [[0, 1], [1, 0], [0, 0]], atol=1e-9)
    with pytest.raises(ValueError, match="without the weights"):
        back.representative_documents()


# --- bad corpora ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("texts", "vectorizer", "message"),
    [
        ([], None, "there is no document"),
        (["", " ", "a b"], None, "no word is in the 3 documents"),
        (["one", "two"], CountVectorizer(min_df=2), "Lower min_df"),
        (["one", "one"], CountVectorizer(max_df=1), "max_df"),
        (["zebra"], CountVectorizer(vocabulary=["cat"]), "no positive entry"),
    ],
)
def test_corpora_without_words(texts, vectorizer, message):
    with pytest.raises(ValueError, match=message):
        TopicModel(2, vectorizer=vectorizer).fit(texts)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("one text", r"put it in \[ \]"),
        (["a text", None], "document 1 is None"),
        (["a text", float("nan")], "document 1 is nan"),
        (None, "texts .* or a matrix of counts, got None"),
        (5, "got 5"),
        ([["cut", "already"], ["into", "tokens"]], "lists of tokens.*analyzer=list"),
        ([["1", "2"], [], ["3"]], "lists of tokens"),
        (np.array([["cat dog"], ["dog"]]), r"holds texts \('cat dog'\): give the one column"),
    ],
)
def test_what_is_no_text(texts, message, model):
    with pytest.raises(TypeError, match=message):
        TopicModel(2).fit(texts)
    with pytest.raises(TypeError, match=message):
        model.transform(texts)


def test_odd_corpora_give_finite_topics():
    for texts in (["one document here"], ["same words"] * 5, ["cat dog", "", "dog"], [b"cat dog", b"dog"]):
        model = TopicModel(6, random_state=0)  # more topics than the rank
        theta = model.fit_transform(texts)
        assert np.isfinite(theta).all()
        assert np.isfinite(model.components_).all()
        sums = theta.sum(axis=1)
        assert np.all((np.abs(sums - 1) < 1e-12) | (sums == 0))
        assert len(model.topics()) == 6


def test_a_matrix_of_other_columns(model):
    with pytest.raises(ValueError, match="X has 3 columns, and the model was fitted to"):
        model.transform(sp.csr_array(np.ones((2, 3))))


# --- pyLDAvis ---------------------------------------------------------------------------------------------------------


def test_arguments_of_pyldavis(model):
    texts = [*TEXTS, "", "zebra"]
    for X in (texts, model.counts(texts)):
        prepared = to_pyldavis(model, X)
        np.testing.assert_allclose(prepared["topic_term_dists"].sum(axis=1), 1)
        np.testing.assert_allclose(prepared["doc_topic_dists"].sum(axis=1), 1)
        assert prepared["doc_topic_dists"].shape == (8, 2)
        assert prepared["doc_lengths"].sum() == prepared["term_frequency"].sum() == sum(len(t.split()) for t in TEXTS)
        assert len(prepared["vocab"]) == prepared["topic_term_dists"].shape[1] == len(prepared["term_frequency"])
    assert to_pyldavis(model, PETS)["term_frequency"].min() > 0
    with pytest.raises(ValueError, match="nothing to be shown"):
        to_pyldavis(model, ["zebra"])


def test_pyldavis_takes_them(model):
    pyldavis = pytest.importorskip("pyLDAvis", reason="pyLDAvis is not installed")
    prepared = pyldavis.prepare(**to_pyldavis(model, TEXTS), mds="mmds", n_jobs=1)
    assert len(prepared.topic_coordinates) == 2
