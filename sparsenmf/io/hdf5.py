"""HDF5 files as far as matrices need them: what lies in a group is checked by its header before a value is read.

An HDF5 file can point to other files, and can claim datasets of any size that take no room in it. Both are refused
here, so that what opens a file from elsewhere reads that file alone, and no more of it than can be held.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np

from sparsenmf.io.files import library
from sparsenmf.io.source import Source

__all__ = ["Budget", "child", "flat", "open_hdf5"]

_MAGIC = b"\x89HDF\r\n\x1a\n"
_LONGEST_NAME = 1 << 12
# What h5py and HDF5 raise on files that are damaged; OSError is said by the one who opens.
_DAMAGE = (KeyError, RuntimeError, TypeError, AttributeError, IndexError, OSError, UnicodeError, SystemError)


class Budget:
    """How many bytes may still be read from a file, by what its datasets claim."""

    def __init__(self, source: Source) -> None:
        self._source, self._spent = source, 0

    def take(self, node: Any) -> Any:
        """A dataset, or a group with all that lies in it: in this file, and within the budget."""
        if hasattr(node, "keys"):
            for name in node:
                self.take(child(node, name))
            return node
        if node.is_virtual or node.external:
            raise ValueError(f"the values of {node.name} lie in another file: only what is in the file itself is read")
        kind = node.dtype
        if (
            kind.hasobject and library("h5py", "hdf5", "HDF5").check_string_dtype(kind) is None
        ):  # lists look alike, and may crash HDF5
            raise ValueError(f"{node.name} holds {kind}, neither numbers nor texts")
        size = max(64, kind.itemsize) if kind.hasobject else kind.itemsize  # of a text in memory
        chunk = prod(map(int, node.chunks)) * kind.itemsize if node.chunks else 0
        self._spent += prod(map(int, node.shape or ())) * size + chunk
        self._source.check_claim(self._spent, node.name)
        return node


@contextmanager
def open_hdf5(source: Source) -> Iterator[Any]:
    """Open an HDF5 file for reading; whatever the library says of damage inside becomes a ValueError."""
    with source.path.open("rb") as file:
        start = file.read(8)
    if start != _MAGIC:
        raise ValueError("this is no HDF5 file (it does not begin as one does): copy or write it again")
    h5py = library("h5py", "hdf5", "HDF5")
    try:
        with h5py.File(source.path, "r", locking=False, rdcc_nbytes=1 << 20) as root:
            yield root
    except _DAMAGE as error:
        why = str(error).strip().split("\n")[0][:200] or type(error).__name__
        raise ValueError(f"HDF5 cannot read it ({why}): the file is damaged or was cut short") from error


def child(root: Any, path: str) -> Any:
    """What is at a path below a group, or None; each step of it lies in this file."""
    for name in path.split("/"):
        link = root.get(name, getlink=True) if hasattr(root, "keys") else None
        if link is None:
            return None
        if type(link).__name__ == "ExternalLink":
            raise ValueError(f"{root.name}/{name} points to another file: only what is in the file itself is read")
        root = root[name]
    return root


def flat(group: Any, name: str, kinds: str, budget: Budget) -> np.ndarray:
    """The values of a flat dataset: numbers of the given kinds ("iu": integers), or texts ("OS")."""
    found = child(group, name)
    if found is None or not hasattr(found, "dtype"):
        raise ValueError(f"it has no dataset {group.name}/{name}. There are: {', '.join(group) or 'none'}")
    kind = found.dtype
    if kind.kind not in kinds or kind.itemsize > _LONGEST_NAME or len(found.shape or ()) != 1:
        raise ValueError(f"{found.name} holds {kind} of shape {found.shape}: this does not belong there")
    return budget.take(found)[...]
