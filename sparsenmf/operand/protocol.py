"""What a solver may ask of X, and what it is told."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np


class Rule(NamedTuple):
    """How coordinate descent goes: passes an update, and extrapolation of its change."""

    sweeps: int = 2
    beta: float = 0.0
    fixed: bool = False  # the other factor stays as it is


class Pass(NamedTuple):
    """What a pass over the rows of F learnt: column sums of the F it left, and of the F it met the rest."""

    sums: np.ndarray
    loglik: float  # sum of x log(WH)
    moved: float  # KKT residual, not yet divided by the sum of X


class Operand(Protocol):
    """What a solver may ask of X."""

    shape: tuple[int, int]
    dtype: np.dtype

    @property
    def T(self) -> Operand: ...  # noqa: N802
    def in_double(self) -> Operand | None: ...
    @property
    def moments(self) -> tuple[float, float, float]: ...
    @property
    def empty_rows(self) -> np.ndarray: ...
    def times(self, G: np.ndarray, out: np.ndarray | None = None, alone: bool = False) -> np.ndarray: ...
    def ratio_times(self, F: np.ndarray, G: np.ndarray) -> tuple[np.ndarray, float]: ...
    def loglik(self, F: np.ndarray, G: np.ndarray) -> float: ...
    def multiply(
        self, F: np.ndarray, G: np.ndarray, k: int, den: np.ndarray, l2: float, cut: float, want: bool
    ) -> Pass: ...
    def descend(
        self, F: np.ndarray, N: np.ndarray, G: np.ndarray, k: int, den: np.ndarray, l2: float, rule: Rule, want: bool
    ) -> Pass: ...
    def solve(
        self, F: np.ndarray, G: np.ndarray, k: int, den: np.ndarray, l2: float, max_sweeps: int, tol: float
    ) -> None: ...


def collect(sums: np.ndarray, tally: np.ndarray) -> Pass:
    """Add up what the blocks wrote, in block order."""
    loglik, moved = tally.sum(axis=0)
    return Pass(sums.sum(axis=0), float(loglik), float(moved))
