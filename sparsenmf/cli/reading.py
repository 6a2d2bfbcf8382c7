"""How every command reads its input: a matrix with its names, or texts, which are counted."""

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from sparsenmf.cli.console import message
from sparsenmf.io import Model, Texts, find_names, read, read_names
from sparsenmf.io.files import check_target
from sparsenmf.io.named import named

__all__ = ["Data", "Input", "aligned", "check_output", "describe", "load", "speaker", "stop_words"]


# The options that the reader takes by the same names, where they are given.
_OF_READER = (
    "column", "id_column", "encoding", "errors", "layer", "delimiter", "quoting", "triples", "index", "vocab", "rows",
    "max_bytes",
)  # fmt: skip
_LISTS = ("english", "none")  # of stop words; other names are files


@dataclass(frozen=True)
class Input:
    """What the command line says of an input: the options `reading_options` and `counting_options`."""

    path: str
    input_format: str | None = None
    column: str | None = None
    id_column: str | None = None
    encoding: str | None = None
    errors: str | None = None
    layer: str | None = None
    delimiter: str | None = None
    quoting: str | None = None
    triples: tuple[str, ...] | None = None
    index: bool | None = None
    vocab: str | None = None
    rows: str | None = None
    transpose: bool = False
    max_bytes: int | None = None
    stop_words: tuple[str, ...] = ()
    min_df: int | float = 2
    max_df: int | float = 0.5
    max_features: int | None = None

    @classmethod
    def take(cls, path: str, arguments: dict[str, Any]) -> "Input":
        """The input of a command, whose options are taken out of its arguments."""
        known = [field.name for field in fields(cls)[1:]]
        return cls(path, **{name: arguments.pop(name) for name in known if name in arguments})

    def open(self) -> Any:
        """The matrix, or the texts."""
        given = {name: value for name in _OF_READER if (value := getattr(self, name)) is not None}
        return read(self.path, self.input_format, transpose=self.transpose, **given)

    @property
    def files(self) -> list[str]:
        """The files that are read."""
        named = [name for name in self.stop_words if name not in _LISTS]
        return [file for file in (self.path, self.vocab, self.rows, *named) if file not in (None, "-")]

    @property
    def counting(self) -> dict[str, Any]:
        """How texts become counts, as a model's parameters say it."""
        return {
            "stop_words": list(self.stop_words) or ["english"],
            "min_df": self.min_df,
            "max_df": self.max_df,
            "max_features": self.max_features,
        }


def check_output(path: str, force: bool, needed: Iterable[str | None] = ()) -> None:
    """Refuse an output that cannot be written, before the work whose result it shall hold.

    Raises
    ------
    ValueError
        If it is one of the files that the command needs itself: those that it reads, and its other outputs.
    OSError
        If the file exists and `force` is false, or its place takes no file.
    """
    check_target(path, force)
    same = [other for other in needed if other and os.path.realpath(other) == os.path.realpath(path)]
    if same:
        raise ValueError(f"{path} would replace {same[0]}, which this command needs: choose another name for it")


class Data(NamedTuple):
    """A matrix with names, and the texts that it counts, if it does."""

    X: Any
    texts: Texts | None = None


def speaker(quiet: bool) -> Callable[[str], None]:
    """`message`, or silence."""
    return (lambda _: None) if quiet else message


def load(source: Input, say: Callable[[str], None], model: Model | None = None) -> Data:
    """Read a matrix, or count texts, and say what came of it; with a model, its columns are the model's."""
    opened = source.open()
    if not isinstance(opened, Texts):
        say(f"{source.path}{' transposed' if source.transpose else ''}: {describe(opened)}")
        X = _with_names_beside(opened, source, say)
        return Data(X if model is None else aligned(X, model, say))
    X = count(opened, source, say, None if model is None else _vectorizer_of(model))
    say(f"{opened.name}: {describe(X)}")
    if model is not None and X.nnz == 0:
        raise ValueError(f"{opened.name}: no word of the texts is in the model's vocabulary: are they of its language?")
    return Data(X, opened)


def describe(X: Any) -> str:
    """The shape and density of a matrix, for a person."""
    n, m = X.shape
    if hasattr(X, "nnz"):
        return f"{n:,} x {m:,}, {X.nnz:,} nonzeros ({X.nnz / max(n * m, 1):.2%}), {X.dtype}"
    return f"{n:,} x {m:,}, dense, {X.dtype}"


# --- names ------------------------------------------------------------------------------------------------------------


