"""Fitted models as files: an npz of plain arrays, readable by numpy anywhere, without a pickle.

- `W`, `H`: the factors
- `history_iteration`, ...: one array for each field of the history's records
- `vocabulary`, `rows`: names, if there are any, as UTF-8 bytes; `vocabulary_ends`, `rows_ends`: where each ends
- `meta`: UTF-8 JSON with the format version, parameters, outcome, and the versions of the libraries
"""

import json
import os
import platform
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from sparsenmf.io.archive import Archive, open_archive, packed_names, unpacked_names, write_archive
from sparsenmf.io.files import atomic_write, naming
from sparsenmf.io.source import Source

__all__ = ["FORMAT_VERSION", "Model", "load_model", "save_model"]

FORMAT_VERSION = 1
_KIND = "sparsenmf model"
_META = ("outcome", "params", "versions")
_OUTCOME = ("loss", "solver", "n_iter", "converged", "stop_reason", "objective", "kkt")
_RECORD = ("iteration", "seconds", "objective", "kkt")
_LIBRARIES = ("numpy", "scipy", "numba", "llvmlite", "scikit-learn", "threadpoolctl")


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted model with the names of what it was fitted to: what a model file holds.

    Parameters
    ----------
    H : ndarray of shape (n_components, n_features)
    W : ndarray of shape (n_samples, n_components), optional
        An estimator does not keep it.
    history : mapping of str to ndarray
        One array for each field of the history's records (iteration, seconds, objective, kkt), all of one length.
    outcome : mapping
        loss, solver, n_iter, converged, stop_reason, objective, kkt: what is known of them.
    params : mapping
        The parameters of the fit.
    vocabulary, rows : tuple of str, optional
        Names of the n_features columns and the n_samples rows.
    versions : mapping of str to str
        Versions of Python and the libraries that wrote the file (`save_model` fills it in).
    """

    H: np.ndarray
    W: np.ndarray | None = None
    history: Mapping[str, np.ndarray] = field(default_factory=dict)
    outcome: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    vocabulary: tuple[str, ...] | None = None
    rows: tuple[str, ...] | None = None
    versions: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        fit: Any,
        *,
        params: Mapping[str, Any] | None = None,
        vocabulary: Iterable[str] | None = None,
        rows: Iterable[str] | None = None,
    ) -> "Model":
        """The model of a `Factorization` (W, H, history, ...) or a fitted estimator (`components_`).

        An estimator brings its parameters and, if it saw a data frame, its column names. A TypeError if it is neither,
        and a ValueError if the factors or names do not fit each other.
        """
        H = getattr(fit, "H", getattr(fit, "components_", None))
        if H is None:
            raise TypeError(f"{type(fit).__name__} is no fitted model: it has neither H nor components_")
        if params is None:
            params = fit.get_params(deep=False) if hasattr(fit, "get_params") else getattr(fit, "params", {})
        if vocabulary is None:
            vocabulary = getattr(fit, "vocabulary", getattr(fit, "feature_names_in_", None))
        W, rows = getattr(fit, "W", None), getattr(fit, "rows", None) if rows is None else rows
        model = cls(
            np.asarray(H),
            None if W is None else np.asarray(W),
            _columns(getattr(fit, "history", ())),
            dict(getattr(fit, "outcome", None) or _outcome(fit)),
            dict(params),
            None if vocabulary is None else tuple(map(str, vocabulary)),
            None if rows is None else tuple(map(str, rows)),
            library_versions(),
        )
        model._check()
        return model

    def _check(self) -> None:
        for name, factor in (("W", self.W), ("H", self.H)):
            if factor is None:
                continue
            if factor.ndim != 2 or factor.dtype.kind != "f":
                raise ValueError(f"{name} must be a matrix of floats, and is {factor.dtype} of shape {factor.shape}")
            if not np.isfinite(factor).all():
                raise ValueError(f"{name} holds NaN or infinity: the fit diverged (or the file was changed)")
        if self.W is not None and self.W.shape[1] != self.H.shape[0]:
            raise ValueError(f"W has {self.W.shape[1]} components and H has {self.H.shape[0]}")
        if self.vocabulary is not None and len(self.vocabulary) != self.H.shape[1]:
            raise ValueError(f"the vocabulary has {len(self.vocabulary)} names for {self.H.shape[1]} columns")
        if self.rows is not None and self.W is not None and len(self.rows) != self.W.shape[0]:
            raise ValueError(f"there are {len(self.rows)} row names for {self.W.shape[0]} rows")


def save_model(path: str | os.PathLike[str], model: Any, force: bool = False) -> Path:
    """Write a fitted model to an npz file, whole or not at all.

    Parameters
    ----------
    path : str or path-like
    model : Factorization, Model or fitted estimator
        Use `Model.of(fit, vocabulary=..., params=...)` to save names and parameters with a `Factorization`.
    force : bool, default=False
        Whether a file that exists may be replaced.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    OSError
        If the file exists and `force` is false, or there is no room, or the folder is missing or takes no files.
        Nothing is left behind.
    TypeError, ValueError
        If `model` is no fitted model.

    Examples
    --------
    >>> import numpy as np
    >>> from sparsenmf.io import Model, load_model, save_model
    >>> _ = save_model("model.npz", Model(H=np.eye(2), W=np.ones((3, 2)), vocabulary=("ark", "flood")))
    >>> load_model("model.npz").vocabulary
    ('ark', 'flood')
    """
    model = Model.of(model)
    arrays = {"H": model.H}
    if model.W is not None:
        arrays["W"] = model.W
    arrays.update({f"history_{name}": column for name, column in model.history.items()})
    for name in ("vocabulary", "rows"):
        if (names := getattr(model, name)) is not None:
            arrays |= packed_names(name, names)
    meta = {"kind": _KIND, "format_version": FORMAT_VERSION} | {name: dict(getattr(model, name)) for name in _META}
    text = json.dumps(meta, default=_plain, ensure_ascii=False)
    arrays["meta"] = np.frombuffer(text.encode(), dtype=np.uint8)
    with atomic_write(path, force) as file:
        write_archive(file, arrays)
    return Path(path)


def load_model(path: str | os.PathLike[str]) -> Model:
    """Read a model that `save_model` wrote.

    Raises
    ------
    ValueError
        If the file is damaged, holds pickles, is no model, or is of another format version.
    OSError
        If the file is missing or cannot be read.
    """
    with naming(os.fspath(path)), open_archive(Source(path)) as archive:
        meta = _read_meta(archive)
        records = [name for name in archive.headers if name.startswith("history_")]
        model = Model(
            H=archive.array("H", kinds="f", ndim=2),
            W=archive.array("W", kinds="f", ndim=2) if "W" in archive.headers else None,
            history={name.removeprefix("history_"): archive.array(name, kinds="iuf", ndim=1) for name in records},
            vocabulary=unpacked_names(archive, "vocabulary"),
            rows=unpacked_names(archive, "rows"),
            **{name: meta.get(name, {}) for name in _META},
        )
        model._check()
        return model


def library_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that a fit rests on."""
    # The package's version is read from the loaded package: it stands above this module and is not imported here.
    versions = {"python": platform.python_version(), "sparsenmf": getattr(sys.modules["sparsenmf"], "__version__", "?")}
    for name in _LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def _outcome(fit: Any) -> dict[str, Any]:
    """What a fit says of how it ended; an estimator's attributes end in an underscore."""
    found = {name: getattr(fit, name, getattr(fit, f"{name}_", None)) for name in _OUTCOME}
    return {name: value for name, value in found.items() if value is not None}


