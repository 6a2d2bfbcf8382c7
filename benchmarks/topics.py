"""Topics of 20 Newsgroups: coherence and time of our KL fits, scikit-learn's LatentDirichletAllocation and its NMF.

All three see the same counts, the same seeds and the same number of threads, and are judged by the same NPMI, of the
training documents. Words in fewer than `--min-df` or more than a tenth of the documents are left out, as one would.
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import common
import numpy as np
import scipy.sparse as sp

NAME = "topics"


def prepared(X: sp.csr_matrix, min_df: int, max_df: float) -> sp.csr_matrix:
    """Columns of words that are neither rare nor everywhere, and the documents that are left with any."""
    found = np.bincount(X.indices, minlength=X.shape[1])
    X = X[:, (found >= min_df) & (found <= max_df * X.shape[0])]
    return X[np.diff(X.indptr) > 0]


def methods(X: sp.csr_matrix, k: int) -> dict[str, Callable[[int], np.ndarray]]:
    """From a seed to topics x words."""
    from sklearn.decomposition import NMF, LatentDirichletAllocation

    from sparsenmf import factorize

    def kl_of_sklearn(seed: int) -> np.ndarray:
        model = NMF(k, beta_loss="kullback-leibler", solver="mu", init="random", max_iter=200, random_state=seed)
        return model.fit(X).components_

    return {
        "sparsenmf, KL": lambda seed: factorize(X, k, loss="kl", random_state=seed).H,
        "sparsenmf, KL, tol=3e-3": lambda seed: factorize(X, k, loss="kl", random_state=seed, tol=3e-3).H,
        "scikit-learn LDA": lambda seed: LatentDirichletAllocation(k, random_state=seed, n_jobs=-1).fit(X).components_,
        "scikit-learn NMF, Frobenius": lambda seed: NMF(k, init="random", random_state=seed).fit(X).components_,
        "scikit-learn NMF, KL": kl_of_sklearn,
    }


def measured(X: sp.csr_matrix, k: int, seeds: int, names: list[str] | None) -> dict[str, Any]:
    from sparsenmf.topics import npmi, rank_words, topic_diversity, word_distributions

    chosen = {name: fit for name, fit in methods(X, k).items() if names is None or name in names}
    results: dict[str, Any] = {name: {"npmi": [], "diversity": [], "seconds": []} for name in chosen}
    for seed in range(seeds):
        for name, fit in chosen.items():
            began = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of not having converged within the default iterations
                H = fit(seed)
            seconds = time.perf_counter() - began
            words = rank_words(word_distributions(H), 10)
            found = results[name]
            found["seconds"].append(seconds)
            found["npmi"].append(float(npmi(words, X).mean()))
            found["diversity"].append(topic_diversity(words))
            common.say(f"seed {seed}, {name}: NPMI {found['npmi'][-1]:.4f}, {seconds:.1f} s")
    return results


def render(results: dict[str, Any], _: Any = None) -> str:
    ours = statistics.median(results["methods"]["sparsenmf, KL"]["seconds"])
    lines = []
    for name, found in results["methods"].items():
        spread = max(found["npmi"]) - min(found["npmi"])
        lines.append(
            [
                name,
                f"{statistics.mean(found['npmi']):.4f}",
                f"{spread:.4f}",
                f"{statistics.mean(found['diversity']):.2f}",
                common.figures(statistics.median(found["seconds"]) / ours),
            ]
        )
    head = ["method", "mean NPMI, top 10", "range over seeds", "diversity", "time, ours = 1"]
    return f"{results['data']}, k = {results['k']}, {results['seeds']} seeds.\n\n" + common.table(head, lines)


def main() -> None:
    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--seeds", type=int, default=5)
        parser.add_argument("-k", type=int, default=20)
        parser.add_argument("--min-df", type=int, default=5)
        parser.add_argument("--methods", nargs="*", help="names of methods, all if not given")

    options = common.arguments(__doc__, more)
    name = "made_small" if options.quick else "newsgroups20"
    X = prepared(common.load(name), options.min_df, 1.0 if options.quick else 0.1)
    k, seeds = (5, 1) if options.quick else (options.k, options.seeds)
    common.warm_up(X, "kl", "auto")
    methods_of = measured(X, k, seeds, options.methods)
    results = {"data": f"{name}: {common.describe(X)}", "k": k, "seeds": seeds, "methods": methods_of}
    common.finish(options, NAME, results, render)


if __name__ == "__main__":
    main()
