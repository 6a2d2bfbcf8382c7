"""What kernels are told beside arrays: scalars with names, in one tuple for each kernel and called like it.

Numba takes a scalar out of a named tuple for nothing, so kernels hand these on to their helpers whole.
"""

import functools
from typing import NamedTuple, TypeVar

import numpy as np


class KlMultiply(NamedTuple):
    """How eq. 5 goes."""

    tiny: float  # the least WH to divide by
    floor: float  # the least positive entry to leave
    cut: float  # entries up to which become zero
    l2: float  # L2 penalty (the L1 penalty is part of the denominators)
    k: int  # columns of F that are no padding
    measure: bool  # the log-likelihood too


class KlDescend(NamedTuple):
    """How coordinate descent for KL goes."""

    tiny: float  # the least y to divide by
    l2: float
    beta: float  # extrapolation of a row's change; 0: none
    sweeps: int  # passes over a row's coordinates
    k: int  # columns of F that are no padding
    fixed: bool  # G stays as it is after this
    measure: bool  # the log-likelihood too


class KlSolve(NamedTuple):
    """When a row's KL problem counts as solved."""

    tiny: float  # the least y to divide by
    l2: float
    tol: float  # share of the row's mass that a last pass may move
    max_sweeps: int
    k: int


class GramHals(NamedTuple):
    """How HALS goes."""

    l1: float
    l2: float
    beta: float  # extrapolation of a row's change; 0: none
    sweeps: int
    k: int


class GramSolve(NamedTuple):
    """When a row's least squares problem counts as solved."""

    l1: float
    l2: float
    tol: float  # share of the row's length that a last pass may move
    max_sweeps: int
    k: int


class GramMultiply(NamedTuple):
    """How eq. 4 goes."""

    l1: float
    l2: float
    floor: float  # the least positive entry to leave


Rule = TypeVar("Rule", KlMultiply, KlDescend, KlSolve, GramHals, GramSolve, GramMultiply)


def in_dtype(dtype: np.dtype, rule: Rule) -> Rule:
    """The rule with its floats in the factors' dtype, so that a kernel compiles for one signature."""
    return type(rule)(*(cast(value) for cast, value in zip(_casts(type(rule).__name__, dtype), rule, strict=True)))


@functools.cache
def _casts(kind: str, dtype: np.dtype) -> list[type]:
    return [dtype.type if of is float else of for of in globals()[kind].__annotations__.values()]