def _columns(history: Any) -> dict[str, np.ndarray]:
    """A history (records, or columns already) as one array for each field."""
    if isinstance(history, Mapping):
        return {name: np.asarray(column) for name, column in history.items()}
    fields = getattr(history[0], "_fields", _RECORD) if len(history) else _RECORD
    columns = zip(*history, strict=True) if len(history) else [()] * len(fields)
    return {name: np.array(column) for name, column in zip(fields, columns, strict=True)}


def _plain(value: Any) -> Any:
    """Numpy's numbers as Python's; of anything else that JSON does not know, what it prints as."""
    return value.item() if isinstance(value, np.generic) else repr(value)


def _read_meta(archive: Archive) -> dict[str, Any]:
    if "meta" not in archive.headers:
        raise ValueError(
            "this npz holds no sparsenmf model. A matrix is fitted first: `sparsenmf fit X.npz -o model.npz`"
        )
    try:
        meta = json.loads(archive.array("meta", kinds="u", ndim=1).tobytes())
    except ValueError as error:
        raise ValueError(f"its array 'meta' is no JSON ({error}): write the model again") from error
    if not isinstance(meta, dict) or meta.get("kind") != _KIND:
        raise ValueError("this npz was not written by sparsenmf.io.save_model: it holds no sparsenmf model")
    version = meta.get("format_version")
    if version != FORMAT_VERSION:
        reads = f"format version {version}, and this sparsenmf reads version {FORMAT_VERSION}"
        raise ValueError(f"the model has {reads}: read it with the sparsenmf that wrote it, or fit again")
    return meta
