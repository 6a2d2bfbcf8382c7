"""Lee and Seung's paper as code: the costs, the updates, and what their proofs are made of. Meant to be read.

Equations are those of D. D. Lee and H. S. Seung, "Algorithms for Non-negative Matrix Factorization", NIPS 2000.

One column of X ~ W H is v ~ W h, with v of n entries and h of k. The two halves of the problem are one: a row of W is a
column of W' in X' ~ H' W'. Costs, gradients and updates also take whole matrices, v of shape (n, m) and h of (k, m),
and stacks of matrices. The auxiliary functions and the matrix M are about one column, as in the paper.

    loss          cost of a column              update                                                  step
    "frobenius"   F of eq. 15, half of eq. 2    eq. 4: h <- h (W'v) / (W'Wh)                            eqs. 6, 7
    "kl"          F of eq. 28, eq. 3            eq. 5: h <- h (W'(v / Wh)) / (column sums of W)         eqs. 8, 9

Nothing in the package calls this module: kernels compute the same from the nonzeros alone. docs/theory.md walks through
the proofs, and tests/test_theory*.py through the theorems.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sparsenmf.losses import loss_of

__all__ = [
    "additive", "auxiliary", "cost", "curvature", "gap_matrix",
    "gradient", "gradient_parts", "multiplicative", "multiplicative_step", "sum_of_squares",
]  # fmt: skip


# --- the costs and their gradients ------------------------------------------------------------------------------------


def cost(v: Any, W: Any, h: Any, loss: Any = "kl") -> Any:
    """F(h): eq. 15 for "frobenius", 1/2 sum (v - Wh)^2; eq. 28 for "kl", sum v log(v / Wh) - v + Wh.

    Parameters
    ----------
    v : array-like of shape (n,), (n, m) or (..., n, m)
    W : array-like of shape (n, k) or (..., n, k)
    h : array-like of shape (k,), (k, m) or (..., k, m)
    loss : {"kl", "frobenius"} or an alias

    Returns
    -------
    float or ndarray
        Of a matrix, the sum over its columns; of a stack, a number for each matrix. For "kl" infinite where Wh is zero
        under a positive v.

    Raises
    ------
    ValueError
        For a negative or infinite entry, or shapes that do not match.

    Examples
    --------
    >>> cost([3, 1], [[1], [1]], [1], "frobenius")
    2.0
    >>> cost([0, 1], [[1], [1]], [1], "kl")
    1.0
    """
    v, W, h = _problem(v, W, h)
    y = W @ h
    if loss_of(loss).name == "frobenius":
        return _total((v - y) ** 2) / 2
    return _total(_x_log_y(v, _ratio(v, y)) - v + y)


def gradient_parts(v: Any, W: Any, h: Any, loss: Any = "kl") -> tuple[np.ndarray, np.ndarray]:
    """The two halves of the gradient, both >= 0: (pull, push), with gradient = push - pull.

    The pull is W'v or W'(v / Wh), the push W'Wh or the column sums of W. Everything else is made of these two.

    Parameters
    ----------
    v, W, h, loss
        As for `cost`.

    Returns
    -------
    pull, push : ndarray of the shape of h

    Raises
    ------
    ValueError
        As for `cost`; for "kl" also where Wh is zero under a positive v: the cost has no gradient there.

    Examples
    --------
    >>> gradient_parts([3, 1], [[1], [1]], [1], "frobenius")
    (array([4.]), array([2.]))
    """
    v, W, h = _problem(v, W, h)
    y = W @ h
    if loss_of(loss).name == "frobenius":
        return W.mT @ v, W.mT @ y
    _check_support(v, y)
    return W.mT @ _ratio(v, y), W.mT @ np.ones_like(v)


def gradient(v: Any, W: Any, h: Any, loss: Any = "kl") -> np.ndarray:
    """The gradient of `cost` in h: W'(Wh - v), or W'(1 - v / Wh).

    Parameters
    ----------
    v, W, h, loss
        As for `cost`.

    Returns
    -------
    ndarray of the shape of h

    Raises
    ------
    ValueError
        As for `gradient_parts`.

    Examples
    --------
    >>> gradient([3, 1], [[1], [1]], [1], "frobenius")
    array([-2.])
    """
    pull, push = gradient_parts(v, W, h, loss)
    return push - pull


# --- the updates ------------------------------------------------------------------------------------------------------


def additive(v: Any, W: Any, h: Any, step: Any, loss: Any = "kl") -> np.ndarray:
    """The additive rule of eqs. 6 and 8: h + step (pull - push), against the gradient.

    Parameters
    ----------
    v, W, h, loss
        As for `cost`.
    step : float or array-like of the shape of h
        eta, one for all entries or one for each.

    Returns
    -------
    ndarray of the shape of h
        Entries may be negative where the step is long: solver="gd" then puts zeros.

    Raises
    ------
    ValueError
        As for `gradient_parts`.

    Examples
    --------
    >>> additive([3, 1], [[1], [1]], [1], 0.25, "frobenius")
    array([1.5])
    """
    pull, push = gradient_parts(v, W, h, loss)
    return np.asarray(h, dtype=np.float64) + np.asarray(step) * (pull - push)


def multiplicative_step(v: Any, W: Any, h: Any, loss: Any = "kl") -> np.ndarray:
    """The step of eqs. 7 and 9, h / push: with it the additive rule is the multiplicative one.

    Parameters
    ----------
    v, W, h, loss
        As for `cost`.

    Returns
    -------
    ndarray of the shape of h
        0 where the push is: h has no effect on the cost there, or is 0 itself.

    Raises
    ------
    ValueError
        As for `gradient_parts`.

    Examples
    --------
    >>> eta = multiplicative_step([3, 1], [[1], [1]], [1], "frobenius")
    >>> additive([3, 1], [[1], [1]], [1], eta, "frobenius")
    array([2.])
    """
    _, push = gradient_parts(v, W, h, loss)
    return np.divide(np.asarray(h, dtype=np.float64), push, out=np.zeros_like(push), where=push > 0)


def multiplicative(v: Any, W: Any, h: Any, loss: Any = "kl") -> np.ndarray:
    """The multiplicative update of eqs. 4 and 5: h times pull / push. It never raises the cost.

    Parameters
    ----------
    v, W, h, loss
        As for `cost`.

    Returns
    -------
    ndarray of the shape of h
        h itself where the push is 0 (see `multiplicative_step`).

    Raises
    ------
    ValueError
        As for `gradient_parts`.

    Examples
    --------
    >>> multiplicative([3, 1], [[1], [1]], [1], "frobenius")
    array([2.])
    """
    pull, push = gradient_parts(v, W, h, loss)
    return np.asarray(h, dtype=np.float64) * np.divide(pull, push, out=np.ones_like(push), where=push > 0)


# --- the proofs -------------------------------------------------------------------------------------------------------


def curvature(W: Any, h: Any) -> np.ndarray:
    """K(h) of eq. 13: the diagonal matrix of (W'Wh)_a / h_a, at least as curved as W'W in every direction.

    Parameters
    ----------
    W : array-like of shape (n, k)
    h : array-like of shape (k,)

    Returns
    -------
    ndarray of shape (k, k)

    Raises
    ------
    ValueError
        Where an entry of h is zero, and as for `cost`.

    Examples
    --------
    >>> curvature([[1, 1], [0, 1]], [1, 1])
    array([[2., 0.],
           [0., 3.]])
    """
    W, h = _column(W, h)
    if not (h > 0).all():
        raise ValueError(f"K of eq. 13 divides by h, but h[{int(np.argmin(h))}] is 0: start from a positive h.")
    return np.diag(W.T @ W @ h / h)


def auxiliary(v: Any, W: Any, h: Any, now: Any, loss: Any = "kl") -> float:
    """G(h, h'), with `now` for h': eq. 14 for "frobenius", eq. 26 for "kl".

    It touches the cost, G(h, h) = F(h), and lies above it, G(h, h') >= F(h). Its minimum over h is where
    `multiplicative` goes from h'.

    Parameters
    ----------
    v : array-like of shape (n,)
    W : array-like of shape (n, k)
    h, now : array-like of shape (k,)
        For "frobenius" `now` must be positive, for "kl" W now wherever v is.
    loss : {"kl", "frobenius"} or an alias

    Returns
    -------
    float
        For "kl" infinite where an entry of h is zero that explains something in `now`.

    Raises
    ------
    ValueError
        As for `gradient_parts` and `curvature`.

    Examples
    --------
    >>> v, W, now = [3, 1], [[1, 1], [0, 1]], [1, 1]
    >>> auxiliary(v, W, now, now, "frobenius"), cost(v, W, now, "frobenius")
    (0.5, 0.5)
    >>> auxiliary(v, W, [2, 1], now, "frobenius"), cost(v, W, [2, 1], "frobenius")
    (0.5, 0.0)
    """
    (W, h), (v, _, now) = _column(W, h), _problem(v, W, now)
    if loss_of(loss).name == "frobenius":
        move = h - now
        slope = gradient(v, W, now, "frobenius")
        return float(cost(v, W, now, "frobenius") + move @ slope + move @ curvature(W, now) @ move / 2)
    _check_support(v, W @ now)
    seen = v > 0  # elsewhere v log(Wh) is 0, whatever h is
    x, B = v[seen], W[seen]
    shares = B * now / (B @ now)[:, None]  # of each component in explaining each entry: alpha of eq. 30
    logs = _x_log_y(shares, B * h) - _x_log_y(shares, shares)
    return float(np.sum(x * np.log(x) - x) + np.sum(W @ h) - x @ logs.sum(axis=1))


def gap_matrix(W: Any, h: Any) -> np.ndarray:
    """M(h) of eq. 18: h_a (K(h) - W'W)_ab h_b, which is positive semi-definite.

    So K(h) - W'W is too, and the parabola of eq. 14 is never less curved than the cost.

    Parameters
    ----------
    W, h
        As for `curvature`.

    Returns
    -------
    ndarray of shape (k, k)

    Raises
    ------
    ValueError
        As for `curvature`.

    Examples
    --------
    >>> gap_matrix([[1, 1], [0, 1]], [1, 1])
    array([[ 1., -1.],
           [-1.,  1.]])
    """
    K = curvature(W, h)
    W, h = _column(W, h)
    return h[:, None] * (K - W.T @ W) * h


def sum_of_squares(W: Any, h: Any, nu: Any) -> float:
    """Eq. 22, 1/2 sum (W'W)_ab h_a h_b (nu_a - nu_b)^2, which is nu' M(h) nu and cannot be negative.

    Parameters
    ----------
    W : array-like of shape (n, k)
    h, nu : array-like of shape (k,)
        nu of any signs.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As for `cost`.

    Examples
    --------
    >>> sum_of_squares([[1, 1], [0, 1]], [1, 1], [3, 1])
    4.0
    """
    (W, h), nu = _column(W, h), np.asarray(nu, dtype=np.float64)
    if nu.shape != h.shape:
        raise ValueError(f"nu has shape {nu.shape}, h has {h.shape}: nu needs an entry for each of h.")
    return float(np.sum(W.T @ W * np.outer(h, h) * (nu[:, None] - nu) ** 2) / 2)


# --- arguments and conventions ----------------------------------------------------------------------------------------


def _ratio(v: np.ndarray, y: np.ndarray) -> np.ndarray:
    """v / y, 0 where v is 0, infinite where only y is."""
    with np.errstate(divide="ignore"):
        return np.divide(v, y, out=np.zeros_like(y), where=v > 0)


def _x_log_y(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The product of x and log y, 0 where x is 0."""
    with np.errstate(divide="ignore"):
        return x * np.log(np.where(x > 0, y, 1.0))


def _total(values: np.ndarray) -> Any:
    """The sum over a column or over a matrix; over each matrix of a stack."""
    total = values.sum(axis=(-2, -1)[-values.ndim :])
    return total if total.ndim else float(total)


def _non_negative(A: Any, name: str) -> np.ndarray:
    A = np.asarray(A, dtype=np.float64)
    bad = np.argwhere(~((A >= 0) & np.isfinite(A)))
    if len(bad):
        raise ValueError(f"{name}{bad[0].tolist()} is {A[tuple(bad[0])]:g}: {name} must be finite and non-negative.")
    return A


def _column(W: Any, h: Any) -> tuple[np.ndarray, np.ndarray]:
    """W and one column h."""
    W, h = _non_negative(W, "W"), _non_negative(h, "h")
    if W.ndim != 2 or h.shape != W.shape[1:]:
        raise ValueError(f"W has shape {W.shape}, h has {h.shape}: expected (n, k) and (k,), one column of H.")
    return W, h


def _problem(v: Any, W: Any, h: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The columns v, the matrix W and the columns h, of shapes such that v ~ W h makes sense."""
    v, W, h = _non_negative(v, "v"), _non_negative(W, "W"), _non_negative(h, "h")
    rows = 0 if h.ndim == 1 else -2
    if W.ndim < 2 or h.ndim == 0 or h.shape[rows] != W.shape[-1] or v.shape != (W @ h).shape:
        shapes = f"v has shape {v.shape}, W has {W.shape}, h has {h.shape}"
        raise ValueError(f"{shapes}: expected (n,), (n, k), (k,) or (n, m), (n, k), (k, m).")
    return v, W, h


def _check_support(v: np.ndarray, y: np.ndarray) -> None:
    lost = np.argwhere((v > 0) & (y == 0))
    if len(lost):
        raise ValueError(f"(Wh){lost[0].tolist()} is 0 where v is positive: KL is infinite. Use a positive start.")
