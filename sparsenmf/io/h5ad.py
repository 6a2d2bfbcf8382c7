"""AnnData's .h5ad: the matrix X, a layer or the raw counts, whole or in blocks of rows; cells x genes.

Read by h5py alone: the matrix is three arrays, looked at before they are read (see `hdf5`), and nothing else in the
file is touched, so that tables and objects in it that anndata could not read do no harm. anndata writes.
"""

from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from scipy import sparse

from sparsenmf.io.files import naming
from sparsenmf.io.hdf5 import Budget, Compressed, attribute, child, dataset, open_hdf5, texts
from sparsenmf.io.named import NamedCSR, named
from sparsenmf.io.source import Source

__all__ = ["BackedRows", "read_h5ad", "write_h5ad"]

_SPARSE = {"csr_matrix": "csr", "csc_matrix": "csc", "csr": "csr", "csc": "csc"}


def read_h5ad(source: Source, layer: str | None = None, backed: bool = False) -> Any:
    """Read a matrix of an .h5ad file.

    Parameters
    ----------
    source : Source
    layer : str, optional
        A name in `layers`; "raw" for `raw.X` (where no layer has that name). None: X.
    backed : bool, default=False
        Leave the values on the disk; what is returned gives blocks of rows.

    Returns
    -------
    NamedCSR, NamedDense or BackedRows
    """
    rows = BackedRows(source, layer)
    if backed:
        if rows._layout == "csc":
            raise ValueError(
                f"{rows._where} is stored by columns (CSC), so blocks of rows cannot be read: backed=False"
            )
        return rows
    with open_hdf5(source) as root:
        X = rows._read(root)
    return named(X, rows.row_names, rows.column_names)


class BackedRows:
    """A matrix in an .h5ad file that is read in blocks of rows.

    No file is held open between blocks, so that it can be sent to other processes.

    Attributes
    ----------
    shape : pair of int
    dtype : numpy.dtype
    row_names, column_names : tuple of str
    """

    def __init__(self, source: Source, layer: str | None = None) -> None:
        self._source = source
        budget = Budget(source)
        with open_hdf5(source) as root:
            self._where = _find(root, layer)
            node = _node(root, self._where)
            self._layout = _layout(node)
            self.shape = _shape(node, self._layout)
            self.dtype: np.dtype = (node if self._layout == "dense" else dataset(node, "data", 1, budget)).dtype
            var = "raw/var" if self._where == "raw/X" else "var"
            self.row_names = _index(root, "obs", budget)
            self.column_names = _index(root, var, budget)
        for names, length, table in zip((self.row_names, self.column_names), self.shape, ("obs", var), strict=True):
            if len(names) != length:
                what = "rows" if table == "obs" else "columns"
                raise ValueError(f"{table} names {len(names):,} {what}, and {self._where} has {length:,}")

    def __getitem__(self, rows: slice) -> NamedCSR:
        """The rows of a slice without a step, as CSR with its names."""
        start, stop, step = rows.indices(self.shape[0])
        if step != 1:
            raise ValueError("blocks are runs of rows: take a slice without a step")
        stop = max(start, stop)
        with naming(self._source.name), open_hdf5(self._source) as root:
            block = sparse.csr_array(self._read(root, start, stop))
            return named(block, self.row_names[start:stop], self.column_names)

    def blocks(self, n_rows: int = 4096) -> Iterator[NamedCSR]:
        """All rows, in blocks of at most `n_rows`."""
        for start in range(0, self.shape[0], n_rows):
            yield self[start : start + n_rows]

    def _read(self, root: Any, start: int = 0, stop: int | None = None) -> Any:
        node, budget = _node(root, self._where), Budget(self._source)
        if self._layout == "dense":
            return dataset(_parent(root, self._where), self._where.rpartition("/")[2], 2, budget)[start:stop]
        if self._layout == "csr":
            return Compressed(node, self.shape, budget).lines(start, stop)
        budget.spend(8 * (self.shape[0] + 1), f"a matrix of {self.shape[0]:,} rows")
        return Compressed(node, self.shape[::-1], budget).lines().T.tocsr()


