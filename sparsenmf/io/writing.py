"""`write`: a matrix and its names to files that are whole or absent."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sparsenmf._validation import check_matrix
from sparsenmf.io.files import atomic_write, check_target, naming
from sparsenmf.io.formats import Format, find_format
from sparsenmf.io.named import NamedMatrix, named
from sparsenmf.io.names import side_file, side_names
from sparsenmf.io.source import packing_writer

__all__ = ["write"]

_SIDES = (("rows", "row_names"), ("vocab", "column_names"))


def write(
    path: str | os.PathLike[str],
    matrix: Any,
    format: str | None = None,  # noqa: A002
    *,
    row_names: Iterable[str] | None = None,
    column_names: Iterable[str] | None = None,
    force: bool = False,
) -> Path:
    """Write a matrix to a file, whole or not at all.

    Parameters
    ----------
    path : str or path-like
        Its name tells the format: `.npz`, `.mtx`, `docword.*.txt`, `.ldac`, `.svmlight`, `.parquet`, `.csv`, `.tsv`,
        `.h5ad`; those that are text may end in `.gz` or `.zst`. "-" stands for standard output.
    matrix : sparse matrix or array
        What `read` returned, with its names, or any matrix of non-negative numbers.
    format : str, optional
        The format where the name does not say it.
    row_names, column_names : iterable of str, optional
        None: the names that the matrix has. `.mtx`, `docword`, `.ldac` and `.svmlight` have no place for names: they
        go into files beside them, one a line, where `read` finds them (`X.rows.txt` and `X.vocab.txt` to `X.mtx`).
    force : bool, default=False
        Whether files that exist may be replaced.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    ValueError
        If the format is unknown or not written, the matrix has negative, infinite or missing values, or fractions
        where the format takes counts, or the names do not fit it.
    OSError
        If a file exists and `force` is false, or there is no room, or the folder is missing or takes no files. Nothing
        is left behind. (ImportError: the format needs a package that is not installed.)

    Examples
    --------
    >>> import scipy.sparse, sparsenmf
    >>> X = scipy.sparse.csr_array([[1, 0], [2, 3]])
    >>> _ = sparsenmf.write("X.mtx.gz", X, column_names=["ark", "flood"])
    >>> sparsenmf.read("X.mtx.gz").column_names
    ('ark', 'flood')
    """
    target = Path(path)
    found = find_format(target, format, wanted=lambda known: known.write is not None)
    with naming(os.fspath(path)):
        X = _prepared(matrix, found, row_names, column_names)
    if os.fspath(path) == "-":
        _write_stdout(X, found)
        return target
    sides = {} if found.names else _side_texts(target, X)
    for file in (target, *sides):
        check_target(file, force)
    for file, text in sides.items():  # names first: a matrix without them could be read, and would be taken for whole
        with atomic_write(file, force) as out:
            out.write(text)
    packing = target.name.lower() if found.packed else ""
    with atomic_write(target, force) as out, packing_writer(out, packing) as packed:
        found.write(packed, X)  # type: ignore[misc]
    return target


def _prepared(matrix: Any, found: Format, rows: Iterable[str] | None, columns: Iterable[str] | None) -> NamedMatrix:
    """The matrix as CSR with all names, and of whole numbers where the format wants them."""
    X = check_matrix(matrix, "matrix", "write").csr().plain()
    if found.whole and X.dtype.kind == "f":
        fractions = X.data != np.trunc(X.data)
        if fractions.any():
            p = int(fractions.argmax())
            row = int(np.searchsorted(X.indptr, p, side="right")) - 1
            wrong = f"matrix[{row}, {X.indices[p]}] = {X.data[p].item()!r} is no whole number"
            raise ValueError(f"{wrong}, and {found.name} takes counts alone: round them, or write .mtx or .npz")
        X = X.astype(np.int64)
    return named(replace(matrix, X=X) if isinstance(matrix, NamedMatrix) else X, rows, columns)


def _side_texts(target: Path, matrix: NamedMatrix) -> dict[Path, bytes]:
    """The files of names that belong beside a matrix, and what goes into them."""
    texts = {}
    for kind, attribute in _SIDES:
        names = getattr(matrix, attribute)
        if names is None:
            if (stale := side_names(target, kind)) is not None:
                raise FileExistsError(f"{stale} lies there, and would name what is in {target}: remove or rename it")
            continue
        broken = next((name for name in names if "\n" in name or "\r" in name), None)
        if broken is not None:
            raise ValueError(f"the name {broken!r} holds a line end, and names are written one a line: change it")
        texts[side_file(target, kind)] = "".join(f"{name}\n" for name in names).encode()
    return texts


def _write_stdout(matrix: NamedMatrix, found: Format) -> None:
    with tempfile.TemporaryFile(prefix="sparsenmf-") as file:
        found.write(file, matrix)  # type: ignore[misc]
        file.seek(0)
        shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()
