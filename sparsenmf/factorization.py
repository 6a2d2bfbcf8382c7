"""`factorize`: X ~ W H in one call."""

from __future__ import annotations

from typing import Any

from sparsenmf.fit import Factorization, Fit
from sparsenmf.options import FitOptions
from sparsenmf.parameters import Callback, default, described
from sparsenmf.rows import solve_rows

__all__ = ["Factorization", "factorize", "solve_rows"]


@described
def factorize(
    X: Any,
    n_components: int,
    *,
    loss: Any = default("loss"),
    solver: str = default("solver"),
    init: str = default("init"),
    max_iter: int = default("max_iter"),
    tol: float = default("tol"),
    max_seconds: float | None = default("max_seconds"),
    random_state: Any = default("random_state"),
    n_threads: int | None = default("n_threads"),
    dtype: Any = default("dtype"),
    path: str = default("path"),
    W: Any = None,
    H: Any = None,
    update_H: bool = default("update_H"),
    alpha_W: float = default("alpha_W"),
    alpha_H: float | str = default("alpha_H"),
    l1_ratio: float = default("l1_ratio"),
    step: float | None = default("step"),
    verbose: int = default("verbose"),
    callback: Callback | None = None,
) -> Factorization:
    """Factorize a non-negative matrix, X ~ W H with W and H non-negative.

    Parameters
    ----------
    X : sparse matrix or array of any format, array-like, data frame, or what `prepare` returned, of shape (n, m)
        Finite and non-negative. Rows and columns of zeros are data: their factors are zero.
    {n_components, loss, solver, init, max_iter, tol, max_seconds, random_state, n_threads, dtype, path}
    W, H : array-like, optional
        A start of shapes (n, k) and (k, m), in the scale of X.
    {update_H, alpha_W, alpha_H, l1_ratio, step, verbose}
    callback : callable, optional
        Called with the `Record` of the pair that each iteration met, and of the last; a true return value stops.

    Returns
    -------
    Factorization

    Raises
    ------
    ValueError
        For bad entries of X, W or H (naming row, column and value), shapes that do not match, an X without a positive
        entry, an unknown loss, solver, init, dtype or path (listing the choices), or a number out of range.
    TypeError
        For arguments of the wrong kind.
    MemoryError
        Where W and H do not fit into memory, before anything is computed.

    References
    ----------
    D. D. Lee and H. S. Seung, "Algorithms for Non-negative Matrix Factorization", NIPS 2000.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from sparsenmf import factorize
    >>> X = sp.random(60, 40, 0.2, format="csr", random_state=0)
    >>> fit = factorize(X, 3, random_state=0)
    >>> fit.W.shape, fit.H.shape, fit.converged
    ((60, 3), (3, 40), True)
    """
    given = {name: value for name, value in locals().items() if name not in ("X", "W", "H", "callback")}
    options = FitOptions(**given)
    return Fit(X, options, W=W, H=H).run(callback)
