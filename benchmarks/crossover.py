"""Time of one iteration on the sparse and on the dense path against density: where the two cross.

The constants `CROSSOVER` of `sparsenmf/operand.py` come from here.
"""

import argparse
import statistics
import time

import numpy as np
import scipy.sparse as sp

from sparsenmf import factorize


def seconds(X, k, loss, solver, path, few=3, many=13):
    def run(n):
        began = time.perf_counter()
        factorize(X, k, loss=loss, solver=solver, path=path, max_iter=n, tol=0, random_state=0)
        return time.perf_counter() - began

    run(few)
    return statistics.median((run(many) - run(few)) / (many - few) for _ in range(3))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-k", type=int, default=32)
    parser.add_argument("--shape", type=int, nargs=2, default=(2000, 1500))
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    for loss, solver in (("kl", "mu"), ("kl", "auto"), ("frobenius", "mu"), ("frobenius", "auto")):
        for density in (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8):
            mask = rng.random(arguments.shape) < density
            X = sp.csr_array((mask * (1 + rng.poisson(1.0, arguments.shape))).astype(np.float32))
            sparse, dense = (seconds(X, arguments.k, loss, solver, path) for path in ("sparse", "dense"))
            print(f"{loss:9s} {solver:4s} density {density:4.2f}: dense / sparse = {dense / sparse:5.2f}", flush=True)


if __name__ == "__main__":
    main()
