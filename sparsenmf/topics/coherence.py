"""How good topics are: coherence by documents in common, diversity, exclusivity.

Co-occurrence is counted for pairs of words of one topic alone, and blocks of documents at a time: from each block the
columns of top words are taken, as zeros and ones, and multiplied with themselves topic by topic.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from sparsenmf import _validation as check
from sparsenmf.matrix import Matrix
from sparsenmf.topics.poisson import word_distributions
from sparsenmf.topics.rank import rank_words, shares_of_words

__all__ = ["CoOccurrence", "co_occurrence", "exclusivity", "npmi", "topic_diversity", "umass"]

_BLOCK = 1 << 22  # entries of X at a time: 50 MB of temporaries


class CoOccurrence(NamedTuple):
    """Documents in common: for each topic a square matrix of its words, whose diagonal counts each word's own."""

    together: list[np.ndarray]
    n_documents: int


def co_occurrence(words: Sequence[Any], X: Any) -> CoOccurrence:
    """Count the documents in which the words of a topic stand together.

    Parameters
    ----------
    words : sequence of sequences of int
        Each topic's top words, as columns of X.
    X : sparse matrix or array-like of shape (n, m)
        Counts of the training or of a reference corpus. Any positive entry means that the word is there.

    Returns
    -------
    CoOccurrence

    Raises
    ------
    ValueError
        If a word is no column of X.
    """
    A = check.check_matrix(X, whom="coherence")
    lists = [np.asarray(topic, dtype=np.int64).reshape(-1) for topic in words]
    m = A.shape[1]
    for t, topic in enumerate(lists):
        if topic.size and (topic.min() < 0 or topic.max() >= m):
            raise ValueError(f"topic {t} has word {topic[(topic < 0) | (topic >= m)][0]}, and X has {m:,} columns.")
    used = np.unique(np.concatenate(lists)) if lists else np.zeros(0, np.int64)
    place = np.full(m, -1, dtype=np.int64)
    place[used] = np.arange(len(used))
    together = [np.zeros((len(topic), len(topic)), dtype=np.int64) for topic in lists]
    for block in _presence(A, place, len(used)):
        for t, topic in enumerate(lists):
            columns = block[:, place[topic]]
            together[t] += (columns.T @ columns).toarray()
    return CoOccurrence(together, A.shape[0])


def _presence(A: Matrix, place: np.ndarray, n_used: int) -> Iterator[Any]:
    """Blocks of documents x used words, 1 where a word is there, by columns."""
    for first, last in A.row_blocks(_BLOCK):
        block = A.rows(first, last).csr()
        columns = place[block.indices]
        rows = np.repeat(np.arange(last - first), np.diff(block.indptr))
        kept = (columns >= 0) & (block.data > 0)
        ones = np.ones(int(kept.sum()), dtype=np.int64)
        yield sparse.csc_array((ones, (rows[kept], columns[kept])), shape=(last - first, n_used))


def npmi(words: Sequence[Any], X: Any, epsilon: float = 0.0) -> np.ndarray:
    """The coherence NPMI of each topic: the mean over pairs of its top words of their normalised mutual information.

    log(p_ij / (p_i p_j)) / -log(p_ij), p the shares of documents that hold both words, or the one: 1 for words that
    only come together, 0 for independent ones, -1 for those that are never together (G. Bouma, 2009; N. Aletras and
    M. Stevenson, 2013).

    Parameters
    ----------
    words : sequence of sequences of int
        Each topic's top words, as columns of X, as `rank_words` gives them.
    X : sparse matrix or array-like of shape (n, m)
        Counts of the training or of a reference corpus.
    epsilon : float, default=0.0
        Added to p_ij. gensim adds 1e-12, which lifts pairs that are never together above -1.

    Returns
    -------
    ndarray of shape (k,)
        A pair with a word that X does not have at all counts as never together; a topic of fewer than two words is 0.

    Raises
    ------
    ValueError
        If a word is no column of X, or epsilon is negative.

    Examples
    --------
    >>> from sparsenmf.topics import npmi
    >>> X = [[1, 2, 0], [3, 1, 0], [0, 0, 1], [0, 0, 2]]
    >>> npmi([[0, 1], [0, 2]], X)
    array([ 1., -1.])
    """
    epsilon = _check_epsilon(epsilon)
    counts = co_occurrence(words, X)
    return np.array([_npmi(topic / counts.n_documents, epsilon) for topic in counts.together])


