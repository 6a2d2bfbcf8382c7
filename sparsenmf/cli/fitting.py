"""The commands `fit` and `warmup`, and the fit that `topics` makes of data."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sparsenmf.cli.console import NOT_CONVERGED, emit_json, message, number, progress
from sparsenmf.cli.reading import Data, Input, check_output, load, speaker
from sparsenmf.fit import Factorization, Fit
from sparsenmf.io import Model, save_model
from sparsenmf.io.source import PACKED
from sparsenmf.options import FitOptions

__all__ = [
    "Fitted",
    "check_model",
    "fit_data",
    "fit_file",
    "fit_summary",
    "fit_with",
    "model_name",
    "options_of",
    "plain",
    "unconverged",
    "warm_up",
]

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
    output: str | None,
    force: bool,
    quiet: bool,
    strict: bool,
    as_json: bool,
    **arguments: Any,
) -> int:
    """Read a matrix or texts, factorize, write the model; return the exit code."""
    say = speaker(quiet)
    source, output = Input.take(matrix, arguments), output or model_name(matrix)
    options = options_of(components, arguments)
    check_model(output, force, source.files)
    started = time.perf_counter()
    fitted = fit_data(load(source, say), source, options, quiet)
    save_model(output, fitted.model, force)
    say(f"{fit_summary(fitted.fit)}\nWrote {output} ({Path(output).stat().st_size / 1e6:.1f} MB).")
    if as_json:
        seconds = time.perf_counter() - started
        parts = {"output": output, "shape": fitted.data.X.shape, "params": fitted.model.params}
        emit_json({**parts, **fitted.model.outcome, "seconds": seconds})
    return unconverged(fitted.fit, strict)


def options_of(components: int, arguments: Mapping[str, Any]) -> FitOptions:
    """The options of a fit, from those of `solver_options` that were given."""
    names = {"seed": "random_state", "threads": "n_threads"}
    given = {names.get(name, name): value for name, value in arguments.items() if value is not None}
    return FitOptions(components, **given)


def check_model(path: str, force: bool, needed: Iterable[str | None] = ()) -> None:
    """Refuse a place for a model, as `check_output` does, and a name that is not that of a model.

    Raises
    ------
    ValueError, OSError
        As `check_output`; and if the name does not end in .npz.
    """
    if path == "-":
        raise ValueError("a model does not go to stdout: name a file, as in -o model.npz")
    if not path.lower().endswith(".npz") and not Path(path).is_dir():
        raise ValueError(f"{path}: a model is an .npz file, in no other format. Name it so: -o {_bare(path)}.npz")
    check_output(path, force, needed)


def model_name(source: str) -> str:
    """Where the model of an input goes if no name is given: X.model.npz for X.npz, in the working folder."""
    return "model.npz" if source == "-" else f"{_bare(Path(source).resolve().name)}.model.npz"


def _bare(name: str) -> str:
    """A name without the suffixes of its format and its packing."""
    for packing in PACKED:
        name = name.removesuffix(packing)
    return name.removesuffix(Path(name).suffix)


def fit_data(data: Data, source: Input, options: FitOptions, quiet: bool) -> Fitted:
    """Factorize what was read of an input.

    Raises
    ------
    ValueError
        If the fit diverged: what is left of it is no model.
    """
    fit = fit_with(options, plain(data.X), "Fitting", quiet)
    if fit.stop_reason == "diverged":
        raise ValueError(
            f"the fit diverged after {fit.n_iter} iterations, and nothing was written: --step {options.step} is "
            "too long for this matrix. Give a shorter one, or leave --step out for a safe one"
        )
    params = options.plain()
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


def fit_with(options: FitOptions, X: Any, what: str, quiet: bool) -> Factorization:
    """Factorize, and tell on stderr how far the fit is."""
    with progress(what, options, quiet) as callback:
        return Fit(X, options).run(callback)
