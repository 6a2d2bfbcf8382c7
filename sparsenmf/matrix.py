"""A checked matrix in one of two storages, CSR or dense, that answer the same questions.

`_validation.check_matrix` decides which storage X has. Everything above asks a `Matrix` and never how X is stored.
A matrix never changes, so threads and fits share it.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import scipy.sparse as sp

_INT32_MAX = np.iinfo(np.int32).max
_PIECE = 1 << 20  # entries looked at together: bounds the temporaries of sums over a dense X


class Matrix(ABC):
    """X as checked: finite and non-negative values of float32, float64 or an integer dtype.

    Attributes
    ----------
    shape : tuple of int
    storage : {"sparse", "dense"}
        How X came, and the path that works on X as it came. Only the choice of a path asks this.
    """

    shape: tuple[int, int]
    storage: str

    @property
    @abstractmethod
    def values(self) -> np.ndarray:
        """All stored entries in one flat array: the nonzeros of CSR, every cell of a dense matrix."""

    @abstractmethod
    def with_values(self, values: np.ndarray) -> Matrix:
        """The same places with other values, flat and in the same order; zeros among them are dropped from CSR."""

    @abstractmethod
    def csr(self) -> CsrMatrix:
        """The matrix in canonical CSR."""

    @abstractmethod
    def dense(self, dtype: np.dtype) -> np.ndarray:
        """The matrix as a C-contiguous array. A dense matrix keeps its dtype; CSR of integers takes `dtype`."""

    @abstractmethod
    def plain(self) -> Any:
        """The matrix as scipy and numpy know it: a csr_array or an ndarray over the same memory."""

    @abstractmethod
    def rows(self, first: int, last: int) -> Matrix:
        """The rows first, ..., last - 1, over the same memory."""

    @abstractmethod
    def take_rows(self, rows: np.ndarray) -> Matrix:
        """A copy of the rows that are named."""

    @abstractmethod
    def row_tops(self) -> np.ndarray:
        """The largest entry of each row, in float64."""

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the values."""
        return self.values.dtype

    @property
    def ndim(self) -> int:
        """2."""
        return 2

    @functools.cached_property
    def nnz(self) -> int:
        """The number of cells that are not zero."""
        return int(np.count_nonzero(self.values))

    @functools.cached_property
    def largest(self) -> float:
        """The largest entry."""
        return float(self.values.max(initial=0))

    @functools.cached_property
    def mean(self) -> float:
        """The mean over all cells, the zeros included, accumulated in float64."""
        with np.errstate(over="ignore"):
            total = float(self.values.sum(dtype=np.float64))
        n, m = self.shape
        if not np.isfinite(total):  # float64 entries near the largest number
            return float((self.values / self.values.size).sum()) * (self.values.size / n / m)
        return total / n / m

    def sums(self, axis: int) -> np.ndarray:
        """The sums of the columns (axis 0) or of the rows (axis 1), in float64."""
        return np.asarray(self.plain().sum(axis=axis, dtype=np.float64)).reshape(-1)

    def row(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """The columns and the values of the nonzeros of row i."""
        A = self.rows(i, i + 1).csr()
        return A.indices, A.data

    def row_blocks(self, entries: int) -> Iterator[tuple[int, int]]:
        """Bounds of runs of rows that store about so many entries each."""
        first, n = 0, self.shape[0]
        while first < n:
            last = self._end_of_block(first, entries)
            yield first, last
            first = last

    @abstractmethod
    def _end_of_block(self, first: int, entries: int) -> int: ...


@dataclass(frozen=True, eq=False)
class CsrMatrix(Matrix):
    """A canonical CSR matrix: column indices rise strictly in each row, and no zero is stored.

    This is no `scipy.sparse` container, because `csr_array` widens int32 column indices to int64 as soon as the row
    pointers are int64. That would take half as much memory again.

    Attributes
    ----------
    indptr : ndarray of shape (n + 1,), int64
    indices : ndarray of shape (nnz,), int32 or int64
    data : ndarray of shape (nnz,)
    """

    indptr: np.ndarray
    indices: np.ndarray
    data: np.ndarray
    shape: tuple[int, int]

    storage = "sparse"

    @property
    def values(self) -> np.ndarray:
        """The nonzeros."""
        return self.data

    @property
    def nnz(self) -> int:
        """The number of cells that are not zero."""
        return len(self.data)

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The three arrays, as kernels take them."""
        return self.indptr, self.indices, self.data

    def with_values(self, values: np.ndarray) -> CsrMatrix:
        """See `Matrix`."""
        if values.all():
            return replace(self, data=values)
        kept = values != 0
        before = np.append(0, np.cumsum(kept))
        return CsrMatrix(before[self.indptr], self.indices[kept], values[kept], self.shape)

    def csr(self) -> CsrMatrix:
        """Itself."""
        return self

    def dense(self, dtype: np.dtype) -> np.ndarray:
        """See `Matrix`."""
        out = np.zeros(self.shape, self.data.dtype if self.data.dtype.kind == "f" else dtype)
        out[np.repeat(np.arange(self.shape[0]), np.diff(self.indptr)), self.indices] = self.data
        return out

    def plain(self) -> sp.csr_array:
        """The same three arrays as a scipy container; none of size nnz is copied."""
        narrow = self.indices.dtype == np.int32 and self.indices.size <= _INT32_MAX
        indptr = self.indptr.astype(np.int32) if narrow else self.indptr  # csr_array would widen the indices
        return sp.csr_array((self.data, self.indices, indptr), shape=self.shape)

    def rows(self, first: int, last: int) -> CsrMatrix:
        """See `Matrix`."""
        indptr = self.indptr[first : last + 1]
        piece = slice(int(indptr[0]), int(indptr[-1]))
        return CsrMatrix(indptr - indptr[0], self.indices[piece], self.data[piece], (len(indptr) - 1, self.shape[1]))

    def take_rows(self, rows: np.ndarray) -> CsrMatrix:
        """See `Matrix`."""
        B = self.plain()[rows]
        return CsrMatrix(B.indptr.astype(np.int64), B.indices, B.data, B.shape)

    def row_tops(self) -> np.ndarray:
        """See `Matrix`."""
        tops = np.zeros(self.shape[0])
        filled = np.flatnonzero(np.diff(self.indptr))
        if len(filled):
            tops[filled] = np.maximum.reduceat(self.data, self.indptr[filled])
        return tops

    def _end_of_block(self, first: int, entries: int) -> int:
        end = int(np.searchsorted(self.indptr, self.indptr[first] + entries, side="right")) - 1
        return max(first + 1, end)


@dataclass(frozen=True, eq=False)
class DenseMatrix(Matrix):
    """A dense matrix.

    Attributes
    ----------
    array : ndarray of shape (n, m), C-contiguous
    """

    array: np.ndarray
    shape: tuple[int, int] = field(init=False)

    storage = "dense"

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", self.array.shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.array, dtype=dtype, copy=copy)

    @property
    def values(self) -> np.ndarray:
        """Every cell."""
        return self.array.reshape(-1)

    def with_values(self, values: np.ndarray) -> DenseMatrix:
        """See `Matrix`."""
        return DenseMatrix(values.reshape(self.shape))

    def csr(self) -> CsrMatrix:
        """See `Matrix`."""
        rows, columns = np.nonzero(self.array)
        indptr = np.zeros(self.shape[0] + 1, np.int64)
        np.cumsum(np.bincount(rows, minlength=self.shape[0]), out=indptr[1:])
        narrow = self.shape[1] <= _INT32_MAX
        return CsrMatrix(
            indptr, columns.astype(np.int32 if narrow else np.int64), self.array[rows, columns], self.shape
        )

    def dense(self, dtype: np.dtype) -> np.ndarray:
        """The array itself."""
        return self.array

    def plain(self) -> np.ndarray:
        """The array itself."""
        return self.array

    def rows(self, first: int, last: int) -> DenseMatrix:
        """See `Matrix`."""
        return DenseMatrix(self.array[first:last])

    def take_rows(self, rows: np.ndarray) -> DenseMatrix:
        """See `Matrix`."""
        return DenseMatrix(self.array[rows])

    def row_tops(self) -> np.ndarray:
        """See `Matrix`."""
        return self.array.max(axis=1).astype(np.float64)

    def _end_of_block(self, first: int, entries: int) -> int:
        return min(self.shape[0], first + max(1, entries // self.shape[1]))
