"""numpy's own files: scipy.sparse matrices and dense arrays in .npz, dense arrays in .npy.

An npz that `write` made also holds names, as arrays that `scipy.sparse.load_npz` passes over.
"""

from typing import BinaryIO

import numpy as np
from scipy import sparse

from sparsenmf.io.archive import (
    Archive,
    file_size,
    open_archive,
    packed_names,
    read_header,
    unpacked_names,
    write_archive,
)
from sparsenmf.io.files import check_room
from sparsenmf.io.named import NamedCSR, named
from sparsenmf.io.source import Source

__all__ = ["read_npy", "read_npz", "write_npz"]

_NUMBERS = "buifc"
_NAMES = ("row_names", "column_names")


def read_npz(source: Source) -> sparse.csr_array | np.ndarray:
    """Read a sparse matrix (as `scipy.sparse.save_npz` writes CSR, CSC and COO) or the one 2-D array of an npz file."""
    with open_archive(source) as archive:
        if "format" not in archive:
            return _dense(archive)
        matrix = _sparse(archive, source)
        return named(matrix, *(unpacked_names(archive, name) for name in _NAMES))


def write_npz(file: BinaryIO, X: NamedCSR) -> None:
    """Write a matrix as `scipy.sparse.save_npz` does, and its names beside it."""
    arrays = {"indices": X.indices, "indptr": X.indptr, "format": np.array(b"csr"), "shape": np.array(X.shape)}
    arrays |= {"data": X.data, "_is_array": np.array(True)}
    for key in _NAMES:
        if (names := getattr(X, key)) is not None:
            arrays |= packed_names(key, names)
    write_archive(file, arrays)


def read_npy(source: Source) -> np.ndarray:
    """Read the 2-D array of an npy file."""
    with source.path.open("rb") as file:
        header = read_header(file, source.path.name)
        n_bytes = file_size(file) - file.tell()
        if header.n_bytes != n_bytes:
            raise ValueError(
                f"the header claims {header.n_bytes:,} bytes ({header.dtype} of shape {header.shape}), but {n_bytes:,} "
                "follow. The file was cut short or changed: copy or write it again"
            )
        _check_dense(header.shape, header.dtype)
        check_room(n_bytes, "its array")
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)


def _dense(archive: Archive) -> np.ndarray:
    if "meta" in archive and "H" in archive:
        raise ValueError("this is a fitted model, not a matrix: `sparsenmf topics` shows it, load_model reads it")
    names = list(archive.headers)
    if len(names) != 1:
        listing = ", ".join(f"{name} {header.shape}" for name, header in archive.headers.items()) or "none"
        raise ValueError(
            f"no sparse matrix (it has no array 'format') and not one dense array either. Its arrays: {listing}. "
            "Save the matrix alone, with scipy.sparse.save_npz or numpy.savez_compressed(path, X=X)"
        )
    header = archive.headers[names[0]]
    _check_dense(header.shape, header.dtype)
    return archive.array(names[0], kinds=_NUMBERS, ndim=2)


def _check_dense(shape: tuple[int, ...], dtype: np.dtype) -> None:
    if len(shape) != 2:
        raise ValueError(f"a matrix has two dimensions, this array has the shape {shape}")
    if dtype.kind not in _NUMBERS:
        raise ValueError(f"the array holds {dtype}, not numbers")


def _sparse(archive: Archive, source: Source) -> sparse.csr_array:
    layout = _layout(archive)
    shape = tuple(int(length) for length in archive.array("shape", kinds="iu", ndim=1)[:3])
    if len(shape) != 2 or min(shape) < 0:
        raise ValueError(f"its shape is {shape}: a matrix has two lengths, none negative")
    # COO and CSC are turned into CSR, which has one pointer a row however few entries there are.
    source.check_claim(8 * (shape[0] + 1), f"a matrix of {shape[0]:,} rows")
    if layout == "coo":
        return _from_coo(archive, shape)
    pointers, stored = archive.headers["indptr"].shape, archive.headers["indices"].shape
    lines = shape[0] if layout == "csr" else shape[1]
    if pointers != (lines + 1,) or stored != archive.headers["data"].shape:
        raise ValueError(
            f"the parts of this {layout.upper()} matrix of shape {shape} belie each other: indptr {pointers} (must be "
            f"({lines + 1},)), indices {stored}, data {archive.headers['data'].shape}. Save it again with save_npz"
        )
    parts = (
        archive.array("data", kinds=_NUMBERS, ndim=1),
        archive.array("indices", kinds="iu", ndim=1),
        archive.array("indptr", kinds="iu", ndim=1),
    )
    matrix = (sparse.csr_array if layout == "csr" else sparse.csc_array)(parts, shape=shape)
    matrix.check_format(full_check=True)  # indices in range, indptr monotone: kernels trust both
    return matrix.tocsr()


def _layout(archive: Archive) -> str:
    """The sparse layout that an archive declares; its parts are there."""
    parts = {"csr": ("indptr", "indices"), "csc": ("indptr", "indices"), "coo": ("row", "col")}
    name = archive.array("format", kinds="SU", ndim=0).item()
    layout = name.decode("latin-1") if isinstance(name, bytes) else str(name)
    if layout not in parts:
        raise ValueError(
            f"it holds a sparse matrix in the layout {layout!r}; CSR, CSC and COO can be read. Save it again with "
            "scipy.sparse.save_npz(path, X.tocsr())"
        )
    missing = [part for part in (*parts[layout], "data", "shape") if part not in archive]
    if missing:
        raise ValueError(f"a {layout.upper()} matrix needs the array {missing[0]!r}, which is missing: save it again")
    return layout


def _from_coo(archive: Archive, shape: tuple[int, ...]) -> sparse.csr_array:
    data = archive.array("data", kinds=_NUMBERS, ndim=1)
    if data.dtype.kind in "bui" and data.dtype.itemsize < 4:
        data = data.astype(np.int32)  # entries that stand twice are summed, and must not wrap round
    places = (archive.array("row", kinds="iu", ndim=1), archive.array("col", kinds="iu", ndim=1))
    return sparse.coo_array((data, places), shape=shape).tocsr()
