"""Figures of factorizations and topics, by matplotlib (`pip install "sparsenmf[plot]"`), in shades of grey.

Each function draws on the axes it is given, or on new ones, and returns them (or the figure, if it has several).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sparsenmf.topics.describe import find_topics
from sparsenmf.topics.poisson import proportions

__all__ = [
    "plot_components",
    "plot_convergence",
    "plot_sparseness",
    "plot_topic_words",
    "plot_topics_by_label",
    "sparseness",
]

_STYLES = ("-", "--", ":", "-.")


def plot_convergence(fits: Any, ax: Any = None, against: str = "iteration") -> Any:
    """The objective over the iterations, or seconds, of one fit or several.

    Parameters
    ----------
    fits : Factorization, fitted TopicModel, or dict of str to such
        A dict names the lines. What is drawn is the distance from the lowest objective among them, on a logarithmic
        axis.
    ax : matplotlib Axes, optional
    against : {"iteration", "seconds"}, default="iteration"

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If a fit has no history.
    """
    ax = _axes(ax)
    named = fits if isinstance(fits, dict) else {"": fits}
    curves = {name: _history(fit, against) for name, fit in named.items()}
    lowest = min(objective.min() for _, objective in curves.values())
    for i, (name, (x, objective)) in enumerate(curves.items()):
        above = objective - lowest
        shown = above > 0
        ax.plot(x[shown], above[shown], _STYLES[i % len(_STYLES)], color=f"{0.25 * (i % 3)}", label=name or None)
    ax.set(xlabel=against, ylabel="objective above the lowest", yscale="log")
    if any(curves):
        ax.legend(frameon=False)
    return ax


def _history(fit: Any, against: str) -> tuple[np.ndarray, np.ndarray]:
    history = getattr(fit, "outcome_", fit).history
    if not isinstance(history, dict):
        history = {name: [getattr(each, name) for each in history] for name in ("iteration", "seconds", "objective")}
    if against not in ("iteration", "seconds"):
        raise ValueError(f"against must be 'iteration' or 'seconds', got {against!r}.")
    if len(history.get("objective", ())) == 0:
        raise ValueError("the fit has no history: there is nothing to draw.")
    return np.asarray(history[against], dtype=float), np.asarray(history["objective"], dtype=float)


def plot_topic_words(
    model: Any, n_words: int = 8, topics: Sequence[int] | None = None, ranking: str = "probability", columns: int = 4
) -> Any:
    """Bars of the best words of each topic: their probability in the topic.

    Parameters
    ----------
    model : TopicModel
    n_words : int, default=8
    topics : sequence of int, optional
        Which topics, as rows of H. None: the twelve largest.
    ranking : {"probability", "lift", "relevance", "frex"}, default="probability"
    columns : int, default=4
        How many panels stand side by side.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If there is no such topic.
    """
    found = find_topics(model.components_, model.weights_, model.vocabulary_, n_words, ranking)
    if topics is not None:
        known = {topic.component: topic for topic in found}
        if unknown := [t for t in topics if t not in known]:
            raise ValueError(f"there is no topic {unknown[0]}: they are 0 to {len(known) - 1}.")
        found = [known[t] for t in topics]
    found = found if topics is not None else found[:12]
    figure, axes = _panels(len(found), columns, 2.6, 0.6 + 0.2 * n_words)
    for ax, topic in zip(axes, found, strict=True):
        places = np.arange(len(topic.words))
        ax.barh(places, [word.weight for word in topic.words], color="0.45")
        ax.set_yticks(places, [_plain(word.name) for word in topic.words])
        ax.invert_yaxis()
        share = "" if np.isnan(topic.share) else f"  {topic.share:.1%}"
        ax.set_title(f"topic {topic.component}{share}", fontsize="medium")
        ax.spines[["top", "right"]].set_visible(False)
        ax.locator_params(axis="x", nbins=3)
    return figure


def plot_topics_by_label(
    W: Any, labels: Sequence[Any], H: Any = None, names: Sequence[str] | None = None, ax: Any = None
) -> Any:
    """A heat map: the mean proportions of topics in documents (or components in samples) of each label.

    Parameters
    ----------
    W : array-like of shape (n, k)
    labels : sequence of n values
    H : array-like of shape (k, m), optional
        Gives the topics' masses; None: W's rows as they are, divided by their sums.
    names : sequence of k str, optional
        The topics' names.
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If there is not one label for each row.
    """
    W = np.asarray(W)
    if len(labels) != len(W):
        raise ValueError(f"{len(labels):,} labels for {len(W):,} rows: there must be one for each.")
    theta = proportions(W, np.eye(W.shape[1]) if H is None else H)
    known, places = np.unique(np.asarray(labels).astype(str), return_inverse=True)
    means = np.stack([theta[places == i].mean(axis=0) for i in range(len(known))])
    order = np.argsort(means.argmax(axis=0), kind="stable")  # topics of one label stand together
    ax = _axes(ax, (1.5 + 0.32 * W.shape[1], 1.3 + 0.26 * len(known)))
    image = ax.imshow(means[:, order], cmap="Greys", aspect="auto", vmin=0)
    ax.set_yticks(np.arange(len(known)), list(map(_plain, known)))
    ticks = [str(t) if names is None else _plain(names[t]) for t in order]
    ax.set_xticks(np.arange(len(order)), ticks, rotation=0 if names is None else 90)
    ax.set_xlabel("topic")
    ax.figure.colorbar(image, ax=ax, label="mean proportion")
    return ax


def sparseness(F: Any) -> np.ndarray:
    """Hoyer's sparseness of each row: 0 for equal entries, 1 for a single one that is not zero.

    (sqrt(m) - |x|_1 / |x|_2) / (sqrt(m) - 1), P. Hoyer, 2004. A row of zeros has none, and counts as 0.

    Parameters
    ----------
    F : array-like of shape (k, m)

    Returns
    -------
    ndarray of shape (k,)

    Examples
    --------
    >>> from sparsenmf.topics.plots import sparseness
    >>> sparseness([[1.0, 1.0, 1.0, 1.0], [0.0, 2.0, 0.0, 0.0]])
    array([0., 1.])
    """
    F = np.abs(np.asarray(F, dtype=np.float64))
    m = F.shape[1]
    sums, norms = F.sum(axis=1), np.sqrt((F**2).sum(axis=1))
    ratio = np.divide(sums, norms, out=np.full(len(F), np.sqrt(m)), where=norms > 0)
    return (np.sqrt(m) - ratio) / (np.sqrt(m) - 1) if m > 1 else np.zeros(len(F))


def plot_sparseness(W: Any, H: Any, ax: Any = None) -> Any:
    """The sparseness of each component in W (its column) and in H (its row), as two dots on a line.

    Parameters
    ----------
    W : array-like of shape (n, k)
    H : array-like of shape (k, m)
    ax : matplotlib Axes, optional

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    ax = _axes(ax)
    of_w, of_h = sparseness(np.asarray(W).T), sparseness(H)
    places = np.arange(len(of_h))
    ax.vlines(places, np.minimum(of_w, of_h), np.maximum(of_w, of_h), color="0.8", zorder=1)
    ax.scatter(places, of_w, marker="o", facecolor="white", edgecolor="0", label="columns of W", zorder=2)
    ax.scatter(places, of_h, marker="s", color="0.35", label="rows of H", zorder=2)
    ax.set(xlabel="component", ylabel="sparseness (Hoyer)", ylim=(0, 1.02))
    ax.locator_params(axis="x", integer=True)
    ax.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=2)
    return ax


