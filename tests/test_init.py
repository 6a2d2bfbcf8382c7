"""Starts agree with scikit-learn's to rounding, and hold nothing but finite numbers at any scale of X."""

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.decomposition._nmf import _initialize_nmf

from sparsenmf import factorize
from sparsenmf import init as starts
from sparsenmf._jit import threads
from sparsenmf._validation import check_matrix
from sparsenmf.datasets import load_kjv, make_counts
from sparsenmf.init import INITS, default_init, initialize, quick_random
from sparsenmf.losses import LOSSES
from tests.conftest import THREADS

TOLERANCE = {np.float32: 2e-3, np.float64: 1e-9}  # of the largest entry: ten matrix products lie in between


def close(ours, theirs, dtype):
    for A, B in zip(ours, theirs, strict=True):
        assert A.dtype == dtype
        assert A.flags.c_contiguous
        np.testing.assert_allclose(A, B, rtol=0, atol=TOLERANCE[dtype] * B.max())


def same(a, b):
    return all(np.array_equal(A, B) for A, B in zip(a, b, strict=True))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("dense", [False, True], ids=["csr", "dense"])
@pytest.mark.parametrize("seed", [0, 17])
@pytest.mark.parametrize("init", INITS)
def test_the_same_seed_gives_scikit_learns_start(counts, init, seed, dense, dtype):
    X = counts.toarray() if dense else sp.csr_matrix(counts)  # integers: cast to the working dtype here
    theirs = _initialize_nmf(X.astype(dtype), 6, init=init, random_state=seed)
    close(initialize(check_matrix(X), 6, init, seed, dtype), theirs, dtype)


@pytest.mark.parametrize("init", INITS)
def test_a_shared_random_state_is_drawn_from_as_scikit_learn_does(counts, init):
    ours, theirs = np.random.RandomState(4), np.random.RandomState(4)
    X = counts.astype(np.float64)
    for _ in range(2):
        close(
            initialize(check_matrix(X), 5, init, ours, np.float64),
            _initialize_nmf(sp.csr_matrix(X), 5, init=init, random_state=theirs),
            np.float64,
        )
    assert ours.rand() == theirs.rand()


def test_wide_and_long_index_arrays(counts):
    X = counts.astype(np.float64)
    wide = sp.csr_array((X.data, X.indices.astype(np.int64), X.indptr.astype(np.int64)), shape=X.shape)
    narrow = initialize(check_matrix(X), 4, "nndsvda", 0, np.float64)
    for A, B in zip(narrow, initialize(check_matrix(wide), 4, "nndsvda", 0, np.float64), strict=True):
        np.testing.assert_array_equal(A, B)
    close(
        initialize(check_matrix(X.T), 4, "nndsvda", 0, np.float64),
        _initialize_nmf(sp.csr_matrix(X.T), 4, "nndsvda", random_state=0),
        np.float64,
    )


def test_a_generator_lends_its_stream(counts):
    X = check_matrix(counts)
    one, two = np.random.default_rng(1), np.random.default_rng(1)
    for init in INITS:
        for A, B in zip(initialize(X, 3, init, one), initialize(X, 3, init, two), strict=True):
            np.testing.assert_array_equal(A, B)
    first, second = (initialize(X, 3, "random", one)[0] for _ in range(2))
    assert (first != second).any()


@pytest.mark.parametrize("shape", [(8, 5), (5, 8)])
def test_auto_is_the_default_of_scikit_learn(shape):
    X = np.random.default_rng(0).random(shape)
    for k in (3, 5, 6):
        assert default_init(k, shape) == ("nndsvda" if k <= 5 else "random")
        ours = initialize(check_matrix(X), k, "auto", 0, np.float64)
        close(ours, _initialize_nmf(X, k, None, random_state=0), np.float64)


def test_variants_differ_from_nndsvd_in_its_zeros_alone(counts):
    X = check_matrix(counts)
    plain = initialize(X, 5, "nndsvd", 0, np.float64)
    for init in ("nndsvda", "nndsvdar"):
        for A, B in zip(plain, initialize(X, 5, init, 0, np.float64), strict=True):
            assert (A == 0).any()
            np.testing.assert_array_equal(A[A > 0], B[A > 0])
            assert (B > 0).all()
    mean = counts.mean()
    filled = initialize(X, 5, "nndsvda", 0, np.float64)
    for A, B in zip(plain, filled, strict=True):
        np.testing.assert_allclose(B[A == 0], mean)


