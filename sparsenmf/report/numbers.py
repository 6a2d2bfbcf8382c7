"""Numbers as a page holds them: few digits, plain Python types, nothing that JSON lacks."""

import math
import re
from typing import Any

__all__ = ["plain", "short", "shortened"]

_MOST = 200


def short(value: Any, digits: int = 4) -> float | int | None:
    """A number with few significant digits; None for what is not finite."""
    value = float(value)
    if not math.isfinite(value):
        return None
    value = float(f"{value:.{digits}g}")
    return int(value) if value.is_integer() and abs(value) < 1e15 else value


def plain(value: Any) -> str:
    """A parameter as text for a table."""
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "not given"}[value]
    if isinstance(value, float):
        return f"{value:,.2f}" if 1e4 <= abs(value) < 1e15 else f"{value:.6g}"
    if isinstance(value, set | frozenset):
        value = sorted(value, key=str)
    if isinstance(value, list | tuple):
        return shortened(", ".join(map(str, value[:_MOST])) or "none", _MOST)
    # Where an object lies in memory differs from run to run, and tells nothing.
    many = isinstance(value, int) and abs(value) >= 10_000
    return shortened(f"{value:,}" if many else re.sub(r" at 0x[0-9A-Fa-f]+", "", str(value)), _MOST)


def shortened(text: str, length: int) -> str:
    """A text of at most so many characters, with a mark where it was cut."""
    return text if len(text) <= length else text[: length - 1] + "…"
