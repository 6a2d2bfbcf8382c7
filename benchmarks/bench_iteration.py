"""One iteration of each solver and loss, beside scikit-learn's of the same loss, in one run."""

import statistics
import time
import warnings

import pytest
from sklearn.decomposition import non_negative_factorization

from sparsenmf import factorize

CASES = [(loss, solver) for loss in ("kl", "frobenius") for solver in ("mu", "cd", "auto", "gd")]
PEERS = {("frobenius", "cd"): "cd", ("frobenius", "auto"): "cd"}  # scikit-learn's cd has no KL
FEW, MANY = 6, 26


def peer_seconds(X, start, loss, solver, few=1, many=3):
    """Seconds of one iteration of scikit-learn's, as the difference of a longer and a shorter run."""
    name = {"kl": "kullback-leibler"}.get(loss, loss)

    def run(n):
        began = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            non_negative_factorization(
                X, W=start[0].copy(), H=start[1].copy(), n_components=start[0].shape[1], init="custom",
                solver=solver, beta_loss=name, max_iter=n, tol=0,
            )  # fmt: skip
        return time.perf_counter() - began

    return statistics.median((run(many) - run(few)) / (many - few) for _ in range(3))


@pytest.mark.parametrize(("loss", "solver"), CASES)
def test_iteration(benchmark, matrix, start, ratios, loss, solver):
    name, X = matrix
    k = start[0].shape[1]

    def run(n):
        began = time.perf_counter()
        fit = factorize(X, k, loss=loss, solver=solver, init="custom", W=start[0], H=start[1], max_iter=n, tol=0)
        assert fit.n_iter == n
        return time.perf_counter() - began

    run(FEW)  # compiles
    peer_solver = PEERS.get((loss, solver), "mu")
    peer = peer_seconds(X, start, loss, peer_solver)
    ours = statistics.median((run(MANY) - run(FEW)) / (MANY - FEW) for _ in range(5))
    benchmark.pedantic(run, args=(MANY,), rounds=3, iterations=1)
    benchmark.extra_info.update(data=name, k=k, seconds_per_iteration=ours, peer_seconds_per_iteration=peer)
    ratios.append(
        f"{name} k={k} {loss:9s} {solver:4s} {ours * 1e3:8.2f} ms; scikit-learn {peer_solver} {peer * 1e3:8.1f} ms: "
        f"{peer / ours:6.1f} times"
    )
