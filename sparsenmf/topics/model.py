"""`TopicModel`: texts or counts in, topics out, with scikit-learn's conventions."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from sparsenmf.fit import Fit
from sparsenmf.io import Model, load_model, save_model
from sparsenmf.options import FitOptions
from sparsenmf.parameters import default, described
from sparsenmf.rows import RowSolver
from sparsenmf.topics.groups import merge_topics
from sparsenmf.topics.inputs import counted, recounted, words_of
from sparsenmf.topics.poisson import proportions
from sparsenmf.topics.readings import TopicReadings
from sparsenmf.topics.stored import vectorizer_from, vectorizer_settings

__all__ = ["TopicModel"]


@described
class TopicModel(TopicReadings, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Topics of texts, or of a matrix of counts.

    Parameters
    ----------
    n_components : int, default=10
        The number of topics.
    {loss}
        "kl" is for counts: the likelihood of a Poisson model, which is a multinomial topic model (see `proportions`).
        "frobenius" is for weights such as tf-idf.
    vectorizer : scikit-learn vectorizer, optional
        How texts become a matrix. None: `CountVectorizer()`, all words of two letters or more. A CountVectorizer is
        followed by our own counting, in several processes and bounded memory; any other is called as it is.
    {solver, init, max_iter, tol, random_state, n_threads}
    n_jobs : int, optional
        Processes that count texts. None: all cores where there is much text.
    {alpha_W, alpha_H, l1_ratio}
        `transform` weighs new documents under the penalty on W, too.
    {max_seconds, verbose}

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        H.
    weights_ : ndarray of shape (n_samples, n_components)
        W of the training documents.
    word_distributions_ : ndarray of shape (n_components, n_features)
        Words' probabilities in topics; rows sum to 1.
    sizes_ : ndarray of shape (n_components,)
        The topics' shares of all tokens.
    vocabulary_ : tuple of str or None
        The columns' names.
    vectorizer_ : object or None
        The fitted vectorizer; None after a fit to a matrix.
    n_features_in_, n_iter_ : int
    outcome_ : Model
        What a model file holds: the factors, the history, how the fit ended.

    Examples
    --------
    >>> from sparsenmf.topics import TopicModel
    >>> texts = ["cat dog cat", "dog cat pet", "bond stock bond", "stock fund bond"]
    >>> model = TopicModel(2, random_state=0).fit(texts)
    >>> sorted(model.names(n_words=1))
    ['bond', 'cat']
    >>> model.transform(["an unknown word"])
    array([[0., 0.]])
    """

    def __init__(
        self,
        n_components: int = 10,
        *,
        loss: Any = default("loss"),
        vectorizer: Any = None,
        solver: str = default("solver"),
        init: str = default("init"),
        max_iter: int = default("max_iter"),
        tol: float = default("tol"),
        random_state: Any = default("random_state"),
        n_threads: int | None = default("n_threads"),
        n_jobs: int | None = None,
        alpha_W: float = default("alpha_W"),
        alpha_H: float | str = default("alpha_H"),
        l1_ratio: float = default("l1_ratio"),
        max_seconds: float | None = default("max_seconds"),
        verbose: int = default("verbose"),
    ) -> None:
        self.n_components = n_components
        self.loss = loss
        self.vectorizer = vectorizer
        self.solver = solver
        self.init = init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.n_threads = n_threads
        self.n_jobs = n_jobs
        self.alpha_W = alpha_W
        self.alpha_H = alpha_H
        self.l1_ratio = l1_ratio
        self.max_seconds = max_seconds
        self.verbose = verbose

    # --- scikit-learn's methods ---------------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None, *, names: Iterable[str] | None = None) -> TopicModel:
        """Learn topics.

        Parameters
        ----------
        X : iterable of str, or matrix of shape (n_samples, n_features)
            Texts (a list, a pandas Series, what `sparsenmf.read_texts` returns), or their counts.
        y : None
            Ignored.
        names : iterable of str, optional
            The columns' names, for a matrix that does not bring them itself (as those of `sparsenmf.read`, and data
            frames, do).

        Returns
        -------
        TopicModel
            The estimator itself.

        Raises
        ------
        ValueError
            For texts without words, bad entries of a matrix, names that do not fit, or a parameter out of range.
        TypeError
            For a document that is no text.
        """
        self._fit(X, names)
        return self

    def fit_transform(self, X: Any, y: Any = None, *, names: Iterable[str] | None = None) -> np.ndarray:
        """Learn topics, and return the documents' proportions: `fit(X).transform(X)` with the texts counted once.

        Parameters
        ----------
        X : iterable of str, or matrix of shape (n_samples, n_features)
        y : None
            Ignored.
        names : iterable of str, optional
            The columns' names.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Rows sum to 1, or are 0 for documents without a known word.
        """
        return self._proportions(self._fit(X, names))

    def transform(self, X: Any) -> np.ndarray:
        """The topics' proportions in documents; each document is solved for by itself.

        Parameters
        ----------
        X : iterable of str, or matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            Rows sum to 1, or are 0 for documents without a known word.

        Raises
        ------
        ValueError
            For a matrix of other columns, or texts where the model has no vectorizer.
        """
        return self._proportions(self.counts(X))

    def counts(self, X: Any) -> Any:
        """Texts (or a matrix, which is passed on) as a matrix with the model's columns.

        Parameters
        ----------
        X : iterable of str, or matrix of shape (n_samples, n_features)

        Returns
        -------
        sparse or dense matrix of shape (n_samples, n_features)
        """
        check_is_fitted(self)
        return recounted(X, self.vectorizer_, self.n_features_in_, self.n_jobs, self.vocabulary_)

    def _fit(self, data: Any, names: Iterable[str] | None) -> Any:
        options = FitOptions.of(self)
        found = counted(data, self.vectorizer, names, self.n_jobs)
        fit = Fit(found.X, options).run()
        params = {name: value for name, value in self.get_params(deep=False).items() if name != "vectorizer"}
        self._learn(Model.of(fit, params=params, vocabulary=found.vocabulary), found.vectorizer)
        return found.X

    def _learn(self, outcome: Model, vectorizer: Any) -> None:
        """Take up what was learnt, or loaded, or merged."""
        self.outcome_, self.vectorizer_, self.vocabulary_ = outcome, vectorizer, outcome.vocabulary
        self.components_, self.weights_ = outcome.H, outcome.W
        self.n_features_in_ = outcome.H.shape[1]
        self.n_iter_ = outcome.outcome.get("n_iter")

    def _proportions(self, X: Any) -> np.ndarray:
        W = RowSolver.of(self.outcome_)(X, n_threads=self.n_threads)
        return proportions(W, self.components_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = True
        tags.input_tags.sparse = tags.input_tags.positive_only = True
        return tags

    @property
    def _n_features_out(self) -> int:
        return int(self.components_.shape[0])

    # --- changing and keeping -----------------------------------------------------------------------------------------

    def merge(self, together: Sequence[Iterable[int]]) -> TopicModel:
        """A model in which some topics are one. This one stays as it is. See `merge_topics`.

        Parameters
        ----------
        together : sequence of iterables of int
            Each names topics (rows of H) to be made one, as in `[(0, 3), (5, 7, 8)]`.

        Returns
        -------
        TopicModel
        """
        W, H = merge_topics(self._weights(), self.components_, together)
        merged = copy.copy(self).set_params(n_components=len(H))
        params = {**self.outcome_.params, "n_components": len(H)}
        outcome = {name: value for name, value in self.outcome_.outcome.items() if name in ("loss", "solver", "n_iter")}
        merged._learn(Model(H=H, W=W, outcome=outcome, params=params, vocabulary=self.vocabulary_), self.vectorizer_)
        return merged

    def save(self, path: str | os.PathLike[str], force: bool = False) -> Path:
        """Write the model to an npz file, without a pickle; the command line reads it too.

        Parameters
        ----------
        path : str or path-like
        force : bool, default=False
            Whether a file that exists may be replaced.

        Returns
        -------
        pathlib.Path

        Raises
        ------
        OSError
            If the file exists and `force` is false, or cannot be written.
        """
        check_is_fitted(self)
        params = dict(self.outcome_.params)
        if self.vectorizer_ is not None:
            params["vectorizer"] = vectorizer_settings(self.vectorizer_)
        stored = Model.of(self.outcome_, params=params)
        return save_model(path, stored, force)

    @classmethod
    def load(cls, path: str | os.PathLike[str], vectorizer: Any = None) -> TopicModel:
        """Read a model that `save`, or the command line, wrote.

        Parameters
        ----------
        path : str or path-like
        vectorizer : fitted vectorizer, optional
            For a model whose own could not be stored: one with functions, or of another class.

        Returns
        -------
        TopicModel

        Raises
        ------
        ValueError
            If the file is damaged, no model, or the vectorizer has another number of words.
        TypeError
            If `vectorizer` is none.
        OSError
            If it cannot be read.
        """
        if vectorizer is not None and not hasattr(vectorizer, "transform"):
            raise TypeError(f"vectorizer must be a fitted vectorizer, got {vectorizer!r}.")
        stored = load_model(path)
        known = set(cls().get_params(deep=False)) - {"vectorizer"}
        model = cls(**{name: value for name, value in stored.params.items() if name in known})
        model.loss = stored.outcome.get("loss", model.loss)
        model._learn(stored, _vectorizer_of(stored) if vectorizer is None else vectorizer)
        words = None if vectorizer is None else words_of(vectorizer)
        if words is not None and len(words) != model.n_features_in_:
            raise ValueError(
                f"the vectorizer has {len(words):,} words, and the model in {path} {model.n_features_in_:,}: is it the "
                "one that was fitted with it?"
            )
        model.vectorizer = vectorizer if vectorizer is not None else model.vectorizer_
        return model


def _vectorizer_of(stored: Model) -> Any:
    """The vectorizer that a model file tells of; the command line counts as CountVectorizer() does."""
    if stored.vocabulary is None:
        return None
    told = stored.params.get("vectorizer")
    if told is None:
        counts = {"class": "CountVectorizer", "settings": {}, "fixed": True}
        return vectorizer_from(counts, stored.vocabulary) if "counting" in stored.params else None
    return None if "lost" in told else vectorizer_from(told, stored.vocabulary)
