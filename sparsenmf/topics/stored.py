"""Vectorizers as JSON: the settings, and what was learnt, of those that have nothing else. No pickles.

The words themselves are the model file's vocabulary and are not repeated here.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

__all__ = ["vectorizer_from", "vectorizer_settings"]

_CLASSES = {"CountVectorizer": CountVectorizer, "TfidfVectorizer": TfidfVectorizer}
_FUNCTIONS = ("analyzer", "preprocessor", "tokenizer")


def vectorizer_settings(vectorizer: Any) -> dict[str, Any]:
    """What a model file holds of a fitted vectorizer.

    Returns
    -------
    dict
        "class" and "settings"; "idf" for tf-idf. Or "class" and "lost", which says why it cannot be stored: then a
        warning says so too.
    """
    name = type(vectorizer).__name__
    why = _obstacle(vectorizer)
    if why:
        warnings.warn(
            f"the vectorizer is not stored with the model: {why}. The loaded model transforms matrices; for texts give "
            "the fitted vectorizer again: TopicModel.load(path, vectorizer=...)",
            UserWarning,
            stacklevel=4,
        )
        return {"class": name, "lost": why}
    settings = {key: _plain(value) for key, value in vectorizer.get_params(deep=False).items() if key != "vocabulary"}
    found = {"class": name, "settings": settings, "fixed": bool(vectorizer.fixed_vocabulary_)}
    if name == "TfidfVectorizer" and vectorizer.use_idf:
        found["idf"] = np.asarray(vectorizer.idf_, dtype=np.float64).tolist()
    return found


def vectorizer_from(stored: Mapping[str, Any], vocabulary: Sequence[str]) -> Any:
    """The fitted vectorizer of a model file.

    Raises
    ------
    ValueError
        If what is stored is no vectorizer that this version knows.
    """
    made = _CLASSES.get(str(stored.get("class")))
    settings = stored.get("settings")
    if made is None or not isinstance(settings, dict):
        raise ValueError(f"the model's vectorizer {stored.get('class')!r} is unknown to this version: fit it again.")
    settings = {key: value for key, value in settings.items() if key in made().get_params()}
    for key, restored in (("ngram_range", tuple), ("dtype", lambda name: np.dtype(name).type)):
        if key in settings:
            settings[key] = restored(settings[key])
    fixed = stored.get("fixed") is True
    vectorizer = made(**settings, vocabulary=list(vocabulary) if fixed else None)
    # Set as its own `fit` sets them: a vocabulary that was learnt is no parameter, and is learnt anew by another fit.
    vectorizer.vocabulary_ = {word: column for column, word in enumerate(vocabulary)}
    vectorizer.fixed_vocabulary_ = fixed
    if "idf" in stored:
        vectorizer.idf_ = np.array(stored["idf"], dtype=np.float64)
    return vectorizer


def _obstacle(vectorizer: Any) -> str:
    """Why a vectorizer cannot be stored, or nothing."""
    name = type(vectorizer).__name__
    if type(vectorizer) not in _CLASSES.values():
        return f"only CountVectorizer and TfidfVectorizer can be, and this is a {name}"
    for setting in _FUNCTIONS:
        if callable(getattr(vectorizer, setting)):
            return f"its {setting} is a function, which only a pickle could hold"
    if np.dtype(vectorizer.dtype).kind not in "iuf":
        return f"its dtype is {vectorizer.dtype!r}"
    return ""


def _plain(value: Any) -> Any:
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (type, np.dtype)):
        return np.dtype(value).name
    return value
