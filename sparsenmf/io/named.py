"""A matrix and the names of its rows and columns."""

import operator
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

__all__ = ["NamedMatrix", "Names", "check_unique", "named", "smaller_integers"]

Names: TypeAlias = tuple[str, ...] | None


@dataclass(frozen=True, eq=False)
class NamedMatrix:
    """A matrix and the names of its rows and columns: what `read` returns.

    `factorize`, `NMF`, `TopicModel` and all else in this package take it as it is; give functions of scipy and others
    the matrix in it, `counts.X`. What that matrix has and does is found here too: `counts.shape`,
    `counts.toarray()`, `counts[3:5]`, `counts - other` are those of `counts.X`, and have no names.

    Parameters
    ----------
    X : csr_array or ndarray
    row_names, column_names : iterable of str, optional
        None where nothing names them.

    Raises
    ------
    ValueError
        If there is not one name for each row or column, or two rows have one name.

    Examples
    --------
    >>> from scipy import sparse
    >>> from sparsenmf.io import NamedMatrix
    >>> counts = NamedMatrix(sparse.csr_array([[1, 0], [2, 3]]), column_names=["ark", "flood"])
    >>> counts.column_names, counts.row_names, counts.nnz
    (('ark', 'flood'), None, 3)
    """

    X: Any
    row_names: Names = None
    column_names: Names = None

    def __post_init__(self) -> None:
        for axis, what in enumerate(("row", "column")):
            given = getattr(self, f"{what}_names")
            if given is None:
                continue
            names = tuple(map(str, given))
            if len(names) != self.X.shape[axis]:
                raise ValueError(f"{len(names):,} names for {self.X.shape[axis]:,} {what}s: there must be one for each")
            object.__setattr__(self, f"{what}_names", names)
        check_unique(self.row_names or (), "row")

    def __getattr__(self, name: str) -> Any:
        if name == "X" or name.startswith("__"):  # asked for by copy and pickle before there is an X
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return getattr(self.X, name)

    def __getitem__(self, place: Any) -> Any:
        return self.X[place]

    __array_ufunc__ = None  # an array to the left leaves the operation to the methods below

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if not isinstance(self.X, np.ndarray):
            raise TypeError("a sparse matrix with names is no array: take the matrix in it, .X, or .toarray()")
        return np.array(self.X, dtype=dtype, copy=copy)


def _operation(name: str, swapped: bool) -> Callable[[Any, Any], Any]:
    act = getattr(operator, name)

    def operation(self: NamedMatrix, other: Any) -> Any:
        other = other.X if isinstance(other, NamedMatrix) else other
        return act(other, self.X) if swapped else act(self.X, other)

    return operation


for _name in ("add", "sub", "mul", "truediv", "matmul", "pow", "eq", "ne", "lt", "le", "gt", "ge"):
    setattr(NamedMatrix, f"__{_name}__", _operation(_name, swapped=False))
for _name in ("add", "sub", "mul", "matmul"):
    setattr(NamedMatrix, f"__r{_name}__", _operation(_name, swapped=True))


def named(X: Any, row_names: Iterable[str] | None = None, column_names: Iterable[str] | None = None) -> NamedMatrix:
    """A matrix with names, its memory shared; names that it has already stay where none are given."""
    old = X if isinstance(X, NamedMatrix) else NamedMatrix(X)
    rows = old.row_names if row_names is None else tuple(row_names)
    return NamedMatrix(old.X, rows, old.column_names if column_names is None else tuple(column_names))


def check_unique(names: Iterable[str], what: str) -> None:
    """Raise a ValueError that tells the names that stand twice, and where, if there are any."""
    names = list(names)
    if len(set(names)) == len(names):
        return
    twice = [name for name, count in Counter(names).items() if count > 1]
    first = names.index(twice[0])
    second = names.index(twice[0], first + 1)
    more = f" ({len(twice) - 1:,} more names stand twice)" if len(twice) > 1 else ""
    places = f"{what}s number {first + 1:,} and {second + 1:,}"
    raise ValueError(f"the {places} both have the name {twice[0]!r}{more}: rename or remove one of them")


def smaller_integers(data: np.ndarray) -> np.ndarray:
    """Whole numbers, also those held as floats, as int32 where all of them fit (half the memory); else as they are."""
    bound = np.iinfo(np.int32).max
    if data.dtype.kind == "f" and not (np.isfinite(data).all() and (data == np.trunc(data)).all()):
        return data
    return data.astype(np.int32) if data.size == 0 or (data.min() >= -bound and data.max() <= bound) else data
