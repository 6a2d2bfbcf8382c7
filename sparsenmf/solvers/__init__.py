"""Solvers by name. To add one: write its row update in a file of this folder, and name it here."""

from __future__ import annotations

from collections.abc import Callable

from sparsenmf.solvers.base import Descent, Half, Met, Problem, Solver
from sparsenmf.solvers.coordinate import CoordinateFrobenius, CoordinateKL
from sparsenmf.solvers.extrapolation import Extrapolated
from sparsenmf.solvers.gradient import GradientFrobenius, GradientKL
from sparsenmf.solvers.multiplicative import MultiplicativeFrobenius, MultiplicativeKL

__all__ = ["SOLVERS", "SOLVER_NAMES", "Descent", "Half", "Met", "Problem", "Solver"]


def _auto_kl(problem: Problem) -> Solver:
    return Extrapolated(problem, MultiplicativeKL(problem), CoordinateKL(problem), warm_iterations=8)


def _auto_frobenius(problem: Problem) -> Solver:
    # The cross product costs far more than a pass over the components, so several passes use each (Gillis and Glineur,
    # Neural Computation 24, 2012).
    descent = CoordinateFrobenius(problem, sweeps=5)
    return Extrapolated(problem, descent, descent, warm_iterations=2)


SOLVERS: dict[tuple[str, str], Callable[[Problem], Solver]] = {
    ("auto", "kl"): _auto_kl,
    ("auto", "frobenius"): _auto_frobenius,
    ("mu", "kl"): MultiplicativeKL,
    ("mu", "frobenius"): MultiplicativeFrobenius,
    ("cd", "kl"): CoordinateKL,
    ("cd", "frobenius"): CoordinateFrobenius,
    ("gd", "kl"): GradientKL,
    ("gd", "frobenius"): GradientFrobenius,
}
SOLVER_NAMES = tuple(dict.fromkeys(name for name, _ in SOLVERS))
