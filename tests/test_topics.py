"""Topics from factors: proportions, rankings, names, neighbours, groups, and `TopicModel` from texts to files."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from sparsenmf import read_texts
from sparsenmf.io import Model, save_model
from sparsenmf.topics import (
    TopicModel,
    find_topics,
    merge_topics,
    proportions,
    rank_words,
    representative_documents,
    similar_topics,
    to_pyldavis,
    topic_distances,
    topic_mass,
    topic_sizes,
    topics_by_group,
    word_distributions,
    word_scores,
)

PETS = ["cat dog cat pet", "dog dog cat", "pet cat dog vet", "vet dog pet"]
MONEY = ["bond stock bond", "fund stock bank", "bank bond fund stock", "stock stock bank fund"]
TEXTS = PETS + MONEY


@pytest.fixture
def factors() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.gamma(0.5, 1, (30, 4)), rng.gamma(0.3, 1, (4, 25))


@pytest.fixture(scope="module")
def model() -> TopicModel:
    return TopicModel(2, random_state=0).fit(TEXTS)


# --- Poisson factors --------------------------------------------------------------------------------------------------


def test_proportions_and_distributions_multiply_out_to_the_same_expectation(factors):
    W, H = factors
    theta, phi = proportions(W, H), word_distributions(H)
    np.testing.assert_allclose(theta.sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(phi.sum(axis=1), 1, rtol=1e-14)
    lengths = (W @ H).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(lengths * (theta @ phi), W @ H, rtol=1e-12)
    np.testing.assert_allclose(topic_sizes(W, H), topic_mass(W, H).sum(axis=0) / (W @ H).sum())


def test_proportions_do_not_depend_on_how_the_factors_are_scaled(factors):
    W, H = factors
    scale = np.array([1e-3, 1.0, 50.0, 7.0])
    np.testing.assert_allclose(proportions(W * scale, H / scale[:, None]), proportions(W, H), rtol=1e-12)


def test_empty_rows_and_topics_are_zeros_not_nan():
    W, H = np.array([[0.0, 0.0], [2.0, 1.0]]), np.array([[0.0, 0.0], [1.0, 1.0]])
    assert proportions(W, H).tolist() == [[0, 0], [0, 1]]
    assert word_distributions(H).tolist() == [[0, 0], [0.5, 0.5]]
    assert topic_sizes(W * 0, H).tolist() == [0, 0]


def test_float32_factors_are_summed_in_float64(factors):
    W, H = (factor.astype(np.float32) for factor in factors)
    assert proportions(W, H).dtype == np.float64
    with pytest.raises(ValueError, match="is one of them turned"):
        proportions(W, H.T)


# --- rankings ---------------------------------------------------------------------------------------------------------

PHI = np.array([[0.5, 0.3, 0.2, 0.0], [0.5, 0.0, 0.1, 0.4]])


def test_rankings_by_hand():
    sizes = np.array([0.75, 0.25])
    at_large = sizes @ PHI
    lift = PHI / at_large
    np.testing.assert_allclose(word_scores(PHI, sizes, "lift"), lift)
    scores = word_scores(PHI, sizes, "relevance", 0.25)
    assert scores[0, 2] == pytest.approx(0.25 * np.log(0.2) + 0.75 * np.log(lift[0, 2]))
    assert scores[0, 3] == -np.inf
    assert [words.tolist() for words in rank_words(PHI, 2, word_scores(PHI, sizes, "lift"))] == [[1, 2], [3, 0]]


def test_relevance_lies_between_probability_and_lift():
    for weight, ranking in ((1.0, "probability"), (0.0, "lift")):
        ranked = rank_words(PHI, 4, word_scores(PHI, None, "relevance", weight))
        expected = rank_words(PHI, 4, word_scores(PHI, None, ranking))
        assert [words.tolist() for words in ranked] == [words.tolist() for words in expected]


def test_frex_by_hand():
    # Topic 0: exclusivity (.5, 1, 2/3, 0) has the places (2, 4, 3, 1) of 4, the probabilities (4, 3, 2, 1) of 4.
    scores = word_scores(PHI, None, "frex")
    np.testing.assert_allclose(scores[0, :3], [1 / (0.5 / 0.5 + 0.5 / 1), 1 / (0.5 + 0.5 / 0.75), 1 / (0.5 / 0.75 + 1)])
    assert scores[0, 3] == 0
    assert rank_words(PHI, 1, scores)[0].tolist() == [1]


def test_ranked_words_are_the_sorted_ones(factors):
    phi = word_distributions(factors[1])
    for n in (1, 7, 25, 100):
        expected = [np.argsort(-row, kind="stable")[:n].tolist() for row in phi]
        assert [words.tolist() for words in rank_words(phi, n)] == expected


def test_of_equal_scores_the_likelier_word_comes_first():
    scores = [[3.0, 3.0, 1.0, 3.0]]
    assert rank_words([[0.2, 0.3, 0.4, 0.1]], 2, scores)[0].tolist() == [1, 0]
    assert rank_words([[0.2, 0.3, 0.4, 0.1]], 4, scores)[0].tolist() == [1, 0, 3, 2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ranking": "best"}, "ranking must be one of|ranking"),
        ({"relevance_lambda": 1.5}, "relevance_lambda must lie between 0 and 1"),
        ({"sizes": [1.0]}, "one for each topic"),
    ],
)
def test_bad_rankings(arguments, message):
    with pytest.raises(ValueError, match=message):
        word_scores(PHI, **arguments)


# --- descriptions -----------------------------------------------------------------------------------------------------


def test_topics_by_size_with_names(factors):
    W, H = factors
    topics = find_topics(H, W, [f"w{j}" for j in range(25)], 3)
    assert [topic.share for topic in topics] == sorted(topic_sizes(W, H), reverse=True)
    top = topics[0]
    assert [word.column for word in top.words] == np.argsort(-H[top.component])[:3].tolist()
    assert top.words[0].name == f"w{top.words[0].column}"


@pytest.mark.parametrize("metric", ["hellinger", "jensen-shannon"])
def test_distances_against_the_plain_formula(factors, metric):
    _, H = factors
    phi = word_distributions(H)
    found = topic_distances(H, metric)
    for s in range(4):
        for t in range(4):
            if metric == "hellinger":
                expected = np.sqrt(((np.sqrt(phi[s]) - np.sqrt(phi[t])) ** 2).sum() / 2)
            else:
                from scipy.spatial.distance import jensenshannon

                expected = jensenshannon(phi[s], phi[t], base=2)
            assert found[s, t] == pytest.approx(expected, abs=1e-7)


def jensen_shannon(p, q):
    """The distance as it is defined, for two topics of which each has a word."""
    middle = (p + q) / 2
    each = [(r[r > 0] * np.log2(r[r > 0] / middle[r > 0])).sum() for r in (p, q)]
    return np.sqrt(max(sum(each) / 2, 0))


@pytest.mark.parametrize("m", [1, 511, 512, 513, 8193])  # round the widths in which words are taken
@pytest.mark.parametrize("density", [0.02, 0.5, 1.0])
def test_jensen_shannon_of_many_words_against_its_plain_twin(m, density):
    rng = np.random.default_rng(m)
    H = rng.gamma(0.1, 1, (9, m)).astype(np.float32) * (rng.random((9, m)) < density)
    H[:, 0] += 1e-30  # every topic has a word
    H[7] = 3 * H[2]  # the same topic
    phi = word_distributions(H)
    expected = [[0 if s == t else jensen_shannon(p, q) for t, q in enumerate(phi)] for s, p in enumerate(phi)]
    found = topic_distances(H, "jensen-shannon")
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_array_equal(found, found.T)
    assert found[2, 7] == found[7, 2] == 0


def test_topics_without_words_and_without_common_words_are_at_distance_one():
    H = np.zeros((4, 1000))
    H[0, :500], H[1, 500:] = 1, 1
    expected = 1 - np.eye(4)
    for metric in ("hellinger", "jensen-shannon"):
        np.testing.assert_allclose(topic_distances(H, metric), expected, atol=1e-7)
    assert topic_distances(np.ones((1, 3)), "jensen-shannon").tolist() == [[0]]


def test_similar_topics_come_closest_first():
    H = np.array([[1.0, 1, 0], [0, 0, 1], [1, 0.9, 0]])
    pairs = similar_topics(H, 3)
    assert pairs[0][:2] == (0, 2)
    assert [pair[2] for pair in pairs] == sorted(pair[2] for pair in pairs)
    assert topic_distances([[0.0, 0.0], [1.0, 0.0]], "jensen-shannon").tolist() == [[0, 1], [1, 0]]


def test_representative_documents_are_long_and_pure():
    W = np.array([[100.0, 1.0], [1.0, 0.0], [0.0, 30.0], [0.0, 0.0]])
    found = representative_documents(W, np.eye(2), 10)
    assert [rows.tolist() for rows in found] == [[0, 1], [2, 0]]  # documents without the topic are left out


# --- groups and merging -----------------------------------------------------------------------------------------------


def test_groups_count_tokens_and_leave_out_what_has_none(factors):
    W, H = factors
    years = [["2021", "1999", None, "10000"][i % 4] for i in range(30)]
    table = topics_by_group(W, H, years)
    assert table.groups == ("1999", "2021", "10000")  # as numbers
    assert table.missing == years.count(None)
    np.testing.assert_allclose(table.counts[0], topic_mass(W, H)[[y == "1999" for y in years]].sum(axis=0))
    np.testing.assert_allclose(table.shares.sum(axis=1), 1)
    assert table.documents.sum() + table.missing == 30


def test_groups_of_dates_nan_and_mixed_values():
    pandas = pytest.importorskip("pandas", reason="dates are pandas' here")
    W, H = np.eye(3), np.eye(3)
    dates = pandas.to_datetime(["2020-05-01", "2019-01-01", None])
    table = topics_by_group(W, H, dates)
    assert [str(day.date()) for day in table.groups] == ["2019-01-01", "2020-05-01"]
    assert topics_by_group(W, H, [1, "b", float("nan")]).groups == (1, "b")
    with pytest.raises(ValueError, match="2 groups for 3 documents"):
        topics_by_group(W, H, [1, 2])
    with pytest.raises(ValueError, match="no document has a group"):
        topics_by_group(W, H, [None, "", pandas.NA])


def test_merging_keeps_the_sums_of_rows_and_columns(factors):
    W, H = factors
    merged_w, merged_h = merge_topics(W, H, [(3, 1)])
    assert merged_w.shape == (30, 3)
    for axis in (0, 1):
        np.testing.assert_allclose((merged_w @ merged_h).sum(axis=axis), (W @ H).sum(axis=axis), rtol=1e-12)
    assert topic_sizes(merged_w, merged_h)[2] == pytest.approx(topic_sizes(W, H)[[1, 3]].sum())
    np.testing.assert_array_equal(merged_h[0], H[0])
    for bad, message in (([(0, 4)], "no topic 4"), ([(0, 1), (1, 2)], "topic 1 is named twice")):
        with pytest.raises(ValueError, match=message):
            merge_topics(W, H, bad)


# --- the model --------------------------------------------------------------------------------------------------------


def test_texts_become_topics(model):
    pets, money = ({word.name for word in topic.words[:3]} for topic in sorted(model.topics(4), key=lambda t: t.name))
    assert {frozenset(pets & {"cat", "dog", "pet", "vet"}), frozenset(money & {"cat", "dog", "pet", "vet"})} > {
        frozenset()
    }
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


def test_completion_draws_by_the_seed_of_the_model():
    texts = ["cat dog cat pet dog", "dog pet cat", "bond stock fund bond", "stock fund fund bond"] * 5
    model = TopicModel(2, random_state=3).fit(texts)
    one, two = (model.held_out(texts, completion=0.5) for _ in range(2))
    assert one == two
    assert model.held_out(texts, completion=0.5, random_state=4) != one
