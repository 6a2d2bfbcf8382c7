"""The two costs, what an update needs of X, and how far a pair of factors is from stationary.

    frobenius   ||X - WH||^2 = sum x^2 - 2 <X, WH> + <W'W, HH'>                              (eq. 2)
    kl          D(X || WH)   = sum (x log x - x) - sum x log(WH) + <1'W, H1>                 (eq. 3)

Either cost is a constant of X, a *fit* that needs X's nonzeros alone, and a *pair*: the inner product of one digest of
W and one of H (Gram matrices, column sums). So neither cost ever forms WH. An update knows the fit and the digests
anyway, and gives its objective away for free.

What an update of the rows of F needs of X is a `Statistics`, a sum over the columns of X (the rows of G). Statistics of
blocks of columns add up, in the order in which the caller adds them. So blocks of X may lie on a disk or on other
machines.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from sparsenmf.kernels import gram
from sparsenmf.kernels.rules import GramSolve, KlSolve, in_dtype
from sparsenmf.operand import Moments, Operand, gram_matrix
from sparsenmf.scaling import NO_PENALTY, TINY, Penalty

Array = np.ndarray
Given = np.ndarray | None


class Statistics:
    """What an update of the rows of F, given G, needs of X. All fields add up over blocks of the columns of X."""

    def add(self, other: Self) -> Self:
        """The statistics of both blocks together. Floating point sums depend on the order: fix the order."""
        return type(self)(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


@dataclass(frozen=True, eq=False)
class RatioStatistics(Statistics):
    """What eq. 5 needs of X.

    Attributes
    ----------
    numerators : ndarray, rows of F x padded columns
        (X / FG')G.
    sums : ndarray of float64
        The column sums of G, which are the denominators.
    masses : ndarray
        The sum of each row of X.
    loglik : float
        The sum of x log(FG').
    """

    numerators: np.ndarray
    sums: np.ndarray
    masses: np.ndarray
    loglik: float

    @classmethod
    def zero(cls, rows: int, columns: int, dtype: np.dtype) -> RatioStatistics:
        """The statistics of no column of X."""
        return cls(np.zeros((rows, columns), dtype), np.zeros(columns), np.zeros(rows, dtype), 0.0)


@dataclass(frozen=True, eq=False)
class CrossStatistics(Statistics):
    """What eq. 4 and HALS need of X.

    Attributes
    ----------
    cross : ndarray, rows of F x padded columns
        The cross product XG.
    gram : ndarray of float64
        The Gram matrix G'G.
    """

    cross: np.ndarray
    gram: np.ndarray

    @classmethod
    def zero(cls, rows: int, columns: int, dtype: np.dtype) -> CrossStatistics:
        """The statistics of no column of X."""
        return cls(np.zeros((rows, columns), dtype), np.zeros((columns, columns)))


@dataclass(frozen=True)
class RowTask:
    """How rows of F are solved to the end for a given G: the components in use, the penalty, and when to stop."""

    k: int
    penalty: Penalty = NO_PENALTY
    max_sweeps: int = 200
    tol: float = 1e-4


class Loss(ABC):
    """A cost as the parts that updates share, and what it can do, as data.

    Attributes
    ----------
    name : str
    title : str
        What people call it, where that is not the name.
    aliases : tuple
        Other names, and scikit-learn's beta.
    degree : int
        The cost of c X at c WH is c ** degree times that of X at WH. It is the beta of scikit-learn's `beta_loss`.
    penalty_scale : float
        The objective's multiple of scikit-learn's cost, to which penalties are added.
    crossover : float
        The density of X from which the dense path is the quicker one (benchmarks/crossover.py).
    short_rows_mislead : bool
        Whether rows of few nonzeros need a start from singular vectors (`init.usual_start`).
    """

    name: ClassVar[str]
    title: ClassVar[str] = ""
    aliases: ClassVar[tuple[Any, ...]]
    degree: ClassVar[int]
    penalty_scale: ClassVar[float] = 1.0
    crossover: ClassVar[float] = 0.8
    short_rows_mislead: ClassVar[bool] = False

    @abstractmethod
    def digest(self, F: np.ndarray) -> np.ndarray:
        """What the cost needs of a factor beside the fit. It adds up over the factor's rows."""

    @abstractmethod
    def weights(self, digest: np.ndarray) -> np.ndarray:
        """How much of each component a factor holds: zero where it holds nothing."""

    @abstractmethod
    def statistics(self, X: Operand, F: Array, G: Array, digest: Given = None, out: Given = None) -> Any:
        """What an update of the rows of F, given G, needs of X.

        `digest` is that of G where it is known, `out` memory that the result may use.
        """

    @abstractmethod
    def fit(self, X: Operand, F: np.ndarray, G: np.ndarray) -> float:
        """The part of the cost that needs X."""

    @abstractmethod
    def value(self, moments: Moments, fit: float, pair: float) -> float:
        """The cost from its parts: the fit, and the inner product of the digests."""

    @abstractmethod
    def size(self, moments: Moments) -> float:
        """The size of the sums that the cost is a difference of."""

    @abstractmethod
    def moved(self, F: np.ndarray, statistics: Any) -> float:
        """How far a scaled projected gradient step on the rows of F goes; `residual` makes a share of it."""

    @abstractmethod
    def residual(self, moments: Moments, moved: float) -> float:
        """The KKT residual: `moved`, added up over blocks of rows, as a share of X."""

    @abstractmethod
    def solve(self, X: Operand, F: np.ndarray, G: np.ndarray, task: RowTask) -> None:
        """Fill F with the minimiser for the given G, row by row."""


class KullbackLeibler(Loss):
    """Eq. 3, the Poisson deviance halved."""

    name, title, aliases, degree = "kl", "Kullback-Leibler", ("kullback-leibler", 1), 1
    short_rows_mislead = True

    def digest(self, F: np.ndarray) -> np.ndarray:
        """Column sums."""
        return F.sum(axis=0, dtype=np.float64)

    def weights(self, digest: np.ndarray) -> np.ndarray:
        """The column sums."""
        return digest

    def statistics(self, X: Operand, F: Array, G: Array, digest: Given = None, out: Given = None) -> RatioStatistics:
        """One pass over the nonzeros of X."""
        numerators, loglik = X.ratio_times(F, G)
        return RatioStatistics(numerators, self.digest(G) if digest is None else digest, X.masses, loglik)

    def fit(self, X: Operand, F: np.ndarray, G: np.ndarray) -> float:
        """The sum of x log(FG')."""
        return X.loglik(F, G)

    def value(self, moments: Moments, fit: float, pair: float) -> float:
        """Eq. 3 from its parts; infinite where WH = 0 at a nonzero, never clamped."""
        mass, entropy, _ = moments
        value = entropy - mass - fit + pair
        return 0.0 if value < 0 else value  # rounding, where the fit is exact

    def size(self, moments: Moments) -> float:
        """The sums of x log x and of x."""
        mass, entropy, _ = moments
        return abs(entropy) + mass

    def moved(self, F: np.ndarray, statistics: RatioStatistics) -> float:
        """The sum over the rows of F of |min(F d, x (1 - q))|: d column sums of G, x a row's sum, q eq. 5's factor."""
        den, masses = statistics.sums, statistics.masses.astype(np.float64)[:, None]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            slack = np.where(den > 0, masses * (1 - statistics.numerators / den), 0)
        return float(np.abs(np.minimum(F * den, slack)).sum())

    def residual(self, moments: Moments, moved: float) -> float:
        """Counts that the step would move, as a share of all."""
        return moved / moments.mass if moved else 0.0

    def solve(self, X: Operand, F: np.ndarray, G: np.ndarray, task: RowTask) -> None:
        """Coordinate descent, each row by itself."""
        digest = self.digest(G)
        den = np.where(digest > 0, digest + task.penalty.l1, 0).astype(F.dtype)
        X.solve(F, G, den, KlSolve(TINY[F.dtype], task.penalty.l2, task.tol, task.max_sweeps, task.k))


class Frobenius(Loss):
    """Eq. 2."""

    name, title, aliases, degree = "frobenius", "Frobenius", ("euclidean", 2), 2
    penalty_scale, crossover = 2.0, 0.6  # the gradient of eq. 2 is twice that of its updates

    def digest(self, F: np.ndarray) -> np.ndarray:
        """The Gram matrix F'F."""
        return gram_matrix(F)

    def weights(self, digest: np.ndarray) -> np.ndarray:
        """The squared lengths of the columns."""
        return np.diag(digest)

    def statistics(self, X: Operand, F: Array, G: Array, digest: Given = None, out: Given = None) -> CrossStatistics:
        """The cross product, one pass over the nonzeros of X, and the Gram matrix."""
        return CrossStatistics(X.times(G, out=out), self.digest(G) if digest is None else digest)

    def fit(self, X: Operand, F: np.ndarray, G: np.ndarray) -> float:
        """<X, FG'>."""
        return math.fsum(np.einsum("ij,ij->i", F, X.times(G), dtype=np.float64))

    def value(self, moments: Moments, fit: float, pair: float) -> float:
        """Eq. 2 from its parts."""
        return max(moments.square - 2 * fit + pair, 0.0)

    def size(self, moments: Moments) -> float:
        """The sum of x^2."""
        return moments.square

    def moved(self, F: np.ndarray, statistics: CrossStatistics) -> float:
        """The squared length of min(F, gradient / diag A), A = G'G, in the metric of A's diagonal."""
        A, diagonal = statistics.gram, np.diag(statistics.gram)
        with np.errstate(divide="ignore", invalid="ignore"):
            slack = np.where(diagonal > 0, (F @ A - statistics.cross) / diagonal, 0)
        return float((diagonal * np.minimum(F, slack) ** 2).sum())

    def residual(self, moments: Moments, moved: float) -> float:
        """Length of the step, as a share of X's."""
        return math.sqrt(moved / moments.square) if moved else 0.0

    def solve(self, X: Operand, F: np.ndarray, G: np.ndarray, task: RowTask) -> None:
        """HALS for the non-negative least squares problem of each row."""
        C, dtype = X.times(G, alone=True), F.dtype
        rule = in_dtype(dtype, GramSolve(*task.penalty, task.tol, task.max_sweeps, task.k))
        blocks = gram.tile_blocks(len(C), dtype.itemsize)
        A = self.digest(G).astype(dtype)
        gram.solve(F, C, A, rule, np.arange(len(C)), blocks)


LOSSES: dict[str, Loss] = {loss.name: loss for loss in (KullbackLeibler(), Frobenius())}


def loss_of(name: Any, what: str = "loss") -> Loss:
    """The loss of any of its names.

    Raises
    ------
    ValueError
        For an unknown name; the message lists the choices.

    Examples
    --------
    >>> loss_of("kullback-leibler").name, loss_of(2.0).name
    ('kl', 'frobenius')
    """
    if isinstance(name, (str, int, float, np.number)) and not isinstance(name, bool):
        for loss in LOSSES.values():
            if name in (loss.name, *loss.aliases):
                return loss
    raise ValueError(f"Unknown {what} {name!r}: choose {' or '.join(map(_all_names, LOSSES.values()))}.")


def _all_names(loss: Loss) -> str:
    """The names of a loss for a message, the longest first."""
    names = (loss.name, *loss.aliases)
    longest = max((name for name in names if isinstance(name, str)), key=len)
    return f"{longest!r} (the same: {', '.join(repr(name) for name in names if name != longest)})"
