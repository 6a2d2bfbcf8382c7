"""Where a fit starts: checked factors of the caller's, or drawn ones, in the units of the fit."""

from __future__ import annotations

import math
import os
from typing import Any, NamedTuple

import numpy as np

from sparsenmf import _validation as check
from sparsenmf.init import INITS, initialize, quick_random, starts_at_random, usual_start
from sparsenmf.matrix import Matrix
from sparsenmf.operand import Operand, pad, padded_transpose
from sparsenmf.options import FitOptions
from sparsenmf.scaling import Units, check_unit, power_near, tamed


class Start(NamedTuple):
    """(W, H) to start from, in X's scale; no W where H is fixed and none is given."""

    W: np.ndarray | None
    H: np.ndarray
    random: bool  # drawn by "auto" or "random": in proportion already


def start_of(A: Matrix, options: FitOptions, W: Any, H: Any, dtype: np.dtype) -> Start:
    """The caller's start, completed by what the options say."""
    k, init, seed = options.n_components, options.init, options.random_state
    n, m = A.shape
    _check_memory((n + m) * k * dtype.itemsize, k)
    if init in INITS and (W is not None or H is not None):
        raise ValueError(f"init={init!r} makes a start of its own: with W or H given, pass init='custom' or 'auto'.")
    if init == "custom" and (W is None or H is None) and options.update_H:
        raise ValueError("init='custom' needs both W and H.")
    W = None if W is None else check.check_factor(W, "W", (n, k), dtype, zeros_ok=False)
    H = None if H is None else check.check_factor(H, "H", (k, m), dtype, zeros_ok=False)
    if H is not None and (W is not None or not options.update_H):
        return Start(W, H, random=False)
    if W is not None or H is not None:
        fresh = quick_random(A, k, seed, dtype)
        return Start(fresh[0] if W is None else W, fresh[1] if H is None else H, random=False)
    if init == "auto":
        return Start(*usual_start(A, k, options.cost, seed, dtype), random=starts_at_random(A, k, options.cost))
    return Start(*initialize(A, k, init, seed, dtype), random=init == "random")


def _check_memory(wanted: int, k: int) -> None:
    """Refuse factors that no memory of this machine holds, before anything is computed."""
    try:
        there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # Windows cannot be asked so: numpy refuses what it cannot allocate
        return
    if 2 * wanted > there:
        raise MemoryError(
            f"n_components={k}: W and H, and a copy of each, take {2 * wanted / 2**30:,.0f} GiB, and this machine has "
            f"{there / 2**30:,.0f} GiB. Ask for fewer components."
        )


def fixed_factor(H: Any, options: FitOptions, m: int, dtype: np.dtype) -> np.ndarray | None:
    """The checked H of a fit that solves for W alone; None where H is found too."""
    if options.update_H:
        return None
    if H is None:
        raise ValueError("update_H=False needs H: the rows of W are solved for a given H.")
    return check.check_factor(H, "H", (options.n_components, m), dtype, zeros_ok=False)


def units_of(scale: float, fixed_h: np.ndarray | None, dtype: np.dtype) -> Units:
    """The units of X, W and H. A fixed H has its own."""
    units = Units(scale, math.sqrt(scale) if fixed_h is None else power_near(float(fixed_h.max())))
    check_unit(units.w, dtype)
    return units


def padded_start(start: Start, units: Units, operand: Operand, update_h: bool) -> tuple[np.ndarray, np.ndarray]:
    """W and H' in these units, in the form that kernels take."""
    dtype, mass = operand.dtype, operand.moments.mass
    if start.W is None:
        H = padded_transpose(start.H, dtype, units.h)
        return pad(_even(operand, H, len(start.H)), dtype), H
    if update_h and not start.random:
        W, H = tamed(_in_units(start.W, units.w), _in_units(start.H, units.h), mass)
        return pad(W, dtype), padded_transpose(H, dtype)
    return pad(start.W, dtype, units.w), padded_transpose(start.H, dtype, units.h)


def _in_units(A: np.ndarray, unit: float) -> np.ndarray:
    """A / unit, in float64 where there is anything to divide."""
    return A if unit == 1.0 else A.astype(np.float64) / unit


def _even(operand: Operand, Ht: np.ndarray, k: int) -> np.ndarray:
    """A W of one value, such that sum(WH) is sum(X)."""
    value = operand.moments.mass / (operand.shape[0] * float(Ht.sum(dtype=np.float64)))
    return np.full((operand.shape[0], k), value)


def random_description(seed: Any) -> dict[str, Any] | None:
    """What a start was drawn from, as JSON can hold it: a seed, or the state of a generator after the draw."""
    if seed is None or seed is np.random:
        return None
    if isinstance(seed, (int, np.integer)):
        return {"seed": int(seed)}
    state = seed.get_state(legacy=False) if isinstance(seed, np.random.RandomState) else seed.bit_generator.state
    return _listed(state)


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _listed(item) for name, item in value.items()}
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
