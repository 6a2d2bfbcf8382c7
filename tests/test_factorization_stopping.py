"""When a fit stops and what a callback sees; the KKT residual that tells it."""

import numpy as np
import pytest
import scipy.sparse as sp

import sparsenmf
from sparsenmf import kkt_residual
from sparsenmf.solvers import SOLVERS
from sparsenmf.solvers.extrapolation import Extrapolated
from tests import reference
from tests.fits import each_loss, each_pair, each_path, fit, same_factors


def window_of(solver, loss) -> int:
    """The iterations over which a solver's tolerance looks at the fall of the objective."""
    return (Extrapolated if solver == "auto" else SOLVERS[solver, loss]).window


# --- stopping ---------------------------------------------------------------------------------------------------------


@each_pair
def test_the_tolerance_is_met_when_it_stops_and_not_before(dense_counts, solver, loss):
    tol = 1e-3
    fitted = fit(dense_counts, solver=solver, loss=loss, tol=tol, max_iter=2000)
    assert fitted.converged
    assert fitted.stop_reason in ("objective", "kkt")
    assert fitted.n_iter < 2000
    met, window = fitted.history[:-1], window_of(solver, loss)

    def within(i):
        least = min(record.objective for record in met[max(0, i + 1 - window) : i + 1])
        before = min((record.objective for record in met[: max(0, i + 1 - window)]), default=np.inf)
        return met[i].kkt <= tol or before - least <= tol * least

    assert [within(i) for i in range(len(met))] == [False] * (len(met) - 1) + [True]


@each_loss
def test_a_stationary_start_stops_at_once_by_its_kkt_residual(dense_counts, loss):
    found = fit(dense_counts, solver="cd", loss=loss, max_iter=2000)
    again = fit(dense_counts, solver="cd", loss=loss, tol=1e-4, W=found.W, H=found.H)
    assert (again.stop_reason, again.n_iter, again.converged) == ("kkt", 1, True)


@each_pair
def test_without_a_tolerance_nothing_but_max_iter_stops(solver, loss):
    """Not even where nothing moves any more: 2 = 1 * 2 is exact."""
    fitted = fit([[2.0]], 1, solver=solver, loss=loss, W=[[1.0]], H=[[2.0]], max_iter=30)
    assert (fitted.n_iter, fitted.stop_reason, fitted.converged) == (30, "max_iter", False)
    assert fitted.objective == pytest.approx(0, abs=1e-15)


def test_no_time_is_one_iteration(counts):
    fitted = fit(counts, max_seconds=0)
    assert (fitted.n_iter, fitted.stop_reason, fitted.converged) == (1, "max_seconds", False)
    assert fit(counts, max_seconds=1e9).stop_reason == "max_iter"


@each_pair
def test_the_callback_sees_the_whole_history(counts, solver, loss):
    seen = []
    fitted = fit(counts, solver=solver, loss=loss, callback=seen.append)
    assert tuple(seen) == fitted.history


@each_pair
def test_the_callback_stops(counts, solver, loss):
    fitted = fit(counts, solver=solver, loss=loss, callback=lambda record: record.iteration == 3)
    assert (fitted.n_iter, fitted.stop_reason, fitted.converged) == (4, "callback", False)
    assert len(fitted.history) == 5
    assert same_factors(fitted, fit(counts, solver=solver, loss=loss, max_iter=4))


def test_the_callback_sees_the_scale_of_x(counts):
    """Large entries are worked on in another scale, which shows nowhere."""
    seen, X = [], counts * 4.0**25
    fitted = fit(X, callback=seen.append)
    assert tuple(seen) == fitted.history
    W, H = fitted.W, fitted.H
    assert seen[-1].objective == pytest.approx(reference.objective(X.toarray(), W, H.T, "kl"), rel=1e-10)


def test_an_error_of_the_callback_comes_through(counts):
    def fails(record):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fit(counts, callback=fails)