def test_the_better_part_of_each_pair_starts_below_the_error_of_the_mean():
    A = np.abs(np.random.RandomState(42).randn(10, 10))
    W, H = initialize(check_matrix(A), 10, "nndsvd", 0, np.float64)
    assert np.linalg.norm(W @ H - A) <= np.linalg.norm(A - A.mean())


@pytest.mark.parametrize("dense", [False, True], ids=["csr", "dense"])
@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("scale", [1e-38, 1e-30, 1e-12, 1e-3, 1e3, 1e12, 1e30, 1e35])
def test_float32_at_any_scale(counts, init, scale, dense):
    """Finite, non-negative, and of the size of X: sum(WH) within a factor of ten of sum(X)."""
    X = check_matrix((counts.toarray() if dense else counts).astype(np.float32) * np.float32(scale))
    W, H = (F.astype(np.float64) for F in initialize(X, 5, init, 0, np.float32))
    assert np.isfinite(W).all()
    assert np.isfinite(H).all()
    assert W.min() >= 0
    assert H.min() >= 0
    # The filling of scikit-learn's is as large as X itself, where W and H are of its root: it may weigh 1e3 there.
    low, high = (0.1, 1e4 if init == "nndsvda" else 10) if init != "random" else (0.1, 10)
    assert low < W.sum(0) @ H.sum(1) / (counts.sum() * scale) < high


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("scale", [1e-320, 1e-300, 1e300])
def test_float64_at_its_ends(init, scale):
    X = np.random.default_rng(0).random((12, 9)) * scale
    for factor in initialize(check_matrix(X), 4, init, 0, np.float64):
        assert np.isfinite(factor).all()
        assert factor.max() > 0


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize(
    "X",
    [
        np.zeros((6, 5)),
        np.ones((6, 5)),
        np.eye(6, 5),
        np.diag([1.0, 1, 0, 0, 0]),
        np.outer([0.0, 1, 2], [0.0, 0, 3]),
        np.ones((1, 1)),
    ],
    ids=["zeros", "ones", "identity", "rank two", "rank one", "one entry"],
)
def test_deficient_matrices_give_no_nan(init, X):
    for given in (check_matrix(X), check_matrix(sp.csr_array(X))):
        for factor in initialize(given, min(X.shape), init, 0, np.float64):
            assert np.isfinite(factor).all()
            assert (factor >= 0).all()


@pytest.mark.parametrize("init", INITS)
def test_x_is_left_alone(counts, init):
    for dtype in (np.int64, np.float32):
        X = counts.astype(dtype)
        before = X.copy()
        checked = check_matrix(X)
        for array in (X.data, X.indices, X.indptr):
            array.flags.writeable = False
        initialize(checked, 4, init, 0)
        assert (before != X).nnz == 0


@pytest.mark.parametrize("init", ["nndsvd", "nndsvda", "nndsvdar"])
def test_more_components_than_rows_or_columns_need_a_random_start(init):
    with pytest.raises(ValueError, match=rf"init = '{init}' can only be used when n_components <= min\(n_samples"):
        initialize(check_matrix(np.ones((3, 9))), 4, init)


def test_unknown_init_lists_the_choices():
    with pytest.raises(ValueError, match="Unknown init 'svd': choose one of 'random', 'nndsvd'"):
        initialize(check_matrix(np.ones((3, 9))), 2, "svd")


def test_the_quick_start_has_the_law_of_the_random_one_and_depends_on_the_seed_alone():
    X = check_matrix(np.random.default_rng(0).poisson(2.0, (3000, 400)))
    one, again = (quick_random(X, 5, 7, np.dtype(np.float64)) for _ in range(2))
    other = quick_random(X, 5, 8, np.dtype(np.float64))
    slow = initialize(X, 5, "random", 7, np.float64)
    for count in THREADS:
        with threads(count):
            assert same(quick_random(X, 5, 7, np.dtype(np.float64)), one)
    for a, b, c, d in zip(one, again, other, slow, strict=True):
        assert np.array_equal(a, b)
        assert not np.array_equal(a, c)
        assert a.shape == d.shape
        assert a.mean() == pytest.approx(d.mean(), rel=0.05)
        assert a.std() == pytest.approx(d.std(), rel=0.05)


