"""Single cells: programmes of genes in an AnnData object, kept where scanpy's users look for them.

What is asked of the object is what every AnnData offers (`X`, `layers`, `obsm`, `varm`, `uns`, names), so the package
anndata is not imported here: who has such an object has loaded it.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

import numpy as np

from sparsenmf import _validation as check
from sparsenmf.fit import Factorization, Fit
from sparsenmf.options import FitOptions
from sparsenmf.parameters import default, described
from sparsenmf.state import Record
from sparsenmf.topics.poisson import topic_mass, topic_sizes, word_distributions

__all__ = ["nmf"]

_PARTS = ("X", "layers", "obsm", "varm", "uns", "var", "obs_names", "var_names")
_HVG = "highly_variable"
_LISTED = 12  # names in a message
_PLACE = re.compile(r"\bX\[(\d+), (\d+)\] = (\S+) is the first")  # as `check_matrix` tells of a bad value


class _IfThere:
    """The default of `mask_var`, which is none that a caller could mean."""

    def __repr__(self) -> str:
        return f"adata.var.get({_HVG!r})"


@described
def nmf(
    adata: Any,
    n_components: int,
    *,
    layer: str | None = None,
    mask_var: Any = _IfThere(),  # noqa: B008  # holds nothing
    loss: Any = default("loss"),
    solver: str = default("solver"),
    init: str = default("init"),
    max_iter: int = default("max_iter"),
    tol: float = default("tol"),
    random_state: Any = 0,
    n_threads: int | None = default("n_threads"),
    key_added: str | None = None,
    copy: bool = False,
    **options: Any,
) -> Any:
    """Factorize the counts of an AnnData object: cells x genes ~ cells x programmes, times programmes x genes.

    The factors are scaled so that the genes of a programme sum to 1. A cell's weights then are its counts of each
    programme, as the model expects them, and can be compared between programmes; W H stays what it was.

    Parameters
    ----------
    adata : AnnData
        In memory or backed; what is factorized of a backed object is read into memory. A view becomes an object of its
        own, as anndata does it wherever a view is written to.
    n_components : int
        The number of programmes, k.
    layer : str, optional
        The layer with the counts. None: `adata.X`.
    mask_var : str, array of bool, or None, optional
        The genes to use: a column of `adata.var`, or a value for each gene. If not given: those of
        `adata.var["highly_variable"]`, if there is such a column, as in scanpy. None: all.
    {loss}
        "kl" is for counts, "frobenius" for normalised values, if need be.
    {solver, init, max_iter, tol, n_threads}
    random_state : None, int, RandomState or Generator, default=0
        With an integer, the same call gives the same result.
    key_added : str, optional
        The key of all three results. None: the keys below. What stands under a key is replaced.
    copy : bool, default=False
        Return a copy with the results in it, and leave `adata` as it is.
    **options
        What else `sparsenmf.factorize` takes: `max_seconds`, `alpha_W`, `dtype`, `callback`, ...

    Returns
    -------
    AnnData or None
        The copy, or None where `adata` itself was changed. It has

        - `.obsm["X_nmf"]`, W: cells x programmes. A cell without counts has a row of zeros.
        - `.varm["nmf"]`, H': genes x programmes. Columns sum to 1; genes that were not used have rows of zeros.
        - `.uns["nmf"]`: "params"; "objective", "kkt", "n_iter", "converged", "stop_reason" as `Factorization` has them;
          "share", the programmes' shares of all counts; "history", an array for each field of `Record`.

    Raises
    ------
    TypeError
        If `adata` is no AnnData, or for arguments of the wrong kind.
    ValueError
        If there is no such layer or column (the message lists those that there are), a value is negative, NaN or
        infinite (it names the cell and the gene), more programmes are asked for than there are cells or genes, the fit
        diverges, or as for `sparsenmf.factorize`. `adata` then is as it was.

    Examples
    --------
    >>> import anndata
    >>> import sparsenmf.anndata
    >>> from sparsenmf.datasets import make_counts
    >>> adata = anndata.AnnData(make_counts(60, 40, 3, random_state=0).counts)
    >>> sparsenmf.anndata.nmf(adata, 3)
    >>> adata.obsm["X_nmf"].shape, adata.varm["nmf"].shape, adata.uns["nmf"]["params"]["loss"]
    ((60, 3), (40, 3), 'kl')
    """
    _check_type(adata, copy)
    keys = _keys(key_added)
    given = {name: options.pop(name, None) for name in ("W", "H", "callback")}
    own = {"init": init, "max_iter": max_iter, "tol": tol, "random_state": random_state, "n_threads": n_threads}
    how = FitOptions(n_components, loss=loss, solver=solver, **own, **options)
    if isinstance(mask_var, _IfThere):
        mask_var = _HVG if _HVG in adata.var else None
    mask = _mask(adata, mask_var)
    A = _matrix(adata, layer, mask)
    _check_rank(how.n_components, A.shape, mask is not None)
    callback = given.pop("callback")
    fit = Fit(A, how, **given).run(callback)
    if fit.stop_reason == "diverged":
        raise ValueError(
            f"the fit diverged after {fit.n_iter} iterations: give a shorter step, or none for a safe one."
        )
    kept = how.plain() | {"layer": layer, "mask_var": mask_var if isinstance(mask_var, str) else None}
    return _store(adata, keys, fit, mask, kept, copy)


# --- what to factorize ------------------------------------------------------------------------------------------------


def _check_type(adata: Any, copy: bool) -> None:
    missing = [name for name in _PARTS if not hasattr(adata, name)]
    if missing:
        raise TypeError(
            f"adata must be an AnnData object, got {type(adata).__name__}, which has no {missing[0]!r}. A matrix is "
            "for sparsenmf.factorize; of a MuData object, pass one modality."
        )
    if getattr(adata, "isbacked", False) and adata.is_view and not copy:
        raise ValueError(
            "adata is a view of a backed object, which takes no results: pass adata.to_memory(), or copy=True."
        )


def _keys(key_added: Any) -> tuple[str, str, str]:
    """The keys in obsm, varm and uns."""
    if key_added is None:
        return "X_nmf", "nmf", "nmf"
    if not isinstance(key_added, str) or not key_added:
        raise TypeError(f"key_added must be a text or None, got {key_added!r}.")
    return key_added, key_added, key_added


def _matrix(adata: Any, layer: str | None, mask: np.ndarray | None) -> Any:
    """The checked matrix of the genes that are used."""
    X = _in_memory(adata.X if layer is None else _layer(adata, layer))
    if X is None:
        raise ValueError(f"adata has no X: say which layer to use. Its layers are: {_listing(adata.layers)}.")
    if mask is not None:
        X = X[:, mask]
    try:
        return check.check_matrix(X, whom="sparsenmf.anndata.nmf")
    except ValueError as error:
        _raise_by_name(error, adata, layer, mask)


def _layer(adata: Any, layer: Any) -> Any:
    if layer in adata.layers:
        return adata.layers[layer]
    message = f"adata has no layer {layer!r}. Its layers are: {_listing(adata.layers)}; layer=None is adata.X."
    if layer == "raw" and getattr(adata, "raw", None) is not None:
        message += " adata.raw may have other genes: factorize adata.raw.to_adata()."
    raise ValueError(message)


def _in_memory(X: Any) -> Any:
    """What lies on the disk (a backed X, a lazy array) as a matrix."""
    for read in ("to_memory", "compute"):
        if hasattr(X, read):
            return getattr(X, read)()
    return X[...] if type(X).__module__.startswith(("h5py", "zarr")) else X


def _mask(adata: Any, mask_var: Any) -> np.ndarray | None:
    """True for each gene that is used; None for all."""
    if mask_var is None:
        return None
    what = "mask_var"
    if isinstance(mask_var, str):
        if mask_var not in adata.var:
            raise ValueError(f"adata.var has no column {mask_var!r}. Its columns are: {_listing(adata.var)}.")
        what, mask_var = f"adata.var[{mask_var!r}]", adata.var[mask_var]
    mask = np.asarray(mask_var)
    if mask.dtype == object and all(isinstance(value, (bool, np.bool_)) for value in mask.ravel()):
        mask = mask.astype(bool)
    if mask.dtype != bool:
        raise TypeError(f"{what} must be True or False for each gene, and is of dtype {mask.dtype}, or has gaps.")
    if mask.shape != (len(adata.var_names),):
        raise ValueError(
            f"{what} has shape {mask.shape}, and there are {len(adata.var_names):,} genes: one value each."
        )
    if not mask.any():
        raise ValueError(f"{what} is True for no gene: there is nothing to factorize.")
    return mask


def _check_rank(k: int, shape: tuple[int, int], masked: bool) -> None:
    if k > min(shape):
        genes = "genes in use" if masked else "genes"
        raise ValueError(
            f"n_components={k} is more than {shape[0]:,} cells x {shape[1]:,} {genes} can tell apart: choose at most "
            f"{min(shape)}. (Cells must be the rows: is it adata.T?)"
        )


def _raise_by_name(error: ValueError, adata: Any, layer: str | None, mask: np.ndarray | None) -> NoReturn:
    """Raise what the check of the values found, with the names of the cell and the gene instead of their numbers."""
    found = _PLACE.search(str(error))
    if found is None:
        raise error
    genes = adata.var_names if mask is None else adata.var_names[mask]
    cell, gene, value = adata.obs_names[int(found[1])], genes[int(found[2])], float(found[3])
    where = "adata.X" if layer is None else f"adata.layers[{layer!r}]"
    at = f"{where} is {value:g} in cell {str(cell)!r}, gene {str(gene)!r}"
    if value < 0:
        raise ValueError(f"{at}, and NMF takes no values below 0. {_counts_hint(adata)}") from error
    raise ValueError(f"{at}: leave out such cells or genes, or fill the values in.") from error


def _counts_hint(adata: Any) -> str:
    if "counts" in adata.layers:
        return "Scaled or centred values cannot be factorized: use the counts, layer='counts'."
    return (
        "Scaled or centred values cannot be factorized: use the counts, layer='counts', which are kept by "
        "adata.layers['counts'] = adata.X.copy() before scaling."
    )


def _listing(names: Any) -> str:
    names = [repr(name) for name in names]
    more = [f"and {len(names) - _LISTED:,} more"] if len(names) > _LISTED else []
    return ", ".join(names[:_LISTED] + more) or "none"


# --- where it goes ----------------------------------------------------------------------------------------------------


def _store(
    adata: Any,
    keys: tuple[str, str, str],
    fit: Factorization,
    mask: np.ndarray | None,
    params: dict[str, Any],
    copy: bool,
) -> Any:
    """Write the factors and how they came about; nothing is written before all of it is there."""
    W = topic_mass(fit.W, fit.H).astype(fit.W.dtype)
    loadings = np.zeros((len(adata.var_names), len(fit.H)), fit.H.dtype)
    loadings[slice(None) if mask is None else mask] = word_distributions(fit.H).T
    outcome = _outcome(fit, params)
    if copy:
        adata = adata.to_memory() if getattr(adata, "isbacked", False) else adata.copy()
    adata.obsm[keys[0]] = W
    adata.varm[keys[1]] = loadings
    adata.uns[keys[2]] = outcome
    return adata if copy else None


def _outcome(fit: Factorization, params: dict[str, Any]) -> dict[str, Any]:
    """Texts, numbers and arrays alone, which every version of anndata can write."""
    given = {name: value for name, value in params.items() if isinstance(value, (str, bool, int, float, np.number))}
    return {
        "params": given,
        "objective": float(fit.objective),
        "kkt": float(fit.kkt),
        "n_iter": int(fit.n_iter),
        "converged": bool(fit.converged),
        "stop_reason": fit.stop_reason,
        "share": topic_sizes(fit.W, fit.H),
        "history": {name: np.array([getattr(record, name) for record in fit.history]) for name in Record._fields},
    }
