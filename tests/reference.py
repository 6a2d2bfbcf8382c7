"""Slow twins of the kernels: float64 numpy, one formula a line, independent of the package.

X (n x m) is a dense float64 array here, F (n x k) the factor to be updated and G (m x k) the other one: X ~ F G'. With
(X, W, H') a function works on W, with (X', H', W) on H, so that each formula stands here once. Equations are those of
D. D. Lee and H. S. Seung, "Algorithms for Non-negative Matrix Factorization".

A penalty l1 * sum(F) + l2 / 2 * sum(F^2) goes with half the Frobenius cost, 1/2 ||X - FG'||^2, and with the whole KL
cost, as in scikit-learn.
"""

import numpy as np

Array = np.ndarray

# --- costs ------------------------------------------------------------------------------------------------------------


def frobenius(X: Array, F: Array, G: Array) -> float:
    """||X - FG'||^2, eq. 2."""
    return float(np.sum((X - F @ G.T) ** 2))


def kl(X: Array, F: Array, G: Array) -> float:
    """D(X || FG') = sum(X log(X / FG') - X + FG'), eq. 3; 0 log 0 = 0, and x log(x / 0) is infinite."""
    Y = F @ G.T
    positive = X > 0
    with np.errstate(divide="ignore"):
        logs = X[positive] * np.log(X[positive] / Y[positive])
    return float(logs.sum() - X.sum() + Y.sum())


def objective(X: Array, F: Array, G: Array, loss: str) -> float:
    """The cost as the package reports it."""
    return {"frobenius": frobenius, "kl": kl}[loss](X, F, G)


def penalty(F: Array, l1: float, l2: float) -> float:
    """l1 sum(F) + l2 / 2 sum(F^2)."""
    return float(l1 * F.sum() + l2 / 2 * np.sum(F**2))


def penalised(X: Array, F: Array, G: Array, loss: str, l1: float = 0.0, l2: float = 0.0) -> float:
    """What an update of F must not raise: half the Frobenius cost or the KL cost, and F's penalty."""
    half = 0.5 if loss == "frobenius" else 1.0
    return half * objective(X, F, G, loss) + penalty(F, l1, l2)


def penalties(shape: tuple[int, int], alpha_W: float, alpha_H: float, l1_ratio: float) -> dict[str, float]:
    """l1 and l2 of both factors as scikit-learn scales them: W's by the number of features, H's by that of samples."""
    n_samples, n_features = shape
    return {
        "l1_W": n_features * alpha_W * l1_ratio,
        "l2_W": n_features * alpha_W * (1 - l1_ratio),
        "l1_H": n_samples * alpha_H * l1_ratio,
        "l2_H": n_samples * alpha_H * (1 - l1_ratio),
    }


# --- gradients and optimality -----------------------------------------------------------------------------------------


def ratio(X: Array, Y: Array) -> Array:
    """X / Y where X is positive, 0 elsewhere; infinite where Y is 0 under a positive X."""
    with np.errstate(divide="ignore"):
        return np.divide(X, Y, out=np.zeros_like(Y), where=X > 0)


def gradient_parts(X: Array, F: Array, G: Array, loss: str, l1: float = 0.0, l2: float = 0.0) -> tuple[Array, Array]:
    """(pull, push), both >= 0: push - pull is the gradient in F, and F <- F * pull / push the multiplicative update."""
    if loss == "frobenius":
        pull, push = X @ G, F @ (G.T @ G)
    else:
        pull, push = ratio(X, F @ G.T) @ G, np.broadcast_to(G.sum(axis=0), F.shape)
    return pull, push + l1 + l2 * F


def gradient(X: Array, F: Array, G: Array, loss: str, l1: float = 0.0, l2: float = 0.0) -> Array:
    """The gradient in F of `penalised`."""
    pull, push = gradient_parts(X, F, G, loss, l1, l2)
    return push - pull


def kkt_parts(X: Array, F: Array, G: Array, loss: str, l1: float = 0.0, l2: float = 0.0) -> tuple[float, float]:
    """How far F is from a stationary point: (worst negative gradient, worst F * |gradient|); both 0 at one.

    F >= 0 is stationary where gradient >= 0 and F * gradient = 0 (Karush, Kuhn and Tucker).
    """
    slope = gradient(X, F, G, loss, l1, l2)
    return float(max(0.0, -slope.min())), float(np.abs(F * slope).max())


# --- multiplicative and gradient updates ------------------------------------------------------------------------------


