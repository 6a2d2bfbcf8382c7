"""The table of formats: the names of files that tell each, who reads and who writes it. A new one is one more entry."""

import inspect
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from sparsenmf.io.h5ad import read_h5ad, write_h5ad
from sparsenmf.io.matrix_market import read_docword, read_matrix_market, write_docword, write_matrix_market
from sparsenmf.io.named import NamedMatrix
from sparsenmf.io.numpy_files import read_npy, read_npz, write_npz
from sparsenmf.io.pairs import read_ldac, read_svmlight, write_ldac, write_svmlight
from sparsenmf.io.parquet import read_parquet, write_parquet
from sparsenmf.io.source import PACKED
from sparsenmf.io.table import read_table, write_csv, write_tsv
from sparsenmf.io.tenx import is_tenx_folder, read_tenx_folder, read_tenx_h5
from sparsenmf.io.text import text_files

__all__ = ["FORMATS", "Format", "find_format"]


class Format(NamedTuple):
    """A format of files."""

    name: str  # what `format=` calls it
    patterns: tuple[str, ...]  # names of such files, in small letters, before .gz or .zst; folders have none
    read: Callable[..., Any] | None = None  # source and options -> matrix, with names or without; None: texts only
    write: Callable[[BinaryIO, NamedMatrix], None] | None = None  # of CSR
    texts: bool = False  # whether texts can be read from it, too
    packed: bool = False  # whether .gz and .zst may follow the name
    names: bool = False  # whether it holds names of rows and columns itself; else they are written to files beside it
    whole: bool = False  # whether it holds whole numbers only

    @property
    def options(self) -> tuple[str, ...]:
        """The names of what the reader may be told, besides the file."""
        return () if self.read is None else tuple(inspect.signature(self.read).parameters)[1:]


#: In the order in which a file's name is tried.
FORMATS = (
    Format("npz", ("*.npz",), read_npz, write_npz, names=True),
    Format("npy", ("*.npy",), read_npy),
    Format("mtx", ("*.mtx",), read_matrix_market, write_matrix_market, packed=True),
    Format("docword", ("docword.*.txt", "*.docword"), read_docword, write_docword, packed=True, whole=True),
    Format("ldac", ("*.ldac", "*.lda-c"), read_ldac, write_ldac, packed=True, whole=True),
    Format("svmlight", ("*.svmlight", "*.libsvm"), read_svmlight, write_svmlight, packed=True),
    Format("h5ad", ("*.h5ad",), read_h5ad, write_h5ad, names=True),
    Format("10x-h5", ("*.h5",), read_tenx_h5, names=True),
    Format("10x", (), read_tenx_folder, names=True),
    Format("parquet", ("*.parquet",), read_parquet, write_parquet, names=True),
    Format("csv", ("*.csv",), read_table, write_csv, texts=True, packed=True, names=True),
    Format("tsv", ("*.tsv",), read_table, write_tsv, texts=True, packed=True, names=True),
    Format("jsonl", ("*.jsonl", "*.ndjson"), texts=True, packed=True),
    Format("txt", ("*.txt", "*.text"), texts=True, packed=True),
    Format("folder", (), texts=True),
)
_BY_NAME = {known.name: known for known in FORMATS}


def find_format(path: Path, name: str | None, wanted: Callable[[Format], bool] = lambda _: True) -> Format:
    """The format of a file: the one that is named, else the one that the file's name tells.

    Raises
    ------
    ValueError, IsADirectoryError
        If none is known, or it is none of those `wanted`; the message lists the choices.
    """
    choices = ", ".join(known.name for known in FORMATS if wanted(known) and (name is not None or known.patterns))
    if name is not None:
        plain = str(name).lower().removeprefix(".")
        found = _BY_NAME.get(plain) or _by_pattern(f"x.{plain}")
        problem = f"unknown format {name!r}: choose one of"
    elif str(path) == "-":
        raise ValueError('"-" has no suffix that tells its format: say which it is, format=... (--format)')
    else:
        found = _by_folder(path) if path.is_dir() else _by_pattern(path.name.lower())
        problem = f"{path}: its suffix names no known format. Say format=... (--format), one of"
    if found is None or not wanted(found):
        raise ValueError(f"{problem} {choices}")
    return found


def _by_pattern(name: str) -> Format | None:
    plain = next((name.removesuffix(suffix) for suffix in PACKED if name.endswith(suffix)), name)
    tried = ((known, plain if known.packed else name) for known in FORMATS)
    return next((known for known, text in tried if any(fnmatchcase(text, mark) for mark in known.patterns)), None)


def _by_folder(path: Path) -> Format:
    if is_tenx_folder(path):
        return _BY_NAME["10x"]
    if text_files(path):
        return _BY_NAME["folder"]
    raise IsADirectoryError(f"{path} is a folder without text files (.txt), and no 10x folder: name the file in it")
