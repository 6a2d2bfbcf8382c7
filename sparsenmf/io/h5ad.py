"""AnnData's .h5ad: the matrix X, a layer or the raw counts, cells x genes, read and written by anndata.

Only the matrix and the names are read, so that tables and objects in the file that anndata could not read do no harm.
"""

import warnings
from typing import Any, BinaryIO

import numpy as np
from scipy import sparse

from sparsenmf.io.hdf5 import Budget, child, open_hdf5
from sparsenmf.io.named import NamedMatrix
from sparsenmf.io.source import Source

__all__ = ["read_h5ad", "write_h5ad"]


def read_h5ad(source: Source, layer: str | None = None) -> NamedMatrix:
    """Read a matrix of an .h5ad file: X, or a layer, or "raw" for `raw.X` (where no layer has that name)."""
    anndata = _anndata()
    with open_hdf5(source) as root:
        budget = Budget(source)
        where = _find(root, layer)
        var = "raw/var" if where == "raw/X" else "var"
        X = _read(anndata, root, where, budget)
        rows, columns = (_names(anndata, root, table, budget) for table in ("obs", var))
    for names, length, table, what in zip((rows, columns), X.shape, ("obs", var), ("rows", "columns"), strict=True):
        if len(names) != length:
            raise ValueError(f"{table} names {len(names):,} {what}, and {where} has {length:,}")
    if not isinstance(X, np.ndarray):
        budget.spend(8 * (X.shape[0] + 1), f"a matrix of {X.shape[0]:,} rows")
        try:
            X.check_format(full_check=True)  # before it is turned from columns to rows
        except ValueError as error:
            raise ValueError(f"{where}: {error}. Write the file again") from error
        X = sparse.csr_array(X)
    return NamedMatrix(X, rows, columns)


def _read(anndata: Any, root: Any, where: str, budget: Budget) -> Any:
    """A matrix, as anndata reads it."""
    X = _element(anndata, budget.take(child(root, where)), where)
    numbers = (isinstance(X, np.ndarray) or hasattr(X, "check_format")) and X.dtype.kind in "biuf"
    if not numbers or X.ndim != 2 or min(X.shape) < 1:
        raise ValueError(f"{where} holds {type(X).__name__}, not a matrix of numbers with rows and columns")
    return X


def _element(anndata: Any, node: Any, where: str) -> Any:
    try:
        with warnings.catch_warnings():  # of old versions: they are read
            warnings.simplefilter("ignore")
            return anndata.io.read_elem(node)
    except Exception as error:
        why = str(error).strip().split("\n")[0][:200] or type(error).__name__
        raise ValueError(
            f"anndata cannot read {where} ({why}): copy the file, or write it with anndata, again"
        ) from error


def _find(root: Any, layer: str | None) -> str:
    """Where the matrix lies."""
    if layer is not None and not isinstance(layer, str):
        raise ValueError(f"layer must be the name of a layer or None, got {layer!r}")
    layers = child(root, "layers")
    there = list(layers) if hasattr(layers, "keys") else []
    where = "X" if layer is None else f"layers/{layer}"
    if layer == "raw" and layer not in there:
        where = "raw/X"
    if (layer is not None and "/" in layer) or child(root, where) is None:
        listing = [*(["X (layer=None)"] if "X" in root else []), *map(repr, there)]
        listing += ["'raw'"] if child(root, "raw/X") is not None else []
        missing = "no X" if layer is None else f"no layer {layer!r}"
        raise ValueError(f"it has {missing}. There are: {', '.join(listing) or 'no matrices: is it an AnnData file?'}")
    return where


def _names(anndata: Any, root: Any, where: str, budget: Budget) -> tuple[str, ...]:
    """The names of a table's rows, as the versions of anndata have written them."""
    table = child(root, where)
    if table is None:
        raise ValueError(f"it has no table {where!r}: is it an AnnData file?")
    if hasattr(table, "dtype"):  # before 0.7: one compound dataset
        names = budget.take(table)["_index" if "_index" in (table.dtype.names or ()) else "index"]
    else:
        key = str(table.attrs.get("_index", "_index"))
        column = child(table, key)
        if column is None:
            raise ValueError(f"the table {where!r} has no column {key!r} of names")
        names = _element(anndata, budget.take(column), f"{where}/{key}")
    if getattr(names, "ndim", 0) != 1 or getattr(names.dtype, "kind", "O") not in "OSTU":
        raise ValueError(f"{where} has names that are {type(names).__name__} of {names.dtype}, not texts")
    return tuple(name.decode() if isinstance(name, bytes) else str(name) for name in names.tolist())


def write_h5ad(file: BinaryIO, matrix: NamedMatrix) -> None:
    """Write a matrix as the X of an AnnData object, with its names (or numbers) as obs_names and var_names."""
    anndata = _anndata()
    import h5py
    import pandas as pd

    obs, var = (
        pd.DataFrame(index=pd.Index(names or [str(i) for i in range(length)], dtype=object))
        for names, length in zip((matrix.row_names, matrix.column_names), matrix.shape, strict=True)
    )
    with h5py.File(file, "w") as root:
        anndata.io.write_elem(root, "/", anndata.AnnData(sparse.csr_matrix(matrix.X), obs=obs, var=var))


def _anndata() -> Any:
    try:
        import anndata
    except ImportError as error:
        raise ImportError('.h5ad files need the package anndata: pip install "sparsenmf[anndata]"') from error
    return anndata
