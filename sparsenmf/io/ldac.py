"""LDA-C: a document a line, `M term:count term:count ...` with M terms, numbered from 0."""

import re
from array import array
from bisect import bisect_right
from typing import BinaryIO

import numpy as np
from scipy import sparse

from sparsenmf.io.lines import numbered_lines
from sparsenmf.io.listed import from_rows
from sparsenmf.io.named import NamedMatrix
from sparsenmf.io.pairs import rows_as_pairs
from sparsenmf.io.source import Source

__all__ = ["read_ldac", "write_ldac"]

_LINE = re.compile(rb"\s*\d+(?:\s+\d+:\d+)*\s*")
_PAIR = re.compile(rb"\d+:\d+")


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
            values = _values(line, number)
            terms += values[1::2]
            counts += values[2::2]
            ends.append(len(terms))
    if len(ends) == 1:
        raise ValueError("there is no document in it: the file is empty")
    widest = int(np.asarray(terms).max(initial=-1)) + 1
    if n_columns is not None and widest > n_columns:
        place = bisect_right(ends, terms.index(widest - 1))
        raise ValueError(
            f"line {place:,} has the term {widest - 1:,}, and the vocabulary {n_columns:,} words (numbered "
            "from 0): it belongs to another file"
        )
    columns = max(widest, 1) if n_columns is None else n_columns
    source.check_claim(8 * columns, f"a matrix of {columns:,} columns (the highest term is {widest - 1:,})")
    return from_rows(counts, terms, ends, columns)


def _values(line: bytes, number: int) -> array:
    """The numbers of a line: M, then terms and counts in turn."""
    if not _LINE.fullmatch(line):
        raise ValueError(_why(line, number))
    try:
        values = array("q", map(int, line.replace(b":", b" ").split()))
    except (ValueError, OverflowError) as error:  # the first for thousands of digits
        raise ValueError(f"line {number:,} holds a number beyond 64 bits: mend it") from error
    if len(values) != 2 * values[0] + 1:
        raise ValueError(
            f"line {number:,} announces {values[0]:,} terms and has {len(values) // 2:,}: it was cut short, or its "
            "first number is wrong"
        )
    return values


def _why(line: bytes, number: int) -> str:
    first, *pairs = line.split()
    place, bad = next(((i, pair) for i, pair in enumerate(pairs, start=2) if not _PAIR.fullmatch(pair)), (1, first))
    shown = bad[:40].decode("utf-8", "replace")
    wanted = "the number of terms" if place == 1 else "term:count, two whole numbers, none negative"
    return (
        f"line {number:,}, item {place:,} is {shown!r}, and should be {wanted} (a line is: M term:count term:count ...)"
    )


def write_ldac(file: BinaryIO, matrix: NamedMatrix) -> None:
    """Write counts as LDA-C."""
    rows = rows_as_pairs(matrix.X, first=0)
    file.writelines(f"{' '.join([str(len(pairs)), *pairs])}\n".encode() for pairs in rows)