def _npmi(p: np.ndarray, epsilon: float) -> float:
    first, second = np.triu_indices(len(p), 1)
    if len(first) == 0:
        return 0.0
    single = np.diag(p)
    joint, apart = p[first, second] + epsilon, single[first] * single[second]
    value = np.full(len(joint), -1.0)
    known = (joint > 0) & (apart > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        value[known] = np.log(joint[known] / apart[known]) / -np.log(joint[known])
    value[joint >= 1] = 1.0  # both in every document: the limit of words that only come together
    return float(value.mean())


def umass(words: Sequence[Any], X: Any, epsilon: float = 1.0) -> np.ndarray:
    """The coherence UMass of each topic: the mean of log((D_ij + 1) / D_j), word j ranked before word i.

    D_ij is the number of documents that hold both words, D_j of those that hold word j (D. Mimno et al., 2011, who take
    the sum over pairs where this takes their mean, so that topics of fewer words compare).

    Parameters
    ----------
    words : sequence of sequences of int
        Each topic's top words, the best first, as columns of X.
    X : sparse matrix or array-like of shape (n, m)
        Counts; for this measure those of the training corpus.
    epsilon : float, default=1.0
        What is added to D_ij. gensim adds 1e-12 n.

    Returns
    -------
    ndarray of shape (k,)
        0 or less as a rule; pairs whose word j is in no document are left out, and a topic without pairs is 0.

    Raises
    ------
    ValueError
        If a word is no column of X, or epsilon is not positive.

    Examples
    --------
    >>> from sparsenmf.topics import umass
    >>> umass([[0, 1]], [[1, 2], [3, 0], [1, 0], [1, 0]]).round(4)  # log((1 + 1) / 4)
    array([-0.6931])
    """
    epsilon = _check_epsilon(epsilon)
    if epsilon == 0:
        raise ValueError("epsilon must be positive: words that are never together would have the logarithm of 0.")
    return np.array([_umass(topic, epsilon) for topic in co_occurrence(words, X).together])


def _umass(counts: np.ndarray, epsilon: float) -> float:
    before, after = np.triu_indices(len(counts), 1)
    known = np.diag(counts)[before] > 0
    before, after = before[known], after[known]
    if len(before) == 0:
        return 0.0
    return float(np.log((counts[before, after] + epsilon) / np.diag(counts)[before]).mean())


def topic_diversity(words: Sequence[Any]) -> float:
    """The share of different words among all topics' top words: 1 where no word is in two topics.

    Parameters
    ----------
    words : sequence of sequences
        Each topic's top words, as columns or as text (A. Dieng, F. Ruiz and D. Blei, 2020, take 25 of each).

    Returns
    -------
    float
        0 where there are no words.

    Examples
    --------
    >>> from sparsenmf.topics import topic_diversity
    >>> topic_diversity([["ark", "flood"], ["ark", "dove"]])
    0.75
    """
    listed = [word for topic in words for word in (topic.tolist() if isinstance(topic, np.ndarray) else topic)]
    return len(set(listed)) / len(listed) if listed else 0.0


def exclusivity(H: Any, n_words: int = 10) -> np.ndarray:
    """How far each topic's likeliest words are its own: their mean of phi_tj / sum_u phi_uj.

    Parameters
    ----------
    H : array-like of shape (k, m)
    n_words : int, default=10

    Returns
    -------
    ndarray of shape (k,)
        Between 0 and 1, which means that no other topic has these words; 0 for a topic without words.

    Examples
    --------
    >>> from sparsenmf.topics import exclusivity
    >>> exclusivity([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]], 2)
    array([0.75, 0.75])
    """
    phi = word_distributions(H)
    shares = shares_of_words(phi)
    best = rank_words(phi, n_words)
    return np.array([shares[t, words].mean() if len(words) else 0.0 for t, words in enumerate(best)])


def _check_epsilon(epsilon: float) -> float:
    if not 0 <= epsilon < np.inf:
        raise ValueError(f"epsilon must be finite and not negative, got {epsilon!r}.")
    return float(epsilon)
