"""Texts or a matrix: what the caller gave, and its counts with the names of its columns."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from sparsenmf.topics.counting import count_texts, is_plain

__all__ = ["Counted", "counted", "is_matrix", "recounted", "words_of"]

_FUNCTIONS = ("analyzer", "preprocessor", "tokenizer")


class Counted(NamedTuple):
    """A matrix, the names of its columns, and the fitted vectorizer, if it counts texts."""

    X: Any
    vocabulary: tuple[str, ...] | None
    vectorizer: Any = None


def is_matrix(data: Any) -> bool:
    """Whether data are a matrix, and not texts: anything of two dimensions, or rows of numbers."""
    if hasattr(data, "ndim"):
        return data.ndim == 2
    return _is_rows(data) and not _is_tokens(data)


def _is_rows(data: Any) -> bool:
    return (
        isinstance(data, (list, tuple))
        and len(data) > 0
        and all(isinstance(row, (list, tuple, np.ndarray)) for row in data)
    )


def _is_tokens(data: Any) -> bool:
    """Whether each document is a list of tokens, as some vectorizers take them."""
    return _is_rows(data) and isinstance(next((row[0] for row in data if len(row)), None), str)


def words_of(vectorizer: Any) -> tuple[str, ...] | None:
    """The words of a fitted vectorizer's columns; None for one that does not know them, as HashingVectorizer."""
    if not hasattr(vectorizer, "get_feature_names_out"):
        return None
    return tuple(map(str, vectorizer.get_feature_names_out()))


def counted(data: Any, vectorizer: Any, names: Iterable[str] | None, n_jobs: int | None) -> Counted:
    """Training data as a matrix: texts are counted.

    Raises
    ------
    ValueError
        If there is not one name for each column, or names are given for texts, or texts hold no words.
    TypeError
        If the data are neither a matrix nor texts.
    """
    if is_matrix(data):
        X = _numbers(data)
        return Counted(X, _names(data, X, names))
    _check_texts(data, vectorizer)
    if names is not None:
        raise ValueError("names are for the columns of a matrix; the words of texts name their own.")
    if (vectorizer is None or is_plain(vectorizer)) and not _is_tokens(data):
        return Counted(*count_texts(data, vectorizer, n_jobs=n_jobs))
    vectorizer = clone(vectorizer)
    X = vectorizer.fit_transform(data)
    return Counted(X, words_of(vectorizer), vectorizer)


def recounted(data: Any, vectorizer: Any, width: int, n_jobs: int | None, words: tuple[str, ...] | None = None) -> Any:
    """New data as a matrix with a model's columns, which have the names `words`, if they have names.

    Raises
    ------
    ValueError
        If a matrix has other columns, or texts cannot be counted because the model knows no vectorizer.
    TypeError
        If the data are neither a matrix nor texts.
    """
    if is_matrix(data):
        X = _numbers(data)
        columns = np.shape(X)[1]
        if columns != width:
            raise ValueError(
                f"X has {columns:,} columns, and the model was fitted to {width:,}: they must be the same."
            )
        _check_order(_own_names(data), words)
        return X
    _check_texts(data, vectorizer)
    if vectorizer is None:
        raise ValueError(
            "this model counts no texts: it was fitted to a matrix, or its vectorizer could not be stored. Give a "
            "matrix with its columns, or load it with the fitted vectorizer: TopicModel.load(path, vectorizer=...)"
        )
    if not is_plain(vectorizer) or _is_tokens(data):
        return vectorizer.transform(data)
    fixed = clone(vectorizer).set_params(vocabulary=vectorizer.vocabulary_)
    return count_texts(data, fixed, n_jobs=n_jobs).X


def _numbers(data: Any) -> Any:
    """A matrix without its names; refuse a table of texts, which is two-dimensional too."""
    X = getattr(data, "X", data) if hasattr(data, "column_names") else data
    if not hasattr(X, "nnz") and np.shape(X)[0]:
        first = X.iloc[0] if hasattr(X, "iloc") else X[0]
        text = next((cell for cell in first if isinstance(cell, str) and not _is_number(cell)), None)
        if text is not None:
            raise TypeError(
                f"X has rows and columns, and holds texts ({text[:40]!r}): give the one column that holds them, as in "
                "frame['text'] or X[:, 0]."
            )
    return X


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _check_texts(data: Any, vectorizer: Any) -> None:
    """Refuse what is neither a matrix nor texts, or texts cut into tokens that nothing puts into columns."""
    if isinstance(data, (str, bytes)):
        raise TypeError("texts must be a list or another iterable of texts, and this is a single text: put it in [ ].")
    if not isinstance(data, Iterable):
        raise TypeError(f"X must be texts (a list or another iterable of them) or a matrix of counts, got {data!r}.")
    if not _is_tokens(data):
        return
    if vectorizer is None or not any(callable(getattr(vectorizer, name, None)) for name in _FUNCTIONS):
        raise TypeError(
            "the documents are lists of tokens, not texts: join them (' '.join(tokens)), or say that they are cut "
            "already: vectorizer=CountVectorizer(analyzer=list)."
        )


def _names(data: Any, X: Any, names: Iterable[str] | None) -> tuple[str, ...] | None:
    """The names of a matrix's columns: those given, its own, or a data frame's."""
    found = _own_names(data)
    if names is not None:
        found = [names] if isinstance(names, str) else list(names)
    if found is not None and len(found) != np.shape(X)[1]:
        raise ValueError(f"{len(found):,} names for {np.shape(X)[1]:,} columns: there must be one for each.")
    return None if found is None else tuple(map(str, found))


def _own_names(data: Any) -> Sequence[Any] | None:
    if getattr(data, "column_names", None) is not None:
        return tuple(data.column_names)
    return tuple(data.columns) if hasattr(data, "columns") else None


def _check_order(names: Sequence[Any] | None, words: tuple[str, ...] | None) -> None:
    """Refuse columns of other names, which would be taken for the model's by their places."""
    if names is None or words is None or not all(isinstance(name, str) for name in names):
        return
    place = next((j for j, (name, word) in enumerate(zip(names, words, strict=True)) if name != word), None)
    if place is not None:
        raise ValueError(
            f"column {place:,} of X is {names[place]!r}, and that of the model {words[place]!r}: give the columns of "
            "model.vocabulary_, in their order."
        )
