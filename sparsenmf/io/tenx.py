"""10x Genomics' matrices: the .h5 file, and the folder of matrix.mtx, features.tsv and barcodes.tsv.

Both list genes x cells; what is read is cells x genes. Genes have an id and a symbol. Columns are named by symbols, and
where two genes share a symbol by symbol and id: "TBCE (ENSG00000284770)".
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scipy import sparse

from sparsenmf.io.files import naming
from sparsenmf.io.hdf5 import Budget, child, flat, open_hdf5
from sparsenmf.io.lines import read_lines
from sparsenmf.io.matrix_market import read_matrix_market
from sparsenmf.io.named import NamedMatrix
from sparsenmf.io.source import PACKED, Source

__all__ = ["is_tenx_folder", "read_tenx_folder", "read_tenx_h5"]

_PARTS = {"data": "biuf", "indices": "iu", "indptr": "iu"}  # and the kinds of their numbers


def read_tenx_h5(source: Source, genome: str | None = None, feature_type: str | None = None) -> NamedMatrix:
    """Read a 10x .h5 file, of Cell Ranger 3 or newer (one group "matrix") or older (a group a genome: `genome`).

    With `feature_type` ("Gene Expression", "Antibody Capture", ...) features of this type alone.
    """
    budget = Budget(source)
    with open_hdf5(source) as root:
        group = _group(root, genome)
        features = child(group, "features")
        names = ("id", "name") if features is not None else ("genes", "gene_names")
        ids, symbols = (_texts(group if features is None else features, name, budget) for name in names)
        typed = features is not None and "feature_type" in features
        types = _texts(features, "feature_type", budget) if typed else None
        barcodes = _texts(group, "barcodes", budget)
        shape = flat(group, "shape", "iu", budget).tolist()
        parts = [flat(group, name, kinds, budget) for name, kinds in _PARTS.items()]
        # Compressed columns of genes x cells are compressed rows of cells x genes.
        X: Any = sparse.csr_array(tuple(parts), shape=tuple(shape[::-1]))
        X.check_format(full_check=True)
    return _finished(X, barcodes, ids, symbols, types, feature_type)


def _texts(group: Any, name: str, budget: Budget) -> list[str]:
    return [item.decode("utf-8") for item in flat(group, name, "OS", budget).tolist()]


def _group(root: Any, genome: str | None) -> Any:
    there = [name for name in root if child(root, f"{name}/barcodes") is not None]
    wanted = [genome] if genome is not None else ["matrix"] if "matrix" in there else there
    if len(wanted) != 1 or wanted[0] not in there:
        mend = f"say which genome to read, as in genome={there[0]!r}" if there else "this is no 10x file"
        raise ValueError(f"{mend}. Groups with barcodes: {', '.join(there) or 'none'}")
    return root[wanted[0]]


# --- the folder -------------------------------------------------------------------------------------------------------


def is_tenx_folder(folder: Path) -> bool:
    """Whether a folder holds a matrix as 10x writes it."""
    return _part(folder, "matrix.mtx") is not None


def read_tenx_folder(source: Source, feature_type: str | None = None) -> NamedMatrix:
    """Read a 10x folder, of Cell Ranger 3 or newer (features.tsv.gz) or older (genes.tsv); plain or packed."""
    matrix = _needed(source, "matrix.mtx")
    features, barcodes = _needed(source, "features.tsv", "genes.tsv"), _needed(source, "barcodes.tsv")
    with naming(matrix.path.name):
        X = sparse.csr_array(read_matrix_market(matrix).T)
    rows, names = _cells(features), [cells[0] for cells in _cells(barcodes)]
    for number, cells in enumerate(rows, start=1):
        if len(cells) < 2:
            raise ValueError(f"{features.path.name}: line {number:,} must give a gene's id and symbol, and a tab")
    if X.shape != (len(names), len(rows)):
        named = f"{features.path.name} names {len(rows):,} genes and {barcodes.path.name} {len(names):,} cells"
        raise ValueError(f"{matrix.path.name} is {X.shape[1]:,} x {X.shape[0]:,}, but {named}")
    types = [cells[2] for cells in rows] if all(len(cells) > 2 for cells in rows) else None
    return _finished(X, names, [cells[0] for cells in rows], [cells[1] for cells in rows], types, feature_type)


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
