"""X ~ WH from one start, under either cost; the value is exact and the same for every solver."""

import numpy as np
from benchopt import BaseObjective

from sparsenmf import kkt_residual, objective


class Objective(BaseObjective):
    """||X - WH||^2 or D(X || WH), in float64."""

    name = "Sparse NMF"
    url = "https://papers.nips.cc/paper/1861-algorithms-for-non-negative-matrix-factorization"
    min_benchopt_version = "1.6"
    requirements = ["numpy", "scipy"]
    parameters = {
        "loss": ["kl", "frobenius"],
        "n_components": [32],
        "dtype": ["float32"],
    }

    def set_data(self, X):
        self.X = X.astype(self.dtype)
        rng = np.random.default_rng(0)
        n, m = X.shape
        scale = np.sqrt(X.mean() / self.n_components)
        self.W, self.H = (
            (scale * rng.uniform(0.5, 1.5, shape)).astype(self.dtype)
            for shape in ((n, self.n_components), (self.n_components, m))
        )

    def get_objective(self):
        return {"X": self.X, "W": self.W, "H": self.H, "loss": self.loss}

    def evaluate_result(self, W, H):
        return {
            "value": objective(self.X, W, H, loss=self.loss),
            "kkt": kkt_residual(self.X, W, H, loss=self.loss),
        }

    def get_one_result(self):
        return {"W": self.W, "H": self.H}
