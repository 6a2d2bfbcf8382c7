"""The slow twins against scikit-learn, against brute force, and against what is proved of them."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import check_grad, minimize_scalar
from sklearn.decomposition import non_negative_factorization

from tests import reference
from tests.fits import sklearn_iterates

LOSSES = ["frobenius", "kl"]


def problem(seed, zeros=True, n=7, m=9, k=3):
    """Random counts and positive factors (X, F, G); `zeros` puts zeros into F and G too."""
    rng = np.random.default_rng(seed)
    X = rng.poisson(rng.gamma(0.7, 1.5, (n, m))).astype(float)
    F, G = rng.gamma(1.0, 1.0, (n, k)) + 0.01, rng.gamma(1.0, 1.0, (m, k)) + 0.01
    if zeros:  # one component stays positive, so that FG' > 0
        F[:, 1:] *= rng.uniform(size=(n, k - 1)) > 0.3
        G[:, 1:] *= rng.uniform(size=(m, k - 1)) > 0.3
    return X, F, G


# --- costs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
def test_objective_is_the_sum_over_all_entries(loss):
    X, F, G = problem(0)
    total = 0.0
    for i, j in np.ndindex(*X.shape):
        x, y = X[i, j], F[i] @ G[j]
        total += (x - y) ** 2 if loss == "frobenius" else (x * np.log(x / y) if x else 0) - x + y
    assert reference.objective(X, F, G, loss) == pytest.approx(total, rel=1e-13)


def test_kl_is_infinite_where_a_positive_entry_is_explained_by_nothing():
    X, F, G = np.array([[1.0, 0.0]]), np.array([[1.0]]), np.array([[0.0], [1.0]])
    assert reference.kl(X, F, G) == np.inf
    assert reference.kl(X[:, ::-1], F, G) == 0.0


@pytest.mark.parametrize("loss", LOSSES)
def test_penalised_cost_is_scikit_learns_up_to_a_half(loss):
    X, W, G = problem(1)
    H = G.T
    p = reference.penalties(X.shape, 0.01, 0.02, 0.3)
    ours = reference.penalised(X, W, G, loss, p["l1_W"], p["l2_W"]) + reference.penalty(H, p["l1_H"], p["l2_H"])
    half = 0.5 * reference.frobenius(X, W, G) if loss == "frobenius" else reference.kl(X, W, G)
    n, m = X.shape
    theirs = (
        half
        + 0.01 * 0.3 * m * np.abs(W).sum()
        + 0.02 * 0.3 * n * np.abs(H).sum()
        + 0.5 * 0.01 * 0.7 * m * np.sum(W**2)
        + 0.5 * 0.02 * 0.7 * n * np.sum(H**2)
    )
    assert ours == pytest.approx(theirs, rel=1e-13)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.0), (0.3, 0.7)])
def test_gradient_is_the_slope_of_the_cost(loss, l1, l2):
    X, F, G = problem(2, zeros=False)

    def cost(f):
        return reference.penalised(X, f.reshape(F.shape), G, loss, l1, l2)

    def slope(f):
        return reference.gradient(X, f.reshape(F.shape), G, loss, l1, l2).ravel()

    assert check_grad(cost, slope, F.ravel()) < 1e-5 * np.abs(slope(F.ravel())).max()


# --- multiplicative and gradient updates ------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("convert", [np.asarray, sp.csr_matrix], ids=["dense", "csr"])
@pytest.mark.parametrize("alphas", [(0.0, 0.0, 0.0), (0.01, 0.02, 0.4)], ids=["plain", "penalised"])
def test_mu_follows_scikit_learn(dense_counts, start, loss, convert, alphas):
    W, H = start
    alpha_W, alpha_H, l1_ratio = alphas
    if loss == "kl":  # scikit-learn's update with an L2 penalty can raise the cost; ours is another
        l1_ratio = 1.0
    penalty = {"alpha_W": alpha_W, "alpha_H": alpha_H, "l1_ratio": l1_ratio}
    theirs = sklearn_iterates(convert(dense_counts), start, 20, loss, "mu", **penalty)
    for _ in range(20):
        W, H = reference.mu_step(dense_counts, W, H, loss, **reference.penalties(dense_counts.shape, **penalty))
    np.testing.assert_allclose(W, theirs[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(H, theirs[1], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
@given(seed=st.integers(0, 2**32 - 1), l1=st.sampled_from([0.0, 0.5]), l2=st.sampled_from([0.0, 2.0]))
def test_mu_never_raises_the_cost(loss, seed, l1, l2):
    X, F, G = problem(seed)
    before = reference.penalised(X, F, G, loss, l1, l2)
    after = reference.penalised(X, reference.mu_rows(X, F, G, loss, l1, l2), G, loss, l1, l2)
    assert after <= before + 1e-12 * abs(before)


@pytest.mark.parametrize("loss", LOSSES)
def test_mu_is_the_gradient_step_of_equations_7_and_9(loss):
    X, F, G = problem(3)
    step = F / reference.gradient_parts(X, F, G, loss)[1]
    np.testing.assert_allclose(reference.gd_rows(X, F, G, loss, step), reference.mu_rows(X, F, G, loss), atol=1e-13)


def test_gradient_steps_below_the_inverse_curvature_never_raise_the_cost():
    X, F, G = problem(4)
    step = 1 / np.linalg.eigvalsh(G.T @ G).max()
    costs = [reference.frobenius(X, F, G)]
    for _ in range(30):
        F = reference.gd_rows(X, F, G, "frobenius", step)
        costs.append(reference.frobenius(X, F, G))
    assert np.all(np.diff(costs) <= 1e-12 * costs[0])
    assert F.min() >= 0


@pytest.mark.parametrize("loss", LOSSES)
def test_empty_rows_become_zero_and_stay_finite(loss):
    X, F, G = problem(5)
    X[2] = 0
    G[:, 1] = 0
    new = reference.mu_rows(X, F, G, loss)
    assert np.isfinite(new).all()
    assert not new[2].any()


# --- coordinate descent -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.0), (0.3, 0.7)])
def test_hals_follows_scikit_learn(dense_counts, start, l1, l2):
    """One pass of `cd` over W, with H fixed: scikit-learn starts it at W = 0."""
    W, H = np.zeros_like(start[0]), start[1]
    m = dense_counts.shape[1]
    alpha, l1_ratio = (l1 + l2) / m, l1 / (l1 + l2) if l1 else 0.0
    theirs, _, _ = non_negative_factorization(
        dense_counts, H=H, update_H=False, max_iter=1, tol=0, alpha_W=alpha, l1_ratio=l1_ratio
    )
    np.testing.assert_allclose(reference.hals_rows(dense_counts, W, H.T, l1, l2), theirs, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 0.0), (0.3, 0.7)])
def test_hals_minimises_over_each_component_in_turn(l1, l2):
    X, F, G = problem(6, n=1)
    expected = F.copy()
    for a in range(F.shape[1]):

        def cost(value, a=a):
            trial = expected.copy()
            trial[0, a] = value
            return reference.penalised(X, trial, G, "frobenius", l1, l2)

        expected[0, a] = minimize_scalar(cost, bounds=(0, 50), method="bounded", options={"xatol": 1e-12}).x
    np.testing.assert_allclose(reference.hals_rows(X, F, G, l1, l2), expected, atol=1e-6)


@given(seed=st.integers(0, 2**32 - 1), l1=st.sampled_from([0.0, 0.5]), l2=st.sampled_from([0.0, 2.0]))
def test_hals_never_raises_the_cost(seed, l1, l2):
    X, F, G = problem(seed)
    before = reference.penalised(X, F, G, "frobenius", l1, l2)
    after = reference.penalised(X, reference.hals_rows(X, F, G, l1, l2), G, "frobenius", l1, l2)
    assert after <= before + 1e-12 * before


@given(
    seed=st.integers(0, 2**32 - 1),
    l1=st.sampled_from([0.0, 0.5]),
    l2=st.sampled_from([0.0, 2.0]),
    scale=st.sampled_from([1e-3, 1.0, 1e3]),
)
def test_newton_never_raises_the_cost_nor_empties_a_nonzero(seed, l1, l2, scale):
    X, F, G = problem(seed)
    F = scale * F  # far to either side of the optimum
    before = reference.penalised(X, F, G, "kl", l1, l2)
    new = reference.kl_newton_rows(X, F, G, l1, l2)
    after = reference.penalised(X, new, G, "kl", l1, l2)
    assert after <= before + 1e-12 * (abs(before) + X.sum())
    assert ((new @ G.T)[X > 0] > 0).all()


@given(seed=st.integers(0, 2**32 - 1))
def test_newton_never_steps_past_the_minimum_of_its_coordinate(seed):
    X, F, G = problem(seed, n=1, k=1, zeros=False)
    if not X.any():
        assert reference.kl_newton_rows(X, F, G).item() == 0.0
        return
    optimum = X.sum() / G.sum()  # eq. 5 solves k = 1 in one step
    new = reference.kl_newton_rows(X, F, G).item()
    low, high = sorted([F.item(), optimum])
    assert low - 1e-12 * high <= new <= high + 1e-12 * high


def test_newton_sweeps_arrive_at_a_stationary_point():
    X, F, G = problem(7)
    for _ in range(1000):  # each call asks the zeros again
        F = reference.kl_newton_rows(X, F, G, sweeps=3)
    assert max(reference.kkt_parts(X, F, G, "kl")) < 1e-6
    assert max(reference.kkt_parts(X, 1.1 * F, G, "kl")) > 1e-2


def test_kkt_parts_see_both_conditions():
    X, G = np.array([[2.0]]), np.array([[1.0]])
    assert reference.kkt_parts(X, np.array([[2.0]]), G, "frobenius") == (0.0, 0.0)
    assert reference.kkt_parts(X, np.array([[0.0]]), G, "frobenius") == (2.0, 0.0)
    assert reference.kkt_parts(X, np.array([[3.0]]), G, "frobenius") == (0.0, 3.0)
