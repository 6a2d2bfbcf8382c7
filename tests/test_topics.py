"""Topics from factors: proportions, rankings, names, neighbours and groups."""

import numpy as np
import pytest

from sparsenmf.topics import (
    find_topics,
    merge_topics,
    proportions,
    rank_words,
    representative_documents,
    similar_topics,
    topic_distances,
    topic_mass,
    topic_sizes,
    topics_by_group,
    word_distributions,
    word_scores,
)


@pytest.fixture
def factors() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.gamma(0.5, 1, (30, 4)), rng.gamma(0.3, 1, (4, 25))


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
        ({"ranking": "best"}, "Unknown ranking 'best': choose one of 'probability'"),
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
