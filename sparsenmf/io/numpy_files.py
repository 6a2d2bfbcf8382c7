"""numpy's own files: scipy.sparse matrices and dense arrays in .npz, dense arrays in .npy.

An npz that `write` made also holds names, as arrays that `scipy.sparse.load_npz` passes over.
"""

from typing import Any, BinaryIO

import numpy as np
from scipy import sparse

from sparsenmf.io.archive import Archive, Header, open_archive, packed_names, read_header, unpacked_names, write_archive
from sparsenmf.io.files import check_room
from sparsenmf.io.named import NamedMatrix
from sparsenmf.io.source import Source

__all__ = ["read_npy", "read_npz", "write_npz"]

_NUMBERS = "buifc"
_NAMES = ("row_names", "column_names")


def read_npz(source: Source) -> Any:
    """Read a sparse matrix, as `scipy.sparse.save_npz` writes it, or the one 2-D array of an npz file."""
    with open_archive(source) as archive:
        if "format" not in archive.headers:
            return _dense(archive)
        names = [unpacked_names(archive, name) for name in _NAMES]
    try:
        X: Any = sparse.load_npz(source.path)
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"scipy cannot load a sparse matrix from it ({error}): write it again") from error
    if X.ndim != 2 or X.dtype.kind not in _NUMBERS:
        raise ValueError(f"it holds {X.dtype} of shape {X.shape}, not numbers with two lengths, rows and columns")
    if X.format == "coo" and X.dtype.kind in "bui" and X.dtype.itemsize < 4:
        X = X.astype(np.int32)  # entries that stand twice are summed, and must not wrap round
    return NamedMatrix(X, *names)


def write_npz(file: BinaryIO, matrix: NamedMatrix) -> None:
    """Write a matrix as `scipy.sparse.save_npz` does, and its names beside it."""
    X = matrix.X
    arrays = {"indices": X.indices, "indptr": X.indptr, "format": np.array(b"csr"), "shape": np.array(X.shape)}
    arrays |= {"data": X.data, "_is_array": np.array(True)}
    for key in _NAMES:
        if (names := getattr(matrix, key)) is not None:
            arrays |= packed_names(key, names)
    write_archive(file, arrays)


def read_npy(source: Source) -> np.ndarray:
    """Read the 2-D array of an npy file."""
    with source.path.open("rb") as file:
        header = read_header(file, source.path.name)
        if header.end != source.size:
            raise ValueError(
                f"its header claims {header.end:,} bytes, and it has {source.size:,}: copy or write it again"
            )
        _check_dense(header)
        check_room(source.size, "its array")
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)


def _dense(archive: Archive) -> np.ndarray:
    if {"meta", "H"} <= set(archive.headers):
        raise ValueError("this is a fitted model, not a matrix: `sparsenmf topics` shows it, load_model reads it")
    if len(archive.headers) != 1:
        listing = ", ".join(f"{name} {header.shape}" for name, header in archive.headers.items()) or "none"
        raise ValueError(f"no sparse matrix, and not one dense array. Its arrays: {listing}. Save the matrix alone")
    [(name, header)] = archive.headers.items()
    _check_dense(header)
    return archive.array(name, kinds=_NUMBERS, ndim=2)


def _check_dense(header: Header) -> None:
    if len(header.shape) != 2 or min(header.shape) < 0:
        raise ValueError(f"a matrix has two dimensions, this array has the shape {header.shape}")
    if header.dtype.kind not in _NUMBERS:
        raise ValueError(f"the array holds {header.dtype}, not numbers")
