"""A matrix from rows of a table that each give a row, a column and a value."""

from array import array
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from sparsenmf.io.named import NamedCSR, named, smaller_integers
from sparsenmf.io.source import Source

__all__ = ["Axis", "Triples", "pick_columns"]


def pick_columns(wanted: Sequence[str] | None, there: Sequence[str]) -> tuple[str, str, str]:
    """The three columns that give row, column and value: those asked for, or all where there are just three."""
    listing = ", ".join(map(repr, there[:50])) or "none"
    if wanted is None and len(there) == 3:
        wanted = there
    if wanted is None:
        raise ValueError(
            "which columns give row, column and value? Name the three, as in "
            f'triples=("document", "word", "count"). The columns are: {listing}'
        )
    if isinstance(wanted, str) or len(wanted) != 3:
        raise ValueError(f"triples must name three columns (row, column, value), got {wanted!r}")
    missing = [name for name in wanted if name not in there]
    if missing:
        raise ValueError(f"there is no column {missing[0]!r}. The columns are: {listing}")
    return tuple(wanted)  # type: ignore[return-value]


class Axis:
    """The rows or the columns of a matrix that grows: numbered by place, or by name in order of first appearance."""

    def __init__(self, what: str, names: Iterable[str] | None = None) -> None:
        self.what = what
        self._numbers: dict[str, int] | None = None if names is None else {name: i for i, name in enumerate(names)}
        self._places: list[np.ndarray] = []

    def add_names(self, names: Sequence[str], picks: np.ndarray | None = None) -> None:
        """Add entries by name: `names` in turn, or `names[picks]`."""
        if self._numbers is None:
            self._numbers = {}
        numbers = self._numbers
        places = np.fromiter((numbers.setdefault(name, len(numbers)) for name in names), np.int64, len(names))
        self._places.append(places if picks is None else places[picks])

    def add_places(self, places: np.ndarray) -> None:
        """Add entries by place, from 0."""
        self._places.append(places.astype(np.int64))

    @property
    def names(self) -> tuple[str, ...] | None:
        return None if self._numbers is None else tuple(self._numbers)

    def places(self) -> np.ndarray:
        """Of each entry its place, checked: none negative, and none beyond the names."""
        places = np.concatenate(self._places) if self._places else np.zeros(0, dtype=np.int64)
        if places.size and places.min() < 0:
            p = int(places.argmin())
            raise ValueError(f"entry {p + 1:,} has the {self.what} {places[p]}: places are numbered from 0")
        return places

    def length(self, places: np.ndarray, claimed: int | None) -> int:
        """How many rows or columns there are: as claimed, or just enough."""
        needed = len(self._numbers) if self._numbers is not None else int(places.max(initial=-1)) + 1
        if claimed is not None and claimed < needed:
            raise ValueError(f"it announces {claimed:,} {self.what}s, and its entries need {needed:,}")
        return needed if claimed is None else claimed


class Triples:
    """Entries collected one after another; `matrix` sums those that stand twice."""

    def __init__(self, rows: Axis, columns: Axis) -> None:
        self.rows, self.columns = rows, columns
        self._values: list[Any] = []

    def add_values(self, values: np.ndarray | array) -> None:
        self._values.append(np.asarray(values))

    def matrix(self, source: Source, shape: tuple[int, int] | None = None) -> NamedCSR:
        """The matrix of all entries.

        Raises
        ------
        ValueError
            If a value is negative, NaN or infinite, or a place is negative or outside the shape.
        """
        values = np.concatenate(self._values) if self._values else np.zeros(0, dtype=np.int32)
        if values.size == 0 and shape is None:
            raise ValueError("there is no entry in it")
        check_values(values)
        places, lengths = [], []
        for axis, claimed in zip((self.rows, self.columns), shape or (None, None), strict=True):
            places.append(axis.places())
            lengths.append(axis.length(places[-1], claimed))
            source.check_claim(8 * (lengths[-1] + 1), f"a matrix of {lengths[-1]:,} {axis.what}s")
        n, m = lengths
        small = np.int32 if max(n, m, values.size) < 1 << 31 else np.int64
        coordinates: Any = tuple(place.astype(small) for place in places)
        X = sparse.coo_array((smaller_integers(values), coordinates), shape=(n, m)).tocsr()
        return named(X, self.rows.names, self.columns.names)


def check_values(values: np.ndarray) -> None:
    """Raise a ValueError that names the first entry that is no finite number or is negative."""
    with np.errstate(invalid="ignore"):
        wrong = ~np.isfinite(values) | (values < 0)
    if wrong.any():
        p = int(wrong.argmax())
        raise ValueError(f"entry {p + 1:,} has the value {values[p].item()!r}: values must be finite and not negative")