def _with_names_beside(X: Any, source: Input, say: Callable[[str], None]) -> Any:
    """The matrix with the names in vocab.txt and rows.txt of its folder, where it has none and their number fits."""
    for kind, axis, attribute in (("vocab", 1, "column_names"), ("rows", 0, "row_names")):
        what, other = (("rows", "columns")[axis], X.shape[1 - axis])
        if (given := getattr(source, kind)) is not None:
            say(f"{given}: names of the {what}")
        elif getattr(X, attribute) is None and source.path != "-" and (path := find_names(source.path, kind)):
            names = read_names(path)
            if len(names) == X.shape[axis]:
                X = named(X, **{attribute: names})
                say(f"{path}: names of the {what}")
            else:
                turned = " Is the matrix turned? See --transpose." if len(names) == other else ""
                say(f"{path}: not used, {len(names):,} names for {X.shape[axis]:,} {what}.{turned}")
    return X


def aligned(X: Any, model: Model, say: Callable[[str], None]) -> Any:
    """A matrix with the columns of a model: by name where both have names, else in their order."""
    width, known = model.H.shape[1], model.vocabulary
    if known is None or X.column_names is None or X.column_names == known:
        if X.shape[1] != width:
            raise ValueError(
                f"the matrix has {X.shape[1]:,} columns and the model {width:,}: name the columns of both (--vocab), "
                "so that they can be matched, or give a matrix with the same columns (--transpose turns it)"
            )
        return X
    places = {name: j for j, name in reversed(list(enumerate(known)))}
    target = np.array([places.get(name, -1) for name in X.column_names])
    stays = np.flatnonzero(target >= 0)
    if len(stays) == 0:
        raise ValueError("no column of the matrix has the name of a column of the model: are they of one kind?")
    ones = np.ones(len(stays), dtype=X.dtype)
    pick = sparse.csr_array((ones, (stays, target[stays])), shape=(X.shape[1], width))
    say(
        f"Columns matched by name: {len(np.unique(target[stays])):,} of the model's {width:,}; "
        f"{X.shape[1] - len(stays):,} unknown ones left out."
    )
    return named(X.X @ pick, X.row_names, known)


# --- counting ---------------------------------------------------------------------------------------------------------


def stop_words(given: Sequence[str]) -> list[str] | None:
    """The words to leave out: scikit-learn's English ones unless others are named."""
    words: set[str] = set()
    for name in given or ("english",):
        if name == "english":
            from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

            words |= ENGLISH_STOP_WORDS
        elif name not in _LISTS:
            words.update(word.strip().lower() for word in read_names(name))
    return sorted(words - {""}) or None


def count(texts: Texts, source: Input, say: Callable[[str], None], vectorizer: Any = None) -> Any:
    """Counts of words, a row a document: of the words that the options choose, or that a fitted vectorizer knows."""
    from sklearn.feature_extraction.text import CountVectorizer

    from sparsenmf.topics.counting import count_texts
    from sparsenmf.topics.inputs import recounted

    if source.layer is not None:
        raise ValueError(f"--layer {source.layer} is for h5ad files, and {texts.name} holds texts")
    ignored = stop_words(source.stop_words) if vectorizer is None else None
    with _any_stop_words(), _naming(texts.name):
        if vectorizer is None:
            limits = {"min_df": source.min_df, "max_df": source.max_df, "max_features": source.max_features}
            X, words, _ = count_texts(texts, CountVectorizer(stop_words=ignored, **limits))
        else:
            words = tuple(map(str, vectorizer.get_feature_names_out()))
            X = sparse.csr_array(recounted(texts, vectorizer, len(words), None))
    empty = int((np.diff(X.indptr) == 0).sum())
    if empty:
        say(f"{texts.name}: {empty:,} documents hold no word of the vocabulary; their rows are empty.")
    return named(X, texts.ids(), words)


def _vectorizer_of(model: Model) -> Any:
    """What counts texts as those were that a model was fitted to."""
    from sklearn.feature_extraction.text import CountVectorizer

    from sparsenmf.topics.stored import vectorizer_from

    if model.vocabulary is None:
        raise ValueError("the model has no vocabulary, so texts cannot be counted for it: fit it again with --vocab")
    told = model.params.get("vectorizer")
    if told is None:
        return CountVectorizer(vocabulary=list(model.vocabulary)).fit([""])
    if "lost" in told:
        raise ValueError(f"the model file does not hold the vectorizer that counted its texts: {told['lost']}")
    return vectorizer_from(told, model.vocabulary)


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Name the file in errors of counting; those of reading name it already."""
    try:
        yield
    except ValueError as error:
        text = str(error)
        raise (error if text.startswith(name) else ValueError(f"{name}: {text}")) from error


@contextmanager
def _any_stop_words() -> Iterator[None]:
    """Silence scikit-learn on stop words that its tokens never match, as "o" and "don't": they do no harm."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Your stop_words may be inconsistent")
        yield
