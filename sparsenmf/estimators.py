"""scikit-learn's face of the package: parameters, attributes and messages, and no mathematics.

Importing scikit-learn takes a second, so `sparsenmf` imports this module when `sparsenmf.NMF` is first asked for.
"""

from __future__ import annotations

import math
import warnings
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, Options, StrOptions, validate_params
from sklearn.utils.validation import check_is_fitted, validate_data

from sparsenmf._validation import check_factor, working_dtype
from sparsenmf.fit import Factorization, Fit
from sparsenmf.init import INITS, default_init
from sparsenmf.losses import LOSSES, Loss, loss_of
from sparsenmf.measures import objective
from sparsenmf.operand import choose_path
from sparsenmf.options import FitOptions
from sparsenmf.parameters import PARAMETERS, Callback, Kind, Number, Whole, default, described
from sparsenmf.prepared import Prepared, as_prepared
from sparsenmf.rows import RowSolver
from sparsenmf.solvers import SOLVER_NAMES

if TYPE_CHECKING:
    import numpy as np

__all__ = ["NMF", "non_negative_factorization"]

_MOST_ROW_ITERATIONS = 1000  # ... and no more than these
_ROW_ITERATIONS = 200  # a row's own solve gets these even where few alternations were asked for
_TABLED = ("tol", "max_iter", "alpha_W", "alpha_H", "l1_ratio", "verbose", "n_threads", "path", "max_seconds")
_BETA_LOSSES = {
    kind: [name for loss in LOSSES.values() for name in (loss.name, *loss.aliases) if isinstance(name, kind)]
    for kind in (str, int)
}


def _constraints(kind: Kind) -> list[Any]:
    """What a parameter takes, in the terms of scikit-learn, whose messages list them in this order."""
    taken: list[Any] = []
    if isinstance(kind, Whole):
        taken = [Interval(Integral, 1, None, closed="left")] if kind.least else ["verbose"]
    elif isinstance(kind, Number):
        taken = [Interval(Real, kind.least, kind.most, closed="left" if kind.most is None else "both")]
    none, names = [None] * kind.optional, [StrOptions({*kind.names})] if kind.names else []
    return [*names, *none] if type(kind) is Kind else [*taken, *none, *names]


