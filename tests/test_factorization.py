"""What `factorize` and `solve_rows` return: every solver, loss, path and dtype, every storage of X, every scale."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import nnls
from sklearn.decomposition import non_negative_factorization as sklearn_nmf

import sparsenmf
from sparsenmf import factorize, kkt_residual
from sparsenmf._validation import check_matrix
from sparsenmf.factorization import solve_rows
from sparsenmf.init import initialize, quick_random
from sparsenmf.kernels.short import SHORT
from tests import reference

SOLVERS = ("auto", "mu", "cd", "gd")
LOSSES = ("kl", "frobenius")
PATHS = ("sparse", "dense")
PAIRS = [(solver, loss) for solver in SOLVERS for loss in LOSSES]
EVERYTHING = [(solver, loss, path) for solver, loss in PAIRS for path in PATHS]
EXACT = {"float64": 1e-10, "float32": 1e-4}
WINDOW = {"auto": 4, "cd": 2, "mu": 10, "gd": 10}
PENALTY = {"alpha_W": 0.02, "alpha_H": 0.01, "l1_ratio": 0.5}

each_loss = pytest.mark.parametrize("loss", LOSSES)
each_path = pytest.mark.parametrize("path", PATHS)
each_pair = pytest.mark.parametrize(("solver", "loss"), PAIRS)


def fit(X, k=4, **arguments):
    """A short fit on one thread that nothing stops early."""
    return factorize(X, k, **({"random_state": 0, "max_iter": 12, "tol": 0, "n_threads": 1} | arguments))


def objectives(fitted) -> np.ndarray:
    return np.array([record.objective for record in fitted.history])


def without_empty(X) -> np.ndarray:
    """X without its rows and columns of zeros, whose factors are zero at the end whatever a solver does."""
    return X[X.any(axis=1)][:, X.any(axis=0)]


def same_factors(a, b) -> bool:
    return np.array_equal(a.W, b.W) and np.array_equal(a.H, b.H)


def full_objective(X, W, H, loss, alpha_W=0.0, alpha_H=0.0, l1_ratio=0.0) -> float:
    """The cost with its penalties, in float64."""
    p = reference.penalties(X.shape, alpha_W, alpha_H, l1_ratio)
    W, H = W.astype(np.float64), H.astype(np.float64)
    extra = reference.penalty(W, p["l1_W"], p["l2_W"]) + reference.penalty(H, p["l1_H"], p["l2_H"])
    return reference.objective(X, W, H.T, loss) + (2 if loss == "frobenius" else 1) * extra


# --- the result -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("solver", "loss", "path"), EVERYTHING)
def test_the_objective_is_that_of_the_factors_returned(dense_counts, solver, loss, path, dtype):
    fitted = fit(dense_counts, solver=solver, loss=loss, path=path, dtype=dtype)
    assert fitted.W.dtype == fitted.H.dtype == dtype
    W, H = fitted.W.astype(np.float64), fitted.H.astype(np.float64)
    exact = reference.objective(dense_counts, W, H.T, loss)
    assert fitted.objective == pytest.approx(exact, rel=EXACT[dtype])
    assert sparsenmf.objective(dense_counts, W, H, loss) == pytest.approx(exact, rel=1e-10)
    assert objectives(fitted)[0] > fitted.objective


@pytest.mark.parametrize(("solver", "loss", "path"), EVERYTHING)
def test_the_objective_holds_the_penalties(dense_counts, start, solver, loss, path):
    W, H = start
    fitted = fit(dense_counts, solver=solver, loss=loss, path=path, W=W, H=H, **PENALTY)
    assert objectives(fitted)[0] == pytest.approx(full_objective(dense_counts, W, H, loss, **PENALTY), rel=1e-10)
    assert fitted.objective == pytest.approx(
        full_objective(dense_counts, fitted.W, fitted.H, loss, **PENALTY), rel=1e-10
    )


@each_pair
def test_the_result_names_what_was_done(counts, solver, loss):
    fitted = fit(counts, solver=solver, loss=loss)
    assert (fitted.solver, fitted.loss, fitted.n_iter) == (solver, loss, 12)
    assert (fitted.stop_reason, fitted.converged) == ("max_iter", False)
    assert fitted.objective == fitted.history[-1].objective
    assert fitted.kkt == fitted.history[-1].kkt > 0
    assert type(fitted.objective) is float
    assert [record.iteration for record in fitted.history] == list(range(13))
    seconds = [record.seconds for record in fitted.history]
    assert seconds[0] == 0
    assert seconds == sorted(seconds)


@each_path
@each_pair
def test_factors_are_arrays_of_their_own(dense_counts, start, solver, loss, path):
    W, H = (factor.copy() for factor in start)
    fitted = fit(dense_counts, solver=solver, loss=loss, path=path, W=W, H=H)
    for factor, given, shape in ((fitted.W, W, (60, 4)), (fitted.H, H, (4, 40))):
        assert type(factor) is np.ndarray
        assert factor.shape == shape
        assert factor.flags.c_contiguous
        assert factor.flags.writeable
        assert (factor >= 0).all()
        assert not np.shares_memory(factor, given)
    assert np.array_equal(W, start[0])
    assert np.array_equal(H, start[1])


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("solver", ["mu", "cd", "gd"])
def test_the_history_is_that_of_shorter_fits(dense_counts, solver, loss):
    """A record's objective comes out of the update that leaves its pair; a fit that ends there measures it apart."""
    X = without_empty(dense_counts)
    long = objectives(fit(X, solver=solver, loss=loss, max_iter=5))
    short = [fit(X, solver=solver, loss=loss, max_iter=i).objective for i in range(1, 6)]
    np.testing.assert_allclose(long[1:], short, rtol=1e-10)


