"""Measures of topics: by hand on small corpora, against gensim, and against the plain formulas."""

import numpy as np
import pytest
import scipy.sparse as sp

from sparsenmf import factorize
from sparsenmf.topics import (
    TopicModel,
    exclusivity,
    held_out,
    npmi,
    rank_words,
    topic_diversity,
    umass,
    word_distributions,
)

# ark in documents 0 1 2, flood in 0 1, dove in 2 3, rain in all, and olive in none.
X = np.array([[2, 1, 0, 1, 0], [1, 3, 0, 2, 0], [1, 0, 1, 1, 0], [0, 0, 4, 1, 0]])
ARK, FLOOD, DOVE, RAIN, OLIVE = range(5)


@pytest.mark.parametrize("form", [np.asarray, sp.csr_array, sp.csc_matrix, sp.coo_array])
def test_npmi_by_hand(form):
    found = npmi([[ARK, FLOOD], [FLOOD, DOVE], [ARK, RAIN], [RAIN, RAIN], [ARK, OLIVE], [ARK], []], form(X))
    together = np.log(0.5 / (0.75 * 0.5)) / -np.log(0.5)
    np.testing.assert_allclose(found, [together, -1, 0, 1, -1, 0, 0], atol=1e-15)
    pairs = [npmi([pair], X)[0] for pair in ([ARK, FLOOD], [ARK, DOVE], [FLOOD, DOVE])]
    assert npmi([[ARK, FLOOD, DOVE]], X)[0] == pytest.approx(np.mean(pairs))


def test_umass_by_hand():
    found = umass([[ARK, FLOOD], [FLOOD, ARK], [FLOOD, DOVE], [OLIVE, ARK], [ARK, FLOOD, DOVE]], X)
    pairs = [np.log(3 / 3), np.log(2 / 3), np.log(1 / 2)]  # flood|ark, dove|ark, dove|flood
    np.testing.assert_allclose(found, [np.log(3 / 3), np.log(3 / 2), np.log(1 / 2), 0, np.mean(pairs)])


def test_blocks_of_documents_add_up(monkeypatch, counts):
    words = [[0, 1, 2, 3], [3, 5, 8], [11, 4]]
    whole = [npmi(words, counts), umass(words, counts)]
    monkeypatch.setattr("sparsenmf.topics.coherence._BLOCK", 7)
    for each, measure in zip(whole, (npmi, umass), strict=True):
        np.testing.assert_array_equal(measure(words, counts), each)
        np.testing.assert_array_equal(measure(words, counts.toarray()), each)


def test_coherence_against_gensim(counts):
    models = pytest.importorskip("gensim.models.coherencemodel", reason="gensim is not installed")
    from gensim.corpora import Dictionary

    dense = counts.toarray()
    dense = dense[dense.sum(axis=1) > 0]
    texts = [[f"w{j}" for j in np.repeat(np.arange(40), row)] for row in dense]
    dictionary = Dictionary(texts)
    words = rank_words(word_distributions(factorize(dense, 4, random_state=0).H), 6)
    topics = [[f"w{j}" for j in topic] for topic in words]
    longest = max(map(len, texts)) + 1  # a window as long as the document: co-occurrence in documents

    def gensims(measure: str, **options: object) -> list[float]:
        model = models.CoherenceModel(
            topics=topics, texts=texts, dictionary=dictionary, coherence=measure, processes=1, topn=6, **options
        )
        return model.get_coherence_per_topic()

    np.testing.assert_allclose(npmi(words, dense, epsilon=1e-12), gensims("c_npmi", window_size=longest), rtol=1e-6)
    corpus = [dictionary.doc2bow(text) for text in texts]
    np.testing.assert_allclose(
        umass(words, dense, epsilon=1e-12 * len(dense)), gensims("u_mass", corpus=corpus), rtol=1e-6
    )


