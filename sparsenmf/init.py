"""Where a factorization starts: random, or from the singular vectors of X.

The names, the meaning and the use of the random stream are scikit-learn's, so that the same seed gives the same start
as `sklearn.decomposition.NMF` to rounding.

References
----------
C. Boutsidis and E. Gallopoulos, "SVD based initialization: A head start for nonnegative matrix factorization",
Pattern Recognition 41 (2008), 1350-1362.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from scipy.linalg import LinAlgError

from sparsenmf._jit import for_blocks, threads
from sparsenmf._validation import check_choice, check_count, check_random_state
from sparsenmf.losses import LOSSES, Loss
from sparsenmf.matrix import Matrix
from sparsenmf.operand import as_operand, choose_path
from sparsenmf.scaling import power_near, scaled
from sparsenmf.svd import OVERSAMPLES, truncated_svd

__all__ = ["INITS", "default_init", "initialize", "quick_random", "usual_start"]

INITS = ("random", "nndsvd", "nndsvda", "nndsvdar")

_EPS = 1e-6  # scikit-learn's threshold, for an X in units near 1 (`scaling.ORDINARY`)
DRAWN = 1 << 16  # numbers drawn from one generator
QUANTILES = 1 << 16
LARGE = 4  # times the number of singular vectors wanted
FEW = 3  # nonzeros a row for each component: a row with fewer is short
THIN = 0.01  # share of nonzeros
SAMPLE = 1 << 18  # rows


def default_init(n_components: int, shape: tuple[int, int]) -> str:
    """The start that scikit-learn takes for `init=None`.

    Examples
    --------
    >>> default_init(5, (100, 20)), default_init(30, (100, 20))
    ('nndsvda', 'random')
    """
    return "nndsvda" if n_components <= min(shape) else "random"


def initialize(
    X: Matrix,
    n_components: int,
    init: str = "auto",
    random_state: Any = None,
    dtype: Any = np.float32,
) -> tuple[np.ndarray, np.ndarray]:
    """Make a start (W, H) for X ~ W H.

    Parameters
    ----------
    X : Matrix of shape (n, m)
        What `check_matrix` returned, of any dtype and scale.
    n_components : int
    init : {"auto", "random", "nndsvd", "nndsvda", "nndsvdar"}
        random: the absolute values of normal numbers, times sqrt(mean(X) / n_components).
        nndsvd: non-negative double SVD: of each pair of singular vectors, the positive or the negative parts,
        whichever weigh more. Holds zeros, which multiplicative updates can never leave.
        nndsvda: nndsvd with its zeros filled with mean(X); nndsvdar: with small random numbers.
        auto: nndsvda where n_components <= min(n, m), otherwise random.
    random_state : None, int, RandomState or Generator
    dtype : dtype
        float32 or float64: the dtype to compute in and to return.

    Returns
    -------
    W : ndarray of shape (n, n_components)
    H : ndarray of shape (n_components, m)
        C-contiguous, finite and non-negative.

    Raises
    ------
    ValueError
        For an unknown init, or an nndsvd start with n_components > min(n, m).

    Examples
    --------
    >>> from sparsenmf._validation import check_matrix
    >>> X = check_matrix([[1.0, 2.0], [2.0, 4.0]])
    >>> W, H = initialize(X, 1, "nndsvd", random_state=0, dtype=np.float64)
    >>> (W @ H).round(6)
    array([[1., 2.],
           [2., 4.]])
    """
    k, dtype = check_count(n_components, "n_components"), np.dtype(dtype)
    init = check_choice(default_init(k, X.shape) if init == "auto" else init, INITS, "init")
    if init != "random" and k > min(X.shape):
        raise ValueError(f"init = '{init}' can only be used when n_components <= min(n_samples, n_features)")
    if isinstance(random_state, np.random.Generator):
        random_state = check_random_state(random_state)
    if init == "random":
        return _random(X, k, random_state, dtype)
    scale = power_near(X.largest)
    root = math.sqrt(scale)
    W, H = _nndsvd(_in_units(X, dtype, scale), k, random_state)
    if init != "nndsvd":
        random = check_random_state(random_state) if init == "nndsvdar" else None
        _fill_zeros((W, H), X.mean / root / root, random)
    return W * dtype.type(root), H * dtype.type(root)


def _random(X: Matrix, k: int, random_state: Any, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    random, scale = check_random_state(random_state), dtype.type(np.sqrt(X.mean / k))
    shapes = (k, X.shape[1]), (X.shape[0], k)  # scikit-learn draws H first
    H, W = (random.standard_normal(shape).astype(dtype, copy=False) for shape in shapes)
    for factor in (H, W):
        np.abs(factor, out=factor)
        np.multiply(factor, scale, out=factor)
    return W, H


def quick_random(X: Matrix, k: int, random_state: Any, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """As "random" but drawn in blocks, each from a generator of its own, on the threads of the fit.

    The blocks do not depend on the threads, nor do the bits. scikit-learn's stream is drawn number by number, and costs
    as much as several iterations. A number here is one of 65,536 quantiles of the same distribution, picked by two
    random bytes: a quarter of the time. H is the transpose of what is drawn, which is what a fit works with.
    """
    W, Ht = (np.empty((n, k), dtype) for n in X.shape)
    flat = [A.reshape(-1)[i : i + DRAWN] for A in (W, Ht) for i in range(0, A.size, DRAWN)]
    entropy = check_random_state(random_state).randint(0, 1 << 32, size=4, dtype=np.uint32)
    seeds = np.random.SeedSequence(entropy.tolist()).spawn(len(flat))
    quantiles = (_half_normal() * np.sqrt(X.mean / k)).astype(dtype)

    def draw(b: int) -> None:
        drawn = np.random.Generator(np.random.SFC64(seeds[b])).integers(0, QUANTILES, flat[b].size, dtype=np.uint16)
        np.take(quantiles, drawn, out=flat[b], mode="clip")  # "raise" would go by way of a copy

    for_blocks(draw, len(flat))
    return W, Ht.T


@functools.cache
def _half_normal() -> np.ndarray:
    """Quantiles of the absolute value of a normal number, at the middles of as many equal shares."""
    from scipy.special import ndtri

    return ndtri(0.5 + (np.arange(QUANTILES) + 0.5) / (2 * QUANTILES))


def starts_at_random(X: Matrix, k: int, loss: Loss) -> bool:
    """Whether `init="auto"` draws random numbers, and not singular vectors.

    KL would be badly off with random numbers on large, thin matrices of short rows, with fewer than `FEW` k nonzeros on
    average: verses, titles, baskets. Each row then keeps to what a random H happens to offer it: docs/tried.md has the
    figures. On longer rows neither start is better; on small pictures, which are short but not thin, the random one is.
    """
    n, m = X.shape
    thin = X.nnz < min(FEW * k, THIN * m) * n
    return not loss.short_rows_mislead or not thin or min(n, m) < LARGE * (k + OVERSAMPLES)


def usual_start(X: Matrix, k: int, loss: Loss, random_state: Any, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """The start for `init="auto"`: random, or from singular vectors (see `starts_at_random`)."""
    n, m = X.shape
    if starts_at_random(X, k, loss):
        return quick_random(X, k, random_state, dtype)
    if n <= SAMPLE:
        return initialize(X, k, "nndsvdar", random_state, dtype)
    # Singular vectors of so many rows would cost several times the memory of W. A sample's H is nearly as good.
    random = check_random_state(random_state)
    rows = np.sort(random.choice(n, SAMPLE, replace=False))
    H = initialize(X.take_rows(rows), k, "nndsvdar", random, dtype)[1]
    return np.full((n, k), X.mean * m / float(H.sum(dtype=np.float64)), dtype), H


def _in_units(X: Matrix, dtype: np.dtype, scale: float) -> Matrix:
    """X / scale in `dtype`; X itself where nothing needs changing."""
    A = scaled(X, dtype, scale, keep=True)
    return A if A.dtype == dtype else A.with_values(A.values.astype(dtype))


def _singular_vectors(X: Matrix, k: int, random_state: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """U, S, V as of scikit-learn's `randomized_svd`, by our products where X is large enough for them to pay."""
    random = check_random_state(random_state)
    if min(X.shape) >= LARGE * (k + OVERSAMPLES):
        state = random.get_state()
        try:
            path = choose_path(X, X.dtype, LOSSES["frobenius"].crossover, "auto")
            return truncated_svd(as_operand(X, X.dtype, path), k, random)
        except LinAlgError:  # of a rank about k or less
            random.set_state(state)
    from sklearn.utils.extmath import randomized_svd

    U, S, V = randomized_svd(X.plain(), k, random_state=random)
    return U, S, V


