"""Where a fit stands: everything that the next iteration depends on, as named fields.

A state is written as named arrays and JSON, and read back to the last bit. So a fit may be stopped, kept and continued.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np

from sparsenmf.operand import copied


class Record(NamedTuple):
    """A line of the history: the pair (W, H) after `iteration` alternations.

    Attributes
    ----------
    iteration : int
    seconds : float
        Since the loop began.
    objective : float
        Penalties included.
    kkt : float
        The KKT residual that the updates leaving this pair met.
    """

    iteration: int
    seconds: float
    objective: float
    kkt: float


@dataclass
class Factor:
    """W, or H' (both with rows padded to whole registers), as a fit holds it.

    Attributes
    ----------
    iterate : ndarray
        The last result of an update, in units near 1.
    ahead : ndarray or None
        The iterate carried on along its last change, where the next update starts. None: the solver does not
        extrapolate, and the next update starts from the iterate.
    digest : ndarray of float64
        What the loss keeps of `met` (see `losses.Loss.digest`).
    """

    iterate: np.ndarray
    digest: np.ndarray
    ahead: np.ndarray | None = None

    @property
    def met(self) -> np.ndarray:
        """The factor that the next update meets."""
        return self.iterate if self.ahead is None else self.ahead

    def copy(self) -> Factor:
        """A factor that shares nothing with this one."""
        return Factor(copied(self.iterate), self.digest.copy(), None if self.ahead is None else copied(self.ahead))


@dataclass
class Extrapolation:
    """Where extrapolation and its restarts stand.

    Attributes
    ----------
    warm_left : int or None
        Warm-up iterations still to come. None: the solver has not begun.
    beta : float
        The share of the last change by which factors are carried on.
    ceiling : float
        What beta may grow to.
    last : float
        The objective that the next one is compared with, in the units of the fit.
    """

    warm_left: int | None = None
    beta: float = 0.0
    ceiling: float = 1.0
    last: float = math.inf


@dataclass
class FitState:
    """Where a fit stands.

    Attributes
    ----------
    W, H : Factor
        W and H', padded, in the units of the fit.
    made_for : dict
        The loss, the solver, the number of components and the dtype of the fit.
    extrapolation : Extrapolation
    steps : dict
        The last step of "gd" on each factor, by its name.
    iteration : int
        Alternations done.
    seconds : float
        Time used.
    history : list of Record
        In the scale of X.
    stop_reason : str or None
        Why the fit has stopped. None: it goes on.
    finished : bool
        Whether the pair to return has been made and measured.
    random_state : dict or None
        What the random start was drawn from: a seed, or the state of a generator after the draw.

    Examples
    --------
    >>> from sparsenmf import Fit, FitOptions, prepare
    >>> fit = Fit(prepare([[1.0, 2.0], [3.0, 4.0]]), FitOptions(1, solver="mu", max_iter=4, random_state=0))
    >>> record = next(fit)
    >>> arrays, rest = fit.state.parts()
    >>> FitState.from_parts(arrays, rest).history == [record]
    True
    """

    W: Factor
    H: Factor
    made_for: dict[str, Any] = field(default_factory=dict)
    extrapolation: Extrapolation = field(default_factory=Extrapolation)
    steps: dict[str, float] = field(default_factory=dict)
    iteration: int = 0
    seconds: float = 0.0
    history: list[Record] = field(default_factory=list)
    stop_reason: str | None = None
    finished: bool = False
    random_state: dict[str, Any] | None = None

    _plain: ClassVar[tuple[str, ...]] = ("iteration", "seconds", "stop_reason", "finished", "random_state")

    def parts(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """The state as named arrays, which share its memory, and a dict that JSON can hold.

        Returns
        -------
        arrays : dict of str to ndarray
        rest : dict
            Python's json writes floats so that they read back to the bit (infinity and NaN by their names).
        """
        arrays: dict[str, np.ndarray] = {}
        for name, factor in (("W", self.W), ("H", self.H)):
            given = {"iterate": factor.iterate, "digest": factor.digest, "ahead": factor.ahead}
            arrays |= {f"{name}.{part}": array for part, array in given.items() if array is not None}
        rest: dict[str, Any] = {name: getattr(self, name) for name in self._plain}
        rest |= {"made_for": dict(self.made_for), "steps": dict(self.steps)}
        rest |= {"extrapolation": asdict(self.extrapolation), "history": [list(record) for record in self.history]}
        return arrays, rest

    @classmethod
    def from_parts(cls, arrays: dict[str, np.ndarray], rest: dict[str, Any]) -> FitState:
        """The state that `parts` took apart.

        Parameters
        ----------
        arrays : dict of str to ndarray
        rest : dict

        Returns
        -------
        FitState

        Raises
        ------
        ValueError
            If a part is missing; `Fit` checks whether the parts belong to its X and options.
        """
        of_rest = {*cls._plain, "made_for", "extrapolation", "steps", "history"}
        lacking = sorted({"W.iterate", "W.digest", "H.iterate", "H.digest"} - set(arrays)) + sorted(of_rest - set(rest))
        if lacking:
            raise ValueError(f"The parts are no state of a fit: {', '.join(lacking)} missing. Pass what `parts` gave.")

        def factor(name: str) -> Factor:
            ahead = arrays.get(f"{name}.ahead")
            found = Factor(arrays[f"{name}.iterate"], np.asarray(arrays[f"{name}.digest"]), ahead)
            return found.copy()

        plain = {name: rest[name] for name in cls._plain}
        return cls(
            factor("W"),
            factor("H"),
            made_for=dict(rest["made_for"]),
            extrapolation=Extrapolation(**rest["extrapolation"]),
            steps=dict(rest["steps"]),
            history=[Record(*record) for record in rest["history"]],
            **plain,
        )

    def check(self, shape: tuple[int, int], columns: int, dtype: np.dtype, made_for: dict[str, Any]) -> None:
        """Refuse a state of another fit: kernels index the arrays without checks.

        Parameters
        ----------
        shape : tuple of int
            Of X.
        columns : int
            Of padded factors.
        dtype : dtype
            Of factors.
        made_for : dict
            What the state must have been made for.

        Raises
        ------
        ValueError
            If the state is of another loss, solver, number of components, dtype or shape, or holds bad entries.
        """
        for name, wanted in made_for.items():
            if self.made_for.get(name) != wanted:
                raise ValueError(
                    f"The state is of a fit with {name}={self.made_for.get(name)!r}, and the options say {wanted!r}."
                )
        for name, factor, rows in (("W", self.W, shape[0]), ("H", self.H, shape[1])):
            for part in (factor.iterate, factor.met):
                if part.shape != (rows, columns) or part.dtype != dtype or not part.flags.c_contiguous:
                    raise ValueError(
                        f"The state's {name} is {part.dtype} of shape {part.shape}, and this X asks for {dtype} of "
                        f"shape {(rows, columns)}: is it the X that the state was made with?"
                    )
                if not (np.isfinite(part).all() and part.min(initial=0) >= 0):
                    raise ValueError(f"The state's {name} has an entry that is negative or no number.")
