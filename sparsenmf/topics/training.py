"""Whether the weights of a model are those of the rows at hand, or have to be solved for."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from sparsenmf import _validation as check
from sparsenmf.io import Model
from sparsenmf.measures import objective

__all__ = ["weights_of_rows"]

_AGREE = 1e-3  # of the objective: far above float32's rounding, far below what other rows differ by
_EXACT = 1e-6  # of the sum of X: what the objective of an exact fit may be off by


def weights_of_rows(model: Model, A: Any, row_names: Iterable[str] | None = None) -> np.ndarray | None:
    """W, if it belongs to these rows, else None.

    The rows must be as many, of the same names, and explained as well as the fit explained its own. A model that holds
    no objective (of merged topics, say), or one with penalties in it, is taken at the number and names of its rows.

    Parameters
    ----------
    model : Model
    A : Matrix, SciPy matrix or ndarray of shape (n, m)
    row_names : iterable of str, optional
        None: unknown.

    Examples
    --------
    >>> from sparsenmf import factorize
    >>> X = np.array([[2.0, 0.0, 1.0], [0.0, 5.0, 0.0]])
    >>> model = Model.of(factorize(X, 1, random_state=0))
    >>> weights_of_rows(model, X) is model.W, weights_of_rows(model, X[::-1])
    (True, None)
    """
    if model.W is None or len(model.W) != A.shape[0]:
        return None
    if row_names is not None and model.rows is not None and tuple(map(str, row_names)) != model.rows:
        return None
    told = model.outcome.get("objective")
    penalised = any(model.params.get(name) not in (None, 0, "same") for name in ("alpha_W", "alpha_H"))
    if told is None or penalised:
        return model.W
    X = check.check_matrix(A)
    found = objective(X, model.W, model.H, loss=model.outcome.get("loss", "kl"))
    return model.W if abs(found - told) <= _AGREE * abs(told) + _EXACT * float(X.sums(0).sum()) else None
