"""Truncated SVD by scikit-learn's randomized algorithm, with X's products on our kernels and threads.

The random matrix, the number of power iterations and the choice between X and X' are scikit-learn's
`randomized_svd`'s. What differs is how a basis is made well-conditioned between products: a Cholesky factor of its Gram
matrix in place of an LU factorization, which costs a fraction and spans the same space. So results agree to rounding.

References
----------
N. Halko, P.-G. Martinsson and J. Tropp, "Finding structure with randomness", SIAM Review 53 (2011), algorithm 4.4.
"""

from __future__ import annotations

import numpy as np
from scipy import linalg

from sparsenmf.operand import Operand, gram_matrix, pad, product

OVERSAMPLES = 10
# Least ratio within a Cholesky factor's diagonal: below it, the Gram matrix has lost the smallest directions.
FLATTEST = {4: 3e-3, 8: 1e-6}


def truncated_svd(X: Operand, k: int, random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """U (n x k), s (k) and V (k x m) with X ~ U diag(s) V, in X's dtype; signs are left as they come.

    Raises
    ------
    LinAlgError
        Where X is so near to a rank below k + 10 that Gram matrices do not do.

    Examples
    --------
    >>> from sparsenmf._validation import check_matrix
    >>> from sparsenmf.operand import as_operand
    >>> A = np.random.default_rng(0).random((60, 50))
    >>> X = as_operand(check_matrix(A), A.dtype, "dense")
    >>> s = truncated_svd(X, 2, np.random.RandomState(0))[1]
    >>> np.allclose(s, np.linalg.svd(A)[1][:2], rtol=1e-3)
    True
    """
    wide = X.shape[0] < X.shape[1]
    A, size = (X.T if wide else X), k + OVERSAMPLES
    Q = pad(random.normal(size=(A.shape[1], size)), X.dtype)
    for _ in range(7 if k < 0.1 * min(X.shape) else 4):
        Q = _basis(A.times(Q), size)[0]
        Q = _basis(A.T.times(Q), size)[0]
    Q = _orthonormal(A.times(Q), size)[0]
    P, R = _orthonormal(A.T.times(Q), size)  # Q'A = R'P'
    left, s, right = linalg.svd(R.T)
    U, V = _turned(Q, left[:, :k]), _turned(P, right[:k].T)
    s = s[:k].astype(X.dtype)
    return (V, s, U.T) if wide else (U, s, V.T)


def _turned(Q: np.ndarray, A: np.ndarray, columns: int | None = None) -> np.ndarray:
    """QA for an A without padding, to so many columns (A's)."""
    whole = np.zeros((Q.shape[1], Q.shape[1]), Q.dtype)
    whole[: A.shape[0], : A.shape[1]] = A
    return product(Q, whole)[:, : columns or A.shape[1]]


def _basis(Y: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Q, of nearly orthonormal columns, and R with Y = QR: by Cholesky's factor of Y'Y."""
    R = linalg.cholesky(gram_matrix(Y)[:size, :size])
    scales = np.diag(R)
    if scales.min() < FLATTEST[Y.itemsize] * scales.max():
        raise linalg.LinAlgError("The columns are nearly dependent.")
    inverse = linalg.solve_triangular(R, np.eye(size))
    return _turned(Y, inverse, Y.shape[1]), R


def _orthonormal(Y: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """As `_basis`, twice: orthonormal to rounding."""
    Q, first = _basis(Y, size)
    Q, second = _basis(Q, size)
    return Q, second @ first