def test_no_convergence_is_told_where_the_objective_is_infinite(dense_counts, start):
    W = np.zeros_like(start[0])
    W[:, 0] = start[0][:, 0]
    H = start[1].copy()
    H[0, :5] = 0
    H[1:] = 0
    fitted = fit(dense_counts, solver="mu", W=W, H=H, tol=1e-2, max_iter=40)
    assert fitted.objective == np.inf
    assert not fitted.converged


# --- optimality -------------------------------------------------------------------------------------------------------


def worst_condition(X, W, H, loss) -> float:
    """The reference's violation of the conditions of optimality, as a share of the push that a gradient has."""
    parts = (*reference.kkt_parts(X, W, H.T, loss), *reference.kkt_parts(X.T, H.T, W, loss))
    push = max(reference.gradient_parts(*given, loss)[1].max() for given in ((X, W, H.T), (X.T, H.T, W)))
    return max(parts) / push


@each_path
@each_loss
def test_the_kkt_residual_falls_with_the_references(dense_counts, loss, path):
    fits = [fit(dense_counts, solver="cd", loss=loss, path=path, max_iter=i) for i in (1, 30, 2000)]
    ours = [kkt_residual(dense_counts, f.W, f.H, loss) for f in fits]
    theirs = [worst_condition(dense_counts, f.W, f.H, loss) for f in fits]
    assert ours == sorted(ours, reverse=True)
    assert theirs == sorted(theirs, reverse=True)
    assert ours[0] > 1e-3
    assert ours[-1] < 1e-6
    assert theirs[-1] < 1e-5
    for fitted, value in zip(fits[1:], ours[1:], strict=True):
        assert value / 30 - 1e-12 <= fitted.kkt <= value * 30 + 1e-12


@each_loss
def test_the_kkt_residual_sees_a_zero_that_wants_to_grow(dense_counts, loss):
    """F * gradient is zero there: only the gradient's sign tells."""
    found = fit(dense_counts, solver="cd", loss=loss, max_iter=2000)
    W = found.W.copy()
    i, a = np.unravel_index(W.argmax(), W.shape)
    assert kkt_residual(dense_counts, W, found.H, loss) < 1e-6
    W[i, a] = 0
    assert kkt_residual(dense_counts, W, found.H, loss) > 1e-4
    assert kkt_residual(dense_counts, 1.1 * found.W, found.H, loss) > 1e-2


def test_the_kkt_residual_is_zero_at_the_closed_form(dense_counts):
    W = dense_counts.sum(axis=1, keepdims=True)
    H = dense_counts.sum(axis=0, keepdims=True) / dense_counts.sum()
    assert kkt_residual(dense_counts, W, H) == pytest.approx(0, abs=1e-14)
    assert kkt_residual(dense_counts, 2 * W, H) > 0.1


@each_loss
def test_the_kkt_residual_has_no_unit(dense_counts, start, loss):
    W, H = start
    value = kkt_residual(dense_counts, W, H, loss)
    assert kkt_residual(16 * dense_counts, 8 * W, 2 * H, loss) == pytest.approx(value, rel=1e-12)


def test_the_objective_is_infinite_where_a_count_has_no_support(dense_counts, start):
    W, H = (factor.copy() for factor in start)
    W[3] = 0
    assert sparsenmf.objective(dense_counts, W, H) == np.inf
    assert sparsenmf.objective(sp.csr_array(dense_counts), W, H) == np.inf
    assert np.isfinite(sparsenmf.objective(dense_counts, W, H, "frobenius"))


def test_nothing_to_fit_has_no_residual():
    assert kkt_residual(np.zeros((2, 2)), np.zeros((2, 1)), np.zeros((1, 2)), "kl") == 0
    assert kkt_residual(np.zeros((2, 2)), np.zeros((2, 1)), np.zeros((1, 2)), "frobenius") == 0
