"""Hashes of the factors that every solver, loss, dtype and path gives: has a change moved a bit?

    python benchmarks/bits.py write before.json      fits everything and keeps the hashes
    python benchmarks/bits.py compare before.json    fits everything again; exit code 1 where a hash differs

Compare on one machine: registers of another width, or another BLAS, add up in another order. A hash is of the shape,
the dtype and the bytes of W and H, and of the objectives of the history. Data sets that are missing are left out, by
name.
"""

import argparse
import hashlib
import json
import pathlib
import sys

import common
import numpy as np
import scipy.sparse as sp

SPARSE = ("kos", "nips", "octis_dblp", "reuters395", "kjv_verses")
DENSE = ("cbcl_faces",)
SOLVERS, LOSSES, DTYPES = ("auto", "mu", "cd", "gd"), ("kl", "frobenius"), ("float32", "float64")
ITERATIONS = 12  # beyond the warm-up of every solver
PENALTIES = {"alpha_W": 1e-3, "alpha_H": 2e-3, "l1_ratio": 0.5}


def digest(*arrays):
    """A short hash of arrays' shapes, dtypes and bytes."""
    seen = hashlib.sha256()
    for array in map(np.ascontiguousarray, arrays):
        seen.update(f"{array.shape}{array.dtype.str}".encode())
        seen.update(array.tobytes())
    return seen.hexdigest()[:16]


def fit_hash(X, k, **options):
    """The hash of one fit."""
    from sparsenmf import factorize

    fit = factorize(X, k, **{"max_iter": ITERATIONS, "tol": 0, "random_state": 0, **options})
    return digest(fit.W, fit.H, np.array([record.objective for record in fit.history]))


def of_data(name, X):
    """(case, hash) of every solver, loss, dtype and path on one data set; dense paths on its first rows."""
    for loss in LOSSES:
        for solver in SOLVERS:
            for dtype in DTYPES:
                for path in ("sparse", "dense"):
                    part = X[:300] if path == "dense" and sp.issparse(X) else X[:3000]
                    case = f"{name} {loss} {solver} {dtype} {path}"
                    yield case, fit_hash(part, 10, loss=loss, solver=solver, dtype=dtype, path=path)


def of_options(name, X):
    """(case, hash) of what else changes a fit: starts, penalties, a fixed H, integers, scales, rows alone."""
    from sparsenmf import NMF
    from sparsenmf.factorization import solve_rows

    for loss in LOSSES:
        for init in ("random", "nndsvd", "nndsvda", "nndsvdar"):
            yield f"{name} {loss} init={init}", fit_hash(X, 10, loss=loss, init=init)
        for solver in SOLVERS:
            yield f"{name} {loss} {solver} penalties", fit_hash(X, 10, loss=loss, solver=solver, **PENALTIES)
            H = np.random.default_rng(0).random((10, X.shape[1])).astype(np.float32)
            yield f"{name} {loss} {solver} fixed H", fit_hash(X, 10, loss=loss, solver=solver, H=H, update_H=False)
        yield f"{name} {loss} integers", fit_hash(X.astype(np.int64), 10, loss=loss)
        yield f"{name} {loss} times 1e20", fit_hash(X.astype(np.float64) * 1e20, 10, loss=loss)
        for path in ("sparse", "dense"):
            W = solve_rows(X[:300], H, loss=loss, alpha_W=1e-3, l1_ratio=0.5, path=path)
            yield f"{name} {loss} rows {path}", digest(W)
        model = NMF(8, beta_loss=loss, random_state=0, max_iter=20, tol=1e-3)
        yield f"{name} {loss} NMF", digest(model.fit_transform(X[:800]), model.components_)


def of_large(name, X):
    """(case, hash) where the factor is read panel by panel."""
    for loss in LOSSES:
        for solver in ("auto", "mu"):
            yield f"{name} {loss} {solver} k=80", fit_hash(X, 80, loss=loss, solver=solver)


def cases():
    """(case, hash) of everything."""
    for makers, names in (((of_data,), SPARSE + DENSE), ((of_options,), ("kos",)), ((of_large,), ("newsgroups20",))):
        for name in names:
            try:
                X = common.load(name)
            except common.MissingDataError as error:
                print(f"left out: {error}", file=sys.stderr)
                continue
            for maker in makers:
                yield from maker(name, X)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("write", "compare"))
    parser.add_argument("file", type=pathlib.Path)
    parser.add_argument("--only", default="", help="cases whose names hold this text")
    arguments = parser.parse_args()
    found = {case: value for case, value in cases() if arguments.only in case}
    if arguments.what == "write":
        kept = {"machine": common.describe_machine(), "hashes": found}
        arguments.file.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        print(f"{len(found)} hashes written to {arguments.file}")
        return 0
    kept = json.loads(arguments.file.read_text(encoding="utf-8"))["hashes"]
    different = [case for case, value in found.items() if kept.get(case) != value]
    print("\n".join(f"differs: {case}" for case in different))
    print(f"{len(different)} of {len(found)} hashes differ")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
