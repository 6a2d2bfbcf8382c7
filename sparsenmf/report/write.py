"""One file from a template, a style, scripts and data."""

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

from sparsenmf.io.files import atomic_write, check_target
from sparsenmf.report.contents import contents
from sparsenmf.report.library import script

__all__ = ["write_report"]

#: What may not stand in a script: these end it, open a comment in it, or end a line of it in old engines.
_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def write_report(
    model: Any,
    X: Any,
    path: str | os.PathLike[str],
    *,
    texts: Iterable[str] | None = None,
    groups: Iterable[Any] | None = None,
    titles: Iterable[str | None] | None = None,
    heading: str | None = None,
    force: bool = False,
) -> Path:
    """Write one HTML file on a model and its documents, which opens in a browser without a network.

    It shows the topics by size, their map, their words by a relevance that is chosen with a slider, their documents,
    their shares over time or groups, and how the model was made; words and documents can be searched.

    Parameters
    ----------
    model : Model, TopicModel, Factorization or fitted estimator
    X : matrix of shape (n_samples, n_features), or iterable of str for a TopicModel
        What the model was fitted to, or is shown on. The model's W is used for the rows of its fit, told by their
        number, their names and the objective; for others weights are solved for.
    path : str or path-like
    texts : iterable of n_samples str, optional
        The documents. They are read once; the page holds the beginnings of those that it shows.
    groups : iterable of n_samples values, optional
        A date, number or name for each document: topics are shown over them. None, NaN and "" mean that it has none.
    titles : iterable of n_samples str, optional
        The documents' names. None: those that X or the model brings, else their numbers; so for one of them, too.
    heading : str, optional
        What the documents are together, as "Letters, 1840-1861".
    force : bool, default=False
        Whether a file that exists may be replaced.

    Returns
    -------
    pathlib.Path
        The file that was written.

    Raises
    ------
    ImportError
        If vl-convert, which brings the charting library, is not installed.
    OSError
        If the file exists and `force` is false, or it cannot be written. Nothing is left behind.
    ValueError
        If X, texts, groups or titles do not go with the model or with one another.
    TypeError
        If `model` is no fitted model.

    Examples
    --------
    >>> from sparsenmf.report import write_report
    >>> from sparsenmf.topics import TopicModel
    >>> texts = ["cat dog cat", "dog cat pet", "bond stock bond", "stock fund bond"]
    >>> model = TopicModel(2, random_state=0).fit(texts)
    >>> write_report(model, texts, "report.html").name
    'report.html'
    """
    check_target(path, force)
    library = script()
    page = _page(contents(model, X, texts, groups, titles, heading), library)
    with atomic_write(path, force) as file:
        file.write(page.encode("utf-8"))
    return Path(path)


def _page(data: dict[str, Any], library: str) -> str:
    parts = {
        "style": _packaged("page.css"),
        "library": library,
        "charts": _packaged("charts.js"),
        "script": _packaged("page.js"),
    }
    # A browser runs these scripts and no other: were markup ever to slip in with the data, its scripts would not run.
    parts["hashes"] = " ".join(_hash(parts[name]) for name in ("library", "charts", "script"))
    parts["data"] = _as_json(data)
    # One pass: what stands in a part is never looked at again.
    return re.sub(r"<!-- (\w+) -->|/\* (\w+) \*/", lambda m: parts[m[1] or m[2]], _packaged("page.html"))


def _as_json(data: dict[str, Any]) -> str:
    """JSON that can stand in a script element, whatever its strings hold."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).translate(_ESCAPES)
    # Half a surrogate pair is no text; UTF-8 has no form for it.
    return text.encode("utf-8", "replace").decode("utf-8")


def _hash(text: str) -> str:
    """How a content security policy names a script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode()}'"


def _packaged(name: str) -> str:
    # read_text makes "\n" of every end of line, as browsers do before they hash a script.
    return resources.files("sparsenmf.report").joinpath(name).read_text(encoding="utf-8")