@pytest.mark.parametrize("shape", [(400, 300), (300, 400)])
@pytest.mark.parametrize(("dtype", "tol"), [(np.float32, 1e-3), (np.float64, 1e-10)])
def test_starts_of_large_matrices_are_scikit_learns_too(shape, dtype, tol):
    X = sp.csr_matrix(np.random.default_rng(3).poisson(0.3, shape).astype(dtype))
    ours = initialize(check_matrix(X), 5, "nndsvd", 0, dtype)
    for A, B in zip(ours, _initialize_nmf(X, 5, "nndsvd", random_state=0), strict=True):
        assert A.dtype == dtype
        assert np.abs(A - B).max() <= tol * np.abs(B).max()


def test_a_large_matrix_of_low_rank_falls_back_on_the_same_draws():
    rng = np.random.default_rng(4)
    X = rng.poisson(1.0, (300, 4)) @ rng.poisson(1.0, (4, 200)) + 0.0
    random = np.random.RandomState(7)
    ours = initialize(check_matrix(X), 5, "nndsvd", random, np.float64)
    theirs = _initialize_nmf(X, 5, "nndsvd", random_state=7)
    np.testing.assert_allclose(ours[0] @ ours[1], theirs[0] @ theirs[1], atol=1e-6 * X.max())


@pytest.fixture(scope="module")
def titles():
    """Texts of some eight words each."""
    return make_counts(1500, 3000, 6, mean_length=8, random_state=0).counts


def starting_pair(X, k, loss="kl"):
    return starts.usual_start(check_matrix(X), k, LOSSES[loss], 0, np.dtype(np.float32))


def test_short_rows_start_from_singular_vectors(titles):
    pair = starting_pair(titles, 6)
    assert same(pair, initialize(check_matrix(titles), 6, "nndsvdar", 0, np.float32))
    close(starting_pair(titles.toarray(), 6), pair, np.float32)
    one, *others = (factorize(titles, 6, random_state=0, max_iter=1, n_threads=n) for n in THREADS)
    assert all(same((one.W, one.H), (other.W, other.H)) for other in others)


OTHERS = {
    "long rows": (1500, 3000, 1, "kl"),
    "few rows": (60, 3000, 6, "kl"),
    "few columns": (1500, 200, 6, "kl"),
    "loss": (1500, 3000, 6, "frobenius"),
}


@pytest.mark.parametrize(("rows", "columns", "k", "loss"), OTHERS.values(), ids=OTHERS)
def test_others_start_at_random(titles, rows, columns, k, loss):
    X = titles[:rows, :columns]
    W, H = quick_random(check_matrix(X), k, 0, np.dtype(np.float32))
    assert same(starting_pair(X, k, loss=loss), (W, H))


@pytest.fixture(scope="module")
def verses():
    """The first quarter of the King James Bible, without the words of more than one verse in fifty."""
    X = load_kjv().counts
    found = np.bincount(X.indices, minlength=X.shape[1])
    return X[:8000, (found >= 10) & (found <= 0.02 * X.shape[0])]


def objectives(X, init):
    return [factorize(X, 20, init=init, random_state=seed).objective for seed in range(3)]


def test_verses_end_lower_than_from_a_random_start(verses):
    assert max(objectives(verses, "auto")) < min(objectives(verses, "random"))


def test_so_many_short_rows_start_from_a_sample_of_them(verses, monkeypatch):
    monkeypatch.setattr(starts, "SAMPLE", 2000)
    W, H = starting_pair(verses, 20)
    assert same((W, H), starting_pair(verses, 20))
    assert np.ptp(W) == 0
    np.testing.assert_allclose(W.sum(axis=0) @ H.sum(axis=1), verses.sum(), rtol=1e-3)
    assert max(objectives(verses, "auto")) < min(objectives(verses, "random"))
