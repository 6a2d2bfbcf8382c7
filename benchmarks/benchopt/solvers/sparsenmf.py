"""Every solver of sparsenmf."""

from benchopt import BaseSolver

from sparsenmf import factorize


class Solver(BaseSolver):
    name = "sparsenmf"
    sampling_strategy = "iteration"
    parameters = {"solver": ["auto", "cd", "mu"]}

    def set_objective(self, X, W, H, loss):
        self.X, self.start, self.loss = X, (W, H), loss
        self.result = self.start

    def warm_up(self):
        self.run(1)  # compiles

    def run(self, n_iter):
        W, H = self.start
        if n_iter == 0:
            self.result = self.start
            return
        fit = factorize(
            self.X, W.shape[1], loss=self.loss, solver=self.solver, W=W, H=H, max_iter=n_iter, tol=0, dtype=str(W.dtype)
        )
        self.result = fit.W, fit.H

    def get_result(self):
        W, H = self.result
        return {"W": W, "H": H}
