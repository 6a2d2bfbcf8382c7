"""`prepare`: an X that is checked, scaled and transposed once, and that many fits share."""

from __future__ import annotations

from typing import Any

import numpy as np

from sparsenmf._jit import made_once, threads
from sparsenmf._validation import check_matrix, working_dtype
from sparsenmf.losses import loss_of
from sparsenmf.matrix import Matrix
from sparsenmf.operand import Operand, as_operand, choose_path
from sparsenmf.parameters import PARAMETERS, described
from sparsenmf.scaling import scale_of

__all__ = ["Prepared", "prepare"]


class Prepared:
    """A checked X, and what fits need of X beside its values. Fits in several threads may share it.

    Every function of the package that takes X takes a `Prepared`. `prepare` makes one.

    Parameters
    ----------
    matrix : Matrix
        A checked matrix.

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype
    nnz : int
    checked_matrix : Matrix
        X as it was checked.

    Examples
    --------
    >>> from sparsenmf import prepare
    >>> prepare([[1, 0], [2, 3]])
    <Prepared: 2 x 2, dense, 3 nonzeros, int64>
    """

    def __init__(self, matrix: Matrix) -> None:
        self.checked_matrix = matrix
        self.shape, self.ndim, self.dtype, self.nnz = matrix.shape, 2, matrix.dtype, matrix.nnz
        self._operands: dict[tuple[str, str], Operand] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return Prepared, (self.checked_matrix,)  # another process makes its own transpose

    def __repr__(self) -> str:
        kind = self.checked_matrix.storage
        return f"<Prepared: {self.shape[0]:,} x {self.shape[1]:,}, {kind}, {self.nnz:,} nonzeros, {self.dtype}>"

    def operand(self, dtype: np.dtype, path: str) -> Operand:
        """X in units near 1 for factors of a dtype: made once.

        Parameters
        ----------
        dtype : dtype
            float32 or float64.
        path : {"sparse", "dense"}

        Returns
        -------
        Operand
            It makes its transpose and its plans when they are first asked for, and keeps them.
        """
        A = self.checked_matrix
        return made_once(self._operands, (dtype.name, path), lambda: as_operand(A, dtype, path, scale_of(A, dtype)))


@described
def prepare(X: Any, *, dtype: Any = PARAMETERS["dtype"].default, path: str = PARAMETERS["path"].default) -> Prepared:
    """Check, scale and transpose X, so that each of many fits starts at once.

    The first fit of a number of components adds the plan of its passes, and later fits find it.

    Parameters
    ----------
    X : sparse matrix or array of any format, array-like, or data frame, of shape (n, m)
        Finite and non-negative. Do not change its memory while the result is in use.
    {dtype, path}

    Returns
    -------
    Prepared
        For every function that takes X. A fit of another dtype or path makes what it lacks, once.

    Raises
    ------
    ValueError
        For bad entries of X (naming row, column and value), or an unknown dtype or path.
    TypeError
        For objects that are no numbers.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from sparsenmf import factorize, prepare
    >>> X = prepare(sp.random(60, 40, 0.2, format="csr", random_state=0))
    >>> [factorize(X, k, random_state=0).W.shape for k in (2, 3)]
    [(60, 2), (60, 3)]
    """
    path = PARAMETERS["path"].kind.check(path, "path")
    prepared = as_prepared(X)
    working = working_dtype(dtype, prepared.dtype)
    with threads(None):
        chosen = choose_path(prepared.checked_matrix, working, loss_of(PARAMETERS["loss"].default).crossover, path)
        operand = prepared.operand(working, chosen)
        for each in (operand, operand.T):
            _ = each.moments, each.masses
    return prepared


def as_prepared(X: Any, whom: str = "factorize") -> Prepared:
    """X itself where it is prepared, else a checked X that makes the rest when it is asked for."""
    return X if isinstance(X, Prepared) else Prepared(check_matrix(X, whom=whom))
