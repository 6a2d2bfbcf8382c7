"""`read` and `read_texts`: the format by the file's name, names for rows and columns, and errors that name the file."""

import os
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from sparsenmf.io.files import naming
from sparsenmf.io.formats import Format, find_format
from sparsenmf.io.lines import Layout
from sparsenmf.io.named import NamedMatrix
from sparsenmf.io.names import read_names, side_names
from sparsenmf.io.source import Source
from sparsenmf.io.text import Texts

__all__ = ["read", "read_texts"]

_TEXT_OPTIONS = tuple(field.name for field in fields(Layout))

Names: TypeAlias = str | os.PathLike[str] | Sequence[str] | None


def read(
    path: str | os.PathLike[str],
    format: str | None = None,  # noqa: A002 (as in np.save, mmwrite, ...)
    *,
    vocab: Names = None,
    rows: Names = None,
    transpose: bool = False,
    max_bytes: int | None = None,
    **options: Any,
) -> Any:
    """Read a matrix, or texts, from a file.

    Parameters
    ----------
    path : str or path-like
        Its name tells the format; "-" stands for standard input. Matrices: `.npz` (scipy.sparse, or one dense array),
        `.npy`, `.mtx` (Matrix Market), `docword.*.txt` (UCI bag of words), `.ldac`, `.svmlight`, `.h5ad`, `.h5` (10x),
        a 10x folder, `.parquet` (triples), `.csv`, `.tsv`. Texts: `.txt` (a document a line), `.jsonl`, a folder of
        text files, and `.csv` and `.tsv` with `column=...`. All of those that are text may be packed (.gz, .zst).
    format : str, optional
        The format where the name does not say it: "npz", "npy", "mtx", "docword", "ldac", "svmlight", "h5ad",
        "10x-h5", "10x", "parquet", "csv", "tsv", "jsonl", "txt", "folder".
    vocab, rows : path or sequence of str, optional
        Names of the columns and rows: a file with one a line, or the names. None: those in the file, or those that
        `write` put beside it (`X.vocab.txt` to `X.mtx`; `vocab.kos.txt` to `docword.kos.txt`).
    transpose : bool, default=False
        Whether the file's columns are the samples, as in terms x documents; `vocab` and `rows` name the columns and
        rows of what is returned.
    max_bytes : int, optional
        How many bytes a packed file may unpack to, and what its headers claim may take. None: 100 times the file's
        size, but not less than 1 GiB.
    **options
        What one format alone knows: h5ad `layer`; 10x `feature_type`, `genome`; svmlight `zero_based`, `n_columns`;
        ldac `n_columns`; parquet `triples`, `ids`; csv and tsv `triples`, `delimiter`, `encoding`, `header`, `index`,
        `quoting`; texts `column`, `id_column`, `encoding`, `errors`, `delimiter`, `quoting` (see `read_texts`).

    Returns
    -------
    NamedMatrix or Texts
        `X`, a `scipy.sparse.csr_array` (from dense files a numpy array), with its `row_names` and `column_names`, None
        where nothing names them. Files of texts give `Texts`.

    Raises
    ------
    ValueError
        If the format is unknown, or the file is damaged, holds pickles, belies its own header, is larger unpacked than
        allowed, or holds what its format does not. The message tells the file, the place, and how to mend it.
    TypeError, ImportError
        For an option that the format does not know; if it needs a package that is not installed.
    OSError
        If the file is missing or cannot be read.

    Examples
    --------
    >>> import numpy as np, scipy.sparse, sparsenmf
    >>> scipy.sparse.save_npz("X.npz", scipy.sparse.csr_array(np.eye(3, dtype=np.int32)))
    >>> X = sparsenmf.read("X.npz", vocab=["ark", "dove", "flood"])
    >>> X.shape, X.column_names
    ((3, 3), ('ark', 'dove', 'flood'))
    """
    found = find_format(Path(path), format)
    if found.texts and (found.read is None or {"column", "id_column"} & set(options)):
        _check_options(found.name, options, _TEXT_OPTIONS)
        if vocab is not None or rows is not None or transpose:
            raise TypeError("texts have no rows and columns: vocab, rows and transpose are for matrices")
        return _texts(path, found.name, max_bytes, options)
    _check_options(found.name, options, found.options)
    with naming(os.fspath(path)):
        source = Source(path, max_bytes)
    kinds = ("vocab", "rows") if transpose else ("rows", "vocab")  # of the files beside it
    (row_names, rows_of), (column_names, columns_of) = (
        _names(given, kind, found, source) for given, kind in zip((rows, vocab), kinds, strict=True)
    )
    across = row_names if transpose else column_names
    if across is not None and "n_columns" in found.options:
        options.setdefault("n_columns", len(across))
    with naming(source.name):
        matrix = _checked(found.read(source, **options), source, transpose)  # type: ignore[misc]
    for what, names, file in (("column", column_names, columns_of), ("row", row_names, rows_of)):
        if names is not None:
            with naming(file):
                matrix = replace(matrix, **{f"{what}_names": names})
    return matrix


