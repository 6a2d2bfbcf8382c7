"""Topics of a model: shares, top words, and how they are shown."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

from sparsenmf.cli.console import emit_json, emit_rich, stdout_console
from sparsenmf.io import Model, load_model

__all__ = ["Topic", "Word", "find_topics", "show_model", "topic_table", "topics_as_json"]

_WORDS = 10


class Word(NamedTuple):
    """A word of a topic: its column, probability in the topic, and that over its probability at large."""

    name: str
    column: int
    weight: float
    lift: float


class Topic(NamedTuple):
    """A topic: its place in the factors, its share of all tokens, its top words, best first."""

    component: int
    share: float
    words: tuple[Word, ...]


def find_topics(model: Model, n_words: int = _WORDS, rank: str = "relevance") -> list[Topic]:
    """The topics of a model, the largest first.

    A topic's share is its part of the sum of W H; within a topic, words have the probabilities of H's row. Words are
    ranked by that probability ("weight"), by its ratio to the probability at large ("lift"), or by the geometric mean
    of the two ("relevance" of C. Sievert and K. Shirley, "LDAvis", with lambda = 1/2). Words of weight 0 are left out.

    Parameters
    ----------
    model : Model
    n_words : int, default=10
    rank : {"relevance", "weight", "lift"}, default="relevance"

    Returns
    -------
    list of Topic
        Shares are NaN where the model has no W.
    """
    H = np.asarray(model.H, dtype=np.float64)
    sums = H.sum(axis=1)
    mass = sums if model.W is None else model.W.sum(axis=0, dtype=np.float64) * sums
    with np.errstate(divide="ignore", invalid="ignore"):  # a topic or a word may be all zero
        within = np.nan_to_num(H / sums[:, None])
        share = mass / mass.sum()
        lift = np.nan_to_num(within / (np.nan_to_num(share) @ within))
    shown = np.full_like(share, np.nan) if model.W is None else np.nan_to_num(share)
    score = {"weight": within, "lift": lift, "relevance": np.sqrt(within * lift)}[rank]
    found = []
    for t in np.argsort(-np.nan_to_num(share), kind="stable"):
        # Of equal scores the heavier word first: many a rare word stands in one topic alone and shares the top lift.
        best = np.lexsort((-within[t], -score[t]))[:n_words]
        words = tuple(
            Word(_name(model, j), int(j), float(within[t, j]), float(lift[t, j])) for j in best if within[t, j] > 0
        )
        found.append(Topic(int(t), float(shown[t]), words))
    return found


def topic_table(topics: Sequence[Topic], n_words: int | None, extra: tuple[str, Sequence[str]] | None = None) -> Table:
    """A table of topics for a terminal: one line each, unless `n_words` asks for more words than fit.

    Parameters
    ----------
    topics : sequence of Topic
    n_words : int or None
        Show so many words, on several lines if need be; None: those that fit on a line.
    extra : (title, cells), optional
        One more column, between shares and words.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("topic", justify="right", style="bold")
    table.add_column("share", justify="right", style="green", no_wrap=True)
    taken = 5 + 6 + 2 * 4
    if extra:
        table.add_column(extra[0], style="yellow", no_wrap=True)
        taken += max(map(len, (extra[0], *extra[1]))) + 2
    table.add_column("top words", overflow="fold")
    room = None if n_words else stdout_console().width - taken
    for i, topic in enumerate(topics):
        share = "-" if np.isnan(topic.share) else f"{topic.share:.1%}"
        cells = [str(topic.component), share, *([extra[1][i]] if extra else []), _word_list(topic.words, room)]
        table.add_row(*map(Text, cells))  # as Text: a word in brackets is no markup
    return table


def topics_as_json(topics: Sequence[Topic]) -> list[dict[str, Any]]:
    """Topics as JSON has them."""
    return [topic._asdict() | {"words": [word._asdict() for word in topic.words]} for topic in topics]


def show_model(path: str, n_words: int | None, rank: str, as_json: bool) -> None:
    """The command `topics`."""
    model = load_model(path)
    topics = find_topics(model, n_words or _WORDS, rank)
    if as_json:
        emit_json({"model": path, "rank": rank, "outcome": model.outcome, "topics": topics_as_json(topics)})
    else:
        emit_rich(topic_table(topics, n_words))


def _name(model: Model, column: int) -> str:
    return f"#{column}" if model.vocabulary is None else model.vocabulary[column]


def _word_list(words: Sequence[Word], room: int | None) -> str:
    text = ""
    for word in words:
        longer = f"{text} {word.name}" if text else word.name
        if text and room is not None and len(longer) > room:
            break
        text = longer
    return text
