"""What a solver may ask of X, and what it is told."""

from __future__ import annotations

import weakref
from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np

from sparsenmf._jit import made_once
from sparsenmf.kernels.rules import KlDescend, KlMultiply, KlSolve


class Pass(NamedTuple):
    """What a fused pass over the rows of F learnt: column sums of the F it left, and of the F it met the rest."""

    sums: np.ndarray
    loglik: float  # sum of x log(WH)
    moved: float  # KKT residual, not yet divided by the sum of X


class Moments(NamedTuple):
    """Sums over the entries of X: of x, of x log x, and of x^2."""

    mass: float
    entropy: float
    square: float


class Operand(ABC):
    """X as the primitives that losses and solvers need. It never changes, so threads and fits share it.

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype
        Of the factors that the operand works with.
    complete : bool
        Whether X holds all entries. Those that are too small beside the largest for the dtype are left out.
    """

    complete = True

    def __init__(self, shape: tuple[int, int], dtype: np.dtype) -> None:
        self.shape, self.dtype = shape, dtype
        self._kept: dict[str, Operand] = {}  # X', where X owns it
        self._owner: weakref.ref[Operand] | None = None  # X, where this is its X'

    @property
    def T(self) -> Operand:  # noqa: N802
        """X', made once. X owns X', and X' knows X by a weak reference: both go when the last user of X goes."""
        owner = None if self._owner is None else self._owner()
        return made_once(self._kept, "T", self._owned) if owner is None else owner

    def _owned(self) -> Operand:
        other = self._transposed()
        other._owner = weakref.ref(self)
        return other

    @abstractmethod
    def _transposed(self) -> Operand: ...

    @abstractmethod
    def in_double(self) -> Operand | None:
        """The same X for factors in float64; None where that would take much memory."""

    @property
    @abstractmethod
    def moments(self) -> Moments:
        """Sums over the entries of X."""

    @property
    @abstractmethod
    def masses(self) -> np.ndarray:
        """The sum of each row."""

    @property
    def empty_rows(self) -> np.ndarray:
        """Which rows hold nothing."""
        return self.masses == 0

    # --- primitives: any loss can be written with these -----------------------------------------------------------

    @abstractmethod
    def times(self, G: np.ndarray, out: np.ndarray | None = None, alone: bool = False) -> np.ndarray:
        """XG, into `out` where given; `alone`: each row has the same bits whichever rows are beside it."""

    @abstractmethod
    def products(self, F: np.ndarray, G: np.ndarray) -> np.ndarray:
        """FG' at the stored entries of X, in their order: WH at the nonzeros of CSR, all of WH for a dense X."""

    @property
    @abstractmethod
    def values(self) -> np.ndarray:
        """The stored entries of X, in the same order."""

    @abstractmethod
    def replaced(self, values: np.ndarray) -> Operand:
        """An operand with other values at the stored entries."""

    # --- fused passes: what the primitives give, in one pass over X ------------------------------------------------

    @abstractmethod
    def ratio_times(self, F: np.ndarray, G: np.ndarray) -> tuple[np.ndarray, float]:
        """(X / FG')G, and the sum of x log(FG')."""

    @abstractmethod
    def loglik(self, F: np.ndarray, G: np.ndarray) -> float:
        """The sum of x log(FG'); -inf where FG' is zero at a nonzero."""

    @abstractmethod
    def multiply(self, F: np.ndarray, G: np.ndarray, den: np.ndarray, rule: KlMultiply) -> Pass:
        """Eq. 5 on the rows of F, in place; `den` are the denominators."""

    @abstractmethod
    def descend(self, F: np.ndarray, N: np.ndarray, G: np.ndarray, den: np.ndarray, rule: KlDescend) -> Pass:
        """KL coordinate descent on the rows of F; N gets the iterate, F its extrapolation."""

    @abstractmethod
    def solve(self, F: np.ndarray, G: np.ndarray, den: np.ndarray, rule: KlSolve) -> None:
        """The KL minimiser over the rows of F, each row by itself."""


def collect(sums: np.ndarray, tally: np.ndarray) -> Pass:
    """Add up what the blocks wrote, in block order."""
    loglik, moved = tally.sum(axis=0)
    return Pass(sums.sum(axis=0), float(loglik), float(moved))
