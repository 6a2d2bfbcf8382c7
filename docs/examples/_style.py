"""How the figures look and where they go: grey, labelled, each with a text for those who cannot see it."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

#: The folder for the figures.
FIGURES = Path(os.environ.get("SPARSENMF_FIGURES") or Path(__file__).resolve().parent / "figures")
#: Set by the tests: everything small.
QUICK = bool(os.environ.get("SPARSENMF_EXAMPLES_QUICK"))
LOSSES = {"frobenius": "Frobenius", "kl": "Kullback-Leibler"}
#: Told apart by grey level, dash and marker, so that a print in black and white loses nothing.
LINES: dict[str, dict[str, Any]] = {
    "mu": {"color": "0.0", "linestyle": "-", "marker": "o"},
    "cd": {"color": "0.0", "linestyle": "--", "marker": "s"},
    "auto": {"color": "0.5", "linestyle": "-", "marker": "^"},
    "gd": {"color": "0.5", "linestyle": "--", "marker": "x"},
    "gd slow": {"color": "0.5", "linestyle": ":", "marker": "+"},
    "gd too long": {"color": "0.3", "linestyle": "-.", "marker": "v"},
}
#: Dark is much, or light is much; NaN, as between the pictures of a sheet, is a grey of its own.
INK, LIGHT = mpl.colormaps["gray_r"].with_extremes(bad="0.8"), mpl.colormaps["gray"].with_extremes(bad="0.35")

SETTINGS = {
    "axes.labelsize": 9,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 9,
    "figure.constrained_layout.use": True,
    "figure.titlesize": 10,
    "font.size": 9,
    "image.interpolation": "nearest",
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.3,
    "lines.markersize": 4.5,
    "savefig.dpi": 150,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}
_texts: list[str] = []  # of figures that were saved and that `scraper` has not seen


def use_style() -> None:
    """Set the looks. Each script does so, because sphinx-gallery takes them back before it runs the next one."""
    plt.rcParams.update(SETTINGS)


def few(full: Any, quick: Any) -> Any:
    """The full size of something, or the one for tests."""
    return quick if QUICK else full


def save(figure: plt.Figure, name: str, alt: str) -> Path:
    """Write `name`.png; `alt`, what the figure shows in words, goes into the file as its Description."""
    FIGURES.mkdir(parents=True, exist_ok=True)
    path = FIGURES / f"{name}.png"
    partial = path.with_suffix(".partial")
    figure.savefig(partial, format="png", metadata={"Description": alt, "Software": None})
    partial.replace(path)
    _texts.append(alt)
    return path


def scraper(*arguments: Any, **options: Any) -> str:
    """For sphinx-gallery's `image_scrapers`: its own of matplotlib's figures, with the texts that `save` was given."""
    from sphinx_gallery.scrapers import matplotlib_scraper

    page = matplotlib_scraper(*arguments, **options)
    texts = iter(_texts)
    page = re.sub(r":alt: (.*)", lambda found: f":alt: {next(texts, found[1])}", page)
    _texts.clear()
    return page


def show_image(
    axes: plt.Axes, image: np.ndarray, title: str = "", xlabel: str = "", ylabel: str = "", **options: Any
) -> Any:
    """A picture without ticks, in a thin frame, its pixels square."""
    drawn = axes.imshow(image, aspect="equal", **{"cmap": INK, **options})
    axes.set(xticks=[], yticks=[], title=title, xlabel=xlabel, ylabel=ylabel)
    for spine in axes.spines.values():
        spine.set(visible=True, linewidth=0.4, color="0.6")
    return drawn


def sheet(images: Sequence[np.ndarray], columns: int, gap: int = 1) -> np.ndarray:
    """Pictures of one shape side by side as one array, each scaled to its own largest absolute value; NaN between.

    Non-negative pictures go from 0 to 1, pictures of both signs from -1 to 1.
    """
    height, width = images[0].shape
    rows = -(-len(images) // columns)
    whole = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for place, image in enumerate(images):
        y, x = (place // columns) * (height + gap), (place % columns) * (width + gap)
        whole[y : y + height, x : x + width] = image / max(np.abs(image).max(), np.finfo(float).tiny)
    return whole
