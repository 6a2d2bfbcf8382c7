"""Topics of a model on a terminal and as JSON."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import click
import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

from sparsenmf.cli.console import stdout_console
from sparsenmf.io import Model
from sparsenmf.topics import describe
from sparsenmf.topics.describe import Topic, Word

__all__ = ["Ranking", "Topic", "Word", "find_topics", "topic_table", "topics_as_json"]

_WORDS = 10
_LAMBDA = 0.6  # that of sparsenmf.topics, of topics' names, and of a report's slider


class Ranking(NamedTuple):
    """What makes a top word: --rank and --lambda."""

    by: str = "relevance"
    relevance_lambda: float = _LAMBDA

    @classmethod
    def take(cls, by: str, relevance_lambda: float | None) -> "Ranking":
        """The two options together.

        Raises
        ------
        click.UsageError
            For a lambda of another ranking.
        """
        if relevance_lambda is not None and by != "relevance":
            raise click.UsageError(f"--lambda is for --rank relevance, and this is --rank {by}.")
        return cls(by, _LAMBDA if relevance_lambda is None else relevance_lambda)

    def as_json(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"rank": self.by, "lambda": self.relevance_lambda if self.by == "relevance" else None}


def find_topics(
    model: Model, n_words: int = _WORDS, rank: str = "relevance", relevance_lambda: float = _LAMBDA
) -> list[Topic]:
    """The topics of a model, the largest first: `sparsenmf.topics.find_topics` in the terms of the command line.

    Parameters
    ----------
    model : Model
    n_words : int, default=10
    rank : {"relevance", "probability", "lift", "frex", "weight"}, default="relevance"
        As in `sparsenmf.topics.word_scores`; "weight" is another name of "probability".
    relevance_lambda : float, default=0.6
        For "relevance".

    Returns
    -------
    list of Topic
        Shares are NaN where the model has no W.
    """
    ranking = {"weight": "probability"}.get(rank, rank)
    return describe.find_topics(model.H, model.W, model.vocabulary, n_words, ranking, relevance_lambda)


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


def _word_list(words: Sequence[Word], room: int | None) -> str:
    text = ""
    for word in words:
        longer = f"{text} {word.name}" if text else word.name
        if text and room is not None and len(longer) > room:
            break
        text = longer
    return text
