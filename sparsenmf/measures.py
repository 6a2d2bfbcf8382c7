"""How good a pair of factors is: the cost, and how far the pair is from a stationary point. Both in float64."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from sparsenmf._jit import threads
from sparsenmf._validation import check_factor, check_matrix
from sparsenmf.losses import Loss, loss_of
from sparsenmf.matrix import Matrix
from sparsenmf.operand import Moments, Operand, as_operand, pad, padded_transpose
from sparsenmf.scaling import Units, check_cost, cost_scale, power_near, scale_of

BLOCK_ENTRIES = 1 << 22  # of X that are measured together: bounds their float64 copy
DOUBLE = np.dtype(np.float64)


class Pair(NamedTuple):
    """Checked factors of a checked X."""

    loss: Loss
    X: Matrix
    W: np.ndarray
    H: np.ndarray
    units: Units

    def blocks(self) -> Iterator[tuple[Operand, np.ndarray]]:
        """Blocks of rows of X and W in float64, in units near 1, on the storage that X came in."""
        for first, last in self.X.row_blocks(BLOCK_ENTRIES):
            part = as_operand(self.X.rows(first, last), DOUBLE, self.X.storage, self.units.x, alone=True)
            yield part, pad(self.W[first:last], DOUBLE, self.units.w)

    def right(self) -> np.ndarray:
        """H' in float64, in units near 1."""
        return padded_transpose(self.H, DOUBLE, self.units.h)


def _checked(X: Any, W: Any, H: Any, loss: Any, whom: str) -> Pair:
    kind = loss_of(loss)
    A = check_matrix(X, whom=whom)
    W = check_factor(W, "W", (A.shape[0], None), None, whom=whom)
    H = check_factor(H, "H", (W.shape[1], A.shape[1]), None, whom=whom)
    scale = scale_of(A, DOUBLE)
    return Pair(kind, A, W, H, Units(scale, power_near(float(H.max()))))


def _added(moments: list[Moments]) -> Moments:
    return Moments(*(math.fsum(each) for each in zip(*moments, strict=True)))


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
        For bad entries or shapes, naming the place; for an unknown loss; for entries whose squares float64 cannot hold.

    Examples
    --------
    >>> from sparsenmf import objective
    >>> objective([[1.0, 2.0]], [[1.0]], [[1.0, 1.0]], loss="frobenius")
    1.0
    """
    pair = _checked(X, W, H, loss, "objective")
    kind, fits, moments = pair.loss, [], []
    check_cost(pair.X, kind.degree, pair.units.x)
    with threads(None):
        G = pair.right()
        digest = 0 * kind.digest(G)
        for part, F in pair.blocks():
            fits.append(kind.fit(part, F, G))
            moments.append(part.moments)
            digest = digest + kind.digest(F)
        fit = math.fsum(fits) if all(map(math.isfinite, fits)) else sum(fits)
        value = kind.value(_added(moments), fit, float((digest * kind.digest(G)).sum()))
    return cost_scale(kind.degree, pair.units.x) * value


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
    pair = _checked(X, W, H, loss, "kkt_residual")
    kind, moved, moments, statistics = pair.loss, 0.0, [], None
    with threads(None):
        G = pair.right()
        for part, F in pair.blocks():
            moved += kind.moved(F, kind.statistics(part, F, G))
            of_block = kind.statistics(part.T, G, F)
            statistics = of_block if statistics is None else statistics.add(of_block)
            moments.append(part.moments)
        sums = _added(moments)
        return max(kind.residual(sums, moved), kind.residual(sums, kind.moved(G, statistics)))
