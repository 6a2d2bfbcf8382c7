"""The parameters of a fit, each described, given its default and checked in one place.

`factorize`, `NMF`, `TopicModel`, `sparsenmf.anndata.nmf` and the command line take their parameters from this table:
defaults by `default`, docstrings by `described`, checks by `FitOptions`, help texts by `Parameter.help`. The module
imports nothing heavy, so that the command line's help is quick.
"""

from __future__ import annotations

import math
import operator
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any, TypeVar

T = TypeVar("T")
_BOOLS = ("bool", "bool_")  # Python's and numpy's
_WIDTH = 108  # of the text of a docstring


@dataclass(frozen=True)
class Kind:
    """What values a parameter takes; `optional` ones take None, too, and `names` stand for values of their own."""

    optional: bool = False
    names: tuple[str, ...] = ()

    def check(self, value: Any, name: str) -> Any:
        """The value in its own type; TypeError or ValueError, by the parameter's name, for what does not do."""
        if (value is None and self.optional) or (isinstance(value, str) and value in self.names):
            return value
        return self.checked(value, name)

    def checked(self, value: Any, name: str) -> Any:
        """The check of a value that is neither None nor a name."""
        if self.names:
            raise ValueError(f"Unknown {name} {value!r}: choose one of {', '.join(map(repr, self.names))}.")
        return value


@dataclass(frozen=True)
class Whole(Kind):
    """A whole number of at least `least`; no bool, but for a `least` of 0."""

    least: int = 1

    def checked(self, value: Any, name: str) -> int:
        """See `Kind`."""
        wrong = f"{name} must be an integer of at least {self.least}, got {value!r}"
        if self.least and type(value).__name__ in _BOOLS:
            raise TypeError(f"{wrong}.")
        try:
            count = operator.index(value)
        except TypeError:
            raise TypeError(f"{wrong} ({type(value).__name__}).") from None
        if count < self.least:
            raise ValueError(f"{name} must be at least {self.least}, got {count}.")
        return int(count)


@dataclass(frozen=True)
class Number(Kind):
    """A finite number of at least `least` (above it where `above`), and of at most `most`."""

    least: float = 0
    above: bool = False
    most: float | None = None

    def checked(self, value: Any, name: str) -> float:
        """See `Kind`."""
        if isinstance(value, (bool, str)) or not isinstance(value, (int, float, Real)):
            raise TypeError(f"{name} must be a number, got {value!r}.")
        value, given = float(value), value
        if not math.isfinite(value) or value < self.least or (self.above and value == self.least):
            wanted = f"{'above' if self.above else 'at least'} {self.least:g} and finite"
            raise ValueError(f"{name} must be {wanted}, got {given!r}.")
        if self.most is not None and value > self.most:
            raise ValueError(f"{name} must lie between {self.least:g} and {self.most:g}, got {given!r}.")
        return value


@dataclass(frozen=True)
class Flag(Kind):
    """True or False."""

    def checked(self, value: Any, name: str) -> bool:
        """See `Kind`."""
        if type(value).__name__ not in _BOOLS:
            raise TypeError(f"{name} must be True or False, got {value!r}.")
        return bool(value)


@dataclass(frozen=True)
class Parameter:
    """A parameter: its default, what it takes, and what a docstring and a help text say of it."""

    default: Any
    kind: Kind
    type: str
    text: str
    help: str = ""


