"""The documents that a page holds: each topic's own, with their text, and names by which others are found."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

import numpy as np

from sparsenmf.matrix import Matrix
from sparsenmf.report.numbers import short, shortened
from sparsenmf.report.words import main_parts
from sparsenmf.topics.describe import representative_documents

__all__ = ["DocumentTable", "cut", "snippets"]

OF_TOPIC = 10
BAG = 15
LONGEST_NAME = 100
#: Characters of all texts, and of all names, together: they bound the size of the page.
TEXTS = 600_000
NAMES = 1_000_000
MOST = 50_000


class DocumentTable:
    """Documents by number; topics name their documents by these numbers.

    Parameters
    ----------
    W, H : ndarray
        Factors with the topics in the order of the page.
    theta : ndarray of shape (n, k)
        The topics' proportions in the documents.
    lengths : ndarray of shape (n,)
        Tokens of each document.
    names : sequence of str or None
    """

    def __init__(self, W: np.ndarray, H: np.ndarray, theta: np.ndarray, lengths: np.ndarray, names: Any) -> None:
        self._theta, self._lengths = theta, lengths
        self._best = representative_documents(W, H, OF_TOPIC)
        self._shown = np.unique(np.concatenate(self._best)).astype(int)
        self._names = names
        self.rows = np.union1d(self._shown, self._findable()).astype(int)

    def table(self) -> dict[str, Any]:
        """Names (None: the page makes them of the rows), tokens, and main topics."""
        return {
            "total": len(self._theta),
            "row": None if len(self.rows) == len(self._theta) else self.rows.tolist(),
            "name": None if self._names is None else [self._name(row) for row in self.rows],
            "tokens": [short(value, 6) for value in self._lengths[self.rows]],
            "topics": [main_parts(self._theta[row]) for row in self.rows],
        }

    def snippets(self, texts: Iterable[str]) -> dict[str, str]:
        """The beginnings of the texts that are shown, by the documents' numbers."""
        return self._numbered(snippets(texts, self._shown, len(self._theta)))

    def bags(self, A: Matrix, name: Callable[[int], str]) -> dict[str, str]:
        """The words of the documents that are shown, where there are no texts: the most frequent first."""
        return self._numbered({int(row): _bag(A, int(row), name) for row in self._shown})

    def _numbered(self, texts: dict[int, str]) -> dict[str, str]:
        return {str(np.searchsorted(self.rows, row)): text for row, text in texts.items() if text}

    def of_topic(self, t: int) -> dict[str, list]:
        """A topic's documents and its proportions in them."""
        best = self._best[t]
        return {
            "document": np.searchsorted(self.rows, best).tolist(),
            "part": [short(value, 3) for value in self._theta[best, t]],
        }

    def _name(self, row: int) -> str:
        name = self._names[row]
        return "" if name is None else cut(str(name), LONGEST_NAME)

    def _findable(self) -> np.ndarray:
        """As many of the first documents as their names leave room for."""
        first = range(min(len(self._theta), MOST))
        lengths = [20 + (0 if self._names is None else min(len(str(self._names[row])), LONGEST_NAME)) for row in first]
        return np.flatnonzero(np.cumsum(lengths) <= NAMES)


def snippets(texts: Iterable[str], rows: Sequence[int] | np.ndarray, n: int) -> dict[int, str]:
    """The beginnings of some texts by their row, each with its runs of white space made one space.

    The texts are read once, to their end.

    Raises
    ------
    ValueError
        If there are not n texts.
    TypeError
        If one of them is no text.
    """
    length = int(np.clip(TEXTS // max(len(rows), 1), 200, 1200))
    wanted, found, seen = set(map(int, rows)), {}, 0
    for seen, text in enumerate(islice(texts, n + 1), 1):
        if seen - 1 in wanted:
            if not isinstance(text, str):
                raise TypeError(f"text {seen - 1} is no str but {type(text).__name__}: {text!r:.80}")
            found[seen - 1] = cut(text, length)
    if seen != n:
        raise ValueError(
            f"there are {'more than ' * (seen > n)}{min(seen, n):,} texts for {n:,} rows of X: one for each."
        )
    return found


def _bag(A: Matrix, row: int, name: Callable[[int], str]) -> str:
    columns, values = A.row(row)
    best = np.argsort(-values.astype(np.float64), kind="stable")[:BAG]
    more = ", …" if len(columns) > BAG else ""
    return ", ".join(name(columns[i]) + (f" {values[i]:.3g}" if values[i] != 1 else "") for i in best) + more


def cut(text: str, length: int) -> str:
    """A text with its runs of white space made one space, and so many characters at most."""
    # Ten times the length is enough to find that much text between white space, of a text of any size.
    return shortened(" ".join(text[: 10 * length].split()), length)
