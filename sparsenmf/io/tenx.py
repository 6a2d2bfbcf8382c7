"""10x Genomics' matrices: the .h5 file, and the folder of matrix.mtx, features.tsv and barcodes.tsv.

Both list genes x cells; what is read is cells x genes. Genes have an id and a symbol. Columns are named by symbols, and
where two genes share a symbol by symbol and id: "TBCE (ENSG00000284770)".
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from sparsenmf.io.files import naming
from sparsenmf.io.hdf5 import Budget, child, numbers, open_hdf5, texts
from sparsenmf.io.lines import read_lines
from sparsenmf.io.matrix_market import read_matrix_market
from sparsenmf.io.named import NamedMatrix
from sparsenmf.io.source import PACKED, Source

__all__ = ["is_tenx_folder", "read_tenx_folder", "read_tenx_h5"]

_PLACES = ("indices", "indptr")


def read_tenx_h5(source: Source, genome: str | None = None, feature_type: str | None = None) -> NamedMatrix:
    """Read a 10x .h5 file, of Cell Ranger 3 or newer (one group "matrix") or older (a group a genome: `genome`).

    With `feature_type` ("Gene Expression", "Antibody Capture", ...) features of this type alone.
    """
    budget = Budget(source)
    with open_hdf5(source) as root:
        group = _group(root, genome)
        shape = numbers(group, "shape", "iu", budget).tolist()
        if len(shape) != 2 or min(shape) < 1:
            raise ValueError(f"the shape of {group.name} is {shape}: it must give genes and cells")
        parts = numbers(group, "data", "biuf", budget), *(numbers(group, name, "iu", budget) for name in _PLACES)
        # Compressed columns of genes x cells are compressed rows of cells x genes.
        X = sparse.csr_array(parts, shape=(shape[1], shape[0]))
        X.check_format(full_check=True)
        barcodes = texts(group, "barcodes", budget)
        features = child(group, "features")
        if features is None:
            ids, symbols, types = texts(group, "genes", budget), texts(group, "gene_names", budget), None
        else:
            ids, symbols = texts(features, "id", budget), texts(features, "name", budget)
            types = texts(features, "feature_type", budget) if "feature_type" in features else None
    return _finished(X, barcodes, ids, symbols, types, feature_type)


def _group(root: Any, genome: str | None) -> Any:
    if genome is None and "matrix" in root:
        genome = "matrix"
    if genome is None:
        names = [name for name in root if hasattr(child(root, name), "keys") and "barcodes" in root[name]]
        if len(names) != 1:
            raise ValueError(
                "this is no 10x file: it has no group 'matrix'"
                if not names
                else f"it holds several genomes, {', '.join(names)}: say which to read, as in genome={names[0]!r}"
            )
        genome = names[0]
    group = child(root, genome)
    if not hasattr(group, "keys"):
        raise ValueError(f"it has no group {genome!r}. There are: {', '.join(root) or 'none'}")
    return group


# --- the folder -------------------------------------------------------------------------------------------------------


def is_tenx_folder(folder: Path) -> bool:
    """Whether a folder holds a matrix as 10x writes it."""
    return _part(folder, "matrix.mtx") is not None


def read_tenx_folder(source: Source, feature_type: str | None = None) -> NamedMatrix:
    """Read a 10x folder, of Cell Ranger 3 or newer (features.tsv.gz) or older (genes.tsv); plain or packed."""
    matrix = _needed(source, "matrix.mtx")
    features, barcodes = _needed(source, "features.tsv", "genes.tsv"), _needed(source, "barcodes.tsv")
    with naming(matrix.path.name):
        X = read_matrix_market(matrix)
    if isinstance(X, np.ndarray):
        raise ValueError(f"{matrix.path.name} is a dense array: 10x lists entries (coordinate)")  # noqa: TRY004
    rows, width = _cells(features), 2
    for number, cells in enumerate(rows, start=1):
        if len(cells) < width:
            raise ValueError(
                f"{features.path.name}: line {number:,} must give a gene's id and symbol, with a tab between"
            )
    names = [cells[0] for cells in _cells(barcodes)]
    if X.shape != (len(rows), len(names)):
        raise ValueError(
            f"{matrix.path.name} is {X.shape[0]:,} x {X.shape[1]:,}, but {features.path.name} names {len(rows):,} "
            f"genes and {barcodes.path.name} {len(names):,} cells: these files do not belong together"
        )
    types = [cells[2] for cells in rows] if all(len(cells) > 2 for cells in rows) else None
    return _finished(
        X.T.tocsr(), names, [cells[0] for cells in rows], [cells[1] for cells in rows], types, feature_type
    )


def _part(folder: Path, name: str) -> Path | None:
    return next((path for suffix in ("", *PACKED) if (path := folder / f"{name}{suffix}").is_file()), None)


def _needed(source: Source, *names: str) -> Source:
    found = next((path for name in names if (path := _part(source.path, name))), None)
    if found is None:
        raise ValueError(
            f"the folder has no {' or '.join(names)} (nor .gz): a 10x folder holds matrix, features, barcodes"
        )
    return Source(found, source.max_bytes)


def _cells(source: Source) -> list[list[str]]:
    with naming(source.path.name):
        return [line.split("\t") for line in read_lines(source)]


# --- both -------------------------------------------------------------------------------------------------------------


def _finished(
    X: sparse.csr_array,
    barcodes: Sequence[str],
    ids: Sequence[str],
    symbols: Sequence[str],
    types: Sequence[str] | None,
    wanted: str | None,
) -> NamedMatrix:
    if len(ids) != X.shape[1] or len(symbols) != len(ids) or (types is not None and len(types) != len(ids)):
        raise ValueError(f"{len(ids):,} ids and {len(symbols):,} symbols for {X.shape[1]:,} genes: they disagree")
    count = Counter(symbols)
    columns = [
        symbol if count[symbol] == 1 else f"{symbol} ({gene})" for symbol, gene in zip(symbols, ids, strict=True)
    ]
    if wanted is not None:
        keep = [j for j, kind in enumerate(types or ()) if kind == wanted]
        if not keep:
            there = ", ".join(sorted(set(types))) if types else "it does not tell any"
            raise ValueError(f"there are no features of the type {wanted!r}. Types: {there}")
        X, columns = X[:, keep], [columns[j] for j in keep]
    return NamedMatrix(X, tuple(barcodes), tuple(columns))
