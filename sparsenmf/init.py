"""Where a factorization starts: random, or from the singular vectors of X.

The names, the meaning and the use of the random stream are scikit-learn's, so that the same seed gives the same start
as `sklearn.decomposition.NMF` to rounding.

References
----------
C. Boutsidis and E. Gallopoulos, "SVD based initialization: A head start for nonnegative matrix factorization",
Pattern Recognition 41 (2008), 1350-1362.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import LinAlgError

from sparsenmf._jit import for_blocks, threads
from sparsenmf._validation import CsrArrays, as_scipy, check_choice, check_count, check_matrix, check_random_state
from sparsenmf.operand import as_operand
from sparsenmf.scaling import take_rows
from sparsenmf.svd import OVERSAMPLES, truncated_svd

__all__ = ["INITS", "default_init", "initialize", "quick_random", "usual_start"]

INITS = ("random", "nndsvd", "nndsvda", "nndsvdar")

# scikit-learn's threshold and its filling (with the mean of X, where W and H go with its root) depend on the scale of
# X. They are used as they are where the largest entry lies within these bounds, so that starts agree; elsewhere as
# for an X brought to 1..4 by a power of four, which rounds nothing.
_EPS = 1e-6
DRAWN = 1 << 16  # numbers drawn from one generator
LARGE = 4  # times the number of singular vectors wanted
FEW = 3  # nonzeros a row for each component: a row with fewer is short
THIN = 0.01  # share of nonzeros
SAMPLE = 1 << 18  # rows
_ORDINARY = (2.0**-16, 2.0**32)


def default_init(n_components: int, shape: tuple[int, int]) -> str:
    """The start that scikit-learn takes for `init=None`.

    Examples
    --------
    >>> default_init(5, (100, 20)), default_init(30, (100, 20))
    ('nndsvda', 'random')
    """
    return "nndsvda" if n_components <= min(shape) else "random"


def initialize(
    X: CsrArrays | np.ndarray,
    n_components: int,
    init: str = "auto",
    random_state: Any = None,
    dtype: Any = np.float32,
) -> tuple[np.ndarray, np.ndarray]:
    """Make a start (W, H) for X ~ W H.

    Parameters
    ----------
    X : CsrArrays or ndarray of shape (n, m)
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
    >>> W, H = initialize(np.array([[1.0, 2.0], [2.0, 4.0]]), 1, "nndsvd", random_state=0, dtype=np.float64)
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
    root = _root_of_scale(X)
    W, H = _nndsvd(_scaled(X, 1 / root, dtype), k, random_state)
    if init != "nndsvd":
        random = check_random_state(random_state) if init == "nndsvdar" else None
        _fill_zeros((W, H), _mean(X) / root / root, random)
    return W * dtype.type(root), H * dtype.type(root)


def _values(X: CsrArrays | np.ndarray) -> np.ndarray:
    return X.data if isinstance(X, CsrArrays) else X


def _mean(X: CsrArrays | np.ndarray) -> float:
    """Mean over all entries, the zeros included, accumulated in float64."""
    values = _values(X)
    with np.errstate(over="ignore"):
        total = float(values.sum(dtype=np.float64))
    if not np.isfinite(total):  # float64 entries near the largest number
        return float((values / values.size).sum()) * (values.size / X.shape[0] / X.shape[1])
    return total / X.shape[0] / X.shape[1]


