"""How well topics describe documents that they were not learnt from: perplexity and deviance per token."""

import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from sparsenmf import _validation as check
from sparsenmf.matrix import CsrMatrix
from sparsenmf.parameters import default
from sparsenmf.rows import RowSolver
from sparsenmf.topics.poisson import topic_mass
from sparsenmf.topics.rank import is_number

__all__ = ["HeldOut", "held_out"]

_BLOCK = 1 << 20


class HeldOut(NamedTuple):
    """Measures of held-out documents.

    Attributes
    ----------
    perplexity : float
        exp of the mean negative log-likelihood of a token: as if each were drawn from so many equally likely words.
    deviance_per_token : float
        Twice the Kullback-Leibler divergence from the counts to their expectation, for each token.
    n_tokens : int or float
        The tokens that were scored.
    """

    perplexity: float
    deviance_per_token: float
    n_tokens: float


def held_out(
    X: Any,
    H: Any,
    *,
    loss: Any = default("loss"),
    alpha_W: float = default("alpha_W"),
    l1_ratio: float = default("l1_ratio"),
    completion: float | None = None,
    smoothing: float = 1e-3,
    random_state: Any = None,
    n_threads: int | None = None,
) -> HeldOut:
    """Score held-out documents: their weights are solved for with H fixed, then their tokens are predicted.

    Parameters
    ----------
    X : sparse matrix or array-like of shape (n, m)
        Counts of documents that H was not fitted to.
    H : array-like of shape (k, m)
    loss, alpha_W, l1_ratio : optional
        Under which the weights are solved for, as in `sparsenmf.factorize`.
    completion : float, optional
        Document completion: this share of each document's tokens (0.5, say), drawn at random, is seen when weights are
        solved for, and the rest is scored. None: all tokens are seen and scored, which flatters models of many topics.
    smoothing : float, default=1e-3
        This share of every document's probability is spread evenly over all words, so that a word that no topic of a
        document has makes the perplexity large and not infinite. 0 switches it off.
    random_state : None, int, RandomState or Generator
        Draws the tokens of document completion.
    n_threads : int, optional

    Returns
    -------
    HeldOut

    Raises
    ------
    ValueError
        If X holds no tokens, or fractions where they are to be drawn, or a number is out of range.

    Examples
    --------
    >>> from sparsenmf.topics import held_out
    >>> held_out([[4, 4, 0], [0, 0, 8]], [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]], smoothing=0).perplexity  # 2 and 1 words
    1.414...
    """
    if not (is_number(smoothing) and 0 <= smoothing < 1):
        raise ValueError(f"smoothing must be at least 0 and below 1, got {smoothing!r}.")
    if completion is not None and not (is_number(completion) and 0 < completion < 1):
        raise ValueError(f"completion must lie between 0 and 1, got {completion!r}.")
    A = check.check_matrix(X, whom="held_out")
    check.check_positive(A)
    arrays = A.csr()
    H = np.asarray(H)
    seen, scored = (arrays.data, arrays.data) if completion is None else _split(arrays.data, completion, random_state)
    W = RowSolver(H, loss, alpha_W, l1_ratio)(replace(arrays, data=seen), n_threads=n_threads)
    scale = 1.0 if completion is None else (1 - completion) / completion
    return _score(replace(arrays, data=scored), scale * W, H, smoothing)


def _split(counts: np.ndarray, share: float, random_state: Any) -> tuple[np.ndarray, np.ndarray]:
    """Each token goes to one side or the other: of Poisson counts both sides are Poisson, and independent."""
    whole = counts.astype(np.int64)
    if (whole != counts).any():
        raise ValueError("document completion draws tokens, and X holds fractions: give counts, or completion=None.")
    seen = check.check_random_state(random_state).binomial(whole, share)
    return seen, whole - seen


def _score(A: CsrMatrix, W: np.ndarray, H: np.ndarray, smoothing: float) -> HeldOut:
    """Perplexity and deviance of the entries of A, some rows at a time."""
    n, m = A.shape
    mass = topic_mass(W, H).sum(axis=1)
    rows = np.repeat(np.arange(n), np.diff(A.indptr))
    tokens = np.bincount(rows, weights=A.data, minlength=n)
    alone = (mass <= 0) & (tokens > 0)  # no topic has a word of this document: nothing is known but its length
    mass[alone] = tokens[alone]
    Ht, step = np.ascontiguousarray(np.asarray(H, np.float64).T), max(1, _BLOCK // max(1, len(H)))
    likelihood, divergence = [], []
    for a in range(0, len(rows), step):
        piece = slice(a, a + step)
        row, x = rows[piece], A.data[piece].astype(np.float64)
        positive = x > 0
        row, x = row[positive], x[positive]
        found = np.einsum("ij,ij->i", W[row].astype(np.float64), Ht[A.indices[piece][positive]])
        share = np.where(alone[row], 1.0, smoothing)
        expected = (1 - share) * found + share * mass[row] / m
        if not (expected > 0).all():
            return HeldOut(math.inf, math.inf, float(tokens.sum()))
        likelihood.append(float(x @ np.log(expected / mass[row])))
        divergence.append(float(x @ np.log(x / expected)))
    total = float(tokens.sum())
    if total == 0:
        raise ValueError("no token is left to be scored: give more documents, or a smaller completion.")
    deviance = 2 * (math.fsum(divergence) - total + math.fsum(mass.tolist()))
    return HeldOut(math.exp(-math.fsum(likelihood) / total), max(deviance, 0.0) / total, total)
