"""Rows of X solved by themselves for a fixed H: `solve_rows`, and how a model weighs new rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sparsenmf import _validation as check
from sparsenmf._jit import threads
from sparsenmf.losses import Loss, RowTask, loss_of
from sparsenmf.matrix import Matrix
from sparsenmf.operand import as_operand, empty_factor, padded_transpose
from sparsenmf.parameters import PARAMETERS, default, described
from sparsenmf.scaling import Alphas, Units, check_unit, power_near, row_scales

__all__ = ["RowSolver", "solve_rows"]


@dataclass(frozen=True, eq=False)
class RowSolver:
    """How a model weighs rows: its H, and the loss and the penalty under which H was found.

    Attributes
    ----------
    H : ndarray of shape (k, m)
        Its dtype, float32 or float64, is the one worked in.
    loss : str
    alpha_W, l1_ratio : float
    """

    H: np.ndarray
    loss: Any = default("loss")
    alpha_W: float = default("alpha_W")
    l1_ratio: float = default("l1_ratio")

    @classmethod
    def of(cls, model: Any) -> RowSolver:
        """The way of an `io.Model`: under the loss and the penalty of its fit, where it knows them.

        Parameters
        ----------
        model : Model
            `NMF` calls its loss `beta_loss`, and so does a model of it.
        """
        known = {**model.params, **model.outcome}
        known.setdefault("loss", known.get("beta_loss", default("loss")))
        return cls(model.H, **{name: known[name] for name in ("loss", "alpha_W", "l1_ratio") if name in known})

    def __call__(
        self,
        X: Any,
        *,
        max_iter: int = default("max_iter"),
        tol: float = default("tol"),
        n_threads: int | None = default("n_threads"),
        path: str = default("path"),
    ) -> np.ndarray:
        """W for the rows of X; see `solve_rows`."""
        kind, A = loss_of(self.loss), check.check_matrix(X)
        H = np.asarray(self.H)
        dtype = np.dtype(np.float32 if H.dtype == np.float32 else np.float64)
        H = check.check_factor(H, "H", (None, A.shape[1]), dtype)
        given: dict[str, Any] = {"alpha_W": self.alpha_W, "l1_ratio": self.l1_ratio, "max_iter": max_iter, "tol": tol}
        given |= {"n_threads": n_threads, "path": path}
        given = {name: PARAMETERS[name].kind.check(value, name) for name, value in given.items()}
        alphas = Alphas(given["alpha_W"], 0.0, given["l1_ratio"])
        if path == "auto":  # as it came: a choice by the density of all rows would let them touch one another
            path = A.storage
        with threads(given["n_threads"]):
            return _solved(A, H, kind, alphas, RowTask(len(H), max_sweeps=given["max_iter"], tol=given["tol"]), path)


def _solved(A: Matrix, H: np.ndarray, kind: Loss, alphas: Alphas, task: RowTask, path: str) -> np.ndarray:
    """W, scale by scale: rows whose entries are of like size go together."""
    W = np.zeros((A.shape[0], len(H)), H.dtype)
    unit = power_near(float(H.max(initial=0)))
    G = padded_transpose(H, H.dtype, unit)
    scales = row_scales(A)
    for scale in np.unique(scales):
        rows = np.flatnonzero(scales == scale)
        part = A if len(rows) == A.shape[0] else A.take_rows(rows)
        units = Units(float(scale), unit)
        check_unit(units.w, H.dtype)
        penalty, _ = alphas.in_units(A.shape, kind.degree, units)
        F = empty_factor(len(rows), len(H), H.dtype)
        operand = as_operand(part, H.dtype, path, float(scale), alone=True)
        kind.solve(operand, F, G, RowTask(task.k, penalty, task.max_sweeps, task.tol))
        W[rows] = F[:, : len(H)] * H.dtype.type(units.w)
    return W


@described
def solve_rows(
    X: Any,
    H: Any,
    *,
    loss: Any = default("loss"),
    alpha_W: float = default("alpha_W"),
    l1_ratio: float = default("l1_ratio"),
    max_iter: int = default("max_iter"),
    tol: float = default("tol"),
    n_threads: int | None = default("n_threads"),
    path: str = default("path"),
) -> np.ndarray:
    """The best W >= 0 for a given H: each row of X ~ W H solved by itself.

    Parameters
    ----------
    X : sparse matrix or array-like of shape (n, m)
    H : array-like of shape (k, m)
        Its dtype, float32 or float64, is the one worked in.
    {loss, alpha_W, l1_ratio}
    max_iter : int
        At most so many passes over a row's components.
    tol : float
        A row is done where a pass over it moves less than this share of it.
    {n_threads, path}

    Returns
    -------
    ndarray of shape (n, k)
        The problem is convex, and a row's solution does not depend on the rows beside it. X' is not built.

    Raises
    ------
    ValueError
        As for `factorize`.

    Examples
    --------
    >>> from sparsenmf.rows import solve_rows
    >>> solve_rows([[2.0, 4.0]], [[1.0, 2.0]], tol=1e-6).round(4)
    array([[2.]])
    """
    solver = RowSolver(H, loss, alpha_W, l1_ratio)
    return solver(X, max_iter=max_iter, tol=tol, n_threads=n_threads, path=path)
