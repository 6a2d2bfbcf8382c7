"""What a fitted topic model tells: topics, words, documents, groups, and how good it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sparsenmf import _validation as check
from sparsenmf.io import Model
from sparsenmf.rows import RowSolver
from sparsenmf.topics import describe
from sparsenmf.topics.coherence import npmi, umass
from sparsenmf.topics.groups import GroupTable, topics_by_group
from sparsenmf.topics.heldout import HeldOut, held_out
from sparsenmf.topics.poisson import topic_sizes, word_distributions
from sparsenmf.topics.rank import RANKINGS, rank_words, word_scores

__all__ = ["TopicReadings"]

_MEASURES = {"npmi": npmi, "umass": umass}


class TopicReadings:
    """The methods of `TopicModel` that only look at what was learnt."""

    components_: np.ndarray
    weights_: np.ndarray | None
    vocabulary_: tuple[str, ...] | None
    outcome_: Model
    n_threads: int | None
    random_state: Any

    def counts(self, X: Any) -> Any:
        raise NotImplementedError

    @property
    def word_distributions_(self) -> np.ndarray:
        return word_distributions(self.components_)

    @property
    def sizes_(self) -> np.ndarray:
        return topic_sizes(self.weights_, self.components_)

    def topics(
        self, n_words: int = 10, ranking: str = "probability", relevance_lambda: float = 0.6
    ) -> list[describe.Topic]:
        """The topics with their shares, names and best words, the largest first.

        Parameters
        ----------
        n_words : int, default=10
        ranking : {"probability", "lift", "relevance", "frex"}, default="probability"
            See `word_scores`.
        relevance_lambda : float, default=0.6
            For "relevance": 1 is "probability", 0 is "lift".

        Returns
        -------
        list of Topic
            `topic.component` is the topic's row of H and column of W.
        """
        check_is_fitted(self)
        return describe.find_topics(
            self.components_, self.weights_, self.vocabulary_, n_words, ranking, relevance_lambda
        )

    def names(self, n_words: int = 3) -> list[str]:
        """A name for each topic, in the order of H's rows: its most relevant words.

        Parameters
        ----------
        n_words : int, default=3

        Returns
        -------
        list of str
        """
        check_is_fitted(self)
        return describe.topic_names(self.components_, self.weights_, self.vocabulary_, n_words)

    def top_words(self, n_words: int = 10, ranking: str = "probability") -> list[np.ndarray]:
        """The columns of each topic's best words, in the order of H's rows, as the measures of quality take them.

        Parameters
        ----------
        n_words : int, default=10
        ranking : {"probability", "lift", "relevance", "frex"}, default="probability"

        Returns
        -------
        list of ndarray
        """
        check_is_fitted(self)
        check.check_choice(ranking, RANKINGS, "ranking")
        phi = self.word_distributions_
        return rank_words(phi, n_words, word_scores(phi, self.sizes_, ranking))

    def representative_documents(self, n_documents: int = 5) -> list[np.ndarray]:
        """The training documents that show best what each topic is about, as rows. See `representative_documents`.

        Parameters
        ----------
        n_documents : int, default=5

        Returns
        -------
        list of ndarray
        """
        return describe.representative_documents(self._weights(), self.components_, n_documents)

    def similar_topics(self, n_pairs: int = 10, metric: str = "hellinger") -> list[tuple[int, int, float]]:
        """The closest pairs of topics, with their distance. See `similar_topics`.

        Parameters
        ----------
        n_pairs : int, default=10
        metric : {"hellinger", "jensen-shannon"}, default="hellinger"

        Returns
        -------
        list of (int, int, float)
        """
        check_is_fitted(self)
        return describe.similar_topics(self.components_, n_pairs, metric)

    def topics_by_group(self, groups: Iterable[Any]) -> GroupTable:
        """Counts and shares of topics in groups of the training documents: years, authors. See `topics_by_group`.

        Parameters
        ----------
        groups : iterable of n_samples values

        Returns
        -------
        GroupTable
        """
        return topics_by_group(self._weights(), self.components_, groups)

    def _weights(self) -> np.ndarray:
        check_is_fitted(self)
        if self.weights_ is None:
            raise ValueError("the model was stored without the weights of its documents: fit it again.")
        return self.weights_

    def coherence(self, X: Any, measure: str = "npmi", n_words: int = 10) -> np.ndarray:
        """The coherence of each topic, by documents that its top words have in common.

        Parameters
        ----------
        X : iterable of str, or matrix of shape (n_samples, n_features)
            The training corpus, or a reference corpus with the model's columns.
        measure : {"npmi", "umass"}, default="npmi"
        n_words : int, default=10

        Returns
        -------
        ndarray of shape (n_components,)

        Raises
        ------
        ValueError
            For an unknown measure, or fewer than two words, which have no pairs.
        """
        check.check_choice(measure, tuple(_MEASURES), "measure")
        if check.check_count(n_words, "n_words") < 2:
            raise ValueError("n_words must be at least 2: coherence is that of pairs of words.")
        return _MEASURES[measure](self.top_words(n_words), self.counts(X))

    def held_out(self, X: Any, completion: float | None = None, **options: Any) -> HeldOut:
        """Perplexity and deviance per token of documents that the model has not seen. See `held_out`.

        Parameters
        ----------
        X : iterable of str, or matrix of shape (n_samples, n_features)
        completion : float, optional
            Predict the rest of each document from this share of its tokens.
        **options
            As for the function `held_out`.

        Returns
        -------
        HeldOut
        """
        X = self.counts(X)
        how = RowSolver.of(self.outcome_)
        own = {"loss": how.loss, "alpha_W": how.alpha_W, "l1_ratio": how.l1_ratio}
        own |= {"n_threads": self.n_threads, "random_state": self.random_state}
        return held_out(X, how.H, completion=completion, **{**own, **options})
