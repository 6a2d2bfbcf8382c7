"""Which words stand for a topic: by probability, lift, relevance or FREX."""

from numbers import Real
from typing import Any

import numpy as np
from scipy.stats import rankdata

from sparsenmf import _validation as check

__all__ = ["RANKINGS", "best_places", "is_number", "lift", "rank_words", "shares_of_words", "word_scores"]

RANKINGS = ("probability", "lift", "relevance", "frex")


def is_number(value: Any) -> bool:
    """Whether a value can be compared with numbers."""
    return isinstance(value, Real)


def lift(phi: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """The words' probabilities in topics over those at large; 0 for a word that no topic has."""
    at_large = sizes @ phi
    return np.divide(phi, at_large, out=np.zeros_like(phi), where=at_large > 0)


def shares_of_words(phi: np.ndarray) -> np.ndarray:
    """Each word's probabilities in the topics as shares of their sum: how exclusive it is to each topic."""
    sums = phi.sum(axis=0)
    return np.divide(phi, sums, out=np.zeros_like(phi), where=sums > 0)


def word_scores(
    phi: Any,
    sizes: Any = None,
    ranking: str = "probability",
    relevance_lambda: float = 0.6,
    frex_weight: float = 0.5,
) -> np.ndarray:
    """The score of each word in each topic.

    Parameters
    ----------
    phi : array-like of shape (k, m)
        Words' probabilities in topics, as `word_distributions` gives them.
    sizes : array-like of shape (k,), optional
        The topics' shares, for "lift" and "relevance". None: all alike.
    ranking : {"probability", "lift", "relevance", "frex"}
        "probability": phi. "lift": phi over the word's probability at large (M. Taddy, 2012). "relevance":
        lambda log(phi) + (1 - lambda) log(lift) (C. Sievert and K. Shirley, "LDAvis", 2014). "frex": the weighted
        harmonic mean of a word's ranks by exclusivity and by probability (J. Bischof and E. Airoldi, 2012).
    relevance_lambda : float, default=0.6
        From 0 (lift alone) to 1 (probability alone). 0.6 is what LDAvis's readers found best.
    frex_weight : float, default=0.5
        The weight of exclusivity in "frex", from 0 to 1.

    Returns
    -------
    ndarray of shape (k, m)
        Higher is better; words of probability 0 score lowest.

    Raises
    ------
    ValueError
        For an unknown ranking, a weight outside [0, 1], or sizes that do not fit phi.

    Examples
    --------
    >>> from sparsenmf.topics import word_scores
    >>> word_scores([[0.5, 0.5, 0.0], [0.5, 0.0, 0.5]], ranking="lift")
    array([[1., 2., 0.],
           [1., 0., 2.]])
    """
    check.check_choice(ranking, RANKINGS, "ranking")
    for name, value in (("relevance_lambda", relevance_lambda), ("frex_weight", frex_weight)):
        if not (is_number(value) and 0 <= value <= 1):
            raise ValueError(f"{name} must lie between 0 and 1, got {value!r}.")
    phi = np.asarray(phi, dtype=np.float64)
    shares = np.full(len(phi), 1 / len(phi)) if sizes is None else np.asarray(sizes, dtype=np.float64)
    if phi.ndim != 2 or shares.shape != phi.shape[:1]:
        raise ValueError(f"phi of shape {phi.shape} does not go with {shares.size} sizes: one for each topic (row).")
    if ranking == "probability":
        return phi
    if ranking == "lift":
        return lift(phi, shares)
    if ranking == "relevance":
        with np.errstate(divide="ignore"):
            raised = [
                weight * np.log(values) if weight else np.zeros_like(values)
                for weight, values in ((relevance_lambda, phi), (1 - relevance_lambda, lift(phi, shares)))
            ]
        return np.where(phi > 0, raised[0] + raised[1], -np.inf)
    return _frex(phi, frex_weight)


def _frex(phi: np.ndarray, weight: float) -> np.ndarray:
    """Words' places among those of a topic (1 is the best), by exclusivity and by probability, averaged."""
    exclusive, frequent = (
        rankdata(values, method="max", axis=1) / phi.shape[1] for values in (shares_of_words(phi), phi)
    )
    return np.where(phi > 0, 1 / (weight / exclusive + (1 - weight) / frequent), 0.0)


def rank_words(phi: Any, n_words: int = 10, scores: Any = None) -> list[np.ndarray]:
    """The columns of each topic's best words, the best first.

    Parameters
    ----------
    phi : array-like of shape (k, m)
        Words' probabilities in topics.
    n_words : int, default=10
    scores : array-like of shape (k, m), optional
        What `word_scores` gives; None: the probabilities themselves.

    Returns
    -------
    list of ndarray
        Of at most `n_words` columns: words of probability 0 are left out. Of equal scores the likelier word comes
        first, since many a rare word stands in one topic alone and shares the highest lift.

    Raises
    ------
    ValueError
        If `n_words` is no positive whole number.

    Examples
    --------
    >>> from sparsenmf.topics import rank_words
    >>> rank_words([[0.2, 0.5, 0.3], [0.0, 1.0, 0.0]], 2)
    [array([1, 2]), array([1])]
    """
    n_words = check.check_count(n_words, "n_words")
    phi = np.asarray(phi, dtype=np.float64)
    scores = phi if scores is None else np.asarray(scores)
    found = []
    for probability, score in zip(phi, scores, strict=True):
        best = best_places(score, n_words, probability)
        found.append(best[probability[best] > 0])
    return found


def best_places(scores: np.ndarray, most: int, second: np.ndarray | None = None) -> np.ndarray:
    """The places of the highest scores, the highest first; of equal scores by `second`, then in their order.

    Only the best few are sorted in full: ties at the threshold stay in until then.
    """
    enough = min(most, len(scores))
    near = np.flatnonzero(scores >= np.partition(scores, -enough)[-enough]) if enough else np.zeros(0, int)
    keys = (-scores[near],) if second is None else (-second[near], -scores[near])
    return near[np.lexsort(keys)][:most]
