"""Powers of two that keep a fit in range: X, W and H in units of their own, near 1.

Sums over X's entries then neither overflow nor vanish in float32, whatever X's scale. Powers of two round nothing, so
a fit of X * 4^p gives exactly W * 2^p and H * 2^p.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from sparsenmf.matrix import Matrix

# Scales of X's largest entry that are left as they are. scikit-learn's singular starts hold thresholds that depend on
# the scale of X: within these bounds our starts agree with its own.
ORDINARY = (2.0**-16, 2.0**32)
ODD = 40  # doublings beyond which a custom start is rescaled
LARGEST_COST = 304  # decimal places that a cost may be away from 1
PIECE = 1 << 20
# The least WH that a ratio divides by, and the least positive entry that a multiplicative update leaves. X's largest
# entry is near 1 here (factorize sees to it), so neither is ever in the way, and no product of two of them is denormal.
TINY = {np.dtype(np.float32): 1e-18, np.dtype(np.float64): 1e-150}


class Units(NamedTuple):
    """X, W and H are worked on as X / x, W / w and H / h, with x = w h and powers of two."""

    x: float
    h: float

    @property
    def w(self) -> float:
        """The unit of W."""
        return self.x / self.h


class Penalty(NamedTuple):
    """The penalty l1 |F| + l2 |F|^2 / 2 of one factor."""

    l1: float = 0.0
    l2: float = 0.0

    def of(self, F: np.ndarray) -> float:
        """Its value."""
        value = self.l1 * float(F.sum(dtype=np.float64)) if self.l1 else 0.0
        return value + (0.5 * self.l2 * float(np.einsum("ij,ij->", F, F, dtype=np.float64)) if self.l2 else 0)


NO_PENALTY = Penalty()


class Alphas(NamedTuple):
    """The penalties as the user gives them, in scikit-learn's scale."""

    W: float = 0.0
    H: float = 0.0
    l1_ratio: float = 0.0

    def in_units(self, shape: tuple[int, int], degree: int, units: Units) -> tuple[Penalty, Penalty]:
        """The weights of W and H in these units: as the cost is smaller by a power of X's unit, so are they."""
        cost = cost_scale(degree, units.x)

        def weights(alpha: float, unit: float) -> Penalty:
            if alpha == 0:
                return Penalty()
            return Penalty(alpha * self.l1_ratio * unit / cost, alpha * (1 - self.l1_ratio) * unit * unit / cost)

        return weights(self.W * shape[1], units.w), weights(self.H * shape[0], units.h)


def cost_scale(degree: int, scale: float) -> float:
    """What the cost of X / scale is to be multiplied by: a loss of degree 2 grows with the square of X."""
    return scale**degree


def power_near(top: float) -> float:
    """1, or the power of four that brings a largest entry `top` near 1."""
    return 1.0 if top == 0 or ORDINARY[0] <= top <= ORDINARY[1] else 4.0 ** math.floor(math.log(top, 4))


def scale_of(A: Matrix, dtype: np.dtype) -> float:
    """The power of four that X is divided by."""
    scale = power_near(A.largest)
    if math.sqrt(scale) > float(np.finfo(dtype).max) / 1e6:
        raise ValueError(
            f"X's largest entry, {A.largest:g}, is too large to factorize in {dtype}: use dtype='float64'."
        )
    return scale


def check_cost(X: Matrix, degree: int, scale: float) -> None:
    """Refuse an X whose cost float64 cannot hold: squares of 1e200 overflow, and those of 1e-200 vanish."""
    if degree > 1 and abs(math.log10(scale)) * degree > LARGEST_COST:
        raise ValueError(
            f"X's largest entry is {X.largest:g}, and float64 cannot hold the sum of squares of such entries: divide X "
            f"by {X.largest:.0e} first, and multiply W by that number afterwards."
        )


def row_scales(A: Matrix) -> np.ndarray:
    """The power of four that each row of X is divided by where rows are solved one by one."""
    tops = A.row_tops()
    odd = (tops > 0) & ((tops < ORDINARY[0]) | (tops > ORDINARY[1]))
    scales = np.ones(A.shape[0])
    scales[odd] = [power_near(top) for top in tops[odd]]
    return scales


def check_unit(w: float, dtype: np.dtype) -> None:
    """Refuse a unit of W that the dtype cannot hold: H is too small beside X."""
    if w > float(np.finfo(dtype).max) / 1e6:
        raise ValueError(f"For this H, W has entries of about {w:g}, too large for {dtype}: use dtype='float64'.")


def tamed(W: np.ndarray, H: np.ndarray, mass: float) -> tuple[np.ndarray, np.ndarray]:
    """Bring a start that is out of all proportion into range by powers of two; any other is left as it is.

    Out of proportion are components whose two parts are further apart than `ODD`, and a sum of WH that is so far
    from the sum of X. WH is unchanged but for that last factor.
    """
    tops = W.max(axis=0).astype(np.float64), H.max(axis=1).astype(np.float64)
    alive = (tops[0] > 0) & (tops[1] > 0)
    powers = np.zeros(len(H), dtype=int)
    apart = np.log2(tops[1], where=alive, out=np.zeros(len(H))) - np.log2(tops[0], where=alive, out=np.zeros(len(H)))
    far = np.abs(apart) > ODD
    powers[far] = np.round(apart[far] / 2).astype(int)
    total = float(W.sum(axis=0, dtype=np.float64) @ H.sum(axis=1, dtype=np.float64))
    off = math.log2(mass) - math.log2(total) if total > 0 and math.isfinite(total) else 0.0
    extra = round(off / 2) if abs(off) > ODD else 0
    if not far.any() and not extra:
        return W, H
    return np.ldexp(W, powers + extra), np.ldexp(H.T, extra - powers).T


def scaled(A: Matrix, dtype: np.dtype, scale: float, keep: bool = False) -> Matrix:
    """X / scale, in `dtype` where the scale is not 1; entries too small beside the largest become zero unless kept.

    Below TINY of the largest, an entry is beyond what the factors of this dtype can follow.
    """
    if not A.values.size or (scale == 1.0 and (keep or A.dtype.kind != "f")):
        return A
    values = A.values
    if scale != 1.0:
        values = (values.astype(np.float64) / scale).astype(dtype)
    if not keep:
        least = TINY[dtype] * A.largest / scale
        if _smallest_positive(values) < least:
            values = np.where(values < least, 0, values)
    return A if values is A.values else A.with_values(values)


def _smallest_positive(values: np.ndarray) -> float:
    """The smallest entry that is not zero, a piece at a time: nothing of X's size is made."""
    smallest = float(values.min())
    if smallest > 0:
        return smallest
    flat, best = values.reshape(-1), np.inf
    for first in range(0, flat.size, PIECE):
        piece = flat[first : first + PIECE]
        best = min(best, float(piece.min(where=piece > 0, initial=np.inf)))
    return best
