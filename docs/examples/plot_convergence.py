"""
Convergence: mu, gd, cd, auto
=============================

One sparse matrix of counts, one start, both costs. How far above the best cost found is each solver, after so many
iterations and after so much time?

The paper's remark on gradient descent is easy to see here. A step that is too short takes for ever, one that is too
long diverges, and the good one between them is known only afterwards. The multiplicative update needs no step: it
brings its own for every entry (eqs. 7 and 9), and with these the cost never rises.
"""

import matplotlib.pyplot as plt
import numpy as np
from _style import LINES, LOSSES, few, save, use_style

from sparsenmf import factorize
from sparsenmf.datasets import make_counts

use_style()
N, M, K = few((1000, 800, 5), (60, 40, 3))
ITERATIONS = few(400, 15)
planted = {"mean_length": 60, "sample_concentration": 0.5, "topic_concentration": 0.3, "zipf_exponent": 0.5}
X = make_counts(N, M, K, random_state=0, **planted).counts
rng = np.random.default_rng(1)
scale = np.sqrt(X.mean() / K)
start = {"W": scale * rng.uniform(0.5, 1.5, (N, K)), "H": scale * rng.uniform(0.5, 1.5, (K, M)), "init": "custom"}


def run(loss, solver, step=None, iterations=ITERATIONS):
    """A fit from the common start that nothing but divergence stops early."""
    with np.errstate(over="ignore"):  # where a step is too long
        return factorize(
            X, K, loss=loss, solver=solver, step=step, max_iter=iterations, tol=0, dtype="float64", **start
        )


# %%
# Steps for gradient descent
# --------------------------
#
# The curvature of the Frobenius cost is at most the largest eigenvalue of W'W, and of HH' for the other factor. Its
# inverse is a safe step; it changes as W and H do, and ``solver="gd"`` computes it anew when it is given no step. For
# Kullback-Leibler there is no such bound: the curvature grows without end where WH comes near zero, and a step that was
# good for a hundred iterations may be too long for the next.
#
# So: the cost after a hundred iterations against a fixed step.

SHORT = few(100, 5)
STEPS = np.geomspace(1e-6, 1e-1, few(41, 4))
tried = {loss: [run(loss, "gd", step, SHORT) for step in STEPS] for loss in LOSSES}
rivals = {loss: {solver: run(loss, solver, iterations=SHORT) for solver in ("mu", "cd", "gd")} for loss in LOSSES}

best_step = {}
figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.4))
for panel, (loss, name) in zip(axes, LOSSES.items(), strict=True):
    ends = np.array([fit.objective for fit in tried[loss]])
    begin = tried[loss][0].history[0].objective
    fell = ends < begin
    best_step[loss] = STEPS[np.argmin(ends)]
    panel.plot(STEPS[fell], ends[fell], color="0", marker="x", label="gd, fixed step")
    panel.plot(STEPS[~fell], np.full((~fell).sum(), begin), "v", color="0.5", label="gd, cost rose or overflowed")
    for solver, dash in {"gd": ":", "mu": "-", "cd": "--"}.items():
        label = "gd, step chosen anew" if solver == "gd" else solver
        panel.axhline(rivals[loss][solver].objective, color="0.5", linestyle=dash, label=label)
    panel.set(xscale="log", xlabel="step", ylabel=f"cost after {SHORT} iterations", title=name)
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
save(
    figure,
    "convergence_steps",
    "Cost after a hundred gradient iterations against the fixed step, on a logarithmic axis, for both costs. It falls "
    "as the step grows, and right after the best step the runs diverge. For Frobenius the best one ends beside cd, "
    "for Kullback-Leibler far above both.",
)

# %%
# Cost against iterations and against time
# ----------------------------------------
#
# Three steps are followed further: a tenth of the best one, the best, and one beyond it.

RUNS = {
    "mu": ("mu", None), "cd": ("cd", None), "auto": ("auto", None),
    "gd slow": ("gd", 0.1), "gd": ("gd", 1.0), "gd too long": ("gd", 4.0),
}  # fmt: skip


def follow(loss):
    """(iterations, seconds, costs) of every run; each is run twice, since the first may compile."""
    curves = {}
    for name, (solver, factor) in RUNS.items():
        step = None if factor is None else factor * best_step[loss]
        run(loss, solver, step, 12)
        history = run(loss, solver, step).history
        curves[name] = np.array([(r.iteration, max(r.seconds, 1e-6), r.objective) for r in history]).T
    return curves


curves = {loss: follow(loss) for loss in LOSSES}
best = {loss: min(run(loss, "auto", iterations=few(3000, 30)).objective, *(c[2].min() for c in curves[loss].values()))
        for loss in LOSSES}  # fmt: skip

# %%
# The costs are shown by what they are above the best that any run found, as a share of it. That is a line which goes
# down for ever where a method converges to this very minimum; one that turns flat has settled in another.
#
# An iteration of ``cd`` costs more than one of ``mu`` and gets much further. ``auto`` adds extrapolation, which pays
# once the steps point the same way for a while.
#
# With the best of 41 steps, gradient descent on the Frobenius cost does better than ``mu`` in the long run: the paper's
# updates are simple and safe, not the fastest. A tenth of that step is far too slow, four times the step diverges at
# once. On the Kullback-Leibler cost no fixed step is good: one that survives the steep places crawls in the flat ones.

BOTTOM, TOP = 1e-8, 1e2
figure, axes = plt.subplots(2, 2, figsize=(7.2, 5.6), sharey="row")
for row, (loss, name) in zip(axes, LOSSES.items(), strict=True):
    for panel, axis in zip(row, (0, 1), strict=True):
        for label, curve in curves[loss].items():
            above = np.clip(curve[2] / best[loss] - 1, 1e-12, 1e6)  # an infinite cost leaves the picture at the top
            shown = slice(1, 2 + int(np.argmax(above > TOP)) if (above > TOP).any() else None)
            every = max(1, len(above[shown]) // 8)
            panel.plot(curve[axis][shown], above[shown], label=label, markevery=(every // 2, every), **LINES[label])
        panel.set(yscale="log", xscale=("linear", "log")[axis], xlabel=("iteration", "seconds")[axis], title=name)
    row[0].set(ylabel="cost above the best, as a share", ylim=(BOTTOM, TOP))
handles, labels = axes[0, 0].get_legend_handles_labels()
figure.legend(handles, labels, loc="outside lower center", ncols=6)
save(
    figure,
    "convergence",
    "Cost above the best found, on a logarithmic axis, against iterations (left) and seconds (right), for Frobenius "
    "(top) and Kullback-Leibler (bottom). auto and cd fall fastest. Frobenius: gd with its best step overtakes mu, "
    "with a tenth of it is slowest, with four times it shoots up. Kullback-Leibler: gd is slowest with either step.",
)