def mu_rows(X: Array, F: Array, G: Array, loss: str, l1: float = 0.0, l2: float = 0.0) -> Array:
    """F <- F * (XG) / (FG'G) (eq. 4) or F <- F * ((X / FG')G) / (column sums of G) (eq. 5); 0 where that is 0 / 0.

    With an L2 penalty the KL update is not scikit-learn's, F * pull / (push + l2 F), which can raise the cost.
    """
    pull, push = gradient_parts(X, F, G, loss, l1, l2)
    if loss == "kl" and l2 > 0:  # eq. 26 plus the penalty: the root of l2 f^2 + den f = F pull
        den = push - l2 * F
        return (np.sqrt(den**2 + 4 * l2 * F * pull) - den) / (2 * l2)
    return F * np.divide(pull, push, out=np.zeros_like(F), where=push > 0)


def mu_apply(F: Array, num: Array, den: Array, mass: Array, l2: float = 0.0) -> tuple[Array, float]:
    """Eq. 5 from its parts, and the KKT residual at F: num = (X / FG')G, den = column sums of G, mass = row sums of X.

    The residual is the sum of |min(F d, mass (1 - num / d))| with d = den + l2 F: counts that a scaled projected
    gradient step would move.
    """
    d = den + l2 * F
    factor = np.divide(num, d, out=np.ones_like(F), where=d > 0)
    moved = np.abs(np.minimum(F * d, mass[:, None] * (1 - factor))).sum()
    root = np.sqrt(den**2 + 4 * l2 * F * num)  # of eq. 26 plus the penalty
    return (root - den) / (2 * l2) if l2 > 0 else F * np.where(d > 0, factor, 0), float(moved)


def mu_step(
    X: Array, W: Array, H: Array, loss: str, *, l1_W: float = 0, l2_W: float = 0, l1_H: float = 0, l2_H: float = 0
) -> tuple[Array, Array]:
    """One iteration in scikit-learn's order: W from the old H, then H from the new W."""
    W = mu_rows(X, W, H.T, loss, l1_W, l2_W)
    return W, mu_rows(X.T, H.T, W, loss, l1_H, l2_H).T


def gd_rows(X: Array, F: Array, G: Array, loss: str, step: float | Array, l1: float = 0.0, l2: float = 0.0) -> Array:
    """F <- max(F - step * gradient, 0): eqs. 6 and 8, which are eqs. 4 and 5 where step = F / push (eqs. 7 and 9)."""
    return np.maximum(F - step * gradient(X, F, G, loss, l1, l2), 0)


# --- coordinate descent -----------------------------------------------------------------------------------------------


def hals_rows(X: Array, F: Array, G: Array, l1: float = 0.0, l2: float = 0.0) -> Array:
    """One pass over the components in order, each set to its exact minimiser given the others (HALS; A. Cichocki).

    f_a <- max(f_a - ((FG'G)_a - (XG)_a + l1 + l2 f_a) / ((G'G)_aa + l2), 0). Components of zero curvature stay.
    """
    F = F.copy()
    cross, gram = X @ G, G.T @ G
    for a in range(F.shape[1]):
        slope = F @ gram[:, a] - cross[:, a] + l1 + l2 * F[:, a]
        curvature = gram[a, a] + l2
        if curvature > 0:
            F[:, a] = np.maximum(F[:, a] - slope / curvature, 0)
    return F


def newton_step(f: float, slope: float, curvature: float, reach: float) -> float:
    """One coordinate of the KL cost moved towards its minimum, never past it.

    slope <= 0, a move to the right: the curvature falls on the way, so Newton's step is short of the minimum.
    slope > 0, a move by s to the left: with reach = max(b_j / y_j), the curvature grows at most to
    curvature / (1 - reach s)^2, whose integral meets slope at s = slope / (curvature + reach slope). That is below
    1 / reach, so no y_j reaches zero.
    """
    if slope == 0:
        return f
    if slope < 0:
        return f - slope / curvature
    bound = curvature + reach * slope
    return max(0.0, f - slope / bound) if bound > 0 else 0.0


def kl_newton_rows(X: Array, F: Array, G: Array, l1: float = 0.0, l2: float = 0.0, sweeps: int = 1) -> Array:
    """Passes over the coordinates of each row of F, in order, one safeguarded Newton step of the KL cost each.

    The first pass takes the positive entries and the zeros that want to grow, the others what is positive then.

    For row x ~ f G' with y = f G' at x's nonzeros and b = G[:, a] there:
    slope = sum(G[:, a]) + l1 + l2 f_a - sum(x b / y), curvature = l2 + sum(x b^2 / y^2). Needs y > 0 where x > 0.
    """
    F, sums = F.copy(), G.sum(axis=0)
    for f, x in zip(F, X, strict=True):
        nonzero = x > 0
        x_, G_ = x[nonzero], G[nonzero]
        wants = (x_ / (G_ @ f)) @ G_ > sums + l1
        for s in range(sweeps):
            for a in np.flatnonzero((f > 0) | (wants & (s == 0))):
                b = G_[:, a]
                u = b / (G_ @ f)
                slope = sums[a] + l1 + l2 * f[a] - x_ @ u
                f[a] = newton_step(f[a], slope, l2 + x_ @ u**2, u.max(initial=0.0))
    return F
