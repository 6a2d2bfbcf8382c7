"""The command `transform`: the weights of new rows for the components of a model."""

from typing import Any

import numpy as np
from scipy import sparse

from sparsenmf.cli.console import emit_json
from sparsenmf.cli.fitting import plain
from sparsenmf.cli.reading import Input, check_output, load, speaker
from sparsenmf.io import Model, load_model, write
from sparsenmf.io.files import atomic_write

__all__ = ["solved", "transform_file"]


def transform_file(
    *,
    model: str,
    matrix: str,
    output: str,
    output_format: str | None,
    proportions: bool,
    force: bool,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Read a model and new rows, solve for their weights, write those."""
    say = speaker(quiet)
    if as_json and output == "-":
        raise ValueError("both --json and -o - would write to stdout: name a file for one of them")
    source = Input.take(matrix, options)
    if output != "-":
        check_output(output, force, (model, *source.files))
    fitted = load_model(model)
    data = load(source, say, fitted)
    W = solved(fitted, data.X, **options)  # what is left of them when the input has taken its own
    if proportions:
        from sparsenmf.topics.poisson import proportions as proportions_of

        W = proportions_of(W, fitted.H).astype(W.dtype)
    names = [f"topic{t}" for t in range(W.shape[1])]
    _write(output, W, output_format, data.X.row_names, names, force)
    empty = int((W.sum(axis=1) == 0).sum())
    if empty:
        say(f"{empty:,} rows have nothing in common with the model: their weights are 0.")
    if output != "-":
        say(f"Wrote {output}: {W.shape[0]:,} rows x {W.shape[1]} components.")
    if as_json:
        emit_json({"output": output, "shape": W.shape, "empty_rows": empty, "proportions": proportions})


def solved(model: Model, X: Any, max_iter: int = 200, tol: float = 1e-4, threads: int | None = None) -> np.ndarray:
    """The weights of rows under the loss and the penalties of a model."""
    from sparsenmf.rows import RowSolver

    return RowSolver.of(model)(plain(X), max_iter=max_iter, tol=tol, n_threads=threads)


def _write(output: str, W: np.ndarray, output_format: str | None, rows: Any, names: list[str], force: bool) -> None:
    if output_format == "npy" or (output_format is None and output.lower().endswith(".npy")):
        if output == "-":
            raise ValueError("npy does not go to stdout: name a file, or take --output-format tsv")
        with atomic_write(output, force) as file:
            np.save(file, W, allow_pickle=False)
        return
    kind = "tsv" if output == "-" and output_format is None else output_format
    write(output, sparse.csr_array(W), kind, row_names=rows, column_names=names, force=force)