# --- where things are -------------------------------------------------------------------------------------------------


def _node(root: Any, where: str) -> Any:
    """What is at a path, each step of which lies in this file; None where a step is missing."""
    for name in where.split("/"):
        root = child(root, name) if hasattr(root, "keys") else None
    return root


def _parent(root: Any, where: str) -> Any:
    above = where.rpartition("/")[0]
    return _node(root, above) if above else root


def _find(root: Any, layer: str | None) -> str:
    if layer is not None and not isinstance(layer, str):
        raise ValueError(f"layer must be the name of a layer or None, got {layer!r}")
    layers = _node(root, "layers")
    there = list(layers) if hasattr(layers, "keys") else []
    where = "X" if layer is None else f"layers/{layer}"
    if layer == "raw" and layer not in there:
        where = "raw/X"
    if (layer is not None and "/" in layer) or _node(root, where) is None:
        listing = [*(["X (layer=None)"] if "X" in root else []), *map(repr, there)]
        listing += ["'raw'"] if _node(root, "raw/X") is not None else []
        missing = "no X" if layer is None else f"no layer {layer!r}"
        raise ValueError(f"it has {missing}. There are: {', '.join(listing) or 'no matrices: is it an AnnData file?'}")
    return where


def _layout(node: Any) -> str:
    if hasattr(node, "dtype"):
        if node.dtype.kind not in "biuf" or node.shape is None or len(node.shape) != 2:
            raise ValueError(f"{node.name} holds {node.dtype} of shape {node.shape}, not a matrix of numbers")
        return "dense"
    stored = attribute(node, "encoding-type") or attribute(node, "h5sparse_format")
    if not isinstance(stored, str) or stored not in _SPARSE:
        raise ValueError(f"{node.name} is stored as {stored!r}; dense, csr_matrix and csc_matrix can be read")
    return _SPARSE[stored]


def _shape(node: Any, layout: str) -> tuple[int, int]:
    found = node.shape if layout == "dense" else attribute(node, "shape")
    if found is None:
        found = attribute(node, "h5sparse_shape")
    lengths = np.asarray(() if found is None else found)
    if lengths.shape != (2,) or lengths.dtype.kind not in "iu" or min(lengths.tolist()) < 1:
        raise ValueError(f"the shape of {node.name} is {found}: a matrix has at least one row and one column")
    return int(lengths[0]), int(lengths[1])


def _index(root: Any, where: str, budget: Budget) -> tuple[str, ...]:
    """The names of a table's rows, as the versions of anndata have written them."""
    table = _node(root, where)
    if table is None:
        raise ValueError(f"it has no table {where!r}: is it an AnnData file?")
    if hasattr(table, "dtype"):  # before 0.7: one compound dataset
        field = "_index" if "_index" in (table.dtype.names or ()) else "index"
        return texts(_parent(root, where), where.rpartition("/")[2], budget, field)
    name = attribute(table, "_index") or "_index"
    column = child(table, name) if isinstance(name, str) else None
    if hasattr(column, "keys"):  # texts that may be missing
        table, name = column, "values"
    if column is None:
        raise ValueError(f"the table {where!r} has no column {name!r} of names")
    return texts(table, name, budget)


def write_h5ad(file: BinaryIO, X: NamedCSR) -> None:
    """Write a matrix as the X of an AnnData object, with its names (or numbers) as obs_names and var_names."""
    try:
        import anndata
        import h5py
        import pandas as pd
    except ImportError as error:
        raise ImportError('.h5ad files are written by anndata: pip install "sparsenmf[anndata]"') from error
    obs, var = (
        pd.DataFrame(index=pd.Index(names or [str(i) for i in range(length)], dtype=object))
        for names, length in zip((X.row_names, X.column_names), X.shape, strict=True)
    )
    with h5py.File(file, "w") as root:
        anndata.io.write_elem(root, "/", anndata.AnnData(sparse.csr_matrix(X.X), obs=obs, var=var))
