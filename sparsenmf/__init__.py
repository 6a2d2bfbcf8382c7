"""Non-negative matrix factorization of sparse counts, on the nonzeros alone.

>>> import scipy.sparse as sp
>>> import sparsenmf
>>> X = sp.random(50, 30, 0.2, format="csr", random_state=0)
>>> sparsenmf.factorize(X, 4, loss="kl", random_state=0).W.shape
(50, 4)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
# Public names and where they live: loaded when first asked for (PEP 562), so that importing the package is cheap.
_HOMES = {
    "Factorization": "fit",
    "Fit": "fit",
    "FitOptions": "options",
    "FitState": "state",
    "NMF": "estimators",
    "Prepared": "prepared",
    "Record": "state",
    "datasets": "",
    "factorize": "factorization",
    "kkt_residual": "measures",
    "non_negative_factorization": "estimators",
    "objective": "measures",
    "prepare": "prepared",
    "read": "io",
    "read_texts": "io",
    "theory": "",
    "topics": "",
    "warmup": "warm",
    "write": "io",
}
__all__ = sorted([*_HOMES, "__version__"])

if TYPE_CHECKING:
    from sparsenmf import datasets, theory, topics
    from sparsenmf.estimators import NMF, non_negative_factorization
    from sparsenmf.factorization import factorize
    from sparsenmf.fit import Factorization, Fit
    from sparsenmf.io import read, read_texts, write
    from sparsenmf.measures import kkt_residual, objective
    from sparsenmf.options import FitOptions
    from sparsenmf.prepared import Prepared, prepare
    from sparsenmf.state import FitState, Record
    from sparsenmf.warm import warmup


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'sparsenmf' has no attribute {name!r}")
    home = _HOMES[name]
    module = importlib.import_module(f"sparsenmf.{home or name}")
    value = module if not home else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