@each_pair
def test_dense_and_sparse_paths_agree(dense_counts, solver, loss):
    """KL coordinate descent takes rows of few nonzeros another way (below): here none is short."""
    descends = loss == "kl" and solver in ("cd", "auto")
    X = np.random.default_rng(8).poisson(3.0, (50, 40)) * 1.0 if descends else dense_counts
    sparse, dense = (fit(X, solver=solver, loss=loss, path=path, max_iter=20) for path in PATHS)
    np.testing.assert_allclose(dense.W, sparse.W, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(dense.H, sparse.H, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(objectives(dense), objectives(sparse), rtol=1e-8)
    np.testing.assert_allclose(dense.kkt, sparse.kkt, rtol=1e-6)


@pytest.mark.parametrize(("alpha", "l1_ratio"), [(0.0, 0.0), (0.01, 0.5)])
def test_kl_coordinate_descent_on_short_rows_is_two_passes_of_the_reference(alpha, l1_ratio):
    rng = np.random.default_rng(9)
    X = without_empty(rng.poisson(0.4, (40, 24)) * 1.0)
    assert max((X > 0).sum(axis=0).max(), (X > 0).sum(axis=1).max()) <= SHORT
    W, H = rng.uniform(0.2, 0.8, (len(X), 3)), rng.uniform(0.2, 0.8, (3, X.shape[1]))
    fitted = fit(X, 3, solver="cd", W=W, H=H, max_iter=6, path="sparse", alpha_W=alpha, l1_ratio=l1_ratio)
    p = reference.penalties(X.shape, alpha, alpha, l1_ratio)
    for _ in range(6):
        W = reference.kl_newton_rows(X, W, H.T, p["l1_W"], p["l2_W"], sweeps=2)
        H = reference.kl_newton_rows(X.T, H.T, W, p["l1_H"], p["l2_H"], sweeps=2).T
    np.testing.assert_allclose(fitted.W, W, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(fitted.H, H, rtol=1e-8, atol=1e-10)


@each_loss
def test_the_automatic_path_is_one_of_the_two(dense_counts, loss):
    """A sparse matrix goes sparse and a full one dense, however they are stored."""
    full = dense_counts + 1
    for X, path in ((dense_counts * (dense_counts > 4), "sparse"), (full, "dense")):
        for stored in (X, sp.csr_array(X)):
            assert same_factors(fit(stored, loss=loss), fit(X, loss=loss, path=path))


@pytest.mark.parametrize(
    ("given", "asked", "expected"),
    [
        ("float64", "auto", "float64"),
        ("float32", "auto", "float32"),
        ("int64", "auto", "float32"),
        ("bool", "auto", "float32"),
        ("float16", "auto", "float32"),
        ("int64", "float64", "float64"),
        ("float64", "float32", "float32"),
        ("float32", np.float64, "float64"),
    ],
)
def test_dtypes(counts, given, asked, expected):
    X = counts.toarray().astype(given)
    fitted = fit(sp.csr_array(X) if given != "float16" else X, solver="mu", path="sparse", dtype=asked)
    assert fitted.W.dtype == fitted.H.dtype == expected
    exact = reference.objective(X.astype(np.float64), fitted.W.astype(np.float64), fitted.H.T.astype(np.float64), "kl")
    assert fitted.objective == pytest.approx(exact, rel=EXACT[expected])


# --- stopping ---------------------------------------------------------------------------------------------------------


@each_pair
def test_the_tolerance_is_met_when_it_stops_and_not_before(dense_counts, solver, loss):
    tol = 1e-3
    fitted = fit(dense_counts, solver=solver, loss=loss, tol=tol, max_iter=2000)
    assert fitted.converged
    assert fitted.stop_reason in ("objective", "kkt")
    assert fitted.n_iter < 2000
    met, window = fitted.history[:-1], WINDOW[solver]

    def within(i):
        least = min(record.objective for record in met[max(0, i + 1 - window) : i + 1])
        before = min((record.objective for record in met[: max(0, i + 1 - window)]), default=np.inf)
        return met[i].kkt <= tol or before - least <= tol * least

    assert [within(i) for i in range(len(met))] == [False] * (len(met) - 1) + [True]


@each_loss
def test_a_stationary_start_stops_at_once_by_its_kkt_residual(dense_counts, loss):
    found = fit(dense_counts, solver="cd", loss=loss, max_iter=2000)
    again = fit(dense_counts, solver="cd", loss=loss, tol=1e-4, W=found.W, H=found.H)
    assert (again.stop_reason, again.n_iter, again.converged) == ("kkt", 1, True)


@each_pair
def test_without_a_tolerance_nothing_but_max_iter_stops(solver, loss):
    """Not even where nothing moves any more: 2 = 1 * 2 is exact."""
    fitted = fit([[2.0]], 1, solver=solver, loss=loss, W=[[1.0]], H=[[2.0]], max_iter=30)
    assert (fitted.n_iter, fitted.stop_reason, fitted.converged) == (30, "max_iter", False)
    assert fitted.objective == pytest.approx(0, abs=1e-15)


def test_no_time_is_one_iteration(counts):
    fitted = fit(counts, max_seconds=0)
    assert (fitted.n_iter, fitted.stop_reason, fitted.converged) == (1, "max_seconds", False)
    assert fit(counts, max_seconds=1e9).stop_reason == "max_iter"


@each_pair
def test_the_callback_sees_the_whole_history(counts, solver, loss):
    seen = []
    fitted = fit(counts, solver=solver, loss=loss, callback=seen.append)
    assert tuple(seen) == fitted.history


@each_pair
def test_the_callback_stops(counts, solver, loss):
    fitted = fit(counts, solver=solver, loss=loss, callback=lambda record: record.iteration == 3)
    assert (fitted.n_iter, fitted.stop_reason, fitted.converged) == (4, "callback", False)
    assert len(fitted.history) == 5
    assert same_factors(fitted, fit(counts, solver=solver, loss=loss, max_iter=4))


def test_the_callback_sees_the_scale_of_x(counts):
    """Large entries are worked on in another scale, which shows nowhere."""
    seen, X = [], counts * 4.0**25
    fitted = fit(X, callback=seen.append)
    assert tuple(seen) == fitted.history
    W, H = fitted.W, fitted.H
    assert seen[-1].objective == pytest.approx(reference.objective(X.toarray(), W, H.T, "kl"), rel=1e-10)


def test_an_error_of_the_callback_comes_through(counts):
    def fails(record):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fit(counts, callback=fails)


# --- starts -----------------------------------------------------------------------------------------------------------


@each_path
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("solver", ["mu", "cd"])
def test_a_warm_start_goes_on(dense_counts, solver, loss, path):
    whole = fit(dense_counts, solver=solver, loss=loss, path=path, max_iter=10)
    half = fit(dense_counts, solver=solver, loss=loss, path=path, max_iter=5)
    rest = fit(dense_counts, solver=solver, loss=loss, path=path, max_iter=5, init="custom", W=half.W, H=half.H)
    np.testing.assert_allclose(rest.W, whole.W, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(rest.H, whole.H, rtol=1e-8, atol=1e-12)
    assert rest.history[0].objective == pytest.approx(half.objective, rel=1e-10)


@pytest.mark.parametrize("init", ["auto", "random", "nndsvd", "nndsvda", "nndsvdar"])
def test_an_init_by_name_is_the_start(dense_counts, init):
    X, dtype = check_matrix(dense_counts), np.dtype(np.float64)
    W, H = quick_random(X, 4, 3, dtype) if init == "auto" else initialize(X, 4, init, random_state=3, dtype=dtype)
    given = fit(dense_counts, solver="cd", W=W, H=H)
    assert same_factors(fit(dense_counts, solver="cd", init=init, random_state=3), given)


def test_one_factor_may_be_given_alone(dense_counts, start):
    W, H = quick_random(check_matrix(dense_counts), 4, 0, np.dtype(np.float64))
    assert same_factors(fit(dense_counts, W=start[0]), fit(dense_counts, W=start[0], H=H))
    assert same_factors(fit(dense_counts, H=start[1]), fit(dense_counts, W=W, H=start[1]))
    assert same_factors(fit(dense_counts, init="custom", W=W, H=H), fit(dense_counts))


def test_a_start_may_be_any_array_like(dense_counts, start):
    W, H = start
    expected = fit(dense_counts, W=W, H=H)
    for form in (np.ndarray.tolist, np.asfortranarray, lambda A: A[:, ::-1][:, ::-1]):
        assert same_factors(fit(dense_counts, W=form(W), H=form(H)), expected)


def test_seeds(counts):
    assert same_factors(fit(counts, random_state=5), fit(counts, random_state=np.random.RandomState(5)))
    assert same_factors(*(fit(counts, random_state=np.random.default_rng(5)) for _ in range(2)))
    assert not same_factors(fit(counts, random_state=5), fit(counts, random_state=6))
    assert not same_factors(fit(counts, random_state=None), fit(counts, random_state=None))


# --- H fixed ----------------------------------------------------------------------------------------------------------


@each_path
@each_pair
def test_a_fixed_h_comes_back_bit_for_bit(dense_counts, start, solver, loss, path):
    H = start[1].copy()
    H[2] = 0  # a component that H lacks stays so, and W lacks it too
    fitted = fit(dense_counts, solver=solver, loss=loss, path=path, H=H, update_H=False)
    assert np.array_equal(fitted.H, H)
    assert not fitted.W[:, 2].any()
    assert (np.diff(objectives(fitted)) <= 1e-12 * fitted.history[0].objective).all()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_a_fixed_h_comes_back_bit_for_bit_at_any_scale(dense_counts, start, scale, dtype):
    X, H = (dense_counts * scale).astype(dtype), start[1].astype(dtype)
    for given in (H, H * H.dtype.type(1e-30)):
        if dtype == "float32" and scale == 1e30 and given is not H:
            with pytest.raises(ValueError, match="too large for float32: use dtype='float64'"):
                fit(X, H=given, update_H=False)
        else:
            assert np.array_equal(fit(X, H=given, update_H=False).H, given)


@each_loss
@pytest.mark.parametrize("solver", ["auto", "mu", "cd"])
def test_rows_are_independent_where_h_is_fixed(dense_counts, start, solver, loss):
    W, H = start
    some = np.array([3, 59, 7, 20])
    whole = fit(dense_counts, solver=solver, loss=loss, path="sparse", W=W, H=H, update_H=False)
    part = fit(dense_counts[some], solver=solver, loss=loss, path="sparse", W=W[some], H=H, update_H=False)
    np.testing.assert_allclose(part.W, whole.W[some], rtol=1e-12, atol=1e-15)


@each_loss
@pytest.mark.parametrize("solver", ["auto", "cd"])
def test_a_fit_with_h_fixed_finds_the_minimiser(dense_counts, start, solver, loss):
    fitted = fit(dense_counts, solver=solver, loss=loss, H=start[1], update_H=False, max_iter=3000)
    worst, slack = reference.kkt_parts(dense_counts, fitted.W, start[1].T, loss)
    assert max(worst, slack) < 1e-8 * dense_counts.sum()
    solved = solve_rows(dense_counts, start[1], loss=loss, max_iter=20000, tol=1e-10)
    np.testing.assert_allclose(fitted.W, solved, rtol=1e-5, atol=1e-6)


# --- what X may be ----------------------------------------------------------------------------------------------------


def reversed_rows(X):
    ends = np.stack([X.indptr[:-1], X.indptr[1:]], axis=1)
    order = np.concatenate([np.arange(a, b)[::-1] for a, b in ends])
    return sp.csr_array((X.data[order], X.indices[order], X.indptr), shape=X.shape)


def halved_twice(X):
    return sp.csr_array((np.repeat(X.data / 2, 2), np.repeat(X.indices, 2), 2 * X.indptr), shape=X.shape)


def with_stored_zeros(X):
    dense = X.toarray()
    stored = (dense > 0) | (np.random.default_rng(2).random(X.shape) < 0.2)
    rows, columns = stored.nonzero()
    indptr = np.append(0, np.cumsum(np.bincount(rows, minlength=X.shape[0])))
    return sp.csr_array((dense[stored], columns, indptr), shape=X.shape)


def wide(X):
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


def read_only(X):
    for array in (X.data, X.indices, X.indptr):
        array.setflags(write=False)
    return X


def memory_mapped(X):
    mapped = []
    for name in ("data", "indices", "indptr"):  # in the working directory, a temporary one
        np.save(f"{name}.npy", getattr(X, name))
        mapped.append(np.load(f"{name}.npy", mmap_mode="r"))
    return sp.csr_array(tuple(mapped), shape=X.shape)


def sparse_frame(X):
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame.sparse.from_spmatrix(sp.csr_matrix(X))


FORMS = {
    "csr_matrix": sp.csr_matrix,
    "csc_array": sp.csr_array.tocsc,
    "csc_matrix": sp.csc_matrix,
    "coo_array": sp.csr_array.tocoo,
    "lil_array": sp.csr_array.tolil,
    "unsorted": reversed_rows,
    "unsorted csc": lambda X: reversed_rows(X.T.tocsr()).T,
    "duplicates": halved_twice,
    "stored zeros": with_stored_zeros,
    "stored zeros csc": lambda X: with_stored_zeros(X).tocsc(),
    "int64 indices": wide,
    "read-only": read_only,
    "memory-mapped": memory_mapped,
    "sparse frame": sparse_frame,
    "dense": sp.csr_array.toarray,
    "dense in columns": lambda X: np.asfortranarray(X.toarray()),
    "list": lambda X: X.toarray().tolist(),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_storage_gives_the_factors_of_canonical_csr(dense_counts, tmp_path, monkeypatch, form):
    monkeypatch.chdir(tmp_path)
    X = FORMS[form](sp.csr_array(dense_counts))
    before = X.copy() if hasattr(X, "copy") else list(X)
    for solver, loss in (("mu", "kl"), ("cd", "kl"), ("auto", "kl"), ("mu", "frobenius"), ("cd", "frobenius")):
        expected = fit(sp.csr_array(dense_counts), solver=solver, loss=loss, path="sparse", max_iter=8)
        found = fit(X, solver=solver, loss=loss, path="sparse", max_iter=8)
        assert same_factors(found, expected), (solver, loss)
        assert found.objective == expected.objective
    assert same_storage(X, before)


def same_storage(X, before) -> bool:
    """Whether X still holds the arrays that it held, in their order."""
    if not sp.issparse(X):
        return bool((np.asarray(X) == np.asarray(before)).all())
    names = {"lil": ("rows",), "coo": ("row", "col", "data")}.get(X.format, ("indptr", "indices", "data"))
    return all(
        getattr(X, name).dtype == getattr(before, name).dtype
        and np.array_equal(getattr(X, name), getattr(before, name))
        for name in names
    )


@each_path
@each_pair
def test_nothing_given_is_changed(counts, start, solver, loss, path):
    X = sp.csr_array(counts).astype(np.float64)
    W, H = (factor.copy() for factor in start)
    for array in (X.data, X.indices, X.indptr, W, H):
        array.setflags(write=False)
    fit(X, solver=solver, loss=loss, path=path, W=W, H=H, **PENALTY)
    assert np.array_equal(X.toarray(), counts.toarray())
    assert np.array_equal(W, start[0])
    assert np.array_equal(H, start[1])


@each_path
@each_pair
def test_a_dense_array_is_not_changed(dense_counts, solver, loss, path):
    X = dense_counts.copy()
    fit(X, solver=solver, loss=loss, path=path)
    assert np.array_equal(X, dense_counts)


@each_path
@each_pair
def test_factors_of_empty_rows_and_columns_are_zero(dense_counts, start, solver, loss, path):
    W, H = start
    for penalty in ({}, PENALTY):
        fitted = fit(dense_counts, solver=solver, loss=loss, path=path, W=W, H=H, max_iter=3, **penalty)
        assert not fitted.W[7].any()
        assert not fitted.H[:, 11].any()
        assert fitted.W.any(axis=1).sum() > 40


@pytest.mark.parametrize(("shape", "k"), [((1, 1), 1), ((1, 7), 1), ((7, 1), 2), ((3, 2), 6), ((1, 5), 4), ((5, 1), 3)])
def test_small_shapes_and_many_components(shape, k):
    X = np.random.default_rng(4).poisson(2.0, shape) + 1.0
    for solver, loss, path in EVERYTHING:
        fitted = fit(X, k, solver=solver, loss=loss, path=path, max_iter=60)
        assert (fitted.W.shape, fitted.H.shape) == ((shape[0], k), (k, shape[1]))
        assert np.isfinite(fitted.W).all()
        assert np.isfinite(fitted.H).all()
        assert 0 <= fitted.objective <= fitted.history[0].objective
        if k >= min(shape) and solver != "gd":  # an exact factorization exists
            assert fitted.objective < 1e-2 * reference.objective(
                X, np.ones((shape[0], 1)), np.ones((shape[1], 1)), loss
            )


@each_path
@pytest.mark.parametrize("solver", SOLVERS)
def test_one_component_for_kl_has_a_closed_form(dense_counts, solver, path):
    """WH = row sums times column sums, over the total: independence."""
    fitted = fit(dense_counts, 1, solver=solver, path=path, max_iter=200)
    rows, columns = dense_counts.sum(axis=1, keepdims=True), dense_counts.sum(axis=0, keepdims=True)
    least = reference.objective(dense_counts, rows / rows.sum(), columns.T, "kl")
    assert fitted.objective == pytest.approx(least, rel=1e-3 if solver == "gd" else 1e-11)
    if solver != "gd":  # which is slow
        np.testing.assert_allclose(fitted.W @ fitted.H, rows @ columns / rows.sum(), rtol=1e-9, atol=1e-9)


@each_path
@pytest.mark.parametrize("solver", SOLVERS)
def test_one_component_for_frobenius_is_the_first_singular_pair(dense_counts, solver, path):
    fitted = fit(dense_counts, 1, solver=solver, loss="frobenius", path=path, max_iter=300)
    U, S, V = np.linalg.svd(dense_counts)
    np.testing.assert_allclose(fitted.W @ fitted.H, S[0] * np.outer(U[:, 0], V[0]), atol=1e-6)
    assert fitted.objective == pytest.approx((S[1:] ** 2).sum(), rel=1e-9)


# --- the iterates -----------------------------------------------------------------------------------------------------


@each_path
@each_loss
@pytest.mark.parametrize("l1_ratio", [None, 0.0, 0.5, 1.0])
def test_multiplicative_updates_are_the_references(dense_counts, start, loss, path, l1_ratio):
    W, H = start
    chosen = {} if l1_ratio is None else PENALTY | {"l1_ratio": l1_ratio}
    fitted = fit(dense_counts, solver="mu", loss=loss, path=path, W=W, H=H, max_iter=10, **chosen)
    weights = reference.penalties(dense_counts.shape, **chosen) if chosen else {}
    for _ in range(10):
        W, H = reference.mu_step(dense_counts, W, H, loss, **weights)
    np.testing.assert_allclose(fitted.W, W, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(fitted.H, H, rtol=1e-9, atol=1e-14)


def sklearn_iterates(X, start, iterations, loss, solver, **penalty):
    """Factors after so many of scikit-learn's iterations."""
    name = "kullback-leibler" if loss == "kl" else "frobenius"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        W, H, _ = sklearn_nmf(
            X,
            W=start[0].copy(),
            H=start[1].copy(),
            n_components=len(start[1]),
            init="custom",
            beta_loss=name,
            solver=solver,
            max_iter=iterations,
            tol=0,
            **penalty,
        )
    return W, H


@pytest.mark.parametrize(
    ("loss", "l1_ratio"), [("frobenius", 0.0), ("frobenius", 0.5), ("frobenius", 1.0), ("kl", 1.0)]
)
def test_penalised_multiplicative_updates_are_scikit_learns(dense_counts, start, loss, l1_ratio):
    penalty = PENALTY | {"l1_ratio": l1_ratio}
    W, H = sklearn_iterates(dense_counts, start, 20, loss, "mu", **penalty)
    fitted = fit(dense_counts, solver="mu", loss=loss, W=start[0], H=start[1], max_iter=20, **penalty)
    np.testing.assert_allclose(fitted.W, W, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(fitted.H, H, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_kl_with_an_l2_penalty_has_scikit_learns_fixed_points(dense_counts, start, l1_ratio):
    """Its update may raise the cost on the way, so ours is another one."""
    penalty = PENALTY | {"l1_ratio": l1_ratio}
    W, H = sklearn_iterates(dense_counts, start, 3000, "kl", "mu", **penalty)
    fitted = fit(dense_counts, solver="mu", W=W, H=H, max_iter=1, **penalty)
    np.testing.assert_allclose(fitted.W, W, rtol=1e-3, atol=1e-4 * W.max())
    np.testing.assert_allclose(fitted.H, H, rtol=1e-3, atol=1e-4 * H.max())


@each_path
@pytest.mark.parametrize("l1_ratio", [None, 0.0, 0.5, 1.0])
def test_euclidean_coordinate_descent_is_scikit_learns(dense_counts, start, path, l1_ratio):
    penalty = {} if l1_ratio is None else PENALTY | {"l1_ratio": l1_ratio}
    X = sp.csr_matrix(dense_counts) if path == "sparse" else dense_counts
    W, H = sklearn_iterates(X, start, 15, "frobenius", "cd", **penalty)
    fitted = fit(X, solver="cd", loss="frobenius", path=path, W=start[0], H=start[1], max_iter=15, **penalty)
    np.testing.assert_allclose(fitted.W, W, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(fitted.H, H, rtol=1e-8, atol=1e-10)


@each_loss
def test_projected_gradient_with_a_step_is_equation_6(dense_counts, start, loss):
    step, rows, columns = 1e-3, dense_counts.any(axis=1), dense_counts.any(axis=0)  # others' factors are zero anyway
    X, W, H = dense_counts[rows][:, columns], start[0][rows], start[1][:, columns]
    fitted = fit(X, solver="gd", loss=loss, W=W, H=H, step=step, max_iter=5)
    for _ in range(5):
        W = reference.gd_rows(X, W, H.T, loss, step)
        H = reference.gd_rows(X.T, H.T, W, loss, step).T
    np.testing.assert_allclose(fitted.W, W, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(fitted.H, H, rtol=1e-9, atol=1e-12)


@each_pair
def test_penalties_shrink_the_factors(dense_counts, start, solver, loss):
    W, H = start

    def size(**penalty):
        fitted = fit(dense_counts, solver=solver, loss=loss, W=W, H=H, max_iter=100, **penalty)
        return fitted.W.sum() + fitted.H.sum()

    assert size(alpha_W=0.5, l1_ratio=1.0) < size(alpha_W=0.05, l1_ratio=1.0) < size()
    assert size(alpha_W=0.5, alpha_H=0.5) == size(alpha_W=0.5, alpha_H="same")


# --- the cost never rises ---------------------------------------------------------------------------------------------


def random_case(rng):
    """A tiny X of any sparsity with zero rows now and then, a start that may hold zeros, and a number of components."""
    n, m, k = (int(v) for v in rng.integers(1, (14, 14, 6)))
    X = rng.poisson(rng.gamma(0.5, 3.0, (n, m))) * (rng.random((n, m)) < rng.choice([0.05, 0.3, 1.0])) * 1.0
    if rng.random() < 0.4:
        X *= rng.gamma(0.3, 1.0, (n, m))
    X[rng.random(n) < 0.1] = 0
    X[rng.integers(n), rng.integers(m)] += 1
    W, H = rng.gamma(0.5, 10.0 ** rng.integers(-3, 4), (n, k)), rng.gamma(0.5, 10.0 ** rng.integers(-3, 4), (k, m))
    if rng.random() < 0.4:
        W, H = W * (rng.random((n, k)) < 0.8), H * (rng.random((k, m)) < 0.8)
    W[rng.integers(n), rng.integers(k)] += 0.1
    H[rng.integers(k), rng.integers(m)] += 0.1
    return X, W, H


def random_penalty(rng):
    alphas = {name: float(rng.choice([0.0, 0.001, 0.1, 1.0])) for name in ("alpha_W", "alpha_H")}
    return alphas | {"l1_ratio": float(rng.choice([0.0, 0.5, 1.0]))}


def assert_never_rises(X, fitted):
    """To 1e-12 relative, and to the rounding of the sums that cancel where the cost comes near zero."""
    values, x = objectives(fitted), X[X > 0]
    sums = x @ x if fitted.loss == "frobenius" else x.sum() + np.abs(x * np.log(x)).sum()
    assert not np.isnan(values).any()
    risen = values[1:] > values[:-1] * (1 + 1e-12) + 1e-14 * sums
    assert not risen.any(), (fitted.solver, fitted.loss, X.tolist(), values.tolist())


@each_path
@each_loss
@pytest.mark.parametrize("solver", ["mu", "cd", "gd"])
def test_the_cost_never_rises(solver, loss, path):
    rng = np.random.default_rng(10)
    for _ in range(1000 if path == "sparse" else 200):
        X, W, H = random_case(rng)
        fitted = fit(X, len(H), solver=solver, loss=loss, path=path, W=W, H=H, max_iter=8)
        assert_never_rises(X, fitted)


@each_loss
@pytest.mark.parametrize("solver", ["mu", "cd", "gd"])
def test_the_penalised_cost_never_rises(solver, loss):
    rng = np.random.default_rng(11)
    for _ in range(500):
        X, W, H = random_case(rng)
        penalty = random_penalty(rng)
        assert_never_rises(X, fit(X, len(H), solver=solver, loss=loss, W=W, H=H, max_iter=8, path="sparse", **penalty))


@each_loss
@pytest.mark.parametrize("solver", ["mu", "cd", "gd"])
def test_the_cost_never_rises_on_longer_runs(dense_counts, solver, loss):
    for seed in range(3):
        assert_never_rises(dense_counts, fit(dense_counts, solver=solver, loss=loss, max_iter=150, random_state=seed))


@each_loss
@pytest.mark.parametrize("solver", ["mu", "cd", "gd"])
def test_the_cost_never_rises_from_starts_far_off_the_scale_of_x(dense_counts, start, solver, loss):
    W, H = start
    for a, b in ((1e9, 1e9), (1e-9, 1e-9), (1e20, 1e-20), (1e-20, 1e20), (1e30, 1.0)):
        assert_never_rises(dense_counts, fit(dense_counts, solver=solver, loss=loss, W=a * W, H=b * H))


@each_loss
@pytest.mark.parametrize("solver", ["mu", "cd", "gd"])
@pytest.mark.parametrize("small", [1e-10, 1e-20, 1e-30])
def test_the_cost_never_rises_where_scales_are_mixed(dense_counts, start, solver, loss, small):
    """A column measured in other units is data too."""
    for place in (np.s_[:, ::2], np.s_[::2]):
        X = dense_counts.copy()
        X[place] *= small
        assert_never_rises(X, fit(X, solver=solver, loss=loss, W=start[0], H=start[1]))


@each_path
@each_loss
def test_the_default_ends_at_least_as_well_as_multiplicative_updates(counts, loss, path):
    ends = {
        solver: [
            fit(counts, solver=solver, loss=loss, path=path, max_iter=100, random_state=seed).objective
            for seed in range(6)
        ]
        for solver in ("auto", "mu")
    }
    assert np.mean(ends["auto"]) <= np.mean(ends["mu"])
    assert (np.array(ends["auto"]) <= 1.05 * np.array(ends["mu"])).all()


# --- optimality -------------------------------------------------------------------------------------------------------


def worst_condition(X, W, H, loss) -> float:
    """The reference's violation of the conditions of optimality, as a share of the push that a gradient has."""
    parts = (*reference.kkt_parts(X, W, H.T, loss), *reference.kkt_parts(X.T, H.T, W, loss))
    push = max(reference.gradient_parts(*given, loss)[1].max() for given in ((X, W, H.T), (X.T, H.T, W)))
    return max(parts) / push


@each_path
@each_loss
def test_the_kkt_residual_falls_with_the_references(dense_counts, loss, path):
    fits = [fit(dense_counts, solver="cd", loss=loss, path=path, max_iter=i) for i in (1, 30, 2000)]
    ours = [kkt_residual(dense_counts, f.W, f.H, loss) for f in fits]
    theirs = [worst_condition(dense_counts, f.W, f.H, loss) for f in fits]
    assert ours == sorted(ours, reverse=True)
    assert theirs == sorted(theirs, reverse=True)
    assert ours[0] > 1e-3
    assert ours[-1] < 1e-6
    assert theirs[-1] < 1e-5
    for fitted, value in zip(fits[1:], ours[1:], strict=True):
        assert value / 30 - 1e-12 <= fitted.kkt <= value * 30 + 1e-12


@each_loss
def test_the_kkt_residual_sees_a_zero_that_wants_to_grow(dense_counts, loss):
    """F * gradient is zero there: only the gradient's sign tells."""
    found = fit(dense_counts, solver="cd", loss=loss, max_iter=2000)
    W = found.W.copy()
    i, a = np.unravel_index(W.argmax(), W.shape)
    assert kkt_residual(dense_counts, W, found.H, loss) < 1e-6
    W[i, a] = 0
    assert kkt_residual(dense_counts, W, found.H, loss) > 1e-4
    assert kkt_residual(dense_counts, 1.1 * found.W, found.H, loss) > 1e-2


def test_the_kkt_residual_is_zero_at_the_closed_form(dense_counts):
    W = dense_counts.sum(axis=1, keepdims=True)
    H = dense_counts.sum(axis=0, keepdims=True) / dense_counts.sum()
    assert kkt_residual(dense_counts, W, H) == pytest.approx(0, abs=1e-14)
    assert kkt_residual(dense_counts, 2 * W, H) > 0.1


@each_loss
def test_the_kkt_residual_has_no_unit(dense_counts, start, loss):
    W, H = start
    value = kkt_residual(dense_counts, W, H, loss)
    assert kkt_residual(16 * dense_counts, 8 * W, 2 * H, loss) == pytest.approx(value, rel=1e-12)


def test_the_objective_is_infinite_where_a_count_has_no_support(dense_counts, start):
    W, H = (factor.copy() for factor in start)
    W[3] = 0
    assert sparsenmf.objective(dense_counts, W, H) == np.inf
    assert sparsenmf.objective(sp.csr_array(dense_counts), W, H) == np.inf
    assert np.isfinite(sparsenmf.objective(dense_counts, W, H, "frobenius"))


# --- scales -----------------------------------------------------------------------------------------------------------


def assert_sound(fitted):
    """Nothing that is no number came out."""
    assert np.isfinite(fitted.W).all()
    assert np.isfinite(fitted.H).all()
    assert not np.isnan(objectives(fitted)).any()
    assert not np.isnan([record.kkt for record in fitted.history]).any()


@pytest.mark.parametrize("exponent", [-30, -20, -7, 7, 20, 30])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-6), ("float32", 2e-2)])
def test_every_scale_gives_the_same_fit(dense_counts, dtype, tolerance, exponent):
    X = (dense_counts * 10.0**exponent).astype(dtype)
    for solver, loss, path in EVERYTHING:
        fitted = fit(X, solver=solver, loss=loss, path=path)
        assert_sound(fitted)
        plain = fit(dense_counts.astype(dtype), solver=solver, loss=loss, path=path)
        unit = 10.0 ** (exponent if loss == "kl" else 2 * exponent)
        assert fitted.objective / unit == pytest.approx(plain.objective, rel=tolerance), (solver, loss, path)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("p", "q"), [(25, 40), (-25, -40), (-25, 25)])
def test_powers_of_four_pass_through_exactly(dense_counts, dtype, p, q):
    """Out of the ordinary, X is brought near 1 by a power of four: exact in binary, and so is its root."""
    X = dense_counts.astype(dtype)
    four, two = X.dtype.type(4), X.dtype.type(2)
    for solver, loss, path in EVERYTHING:
        a, b = (fit(X * four**e, solver=solver, loss=loss, path=path) for e in (p, q))
        assert np.array_equal(a.W * two ** (q - p), b.W), (solver, loss, path)
        assert np.array_equal(a.H * two ** (q - p), b.H), (solver, loss, path)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("low", "high"), [(-30, 30), (-15, 15), (-20, 0), (-30, 0)])
def test_mixed_scales_in_one_matrix(dense_counts, dtype, low, high):
    rng = np.random.default_rng(5)
    factors = rng.permuted(np.resize([10.0**low, 10.0**high], 60))[:, None], np.resize([10.0**low, 10.0**high], 40)
    for factor in (*factors, np.where(rng.random((60, 40)) < 0.5, 10.0**low, 10.0**high)):
        X = (dense_counts * factor).astype(dtype)
        for solver, loss, path in EVERYTHING:
            fitted = fit(X, solver=solver, loss=loss, path=path)
            assert_sound(fitted)
            if dtype == "float64":
                assert fitted.objective <= fitted.history[0].objective < np.inf, (solver, loss, path)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e29])
@pytest.mark.parametrize("exponents", [(-30, 30), (30, -30), (-15, -15), (15, 15), (30, 30), (-18, 18)])
def test_huge_and_tiny_starts(dense_counts, start, dtype, scale, exponents):
    W, H = (factor * 10.0**e for factor, e in zip(start, exponents, strict=True))
    for solver, loss, path in EVERYTHING:
        assert_sound(fit((dense_counts * scale).astype(dtype), solver=solver, loss=loss, path=path, W=W, H=H))


def test_components_of_different_scales(dense_counts, start):
    far = np.array([1.0, 1e-20, 1e20, 1.0])
    W, H = start[0] * far, start[1] / far[:, None]
    for solver, loss in PAIRS:
        far_apart, near = (fit(dense_counts, solver=solver, loss=loss, W=a, H=b) for a, b in ((W, H), start))
        assert_sound(far_apart)
        if solver in ("mu", "cd"):  # only the product matters to them
            np.testing.assert_allclose(far_apart.W @ far_apart.H, near.W @ near.H, rtol=1e-6, atol=1e-9)


@each_path
@pytest.mark.parametrize("solver", ["mu", "cd"])
def test_float32_takes_what_is_out_of_its_reach_for_zeros(dense_counts, start, solver, path):
    X, small = dense_counts.astype(np.float32), np.zeros(dense_counts.shape, dtype=bool)
    small[:, 3], small[5] = True, True
    W, H = start
    faint, zero = (
        fit(np.where(small, X * np.float32(factor), X), solver=solver, path=path, W=W, H=H) for factor in (1e-25, 0)
    )
    np.testing.assert_allclose(faint.W, zero.W, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(faint.H, zero.H, rtol=1e-4, atol=1e-6)
    assert faint.objective == pytest.approx(zero.objective, rel=1e-5)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@each_pair
def test_long_runs_leave_no_denormals(dense_counts, solver, loss, dtype):
    """Arithmetic with them is slow; entries decay towards them for ever under multiplicative updates."""
    fitted = fit(dense_counts.astype(dtype), solver=solver, loss=loss, max_iter=400)
    for factor in (fitted.W, fitted.H):
        assert not ((factor > 0) & (factor < np.finfo(dtype).tiny)).any()
        assert (factor > 0).any()


def test_what_float32_cannot_hold_is_refused(dense_counts):
    assert_sound(fit(dense_counts * 1e100))
    assert_sound(fit(dense_counts * 1e-100))
    with pytest.raises(ValueError, match="too large to factorize in float32"):
        fit(dense_counts * 1e100, dtype="float32")


# --- bad input --------------------------------------------------------------------------------------------------------


def changed(A, row, column, value):
    A = np.array(A, dtype=np.float64)
    A[row, column] = value
    return A


ONES = np.ones((3, 4))
W32, H32 = np.ones((3, 2)), np.ones((2, 4))
CHOICES = "'auto', 'mu', 'cd', 'gd'"
BAD = {
    "negative": (changed(ONES, 1, 2, -1), {}, ValueError, r"Negative values.*\s+X\[1, 2\] = -1"),
    "negative sparse": (sp.csc_array(changed(ONES, 1, 2, -1)), {}, ValueError, r"Negative values.*\s+X\[1, 2\] = -1"),
    "nan": (changed(ONES, 2, 0, np.nan), {}, ValueError, r"contains NaN.*\s+X\[2, 0\] = nan"),
    "nan sparse": (sp.coo_array(changed(ONES, 2, 0, np.nan)), {}, ValueError, r"contains NaN.*\s+X\[2, 0\] = nan"),
    "inf": (changed(ONES, 0, 3, np.inf), {}, ValueError, r"contains infinity.*\s+X\[0, 3\] = inf"),
    "1-D": (np.ones(4), {}, ValueError, "Expected 2D array, got 1D array"),
    "3-D": (np.ones((2, 2, 2)), {}, ValueError, "dim 3"),
    "no rows": (np.ones((0, 4)), {}, ValueError, r"0 sample\(s\)"),
    "no columns": (sp.csr_array((4, 0)), {}, ValueError, r"0 feature\(s\)"),
    "all zero": (np.zeros((3, 4)), {}, ValueError, "no positive entry"),
    "all zero sparse": (sp.csr_array((3, 4)), {}, ValueError, "no positive entry"),
    "complex": (ONES * 1j, {}, ValueError, "Complex data not supported"),
    "words": ([["a", "b"]], {}, ValueError, r"X\[0, 0\] = .*'a'"),
    "k of 0": (ONES, {"n_components": 0}, ValueError, "n_components must be at least 1, got 0"),
    "k negative": (ONES, {"n_components": -3}, ValueError, "n_components must be at least 1, got -3"),
    "k no integer": (ONES, {"n_components": 2.5}, TypeError, "n_components must be an integer.*2.5"),
    "k bool": (ONES, {"n_components": True}, TypeError, "n_components must be an integer"),
    "k word": (ONES, {"n_components": "two"}, TypeError, "n_components must be an integer.*'two'"),
    "loss": (ONES, {"loss": "itakura-saito"}, ValueError, "'itakura-saito'.*'kullback-leibler'.*'kl'.*'frobenius'"),
    "loss number": (ONES, {"loss": 0}, ValueError, "Unknown loss 0.*'frobenius'"),
    "solver": (ONES, {"solver": "admm"}, ValueError, f"Unknown solver 'admm'.*{CHOICES}"),
    "solver type": (ONES, {"solver": None}, ValueError, f"Unknown solver None.*{CHOICES}"),
    "init": (
        ONES,
        {"init": "pca"},
        ValueError,
        "Unknown init 'pca'.*'random', 'nndsvd', 'nndsvda', 'nndsvdar', 'custom'",
    ),
    "path": (ONES, {"path": "gpu"}, ValueError, "Unknown path 'gpu'.*'auto', 'sparse', 'dense'"),
    "dtype": (ONES, {"dtype": "int8"}, ValueError, "Unknown dtype 'int8'.*'auto', 'float32', 'float64'"),
    "custom without H": (ONES, {"init": "custom", "W": W32}, ValueError, "needs both W and H"),
    "custom without both": (ONES, {"init": "custom"}, ValueError, "needs both W and H"),
    "fixed H missing": (ONES, {"update_H": False}, ValueError, "update_H=False needs H"),
    "W rows": (ONES, {"W": np.ones((4, 2)), "H": H32}, ValueError, "input W.*Expected 3, but got 4"),
    "W columns": (ONES, {"W": np.ones((3, 3)), "H": H32}, ValueError, "input W.*Expected 2, but got 3"),
    "H rows": (ONES, {"W": W32, "H": np.ones((3, 4))}, ValueError, "input H.*Expected 2, but got 3"),
    "H columns": (ONES, {"H": np.ones((2, 5)), "update_H": False}, ValueError, "input H.*Expected 4, but got 5"),
    "H flat": (ONES, {"H": np.ones(4)}, ValueError, "Expected 2D array"),
    "W negative": (ONES, {"W": changed(W32, 2, 1, -2), "H": H32}, ValueError, r"input W.*\s+W\[2, 1\] = -2"),
    "H nan": (ONES, {"W": W32, "H": changed(H32, 1, 3, np.nan)}, ValueError, r"Input H contains NaN.*\s+H\[1, 3\]"),
    "H inf": (ONES, {"W": W32, "H": changed(H32, 1, 3, np.inf)}, ValueError, r"Input H contains inf.*\s+H\[1, 3\]"),
    "W zero": (ONES, {"W": 0 * W32, "H": H32}, ValueError, "input W.*full of zeros"),
    "too many for an SVD": (ONES, {"n_components": 9, "init": "nndsvd"}, ValueError, "n_components <= min"),
    "max_iter": (ONES, {"max_iter": 0}, ValueError, "max_iter must be at least 1"),
    "max_iter type": (ONES, {"max_iter": 1.5}, TypeError, "max_iter must be an integer"),
    "tol": (ONES, {"tol": -1e-3}, ValueError, "tol must be at least 0"),
    "tol nan": (ONES, {"tol": np.nan}, ValueError, "tol must be at least 0 and finite"),
    "max_seconds": (ONES, {"max_seconds": -1}, ValueError, "max_seconds must be at least 0"),
    "max_seconds type": (ONES, {"max_seconds": "1 h"}, TypeError, "max_seconds must be a number.*'1 h'"),
    "n_threads": (ONES, {"n_threads": 0}, ValueError, "n_threads must be at least 1"),
    "alpha_W": (ONES, {"alpha_W": -0.1}, ValueError, "alpha_W must be at least 0"),
    "alpha_H": (ONES, {"alpha_H": "both"}, TypeError, "alpha_H must be a number.*'both'"),
    "l1_ratio": (ONES, {"l1_ratio": 1.5}, ValueError, "l1_ratio must lie between 0 and 1"),
    "step elsewhere": (ONES, {"step": 0.1, "solver": "mu"}, ValueError, "step=0.1 is for solver='gd' alone"),
    "step of 0": (ONES, {"step": 0, "solver": "gd"}, ValueError, "step must be above 0"),
    "random_state": (ONES, {"random_state": "seven"}, ValueError, "'seven' cannot"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_clear_error_and_nothing_else(case):
    X, arguments, error, message = BAD[case]
    seen = []
    with pytest.raises(error, match=f"(?s){message}"):
        factorize(X, **({"n_components": 2, "max_iter": 3, "callback": seen.append} | arguments))
    assert not seen


@pytest.mark.parametrize(
    "arguments", [{"alpha_W": "x"}, {"l1_ratio": None}, {"loss": "x"}, {"path": "x"}, {"n_threads": 0}]
)
def test_bad_arguments_of_solve_rows(arguments):
    with pytest.raises((ValueError, TypeError), match=next(iter(arguments))):
        solve_rows(ONES, H32, **arguments)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"max_iter": 0}, ValueError),
        ({"max_iter": 2.5}, TypeError),
        ({"tol": -1}, ValueError),
        ({"tol": np.nan}, ValueError),
    ],
)
def test_bad_limits_of_solve_rows(arguments, error):
    with pytest.raises(error, match=next(iter(arguments))):
        solve_rows(ONES, H32, **arguments)


@pytest.mark.parametrize(
    ("H", "message"),
    [
        (np.ones((2, 5)), "input H.*Expected 4, but got 5"),
        (changed(H32, 1, 2, -1), r"input H.*\s+H\[1, 2\] = -1"),
        (changed(H32, 1, 2, np.nan), r"Input H contains NaN.*\s+H\[1, 2\]"),
    ],
)
def test_bad_factors_of_solve_rows(H, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        solve_rows(ONES, H)


# --- solve_rows -------------------------------------------------------------------------------------------------------


@each_path
def test_rows_solved_for_frobenius_are_scipys_nnls(dense_counts, start, path):
    H = start[1]
    W = solve_rows(dense_counts, H, loss="frobenius", path=path, max_iter=20000, tol=1e-12)
    expected = np.array([nnls(H.T, x)[0] for x in dense_counts])
    np.testing.assert_allclose(W, expected, atol=1e-7)
    assert (W == 0).any()


@each_path
@pytest.mark.parametrize(("alpha", "l1_ratio"), [(0.0, 0.0), (0.02, 1.0), (0.02, 0.0), (0.02, 0.5)])
@each_loss
def test_rows_solved_are_the_minimiser(dense_counts, start, loss, path, alpha, l1_ratio):
    """What long multiplicative updates approach, and meeting the conditions of optimality."""
    H = start[1]
    W = solve_rows(dense_counts, H, loss=loss, path=path, alpha_W=alpha, l1_ratio=l1_ratio, max_iter=20000, tol=1e-10)
    l1, l2 = 40 * alpha * l1_ratio, 40 * alpha * (1 - l1_ratio)
    slow = solve_rows(dense_counts, H, loss=loss, path=path)
    for _ in range(3000):
        slow = reference.mu_rows(dense_counts, np.maximum(slow, 1e-12), H.T, loss, l1, l2)
    cost = reference.penalised(dense_counts, W, H.T, loss, l1, l2)
    assert cost <= reference.penalised(dense_counts, slow, H.T, loss, l1, l2) * (1 + 1e-9)
    assert max(reference.kkt_parts(dense_counts, W, H.T, loss, l1, l2)) < 1e-6 * dense_counts.max()
    np.testing.assert_allclose(W, slow, atol=2e-2 * slow.max())


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@each_loss
def test_a_row_is_solved_the_same_whatever_is_beside_it(counts, start, loss, dtype):
    X, H = sp.csr_array(counts).astype(dtype), start[1].astype(dtype)

    def solve(rows):
        return solve_rows(X[rows], H, loss=loss, path="sparse", n_threads=1)

    whole, order = solve(np.arange(60)), np.random.default_rng(6).permutation(60)
    assert whole.dtype == dtype
    assert np.array_equal(solve(order), whole[order])
    assert np.array_equal(solve(order[:13]), whole[order[:13]])
    assert all(np.array_equal(solve([i])[0], whole[i]) for i in range(60))
    assert np.array_equal(solve(np.repeat(5, 40)), np.repeat(whole[5:6], 40, axis=0))
    assert np.array_equal(solve_rows(X, H, loss=loss, path="sparse", n_threads=2), whole)


@each_loss
def test_a_row_is_solved_the_same_beside_rows_of_other_scales(dense_counts, start, loss):
    H = start[1].astype(np.float32)
    X = np.float32(dense_counts[10:13]) * np.float32([[1e-20], [1.0], [1e20]])
    whole = solve_rows(X, H, loss=loss, path="sparse")
    for i in range(3):
        np.testing.assert_allclose(solve_rows(X[i : i + 1], H, loss=loss, path="sparse")[0], whole[i], rtol=1e-6)


@each_path
@each_loss
def test_rows_of_zeros_are_solved_by_zeros(dense_counts, start, loss, path):
    W = solve_rows(dense_counts, start[1], loss=loss, path=path)
    assert not W[7].any()
    assert W.any(axis=1).sum() == (dense_counts.sum(axis=1) > 0).sum()
    assert not solve_rows(np.zeros((2, 40)), start[1], loss=loss, path=path).any()


@each_path
@each_loss
def test_a_component_that_h_lacks_is_not_used(dense_counts, start, loss, path):
    H = start[1].copy()
    H[1] = 0
    W = solve_rows(dense_counts, H, loss=loss, path=path)
    assert not W[:, 1].any()
    alone = solve_rows(dense_counts, np.delete(H, 1, axis=0), loss=loss, path=path)
    np.testing.assert_allclose(np.delete(W, 1, axis=1), alone, rtol=1e-6, atol=1e-9)
    assert not solve_rows(dense_counts, 0 * H, loss=loss, path=path).any()


@each_path
@each_loss
def test_more_passes_come_closer(dense_counts, start, loss, path):
    costs = [
        reference.objective(
            dense_counts, solve_rows(dense_counts, start[1], loss=loss, path=path, max_iter=i, tol=0), start[1].T, loss
        )
        for i in (1, 3, 10, 100)
    ]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] > costs[-1] * (1 + 1e-6)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("exponent", [-30, 30])
@each_loss
def test_rows_are_solved_at_any_scale(dense_counts, start, loss, exponent, dtype):
    X, H = dense_counts.astype(dtype), start[1].astype(dtype)
    scale = X.dtype.type(10.0**exponent)
    for path in PATHS:
        plain = solve_rows(X, H, loss=loss, path=path, tol=1e-6, max_iter=2000)
        scaled = solve_rows(X * scale, H, loss=loss, path=path, tol=1e-6, max_iter=2000)
        np.testing.assert_allclose(scaled / scale, plain, rtol=1e-2, atol=1e-3 * plain.max())


# --- what a hostile reader found --------------------------------------------------------------------------------------


@each_path
@pytest.mark.parametrize("solver", ["auto", "cd"])
def test_a_document_of_one_new_word_finds_its_way(solver, path):
    """A zero row of W meets a zero column of H at a count: WH = 0 there, and no slope shows the way."""
    rng = np.random.default_rng(0)
    X = rng.poisson(0.3, (60, 40)).astype(float)
    X[:, -1], X[-1] = 0, 0
    before = fit(X)
    X[-1, -1] = 3
    after = fit(X, solver=solver, path=path, W=before.W, H=before.H, max_iter=60)
    assert np.isfinite(after.objective)
    assert after.objective <= 1.03 * fit(X, max_iter=60).objective
    assert after.W[-1] @ after.H[:, -1] > 0


@each_loss
@each_path
def test_starts_of_disjoint_supports_end_finite(loss, path):
    X = np.kron(np.eye(3), np.ones((2, 2)))
    for k in (1, 2, 4):
        fitted = fit(X, k, loss=loss, path=path, init="nndsvd", max_iter=200, tol=1e-4)
        assert np.isfinite(fitted.objective)
        assert np.isfinite(fitted.W).all()
        assert fitted.objective <= 1.001 * fit(X, k, loss=loss, path=path, max_iter=200).objective or k == 2


@each_path
@pytest.mark.parametrize("solver", ["auto", "cd"])
def test_words_that_a_fixed_h_has_never_seen_do_not_matter(dense_counts, start, solver, path):
    H = start[1].copy()
    H[:, :3] = 0
    W = fit(dense_counts, solver=solver, path=path, H=H, update_H=False, max_iter=400).W
    np.testing.assert_allclose(W, solve_rows(dense_counts, H, tol=1e-9, max_iter=1000), rtol=1e-3, atol=1e-4)


def test_no_convergence_is_told_where_the_objective_is_infinite(dense_counts, start):
    W = np.zeros_like(start[0])
    W[:, 0] = start[0][:, 0]
    H = start[1].copy()
    H[0, :5] = 0
    H[1:] = 0
    fitted = fit(dense_counts, solver="mu", W=W, H=H, tol=1e-2, max_iter=40)
    assert fitted.objective == np.inf
    assert not fitted.converged


def test_the_order_of_magnitude_of_the_batch_does_not_reach_a_row():
    X, H = np.array([[1, 1e-7], [1e12, 0]], np.float32), np.eye(2, dtype=np.float32)
    for loss in ("kl", "frobenius"):
        for matrix in (X, sp.csr_array(X)):
            assert np.array_equal(solve_rows(matrix, H, loss=loss)[:1], solve_rows(matrix[:1], H, loss=loss))


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e200])
@each_loss
def test_the_ends_of_float64(dense_counts, start, loss, scale):
    X, root = dense_counts * scale, np.sqrt(scale)
    plain = fit(dense_counts, loss=loss, W=start[0], H=start[1])
    fitted = fit(X, loss=loss, W=start[0] * root, H=start[1] * root)
    np.testing.assert_allclose(fitted.W @ fitted.H / scale, plain.W @ plain.H, rtol=1e-6, atol=1e-9)
    assert kkt_residual(X, fitted.W, fitted.H, loss) == pytest.approx(
        kkt_residual(dense_counts, plain.W, plain.H, loss), rel=1e-5
    )


