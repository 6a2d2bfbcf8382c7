"""SVMlight: a row a line, `label column:value column:value ...`, read by scikit-learn."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, BinaryIO

import numpy as np
from scipy import sparse

from sparsenmf.io.lines import numbered_lines
from sparsenmf.io.named import NamedMatrix, smaller_integers
from sparsenmf.io.pairs import rows_as_pairs
from sparsenmf.io.source import Source

__all__ = ["read_svmlight", "write_svmlight"]

_NUMBER = rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_LABEL, _PAIR = re.compile(_NUMBER), re.compile(rb"(?:\d+:|qid:(?=\d+$))" + _NUMBER)
_LETTERS = b"0123456789 \t\n\r\v\f:.+-eEqid"  # of lines with numbers alone
_LARGEST = np.iinfo(np.int32).max - 1  # scikit-learn counts columns in 32 bits


def read_svmlight(source: Source, n_columns: int | None = None, zero_based: bool | str = "auto") -> sparse.csr_array:
    """Read an SVMlight file; its labels and comments are passed over.

    `n_columns` is for files whose last columns are empty. `zero_based` tells whether columns are numbered from 0;
    "auto": from 1, as the format says, unless a column 0 occurs.
    """
    if zero_based not in (True, False, "auto"):
        raise ValueError(f'zero_based must be True, False or "auto", got {zero_based!r}')
    from sklearn.datasets import load_svmlight_file

    with source.open() as file:
        lines = _Lines(file)
        try:
            X: Any = load_svmlight_file(lines, zero_based=zero_based)[0]
        except (ValueError, OverflowError) as error:
            raise lines.fault or ValueError(_why(lines.last, lines.number, error)) from error
    if lines.number == 0:
        raise ValueError("there is no row in it: the file is empty")
    columns = X.shape[1] if n_columns is None else n_columns
    if X.shape[1] > columns:
        raise ValueError(f"its columns go to {X.shape[1]:,}, and there are {columns:,} names for them")
    source.check_claim(8 * (columns + 1), f"a matrix of {columns:,} columns")
    X = sparse.csr_array(X)
    X.resize((X.shape[0], columns))
    X.data = smaller_integers(X.data)
    return X


class _Lines:
    """The lines of a file for scikit-learn, the last of which is known: if it is refused, that one was wrong."""

    def __init__(self, file: Any) -> None:
        self._lines, self.number, self.last = numbered_lines(file), 0, b""
        self.fault: ValueError | None = None  # of the file, not of what scikit-learn makes of a line

    def read(self) -> bytes:
        """What scikit-learn knows a file by. It reads lines."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            number, line = next(self._lines)
        except ValueError as error:
            self.fault = error
            raise
        line = line.partition(b"#")[0]
        if line.strip():
            self.number, self.last = number, line
        if line.translate(None, _LETTERS):  # what Python takes for numbers: nan, 1_000
            self.fault = ValueError(_why(line, number))
            raise self.fault
        return line


def _why(text: bytes, number: int, error: Exception | None = None) -> str:
    """What is wrong with a line that was refused."""
    words = text.split()
    columns = [int(word.partition(b":")[0]) for word in words[1:] if _PAIR.fullmatch(word) and word[:1] != b"q"]
    place = next((i for i, word in enumerate(words) if not (_PAIR if i else _LABEL).fullmatch(word)), None)
    if place is not None:
        wanted = "column:value, two numbers" if place else "a label (a number)"
        shown = words[place][:40].decode("utf-8", "replace")
        item = f"line {number:,}, item {place + 1:,} is {shown!r}"
        return f"{item}, and should be {wanted} (a line is: label column:value ...)"
    for before, after in pairwise(columns):
        if before >= after:
            return (
                f"line {number:,} has the column {after:,} after the column {before:,}: in this format they rise, and "
                "none stands twice. Sort them and sum those that stand twice"
            )
    if columns and columns[-1] > _LARGEST:
        return f"line {number:,} has the column {columns[-1]:,}, beyond 32 bits: mend it"
    return f"line {number:,}: {error}"


def write_svmlight(file: BinaryIO, matrix: NamedMatrix) -> None:
    """Write a matrix with the label 0 in every row and columns numbered from 1.

    Not by scikit-learn, which drops the last digit of some numbers and takes no integers with 32-bit places.
    """
    file.writelines(f"{' '.join(['0', *pairs])}\n".encode() for pairs in rows_as_pairs(matrix.X, first=1))
