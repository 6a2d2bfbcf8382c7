"""Projected gradient descent: the additive rule of eq. 6, F <- max(F - step * gradient, 0).

Without a step from the user a safe one is taken: for the Euclidean cost the inverse of the largest eigenvalue of the
Gram matrix, with which the cost cannot rise; for KL, whose gradient has no Lipschitz constant, a step that is halved
until the cost has not risen and grows again after a success.
"""

from __future__ import annotations

import math

import numpy as np

from sparsenmf.losses import CrossStatistics, RatioStatistics
from sparsenmf.operand import product
from sparsenmf.solvers.base import Half, Met, Solver
from sparsenmf.state import Factor

GROWTH = 2.0
HALVINGS = 60
REACH = 1e3  # a step of ours moves no entry further than this many times the largest


class Gradient(Solver):
    """What both costs share."""

    @staticmethod
    def projected(F: np.ndarray, step: float, gradient: np.ndarray) -> np.ndarray:
        """max(F - step * gradient, 0), eq. 6; what a user's step makes overflow is for `take` to refuse."""
        with np.errstate(over="ignore", invalid="ignore"):
            return np.maximum(F - F.dtype.type(step) * gradient, 0)

    def take(self, factor: Factor, new: np.ndarray) -> None:
        """Move to `new`, unless a step of the user's was so long that it left the finite numbers."""
        with np.errstate(over="ignore", invalid="ignore"):
            digest = self.p.loss.digest(new)
        if np.isfinite(digest).all() and float(np.abs(digest).max()) < math.sqrt(np.finfo(new.dtype).max):
            factor.iterate[:], factor.digest = new, digest
        else:
            self.diverged = True


class GradientFrobenius(Gradient):
    """F <- max(F + step (XG - F A - l1 - l2 F), 0), eq. 6."""

    def apply(self, half: Half, factor: Factor, statistics: CrossStatistics) -> Met:
        """One step; the gradient is half of eq. 2's, as in the paper."""
        F, A, step = factor.iterate, statistics.gram, half.step
        C = half.memory = statistics.cross
        l1, l2 = half.penalty
        fit = math.fsum(np.einsum("ij,ij->i", F, C, dtype=np.float64))
        if step is None:
            top = float(np.linalg.eigvalsh(A)[-1]) + l2
            step = 1.0 / top if top > 0 else 0.0
        gradient = product(F, A.astype(F.dtype)) - C + F.dtype.type(l2) * F
        gradient[:, : self.p.k] += F.dtype.type(l1)
        scale = float(np.diag(A).max())
        moved = float(((F - self.projected(F, 1 / scale, gradient)) ** 2).sum() * scale) if scale > 0 else 0.0
        self.take(factor, self.projected(F, step, gradient))
        return Met(fit, moved)


class GradientKL(Gradient):
    """F <- max(F - step (column sums of G + l1 + l2 F - (X / FG')G), 0)."""

    def update(self, half: Half, given: Factor, measure: bool) -> Met:
        """One step, backtracked where the user gave none: that needs X itself."""
        factor, statistics = half.factor, self.statistics(half, given)
        gradient, moved = self._gradient(half, factor, statistics)
        if half.step is not None:
            self.take(factor, self.projected(factor.iterate, half.step, gradient))
        else:
            self.take(factor, self._backtracked(half, given, gradient, statistics.loglik))
        return Met(statistics.loglik, moved)

    def _gradient(self, half: Half, factor: Factor, statistics: RatioStatistics) -> tuple[np.ndarray, float]:
        """The gradient of the cost and the penalties; the length of a scaled step along it."""
        F, num = factor.iterate, statistics.numerators
        den = np.where(statistics.sums > 0, statistics.sums + half.penalty.l1, 0)
        gradient = (den - num + half.penalty.l2 * F).astype(F.dtype)
        held = F * den
        share = held.sum(axis=1, keepdims=True) * _share(gradient, den)
        return gradient, float(np.abs(np.minimum(held, share)).sum())

    def _backtracked(self, half: Half, given: Factor, gradient: np.ndarray, fit: float) -> np.ndarray:
        """The first of step, step / 2, ... that does not raise the cost of this half."""
        F, (l1, l2), steps = half.factor.iterate, half.penalty, self.p.state.steps
        steepest = max(float(np.abs(gradient).max()), 1e-300)
        longest = REACH * float(F.max()) / steepest

        def cost(A: np.ndarray, fit: float) -> float:
            value = float(A.sum(axis=0, dtype=np.float64) @ (given.digest + l1)) - fit
            return value + 0.5 * l2 * float(np.einsum("ij,ij->", A, A, dtype=np.float64))

        before = cost(F, fit)
        if not math.isfinite(before):  # nothing to compare with: eq. 5's step of each entry's own
            with np.errstate(divide="ignore", invalid="ignore"):
                share = np.where(given.digest > 0, F / given.digest, 0).astype(F.dtype)
            return np.maximum(F - share * gradient, 0)
        step = min(steps.get(half.name, float(F.max()) / steepest) * GROWTH, longest)
        for _ in range(HALVINGS):
            new = self.projected(F, step, gradient)
            if cost(new, half.X.loglik(new, given.met)) <= before:
                steps[half.name] = step
                return new
            step /= 2
        return F


def _share(gradient: np.ndarray, den: np.ndarray) -> np.ndarray:
    """gradient / den where a component has anything, else 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(den > 0, gradient / den, 0)
