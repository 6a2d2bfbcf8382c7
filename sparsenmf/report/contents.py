"""All that a page shows, as one JSON document. `page.js` reads it; nothing in it is markup."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from sparsenmf import _validation as check
from sparsenmf.io import Model
from sparsenmf.matrix import Matrix
from sparsenmf.report.documents import DocumentTable, cut
from sparsenmf.report.grouped import grouped
from sparsenmf.report.layout import nearest, topic_map
from sparsenmf.report.made import history, how_it_was_made
from sparsenmf.report.numbers import short
from sparsenmf.report.words import LAMBDAS, SHOWN, WordTable
from sparsenmf.rows import RowSolver
from sparsenmf.topics.describe import topic_names
from sparsenmf.topics.inputs import is_matrix
from sparsenmf.topics.poisson import proportions, topic_sizes, word_distributions
from sparsenmf.topics.training import weights_of_rows

__all__ = ["contents"]

LONGEST_HEADING = 200


def contents(
    model: Any, X: Any, texts: Any, groups: Iterable[Any] | None, titles: Any, heading: str | None = None
) -> dict[str, Any]:
    """What a page shows of a model and the data that it is shown on."""
    if hasattr(model, "counts") and not is_matrix(X):  # texts themselves, for a TopicModel
        if isinstance(X, str | bytes) or not isinstance(X, Iterable):
            raise TypeError(f"X must be a matrix or a list of texts, and is {type(X).__name__}: {X!r:.80}")
        X = list(X)
        texts = X if texts is None else texts
        X = model.counts(X)
    names = getattr(X, "row_names", None) if titles is None else list(titles)
    vocabulary = getattr(X, "column_names", None)
    fitted = _as_model(model, vocabulary)
    A = check.check_matrix(X)
    _check_shapes(fitted, A, names)
    W = _weights(fitted, A, getattr(X, "row_names", None))
    if names is None and fitted.rows is not None and len(fitted.rows) == len(W):
        names = fitted.rows
    order = np.argsort(-topic_sizes(W, fitted.H), kind="stable")
    W, H = W[:, order], fitted.H[order]
    page = _page(fitted, A, W, H, order, {"names": names, "texts": texts, "groups": groups})
    return {"heading": None if heading is None else cut(str(heading), LONGEST_HEADING), **page}


def _page(model: Model, A: Matrix, W: np.ndarray, H: np.ndarray, order: np.ndarray, given: Any) -> dict[str, Any]:
    lengths, counts = A.sums(1), A.sums(0)
    words = WordTable(word_distributions(H), topic_sizes(W, H), counts, model.vocabulary)
    documents = DocumentTable(W, H, proportions(W, H), lengths, given["names"])
    texts = documents.snippets(given["texts"]) if given["texts"] is not None else None
    chart = topic_map(H)
    names = topic_names(H, W, model.vocabulary)
    tokens = short(lengths.sum(), 9)
    return {
        "tokens": tokens,
        "features": A.shape[1],
        "lambdas": list(LAMBDAS),
        "shown": SHOWN,
        "map": {"metric": chart.metric, "stress": short(chart.stress, 3)},
        "topics": _topics(topic_sizes(W, H), names, order, chart, words, documents),
        "words": words.table(),
        "documents": {
            **documents.table(),
            "text": {} if texts is None else texts,
            "bag": documents.bags(A, words.name) if texts is None else {},
        },
        "groups": None if given["groups"] is None else grouped(W, H, given["groups"]),
        "history": history(model),
        "made": how_it_was_made(model, {**_data(A), "Tokens": tokens}),
    }


def _topics(
    sizes: np.ndarray, names: list[str], order: np.ndarray, chart: Any, words: WordTable, documents: DocumentTable
) -> list[dict[str, Any]]:
    """Each topic's name, share, place on the map, words and documents."""
    return [
        {
            "component": int(order[t]),
            "name": names[t][:120],
            "share": short(sizes[t]),
            "point": [short(value) for value in chart.points[t]],
            "near": nearest(chart.distances, t),
            "words": words.of_topic(t),
            "documents": documents.of_topic(t),
        }
        for t in range(len(sizes))
    ]


def _data(A: Matrix) -> dict[str, str]:
    """The size of the data, in words."""
    (n, m), nnz = A.shape, A.nnz
    return {"Documents": f"{n:,}", "Words": f"{m:,}", "Nonzeros": f"{nnz:,}", "Filled": f"{100 * nnz / (n * m):.3g}%"}


def _as_model(model: Any, vocabulary: Any) -> Model:
    """A `Model` of anything that holds a fit; the columns' names from the data where the model has none."""
    kept = getattr(model, "outcome_", None)
    model = kept if isinstance(kept, Model) else model
    known = getattr(model, "vocabulary", None)
    fitted = Model.of(model, vocabulary=vocabulary if known is None else known)
    # The versions that wrote the model, not those of today.
    return replace(fitted, versions=getattr(model, "versions", None) or fitted.versions)


def _check_shapes(model: Model, A: Any, names: Any) -> None:
    n, m = A.shape
    if m != model.H.shape[1]:
        raise ValueError(
            f"X has {m:,} columns and the model {model.H.shape[1]:,} words: give the counts by the model's vocabulary"
        )
    if names is not None and len(names) != n:
        raise ValueError(f"there are {len(names):,} titles for {n:,} rows of X: there must be one for each")


def _weights(model: Model, A: Any, rows: Any) -> np.ndarray:
    """The weights of X's rows: the model's own where these are the rows that it was fitted to, else solved for."""
    W = weights_of_rows(model, A, rows)
    return RowSolver.of(model)(A) if W is None else W
