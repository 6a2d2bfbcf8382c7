"""Fill Numba's cache before it is needed."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp

from sparsenmf.factorization import factorize
from sparsenmf.losses import LOSSES
from sparsenmf.rows import solve_rows
from sparsenmf.solvers import SOLVERS


def warmup_steps(
    dtypes: tuple[str, ...] = ("float32", "int64"), solvers: tuple[str, ...] = ("auto", "mu")
) -> Iterator[str]:
    """Compile what fits of each loss and solver call, for sparse counts; yields what it has done, step by step."""
    rng = np.random.default_rng(0)
    # short and long rows and columns both, and more iterations than any warm-up of a solver
    counts = sp.csr_array(rng.poisson(np.where(np.arange(60)[:, None] < 30, 0.1, 1.5), (60, 80)))
    for dtype in dtypes:
        X = counts.astype(np.int64 if dtype == "int64" else dtype)
        for solver, loss in SOLVERS:
            if solver in solvers:
                fit = factorize(X, 3, loss=loss, solver=solver, max_iter=12, tol=0, path="sparse")
                yield f"{loss} {solver} {dtype}"
        for loss in LOSSES:
            solve_rows(X, fit.H, loss=loss, path="sparse")
            yield f"transform {loss} {dtype}"


def warmup(dtypes: tuple[str, ...] = ("float32", "int64"), solvers: tuple[str, ...] = ("auto", "mu")) -> float:
    """Compile the usual kernels into Numba's cache, so that the first fit does not wait for it.

    Parameters
    ----------
    dtypes : tuple of {"float32", "float64", "int32", "int64"}
        Of X's entries: counts are worked on in float32, but kernels read them as they are.
    solvers : tuple of str

    Returns
    -------
    float
        Seconds that it took.

    Examples
    --------
    >>> from sparsenmf import warmup
    >>> warmup(solvers=("mu",)) > 0
    True
    """
    start = time.perf_counter()
    for _ in warmup_steps(dtypes, solvers):
        pass
    return time.perf_counter() - start
