"""LDA-C and SVMlight, whose lines are a row each: `first column:value column:value ...`.

In LDA-C the first is the number of terms, which are numbered from 0; in SVMlight it is a label, and scikit-learn reads.
"""

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from scipy import sparse

from sparsenmf.io.lines import numbered_lines
from sparsenmf.io.listed import from_rows
from sparsenmf.io.named import NamedMatrix, smaller_integers
from sparsenmf.io.source import Source

__all__ = ["read_ldac", "read_svmlight", "write_ldac", "write_svmlight"]

_BLOCK = 4096  # rows
_LDAC_LINE = re.compile(rb"\s*\d+(?:\s+\d+:\d+)*\s*")
_NUMBER = rb"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_Items: TypeAlias = tuple[tuple[re.Pattern[bytes], str], tuple[re.Pattern[bytes], str]]  # the first of a line, others
_LDAC_ITEMS: _Items = (
    (re.compile(rb"\d+"), "the number of terms"),
    (re.compile(rb"\d+:\d+"), "term:count, two whole numbers, none negative"),
)
_SVMLIGHT_ITEMS: _Items = (
    (re.compile(_NUMBER), "a label (a number)"),
    (re.compile(rb"(?:\d+:|qid:(?=\d+$))" + _NUMBER), "column:value, two numbers"),
)
_LARGEST = np.iinfo(np.int32).max - 1  # scikit-learn counts columns in 32 bits


# --- LDA-C ------------------------------------------------------------------------------------------------------------


def read_ldac(source: Source, n_columns: int | None = None) -> sparse.csr_array:
    """Read an LDA-C file. Terms of a document may come in any order; one that comes twice has the sum of its counts.

    `n_columns` is the number of terms, where the last ones may be in no document.
    """
    terms, counts, ends, empty = array("q"), array("q"), array("q", [0]), 0
    with source.open() as file:
        for number, line in numbered_lines(file):
            if not line.strip():
                empty = empty or number
                continue
            if empty:
                raise ValueError(f"line {empty:,} is empty: a document without words is a line '0'; write that there")
            values = _ldac_values(line, number)
            terms += values[1::2]
            counts += values[2::2]
            ends.append(len(terms))
    if len(ends) == 1:
        raise ValueError("there is no document in it: the file is empty")
    widest = int(np.asarray(terms).max(initial=-1)) + 1
    if n_columns is not None and widest > n_columns:
        place = bisect_right(ends, terms.index(widest - 1))
        raise ValueError(f"line {place:,} has the term {widest - 1:,} (from 0), and the vocabulary {n_columns:,} words")
    columns = max(widest, 1) if n_columns is None else n_columns
    source.check_claim(8 * columns, f"a matrix of {columns:,} columns (the highest term is {widest - 1:,})")
    return from_rows(counts, terms, ends, columns)


def _ldac_values(line: bytes, number: int) -> array:
    """The numbers of a line: M, then terms and counts in turn."""
    if not _LDAC_LINE.fullmatch(line):
        raise ValueError(_wrong_item(number, line, _LDAC_ITEMS))
    try:
        values = array("q", map(int, line.replace(b":", b" ").split()))
    except (ValueError, OverflowError) as error:  # the first for thousands of digits
        raise ValueError(f"line {number:,} holds a number beyond 64 bits: mend it") from error
    if len(values) != 2 * values[0] + 1:
        raise ValueError(
            f"line {number:,} announces {values[0]:,} terms and has {len(values) // 2:,}: it was cut short"
        )
    return values


def write_ldac(file: BinaryIO, matrix: NamedMatrix) -> None:
    """Write counts as LDA-C."""
    rows = _rows_as_pairs(matrix.X, first=0)
    file.writelines(f"{' '.join([str(len(pairs)), *pairs])}\n".encode() for pairs in rows)


# --- SVMlight ---------------------------------------------------------------------------------------------------------


def read_svmlight(source: Source, n_columns: int | None = None, zero_based: bool | str = "auto") -> sparse.csr_array:
    """Read an SVMlight file; its labels and comments are passed over.

    `n_columns` is for files whose last columns are empty. `zero_based` tells whether columns are numbered from 0;
    "auto": from 1, as the format says, unless a column 0 occurs.
    """
    if zero_based not in (True, False, "auto"):
        raise ValueError(f'zero_based must be True, False or "auto", got {zero_based!r}')
    from sklearn.datasets import load_svmlight_file

    try:
        with source.open() as file:
            X: Any = sparse.csr_array(load_svmlight_file(file, zero_based=zero_based)[0])
    except (ValueError, OverflowError) as error:
        raise ValueError(_why_svmlight(source, str(error))) from error
    if not np.isfinite(X.data).all():
        raise ValueError(_why_svmlight(source, "there is a value that is not finite"))
    if X.shape[0] == 0:
        raise ValueError("there is no row in it: the file is empty")
    columns = X.shape[1] if n_columns is None else n_columns
    if X.shape[1] > columns:
        raise ValueError(f"its columns go to {X.shape[1]:,}, and there are {columns:,} names for them")
    source.check_claim(8 * (columns + 1), f"a matrix of {columns:,} columns")
    X.resize((X.shape[0], columns))
    X.data = smaller_integers(X.data)
    return X


def _why_svmlight(source: Source, why: str) -> str:
    """The first line that is wrong in a file that was refused, and what is wrong with it."""
    with source.open() as file:
        for number, line in numbered_lines(file):
            line = line.partition(b"#")[0]  # noqa: PLW2901
            if wrong := _wrong_item(number, line, _SVMLIGHT_ITEMS):
                return wrong
            columns = [int(word.partition(b":")[0]) for word in line.split()[1:] if word[:1] != b"q"]
            for before, after in pairwise(columns):
                if before >= after:
                    wrong = f"line {number:,} has the column {after:,} after the column {before:,}"
                    return f"{wrong}, and here they rise. Sort them and sum those that stand twice"
            if columns and columns[-1] > _LARGEST:
                return f"line {number:,} has the column {columns[-1]:,}, beyond 32 bits: mend it"
    return why


def write_svmlight(file: BinaryIO, matrix: NamedMatrix) -> None:
    """Write a matrix with the label 0 in every row and columns numbered from 1.

    Not by scikit-learn, which drops the last digit of some numbers and takes no integers with 32-bit places.
    """
    file.writelines(f"{' '.join(['0', *pairs])}\n".encode() for pairs in _rows_as_pairs(matrix.X, first=1))


# --- both -------------------------------------------------------------------------------------------------------------


def _wrong_item(number: int, line: bytes, items: _Items) -> str | None:
    """The first item of a line that is none, if there is one."""
    for place, word in enumerate(line.split(), start=1):
        pattern, due = items[place > 1]
        if not pattern.fullmatch(word):
            return f"line {number:,}, item {place:,} is {word[:40].decode('utf-8', 'replace')!r}, and should be {due}"
    return None


def _rows_as_pairs(X: sparse.csr_array, first: int) -> Iterator[list[str]]:
    """The entries of each row, columns numbered from `first`; floats are written with all their digits."""
    indptr = X.indptr.tolist()
    for start in range(0, X.shape[0], _BLOCK):
        bounds = indptr[start : start + _BLOCK + 1]
        part = slice(bounds[0], bounds[-1])
        entries = zip((X.indices[part] + first).tolist(), X.data[part].tolist(), strict=True)
        pairs = [f"{column}:{value}" for column, value in entries]
        for low, high in pairwise(bounds):
            yield pairs[low - bounds[0] : high - bounds[0]]
