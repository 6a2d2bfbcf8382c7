"""Which path X takes: asked once for each fit."""

from __future__ import annotations

import numpy as np

from sparsenmf._jit import plain
from sparsenmf._validation import CsrArrays
from sparsenmf.operand.csr import CsrOperand
from sparsenmf.operand.dense import DenseOperand
from sparsenmf.operand.protocol import Operand
from sparsenmf.scaling import scaled

MEMORY_BUDGET = 2 << 30  # bytes that path="auto" may spend on a dense copy of a sparse X
# Density from which the dense path is the quicker one: benchmarks/crossover.py.
CROSSOVER = {"kl": 0.8, "frobenius": 0.6}
# A dense X becomes CSR below this density only: X and X' are then no larger than X was.
SPARSE_COPY = 0.25


def choose_path(X: CsrArrays | np.ndarray, dtype: np.dtype, loss: str, path: str) -> str:
    """Say "sparse" or "dense": as asked, else by density, with no dense copy beyond the memory budget."""
    if path != "auto":
        return path
    size = X.shape[0] * X.shape[1]
    if isinstance(X, CsrArrays):
        quicker = len(X.data) > CROSSOVER[loss] * size
        return "dense" if quicker and size * dtype.itemsize <= MEMORY_BUDGET else "sparse"
    return "sparse" if np.count_nonzero(X) < SPARSE_COPY * size else "dense"


def as_operand(
    X: CsrArrays | np.ndarray, dtype: np.dtype, loss: str, path: str = "auto", scale: float = 1.0, alone: bool = False
) -> Operand:
    """The operand of a checked X / scale, on the path asked for or the quicker one.

    CSR entries stay in their own dtype (kernels convert as they load) unless `scale` is not 1. `alone`: no entry is
    dropped for being too small beside those of other rows.
    """
    chosen = choose_path(X, dtype, loss, path)
    if chosen == "dense":
        return DenseOperand(np.ascontiguousarray(scaled(_dense_array(X, dtype), dtype, scale, alone), dtype), dtype)
    indptr, indices, data = _csr_arrays(X)
    given, data = data, scaled(data, dtype, scale, alone)
    if data is not given and data.min() == 0:
        indptr, indices, data = _without_zeros(indptr, indices, data)
    return CsrOperand((plain(indptr), plain(indices), plain(data)), X.shape, dtype)


def _csr_arrays(X: CsrArrays | np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if isinstance(X, CsrArrays):
        return X.indptr, X.indices, X.data
    rows, columns = np.nonzero(X)
    indptr = np.zeros(X.shape[0] + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=X.shape[0]), out=indptr[1:])
    return indptr, columns.astype(np.int32), X[rows, columns]


def _dense_array(X: CsrArrays | np.ndarray, dtype: np.dtype) -> np.ndarray:
    if isinstance(X, CsrArrays):
        out = np.zeros(X.shape, X.data.dtype if X.data.dtype.kind == "f" else dtype)
        out[np.repeat(np.arange(X.shape[0]), np.diff(X.indptr)), X.indices] = X.data
        return out
    return X


def _without_zeros(
    indptr: np.ndarray, indices: np.ndarray, data: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    kept = data > 0
    before = np.append(0, np.cumsum(kept))
    return before[indptr], indices[kept], data[kept]
