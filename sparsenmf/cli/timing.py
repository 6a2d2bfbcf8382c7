"""The command `bench`: one iteration of each loss beside scikit-learn, in one run, as ratios."""

import statistics
import time
import warnings
from typing import Any

import numpy as np
from rich import box
from rich.table import Table

from sparsenmf.cli.console import emit_json, emit_rich
from sparsenmf.cli.fitting import plain
from sparsenmf.cli.reading import Input, describe, load, speaker

__all__ = ["bench", "time_losses"]

#: (loss, solver) of an iteration that both libraries know.
_COMPARED = (("kl", "mu"), ("frobenius", "cd"))


def bench(
    *,
    matrix: str | None,
    components: int,
    iterations: int,
    dtype: str,
    seed: int,
    threads: int | None,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Time an iteration of both libraries on a matrix, or on made counts, and print the ratios."""
    say = speaker(quiet)
    if matrix is None:
        X = _made(components, seed)
        say(f"Made counts: {describe(X)}")
    else:
        X = plain(load(Input.take(matrix, options), say).X)
    rows = time_losses(X, components, iterations, dtype, seed, threads)
    if as_json:
        emit_json({"shape": X.shape, "components": components, "dtype": dtype, "timings": rows})
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in ("one iteration", "sparsenmf", "scikit-learn", "times faster"):
        table.add_column(title, justify="left" if title == "one iteration" else "right", no_wrap=True)
    for row in rows:
        ours, theirs = (f"{row[name] * 1e3:.1f} ms" for name in ("sparsenmf", "scikit_learn"))
        table.add_row(f"{row['loss']} {row['solver']}", ours, theirs, f"{row['ratio']:.1f}")
    emit_rich(table)


def time_losses(
    X: Any, components: int, iterations: int, dtype: str, seed: int, threads: int | None
) -> list[dict[str, Any]]:
    """Seconds of an iteration from a shared start, medians, and their ratio, for each loss."""
    X = X.astype(dtype)
    rng = np.random.default_rng(seed)
    scale = np.sqrt(X.mean() / components)
    W, H = (
        np.asarray(scale * rng.uniform(0.5, 1.5, shape), dtype=dtype)
        for shape in ((X.shape[0], components), (components, X.shape[1]))
    )
    rows = []
    for loss, solver in _COMPARED:
        ours = _ours(X, W, H, loss, solver, iterations, threads)
        theirs = _theirs(X, W, H, loss, solver, iterations)
        rows.append({"loss": loss, "solver": solver, "sparsenmf": ours, "scikit_learn": theirs, "ratio": theirs / ours})
    return rows


def _made(components: int, seed: int) -> Any:
    """Counts about as sparse as those of news articles."""
    from sparsenmf.datasets import make_counts

    return make_counts(4000, 8000, components, random_state=seed).counts


def _ours(X: Any, W: np.ndarray, H: np.ndarray, loss: str, solver: str, iterations: int, threads: int | None) -> float:
    """The median time between records, after a fit that compiles the kernels."""
    from sparsenmf.factorization import factorize

    k, times = len(H), []
    for count in (2, 3 * iterations):
        fit = factorize(X, k, loss=loss, solver=solver, max_iter=count, tol=0, W=W, H=H, n_threads=threads)
        times = [after.seconds - before.seconds for before, after in zip(fit.history, fit.history[1:-1], strict=False)]
    return max(statistics.median(times), 1e-9)


def _theirs(X: Any, W: np.ndarray, H: np.ndarray, loss: str, solver: str, iterations: int) -> float:
    """scikit-learn tells no times: a fit of some iterations less one of a single iteration, over the difference."""
    from sklearn.decomposition import non_negative_factorization

    from sparsenmf.losses import LOSSES

    def seconds(count: int) -> float:
        start = time.perf_counter()
        non_negative_factorization(
            X, W=W.copy(), H=H.copy(), n_components=len(H), init="custom", solver=solver,
            beta_loss=LOSSES[loss].degree, max_iter=count, tol=0,
        )  # fmt: skip
        return time.perf_counter() - start

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that so few iterations do not converge is no news
        seconds(1)
        one = min(seconds(1) for _ in range(3))
        return max((min(seconds(1 + iterations) for _ in range(2)) - one) / iterations, 1e-9)
