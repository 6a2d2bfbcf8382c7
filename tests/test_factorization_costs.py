"""The cost never rises, whatever X, the start and the penalties."""

import numpy as np
import pytest

from tests.fits import each_loss, each_path, fit, objectives


def random_case(rng):
    """A tiny X of any sparsity with zero rows now and then, a start that may hold zeros, and a number of components."""
    n, m, k = (int(v) for v in rng.integers(1, (14, 14, 6)))
    X = rng.poisson(rng.gamma(0.5, 3.0, (n, m))) * (rng.random((n, m)) < rng.choice([0.05, 0.3, 1.0])) * 1.0
    if rng.random() < 0.4:
        X *= rng.gamma(0.3, 1.0, (n, m))
    X[rng.random(n) < 0.1] = 0
    X[rng.integers(n), rng.integers(m)] += 1
    W, H = rng.gamma(0.5, 10.0 ** rng.integers(-3, 4), (n, k)), rng.gamma(0.5, 10.0 ** rng.integers(-3, 4), (k, m))
    if rng.random() < 0.4:
        W, H = W * (rng.random((n, k)) < 0.8), H * (rng.random((k, m)) < 0.8)
    W[rng.integers(n), rng.integers(k)] += 0.1
    H[rng.integers(k), rng.integers(m)] += 0.1
    return X, W, H


def random_penalty(rng):
    alphas = {name: float(rng.choice([0.0, 0.001, 0.1, 1.0])) for name in ("alpha_W", "alpha_H")}
    return alphas | {"l1_ratio": float(rng.choice([0.0, 0.5, 1.0]))}


def assert_never_rises(X, fitted):
    """To 1e-12 relative, and to the rounding of the sums that cancel where the cost comes near zero."""
    values, x = objectives(fitted), X[X > 0]
    sums = x @ x if fitted.loss == "frobenius" else x.sum() + np.abs(x * np.log(x)).sum()
    assert not np.isnan(values).any()
    risen = values[1:] > values[:-1] * (1 + 1e-12) + 1e-14 * sums
    assert not risen.any(), (fitted.solver, fitted.loss, X.tolist(), values.tolist())


@each_path
@each_loss
@pytest.mark.parametrize("solver", ["mu", "cd", "gd"])
def test_the_cost_never_rises(solver, loss, path):
    rng = np.random.default_rng(10)
    for _ in range(1000 if path == "sparse" else 200):
        X, W, H = random_case(rng)
        fitted = fit(X, len(H), solver=solver, loss=loss, path=path, W=W, H=H, max_iter=8)
        assert_never_rises(X, fitted)


@each_loss
@pytest.mark.parametrize("solver", ["mu", "cd", "gd"])
def test_the_penalised_cost_never_rises(solver, loss):
    rng = np.random.default_rng(11)
    for _ in range(500):
        X, W, H = random_case(rng)
        penalty = random_penalty(rng)
        assert_never_rises(X, fit(X, len(H), solver=solver, loss=loss, W=W, H=H, max_iter=8, path="sparse", **penalty))


@each_loss
@pytest.mark.parametrize("solver", ["mu", "cd", "gd"])
def test_the_cost_never_rises_on_longer_runs(dense_counts, solver, loss):
    for seed in range(3):
        assert_never_rises(dense_counts, fit(dense_counts, solver=solver, loss=loss, max_iter=150, random_state=seed))


@each_loss
@pytest.mark.parametrize("solver", ["mu", "cd", "gd"])
def test_the_cost_never_rises_from_starts_far_off_the_scale_of_x(dense_counts, start, solver, loss):
    W, H = start
    for a, b in ((1e9, 1e9), (1e-9, 1e-9), (1e20, 1e-20), (1e-20, 1e20), (1e30, 1.0)):
        assert_never_rises(dense_counts, fit(dense_counts, solver=solver, loss=loss, W=a * W, H=b * H))


@each_loss
@pytest.mark.parametrize("solver", ["mu", "cd", "gd"])
@pytest.mark.parametrize("small", [1e-10, 1e-20, 1e-30])
def test_the_cost_never_rises_where_scales_are_mixed(dense_counts, start, solver, loss, small):
    """A column measured in other units is data too."""
    for place in (np.s_[:, ::2], np.s_[::2]):
        X = dense_counts.copy()
        X[place] *= small
        assert_never_rises(X, fit(X, solver=solver, loss=loss, W=start[0], H=start[1]))


@each_path
@each_loss
def test_the_default_ends_at_least_as_well_as_multiplicative_updates(counts, loss, path):
    ends = {
        solver: [
            fit(counts, solver=solver, loss=loss, path=path, max_iter=100, random_state=seed).objective
            for seed in range(6)
        ]
        for solver in ("auto", "mu")
    }
    assert np.mean(ends["auto"]) <= np.mean(ends["mu"])
    assert (np.array(ends["auto"]) <= 1.05 * np.array(ends["mu"])).all()