def plot_components(H: Any, shape: tuple[int, int], columns: int = 7) -> Any:
    """Components of images as images, each in its own scale, dark for large.

    Parameters
    ----------
    H : array-like of shape (k, height * width)
    shape : (height, width)
    columns : int, default=7

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If the rows of H have another number of pixels.
    """
    H = np.asarray(H)
    if H.shape[1] != shape[0] * shape[1]:
        raise ValueError(f"rows of H have {H.shape[1]:,} entries, and {shape[0]} x {shape[1]} pixels are asked for.")
    figure, axes = _panels(len(H), columns, 1.1, 1.1)
    for ax, component in zip(axes, H, strict=True):
        ax.axis("off")
        ax.imshow(component.reshape(shape), cmap="Greys", vmin=0)
    return figure


def _plain(text: str) -> str:
    """A user's word as text: dollar signs are no formulas."""
    return text.replace("$", r"\$")


def _pyplot() -> Any:
    try:
        from matplotlib import pyplot as plt
    except ImportError as error:
        raise ImportError('figures need matplotlib: pip install "sparsenmf[plot]"') from error
    return plt


def _panels(count: int, columns: int, width: float, height: float) -> tuple[Any, Any]:
    """A figure, and its axes: panels of one size in inches, so many a row; empty places at the end are not drawn."""
    columns = max(1, min(columns, count))
    rows = -(-count // columns)
    size = width * columns, height * rows
    figure, axes = _pyplot().subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for ax in axes.flat[count:]:
        ax.set_visible(False)
    return figure, axes.flat[:count]


def _axes(ax: Any, size: tuple[float, float] = (6, 4)) -> Any:
    return ax if ax is not None else _pyplot().subplots(figsize=size, layout="constrained")[1]
