"""What people read of topics: words, names, shares, neighbours, documents."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from sparsenmf import _validation as check
from sparsenmf.topics.poisson import topic_mass, topic_sizes, word_distributions
from sparsenmf.topics.rank import best_places, lift, rank_words, word_scores

__all__ = [
    "METRICS",
    "Topic",
    "Word",
    "find_topics",
    "representative_documents",
    "similar_topics",
    "topic_distances",
    "topic_names",
]

METRICS = ("hellinger", "jensen-shannon")


class Word(NamedTuple):
    """A word of a topic: its column, probability in the topic, and that over its probability at large."""

    name: str
    column: int
    weight: float
    lift: float


class Topic(NamedTuple):
    """A topic: its place in the factors, its share of all tokens, its top words, best first, and a name from words."""

    component: int
    share: float
    words: tuple[Word, ...]
    name: str


def find_topics(
    H: Any,
    W: Any = None,
    vocabulary: Sequence[str] | None = None,
    n_words: int = 10,
    ranking: str = "probability",
    relevance_lambda: float = 0.6,
) -> list[Topic]:
    """The topics of a pair of factors, the largest first.

    Parameters
    ----------
    H : array-like of shape (k, m)
    W : array-like of shape (n, k), optional
        Without it shares are NaN: they are not known.
    vocabulary : sequence of m str, optional
        Without it words are "#0", "#1", ...
    n_words : int, default=10
        Words of weight 0 are left out, so there may be fewer.
    ranking : {"probability", "lift", "relevance", "frex"}, default="probability"
        See `word_scores`.
    relevance_lambda : float, default=0.6

    Returns
    -------
    list of Topic

    Raises
    ------
    ValueError
        For an unknown ranking, a weight out of range, or factors that do not go together.

    Examples
    --------
    >>> from sparsenmf.topics import find_topics
    >>> H = [[1.0, 3.0, 0.0], [0.0, 0.0, 2.0]]
    >>> topic = find_topics(H, [[1.0, 0.0], [1.0, 1.0]], ["ark", "flood", "dove"])[0]
    >>> topic.component, topic.share, [word.name for word in topic.words], topic.name
    (0, 0.8, ['flood', 'ark'], 'flood ark')
    """
    phi, sizes = word_distributions(H), topic_sizes(W, H)
    lifts = lift(phi, sizes)
    ranked = rank_words(phi, n_words, word_scores(phi, sizes, ranking, relevance_lambda))
    names = topic_names(H, W, vocabulary)
    found = []
    for t in np.argsort(-sizes, kind="stable"):
        words = tuple(Word(_word(vocabulary, j), int(j), float(phi[t, j]), float(lifts[t, j])) for j in ranked[t])
        found.append(Topic(int(t), float("nan") if W is None else float(sizes[t]), words, names[t]))
    return found


def topic_names(H: Any, W: Any = None, vocabulary: Sequence[str] | None = None, n_words: int = 3) -> list[str]:
    """A name for each topic: its most relevant words.

    Parameters
    ----------
    H : array-like of shape (k, m)
    W : array-like of shape (n, k), optional
    vocabulary : sequence of m str, optional
    n_words : int, default=3

    Returns
    -------
    list of str
        In the order of H's rows; "(empty)" for a topic without words.

    Examples
    --------
    >>> from sparsenmf.topics import topic_names
    >>> topic_names([[1.0, 3.0, 0.0], [0.0, 0.0, 2.0]], vocabulary=["ark", "flood", "dove"])
    ['flood ark', 'dove']
    """
    phi = word_distributions(H)
    scores = word_scores(phi, topic_sizes(W, H), "relevance")
    return [" ".join(_word(vocabulary, j) for j in best) or "(empty)" for best in rank_words(phi, n_words, scores)]


def topic_distances(H: Any, metric: str = "hellinger") -> np.ndarray:
    """How far the topics' word distributions are from one another.

    Parameters
    ----------
    H : array-like of shape (k, m)
    metric : {"hellinger", "jensen-shannon"}, default="hellinger"
        sqrt(1 - sum sqrt(p q)), or the square root of the Jensen-Shannon divergence in bits. Both are metrics, 0 for
        equal distributions and 1 for those that share no word.

    Returns
    -------
    ndarray of shape (k, k)
        Symmetric, with zeros on the diagonal. A topic without words is at distance 1 from all others.

    Raises
    ------
    ValueError
        For an unknown metric.

    Examples
    --------
    >>> from sparsenmf.topics import topic_distances
    >>> topic_distances([[1.0, 0.0], [0.0, 5.0]])
    array([[0., 1.],
           [1., 0.]])
    """
    check.check_choice(metric, METRICS, "metric")
    phi = word_distributions(H)
    if metric == "hellinger":
        root = np.sqrt(phi)
        square = 1 - root @ root.T
    else:
        square = _divergences(phi)
    np.fill_diagonal(square, 0)
    square = (square + square.T) / 2
    # Rounding leaves some 1e-16 between equal distributions, whose root would be seen.
    return np.sqrt(np.where(square < 1e-14, 0, np.minimum(square, 1)))


def _divergences(phi: np.ndarray) -> np.ndarray:
    """The Jensen-Shannon divergences of all pairs, in bits; 1 where one of the two is no distribution.

    A word that only one of p and q has adds half its probability to their divergence. With f(x) = x log2(x), this is
    1 - (sum over the words of p of f(p + q) - f(p) - f(q)) / 2: a logarithm for each pair and each word of p.
    """
    k, (width, strip) = len(phi), (512, 8192)  # words at a time: what stays in cache, and what matrix products like
    shared, room = np.zeros((k, k)), np.empty((2, k * width))
    for start in range(0, phi.shape[1], strip):
        part = phi[:, start : start + strip]
        own = part * np.log2(np.where(part > 0, part, 1))
        shared -= own.sum(axis=1)[:, None] + (part > 0).astype(np.float64) @ own.T
    for start in range(0, phi.shape[1], width):
        part = np.ascontiguousarray(phi[:, start : start + width])
        for s in range(k - 1):
            shared[s, s + 1 :] += _joint(part[s], part[s + 1 :], room)
    upper = np.triu(1 - shared / 2, 1)
    return upper + upper.T


def _joint(p: np.ndarray, others: np.ndarray, room: np.ndarray) -> np.ndarray:
    """The sum of (p + q) log2(p + q) over the words of p, for each row q of `others`; `room` is scratch space."""
    columns = np.flatnonzero(p)
    shape = len(others), len(columns)
    both, logs = (row[: shape[0] * shape[1]].reshape(shape) for row in room)
    if len(columns) < len(p):
        np.take(others, columns, axis=1, out=both, mode="clip")  # "clip" spares a copy: no column is out of range
        both += p[columns]
    else:
        np.add(others, p, out=both)
    np.log2(both, out=logs)
    return np.einsum("tj,tj->t", both, logs)


def similar_topics(H: Any, n_pairs: int = 10, metric: str = "hellinger") -> list[tuple[int, int, float]]:
    """The pairs of topics that are closest: candidates to be merged.

    Parameters
    ----------
    H : array-like of shape (k, m)
    n_pairs : int, default=10
    metric : {"hellinger", "jensen-shannon"}, default="hellinger"
        See `topic_distances`.

    Returns
    -------
    list of (int, int, float)
        Two rows of H and their distance, the closest pair first.

    Raises
    ------
    ValueError
        For an unknown metric.

    Examples
    --------
    >>> from sparsenmf.topics import similar_topics
    >>> similar_topics([[1.0, 0.0], [0.0, 5.0], [2.0, 0.0]], 1)
    [(0, 2, 0.0)]
    """
    distances = topic_distances(H, metric)
    first, second = np.triu_indices(len(distances), 1)
    order = np.argsort(distances[first, second], kind="stable")[: check.check_count(n_pairs, "n_pairs")]
    return [(int(first[p]), int(second[p]), float(distances[first[p], second[p]])) for p in order]


def representative_documents(W: Any, H: Any, n_documents: int = 5) -> list[np.ndarray]:
    """The documents that show best what each topic is about.

    Documents are ranked by their proportion of the topic, drawn towards the topic's overall share by as many tokens as
    a document has on average: a long document that is nine tenths of a topic comes before a document of one word.

    Parameters
    ----------
    W : array-like of shape (n, k)
    H : array-like of shape (k, m)
    n_documents : int, default=5

    Returns
    -------
    list of ndarray
        For each topic at most `n_documents` rows of W, the best first; documents without the topic are left out.

    Raises
    ------
    ValueError
        If W and H do not go together.

    Examples
    --------
    >>> from sparsenmf.topics import representative_documents
    >>> representative_documents([[9.0, 1.0], [0.1, 0.0], [2.0, 8.0]], [[1.0, 0.0], [0.0, 1.0]], 2)
    [array([0, 1]), array([2, 0])]
    """
    n_documents = check.check_count(n_documents, "n_documents")
    mass = topic_mass(W, H)
    lengths, sizes = mass.sum(axis=1), topic_sizes(W, H)
    prior = lengths.mean() if len(lengths) else 0.0
    found = []
    for t, size in enumerate(sizes):
        total = lengths + prior
        score = np.divide(mass[:, t] + prior * size, total, out=np.zeros_like(total), where=total > 0)
        score[mass[:, t] <= 0] = -1
        best = best_places(score, n_documents)
        found.append(best[score[best] >= 0])
    return found


def _word(vocabulary: Sequence[str] | None, column: int) -> str:
    return f"#{column}" if vocabulary is None else vocabulary[column]
