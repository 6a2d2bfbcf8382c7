r"""
How sparse W and H become
=========================

Nobody asks for zeros, yet non-negative factors are full of them: where a part of a picture would have to be
subtracted, its weight ends at zero. Hoyer's measure tells how sparse a vector x of n numbers is, from 0 (all equal) to
1 (all but one are zero):

.. math:: \frac{\sqrt{n} - \sum |x| / \sqrt{\sum x^2}}{\sqrt{n} - 1}

Here it is followed along the iterations and over the number of components, on scikit-learn's handwritten digits: a row
of X is a picture of 8 x 8 pixels, a row of H is a part of pictures, and a column of W says where it is used.
"""

import matplotlib.pyplot as plt
import numpy as np
from _style import LINES, LOSSES, few, save, use_style

from sparsenmf import factorize
from sparsenmf.datasets import load_digits

use_style()
X = load_digits().pixels[: few(1797, 60)]


def hoyer(vectors):
    """Hoyer's measure, on average over the rows that are not zero."""
    vectors = vectors[vectors.any(axis=1)]
    root = np.sqrt(vectors.shape[1])
    return float(np.mean((root - vectors.sum(axis=1) / np.linalg.norm(vectors, axis=1)) / (root - 1)))


def sparseness(fit):
    """(of the columns of W, of the rows of H)."""
    return hoyer(fit.W.T), hoyer(fit.H)


# %%
# Along the iterations
# --------------------
#
# A fit that ends after t iterations is the t-th iterate of a longer one from the same start.
#
# The parts grow sparser all the way. Their weights overshoot: at first few pictures use a part, then, as the parts
# become smaller, more pictures share it. Coordinate descent sets entries to zero outright, so ``cd`` and ``auto`` are
# within ten iterations where ``mu``, whose zeros are only approached, is after a hundred.

K = few(16, 3)
TIMES = np.unique(np.geomspace(1, few(500, 8), few(14, 3)).astype(int))
FACTORS = {"W": "columns of W", "H": "rows of H"}
tracks = {
    (loss, solver): np.array(
        [
            sparseness(
                factorize(X, K, loss=loss, solver=solver, max_iter=int(t), tol=0, random_state=0, dtype="float64")
            )
            for t in TIMES
        ]
    ).T
    for loss in LOSSES
    for solver in ("mu", "cd", "auto")
}

figure, axes = plt.subplots(2, 2, figsize=(7.2, 5.0), sharex=True, sharey="row")
for place, (factor, text) in enumerate(FACTORS.items()):
    for panel, (loss, name) in zip(axes[place], LOSSES.items(), strict=True):
        for solver in ("mu", "cd", "auto"):
            panel.plot(TIMES, tracks[loss, solver][place], label=solver, **LINES[solver])
        panel.set(xscale="log", title=f"{factor}, {name}")
    axes[place, 0].set_ylabel(f"sparseness of the {text}")
for panel in axes[1]:
    panel.set_xlabel("iteration")
axes[0, 0].legend()
save(
    figure,
    "sparseness_iterations",
    "Hoyer sparseness of W and H against iterations for mu, cd and auto under both costs. That of H rises all the way "
    "from about 0.45 to 0.75, with mu ten times more slowly. That of W rises, then falls back by a quarter or so.",
)

# %%
# Against the number of components
# --------------------------------
#
# With one component, H is the average digit. More components make smaller parts: with 64, as many as there are pixels,
# a part is little more than a pixel. How many pictures use a part changes far less.
#
# The shaded bands reach from the lowest to the highest of several starts.

RANKS = few((1, 2, 4, 8, 16, 32, 64), (1, 2, 4))
SEEDS = range(few(3, 2))
by_rank = {
    loss: np.array(
        [[sparseness(factorize(X, k, loss=loss, random_state=s, tol=1e-5, max_iter=300)) for s in SEEDS] for k in RANKS]
    )
    for loss in LOSSES
}

figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.0), sharex=True)
for place, (panel, (factor, text)) in enumerate(zip(axes, FACTORS.items(), strict=True)):
    for (loss, name), look in zip(LOSSES.items(), (LINES["mu"], LINES["auto"]), strict=True):
        values = by_rank[loss][..., place]
        panel.plot(RANKS, np.median(values, axis=1), label=name, **look)
        panel.fill_between(RANKS, values.min(axis=1), values.max(axis=1), color=look["color"], alpha=0.2, linewidth=0)
    panel.set(xlabel="components k", ylabel=f"sparseness of the {text}", title=factor)
    panel.set_xscale("log", base=2)
    panel.set_xticks(RANKS, [str(k) for k in RANKS])
axes[0].legend()
save(
    figure,
    "sparseness_rank",
    "Hoyer sparseness of W and H against the number of components, from 1 to 64, for both costs. That of H rises with "
    "every doubling from 0.27 to 0.97. That of W rises to about 0.3 at 8 components and stays between 0.25 and 0.4.",
)