def _random(X: CsrArrays | np.ndarray, k: int, random_state: Any, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    random, scale = check_random_state(random_state), dtype.type(np.sqrt(_mean(X) / k))
    shapes = (k, X.shape[1]), (X.shape[0], k)  # scikit-learn draws H first
    H, W = (random.standard_normal(shape).astype(dtype, copy=False) for shape in shapes)
    for factor in (H, W):
        np.abs(factor, out=factor)
        np.multiply(factor, scale, out=factor)
    return W, H


def quick_random(
    X: CsrArrays | np.ndarray, k: int, random_state: Any, dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray]:
    """As "random" but drawn in blocks, each from a generator of its own, on the threads of the fit.

    The blocks do not depend on the threads, nor do the bits. scikit-learn's stream is drawn number by number, and costs
    as much as several iterations.
    """
    shapes = (X.shape[0], k), (k, X.shape[1])
    W, H = (np.empty(shape, dtype) for shape in shapes)
    flat = [A.reshape(-1)[i : i + DRAWN] for A in (W, H) for i in range(0, A.size, DRAWN)]
    entropy = check_random_state(random_state).randint(0, 1 << 32, size=4, dtype=np.uint32)
    seeds = np.random.SeedSequence(entropy.tolist()).spawn(len(flat))
    scale = dtype.type(np.sqrt(_mean(X) / k))

    def draw(b: int) -> None:
        np.random.Generator(np.random.SFC64(seeds[b])).standard_normal(dtype=dtype, out=flat[b])
        np.abs(flat[b], out=flat[b])
        np.multiply(flat[b], scale, out=flat[b])

    for_blocks(draw, len(flat))
    return W, H


def usual_start(
    X: CsrArrays | np.ndarray, k: int, loss: str, random_state: Any, dtype: np.dtype
) -> tuple[np.ndarray, np.ndarray]:
    """The start for `init="auto"`: random, or from singular vectors where KL would be badly off with a random one.

    Those are large, thin matrices of short rows, with fewer than `FEW` k nonzeros on average: verses, titles, baskets.
    Each row then keeps to what a random H happens to offer it: docs/tried.md has the figures. On longer rows neither
    start is better; on small pictures, which are short but not thin, the random one is.
    """
    n, m = X.shape
    thin = np.count_nonzero(_values(X)) < min(FEW * k, THIN * m) * n
    if loss != "kl" or not thin or min(n, m) < LARGE * (k + OVERSAMPLES):
        return quick_random(X, k, random_state, dtype)
    if n <= SAMPLE:
        return initialize(X, k, "nndsvdar", random_state, dtype)
    # Singular vectors of so many rows would cost several times the memory of W. A sample's H is nearly as good.
    random = check_random_state(random_state)
    rows = np.sort(random.choice(n, SAMPLE, replace=False))
    H = initialize(take_rows(X, rows), k, "nndsvdar", random, dtype)[1]
    return np.full((n, k), _mean(X) * m / float(H.sum(dtype=np.float64)), dtype), H


def _root_of_scale(X: CsrArrays | np.ndarray) -> float:
    """1, or the power of two by whose square the largest entry of X is 1..4 where its scale is not ordinary."""
    values = _values(X)
    largest = float(values.max()) if values.size else 0.0
    if largest == 0 or _ORDINARY[0] <= largest <= _ORDINARY[1]:
        return 1.0
    return float(2.0 ** ((np.frexp(largest)[1] - 1) // 2))


def _scaled(X: CsrArrays | np.ndarray, factor: float, dtype: np.dtype) -> Any:
    """X * factor**2 in `dtype`, in a form that scikit-learn takes; X's own values where nothing needs changing."""
    values = _values(X)
    if factor != 1:
        values = values * factor * factor  # the square itself may overflow
    values = values.astype(dtype, copy=False)
    return as_scipy(X._replace(data=values)) if isinstance(X, CsrArrays) else values


def _singular_vectors(X: Any, k: int, random_state: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """U, S, V as of scikit-learn's `randomized_svd`, by our products where X is large enough for them to pay."""
    random = check_random_state(random_state)
    if min(X.shape) >= LARGE * (k + OVERSAMPLES):
        state = random.get_state()
        try:
            operand = as_operand(check_matrix(X), X.dtype, "frobenius")
            return truncated_svd(operand, k, random)
        except LinAlgError:  # of a rank about k or less
            random.set_state(state)
    from sklearn.utils.extmath import randomized_svd

    U, S, V = randomized_svd(X, k, random_state=random)
    return U, S, V


def _nndsvd(X: Any, k: int, random_state: Any) -> tuple[np.ndarray, np.ndarray]:
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