def _checked(found: Any, source: Source, transpose: bool) -> NamedMatrix:
    """A matrix in CSR, or dense, turned if asked; its indices are in range, for kernels index without checks."""
    matrix = found if isinstance(found, NamedMatrix) else NamedMatrix(found)
    X, *names = matrix.X, matrix.row_names, matrix.column_names
    if not isinstance(X, np.ndarray):
        if hasattr(X, "check_format"):
            X.check_format(full_check=True)  # before it is turned from columns to rows
        if X.format != "csr":  # which has one pointer a row, however few entries there are
            source.check_claim(8 * (X.shape[0] + 1), f"a matrix of {X.shape[0]:,} rows")
        X = sparse.csr_array(X)
    if transpose:
        X, names = (X.T if isinstance(X, np.ndarray) else X.T.tocsr()), names[::-1]
    return NamedMatrix(X, *names)


def _check_options(name: str, options: dict[str, Any], known: Sequence[str]) -> None:
    for option in options:
        if option not in known:
            choices = f"it knows {', '.join(known)}" if known else "it has none"
            raise TypeError(f"the format {name} has no option {option!r}: {choices}")


def _names(given: Names, kind: str, found: Format, source: Source) -> tuple[tuple[str, ...] | None, str]:
    """The names that are given, or lie in a file of their own beside the matrix, and the file to blame for them."""
    if given is None and not found.names and not source.is_stdin:
        given = side_names(source.path, kind)
    if isinstance(given, (str, os.PathLike)):
        return read_names(given), os.fspath(given)
    return None if given is None else tuple(map(str, given)), source.name


def read_texts(
    path: str | os.PathLike[str],
    column: str | None = None,
    id_column: str | None = None,
    encoding: str = "utf-8",
    format: str | None = None,  # noqa: A002
    *,
    errors: str = "strict",
    delimiter: str | None = None,
    quoting: str = "double",
    max_bytes: int | None = None,
) -> Texts:
    r"""Read texts one after another, as often as one likes, without holding them.

    Parameters
    ----------
    path : str or path-like
        `.txt`: a document a line; `.csv`, `.tsv`: a row each, below a line of column names; `.jsonl`: a JSON object a
        line; a folder: a text file each. `.gz` and `.zst` may follow. "-" stands for standard input.
    column : str, optional
        The column, or key, that holds the text. None: "text" if there is one, else the only one there is.
    id_column : str, optional
        The column that tells documents apart. In a folder the files' names do.
    encoding : str, default="utf-8"
        A byte order mark is left out.
    format : {"txt", "csv", "tsv", "jsonl", "folder"}, optional
        Where the name does not say it; standard input is "txt" unless `column` is given.
    errors : {"strict", "replace", "ignore"}, default="strict"
        What becomes of bytes that are not of this encoding: an error that tells the line; a mark U+FFFD; nothing.
    delimiter : str, optional
        What stands between cells. None: a tab in .tsv files, a comma in others.
    quoting : {"double", "none"}, default="double"
        Whether cells may stand in double quotes, or quotes are like other characters.
    max_bytes : int, optional
        How many bytes a packed file may unpack to. None: 100 times its size, but not less than 1 GiB.

    Returns
    -------
    Texts

    Raises
    ------
    ValueError
        If the format is unknown, there is no such column (the message lists those that there are), or no document at
        all. What is wrong further down in the file is raised by the iteration that comes to it.
    OSError
        If the file is missing or cannot be read.

    Examples
    --------
    >>> from pathlib import Path
    >>> import sparsenmf
    >>> _ = Path("verses.txt").write_text("in the beginning\nand the earth\n")
    >>> verses = sparsenmf.read_texts("verses.txt")
    >>> list(verses), sum(len(verse.split()) for verse in verses)
    (['in the beginning', 'and the earth'], 6)
    """
    options = {"column": column, "id_column": id_column, "encoding": encoding, "errors": errors}
    options |= {"delimiter": delimiter, "quoting": quoting}
    if format is None and os.fspath(path) == "-" and column is None and id_column is None:
        format = "txt"  # noqa: A001
    found = find_format(Path(path), format, wanted=lambda known: known.texts)
    return _texts(path, found.name, max_bytes, options)


def _texts(path: str | os.PathLike[str], name: str, max_bytes: int | None, options: dict[str, Any]) -> Texts:
    with naming(os.fspath(path)):
        source = Source(path, max_bytes)
        layout = Layout(**options)
    return Texts(source, name, layout)
