"""Entries of any order of magnitude, alone and mixed."""

import numpy as np
import pytest
import scipy.sparse as sp

from sparsenmf import NMF, factorize, kkt_residual, objective
from sparsenmf.rows import solve_rows
from tests.fits import EVERYTHING, PAIRS, each_loss, each_pair, each_path, fit, objectives


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
    assert zero.objective == pytest.approx(objective(np.where(small, 0, X), zero.W, zero.H), rel=1e-5)
    assert faint.objective == np.inf, "WH is zero at entries that are not"


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


@pytest.mark.parametrize(
    ("loss", "scale"), [("kl", 1e-300), ("kl", 1e200), ("frobenius", 1e-140), ("frobenius", 1e140)]
)
def test_the_ends_of_float64(dense_counts, start, loss, scale):
    X, root = dense_counts * scale, np.sqrt(scale)
    plain = fit(dense_counts, loss=loss, W=start[0], H=start[1])
    fitted = fit(X, loss=loss, W=start[0] * root, H=start[1] * root)
    np.testing.assert_allclose(fitted.W @ fitted.H / scale, plain.W @ plain.H, rtol=1e-6, atol=1e-9)
    assert kkt_residual(X, fitted.W, fitted.H, loss) == pytest.approx(
        kkt_residual(dense_counts, plain.W, plain.H, loss), rel=1e-5
    )


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e200])
def test_a_cost_that_float64_cannot_hold_is_refused(dense_counts, scale):
    """Squares of 1e200 overflow, and those of 1e-200 vanish: an objective of infinity or 0 would tell nothing."""
    with pytest.raises(ValueError, match=r"sum of squares of such entries: divide X by .*, and multiply W"):
        fit(dense_counts * scale, loss="frobenius")
    with pytest.raises(ValueError, match="sum of squares of such entries"):
        objective(dense_counts * scale, np.ones((len(dense_counts), 1)), np.ones((1, dense_counts.shape[1])), 2)


@each_path
@each_loss
def test_the_objective_is_that_of_the_factors_returned_where_entries_are_beyond_float32(dense_counts, loss, path):
    """1e30 beside 1e-30: factors in float32 cannot follow the small entries, and the objective says what that costs."""
    X = dense_counts.astype(np.float32) * np.where(np.arange(60) < 30, 1e15, 1e-15).astype(np.float32)[:, None]
    single, double = (fit(X, loss=loss, path=path, dtype=dtype) for dtype in ("float32", "float64"))
    assert single.objective == pytest.approx(objective(X, single.W, single.H, loss), rel=1e-5)
    assert np.isfinite(single.objective) == (loss == "frobenius")
    assert double.objective == pytest.approx(objective(X, double.W, double.H, loss), rel=1e-9)
    assert np.isfinite(double.objective)


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array], ids=["dense", "csr"])
@pytest.mark.parametrize("path", ["sparse", "dense"])
@each_loss
def test_large_integers_are_scaled_as_floats_are(loss, path, form, dtype):
    """Entries of 2^41 and more once gave a WH that was 10^12 times too large, "converged"."""
    counts = np.random.default_rng(0).poisson(0.7, (60, 40))
    X = form((counts * 10**12).astype(dtype))
    options = {"loss": loss, "path": path, "random_state": 0, "dtype": "float64", "max_iter": 20}
    fitted, floats = factorize(X, 3, **options), factorize(form(counts * 1e12), 3, **options)
    assert np.array_equal(fitted.W, floats.W)
    assert np.array_equal(fitted.H, floats.H)
    assert (fitted.W @ fitted.H).sum() == pytest.approx(counts.sum() * 1e12, rel=0.05)
    W = solve_rows(X, fitted.H, loss=loss, path=path)
    assert (W @ fitted.H).sum() == pytest.approx(counts.sum() * 1e12, rel=0.05)
    model = NMF(3, beta_loss=loss, random_state=0, max_iter=20, tol=1e-2).fit(X)
    assert (model.transform(X) @ model.components_).sum() == pytest.approx(counts.sum() * 1e12, rel=0.05)


def test_the_step_of_the_user_is_in_the_scale_of_x_with_a_fixed_h_too(dense_counts):
    """A gd step for a fixed H of another unit than X's is the same step."""
    H = np.random.default_rng(0).random((3, dense_counts.shape[1])) + 0.1
    given = {"solver": "gd", "update_H": False, "max_iter": 3, "tol": 0, "dtype": "float64"}
    for loss in ("kl", "frobenius"):
        plain = fit(dense_counts, 3, loss=loss, H=H, step=1e-3, **given)
        far = fit(dense_counts, 3, loss=loss, H=H * 2.0**60, step=1e-3 / 2.0**120, **given)
        np.testing.assert_allclose(far.W * 2.0**60, plain.W, rtol=1e-6)


@each_loss
def test_the_objective_of_factors_far_apart(dense_counts, start, loss):
    plain = objective(dense_counts, *start, loss)
    assert objective(dense_counts, start[0] * 1e200, start[1] * 1e-200, loss) == pytest.approx(plain, rel=1e-9)
    assert objective(dense_counts, start[0] * 1e-200, start[1] * 1e200, loss) == pytest.approx(plain, rel=1e-9)
