"""HDF5 files as far as matrices need them: each dataset checked by its header before a value of it is read.

An HDF5 file can point to other files, and can claim datasets of any size that take no room in it. Both are refused
here, so that what opens a file from elsewhere reads that file alone, and no more of it than can be held.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from scipy import sparse

from sparsenmf.io.heaps import check_heaps
from sparsenmf.io.source import Source

__all__ = ["Budget", "Compressed", "attribute", "child", "dataset", "numbers", "open_hdf5", "texts"]

_MAGIC = b"\x89HDF\r\n\x1a\n"
_LONGEST_NAME = 1 << 12
# What h5py and HDF5 raise on files that are damaged; OSError is said by the one who opens.
_DAMAGE = (KeyError, RuntimeError, TypeError, AttributeError, IndexError, OSError, UnicodeError, SystemError)


class Budget:
    """How many bytes may still be read from a file, by what its datasets claim."""

    def __init__(self, source: Source) -> None:
        self._source, self._spent = source, 0

    def spend(self, n_bytes: int, what: str) -> None:
        self._spent += n_bytes
        self._source.check_claim(self._spent, what)


@contextmanager
def open_hdf5(source: Source) -> Iterator[Any]:
    """Open an HDF5 file for reading; whatever the library says of damage inside becomes a ValueError."""
    with source.path.open("rb") as file:
        start = file.read(8)
    if start != _MAGIC:
        raise ValueError("this is no HDF5 file (it does not begin as one does): copy or write it again")
    h5py = _h5py()
    check_heaps(source.path)
    try:
        with h5py.File(source.path, "r", locking=False, rdcc_nbytes=1 << 20) as root:
            yield root
    except _DAMAGE as error:
        why = str(error).strip().split("\n")[0][:200] or type(error).__name__
        raise ValueError(f"HDF5 cannot read it ({why}): the file is damaged or was cut short") from error


def _h5py() -> Any:
    try:
        import h5py
    except ImportError as error:
        raise ImportError('HDF5 files need the package h5py: pip install "sparsenmf[hdf5]"') from error
    return h5py


def child(group: Any, name: str) -> Any:
    """What has a name in a group, or None; never something in another file."""
    link = group.get(name, getlink=True)
    if link is None:
        return None
    if type(link).__name__ == "ExternalLink":
        raise ValueError(f"{group.name}/{name} points to another file: only what is in the file itself is read")
    return group[name]


def dataset(group: Any, name: str, ndim: int | None, budget: Budget, item_bytes: int = 0) -> Any:
    """A dataset of so many dimensions whose claims are within the budget.

    Parameters
    ----------
    group : h5py.Group
    name : str
    ndim : int or None
    budget : Budget
    item_bytes : int
        What an item takes in memory, where that is more than in the file (texts).
    """
    found = child(group, name)
    where = f"{group.name.rstrip('/')}/{name}"
    if found is None or not hasattr(found, "dtype"):
        raise ValueError(f"it has no dataset {where}. There are: {', '.join(group) or 'none'}")
    if found.is_virtual or found.external:
        raise ValueError(f"the values of {where} lie in another file: only what is in the file itself is read")
    if found.shape is None or (ndim is not None and len(found.shape) != ndim):
        raise ValueError(f"{where} has the shape {found.shape}, and should have {ndim} dimension{'s' * (ndim != 1)}")
    n_items = 1
    for length in found.shape:  # Python integers: numpy's would wrap round
        n_items *= int(length)
    budget.spend(n_items * max(item_bytes, found.dtype.itemsize), where)
    chunk = 1
    for length in found.chunks or ():
        chunk *= int(length)
    budget.spend(chunk * found.dtype.itemsize if found.chunks else 0, f"a chunk of {where}")
    return found


def numbers(group: Any, name: str, kinds: str, budget: Budget) -> np.ndarray:
    """The values of a flat dataset of numbers of the given kinds ("iu": integers)."""
    found = dataset(group, name, 1, budget)
    if found.dtype.kind not in kinds:
        raise ValueError(f"{found.name} holds {found.dtype}: not the kind of numbers that belongs there")
    return found[...]


def texts(group: Any, name: str, budget: Budget, field: str | None = None) -> tuple[str, ...]:
    """The values of a flat dataset of texts (or of a field of it), of fixed or of variable length."""
    found = dataset(group, name, 1, budget, item_bytes=64)
    kind = found.dtype
    if field is not None:
        if field not in (kind.names or ()):
            raise ValueError(f"{found.name} has no field {field!r}")
        kind = kind[field]
    if not _is_text(kind):
        raise ValueError(f"{found.name} holds {kind}, not texts (of at most {_LONGEST_NAME:,} bytes)")
    values = found[...] if field is None else found[field]
    return tuple(item.decode("utf-8") for item in values.tolist())


def _is_text(kind: np.dtype) -> bool:
    """Whether a dtype is one of texts. Lists of any length look alike; HDF5 may crash on damaged ones."""
    if kind.kind == "O":
        return _h5py().check_string_dtype(kind) is not None
    return kind.kind == "S" and kind.itemsize <= _LONGEST_NAME


def attribute(node: Any, name: str) -> Any:
    """An attribute that is a text or a few numbers, or None."""
    if name not in node.attrs:
        return None
    found = node.attrs.get_id(name)
    few = found.shape is not None and len(found.shape) <= 1 and all(length <= 8 for length in found.shape)
    if not few or not (found.dtype.kind in "iu" or _is_text(found.dtype)):
        raise ValueError(f"the attribute {name!r} of {node.name} holds {found.dtype} of shape {found.shape}: damaged?")
    value = node.attrs[name]
    return value.decode("utf-8") if isinstance(value, bytes) else value


class Compressed:
    """A CSR or CSC matrix as a group with data, indices and indptr; any run of its compressed lines can be read.

    Parameters
    ----------
    group : h5py.Group
    shape : pair of int
        (lines, bound of the indices).
    budget : Budget
    """

    def __init__(self, group: Any, shape: tuple[int, int], budget: Budget) -> None:
        self.shape, self._where = shape, group.name
        budget.spend(8 * (shape[0] + 1), f"a matrix of {shape[0]:,} rows or columns")
        self._pointers = numbers(group, "indptr", "iu", budget).astype(np.int64)
        self._indices, self._data = (dataset(group, name, 1, budget) for name in ("indices", "data"))
        self._check()

    def _check(self) -> None:
        stored, pointers = self._indices.shape[0], self._pointers
        if self._indices.dtype.kind not in "iu" or self._data.dtype.kind not in "biuf":
            raise ValueError(f"{self._where} holds {self._data.dtype} at places of {self._indices.dtype}: no matrix")
        if pointers.size != self.shape[0] + 1 or self._data.shape[0] != stored:
            raise ValueError(
                f"the parts of the sparse matrix {self._where} belie each other: {self.shape[0]:,} lines, "
                f"{pointers.size:,} pointers, {stored:,} indices, {self._data.shape[0]:,} values"
            )
        if pointers[0] != 0 or pointers[-1] != stored or (pointers[1:] < pointers[:-1]).any():
            raise ValueError(f"the pointers of the sparse matrix {self._where} do not rise from 0 to {stored:,}")

    def lines(self, start: int = 0, stop: int | None = None) -> sparse.csr_array:
        """The lines from `start` to before `stop` (all), as CSR with lines for rows."""
        pointers = self._pointers[start : None if stop is None else stop + 1]
        low, high = int(pointers[0]), int(pointers[-1])
        indices, data = self._indices[low:high], self._data[low:high]
        if indices.size and not 0 <= indices.min() <= indices.max() < self.shape[1]:
            raise ValueError(f"the sparse matrix {self._where} has indices that are not in 0..{self.shape[1] - 1}")
        small = np.int32 if max(indices.size, *self.shape) <= np.iinfo(np.int32).max else np.int64
        parts = (data, indices.astype(small, copy=False), (pointers - low).astype(small))
        return sparse.csr_array(parts, shape=(len(pointers) - 1, self.shape[1]))
