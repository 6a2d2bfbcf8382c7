"""Bad input of `factorize` is one clear error."""

import numpy as np
import pytest
import scipy.sparse as sp

from sparsenmf import factorize
from tests.fits import H32, ONES, W32, changed, fit

CHOICES = "'auto', 'mu', 'cd', 'gd'"
BAD = {
    "negative": (changed(ONES, 1, 2, -1), {}, ValueError, r"Negative values.*\s+X\[1, 2\] = -1"),
    "negative sparse": (sp.csc_array(changed(ONES, 1, 2, -1)), {}, ValueError, r"Negative values.*\s+X\[1, 2\] = -1"),
    "nan": (changed(ONES, 2, 0, np.nan), {}, ValueError, r"contains NaN.*\s+X\[2, 0\] = nan"),
    "nan sparse": (sp.coo_array(changed(ONES, 2, 0, np.nan)), {}, ValueError, r"contains NaN.*\s+X\[2, 0\] = nan"),
    "inf": (changed(ONES, 0, 3, np.inf), {}, ValueError, r"contains infinity.*\s+X\[0, 3\] = inf"),
    "1-D": (np.ones(4), {}, ValueError, "Expected 2D array, got 1D array"),
    "3-D": (np.ones((2, 2, 2)), {}, ValueError, "dim 3"),
    "no rows": (np.ones((0, 4)), {}, ValueError, r"0 sample\(s\)"),
    "no columns": (sp.csr_array((4, 0)), {}, ValueError, r"0 feature\(s\)"),
    "all zero": (np.zeros((3, 4)), {}, ValueError, "no positive entry"),
    "all zero sparse": (sp.csr_array((3, 4)), {}, ValueError, "no positive entry"),
    "complex": (ONES * 1j, {}, ValueError, "Complex data not supported"),
    "words": ([["a", "b"]], {}, ValueError, r"X\[0, 0\] = .*'a'"),
    "k of 0": (ONES, {"n_components": 0}, ValueError, "n_components must be at least 1, got 0"),
    "k negative": (ONES, {"n_components": -3}, ValueError, "n_components must be at least 1, got -3"),
    "k no integer": (ONES, {"n_components": 2.5}, TypeError, "n_components must be an integer.*2.5"),
    "k bool": (ONES, {"n_components": True}, TypeError, "n_components must be an integer"),
    "k word": (ONES, {"n_components": "two"}, TypeError, "n_components must be an integer.*'two'"),
    "loss": (ONES, {"loss": "itakura-saito"}, ValueError, "'itakura-saito'.*'kullback-leibler'.*'kl'.*'frobenius'"),
    "loss number": (ONES, {"loss": 0}, ValueError, "Unknown loss 0.*'frobenius'"),
    "solver": (ONES, {"solver": "admm"}, ValueError, f"Unknown solver 'admm'.*{CHOICES}"),
    "solver type": (ONES, {"solver": None}, ValueError, f"Unknown solver None.*{CHOICES}"),
    "init": (
        ONES,
        {"init": "pca"},
        ValueError,
        "Unknown init 'pca'.*'random', 'nndsvd', 'nndsvda', 'nndsvdar', 'custom'",
    ),
    "path": (ONES, {"path": "gpu"}, ValueError, "Unknown path 'gpu'.*'auto', 'sparse', 'dense'"),
    "dtype": (ONES, {"dtype": "int8"}, ValueError, "Unknown dtype 'int8'.*'auto', 'float32', 'float64'"),
    "custom without H": (ONES, {"init": "custom", "W": W32}, ValueError, "needs both W and H"),
    "custom without both": (ONES, {"init": "custom"}, ValueError, "needs both W and H"),
    "fixed H missing": (ONES, {"update_H": False}, ValueError, "update_H=False needs H"),
    "W rows": (ONES, {"W": np.ones((4, 2)), "H": H32}, ValueError, "input W.*Expected 3, but got 4"),
    "W columns": (ONES, {"W": np.ones((3, 3)), "H": H32}, ValueError, "input W.*Expected 2, but got 3"),
    "H rows": (ONES, {"W": W32, "H": np.ones((3, 4))}, ValueError, "input H.*Expected 2, but got 3"),
    "H columns": (ONES, {"H": np.ones((2, 5)), "update_H": False}, ValueError, "input H.*Expected 4, but got 5"),
    "H flat": (ONES, {"H": np.ones(4)}, ValueError, "Expected 2D array"),
    "W negative": (ONES, {"W": changed(W32, 2, 1, -2), "H": H32}, ValueError, r"input W.*\s+W\[2, 1\] = -2"),
    "H nan": (ONES, {"W": W32, "H": changed(H32, 1, 3, np.nan)}, ValueError, r"Input H contains NaN.*\s+H\[1, 3\]"),
    "H inf": (ONES, {"W": W32, "H": changed(H32, 1, 3, np.inf)}, ValueError, r"Input H contains inf.*\s+H\[1, 3\]"),
    "W zero": (ONES, {"W": 0 * W32, "H": H32}, ValueError, "input W.*full of zeros"),
    "too many for an SVD": (ONES, {"n_components": 9, "init": "nndsvd"}, ValueError, "n_components <= min"),
    "max_iter": (ONES, {"max_iter": 0}, ValueError, "max_iter must be at least 1"),
    "max_iter type": (ONES, {"max_iter": 1.5}, TypeError, "max_iter must be an integer"),
    "tol": (ONES, {"tol": -1e-3}, ValueError, "tol must be at least 0"),
    "tol nan": (ONES, {"tol": np.nan}, ValueError, "tol must be at least 0 and finite"),
    "max_seconds": (ONES, {"max_seconds": -1}, ValueError, "max_seconds must be at least 0"),
    "max_seconds type": (ONES, {"max_seconds": "1 h"}, TypeError, "max_seconds must be a number.*'1 h'"),
    "n_threads": (ONES, {"n_threads": 0}, ValueError, "n_threads must be at least 1"),
    "alpha_W": (ONES, {"alpha_W": -0.1}, ValueError, "alpha_W must be at least 0"),
    "alpha_H": (ONES, {"alpha_H": "both"}, TypeError, "alpha_H must be a number.*'both'"),
    "l1_ratio": (ONES, {"l1_ratio": 1.5}, ValueError, "l1_ratio must lie between 0 and 1"),
    "step elsewhere": (ONES, {"step": 0.1, "solver": "mu"}, ValueError, "step=0.1 is for solver='gd' alone"),
    "step of 0": (ONES, {"step": 0, "solver": "gd"}, ValueError, "step must be above 0"),
    "random_state": (ONES, {"random_state": "seven"}, ValueError, "'seven' cannot"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_error_and_nothing_else(case):
    X, arguments, error, message = BAD[case]
    seen = []
    with pytest.raises(error, match=f"(?s){message}"):
        factorize(X, **({"n_components": 2, "max_iter": 3, "callback": seen.append} | arguments))
    assert not seen


def test_a_named_start_beside_given_factors_is_refused(dense_counts, start):
    with pytest.raises(ValueError, match="init='nndsvd' makes a start of its own"):
        fit(dense_counts, init="nndsvd", W=start[0], H=start[1])


def test_a_callback_that_is_no_function(dense_counts):
    with pytest.raises(TypeError, match="callback must be a function"):
        fit(dense_counts, callback=3)


def test_factors_beyond_the_memory_are_refused_before_they_are_made():
    with pytest.raises(MemoryError, match=r"n_components=1000000000: W and H, .* GiB\. Ask for fewer components"):
        factorize(ONES, 10**9)
