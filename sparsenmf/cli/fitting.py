"""The commands `fit` and `warmup`."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sparsenmf.cli.console import emit_json, message, number, progress
from sparsenmf.io import Model, find_names, read, read_names, save_model
from sparsenmf.io.files import check_target

__all__ = ["fit_file", "fit_summary", "warm_up"]

_STOPS = {
    "objective": "converged (objective steady)",
    "kkt": "converged (optimal)",
    "max_iter": "not converged (--max-iter)",
    "max_seconds": "not converged (--max-seconds)",
}


def fit_file(
    *,
    matrix: str,
    components: int,
    output: str,
    input_format: str | None,
    transpose: bool,
    vocab: str | None,
    rows: str | None,
    force: bool,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Read a matrix, factorize it, write the model."""
    say = _silent if quiet else message
    if output == "-":
        raise ValueError("a model does not go to stdout: name a file, as in -o model.npz")
    check_target(output, force)  # before the work, not after it
    started = time.perf_counter()
    X = read(matrix, input_format)
    X = X.T if transpose else X
    say(f"{matrix}{' transposed' if transpose else ''}: {describe(X)}")
    vocabulary, row_names = _names(matrix, vocab, rows, X.shape, say)
    arguments = _arguments(options)
    fit = _factorize(X, components, arguments, quiet)
    params = {"n_components": components, **arguments}
    save_model(output, Model.of(fit, params=params, vocabulary=vocabulary, rows=row_names), force)
    say(f"{fit_summary(fit)}\nWrote {output} ({Path(output).stat().st_size / 1e6:.1f} MB).")
    if as_json:
        seconds = time.perf_counter() - started
        emit_json({"output": output, "shape": X.shape, "params": params, **_outcome(fit), "seconds": seconds})


def fit_summary(fit: Any) -> str:
    """One line on how a fit ended."""
    seconds = fit.history[-1].seconds if fit.history else 0.0
    why = _STOPS.get(fit.stop_reason, fit.stop_reason)
    count = f"{fit.n_iter} iteration{'' if fit.n_iter == 1 else 's'}"
    return f"{fit.loss} objective {number(fit.objective)} after {count}, {seconds:.1f} s: {why}"


def describe(X: Any) -> str:
    """The shape and density of a matrix, for a person."""
    n, m = X.shape
    if hasattr(X, "nnz"):
        return f"{n:,} x {m:,}, {X.nnz:,} nonzeros ({X.nnz / max(n * m, 1):.2%}), {X.dtype}"
    return f"{n:,} x {m:,}, dense, {X.dtype}"


def warm_up(double: bool, quiet: bool) -> None:
    """Compile the kernels, saying which are done, and how long it took."""
    from sparsenmf.warm import warmup_steps

    say = _silent if quiet else message
    say("Compiling the kernels into the cache: about a minute, once ...")
    started = time.perf_counter()
    for step in warmup_steps(("float32", "int64", "float64") if double else ("float32", "int64")):
        say(f"  {step} ({time.perf_counter() - started:.1f} s)")
    say("Ready: fits load them from the cache.")


def _arguments(options: Mapping[str, Any]) -> dict[str, Any]:
    """The command's options under the names that `factorize` gives them."""
    names = {"seed": "random_state", "threads": "n_threads", "alpha_w": "alpha_W", "alpha_h": "alpha_H"}
    arguments = {names.get(name, name): value for name, value in options.items()}
    if arguments["alpha_H"] is None:
        arguments["alpha_H"] = "same"
    return arguments


def _factorize(X: Any, components: int, arguments: Mapping[str, Any], quiet: bool) -> Any:
    from sparsenmf.factorization import factorize

    with progress("Fitting", arguments["max_iter"], quiet) as callback:
        return factorize(X, components, callback=callback, **arguments)


def _names(
    matrix: str, vocab: str | None, rows: str | None, shape: tuple[int, int], say: Callable[[str], None]
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Names for columns and rows: those asked for, else those that lie beside the matrix, if their number fits."""
    found = []
    for kind, given, axis in (("vocab", vocab, 1), ("rows", rows, 0)):
        path, what = given or find_names(matrix, kind), ("rows", "columns")[axis]
        names = None if path is None else read_names(path, shape[axis] if given else None, what)
        if names is not None and len(names) != shape[axis]:
            turned = " Is the matrix turned? See --transpose." if len(names) == shape[1 - axis] else ""
            say(f"{path}: not used, {len(names):,} names for {shape[axis]:,} {what}.{turned}")
            names = None
        elif names is not None:
            say(f"{path}: names of the {what}")
        found.append(names)
    return found[0], found[1]


def _outcome(fit: Any) -> dict[str, Any]:
    return dict(Model.of(fit).outcome)


def _silent(_: str) -> None:
    pass
