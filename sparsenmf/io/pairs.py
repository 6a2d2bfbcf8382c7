"""How several formats write entries: a row as `column:value column:value ...`, or an entry as `row column value`."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from sparsenmf.io.named import NamedCSR

__all__ = ["entries_as_lines", "rows_as_pairs"]

_BLOCK = 4096


def rows_as_pairs(X: NamedCSR, first: int) -> Iterator[list[str]]:
    """The entries of each row, columns numbered from `first`; floats are written with all their digits."""
    indptr = X.indptr.tolist()
    for start in range(0, X.shape[0], _BLOCK):
        bounds = indptr[start : start + _BLOCK + 1]
        part = slice(bounds[0], bounds[-1])
        pairs = [
            f"{column + first}:{value}"
            for column, value in zip(X.indices[part].tolist(), X.data[part].tolist(), strict=True)
        ]
        for low, high in pairwise(bounds):
            yield pairs[low - bounds[0] : high - bounds[0]]


def entries_as_lines(X: NamedCSR) -> Iterator[bytes]:
    """The entries, a line each, in pieces of many rows; rows and columns are numbered from 1."""
    for start in range(0, X.shape[0], _BLOCK):
        bounds = X.indptr[start : start + _BLOCK + 1]
        part = slice(int(bounds[0]), int(bounds[-1]))
        rows = np.repeat(np.arange(start + 1, start + len(bounds)), np.diff(bounds)).tolist()
        columns = (X.indices[part].astype(np.int64) + 1).tolist()
        entries = zip(rows, columns, X.data[part].tolist(), strict=True)
        yield "".join(map("%d %d %r\n".__mod__, entries)).encode()
