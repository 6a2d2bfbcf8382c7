"""Matrices that know the names of their rows and columns."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

__all__ = ["NamedCSR", "NamedDense", "Names", "check_unique", "named", "smaller_integers"]

Names: TypeAlias = tuple[str, ...] | None


class NamedCSR(sparse.csr_array):
    """A `scipy.sparse.csr_array` that also knows names: what `read` returns for a sparse file.

    It can be used wherever a csr_array can. What is computed from it (a slice, a transpose, a product) is a matrix
    without names: take those that belong to it from here.

    Attributes
    ----------
    row_names, column_names : tuple of str or None
        None where the file names nothing.
    X : csr_array
        The same matrix (and memory) without names.

    Examples
    --------
    >>> from sparsenmf.io.named import named
    >>> counts = named(sparse.csr_array([[1, 0], [2, 3]]), column_names=("ark", "flood"))
    >>> counts.column_names, counts.row_names
    (('ark', 'flood'), None)
    """

    row_names: Names = None
    column_names: Names = None

    @property
    def X(self) -> sparse.csr_array:  # noqa: N802
        return sparse.csr_array((self.data, self.indices, self.indptr), shape=self.shape)


class NamedDense(np.ndarray):
    """A numpy array that also knows names: what `read` returns for a dense file. See `NamedCSR`."""

    row_names: Names = None
    column_names: Names = None

    @property
    def X(self) -> np.ndarray:  # noqa: N802
        return self.view(np.ndarray)


def named(X: Any, row_names: Iterable[str] | None = None, column_names: Iterable[str] | None = None) -> Any:
    """Give a matrix names.

    Parameters
    ----------
    X : csr_array or ndarray
        Its memory is shared, not copied. Names that it has already stay where none are given.
    row_names, column_names : iterable of str, optional

    Returns
    -------
    NamedCSR or NamedDense

    Raises
    ------
    ValueError
        If there is not one name for each row or column, or two rows have one name.
    """
    if isinstance(X, np.ndarray):
        result: Any = X.view(NamedDense)
    else:
        result = NamedCSR((X.data, X.indices, X.indptr), shape=X.shape)
    for axis, (given, attribute) in enumerate(((row_names, "row_names"), (column_names, "column_names"))):
        names = getattr(X, attribute, None) if given is None else tuple(map(str, given))
        what = ("rows", "columns")[axis]
        if names is not None and len(names) != X.shape[axis]:
            raise ValueError(f"{len(names):,} names for {X.shape[axis]:,} {what}: there must be one for each")
        setattr(result, attribute, names)
    if result.row_names is not None:
        check_unique(result.row_names, "row")
    return result


def check_unique(names: Iterable[str], what: str) -> None:
    """Raise a ValueError that tells the names that stand twice, and where, if there are any."""
    names = list(names)
    if len(set(names)) == len(names):
        return
    twice = [name for name, count in Counter(names).items() if count > 1]
    first = names.index(twice[0])
    second = names.index(twice[0], first + 1)
    more = f" ({len(twice) - 1:,} more names stand twice)" if len(twice) > 1 else ""
    raise ValueError(
        f"the {what}s number {first + 1:,} and {second + 1:,} both have the name {twice[0]!r}{more}. A name must tell "
        f"{what}s apart: rename or remove one of them"
    )


def smaller_integers(data: np.ndarray) -> np.ndarray:
    """Counts that a file gives as text as int32 where all of them fit (half the memory), else as they are.

    Floats that are all whole numbers count as such.
    """
    bound = np.iinfo(np.int32).max
    if data.dtype.kind == "f" and not (np.isfinite(data).all() and (data == np.trunc(data)).all()):
        return data
    return data.astype(np.int32) if data.size == 0 or (data.min() >= -bound and data.max() <= bound) else data