@described
class NMF(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    r"""Non-negative matrix factorization X ~ W H: a drop-in for `sklearn.decomposition.NMF`, made for sparse counts.

    Minimises, over non-negative W (n_samples x n_components) and H (n_components x n_features), ::

        L(W, H) = D(X, WH) + alpha_W n_features (l1_ratio ||W||_1 + (1 - l1_ratio) / 2 ||W||_F^2)
                           + alpha_H n_samples  (l1_ratio ||H||_1 + (1 - l1_ratio) / 2 ||H||_F^2)

    where D is ``||X - WH||_F^2 / 2`` (Frobenius) or ``sum(X log(X / WH) - X + WH)`` (Kullback-Leibler).

    Parameters
    ----------
    n_components : int, "auto" or None, default="auto"
        Number of components. None, and "auto" without a custom start, mean the number of features; "auto" with a
        custom start means as many as H has.
    init : {"random", "nndsvd", "nndsvda", "nndsvdar", "custom"} or None, default=None
        How to start. None: "nndsvda" if n_components <= min(n_samples, n_features), otherwise "random". "custom":
        from the W and H that are given to `fit`.
    {solver}
    beta_loss : {"frobenius", "kullback-leibler", "kl"}, 1 or 2, default="frobenius"
        The cost. 2 is "frobenius", 1 is "kullback-leibler"; scikit-learn's other beta divergences are not offered.
    {tol}
    max_iter : int, default=200
        At most so many alternations of a fit. The solve of W for a fixed H gets at least 200 iterations of its own.
    {random_state, alpha_W, alpha_H, l1_ratio, verbose}
    shuffle : bool, default=False
        Accepted for the sake of scikit-learn's signature: the order of coordinates is never random here.
    {n_threads, path, max_seconds}
    callback : callable, optional
        Called as `callback(record)` after each iteration of a fit, with the iteration, seconds, objective and KKT
        residual; a true return value ends the fit.

    Attributes
    ----------
    components_ : ndarray of shape (n_components, n_features)
        H.
    n_components_ : int
        The number of components.
    reconstruction_err_ : float
        sqrt(2 D(X, WH)) at the end of the fit, without the regularization; for Frobenius ||X - WH||_F.
    n_iter_ : int
        Number of alternations.
    n_features_in_ : int
        Number of features seen during `fit`.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, where X had names that are all strings.

    Notes
    -----
    Other than in scikit-learn: `fit_transform(X)` returns what `transform(X)` returns, since both solve for each row of
    W by itself with H fixed, so a row's result never depends on the rows beside it. X of integers is worked on in
    float32 (scikit-learn: float64), which needs half the memory.

    Examples
    --------
    >>> import numpy as np
    >>> from sparsenmf import NMF
    >>> X = np.array([[1.0, 1], [2, 1], [3, 1.2], [4, 1], [5, 0.8], [6, 1]])
    >>> model = NMF(n_components=2, init="random", random_state=0)
    >>> W = model.fit_transform(X)
    >>> bool(np.abs(W @ model.components_ - X).max() < 0.1)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": _constraints(Whole(optional=True, names=("auto",))),
        "init": _constraints(Kind(optional=True, names=(*INITS, "custom"))),
        "solver": _constraints(Kind(names=SOLVER_NAMES)),
        "beta_loss": [StrOptions({*_BETA_LOSSES[str]}), Options(Real, {*_BETA_LOSSES[int]})],
        **{name: _constraints(PARAMETERS[name].kind) for name in _TABLED},
        "random_state": ["random_state"],
        "shuffle": ["boolean"],
        "callback": [callable, None],
    }

    def __init__(
        self,
        n_components: int | str | None = "auto",
        *,
        init: str | None = None,
        solver: str = default("solver"),
        beta_loss: str | float = "frobenius",
        tol: float = default("tol"),
        max_iter: int = default("max_iter"),
        random_state: Any = default("random_state"),
        alpha_W: float = default("alpha_W"),
        alpha_H: float | str = default("alpha_H"),
        l1_ratio: float = default("l1_ratio"),
        verbose: int = default("verbose"),
        shuffle: bool = False,
        n_threads: int | None = default("n_threads"),
        path: str = default("path"),
        max_seconds: float | None = default("max_seconds"),
        callback: Callback | None = None,
    ) -> None:
        self.n_components = n_components
        self.init = init
        self.solver = solver
        self.beta_loss = beta_loss
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state
        self.alpha_W = alpha_W
        self.alpha_H = alpha_H
        self.l1_ratio = l1_ratio
        self.verbose = verbose
        self.shuffle = shuffle
        self.n_threads = n_threads
        self.path = path
        self.max_seconds = max_seconds
        self.callback = callback

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None, W: Any = None, H: Any = None) -> NMF:
        """Learn H from X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Non-negative data. Sparse of any format, or dense.
        y : None
            Ignored.
        W : array-like of shape (n_samples, n_components), default=None
            The start of W, if `init="custom"`; of the dtype of X.
        H : array-like of shape (n_components, n_features), default=None
            The start of H, if `init="custom"`; of the dtype of X.

        Returns
        -------
        NMF
            The estimator itself.
        """
        self._fit(self._checked(X, reset=True), W, H)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X: Any, y: Any = None, W: Any = None, H: Any = None) -> Any:
        """Learn H from X and solve for the W that belongs to it: the same as `fit(X).transform(X)`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Non-negative data. Sparse of any format, or dense.
        y : None
            Ignored.
        W : array-like of shape (n_samples, n_components), default=None
            The start of W, if `init="custom"`; of the dtype of X.
        H : array-like of shape (n_components, n_features), default=None
            The start of H, if `init="custom"`; of the dtype of X.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            W.
        """
        prepared = self._checked(X, reset=True)
        self._fit(prepared, W, H)
        return self._solve(prepared, self.components_)

    def transform(self, X: Any) -> Any:
        """Solve for W with H as it was learnt, each row by itself.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Non-negative data. Sparse of any format, or dense.

        Returns
        -------
        ndarray of shape (n_samples, n_components)
            W.
        """
        check_is_fitted(self)
        return self._solve(self._checked(X, reset=False), self.components_)

    def inverse_transform(self, X: Any) -> Any:
        """Multiply out W H.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_components)
            W, as `transform` returns it.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
            The dense product.
        """
        check_is_fitted(self)
        return X @ self.components_

    def score(self, X: Any, y: Any = None) -> float:
        """How well the components describe X: minus the mean cost of a row, D(X, WH) / n_samples, W from `transform`.

        `GridSearchCV` takes the score where no other is named. Features that no component has are left out: their
        Kullback-Leibler cost is infinite for every model of the same training data.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Non-negative data.
        y : None
            Ignored.

        Returns
        -------
        float
            At most 0; higher is better.
        """
        check_is_fitted(self)
        prepared = self._checked(X, reset=False)
        W, known = self._solve(prepared, self.components_), self.components_.any(axis=0)
        part = prepared.checked_matrix.plain()[:, known]
        return -self._divergence(part, W, self.components_[:, known]) / len(W)

    @property
    def _n_features_out(self) -> int:
        return int(self.components_.shape[0])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.positive_only = True
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    @property
    def _loss(self) -> Loss:
        return loss_of(self.beta_loss, "beta_loss")

    def _checked(self, X: Any, *, reset: bool) -> Prepared:
        """X in canonical form, after its values, then its feature names and their number were checked."""
        prepared = as_prepared(X, type(self).__name__)
        validate_data(self, X, reset=reset, skip_check_array=True)
        return prepared

    def _fit(self, X: Prepared, W: Any, H: Any) -> Factorization:
        """Factorize a checked matrix and keep what is learnt."""
        start = self._start(X, W, H)
        self._choose_path(X)
        factors = {name: start.pop(name, None) for name in ("W", "H")}
        options = FitOptions.of(self, loss=self.beta_loss, path=self._path, **start)
        fit = Fit(X, options, **factors).run(self.callback)
        if fit.n_iter >= self.max_iter and self.tol > 0:
            warnings.warn(
                f"Maximum number of iterations {self.max_iter} reached. Increase it to improve convergence.",
                ConvergenceWarning,
                stacklevel=4,
            )
        self.components_ = fit.H
        self.n_components_ = fit.H.shape[0]
        self.n_iter_ = fit.n_iter
        self.reconstruction_err_ = math.sqrt(2 * self._divergence(X, fit.W, fit.H))
        return fit

    def _choose_path(self, X: Prepared) -> None:
        """Choose the path by the training data, so that `transform` does not choose by the rows beside a row."""
        self._path = choose_path(X.checked_matrix, working_dtype("auto", X.dtype), self._loss.crossover, self.path)

    def _divergence(self, X: Any, W: np.ndarray, H: np.ndarray) -> float:
        """D(X, WH) as scikit-learn scales it."""
        return max(objective(X, W, H, self._loss.name), 0.0) / self._loss.penalty_scale

    def _start(self, X: Prepared, W: Any, H: Any) -> dict[str, Any]:
        """The options and factors that say where to start."""
        if self.init == "custom":
            given = _check_given(X, self.n_components, H=H, W=W)
            self._n_components = given["H"].shape[0]
            return {"n_components": self._n_components, "init": "custom", **given}
        if W is not None or H is not None:
            warnings.warn(
                "When init!='custom', provided W or H are ignored. Set  init='custom' to use them as initialization.",
                RuntimeWarning,
                stacklevel=5,
            )
        if self.solver == "mu" and self.init == "nndsvd":
            warnings.warn(
                "The multiplicative update ('mu') solver cannot update zeros present in the initialization, and so "
                "leads to poorer results when used jointly with init='nndsvd'. You may try init='nndsvda' or "
                "init='nndsvdar' instead.",
                UserWarning,
                stacklevel=5,
            )
        k = X.shape[1] if self.n_components in (None, "auto") else int(self.n_components)
        self._n_components = k
        return {"n_components": k, "init": self.init or default_init(k, X.shape)}

    def _solve(self, X: Prepared, H: np.ndarray) -> np.ndarray:
        """W for a fixed H. What is sparse is not made dense here, unless that was asked for."""
        dtype = X.dtype if X.dtype.kind == "f" else H.dtype
        path = self.path
        if path == "auto" and X.checked_matrix.storage == "dense":
            path = getattr(self, "_path", path)
        solver = RowSolver(H.astype(dtype, copy=False), self._loss.name, self.alpha_W, self.l1_ratio)
        max_iter = min(max(self.max_iter, _ROW_ITERATIONS), _MOST_ROW_ITERATIONS)
        return solver(X, max_iter=max_iter, tol=self.tol, n_threads=self.n_threads, path=path)


@validate_params(
    {
        "X": ["array-like", "sparse matrix"],
        "W": ["array-like", None],
        "H": ["array-like", None],
        "update_H": ["boolean"],
    },
    prefer_skip_nested_validation=False,
)
def non_negative_factorization(
    X: Any,
    W: Any = None,
    H: Any = None,
    n_components: int | str | None = "auto",
    *,
    init: str | None = None,
    update_H: bool = True,
    solver: str = default("solver"),
    beta_loss: str | float = "frobenius",
    tol: float = default("tol"),
    max_iter: int = default("max_iter"),
    alpha_W: float = default("alpha_W"),
    alpha_H: float | str = default("alpha_H"),
    l1_ratio: float = default("l1_ratio"),
    random_state: Any = default("random_state"),
    verbose: int = default("verbose"),
    shuffle: bool = False,
    n_threads: int | None = default("n_threads"),
    path: str = default("path"),
    max_seconds: float | None = default("max_seconds"),
    callback: Callback | None = None,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Factorize X in one call: what `NMF` does, as a function.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Non-negative data. Sparse of any format, or dense.
    W : array-like of shape (n_samples, n_components), default=None
        The start of W, if `init="custom"`.
    H : array-like of shape (n_components, n_features), default=None
        The start of H, if `init="custom"`; the fixed H, if `update_H=False`.
    update_H : bool, default=True
        False: keep H as it is given and solve for W alone, as `NMF.transform` does.
    n_components, init, solver, beta_loss, tol, max_iter, alpha_W, alpha_H, l1_ratio, random_state : optional
        As for `NMF`.
    verbose, shuffle, n_threads, path, max_seconds, callback : optional
        As for `NMF`.

    Returns
    -------
    W : ndarray of shape (n_samples, n_components)
        Solved for with the final H fixed, as `NMF.fit_transform` returns it.
    H : ndarray of shape (n_components, n_features)
    n_iter : int
        Number of alternations; 0 where H was fixed.

    Examples
    --------
    >>> import numpy as np
    >>> from sparsenmf import non_negative_factorization
    >>> X = np.array([[1.0, 1], [2, 1], [3, 1.2], [4, 1], [5, 0.8], [6, 1]])
    >>> W, H, n_iter = non_negative_factorization(X, n_components=2, init="random", random_state=0)
    >>> bool(np.abs(W @ H - X).max() < 0.1)
    True
    """
    model = NMF(**{name: value for name, value in locals().items() if name not in ("X", "W", "H", "update_H")})
    model._validate_params()
    prepared = as_prepared(X, "NMF")
    if update_H:
        model._fit(prepared, W, H)
        return model._solve(prepared, model.components_), model.components_, model.n_iter_
    if W is not None:
        warnings.warn("When update_H=False, the provided initial W is not used.", RuntimeWarning, stacklevel=3)
    H = _check_given(prepared, n_components, H=H)["H"]
    model._choose_path(prepared)
    return model._solve(prepared, H), H, 0


def _check_given(X: Prepared, n_components: int | str | None, **factors: Any) -> dict[str, np.ndarray]:
    """Check the H, or the H and W, that the caller gives; they may differ in dtype from an X of counts alone."""
    X_dtype, (n, m) = X.dtype, X.shape
    dtype = working_dtype("auto", X_dtype)
    k = None if n_components == "auto" else m if n_components is None else int(n_components)
    checked: dict[str, np.ndarray] = {}
    for name, factor in factors.items():
        if factor is None:
            raise ValueError(f"{name} is not given: init='custom' starts from W and H, and update_H=False keeps H.")
        checked[name] = check_factor(factor, name, (k, m) if name == "H" else (n, k), dtype, zeros_ok=False)
        k = checked["H"].shape[0]
    dtypes = {name: getattr(factor, "dtype", dtype) for name, factor in factors.items()}
    if X_dtype.kind == "f" and any(given != X_dtype for given in dtypes.values()):
        got = " and ".join(f"{name}.dtype = {given}" for name, given in dtypes.items())
        raise TypeError(f"{' and '.join(dtypes)} should have the same dtype as X. Got {got}.")
    return checked
