"""SVMlight: a row a line, `label column:value column:value ...`, read by scikit-learn."""

import re
from itertools import pairwise
from typing import Any, BinaryIO

import numpy as np
from scipy import sparse

from sparsenmf.io.lines import numbered_lines
from sparsenmf.io.named import NamedCSR, smaller_integers
from sparsenmf.io.pairs import rows_as_pairs
from sparsenmf.io.source import Source

__all__ = ["read_svmlight", "write_svmlight"]

_NUMBER = rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?"
_LABEL = re.compile(_NUMBER)
_PAIR = re.compile(rb"\d{1,18}:" + _NUMBER)
_LINE = re.compile(rb"\s*%b(?:\s+qid:\d{1,18})?((?:\s+\d{1,18}:%b)*)\s*" % (_NUMBER, _NUMBER))
_COLUMN = re.compile(rb"(\d+):")
_LARGEST = np.iinfo(np.int32).max - 1  # scikit-learn counts columns in 32 bits


def read_svmlight(source: Source, n_columns: int | None = None, zero_based: bool | str = "auto") -> sparse.csr_array:
    """Read an SVMlight file; its labels and comments are passed over.

    Parameters
    ----------
    source : Source
    n_columns : int, optional
        The number of columns, where the last ones may be empty. None: as many as there are.
    zero_based : bool or "auto"
        Whether columns are numbered from 0. "auto": from 1, as the format says, unless a column 0 occurs.
    """
    if zero_based not in (True, False, "auto"):
        raise ValueError(f'zero_based must be True, False or "auto", got {zero_based!r}')
    widest, rows = _checked(source)
    if not rows:
        raise ValueError("there is no row in it: the file is empty")
    source.check_claim(8 * (widest + 1), f"a matrix of {widest:,} columns")
    from sklearn.datasets import load_svmlight_file

    with source.open() as file:
        X: Any = load_svmlight_file(file, zero_based=zero_based)[0]
    X = sparse.csr_array(X)
    columns = X.shape[1] if n_columns is None else n_columns
    if X.shape[1] > columns:
        raise ValueError(f"its columns go to {X.shape[1]:,}, and there are {columns:,} names for them")
    X.resize((X.shape[0], columns))
    X.data = smaller_integers(X.data)
    return X


def _checked(source: Source) -> tuple[int, int]:
    """The highest column number and the number of rows, once each line has been found to be one of the format.

    scikit-learn's parser names no line, and takes what is no number by C's rules.
    """
    widest = rows = 0
    with source.open() as file:
        for number, line in numbered_lines(file):
            text = line.partition(b"#")[0]
            if text.strip():
                rows += 1
                widest = max(widest, _last_column(text, number))
    return widest, rows


def _last_column(text: bytes, number: int) -> int:
    match = _LINE.fullmatch(text)
    if match is None:
        raise ValueError(_why(text.split(), number))
    columns = list(map(int, _COLUMN.findall(match[1])))
    for before, after in pairwise(columns):
        if before >= after:
            raise ValueError(
                f"line {number:,} has the column {after:,} after the column {before:,}: in this format they rise, and "
                "none stands twice. Sort them and sum those that stand twice"
            )
    if columns and columns[-1] > _LARGEST:
        raise ValueError(f"line {number:,} has the column {columns[-1]:,}, beyond 32 bits: mend it")
    return columns[-1] if columns else 0


def _why(words: list[bytes], number: int) -> str:
    wanted, place, item = "a label (a number)", 1, words[0]
    if _LABEL.fullmatch(item):
        wanted = "column:value, two numbers"
        pairs = enumerate(words[1:], start=2)
        place, item = next(((i, word) for i, word in pairs if not _PAIR.fullmatch(word)), (2, words[-1]))
    shown = item[:40].decode("utf-8", "replace")
    return f"line {number:,}, item {place:,} is {shown!r}, and should be {wanted} (a line is: label column:value ...)"


def write_svmlight(file: BinaryIO, X: NamedCSR) -> None:
    """Write a matrix with the label 0 in every row and columns numbered from 1.

    Not by scikit-learn, which drops the last digit of some numbers and takes no integers with 32-bit places.
    """
    file.writelines(f"{' '.join(['0', *pairs])}\n".encode() for pairs in rows_as_pairs(X, first=1))