#: Kinds whose names only higher ranks know (losses, solvers, starts) are plain here: `FitOptions` checks them.
PARAMETERS: dict[str, Parameter] = {
    "n_components": Parameter(None, Whole(), "int", "k, the columns of W and rows of H."),
    "loss": Parameter(
        "kl",
        Kind(),
        '{"kl", "frobenius"}',
        '"kl" (also "kullback-leibler", 1): D(X || WH), eq. 3 of Lee and Seung, NIPS 2000. "frobenius" (also 2): '
        "||X - WH||^2, eq. 2.",
        "Cost.",
    ),
    "solver": Parameter(
        "auto",
        Kind(),
        '{"auto", "mu", "cd", "gd"}',
        '"auto": extrapolated coordinate descent after a short warm-up, the fastest. "mu": multiplicative updates '
        '(eqs. 4, 5). "cd": HALS, or scalar Newton for KL. "gd": projected gradient (eq. 6), for comparison.',
        "Method.",
    ),
    "init": Parameter(
        "auto",
        Kind(),
        '{"auto", "random", "nndsvd", "nndsvda", "nndsvdar", "custom"}',
        '"auto" draws random numbers, quicker than "random" and other ones than scikit-learn, for what W and H do not '
        "give. For KL and a large X, less than a hundredth full, whose rows hold fewer than 3 n_components nonzeros on "
        'average, "auto" is "nndsvdar", from a sample of the rows where there are many. "custom" takes both from W '
        "and H.",
        "Start.",
    ),
    "max_iter": Parameter(200, Whole(), "int", "At most so many alternations.", "Iterations at most."),
    "tol": Parameter(
        1e-4,
        Number(),
        "float",
        'Stop where the objective\'s relative fall (over 4 iterations; 2 for "cd", 10 for "mu" and "gd") or the '
        "KKT residual is no larger. 0: never.",
        "Stop where the objective falls by no more than this share of it over a few iterations. 0: never early.",
    ),
    "max_seconds": Parameter(
        None,
        Number(optional=True),
        "float, optional",
        "Stop after the first iteration that ends later.",
        "Stop after so many seconds.",
    ),
    "random_state": Parameter(
        None, Kind(), "None, int, RandomState or Generator", "What random numbers are drawn from.", "Random seed."
    ),
    "n_threads": Parameter(
        None,
        Whole(optional=True),
        "int, optional",
        "None: Numba's number. The result is the same for any number, to the last bit.",
        "Threads.  [default: all cores]",
    ),
    "dtype": Parameter(
        "auto",
        Kind(),
        '{"auto", "float32", "float64"}',
        '"auto": float64 data stay so, all else (counts too) is worked on in float32.',
        "Precision; auto: as the input, float32 for counts.",
    ),
    "path": Parameter(
        "auto",
        Kind(names=("auto", "sparse", "dense")),
        '{"auto", "sparse", "dense"}',
        'How X is held. "auto" goes by density, and makes no dense copy beyond 2 GiB.',
        "Which code computes.",
    ),
    "update_H": Parameter(True, Flag(), "bool", "False: H is given and fixed, W is solved for."),
    "alpha_W": Parameter(
        0.0,
        Number(),
        "float",
        "The penalty on W, as scikit-learn scales it: ``alpha_W m (l1_ratio |W|_1 + (1 - l1_ratio) |W|^2 / 2)`` is "
        "added to ``D(X || WH)``, or to half of ``||X - WH||^2``.",
        "Penalty on W.",
    ),
    "alpha_H": Parameter(
        "same",
        Number(names=("same",)),
        'float or "same"',
        'The penalty on H, with n in place of m. "same": alpha_W.',
        "Penalty on H.  [default: as --alpha-w]",
    ),
    "l1_ratio": Parameter(
        0.0,
        Number(most=1),
        "float",
        "The share of the L1 norm in the penalties, from 0 to 1; the rest is the squared L2 norm.",
        "Share of L1 in the penalties.",
    ),
    "step": Parameter(
        None,
        Number(optional=True, above=True),
        "float, optional",
        'For solver="gd": its fixed step. None: a safe one.',
        "Step, for --solver gd alone.",
    ),
    "verbose": Parameter(
        0,
        Whole(least=0),
        "int",
        'Above 0, the logger "sparsenmf" tells of every iteration. Where nobody listens to the logger, a bar with the '
        "time left is drawn on a terminal, and lines are written elsewhere.",
        "Tell of every iteration.",
    ),
}


def default(name: str) -> Any:
    """The default of a parameter."""
    return PARAMETERS[name].default


def described(thing: T) -> T:
    """Fill in a docstring: a line `{name, name}` stands for the numpydoc entries of these parameters."""
    lines = []
    for line in (thing.__doc__ or "").split("\n"):
        inner = line.strip()
        if inner.startswith("{") and inner.endswith("}") and all(n in PARAMETERS for n in _names(inner)):
            pad = line[: len(line) - len(line.lstrip())]
            lines += [pad + text for name in _names(inner) for text in _entry(name)]
        else:
            lines.append(line)
    thing.__doc__ = "\n".join(lines)
    return thing


def _names(line: str) -> list[str]:
    return [name.strip() for name in line.strip("{}").split(",")]


def _entry(name: str) -> list[str]:
    parameter = PARAMETERS[name]
    shown = "" if parameter.default is None else f", default={parameter.default!r}".replace("'", '"')
    lines = textwrap.wrap(parameter.text, _WIDTH, break_on_hyphens=False)
    return [f"{name} : {parameter.type}{shown}", *(f"    {line}" for line in lines)]


Callback = Callable[[Any], Any]
