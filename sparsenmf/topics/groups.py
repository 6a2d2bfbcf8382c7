"""Topics over time or by group, and topics made one."""

import math
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sparsenmf.topics.poisson import rows_to_one, topic_mass, topic_sizes, word_distributions

__all__ = ["GroupTable", "is_missing", "merge_topics", "topics_by_group"]


@dataclass(frozen=True, eq=False)
class GroupTable:
    """Topics by group of documents.

    Attributes
    ----------
    groups : tuple
        The groups' values, in order: numbers and dates by value, all else as text.
    documents : ndarray of shape (g,)
        How many documents each has.
    counts : ndarray of shape (g, k)
        Their tokens of each topic, as the model expects them.
    shares : ndarray of shape (g, k)
        The same as parts of a group's tokens: rows sum to 1, or are 0 for a group without tokens.
    missing : int
        Documents left out because they have no group (None, NaN or "").
    """

    groups: tuple[Any, ...]
    documents: np.ndarray = field(repr=False)
    counts: np.ndarray = field(repr=False)
    shares: np.ndarray = field(repr=False)
    missing: int = 0


def topics_by_group(W: Any, H: Any, groups: Iterable[Any]) -> GroupTable:
    """Count the tokens of each topic in groups of documents: years, authors, labels.

    Parameters
    ----------
    W : array-like of shape (n, k)
    H : array-like of shape (k, m)
    groups : iterable of n values
        A value for each document. None, NaN and "" mean that it has none. Text that is a number throughout ("2024") is
        put in the order of numbers.

    Returns
    -------
    GroupTable

    Raises
    ------
    ValueError
        If there is not one value for each document, no document has a group, or W and H do not go together.
    TypeError
        If a value is a list or another thing that cannot be counted.

    Examples
    --------
    >>> from sparsenmf.topics import topics_by_group
    >>> table = topics_by_group([[1.0, 0], [0, 2], [3, 0]], [[1.0, 0], [0, 1]], ["2024", "2023", "2023"])
    >>> table.groups, table.counts.tolist(), table.shares.tolist()
    (('2023', '2024'), [[3.0, 2.0], [1.0, 0.0]], [[0.6, 0.4], [1.0, 0.0]])
    """
    mass, values = topic_mass(W, H), list(groups)
    if len(values) != len(mass):
        raise ValueError(f"{len(values):,} groups for {len(mass):,} documents: there must be one value for each.")
    present = [value for value in values if not is_missing(value)]
    if not present:
        raise ValueError("no document has a group: every value is None, NaN or empty.")
    try:
        ordered = _in_order(set(present))
    except TypeError as error:
        raise TypeError(f"a group is one value for a document, as 2024 or 'news': {error}.") from error
    places = {value: place for place, value in enumerate(ordered)}
    rows = np.array([-1 if is_missing(value) else places[value] for value in values])
    inside = rows >= 0
    counts = np.stack(
        [np.bincount(rows[inside], weights=column[inside], minlength=len(ordered)) for column in mass.T], axis=1
    )
    return GroupTable(
        groups=tuple(ordered),
        documents=np.bincount(rows[inside], minlength=len(ordered)),
        counts=counts,
        shares=rows_to_one(counts.copy()),
        missing=int(len(values) - inside.sum()),
    )


def merge_topics(W: Any, H: Any, together: Sequence[Iterable[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Make one topic of several.

    Parameters
    ----------
    W : array-like of shape (n, k)
    H : array-like of shape (k, m)
    together : sequence of iterables of int
        Each names topics (rows of H) that become one, in the place of the first of them. All others stay as they are.

    Returns
    -------
    W, H : ndarray
        A merged topic has as many tokens of a document as its parts had together, and their words in the parts' shares
        of all tokens. So the sums of the rows and of the columns of W H stay what they were.

    Raises
    ------
    ValueError
        If there is no such topic, one is named twice, or W and H do not go together.
    TypeError
        If topics are not named by whole numbers, in lists.

    Examples
    --------
    >>> from sparsenmf.topics import merge_topics
    >>> W, H = merge_topics([[1.0, 2.0, 5.0]], [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], [(0, 2)])
    >>> W.tolist(), H.round(3).tolist()
    ([[6.0, 2.0]], [[0.167, 0.833], [0.0, 1.0]])
    """
    mass, phi, sizes = topic_mass(W, H), word_distributions(H), topic_sizes(W, H)
    W, H = np.array(W), np.array(H)
    merged = _numbers_of_topics(together)
    named = [topic for topics in merged for topic in topics]
    for topic in named:
        if not 0 <= topic < len(H):
            raise ValueError(f"there is no topic {topic}: they are 0 to {len(H) - 1}.")
        if named.count(topic) > 1:
            raise ValueError(f"topic {topic} is named twice: it can be merged once only.")
    for topics in merged:
        if not topics:
            continue
        weights = rows_to_one(sizes[None, topics].copy())[0]
        W[:, topics[0]] = mass[:, topics].sum(axis=1)
        H[topics[0]] = weights @ phi[topics]
    gone = [topic for topics in merged for topic in topics[1:]]
    return np.delete(W, gone, axis=1), np.delete(H, gone, axis=0)


def _numbers_of_topics(together: Sequence[Iterable[int]]) -> list[list[int]]:
    try:
        return [[operator.index(topic) for topic in topics] for topics in together]
    except TypeError as error:
        raise TypeError(
            f"topics to be merged are lists of whole numbers in a list, as in [(0, 3), (5, 7)], got {together!r}."
        ) from error


def is_missing(value: Any) -> bool:
    """Whether a value says that a document has no group."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return True
    try:
        return bool(value != value)  # noqa: PLR0124  # NaN and pandas' NaT are not equal to themselves
    except (TypeError, ValueError):
        return True  # pandas.NA: neither true nor false


def _in_order(values: set[Any]) -> list[Any]:
    """By value where all are numbers, or text of numbers; else in their own order, or as text."""
    numbers = {}
    for value in values:
        try:
            numbers[value] = float(value)
        except (TypeError, ValueError):
            break
    if len(numbers) == len(values) and all(map(math.isfinite, numbers.values())):
        return sorted(values, key=lambda value: (numbers[value], str(value)))
    try:
        return sorted(values)
    except TypeError:
        return sorted(values, key=str)
