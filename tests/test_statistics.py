"""An update is statistics, then apply: equal to the fused pass, and a sum over blocks of X."""

import numpy as np
import pytest
import scipy.sparse as sp

from sparsenmf import Fit, FitOptions
from sparsenmf._validation import check_matrix
from sparsenmf.losses import LOSSES, CrossStatistics, RatioStatistics
from sparsenmf.operand import as_operand, pad
from tests.fits import LOSSES as LOSS_NAMES
from tests.fits import PENALTY, each_loss, each_path

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
TOLERANCE = {"float32": 2e-5, "float64": 1e-12}


def halves(fit):
    """Both halves of a fit's problem, each with the other factor."""
    problem = fit._solver.p
    return (problem.w, problem.h.factor), (problem.h, problem.w.factor)


@pytest.mark.parametrize("penalty", [{}, PENALTY], ids=["plain", "penalties"])
@pytest.mark.parametrize(("solver", "loss"), [("mu", "kl"), ("mu", "frobenius"), ("cd", "frobenius")])
@each_path
@DTYPES
def test_two_steps_are_the_fused_update_to_rounding(counts, solver, loss, path, dtype, penalty):
    fit = Fit(counts, FitOptions(4, loss=loss, solver=solver, path=path, dtype=dtype, random_state=0, **penalty))
    next(fit)
    for half, given in halves(fit):
        statistics = fit._solver.statistics(half, given)
        before = half.factor.copy()
        new, met = fit._solver.applied(half, half.factor, statistics)
        assert np.array_equal(half.factor.iterate, before.iterate), "applied leaves the factor as it is"
        fused = fit._solver.update(half, given, True)
        scale = np.abs(half.factor.iterate).max()
        np.testing.assert_allclose(new.iterate, half.factor.iterate, rtol=TOLERANCE[dtype], atol=1e-7 * scale)
        np.testing.assert_allclose(new.digest, half.factor.digest, rtol=TOLERANCE[dtype])
        assert met.fit == pytest.approx(fused.fit, rel=TOLERANCE[dtype])
        assert met.moved == pytest.approx(fused.moved, rel=10 * TOLERANCE[dtype], abs=1e-6)


def zero_of(loss, rows, columns, dtype):
    kind = {"kl": RatioStatistics, "frobenius": CrossStatistics}[loss]
    return kind.zero(rows, columns, dtype)


@each_loss
@each_path
@DTYPES
def test_statistics_of_row_blocks_add_up_to_those_of_x(counts, start, loss, path, dtype):
    """The update of H from blocks of rows: what a disk or another machine holds of X and W."""
    kind, dtype = LOSSES[loss], np.dtype(dtype)
    A = check_matrix(counts)
    W, Ht = pad(start[0], dtype), pad(start[1].T, dtype)
    total = zero_of(loss, len(Ht), Ht.shape[1], dtype)
    for first, last in A.row_blocks(60):
        X = as_operand(A.rows(first, last), dtype, path)
        total = total.add(kind.statistics(X.T, Ht, W[first:last].copy()))
    whole = kind.statistics(as_operand(A, dtype, path).T, Ht, W)
    for name, value in vars(whole).items():
        np.testing.assert_allclose(vars(total)[name], value, rtol=1e-5 if dtype == np.float32 else 1e-12, err_msg=name)


@each_loss
def test_the_order_of_addition_is_the_callers(counts, start, loss):
    kind, dtype = LOSSES[loss], np.dtype(np.float32)
    A = check_matrix(counts)
    W, Ht = pad(start[0], dtype), pad(start[1].T, dtype)
    parts = [
        kind.statistics(as_operand(A.rows(a, b), dtype, "sparse").T, Ht, W[a:b].copy()) for a, b in A.row_blocks(60)
    ]
    assert len(parts) > 3
    pairs = [parts[i].add(parts[i + 1]) if i + 1 < len(parts) else parts[i] for i in range(0, len(parts), 2)]
    again = [parts[i].add(parts[i + 1]) if i + 1 < len(parts) else parts[i] for i in range(0, len(parts), 2)]
    for one, other in zip(pairs, again, strict=True):
        for name, value in vars(one).items():
            assert np.array_equal(value, vars(other)[name])


@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_statistics_of_nothing_add_nothing(loss):
    X = as_operand(check_matrix(sp.csr_array(np.eye(4, 3))), np.dtype(np.float64), "sparse")
    F, G = (pad(np.ones((n, 2)), X.dtype) for n in (4, 3))
    statistics = LOSSES[loss].statistics(X, F, G)
    both = zero_of(loss, 4, F.shape[1], X.dtype).add(statistics)
    for name, value in vars(statistics).items():
        assert np.array_equal(vars(both)[name], value), name


@each_path
def test_primitives_of_the_operand(counts, start, path):
    """WH at the stored entries, and an operand with other values there."""
    dense = counts.toarray().astype(float)
    X = as_operand(check_matrix(counts), np.dtype(np.float64), path)
    W, Ht = (pad(F, X.dtype) for F in (start[0], start[1].T))
    for operand, F, G, A in ((X, W, Ht, dense), (X.T, Ht, W, dense.T)):
        other = operand.replaced(operand.products(F, G))
        WH = np.where((A > 0) | (path == "dense"), F @ G.T, 0)
        np.testing.assert_allclose(other.times(G), WH @ G, rtol=1e-12)
        np.testing.assert_allclose(operand.masses, A.sum(axis=1))
        assert np.array_equal(operand.empty_rows, ~A.any(axis=1))
