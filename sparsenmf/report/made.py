"""How the model was made: the fit's curve, and what is known of data, parameters and versions."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sparsenmf.io import Model
from sparsenmf.losses import LOSSES
from sparsenmf.report.numbers import plain, short

__all__ = ["history", "how_it_was_made"]

MOST_POINTS = 400
LONGEST = 80
_TITLES = {
    "loss": "Loss",
    "solver": "Solver",
    "n_iter": "Iterations",
    "converged": "Converged",
    "stop_reason": "Stopped because of",
    "objective": "Objective",
    "kkt": "KKT residual",
}


def history(model: Model) -> dict[str, list] | None:
    """The objective by iteration and seconds, thinned to a few hundred points; None where it was not kept."""
    columns = {name: np.asarray(column, dtype=np.float64) for name, column in model.history.items()}
    if "objective" not in columns or "iteration" not in columns:
        return None
    known = np.flatnonzero(np.isfinite(columns["objective"]) & np.isfinite(columns["iteration"]))
    if len(known) < 2:
        return None
    kept = known[np.unique(np.linspace(0, len(known) - 1, min(len(known), MOST_POINTS)).astype(int))]
    names = [name for name in ("iteration", "seconds", "objective") if name in columns]
    return {name: [short(value, 9) for value in columns[name][kept]] for name in names}


def how_it_was_made(model: Model, data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Tables of names and values, as text."""
    outcome = dict(model.outcome)
    if (loss := outcome.get("loss")) in LOSSES:
        outcome["loss"] = LOSSES[loss].title or loss
    fit = [(title, outcome[name]) for name, title in _TITLES.items() if outcome.get(name) is not None]
    if len(seconds := np.asarray(model.history.get("seconds", ()))):
        fit.insert(3, ("Seconds", round(float(seconds[-1]), 2)))
    tables = [("Data", data.items()), ("Fit", fit), *_parameters("Parameters", model.params)]
    tables.append(("Versions", model.versions.items()))
    return [
        {"title": title, "rows": [[str(name)[:LONGEST], plain(value)] for name, value in rows]}
        for title, rows in tables
        if rows
    ]


def _parameters(title: str, params: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """A table of parameters, and one for each that is a table itself: how texts were counted, say."""
    flat = [(name, value) for name, value in params.items() if not isinstance(value, Mapping)]
    nested = [(str(name)[:LONGEST], value) for name, value in params.items() if isinstance(value, Mapping)]
    return [(title, flat), *(table for name, value in nested for table in _parameters(name.capitalize(), value))]
