"""The words that a page holds: those that a topic may show at any place of the slider, and those that can be found."""

from typing import Any

import numpy as np

from sparsenmf.report.numbers import short, shortened
from sparsenmf.topics.rank import lift, rank_words, shares_of_words, word_scores

__all__ = ["LAMBDAS", "WordTable", "word_pools"]

#: The places of the relevance slider. The page holds every word that is among a topic's best at any of them.
LAMBDAS = tuple(step / 10 for step in range(11))
SHOWN = 30
FOUND = 10_000
LONGEST = 80


def word_pools(phi: np.ndarray, sizes: np.ndarray, n_words: int = SHOWN) -> list[np.ndarray]:
    """For each topic, the columns that are among its best by relevance for some lambda of the slider."""
    ranked = [rank_words(phi, n_words, word_scores(phi, sizes, "relevance", weight)) for weight in LAMBDAS]
    return [np.unique(np.concatenate(of_topic)) for of_topic in zip(*ranked, strict=True)]


class WordTable:
    """Words by number, with counts and the topics that they are from; topics name words by these numbers.

    Parameters
    ----------
    phi : ndarray of shape (k, m)
        Topics in the order of the page.
    sizes : ndarray of shape (k,)
    counts : ndarray of shape (m,)
        The words' counts in the data.
    vocabulary : sequence of str or None
    """

    def __init__(self, phi: np.ndarray, sizes: np.ndarray, counts: np.ndarray, vocabulary: Any) -> None:
        self._phi, self._lift = phi, lift(phi, sizes)
        self._pools = word_pools(phi, sizes)
        frequent = np.argsort(-counts, kind="stable")[:FOUND]
        self.columns = np.unique(np.concatenate([*self._pools, frequent[counts[frequent] > 0]]))
        # P(topic | word) by Bayes: the word's share of each topic, weighted by the topics' sizes.
        self._of_word = shares_of_words(phi[:, self.columns] * sizes[:, None]).T
        self._counts, self._vocabulary = counts, vocabulary

    def table(self) -> dict[str, Any]:
        """Names, counts, and for each word its topics with per cent, the first first."""
        names = [self.name(column) for column in self.columns]
        return {
            "name": names,
            "count": [short(value, 6) for value in self._counts[self.columns]],
            "topics": [main_parts(row) for row in self._of_word],
        }

    def of_topic(self, t: int) -> dict[str, list]:
        """A topic's words with their probability in it and their lift."""
        pool = self._pools[t]
        pool = pool[np.argsort(-self._phi[t, pool], kind="stable")]
        return {
            "word": np.searchsorted(self.columns, pool).tolist(),
            "phi": [short(value) for value in self._phi[t, pool]],
            "lift": [short(value) for value in self._lift[t, pool]],
        }

    def name(self, column: int) -> str:
        """A column's name, cut where it is very long."""
        return shortened(f"#{column}" if self._vocabulary is None else str(self._vocabulary[column]), LONGEST)


def main_parts(shares: np.ndarray, most: int = 3, least: float = 0.05) -> list[int]:
    """The largest parts as [place, per cent, place, per cent, ...]; those below `least` are left out."""
    largest = np.argsort(-shares, kind="stable")[:most]
    return [number for t in largest if shares[t] >= least for number in (int(t), round(100 * float(shares[t])))]
