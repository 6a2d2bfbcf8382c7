"""A newcomer's exercise: a solver and a loss, each of which would be two files (docs/architecture.md)."""

import math

import numpy as np
import pytest
import scipy.sparse as sp

from sparsenmf import FitOptions, factorize, kkt_residual, objective
from sparsenmf.losses import LOSSES, Loss, RatioStatistics
from sparsenmf.rows import solve_rows
from sparsenmf.solvers import SOLVERS, Met, Solver
from tests.fits import objectives

# --- a solver: a file of solvers/, and an entry of SOLVERS ------------------------------------------------------------


class Halfway(Solver):
    """F <- F * sqrt(numerators / denominators): halfway, in logarithms, to eq. 5, so its cost falls too (eq. 26)."""

    def apply(self, half, factor, statistics):
        moved = self.p.loss.moved(factor.iterate, statistics)
        ratio = np.divide(statistics.numerators, statistics.sums, where=statistics.sums > 0, out=statistics.numerators)
        factor.iterate *= np.sqrt(ratio)
        factor.digest = self.p.loss.digest(factor.iterate)
        return Met(statistics.loglik, moved)


@pytest.fixture
def halfway(monkeypatch):
    monkeypatch.setitem(SOLVERS, ("halfway", "kl"), Halfway)


@pytest.mark.parametrize("path", ["sparse", "dense"])
def test_a_new_solver_fits(halfway, counts, path):
    fitted = factorize(counts, 4, solver="halfway", path=path, random_state=0, max_iter=100, tol=0)
    costs = objectives(fitted)
    assert (np.diff(costs) <= 1e-6 * costs[0]).all()
    exact = factorize(counts, 4, solver="mu", random_state=0, max_iter=100, tol=0)
    assert costs[-1] == pytest.approx(exact.objective, rel=0.05)


def test_a_new_solver_is_among_the_choices(halfway):
    with pytest.raises(ValueError, match="'gd', 'halfway'"):
        FitOptions(2, solver="quick")
    with pytest.raises(ValueError, match="Unknown solver 'halfway': choose one of 'auto', 'mu', 'cd', 'gd'"):
        FitOptions(2, solver="halfway", loss="frobenius")


def test_the_command_line_takes_a_new_solver(halfway, counts, tmp_path):
    pytest.importorskip("click")
    from sparsenmf.cli import main
    from sparsenmf.io import load_model

    sp.save_npz(tmp_path / "X.npz", sp.csr_matrix(counts))
    model = tmp_path / "model.npz"
    arguments = ["fit", str(tmp_path / "X.npz"), "-k", "2", "--solver", "halfway", "-q", "-o", str(model)]
    assert main(arguments) == 0
    assert load_model(model).outcome["solver"] == "halfway"


# --- a loss: losses.py, and a file of solvers/ ------------------------------------------------------------------------


class Hellinger(Loss):
    """The sum of (sqrt x - sqrt y)^2 = sum x + sum y - 2 sum sqrt(xy), y = WH; the last sum is over the nonzeros."""

    name, aliases, degree = "hellinger", (), 1

    def digest(self, F):
        return F.sum(axis=0, dtype=np.float64)

    def weights(self, digest):
        return digest

    def statistics(self, X, F, G, digest=None, out=None):
        y = np.maximum(X.products(F, G), np.finfo(X.dtype).tiny)
        roots = X.replaced(np.sqrt(X.values / y).astype(X.dtype))
        sums = self.digest(G) if digest is None else digest
        return RatioStatistics(roots.times(G), sums, X.masses, self.fit(X, F, G))

    def fit(self, X, F, G):
        return float(np.sqrt(X.values * X.products(F, G), dtype=np.float64).sum())

    def value(self, moments, fit, pair):
        return moments.mass + pair - 2 * fit

    def size(self, moments):
        return moments.mass

    def moved(self, F, statistics):
        gap = F * (statistics.sums - statistics.numerators)
        return float(np.abs(gap).sum())

    def residual(self, moments, moved):
        return moved / moments.mass

    def solve(self, X, F, G, task):
        F[:, : task.k] = 1
        for _ in range(task.max_sweeps):
            F *= factor_of(self.statistics(X, F, G)) ** 2


def factor_of(statistics):
    zero = np.zeros_like(statistics.numerators)
    return np.divide(statistics.numerators, statistics.sums, where=statistics.sums > 0, out=zero)


class MultiplicativeHellinger(Solver):
    """F <- F * (numerators / denominators)^2: the multiplicative update of the alpha divergence, alpha = 1/2."""

    def apply(self, half, factor, statistics):
        moved = self.p.loss.moved(factor.iterate, statistics)
        factor.iterate *= factor_of(statistics) ** 2
        factor.digest = self.p.loss.digest(factor.iterate)
        return Met(statistics.loglik, moved)


@pytest.fixture
def hellinger(monkeypatch):
    monkeypatch.setitem(LOSSES, "hellinger", Hellinger())
    for solver in ("auto", "mu"):
        monkeypatch.setitem(SOLVERS, (solver, "hellinger"), MultiplicativeHellinger)


@pytest.mark.parametrize("scale", [1.0, 1e30])
def test_a_new_loss_fits_on_both_paths(hellinger, counts, scale):
    X = counts.astype(np.float64) * scale
    fits = [
        factorize(X, 4, loss="hellinger", path=path, random_state=0, max_iter=60, tol=0) for path in ("sparse", "dense")
    ]
    for fitted in fits:
        costs = objectives(fitted)
        assert (np.diff(costs) <= 1e-9 * costs[0]).all()
        dense = np.asarray(X.todense())
        expected = ((np.sqrt(dense) - np.sqrt(fitted.W @ fitted.H)) ** 2).sum()
        assert fitted.objective == pytest.approx(expected, rel=1e-9)
        assert objective(X, fitted.W, fitted.H, "hellinger") == pytest.approx(expected, rel=1e-9)
        assert kkt_residual(X, fitted.W, fitted.H, "hellinger") < 0.05
    np.testing.assert_allclose(fits[0].H, fits[1].H, rtol=1e-6, atol=1e-9 * math.sqrt(scale))


def test_rows_of_a_new_loss_are_solved(hellinger, counts):
    fitted = factorize(counts, 4, loss="hellinger", random_state=0, max_iter=60, tol=0, dtype="float64")
    W = solve_rows(counts, fitted.H, loss="hellinger")
    assert objective(counts, W, fitted.H, "hellinger") <= fitted.objective * 1.001
