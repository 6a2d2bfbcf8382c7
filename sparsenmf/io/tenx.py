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
        table = child(group, "features")
        names = ("genes", "gene_names") if table is None else ("id", "name", "feature_type")
        parts = [_texts(group if table is None else table, name, budget) for name in names]
        barcodes = _texts(group, "barcodes", budget)
        shape = flat(group, "shape", "iu", budget).tolist()
        arrays = tuple(flat(group, name, kinds, budget) for name, kinds in _PARTS.items())
        # Compressed columns of genes x cells are compressed rows of cells x genes.
        X: Any = sparse.csr_array(arrays, shape=tuple(shape[::-1]))
        X.check_format(full_check=True)
    return _finished(X, barcodes, list(zip(*parts, strict=True)), feature_type)


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
    short = next((number for number, cells in enumerate(rows, start=1) if len(cells) < 2), None)
    if short is not None:
        raise ValueError(f"{features.path.name}: line {short:,} must give a gene's id and symbol, and a tab")
    if X.shape != (len(names), len(rows)):
        named = f"{features.path.name} names {len(rows):,} genes and {barcodes.path.name} {len(names):,} cells"
        raise ValueError(f"{matrix.path.name} is {X.shape[1]:,} x {X.shape[0]:,}, but {named}")
    return _finished(X, names, rows, feature_type)


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


def _finished(X: Any, barcodes: Sequence[str], features: Sequence[Sequence[str]], wanted: str | None) -> NamedMatrix:
    """The matrix with its names; a feature has an id, a symbol and, maybe, a type."""
    if len(features) != X.shape[1]:
        raise ValueError(f"it names {len(features):,} genes and has {X.shape[1]:,}")
    count = Counter(symbol for _, symbol, *_ in features)
    columns = [symbol if count[symbol] == 1 else f"{symbol} ({gene})" for gene, symbol, *_ in features]
    if wanted is not None:
        keep = [j for j, (_, _, *kind) in enumerate(features) if wanted in kind[:1]]
        if not keep:
            there = ", ".join(sorted({kind for cells in features for kind in cells[2:3]})) or "none"
            raise ValueError(f"there are no features of the type {wanted!r}. Types: {there}")
        X, columns = X[:, keep], [columns[j] for j in keep]
    return NamedMatrix(X, tuple(barcodes), tuple(columns))
