"""Factors in the form that kernels take, and products of tall ones with small matrices."""

from __future__ import annotations

import numpy as np

from sparsenmf._jit import for_blocks
from sparsenmf.kernels.rows import turn
from sparsenmf.kernels.simd import GROUP, lanes_of

PRODUCT_ROWS = 4096
_COPY_ALIGNMENT = 64


def empty_factor(n: int, k: int, dtype: np.dtype) -> np.ndarray:
    """Zeros for a factor of n rows: k columns padded to whole registers and groups, rows on cache lines."""
    unit = max(lanes_of(dtype), GROUP)
    columns = -(-k // unit) * unit
    room = np.zeros(n * columns + _COPY_ALIGNMENT // dtype.itemsize, dtype)
    offset = -room.ctypes.data % _COPY_ALIGNMENT // dtype.itemsize
    return room[offset : offset + n * columns].reshape(n, columns)


def pad(A: np.ndarray, dtype: np.dtype, unit: float = 1.0) -> np.ndarray:
    """A copy of a factor (rows x k), divided by `unit`, in the form that kernels take."""
    out = empty_factor(A.shape[0], A.shape[1], dtype)
    if unit == 1.0:
        out[:, : A.shape[1]] = A
    else:  # by way of float64, a piece at a time: A itself may be beyond the range of `dtype`
        np.divide(A, unit, out=out[:, : A.shape[1]], dtype=np.float64, casting="same_kind")
    return out


def padded_transpose(H: np.ndarray, dtype: np.dtype, unit: float = 1.0) -> np.ndarray:
    """H' / unit (m x k) in the form that kernels take, from H (k x m)."""
    if unit != 1.0 or H.flags.f_contiguous:
        return pad(H.T, dtype, unit)
    out = empty_factor(H.shape[1], H.shape[0], dtype)
    turn(np.ascontiguousarray(H, dtype), out)
    return out


def copied(F: np.ndarray) -> np.ndarray:
    """A copy of a padded factor in the form that kernels take."""
    out = empty_factor(F.shape[0], F.shape[1], F.dtype)
    out[:] = F
    return out


def transposed(F: np.ndarray, k: int) -> np.ndarray:
    """The first k columns of a padded factor as a k x m array."""
    out = np.empty((k, len(F)), F.dtype)
    turn(F, out)
    return out


def product(F: np.ndarray, A: np.ndarray) -> np.ndarray:
    """F A for a tall F, in fixed row blocks: the same bits for any number of threads."""
    out = np.empty_like(F)

    def block(b: int) -> None:
        rows = slice(b * PRODUCT_ROWS, (b + 1) * PRODUCT_ROWS)
        np.matmul(F[rows], A, out=out[rows])

    for_blocks(block, -(-len(F) // PRODUCT_ROWS))
    return out


def gram_matrix(F: np.ndarray) -> np.ndarray:
    """F'F in float64, in fixed blocks of rows: the same bits for any number of threads."""

    def block(b: int) -> np.ndarray:
        rows = F[b * PRODUCT_ROWS : (b + 1) * PRODUCT_ROWS]
        return (rows.T @ rows).astype(np.float64)

    return np.sum(for_blocks(block, -(-len(F) // PRODUCT_ROWS)), axis=0)
