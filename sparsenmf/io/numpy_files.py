"""numpy's own files: scipy.sparse matrices and dense arrays in .npz, dense arrays in .npy.

An npz that `write` made also holds names, as arrays that `scipy.sparse.load_npz` passes over.
"""

from typing import Any, BinaryIO

import numpy as np
from scipy import sparse

from sparsenmf.io.archive import Archive, open_archive, packed_names, read_header, unpacked_names, write_archive
from sparsenmf.io.files import check_room
from sparsenmf.io.named import NamedMatrix
from sparsenmf.io.source import Source

__all__ = ["read_npy", "read_npz", "write_npz"]

_NUMBERS = "buifc"
_NAMES = ("row_names", "column_names")


def read_npz(source: Source) -> Any:
    """Read a sparse matrix (as `scipy.sparse.save_npz` writes CSR, CSC and COO) or the one 2-D array of an npz file."""
    with open_archive(source) as archive:
        if "format" not in archive:
            return _dense(archive)
        matrix = _sparse(archive, source)
        return NamedMatrix(matrix, *(unpacked_names(archive, name) for name in _NAMES))


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
        n_bytes = source.size - file.tell()
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
    layout = archive.array("format", kinds="SU", ndim=0).item()
    layout = layout.decode("latin-1") if isinstance(layout, bytes) else str(layout)
    parts = {"csr": ("indptr", "indices"), "csc": ("indptr", "indices"), "coo": ("row", "col")}
    if layout not in parts:
        raise ValueError(
            f"it holds a sparse matrix in the layout {layout!r}; CSR, CSC and COO can be read. Save it again with "
            "scipy.sparse.save_npz(path, X.tocsr())"
        )
    data = archive.array("data", kinds=_NUMBERS, ndim=1)
    first, second = (archive.array(name, kinds="iu", ndim=1) for name in parts[layout])
    shape = tuple(archive.array("shape", kinds="iu", ndim=1)[:3].tolist())
    if len(shape) != 2 or min(shape) < 0:
        raise ValueError(f"its shape is {shape}: a matrix has two lengths, none negative")
    # COO and CSC are turned into CSR, which has one pointer a row however few entries there are.
    source.check_claim(8 * (shape[0] + 1), f"a matrix of {shape[0]:,} rows")
    if layout == "coo":
        if data.dtype.kind in "bui" and data.dtype.itemsize < 4:
            data = data.astype(np.int32)  # entries that stand twice are summed, and must not wrap round
        return sparse.coo_array((data, (first, second)), shape=shape).tocsr()
    matrix = (sparse.csr_array if layout == "csr" else sparse.csc_array)((data, second, first), shape=shape)
    matrix.check_format(full_check=True)  # indices in range, indptr monotone: kernels trust both
    return matrix.tocsr()
