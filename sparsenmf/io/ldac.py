"""LDA-C: a document a line, `M term:count term:count ...` with M terms, numbered from 0."""

import re
from array import array
from typing import BinaryIO

import numpy as np
from scipy import sparse

from sparsenmf.io.lines import numbered_lines
from sparsenmf.io.named import NamedCSR, smaller_integers
from sparsenmf.io.pairs import rows_as_pairs
from sparsenmf.io.source import Source

__all__ = ["read_ldac", "write_ldac"]

_LINE = re.compile(rb"\s*\d+(?:\s+\d+:\d+)*\s*")
_PAIR = re.compile(rb"\d+:\d+")


def read_ldac(source: Source, n_columns: int | None = None) -> sparse.csr_array:
    """Read an LDA-C file. Terms of a document may come in any order; one that comes twice has the sum of its counts.

    Parameters
    ----------
    source : Source
    n_columns : int, optional
        The number of terms, where the last ones may be in no document. None: as many as there are.
    """
    terms, counts, ends = array("q"), array("q"), array("q", [0])
    empty = None
    with source.open() as file:
        for number, line in numbered_lines(file):
            if not line.strip():
                empty = empty or number
                continue
            if empty:
                raise ValueError(f"line {empty:,} is empty: a document without words is a line '0'; write that there")
            values = _values(line, number)
            try:
                terms.extend(values[1::2])
                counts.extend(values[2::2])
            except OverflowError as error:
                raise ValueError(f"line {number:,} holds a number beyond 64 bits: mend it") from error
            ends.append(len(terms))
    return _as_csr(terms, counts, ends, n_columns, source)


def _values(line: bytes, number: int) -> list[int]:
    """The numbers of a line: M, then terms and counts in turn."""
    if not _LINE.fullmatch(line):
        raise ValueError(_why(line, number))
    try:
        values = list(map(int, line.replace(b":", b" ").split()))
    except ValueError as error:  # thousands of digits
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


def _as_csr(terms: array, counts: array, ends: array, n_columns: int | None, source: Source) -> sparse.csr_array:
    indices, data, indptr = (np.frombuffer(part, dtype=np.int64) for part in (terms, counts, ends))
    widest = int(indices.max()) + 1 if indices.size else 0
    if len(indptr) == 1:
        raise ValueError("there is no document in it: the file is empty")
    if n_columns is not None and widest > n_columns:
        p = int(indices.argmax())
        row = int(np.searchsorted(indptr, p, side="right"))
        raise ValueError(
            f"line {row:,} has the term {widest - 1:,}, and the vocabulary {n_columns:,} words (numbered from 0): it "
            "belongs to another file"
        )
    columns = widest if n_columns is None else n_columns
    source.check_claim(8 * columns, f"a matrix of {columns:,} columns (the highest term is {widest - 1:,})")
    small = np.int32 if max(columns, len(indices)) <= np.iinfo(np.int32).max else np.int64
    matrix = sparse.csr_array(
        (data, indices.astype(small), indptr.astype(small)), shape=(len(indptr) - 1, max(columns, 1))
    )
    matrix.sum_duplicates()
    matrix.data = smaller_integers(matrix.data)
    return matrix


def write_ldac(file: BinaryIO, X: NamedCSR) -> None:
    """Write counts as LDA-C."""
    file.writelines(f"{' '.join([str(len(pairs)), *pairs])}\n".encode() for pairs in rows_as_pairs(X, first=0))
