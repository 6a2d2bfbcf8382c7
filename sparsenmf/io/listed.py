"""Matrices from what files list: rows of entries, or entries that each have a row, a column and a value."""

from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from sparsenmf.io.named import NamedMatrix, Names, smaller_integers
from sparsenmf.io.source import Source

__all__ = ["Axis", "from_entries", "from_rows", "pick_columns"]


def from_rows(values: array, places: array, ends: array, columns: int) -> sparse.csr_array:
    """The matrix of rows one after another: of each its places and values, which end at `ends`."""
    small = np.int32 if max(columns, len(places)) <= np.iinfo(np.int32).max else np.int64
    parts = (smaller_integers(np.asarray(values)), np.asarray(places).astype(small), np.asarray(ends).astype(small))
    X = sparse.csr_array(parts, shape=(len(ends) - 1, columns))
    X.sum_duplicates()
    return X


class Axis(NamedTuple):
    """The rows or the columns of listed entries."""

    places: np.ndarray  # of each entry, from 0
    names: Names = None  # of the places
    length: int | None = None  # how many places the file says that there are

    def checked(self, what: str) -> int:
        """How many places there are: as announced, or just enough."""
        if self.places.size and self.places.min() < 0:
            p = int(self.places.argmin())
            raise ValueError(f"entry {p + 1:,} has the {what} {self.places[p]}: places are numbered from 0")
        needed = int(self.places.max(initial=-1)) + 1 if self.names is None else len(self.names)
        if self.length is not None and self.length < needed:
            raise ValueError(f"it announces {self.length:,} {what}s, and its entries need {needed:,}")
        return needed if self.length is None else self.length


def from_entries(rows: Axis, columns: Axis, values: np.ndarray, source: Source) -> NamedMatrix:
    """The matrix of all entries, if their places and values are sound; those that stand twice are summed."""
    if values.size == 0 and rows.length is None:
        raise ValueError("there is no entry in it")
    with np.errstate(invalid="ignore"):
        wrong = ~np.isfinite(values) | (values < 0)
    if wrong.any():
        p = int(wrong.argmax())
        raise ValueError(f"entry {p + 1:,} has the value {values[p].item()!r}: values must be finite and not negative")
    shape = rows.checked("row"), columns.checked("column")
    for length, what in zip(shape, ("row", "column"), strict=True):
        source.check_claim(8 * (length + 1), f"a matrix of {length:,} {what}s")
    small = np.int32 if max(*shape, values.size) < 1 << 31 else np.int64
    coordinates: Any = tuple(axis.places.astype(small, copy=False) for axis in (rows, columns))
    X = sparse.coo_array((smaller_integers(values), coordinates), shape=shape).tocsr()
    return NamedMatrix(X, rows.names, columns.names)


def pick_columns(wanted: Sequence[str] | None, there: Sequence[str]) -> tuple[str, str, str]:
    """The three columns that give row, column and value: those asked for, or all where there are just three."""
    listing = ", ".join(map(repr, there[:50])) or "none"
    if wanted is None and len(there) == 3:
        wanted = there
    if wanted is None:
        raise ValueError(f"Name the three columns of row, column and value, triples=(...). The columns are: {listing}")
    if isinstance(wanted, str) or len(wanted) != 3:
        raise ValueError(f"triples must name three columns (row, column, value), got {wanted!r}")
    missing = [name for name in wanted if name not in there]
    if missing:
        raise ValueError(f"there is no column {missing[0]!r}. The columns are: {listing}")
    return tuple(wanted)  # type: ignore[return-value]