def test_diversity_and_exclusivity():
    H = np.array([[4.0, 3, 1, 0], [0, 3, 0, 9]])
    assert topic_diversity(rank_words(word_distributions(H), 2)) == 0.75
    shares = word_distributions(H)
    expected = [np.mean([1, 0.375 / (0.375 + 0.25)]), np.mean([1, 0.25 / 0.625])]
    assert shares[1].tolist() == [0, 0.25, 0, 0.75]
    np.testing.assert_allclose(exclusivity(H, 2), expected)
    assert exclusivity(np.zeros((1, 3))).tolist() == [0]
    assert topic_diversity([]) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: npmi([[0, 9]], X), "topic 0 has word 9, and X has 5 columns"),
        (lambda: umass([[0, 1]], X, epsilon=0), "epsilon must be positive"),
        (lambda: npmi([[0, 1]], X, epsilon=-1), "not negative"),
        (lambda: held_out(X * 0, np.ones((1, 5))), "no positive entry"),
        (lambda: held_out(X, np.ones((1, 5)), completion=1.5), "completion must lie between"),
        (lambda: held_out(X, np.ones((1, 5)), completion="half"), "completion must lie between"),
        (lambda: held_out(X, np.ones((1, 5)), smoothing=1), "smoothing must be"),
        (lambda: TopicModel(1).fit(X).coherence(X, n_words=1), "n_words must be at least 2"),
        (lambda: TopicModel(1).fit(X).topics(3, "relevance", "low"), "relevance_lambda must lie between"),
        (lambda: held_out(X + 0.5, np.ones((1, 5)), completion=0.5), "X holds fractions"),
    ],
)
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- held-out documents -----------------------------------------------------------------------------------------------


def test_one_topic_is_a_distribution_of_words():
    p = np.array([0.4, 0.3, 0.2, 0.1])
    counts = np.array([[4, 3, 2, 1], [1, 0, 0, 9]])
    found = held_out(counts, p[None], smoothing=0)
    tokens = counts.sum()
    assert found.n_tokens == tokens
    assert found.perplexity == pytest.approx(np.exp(-(counts * np.log(p)).sum() / tokens), rel=1e-6)
    expected = counts.sum(axis=1, keepdims=True) * p
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(counts > 0, counts * np.log(counts / expected), 0)
    assert found.deviance_per_token == pytest.approx(2 * (terms - counts + expected).sum() / tokens, rel=1e-5)


def test_words_that_no_topic_has():
    H = np.array([[1.0, 1.0, 0.0]])
    assert held_out([[1, 1, 1]], H, smoothing=0).perplexity == np.inf
    assert np.isfinite(held_out([[1, 1, 1]], H)).all()
    alone = held_out([[0, 0, 5]], H)  # no topic has a word of this document: every word is alike
    assert alone.perplexity == pytest.approx(3)


def test_completion_judges_unseen_tokens(counts):
    H = factorize(counts, 4, random_state=0, dtype="float64").H
    seen = held_out(counts, H)
    first, again, other = (held_out(counts, H, completion=0.5, random_state=seed) for seed in (0, 0, 1))
    assert first == again != other
    assert 0.3 < first.n_tokens / seen.n_tokens < 0.7
    assert first.perplexity > seen.perplexity
    assert held_out(counts, np.ones_like(H), completion=0.5, random_state=0).perplexity > first.perplexity


@pytest.mark.parametrize("completion", [0.25, 0.5])
def test_what_is_predicted_of_the_rest_has_the_size_of_the_rest(completion):
    rng = np.random.default_rng(0)
    H = rng.gamma(1, 1, (2, 30))
    counts = rng.poisson(200 * rng.gamma(1, 1, (40, 2)) @ H)
    found = held_out(counts, H, completion=completion, smoothing=0, random_state=0)
    assert found.n_tokens == pytest.approx((1 - completion) * counts.sum(), rel=0.01)
    # A Poisson count has a deviance of about 1, and a little more where its mean was learnt from other counts.
    assert 0.9 < found.deviance_per_token * found.n_tokens / counts.size < 1.2


def test_a_model_scores_under_its_own_loss(counts):
    model = TopicModel(3, loss="frobenius", random_state=0).fit(counts)
    found = model.held_out(counts)
    assert found == held_out(counts, model.components_, loss="frobenius")
    assert found != held_out(counts, model.components_, loss="kl")


def test_measures_of_a_model_take_texts():
    texts = ["cat dog cat pet", "dog dog cat", "bond stock bond", "fund stock bank"] * 3
    model = TopicModel(2, random_state=0).fit(texts)
    assert model.coherence(texts, n_words=3).shape == (2,)
    assert (model.coherence(texts, "umass", 3) <= np.log(2)).all()
    assert model.held_out(["cat bond", "unknown"]).n_tokens == 2
    assert model.held_out(texts, completion=0.5, random_state=0).perplexity > 1
    with pytest.raises(ValueError, match="measure"):
        model.coherence(texts, "c_v")
