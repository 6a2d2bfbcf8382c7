"""
Faces: the parts of a whole
===========================

The best known picture of non-negative matrix factorization is Lee and Seung's (Nature 401, 1999): 49 basis pictures
learnt from 2,429 faces show noses, mouths and eyes, where principal components show ghostly whole faces.

Those faces, the CBCL set, are for research use and not part of sparsenmf. Where the environment variable
``SPARSENMF_DATA`` names a folder with ``cbcl_faces/X_dense.npz`` (an array ``X`` of 2,429 x 361 grey levels from 0 to
255) this script uses them. Otherwise it draws swimmers: stick figures with a torso and four limbs, each limb in one of
four positions (D. Donoho and V. Stodden, 2003), whose parts are known.
"""

import itertools
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from _style import LIGHT, few, save, sheet, show_image, use_style
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from sparsenmf import factorize

use_style()

# %%
# The pictures
# ------------

SIDE = 19  # of the pictures, in pixels


def swimmers():
    """All 256 swimmers, one a row."""
    middle, reach = SIDE // 2, np.arange(5)
    torso, moves = np.arange(-3, 4), ((-1, 1), (0, 1), (1, 1), (1, 0))
    pictures = np.zeros((4**4, SIDE, SIDE))
    pictures[:, middle + torso, middle] = 1
    limbs = list(itertools.product((-1, 1), (-1, 1)))  # (above or below, left or right)
    for picture, choice in zip(pictures, itertools.product(moves, repeat=4), strict=True):
        for (end, side), (along, away) in zip(limbs, choice, strict=True):
            picture[middle + end * (3 + along * reach), middle + side * (1 + away * reach)] = 1
    return pictures.reshape(len(pictures), -1)


def faces():
    """The CBCL faces, one a row, or None where they are absent."""
    path = Path(os.environ.get("SPARSENMF_DATA", "")) / "cbcl_faces" / "X_dense.npz"
    if not path.exists():
        return None
    with np.load(path) as arrays:
        stored = arrays["X"].reshape(-1, SIDE, SIDE)
    return stored.transpose(0, 2, 1).reshape(len(stored), -1).astype(np.float64)  # they are stored column by column


X, kind, parts, columns = faces(), "faces", 49, 7
if X is None:
    X, kind, parts, columns = swimmers(), "swimmers", 16, 4
X = X[:: few(1, 4)]

# %%
# What each method learns
# -----------------------
#
# Under either cost the parts of faces are local: shades of a nose, a brow, one side of a cheek. The pictures of vector
# quantisation are averages of like faces. The first principal components are lighting from the left, from above; later
# ones add and subtract across the whole face.
#
# Of swimmers, every limb is found in each of its positions. The torso is in all pictures, so that any part may take a
# share of it: the factorization is not unique there.

settings = {"random_state": 0, "max_iter": few(500, 10), "tol": 1e-5}
pca = PCA(parts, random_state=0).fit(X)
bases = {
    "NMF, Frobenius": factorize(X, parts, loss="frobenius", **settings).H,
    "NMF, Kullback-Leibler": factorize(X, parts, loss="kl", **settings).H,
    "PCA": pca.components_ * (pca.singular_values_ > 1e-6)[:, None],
    "vector quantisation": KMeans(parts, n_init=1, random_state=0).fit(X).cluster_centers_,
}

figure, axes = plt.subplots(2, 2, figsize=(7.2, 6.5))
for panel, (name, basis) in zip(axes.flat, bases.items(), strict=True):
    signed = name == "PCA"
    images = sheet(basis.reshape(-1, SIDE, SIDE), columns)
    drawn = show_image(panel, images, name, vmin=-1 if signed else 0, vmax=1, cmap=LIGHT)
    ends = ["-", "0", "+"] if signed else ["0", "largest"]
    bar = figure.colorbar(drawn, ax=panel, shrink=0.5, aspect=14, pad=0.02)
    bar.set_ticks(np.linspace(-1 if signed else 0, 1, len(ends)), labels=ends)
figure.suptitle(f"{parts} basis pictures of {len(X):,} {kind}, each scaled to its own largest weight")
save(
    figure,
    "faces",
    f"Four sheets of {parts} basis pictures of {kind}. NMF under either cost: small bright regions on black, parts of "
    f"{kind}. PCA: regions of both signs over the whole picture. Vector quantisation: whole {kind}.",
)
