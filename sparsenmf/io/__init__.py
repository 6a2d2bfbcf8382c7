"""Reading matrices and names, writing and reading fitted models.

A reader turns one file into a matrix; `read` picks it by the file's suffix. What it returns still goes through the
checks that every matrix goes through: a reader answers for the file (whole, no pickles, what its header says it is),
not for the values.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sparsenmf.io.files import naming
from sparsenmf.io.matrix_market import read_matrix_market
from sparsenmf.io.model import Model, load_model, save_model
from sparsenmf.io.names import find_names, read_names
from sparsenmf.io.numpy_files import read_npy, read_npz

__all__ = ["READERS", "Model", "find_names", "load_model", "read", "read_names", "save_model"]

#: suffix -> reader. A new format is one more entry.
READERS: Mapping[str, Callable[[Path], Any]] = MappingProxyType(
    {".npz": read_npz, ".npy": read_npy, ".mtx": read_matrix_market, ".mtx.gz": read_matrix_market}
)


def read(path: str | os.PathLike[str], format: str | None = None) -> Any:  # noqa: A002 (as in np.save, mmwrite, ...)
    """Read a matrix from a file.

    Parameters
    ----------
    path : str or path-like
        `.npz`: a sparse matrix as `scipy.sparse.save_npz` writes it (CSR, CSC or COO), or one dense 2-D array;
        `.npy`: one dense 2-D array; `.mtx`, `.mtx.gz`: Matrix Market.
    format : str, optional
        The format where the suffix does not say it: "npz", "npy" or "mtx".

    Returns
    -------
    scipy.sparse.csr_array or numpy.ndarray of shape (n_samples, n_features)
        Sparse files give a CSR array, dense ones an ndarray. Values keep the dtype that the file gives them.

    Raises
    ------
    ValueError
        If the suffix or format is unknown, or the file is damaged, holds pickles or belies its own header.
    OSError
        If the file is missing or cannot be read.

    Examples
    --------
    >>> import numpy as np, scipy.sparse, sparsenmf
    >>> scipy.sparse.save_npz("X.npz", scipy.sparse.csr_array(np.eye(3, dtype=np.int32)))
    >>> sparsenmf.read("X.npz").shape
    (3, 3)
    """
    path = Path(path)
    reader = _reader(path, format)
    with naming(path):
        return reader(path)


def _reader(path: Path, format_name: str | None) -> Callable[[Path], Any]:
    known = ", ".join(READERS)
    if format_name is not None:
        suffix = "." + str(format_name).lower().removeprefix(".")
        if suffix not in READERS:
            raise ValueError(f"unknown format {format_name!r}: choose one of {known}")
        return READERS[suffix]
    name = path.name.lower()
    for suffix, reader in READERS.items():
        if name.endswith(suffix):
            return reader
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: name the file in it ({known})")
    raise ValueError(
        f"{path}: the suffix names no known format. Known are {known}; rename the file, or say which it is: "
        'format="npz" (or "npy", "mtx"), --format on the command line.'
    )
