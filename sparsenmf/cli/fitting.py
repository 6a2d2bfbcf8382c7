"""The commands `fit` and `warmup`, and the fit that `topics` makes of data."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sparsenmf.cli.console import NOT_CONVERGED, emit_json, message, number, progress
from sparsenmf.cli.reading import Data, Input, check_output, load, speaker
from sparsenmf.io import Model, save_model

__all__ = ["Fitted", "fit_data", "fit_file", "fit_source", "fit_summary", "plain", "unconverged", "warm_up"]

_STOPS = {
    "objective": "converged (objective steady)",
    "kkt": "converged (optimal)",
    "max_iter": "not converged (--max-iter)",
    "max_seconds": "not converged (--max-seconds)",
}


class Fitted(NamedTuple):
    """A fit, the model that a file holds of it, and the data."""

    fit: Any
    model: Model
    data: Data


def fit_file(
    *,
    matrix: str,
    components: int,
    output: str,
    force: bool,
    quiet: bool,
    strict: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Read a matrix or texts, factorize, write the model; return the exit code."""
    say = speaker(quiet)
    if output == "-":
        raise ValueError("a model does not go to stdout: name a file, as in -o model.npz")
    source = Input.take(matrix, options)
    check_output(output, force, source.files)
    started = time.perf_counter()
    fitted = fit_source(source, components, options, quiet)
    save_model(output, fitted.model, force)
    say(f"{fit_summary(fitted.fit)}\nWrote {output} ({Path(output).stat().st_size / 1e6:.1f} MB).")
    if as_json:
        seconds = time.perf_counter() - started
        parts = {"output": output, "shape": fitted.data.X.shape, "params": fitted.model.params}
        emit_json({**parts, **fitted.model.outcome, "seconds": seconds})
    return unconverged(fitted.fit, strict)


def fit_source(source: Input, components: int, options: Mapping[str, Any], quiet: bool) -> Fitted:
    """Read an input and factorize it; `options` are those of `solver_options`."""
    return fit_data(load(source, speaker(quiet)), source, components, options, quiet)


def fit_data(data: Data, source: Input, components: int, options: Mapping[str, Any], quiet: bool) -> Fitted:
    """Factorize what was read of an input.

    Raises
    ------
    ValueError
        If the fit diverged: what is left of it is no model.
    """
    arguments = _arguments(options)
    fit = _factorize(plain(data.X), components, arguments, quiet)
    if fit.stop_reason == "diverged":
        raise ValueError(
            f"the fit diverged after {fit.n_iter} iterations, and nothing was written: --step {arguments['step']} is "
            "too long for this matrix. Give a shorter one, or leave --step out for a safe one"
        )
    params: dict[str, Any] = {"n_components": components, **arguments}
    if data.texts is not None:
        params["counting"] = source.counting
    model = Model.of(fit, params=params, vocabulary=data.X.column_names, rows=data.X.row_names)
    return Fitted(fit, model, data)


def fit_summary(fit: Any) -> str:
    """One line on how a fit ended."""
    seconds = fit.history[-1].seconds if fit.history else 0.0
    why = _STOPS.get(fit.stop_reason, fit.stop_reason)
    count = f"{fit.n_iter} iteration{'' if fit.n_iter == 1 else 's'}"
    return f"{fit.loss} objective {number(fit.objective)} after {count}, {seconds:.1f} s: {why}"


def unconverged(fit: Any, strict: bool) -> int:
    """The exit code of a command that fits: 3 where --strict asks for convergence and there was none."""
    if strict and not fit.converged:
        message("Not converged (--strict): allow more iterations (--max-iter), or a larger --tol.")
        return NOT_CONVERGED
    return 0


def plain(X: Any) -> Any:
    """The matrix without its names."""
    return getattr(X, "X", X)


def warm_up(double: bool, quiet: bool) -> None:
    """Compile the kernels, saying which are done, and how long it took."""
    from sparsenmf.warm import warmup_steps

    say = speaker(quiet)
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

    with progress("Fitting", arguments["max_iter"], quiet, arguments["max_seconds"]) as callback:
        return factorize(X, components, callback=callback, **arguments)
