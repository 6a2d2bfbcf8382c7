"""Topics over time or groups, in a number of groups that a chart can show."""

import math
import re
from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any

import numpy as np

from sparsenmf.report.numbers import short
from sparsenmf.topics.groups import is_missing, topics_by_group

__all__ = ["grouped"]

MOST = 120
_DATE = re.compile(r"\d{4}-\d{2}(-\d{2}([T ].*)?)?", re.ASCII)
# What Python and the page's script read alike: float() takes "1_000" and digits of other scripts, too.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
_REST = "(all others)"


def grouped(W: Any, H: Any, groups: Iterable[Any]) -> dict[str, Any]:
    """The topics' shares and tokens in each group.

    Dates are taken together by day, month or year, and numbers by steps, so that they are not more than a chart can
    show; of other groups the largest are shown, and the rest as one.

    Raises
    ------
    ValueError
        If there is not one value for each row of W, or none at all.
    """
    values = [_as_text(value) for value in groups]
    kind = _kind(values)
    values = _fewer(values, kind)
    table = topics_by_group(W, H, values)
    return {
        "kind": kind,
        "name": [str(value) for value in table.groups],
        "documents": table.documents.tolist(),
        "share": [[short(value, 3) for value in column] for column in table.shares.T],
        "tokens": [[short(value, 4) for value in column] for column in table.counts.T],
        "missing": table.missing,
    }


def _as_text(value: Any) -> str:
    if is_missing(value):
        return ""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        return str(int(value))
    return " ".join(str(value).split())[:80]


def _kind(values: list[str]) -> str:
    """What a chart's axis is: "date", "number" or "name"."""
    present = {value for value in values if value}
    if present and all(map(_is_date, present)):
        return "date"
    return "number" if present and all(map(_NUMBER.fullmatch, present)) else "name"


def _is_date(value: str) -> bool:
    try:
        return _DATE.fullmatch(value) is not None and bool(date.fromisoformat(f"{value}-01"[:10]))
    except ValueError:  # a thirteenth month
        return False


def _fewer(values: list[str], kind: str) -> list[str]:
    if kind == "date":
        for length in (10, 7, 4):
            cut = [value[:length] for value in values]
            if len(set(cut)) <= MOST:
                return cut
        values = cut
    counts = Counter(value for value in values if value)
    if len(counts) <= MOST:
        return values
    if kind == "number":
        return _rounded(values)
    kept = {value for value, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[: MOST - 1]}
    return [value if value in kept or not value else _REST for value in values]


def _rounded(values: list[str]) -> list[str]:
    """Numbers rounded down to a step of 1, 2 or 5 times a power of ten, with fewer than MOST steps between them."""
    numbers = np.array([float(value or "nan") for value in values])
    width = (np.nanmax(numbers) - np.nanmin(numbers)) / (MOST - 1)
    power = 10.0 ** np.floor(np.log10(width))
    step = next(step for step in (power, 2 * power, 5 * power, 10 * power) if step >= width)
    return [f"{step * math.floor(value / step) + 0.0:.15g}" if value == value else "" for value in numbers]  # noqa: PLR0124
