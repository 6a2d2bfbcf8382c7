"""Counts with planted topics, of any size."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy import sparse

from sparsenmf._validation import check_count

__all__ = ["PlantedCounts", "make_counts"]

# Tokens drawn at a time: bounds the memory beyond the result (about 100 bytes a token) and is part of the recipe, since
# it orders the random draws.
_TOKENS_AT_ONCE = 1 << 20


class PlantedCounts(NamedTuple):
    """Counts and the factors that they were drawn from: E[counts] = W H.

    Attributes
    ----------
    counts : csr_array of shape (n_samples, n_features), int32
    W : ndarray of shape (n_samples, n_components), float64
        Expected number of tokens of each topic in each sample.
    H : ndarray of shape (n_components, n_features), float64
        Distribution of each topic over the features: rows sum to 1.
    """

    counts: sparse.csr_array
    W: np.ndarray
    H: np.ndarray


def make_counts(
    n_samples: int,
    n_features: int,
    n_components: int,
    *,
    mean_length: float = 100.0,
    sample_concentration: float = 0.1,
    topic_concentration: float = 0.1,
    zipf_exponent: float = 1.0,
    random_state: int | np.random.Generator | None = None,
) -> PlantedCounts:
    """Draw counts with planted topics and a Zipf vocabulary: counts ~ Poisson(W H).

    Each sample mixes its topics by a Dirichlet distribution and has `mean_length` tokens in expectation. Each topic's
    distribution over features is Dirichlet around one base distribution, in which the j-th feature has a probability
    proportional to 1 / (j + 1)^zipf_exponent. Column 0 is the most frequent one.

    Nothing of size n_samples x n_features is formed: since a sum of Poisson variables is Poisson, each sample draws its
    number of tokens from each topic, and the topics then draw their tokens. Time and memory follow the tokens.

    Parameters
    ----------
    n_samples, n_features, n_components : int
    mean_length : float, default=100.0
        Expected tokens of a sample.
    sample_concentration : float, default=0.1
        Dirichlet concentration of a sample over topics: small means few topics a sample.
    topic_concentration : float, default=0.1
        Dirichlet concentration of a topic over features, a feature: small means topics that share few features.
    zipf_exponent : float, default=1.0
        0 makes all features equally frequent.
    random_state : int, numpy.random.Generator or None
        The same seed and arguments give the same counts.

    Returns
    -------
    PlantedCounts
        The counts, and the true W and H.

    Raises
    ------
    TypeError
        If a size is no integer.
    ValueError
        If a size or concentration is not positive, or the exponent or length negative.

    References
    ----------
    The Poisson form of the model is that of D. D. Lee and H. S. Seung's KL cost (eq. 3 of "Algorithms for Non-negative
    Matrix Factorization"): minimising it is maximum likelihood for these counts.

    Examples
    --------
    >>> from sparsenmf.datasets import make_counts
    >>> planted = make_counts(1000, 5000, 4, random_state=0)
    >>> planted.counts.shape, planted.W.shape, planted.H.shape
    ((1000, 5000), (1000, 4), (4, 5000))
    """
    n_samples = check_count(n_samples, "n_samples")
    n_features = check_count(n_features, "n_features")
    n_components = check_count(n_components, "n_components")
    for name, value in (("sample_concentration", sample_concentration), ("topic_concentration", topic_concentration)):
        if not 0 < value < np.inf:
            raise ValueError(f"{name} must be a positive number, got {value!r}")
    for name, value in (("mean_length", mean_length), ("zipf_exponent", zipf_exponent)):
        if not 0 <= value < np.inf:
            raise ValueError(f"{name} must be a number of at least 0, got {value!r}")
    rng = np.random.default_rng(random_state)
    base = 1.0 / np.arange(1, n_features + 1) ** zipf_exponent
    base *= topic_concentration * n_features / base.sum()
    H = _dirichlet(rng, base, n_components)
    W = _dirichlet(rng, np.full(n_components, sample_concentration), n_samples)
    W *= mean_length
    return PlantedCounts(_draw(rng, W, H), W, H)


def _dirichlet(rng: np.random.Generator, concentration: np.ndarray, size: int) -> np.ndarray:
    """Rows drawn from a Dirichlet distribution, also where the concentrations are so small that all gammas vanish."""
    rows = rng.standard_gamma(concentration, size=(size, concentration.size))
    lost = np.flatnonzero(rows.sum(axis=1) == 0)
    # In that limit a Dirichlet variable puts everything on one entry.
    rows[lost, rng.choice(concentration.size, size=lost.size, p=concentration / concentration.sum())] = 1.0
    rows /= rows.sum(axis=1, keepdims=True)
    return rows


def _draw(rng: np.random.Generator, W: np.ndarray, H: np.ndarray) -> sparse.csr_array:
    """Poisson(W H) as CSR, block of samples by block of samples."""
    cumulated = np.cumsum(H, axis=1)
    cumulated /= cumulated[:, -1:]  # the last one is 1 exactly: every draw below 1 falls on a feature
    ends = np.cumsum(W.sum(axis=1))
    cuts = np.searchsorted(ends, np.arange(_TOKENS_AT_ONCE, ends[-1], _TOKENS_AT_ONCE))
    starts = np.unique([0, *cuts.tolist(), W.shape[0]])
    blocks = [_draw_block(rng, W[a:b], cumulated) for a, b in pairwise(starts.tolist())]
    return sparse.csr_array(sparse.vstack(blocks, format="csr", dtype=np.int32))


def _draw_block(rng: np.random.Generator, W: np.ndarray, cumulated: np.ndarray) -> sparse.csr_array:
    tokens = rng.poisson(W)
    samples, features = [], []
    for topic, count in enumerate(tokens.sum(axis=0)):
        samples.append(np.repeat(np.arange(W.shape[0], dtype=np.int32), tokens[:, topic]))
        draws = np.searchsorted(cumulated[topic], rng.random(count), side="right")
        features.append(draws.astype(np.int32 if cumulated.shape[1] < 1 << 31 else np.int64))
    places = (np.concatenate(samples), np.concatenate(features))
    ones = np.ones(places[0].size, dtype=np.int32)
    block = sparse.coo_array((ones, places), shape=(W.shape[0], cumulated.shape[1])).tocsr()
    block.sum_duplicates()
    return block
