"""Which path X takes: asked once for each fit."""

from __future__ import annotations

import numpy as np

from sparsenmf._jit import plain
from sparsenmf.matrix import DenseMatrix, Matrix
from sparsenmf.operand.csr import CsrOperand
from sparsenmf.operand.dense import DenseOperand
from sparsenmf.operand.protocol import Operand
from sparsenmf.scaling import scaled

MEMORY_BUDGET = 2 << 30  # bytes that path="auto" may spend on a dense copy of a sparse X
# A dense X becomes CSR below this density only: X and X' are then no larger than X was.
SPARSE_COPY = 0.25


def choose_path(X: Matrix, dtype: np.dtype, crossover: float, path: str) -> str:
    """Say "sparse" or "dense": as asked, else by density, with no dense copy beyond the memory budget.

    `crossover` is the density from which the loss is quicker on the dense path.
    """
    if path != "auto":
        return path
    size = X.shape[0] * X.shape[1]
    if X.storage == "sparse":
        quicker = X.nnz > crossover * size
        return "dense" if quicker and size * dtype.itemsize <= MEMORY_BUDGET else "sparse"
    return "sparse" if X.nnz < SPARSE_COPY * size else "dense"


def as_operand(X: Matrix, dtype: np.dtype, path: str, scale: float = 1.0, alone: bool = False) -> Operand:
    """The operand of a checked X / scale, on the path "sparse" or "dense".

    Entries stay in their own dtype (kernels convert as they load) unless `scale` is not 1. `alone`: no entry is
    dropped for being too small beside those of other rows.
    """
    A = scaled(DenseMatrix(X.dense(dtype)) if path == "dense" else X.csr(), dtype, scale, alone)
    operand: Operand
    if path == "dense":
        operand = DenseOperand(np.ascontiguousarray(A.dense(dtype), dtype), dtype)
    else:
        indptr, indices, data = A.csr().arrays
        operand = CsrOperand((plain(indptr), plain(indices), plain(data)), A.shape, dtype)
    operand.complete = alone or A.nnz == X.nnz
    return operand
