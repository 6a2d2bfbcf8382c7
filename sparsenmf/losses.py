"""The two costs, and how far a pair of factors is from stationary.

    frobenius   ||X - WH||^2 = sum x^2 - 2 <X, WH> + <W'W, HH'>                              (eq. 2)
    kl          D(X || WH)   = sum (x log x - x) - sum x log(WH) + <1'W, H1>                 (eq. 3)

Either is a constant of X, a *fit* that needs X's nonzeros alone, and a *pair*: the inner product of one digest of W
and one of H (Gram matrices, column sums). So neither ever forms WH, and an update, which knows the fit and the
digests anyway, gives its objective away for free.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np

from sparsenmf._jit import threads
from sparsenmf._validation import canonical_loss, check_factor, check_matrix
from sparsenmf.kernels import gram
from sparsenmf.kernels.rules import GramSolve, in_dtype
from sparsenmf.operand import Operand, as_operand, empty_factor, gram_matrix, pad
from sparsenmf.scaling import Units, cost_scale, scale_of


class Loss(Protocol):
    """A cost as the parts that updates share."""

    name: str
    penalty_scale: float  # of L1 and L2 terms in the objective: the gradient of eq. 2 is twice that of its updates

    def digest(self, F: np.ndarray) -> np.ndarray: ...
    def fit(self, X: Operand, F: np.ndarray, G: np.ndarray) -> float: ...
    def value(self, X: Operand, fit: float, pair: float) -> float: ...
    def residual(self, X: Operand, moved: float) -> float: ...
    def moved(self, X: Operand, F: np.ndarray, G: np.ndarray) -> float: ...
    def solve(
        self,
        X: Operand,
        F: np.ndarray,
        G: np.ndarray,
        k: int,
        penalty: tuple[float, float],
        max_sweeps: int,
        tol: float,
    ) -> None: ...


class KullbackLeibler:
    """Eq. 3, the Poisson deviance halved."""

    name = "kl"
    penalty_scale = 1.0

    def digest(self, F: np.ndarray) -> np.ndarray:
        """Column sums."""
        return F.sum(axis=0, dtype=np.float64)

    def fit(self, X: Operand, F: np.ndarray, G: np.ndarray) -> float:
        """The sum of x log(FG')."""
        return X.loglik(F, G)

    def value(self, X: Operand, fit: float, pair: float) -> float:
        """Eq. 3 from its parts; infinite where WH = 0 at a nonzero, never clamped."""
        mass, entropy, _ = X.moments
        value = entropy - mass - fit + pair
        return 0.0 if value < 0 else value  # rounding, where the fit is exact

    def residual(self, X: Operand, moved: float) -> float:
        """Counts that a scaled projected gradient step would move, as a share of all."""
        return moved / X.moments[0] if moved else 0.0

    def moved(self, X: Operand, F: np.ndarray, G: np.ndarray) -> float:
        """The sum over the rows of F of |min(F d, x (1 - q))|: d column sums of G, x a row's sum, q eq. 5's factor."""
        num, _ = X.ratio_times(F, G)
        den = self.digest(G)
        ones = empty_factor(len(G), 1, X.dtype)
        ones[:, 0] = 1
        mass = X.times(ones)[:, :1].astype(np.float64)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            slack = np.where(den > 0, mass * (1 - num / den), 0)
        return float(np.abs(np.minimum(F * den, slack)).sum())

    def solve(
        self,
        X: Operand,
        F: np.ndarray,
        G: np.ndarray,
        k: int,
        penalty: tuple[float, float],
        max_sweeps: int,
        tol: float,
    ) -> None:
        """Fill F with the minimiser for the given G, each row by coordinate descent of its own."""
        digest = self.digest(G)
        den = np.where(digest > 0, digest + penalty[0], 0).astype(F.dtype)
        X.solve(F, G, k, den, penalty[1], max_sweeps, tol)


class Frobenius:
    """Eq. 2."""

    name = "frobenius"
    penalty_scale = 2.0

    def digest(self, F: np.ndarray) -> np.ndarray:
        """The Gram matrix F'F."""
        return gram_matrix(F)

    def fit(self, X: Operand, F: np.ndarray, G: np.ndarray) -> float:
        """<X, FG'>."""
        return math.fsum(np.einsum("ij,ij->i", F, X.times(G), dtype=np.float64))

    def value(self, X: Operand, fit: float, pair: float) -> float:
        """Eq. 2 from its parts."""
        return max(X.moments[2] - 2 * fit + pair, 0.0)

    def residual(self, X: Operand, moved: float) -> float:
        """Length of a scaled projected gradient step, as a share of X's."""
        return math.sqrt(moved / X.moments[2]) if moved else 0.0

    def moved(self, X: Operand, F: np.ndarray, G: np.ndarray) -> float:
        """The squared length of min(F, gradient / diag A), A = G'G, in the metric of A's diagonal."""
        A = self.digest(G)
        diagonal = np.diag(A)
        with np.errstate(divide="ignore", invalid="ignore"):
            slack = np.where(diagonal > 0, (F @ A - X.times(G)) / diagonal, 0)
        return float((diagonal * np.minimum(F, slack) ** 2).sum())

    def solve(
        self,
        X: Operand,
        F: np.ndarray,
        G: np.ndarray,
        k: int,
        penalty: tuple[float, float],
        max_sweeps: int,
        tol: float,
    ) -> None:
        """Fill F with the non-negative least squares solution for the given G, row by row."""
        C, dtype = X.times(G, alone=True), F.dtype
        rule = in_dtype(dtype, GramSolve(*penalty, tol, max_sweeps, k))
        blocks = gram.tile_blocks(len(C), dtype.itemsize)
        A = self.digest(G).astype(dtype)
        gram.solve(F, C, A, rule, np.arange(len(C)), blocks)


LOSSES: dict[str, Loss] = {"kl": KullbackLeibler(), "frobenius": Frobenius()}


def _prepare(X: Any, W: Any, H: Any, loss: Any, whom: str) -> tuple[Loss, Operand, np.ndarray, np.ndarray, float]:
    """The loss; X, W and H' in units near 1, on the storage that X came in; what the cost is to be multiplied by."""
    kind = LOSSES[canonical_loss(loss)]
    A = check_matrix(X, whom=whom)
    dtype = np.dtype(np.float64)
    W = check_factor(W, "W", (A.shape[0], None), dtype, whom=whom)
    H = check_factor(H, "H", (W.shape[1], A.shape[1]), dtype, whom=whom)
    scale = scale_of(A, dtype)
    units = Units(scale, math.sqrt(scale))
    operand = as_operand(A, dtype, kind.name, "dense" if isinstance(A, np.ndarray) else "sparse", scale)
    return kind, operand, pad(W / units.w, dtype), pad((H / units.h).T, dtype), cost_scale(kind.name, scale)


def objective(X: Any, W: Any, H: Any, loss: Any = "kl") -> float:
    """The cost of a factorization, in float64 and without forming WH.

    Parameters
    ----------
    X : sparse matrix or array-like of shape (n, m)
        Non-negative data.
    W : array-like of shape (n, k)
    H : array-like of shape (k, m)
    loss : {"kl", "frobenius"} or an alias
        "kl": sum of x log(x / y) - x + y over y = WH (eq. 3), in units of counts. "frobenius": the sum of
        (x - y)^2 (eq. 2), without a factor 1/2.

    Returns
    -------
    float
        Infinite for "kl" where WH is zero at a positive entry of X: never a clamped value. It is a sum of large terms
        of both signs, exact to rounding of the sum of x^2 ("frobenius") or of x log x ("kl").

    Raises
    ------
    ValueError
        For bad entries or shapes, naming the place; for an unknown loss.

    Examples
    --------
    >>> from sparsenmf import objective
    >>> objective([[1.0, 2.0]], [[1.0]], [[1.0, 1.0]], loss="frobenius")
    1.0
    """
    kind, A, F, G, unit = _prepare(X, W, H, loss, "objective")
    with threads(None):
        return unit * kind.value(A, kind.fit(A, F, G), float((kind.digest(F) * kind.digest(G)).sum()))


def kkt_residual(X: Any, W: Any, H: Any, loss: Any = "kl") -> float:
    """How far W and H are from a stationary point: a number without a unit, 0 there.

    Parameters
    ----------
    X, W, H, loss
        As for `objective`.

    Returns
    -------
    float
        The larger of the two factors' residuals. For "kl", the counts that one projected gradient step, scaled
        entry by entry, would move, as a share of all; for "frobenius", the length of such a step as a share of
        ||X||.

    Raises
    ------
    ValueError
        As for `objective`.

    Examples
    --------
    >>> from sparsenmf import kkt_residual
    >>> kkt_residual([[2.0, 2.0]], [[2.0]], [[1.0, 1.0]])
    0.0
    """
    kind, A, F, G, _ = _prepare(X, W, H, loss, "kkt_residual")
    with threads(None):
        return max(kind.residual(A, kind.moved(A, F, G)), kind.residual(A.T, kind.moved(A.T, G, F)))
