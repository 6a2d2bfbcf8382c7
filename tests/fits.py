"""Short fits, and the solvers, losses and paths that tests of `factorize` go through."""

import warnings

import numpy as np
import pytest
from sklearn.decomposition import non_negative_factorization

from sparsenmf import factorize
from sparsenmf.losses import LOSSES
from sparsenmf.solvers import SOLVER_NAMES

SOLVERS = SOLVER_NAMES  # a new one is taken up by its name
PATHS = ("sparse", "dense")
PAIRS = [(solver, loss) for solver in SOLVERS for loss in LOSSES]
EVERYTHING = [(solver, loss, path) for solver, loss in PAIRS for path in PATHS]
PENALTY = {"alpha_W": 0.02, "alpha_H": 0.01, "l1_ratio": 0.5}
ONES = np.ones((3, 4))
W32, H32 = np.ones((3, 2)), np.ones((2, 4))

each_loss = pytest.mark.parametrize("loss", LOSSES)
each_path = pytest.mark.parametrize("path", PATHS)
each_pair = pytest.mark.parametrize(("solver", "loss"), PAIRS)


def fit(X, k=4, **arguments):
    """A short fit on one thread that nothing stops early."""
    return factorize(X, k, **({"random_state": 0, "max_iter": 12, "tol": 0, "n_threads": 1} | arguments))


def objectives(fitted) -> np.ndarray:
    return np.array([record.objective for record in fitted.history])


def without_empty(X) -> np.ndarray:
    """X without its rows and columns of zeros, whose factors are zero at the end whatever a solver does."""
    return X[X.any(axis=1)][:, X.any(axis=0)]


def same_factors(a, b) -> bool:
    return np.array_equal(a.W, b.W) and np.array_equal(a.H, b.H)


def sklearn_iterates(X, start, iterations, loss, solver, **options):
    """scikit-learn's factors after so many of its iterations from (W, H)."""
    W, H = (factor.copy() for factor in start)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        W, H, done = non_negative_factorization(
            X,
            W=W,
            H=H,
            n_components=len(H),
            init="custom",
            solver=solver,
            beta_loss="kullback-leibler" if loss == "kl" else loss,
            max_iter=iterations,
            tol=0,
            **options,
        )
    assert done == iterations
    return W, H


def changed(A, row, column, value):
    A = np.array(A, dtype=np.float64)
    A[row, column] = value
    return A
