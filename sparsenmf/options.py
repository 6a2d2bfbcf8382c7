"""`FitOptions`: every parameter of a fit, checked once, whoever the caller is."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from numbers import Integral
from typing import Any

from sparsenmf import _validation as check
from sparsenmf.init import INITS
from sparsenmf.losses import Loss, loss_of
from sparsenmf.parameters import PARAMETERS, default, described
from sparsenmf.scaling import Alphas
from sparsenmf.solvers import SOLVERS

__all__ = ["FitOptions"]


@described
@dataclass(frozen=True)
class FitOptions:
    """The parameters of a fit, checked when they are put together, and then fixed.

    Parameters
    ----------
    {n_components, loss, solver, init, max_iter, tol, max_seconds, random_state, n_threads, dtype, path}
    {update_H, alpha_W, alpha_H, l1_ratio, step, verbose}

    Raises
    ------
    ValueError
        For an unknown loss, solver, init, dtype or path (the message lists the choices), a number out of range, or a
        step for a solver that chooses its own.
    TypeError
        For values of the wrong kind.

    Examples
    --------
    >>> from sparsenmf import FitOptions
    >>> options = FitOptions(20, loss="kullback-leibler", alpha_W=0.1)
    >>> options.loss, options.alpha_H, options.max_iter
    ('kl', 0.1, 200)
    """

    n_components: int
    loss: Any = default("loss")
    solver: str = default("solver")
    init: str = default("init")
    max_iter: int = default("max_iter")
    tol: float = default("tol")
    max_seconds: float | None = default("max_seconds")
    random_state: Any = default("random_state")
    n_threads: int | None = default("n_threads")
    dtype: Any = default("dtype")
    path: str = default("path")
    update_H: bool = default("update_H")
    alpha_W: float = default("alpha_W")
    alpha_H: Any = default("alpha_H")
    l1_ratio: float = default("l1_ratio")
    step: float | None = default("step")
    verbose: int = default("verbose")

    def __post_init__(self) -> None:
        for each in fields(self):
            self._set(each.name, PARAMETERS[each.name].kind.check(getattr(self, each.name), each.name))
        self._set("loss", loss_of(self.loss).name)
        check.check_choice(self.solver, [name for name, loss in SOLVERS if loss == self.loss], "solver")
        check.check_random_state(self.random_state)
        check.check_choice(self.init, ("auto", *INITS, "custom"), "init")
        if self.dtype != "auto" or not isinstance(self.dtype, str):
            self._set("dtype", check.working_dtype(self.dtype, self.dtype).name)
        if self.step is not None and self.solver != "gd":
            raise ValueError(
                f"step={self.step!r} is for solver='gd' alone; solver={self.solver!r} chooses its own steps."
            )
        if self.alpha_H == "same":
            self._set("alpha_H", self.alpha_W)

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @classmethod
    def of(cls, estimator: Any, **other: Any) -> FitOptions:
        """The options that an estimator holds as attributes, and others.

        Parameters
        ----------
        estimator : object
        **other
            Options that the estimator lacks, or calls otherwise.

        Returns
        -------
        FitOptions
        """
        own = {each.name: getattr(estimator, each.name) for each in fields(cls) if hasattr(estimator, each.name)}
        return cls(**{**own, **other})

    @property
    def cost(self) -> Loss:
        """The loss itself."""
        return loss_of(self.loss)

    @property
    def alphas(self) -> Alphas:
        """The penalties."""
        return Alphas(self.alpha_W, self.alpha_H, self.l1_ratio)

    def plain(self) -> dict[str, Any]:
        """The options as a dict that JSON can hold.

        Returns
        -------
        dict
            A random state that is no number is None in it.
        """
        kept = asdict(self)
        seed = kept["random_state"]
        return kept | {"random_state": int(seed) if isinstance(seed, Integral) else None}
