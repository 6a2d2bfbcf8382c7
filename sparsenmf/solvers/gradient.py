"""Projected gradient descent: the additive rule of eq. 6, F <- max(F - step * gradient, 0).

Without a step from the user a safe one is taken: for the Euclidean cost the inverse of the largest eigenvalue of the
Gram matrix, with which the cost cannot rise; for KL, whose gradient has no Lipschitz constant, a step that is halved
until the cost has not risen and grows again after a success.
"""

from __future__ import annotations

import math

import numpy as np

from sparsenmf.operand import product
from sparsenmf.solvers.base import Entry, Problem, Side, Solver

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

    def take(self, side: Side, new: np.ndarray) -> None:
        """Move to `new`, unless a step of the user's was so long that it left the finite numbers."""
        with np.errstate(over="ignore", invalid="ignore"):
            digest = self.p.loss.digest(new)
        if np.isfinite(digest).all() and float(np.abs(digest).max()) < math.sqrt(np.finfo(new.dtype).max):
            side.F[:], side.digest = new, digest
        else:
            self.diverged = True


class GradientFrobenius(Gradient):
    """F <- max(F + step (XG - F A - l1 - l2 F), 0), eq. 6."""

    def update(self, side: Side, given: Side, want: bool, beta: float = 0.0) -> Entry:
        """One step; the gradient is half of eq. 2's, as in the paper."""
        F, A = side.F, given.digest
        C = side.cross(given)
        fit = math.fsum(np.einsum("ij,ij->i", F, C, dtype=np.float64))
        step = self.p.step
        if step is None:
            top = float(np.linalg.eigvalsh(A)[-1]) + side.l2
            step = 1.0 / top if top > 0 else 0.0
        gradient = product(F, A.astype(F.dtype)) - C + F.dtype.type(side.l2) * F
        gradient[:, : self.p.k] += F.dtype.type(side.l1)
        scale = float(np.diag(A).max())
        moved = float(((F - self.projected(F, 1 / scale, gradient)) ** 2).sum() * scale) if scale > 0 else 0.0
        self.take(side, self.projected(F, step, gradient))
        return Entry(fit, moved)


class GradientKL(Gradient):
    """F <- max(F - step (column sums of G + l1 + l2 F - (X / FG')G), 0)."""

    def __init__(self, problem: Problem):
        super().__init__(problem)
        self.steps: dict[int, float] = {}

    def update(self, side: Side, given: Side, want: bool, beta: float = 0.0) -> Entry:
        """One step, backtracked where the user gave none."""
        F, X = side.F, side.X
        num, fit = X.ratio_times(F, given.F)
        den = np.where(given.digest > 0, given.digest + side.l1, 0)
        gradient = (den - num + side.l2 * F).astype(F.dtype)
        held = F * den
        moved = float(np.abs(np.minimum(held, held.sum(axis=1, keepdims=True) * _share(gradient, den))).sum())
        if self.p.step is not None:
            self.take(side, self.projected(F, self.p.step, gradient))
        else:
            self.take(side, self._backtracked(side, given, gradient, fit))
        return Entry(fit, moved)

    def _backtracked(self, side: Side, given: Side, gradient: np.ndarray, fit: float) -> np.ndarray:
        """The first of step, step / 2, ... that does not raise the cost of this side."""
        F, l1, l2 = side.F, side.l1, side.l2
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
        key = id(side)
        step = min(self.steps.get(key, float(F.max()) / steepest) * GROWTH, longest)
        for _ in range(HALVINGS):
            new = self.projected(F, step, gradient)
            if cost(new, side.X.loglik(new, given.F)) <= before:
                self.steps[key] = step
                return new
            step /= 2
        return F


def _share(gradient: np.ndarray, den: np.ndarray) -> np.ndarray:
    """gradient / den where a component has anything, else 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(den > 0, gradient / den, 0)
