"""
Handwritten digits: parts, prototypes, eigenpictures
====================================================

Three ways to write each of 1,797 pictures of handwritten digits as a combination of 16 basis pictures, and what these
look like.

- Vector quantisation (k-means) takes one basis picture a digit: they are whole digits, averages of like ones.
- Principal component analysis takes weights of any sign: its pictures have positive and negative regions that cancel.
- Non-negative matrix factorization only adds. Its pictures are strokes, which add up to digits.
"""

import matplotlib.pyplot as plt
import numpy as np
from _style import few, save, sheet, show_image, use_style
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from sparsenmf import factorize
from sparsenmf.datasets import load_digits

use_style()
digits = load_digits()
X = digits.pixels[: few(1797, 100)]
K, SIDE = 16, 4

# %%
# Four bases
# ----------
#
# Both costs give strokes. The first principal components still resemble digits; the later ones are checkerboards, which
# no eye would call a part of anything.

nmf = {loss: factorize(X, K, loss=loss, random_state=0, max_iter=few(300, 10)) for loss in ("frobenius", "kl")}
bases = {
    "NMF, Frobenius": nmf["frobenius"].H,
    "NMF, Kullback-Leibler": nmf["kl"].H,
    "PCA": PCA(K, random_state=0).fit(X).components_,
    "vector quantisation": KMeans(K, n_init=few(4, 1), random_state=0).fit(X).cluster_centers_,
}

figure, axes = plt.subplots(1, 4, figsize=(7.6, 2.7))
for panel, (name, basis) in zip(axes, bases.items(), strict=True):
    signed = name == "PCA"
    images = sheet(basis.reshape(-1, *digits.image_shape), SIDE)
    drawn = show_image(panel, images, name, vmin=-1 if signed else 0, vmax=1)
    ends = ["-", "0", "+"] if signed else ["0", "largest"]
    bar = figure.colorbar(drawn, ax=panel, orientation="horizontal", shrink=0.7, aspect=14, pad=0.03)
    bar.set_ticks(np.linspace(-1 if signed else 0, 1, len(ends)), labels=ends)
figure.supxlabel("weight of a pixel, each picture scaled to its own largest", fontsize=9)
save(
    figure,
    "digits_bases",
    "Four sheets of 16 basis pictures of handwritten digits. NMF under either cost: single strokes and arcs on white. "
    "PCA: pictures of dark and light regions of both signs. Vector quantisation: blurred whole digits.",
)

# %%
# One digit, part by part
# -----------------------
#
# A picture is the sum of the parts, each as strong as its entry in the picture's row of W says. Adding the strongest
# first, most of this digit is there after five.

PICTURE = few(3, 3)
fit = nmf["kl"]
weights = fit.W[PICTURE, :, None] * fit.H
order = np.argsort(-weights.sum(axis=1))[: few(7, 3)]
shown = {"vmin": 0, "vmax": X[PICTURE].max()}

figure, axes = plt.subplots(2, len(order) + 1, figsize=(7.6, 2.3))
for place, part in enumerate(order):
    total = weights[order[: place + 1]].sum(axis=0)
    share = total.sum() / X[PICTURE].sum()
    show_image(axes[0, place], weights[part].reshape(digits.image_shape), f"part {part + 1}", **shown)
    show_image(axes[1, place], total.reshape(digits.image_shape), xlabel=f"{share:.0%}", **shown)
show_image(axes[0, -1], weights.sum(axis=0).reshape(digits.image_shape), f"all {K}", **shown)
show_image(axes[1, -1], X[PICTURE].reshape(digits.image_shape), xlabel="the digit", **shown)
axes[0, 0].set_ylabel("part")
axes[1, 0].set_ylabel("sum so far")
figure.supxlabel("share of the digit's ink", fontsize=9)
save(
    figure,
    "digits_rebuilt",
    f"A handwritten {digits.labels[PICTURE]} built up from its strongest parts. Top: the parts, each a stroke. Bottom: "
    "their sum so far, which comes to look like the digit; at the right the sum of all 16 parts and the original.",
)
