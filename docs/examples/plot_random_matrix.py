"""
A random matrix and its factorizations
======================================

The smallest experiment: a random matrix V, its best approximations WH of rank 4 under both costs of the paper, and what
different starts make of it.

The updates lower the cost at every step, whatever the start, but the cost has many local minima. From twelve random
starts the multiplicative updates end at costs that differ by one or two per cent.
"""

import matplotlib.pyplot as plt
import numpy as np
from _style import LOSSES, few, save, show_image, use_style

from sparsenmf import factorize

use_style()
rng = np.random.default_rng(0)
V = rng.gamma(1.0, 1.0, (24, 32))
K = 4
STARTS = few(12, 3)
ITERATIONS = few(1000, 20)

# %%
# Both costs, several starts
# --------------------------
#
# ``factorize`` keeps the cost of every iterate in its ``history``.

fits = {
    loss: [factorize(V, K, loss=loss, solver="mu", max_iter=ITERATIONS, tol=0, random_state=s) for s in range(STARTS)]
    for loss in LOSSES
}

# %%
# What V is turned into
# ---------------------
#
# Rank 4 cannot follow independent random numbers, so WH is smoother than V: it keeps what rows and columns have in
# common. The least squares of the Frobenius cost go after the largest entries. Kullback-Leibler divides by WH, and so
# cares for small entries too. Two starts give two different pictures of nearly the same cost.

figure, axes = plt.subplot_mosaic([["V", "frobenius 0", "frobenius 1"], ["V", "kl 0", "kl 1"]], figsize=(7.2, 3.8))
shown = {"vmin": 0, "vmax": float(np.quantile(V, 0.98))}
show_image(axes["V"], V, "V", xlabel="32 columns", ylabel="24 rows", **shown)
for loss, name in LOSSES.items():
    for start in range(2):
        fit = fits[loss][start]
        title = f"WH, {name}\nstart {start + 1}, cost {fit.objective:.1f}"
        drawn = show_image(axes[f"{loss} {start}"], fit.W @ fit.H, title, **shown)
figure.colorbar(drawn, ax=list(axes.values()), label="entry", extend="max", shrink=0.8)
save(
    figure,
    "random_matrix",
    "A random matrix of 24 rows and 32 columns beside four products WH of rank 4: two starts under the Frobenius cost, "
    "two under Kullback-Leibler. The products keep some dark spots of V and smooth the rest; starts differ in detail.",
)

# %%
# Where the starts end
# --------------------
#
# Every curve falls all the way, but at its own speed: some wait on plateaus, and they cross. The order after twenty
# iterations says little about the end.

figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.0))
for panel, (loss, name) in zip(axes, LOSSES.items(), strict=True):
    ends = [fit.objective for fit in fits[loss]]
    best, worst = int(np.argmin(ends)), int(np.argmax(ends))
    for start, fit in enumerate(fits[loss]):
        special = {best: ("0", "-", f"best: {min(ends):.1f}"), worst: ("0", "--", f"worst: {max(ends):.1f}")}
        color, dash, label = special.get(start, ("0.7", "-", None))
        iterations = [record.iteration for record in fit.history[1:]]
        costs = [record.objective for record in fit.history[1:]]
        order = 3 if start in special else 2
        panel.plot(iterations, costs, color=color, linestyle=dash, label=label, zorder=order)
    panel.set(xscale="log", xlabel="iteration", ylabel="cost", title=f"{name}, {STARTS} starts")
    low, high = min(ends), max(fit.history[min(12, ITERATIONS - 1)].objective for fit in fits[loss])
    panel.set_ylim(low - 0.05 * (high - low), high)
    panel.set_xlim(5, ITERATIONS)
    panel.legend()
save(
    figure,
    "random_matrix_starts",
    f"Cost against iteration on a logarithmic axis for {STARTS} random starts, Frobenius left, Kullback-Leibler right. "
    "All curves fall at every iteration and end at different heights, one or two per cent apart.",
)
