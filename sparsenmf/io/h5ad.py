"""AnnData's .h5ad: the matrix X, a layer or the raw counts, cells x genes, read and written by anndata.

Only the matrix and the names are read, so that tables and objects in the file that anndata could not read do no harm.
"""

import warnings
from typing import Any, BinaryIO

import numpy as np
from scipy import sparse

from sparsenmf.io.files import library
from sparsenmf.io.hdf5 import Budget, child, open_hdf5
from sparsenmf.io.named import NamedMatrix
from sparsenmf.io.source import Source

__all__ = ["read_h5ad", "write_h5ad"]


def read_h5ad(source: Source, layer: str | None = None) -> NamedMatrix:
    """Read a matrix of an .h5ad file: X, or a layer, or "raw" for `raw.X` (where no layer has that name)."""
    anndata = library("anndata", "anndata", ".h5ad")
    with open_hdf5(source) as root:
        budget = Budget(source)
        where = _find(root, layer)
        X = _element(anndata, budget.take(child(root, where)), where)
        numbers = (isinstance(X, np.ndarray) or hasattr(X, "check_format")) and X.dtype.kind in "biuf"
        if not numbers or X.ndim != 2:
            raise ValueError(f"{where} holds {type(X).__name__}, not a matrix of numbers with rows and columns")
        tables = ("obs", "raw/var" if where == "raw/X" else "var")
        return NamedMatrix(X, *(_names(anndata, root, table, budget) for table in tables))


def _element(anndata: Any, node: Any, where: str) -> Any:
    try:
        with warnings.catch_warnings():  # of old versions: they are read
            warnings.simplefilter("ignore")
            return anndata.io.read_elem(node)
    except Exception as error:
        why = str(error).strip().split("\n")[0][:200] or type(error).__name__
        raise ValueError(f"anndata cannot read {where} ({why}): copy it, or write it with anndata, again") from error


def _find(root: Any, layer: str | None) -> str:
    """Where the matrix lies."""
    layers = child(root, "layers")
    there = {f"layers/{name}": repr(name) for name in (layers if hasattr(layers, "keys") else ())}
    there |= {"X": "X (layer=None)", "raw/X": "'raw'"}
    where = "X" if layer is None else f"layers/{layer}"
    if layer == "raw" and where not in there:
        where = "raw/X"
    if where not in there or child(root, where) is None:
        listing = ", ".join(said for place, said in there.items() if child(root, place) is not None)
        missing = "no X" if layer is None else f"no layer {layer!r}"
        raise ValueError(f"it has {missing}. There are: {listing or 'no matrices: is it an AnnData file?'}")
    return where


def _names(anndata: Any, root: Any, where: str, budget: Budget) -> tuple[str, ...]:
    """The names of a table's rows."""
    table = child(root, where)
    if not hasattr(table, "keys"):
        raise ValueError(f"it has no table {where!r}: is it an AnnData file?")
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
    anndata = library("anndata", "anndata", ".h5ad")
    import h5py
    import pandas as pd

    obs, var = (
        pd.DataFrame(index=pd.Index(names or [str(i) for i in range(length)], dtype=object))
        for names, length in zip((matrix.row_names, matrix.column_names), matrix.shape, strict=True)
    )
    with h5py.File(file, "w") as root:
        anndata.io.write_elem(root, "/", anndata.AnnData(sparse.csr_matrix(matrix.X), obs=obs, var=var))
