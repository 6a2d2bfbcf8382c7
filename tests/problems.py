"""Random problems of the paper, and the rounding to be expected in them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

LOSSES = ("frobenius", "kl")

each_loss = pytest.mark.parametrize("loss", LOSSES)
seeds = given(seed=st.integers(0, 2**32 - 1))


def column(seed, zeros=True):
    """One column v ~ W h of a random problem, and another point h': (v, W, h, now). All of W h is positive."""
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(1, 12)), int(rng.integers(1, 6))
    v = rng.poisson(rng.gamma(0.7, 2.0, n)) * 10.0 ** rng.integers(-3, 4)
    W = rng.gamma(1.0, 10.0 ** rng.integers(-2, 3), (n, k))
    if zeros:
        W *= rng.random((n, k)) > 0.3
        W[:, 0] += 0.01
    h, now = (rng.gamma(1.0, 10.0 ** rng.integers(-2, 3), k) + 0.001 for _ in range(2))
    return v, W, h, now


def matrices(seed, n=9, m=12, k=3):
    rng = np.random.default_rng(seed)
    V = rng.poisson(rng.gamma(0.7, 2.0, (n, m))).astype(float)
    V[0], V[:, 0] = V[0] + 1, V[:, 0] + 1
    return V, rng.gamma(1.0, 1.0, (n, k)) + 0.01, rng.gamma(1.0, 1.0, (k, m)) + 0.01


def rounding(loss, v, *values):
    """What is lost where large terms cancel: some 1e-12 of the largest."""
    x = v[v > 0]
    terms = float(x @ x) if loss == "frobenius" else float(np.abs(x * np.log(x)).sum() + x.sum())
    return 1e-12 * (terms + sum(abs(value) for value in values))
