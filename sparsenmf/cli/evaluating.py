"""The command `evaluate`: how well a model describes a matrix, and how good its topics are."""

from collections.abc import Callable
from typing import Any

import numpy as np

from sparsenmf.cli.console import emit_facts
from sparsenmf.cli.fitting import plain
from sparsenmf.cli.reading import Input, load, speaker
from sparsenmf.cli.transforming import solved
from sparsenmf.io import Model, load_model

__all__ = ["evaluate_file", "measures"]


def evaluate_file(
    *,
    model: str,
    matrix: str,
    new_rows: bool,
    words: int,
    threads: int | None,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Read a model and a matrix, and print the measures of the one on the other."""
    say = speaker(quiet)
    fitted = load_model(model)
    data = load(Input.take(matrix, options), say, fitted)
    facts = {"model": model, "data": matrix, **measures(fitted, data.X, new_rows, words, threads, say)}
    emit_facts(facts, as_json)


def measures(
    model: Model, X: Any, new_rows: bool, n_words: int, threads: int | None, say: Callable[[str], None]
) -> dict[str, Any]:
    """Objective, KKT residual, deviance per token, sparsity; coherence, exclusivity, diversity.

    The weights are the model's where it was fitted to these rows, as far as their number and names tell; else they are
    solved for, and the residual is left out: H is not free then.
    """
    from sparsenmf._jit import threads as threads_of
    from sparsenmf.losses import loss_of
    from sparsenmf.measures import kkt_residual, objective
    from sparsenmf.rows import RowSolver
    from sparsenmf.topics.training import weights_of_rows

    own = None if new_rows else weights_of_rows(model, plain(X), X.row_names)
    known = own is not None
    W = own if known else solved(model, X, threads=threads)
    if W is None:
        raise ValueError("the model has no weights W of these rows: --new-rows solves for them")
    say("Weights of the rows: " + ("those of the model." if known else "solved for, with H fixed."))
    A, loss = plain(X), loss_of(RowSolver.of(model).loss).name
    with threads_of(threads):
        costs = {name: objective(A, W, model.H, name) for name in {loss, "kl"}}
        facts = {
            "rows": X.shape[0],
            "loss": loss,
            "weights": "model" if known else "solved",
            "objective": costs[loss],
            "kkt": kkt_residual(A, W, model.H, loss) if known else None,
            "deviance_per_token": 2 * costs["kl"] / float(A.sum(dtype=np.float64)) if A.sum() else None,
            "zeros_of_W": float(np.mean(W == 0)) if W.size else None,
            "zeros_of_H": float(np.mean(model.H == 0)),
        }
    if not np.isfinite(costs["kl"]):
        say("The model gives some nonzero entry of the matrix the probability 0: the deviance is infinite.")
    return facts | _topic_measures(model, A, n_words)


def _topic_measures(model: Model, X: Any, n_words: int) -> dict[str, Any]:
    """Means of what topics' top words, by probability, are worth, over the topics that have enough of them."""
    from sparsenmf.topics.coherence import exclusivity, npmi, topic_diversity, umass
    from sparsenmf.topics.poisson import word_distributions
    from sparsenmf.topics.rank import rank_words

    words = rank_words(word_distributions(model.H), n_words)
    lengths = np.array([len(best) for best in words])
    pairs = lengths > 1
    means = {
        "npmi": _mean(npmi(words, X)[pairs]),
        "umass": _mean(umass(words, X)[pairs]),
        "exclusivity": _mean(exclusivity(model.H, n_words)[lengths > 0]),
    }
    return means | {"diversity": topic_diversity(words), "words": n_words}


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if values.size else None