def _nndsvd(X: Matrix, k: int, random_state: Any) -> tuple[np.ndarray, np.ndarray]:
    """Non-negative double SVD by a randomized SVD: O(nnz (k + 10)) a power iteration, and nothing of size n x m."""
    with threads(None):  # BLAS rounds by the number of its threads
        U, S, V = _singular_vectors(X, k, random_state)
    W, H = np.zeros(U.shape, U.dtype), np.zeros(V.shape, V.dtype)
    W[:, 0], H[0] = np.sqrt(S[0]) * np.abs(U[:, 0]), np.sqrt(S[0]) * np.abs(V[0])  # Perron: of one sign each
    for j in range(1, k):
        W[:, j], H[j] = _heavier_parts(U[:, j], V[j], S[j])
    for factor in (W, H):
        factor[factor < _EPS] = 0
    return W, H


def _heavier_parts(u: np.ndarray, v: np.ndarray, s: float) -> tuple[np.ndarray, np.ndarray]:
    """The better non-negative rank-one approximation to s u v': from the positive parts or the negative ones."""
    positive, negative = ((np.maximum(sign * u, 0), np.maximum(sign * v, 0)) for sign in (1, -1))
    norms = [(np.linalg.norm(x), np.linalg.norm(y)) for x, y in (positive, negative)]
    weights = [a * b for a, b in norms]
    (x, y), (a, b), weight = (
        (positive, norms[0], weights[0]) if weights[0] > weights[1] else (negative, norms[1], weights[1])
    )
    if weight == 0:  # u and v have no sign in common: nothing of this pair is non-negative
        return np.zeros_like(u), np.zeros_like(v)
    root = np.sqrt(s * weight)
    return root * (x / a), root * (y / b)


def _fill_zeros(factors: tuple[np.ndarray, np.ndarray], mean: float, random: np.random.RandomState | None) -> None:
    """Put the mean of X, or random numbers of about a hundredth of it, in place of zeros."""
    for factor in factors:
        zero = factor == 0
        factor[zero] = mean if random is None else np.abs(mean * random.standard_normal(int(zero.sum())) / 100)
