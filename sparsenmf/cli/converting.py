"""The commands `convert` and `read-info`: from one format to another, and what is in a file."""

import zipfile
from typing import Any

import numpy as np

from sparsenmf.cli.console import emit_facts
from sparsenmf.cli.reading import Input, check_output, load, speaker
from sparsenmf.io import Model, Texts, load_model, write

__all__ = ["convert_file", "describe_file", "show_file"]

_FIRST = 5


def convert_file(
    *, source: str, output: str, output_format: str | None, force: bool, quiet: bool, **options: Any
) -> None:
    """Read a matrix, or count texts, and write it in the format of the output's name."""
    say = speaker(quiet)
    read = Input.take(source, options)
    if output != "-":
        check_output(output, force, read.files)
    data = load(read, say)
    target = write(output, data.X, output_format, force=force)
    if output != "-":
        say(f"Wrote {target}.")


def show_file(*, path: str, as_json: bool, **options: Any) -> None:
    """Print what is in a file."""
    emit_facts(describe_file(Input.take(path, options)), as_json)


def describe_file(source: Input) -> dict[str, Any]:
    """What is in a file: a model, texts, or a matrix."""
    if _is_model(source):
        return {"path": source.path, **_of_model(load_model(source.path))}
    opened = source.open()
    return {"path": source.path, **(_of_texts(opened) if isinstance(opened, Texts) else _of_matrix(opened))}


def _is_model(source: Input) -> bool:
    """Whether a file is one that `save_model` wrote: an archive with H and meta."""
    if source.input_format not in (None, "npz") or not source.path.lower().endswith(".npz"):
        return False
    try:
        with zipfile.ZipFile(source.path) as archive:
            return {"H.npy", "meta.npy"} <= set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False  # the reader says what is wrong with it


def _of_model(model: Model) -> dict[str, Any]:
    return {
        "kind": "model",
        "components": model.H.shape[0],
        "columns": model.H.shape[1],
        "rows": None if model.W is None else model.W.shape[0],
        "dtype": str(model.H.dtype),
        "column_names": _names(model.vocabulary),
        "row_names": _names(model.rows),
        "outcome": dict(model.outcome),
        "params": dict(model.params),
        "versions": dict(model.versions),
    }


def _of_texts(texts: Texts) -> dict[str, Any]:
    lengths: list[int] = []
    first: list[str] = []
    for document in texts.documents():
        lengths.append(len(document.text))
        if len(first) < _FIRST:
            first.append(document.text[:80])
    return {
        "kind": "texts",
        "format": texts.format,
        "documents": len(lengths),
        "empty_documents": lengths.count(0),
        "characters": sum(lengths),
        "longest": max(lengths, default=0),
        "columns": list(texts.columns),
        "column": texts.column,
        "first": first,
    }


def _of_matrix(X: Any) -> dict[str, Any]:
    dense = isinstance(X.X, np.ndarray)
    values = X.X.ravel() if dense else X.data
    nonzero = X.X != 0 if dense else X.astype(bool)
    n, m = X.shape
    stored = int(np.count_nonzero(values))
    return {
        "kind": "dense matrix" if dense else "sparse matrix",
        "shape": [n, m],
        "dtype": str(X.dtype),
        "nonzeros": stored,
        "density": stored / max(n * m, 1),
        "sum": float(values.sum(dtype=np.float64)) if values.size else 0.0,
        "smallest": float(values.min()) if values.size else None,
        "largest": float(values.max()) if values.size else None,
        "negative": int((values < 0).sum()),
        "not_finite": int((~np.isfinite(values)).sum()) if values.dtype.kind == "f" else 0,
        "whole_numbers": bool((values == np.trunc(values)).all()) if values.dtype.kind == "f" else True,
        "empty_rows": int((np.asarray(nonzero.sum(axis=1)).ravel() == 0).sum()),
        "empty_columns": int((np.asarray(nonzero.sum(axis=0)).ravel() == 0).sum()),
        "row_names": _names(X.row_names),
        "column_names": _names(X.column_names),
    }


def _names(names: tuple[str, ...] | None) -> dict[str, Any] | None:
    return None if names is None else {"count": len(names), "first": list(names[:_FIRST])}
