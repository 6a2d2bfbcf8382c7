"""Rows as LDA-C and SVMlight write them: `column:value column:value ...`."""

from collections.abc import Iterator
from itertools import pairwise

from scipy import sparse

__all__ = ["rows_as_pairs"]

_BLOCK = 4096


def rows_as_pairs(X: sparse.csr_array, first: int) -> Iterator[list[str]]:
    """The entries of each row, columns numbered from `first`; floats are written with all their digits."""
    indptr = X.indptr.tolist()
    for start in range(0, X.shape[0], _BLOCK):
        bounds = indptr[start : start + _BLOCK + 1]
        part = slice(bounds[0], bounds[-1])
        entries = zip((X.indices[part] + first).tolist(), X.data[part].tolist(), strict=True)
        pairs = [f"{column}:{value}" for column, value in entries]
        for low, high in pairwise(bounds):
            yield pairs[low - bounds[0] : high - bounds[0]]
