"""scikit-learn's NMF: "mu" for both costs, "cd" for Frobenius alone."""

import warnings

from benchopt import BaseSolver
from sklearn.decomposition import non_negative_factorization
from sklearn.exceptions import ConvergenceWarning


class Solver(BaseSolver):
    name = "scikit-learn"
    requirements = ["scikit-learn"]
    sampling_strategy = "iteration"
    parameters = {"solver": ["cd", "mu"]}

    def skip(self, X, W, H, loss):
        if self.solver == "cd" and loss == "kl":
            return True, "scikit-learn's cd has no KL"
        return False, None

    def set_objective(self, X, W, H, loss):
        self.X, self.start = X, (W, H)
        self.loss = {"kl": "kullback-leibler"}.get(loss, loss)
        self.result = self.start

    def run(self, n_iter):
        if n_iter == 0:
            self.result = self.start
            return
        W, H = (factor.copy() for factor in self.start)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            W, H, _ = non_negative_factorization(
                self.X, W=W, H=H, n_components=W.shape[1], init="custom", solver=self.solver, beta_loss=self.loss,
                max_iter=n_iter, tol=0,
            )  # fmt: skip
        self.result = W, H

    def get_result(self):
        W, H = self.result
        return {"W": W, "H": H}