def test_nothing_to_fit_has_no_residual():
    assert kkt_residual(np.zeros((2, 2)), np.zeros((2, 1)), np.zeros((1, 2)), "kl") == 0
    assert kkt_residual(np.zeros((2, 2)), np.zeros((2, 1)), np.zeros((1, 2)), "frobenius") == 0


def test_a_named_start_beside_given_factors_is_refused(dense_counts, start):
    with pytest.raises(ValueError, match="init='nndsvd' makes a start of its own"):
        fit(dense_counts, init="nndsvd", W=start[0], H=start[1])


def test_a_callback_that_is_no_function(dense_counts):
    with pytest.raises(TypeError, match="callback must be a function"):
        fit(dense_counts, callback=3)


def test_results_can_be_compared_and_kept_in_sets(dense_counts):
    fitted = fit(dense_counts)
    assert fitted == fitted
    assert len({fitted, fitted}) == 1


@each_loss
@each_path
def test_the_objective_of_a_nearly_exact_float32_fit_is_exact(loss, path):
    rng = np.random.default_rng(0)
    X = (rng.gamma(0.5, 30, (40, 3)) @ rng.gamma(0.5, 30, (3, 30))).astype(np.float32)
    fitted = fit(X, 3, loss=loss, path=path, max_iter=300)
    rounding = 1e-14 * float((X.astype(np.float64) ** (2 if loss == "frobenius" else 1)).sum())  # of sums in float64
    exact = sparsenmf.objective(X, fitted.W, fitted.H, loss)
    assert fitted.objective == pytest.approx(exact, rel=1e-3, abs=rounding)


@each_loss
def test_checked_arrays_that_are_strided_are_read_as_what_they_hold(loss):
    counts = sp.csr_array(np.random.default_rng(1).poisson(1.0, (12, 9)))
    A = check_matrix(counts)
    strided = A._replace(indices=np.repeat(A.indices, 2)[::2], data=np.repeat(A.data, 2)[::2])
    H = np.random.default_rng(2).random((3, 9))
    assert np.array_equal(solve_rows(strided, H, loss=loss), solve_rows(A, H, loss=loss))
