"""The paper's theorems, on `sparsenmf.theory`, and that what the package runs are the updates that they are about."""

import inspect
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls

import sparsenmf
from sparsenmf import factorize, theory
from sparsenmf.factorization import solve_rows
from tests import reference

ROOT = Path(__file__).resolve().parent.parent
LOSSES = ("frobenius", "kl")
PROBLEMS = 10_000  # of monotone convergence, a cost

each_loss = pytest.mark.parametrize("loss", LOSSES)
seeds = given(seed=st.integers(0, 2**32 - 1))


def column(seed, zeros=True):
    """One column v ~ W h of a random problem, and another point h': (v, W, h, now). All of W h is positive."""
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(1, 12)), int(rng.integers(1, 6))
    v = rng.poisson(rng.gamma(0.7, 2.0, n)) * 10.0 ** rng.integers(-3, 4)
    W = rng.gamma(1.0, 10.0 ** rng.integers(-2, 3), (n, k))
    if zeros:
        W *= rng.random((n, k)) > 0.3
        W[:, 0] += 0.01
    h, now = (rng.gamma(1.0, 10.0 ** rng.integers(-2, 3), k) + 0.001 for _ in range(2))
    return v, W, h, now


def matrices(seed, n=9, m=12, k=3):
    rng = np.random.default_rng(seed)
    V = rng.poisson(rng.gamma(0.7, 2.0, (n, m))).astype(float)
    V[0], V[:, 0] = V[0] + 1, V[:, 0] + 1
    return V, rng.gamma(1.0, 1.0, (n, k)) + 0.01, rng.gamma(1.0, 1.0, (k, m)) + 0.01


def rounding(loss, v, *values):
    """What is lost where large terms cancel: some 1e-12 of the largest."""
    x = v[v > 0]
    terms = float(x @ x) if loss == "frobenius" else float(np.abs(x * np.log(x)).sum() + x.sum())
    return 1e-12 * (terms + sum(abs(value) for value in values))


def both_updates(update, V, W, H, loss):
    """One iteration in the package's order: the rows of W, which are columns of the transposed problem, and then H."""
    W = update(V.T, H.T, W.T, loss).T
    return W, update(V, W, H, loss)


def by_additive_rule(v, W, h, loss):
    return theory.additive(v, W, h, theory.multiplicative_step(v, W, h, loss), loss)


# --- costs and gradients ----------------------------------------------------------------------------------------------


@each_loss
@seeds
def test_the_cost_of_a_matrix_is_that_of_its_columns_and_the_packages(loss, seed):
    V, W, H = matrices(seed)
    total = theory.cost(V, W, H, loss)
    assert type(total) is float
    assert total == pytest.approx(sum(theory.cost(V[:, j], W, H[:, j], loss) for j in range(V.shape[1])), rel=1e-12)
    assert total == pytest.approx(reference.penalised(V, W, H.T, loss), rel=1e-12)
    half = 0.5 if loss == "frobenius" else 1.0
    assert total == pytest.approx(half * sparsenmf.objective(V, W, H, loss), rel=1e-10)


@each_loss
def test_the_gradient_is_that_of_the_cost(loss):
    for seed in range(20):
        v, W, h, _ = column(seed)
        h = h + 0.1
        steps = np.diag(1e-5 * h)
        numeric = [theory.cost(v, W, h + e, loss) - theory.cost(v, W, h - e, loss) for e in steps]
        numeric /= 2e-5 * h
        found = theory.gradient(v, W, h, loss)
        parts = theory.gradient_parts(v, W, h, loss)
        np.testing.assert_allclose(found, numeric, atol=1e-5 * (parts[0] + parts[1]).max())
        assert all((part >= 0).all() for part in parts)


@each_loss
def test_stacks_are_solved_problem_by_problem(loss):
    some = [matrices(seed) for seed in range(5)]
    V, W, H = (np.stack(parts) for parts in zip(*some, strict=True))
    np.testing.assert_allclose(theory.cost(V, W, H, loss), [theory.cost(*one, loss) for one in some], rtol=1e-12)
    for function in (theory.gradient, theory.multiplicative, theory.multiplicative_step):
        np.testing.assert_allclose(function(V, W, H, loss), [function(*one, loss) for one in some], atol=1e-10)


def test_kl_without_an_explanation_is_infinite_and_has_no_gradient():
    v, W = [1.0, 0.0], [[1.0, 0.0], [0.0, 1.0]]
    assert theory.cost(v, W, [0, 2]) == np.inf
    for function in (theory.gradient, theory.multiplicative, theory.multiplicative_step):
        with pytest.raises(ValueError, match=r"\(Wh\)\[0\] is 0 where v is positive"):
            function(v, W, [0, 2])
    with pytest.raises(ValueError, match="Use a positive start"):
        theory.auxiliary(v, W, [1, 1], [0, 2])
    assert theory.cost(v, W, [1, 0]) == 0.0


# --- the auxiliary functions: eqs. 10, 14 and 26 ----------------------------------------------------------------------


@each_loss
@seeds
def test_the_auxiliary_function_touches_the_cost(loss, seed):
    v, W, _, now = column(seed)
    value = theory.cost(v, W, now, loss)
    assert abs(theory.auxiliary(v, W, now, now, loss) - value) <= rounding(loss, v, value, float((W @ now).sum()))


@each_loss
@seeds
def test_the_auxiliary_function_lies_above_the_cost(loss, seed):
    v, W, h, now = column(seed)
    upper, value = theory.auxiliary(v, W, h, now, loss), theory.cost(v, W, h, loss)
    assert value <= upper + rounding(loss, v, value, upper, theory.cost(v, W, now, loss), float((W @ h).sum()))


@each_loss
def test_the_auxiliary_function_has_the_slope_of_the_cost_where_they_touch(loss):
    for seed in range(20):
        v, W, _, now = column(seed)
        now = now + 0.1
        steps = np.diag(1e-5 * now)
        numeric = [
            theory.auxiliary(v, W, now + e, now, loss) - theory.auxiliary(v, W, now - e, now, loss) for e in steps
        ]
        size = sum(theory.gradient_parts(v, W, now, loss)).max()
        np.testing.assert_allclose(numeric / (2e-5 * now), theory.gradient(v, W, now, loss), atol=1e-5 * size)


@each_loss
@seeds
def test_the_bound_is_tight_where_all_of_h_grows_by_one_factor(loss, seed):
    """All nu of eq. 22 are equal then, and so are all quotients under the logarithm of eq. 29."""
    v, W, _, now = column(seed)
    for factor in (0.3, 2.0):
        value = theory.cost(v, W, factor * now, loss)
        slack = rounding(loss, v, value, theory.cost(v, W, now, loss), float((W @ now).sum()))
        assert abs(theory.auxiliary(v, W, factor * now, now, loss) - value) <= slack


@each_loss
@seeds
def test_the_chain_of_inequalities_that_makes_the_update_monotone(loss, seed):
    """F(new) <= G(new, now) <= G(now, now) = F(now), from eqs. 10 and 11."""
    v, W, _, now = column(seed)
    new = theory.multiplicative(v, W, now, loss)
    chain = [
        theory.cost(v, W, new, loss),
        theory.auxiliary(v, W, new, now, loss),
        theory.auxiliary(v, W, now, now, loss),
    ]
    slack = rounding(loss, v, chain[-1], float((W @ now).sum()))
    assert chain[0] <= chain[1] + slack
    assert chain[1] <= chain[2] + slack


def test_a_component_that_explains_something_cannot_be_dropped_at_once():
    """The logarithm in eq. 26 keeps h positive; where a component explains nothing, it may go."""
    v, W = np.array([2.0, 0.0]), np.array([[1.0, 0.0], [1.0, 1.0]])
    assert theory.auxiliary(v, W, [0, 1], [1, 1], "kl") == np.inf
    assert theory.auxiliary(v, W, [1, 0], [1, 1], "kl") == pytest.approx(theory.cost(v, W, [1, 0], "kl"))


@seeds
def test_the_euclidean_cost_is_its_own_expansion(seed):
    """Eq. 16: F is quadratic, and G differs from it by K in place of W'W alone."""
    v, W, h, now = column(seed)
    move, loss = h - now, "frobenius"
    lower = theory.cost(v, W, now, loss) + move @ theory.gradient(v, W, now, loss) + move @ (W.T @ W) @ move / 2
    upper = lower + move @ (theory.curvature(W, now) - W.T @ W) @ move / 2
    slack = rounding(loss, v, theory.cost(v, W, now, loss), move @ theory.curvature(W, now) @ move)
    assert abs(theory.cost(v, W, h, loss) - lower) <= slack
    assert abs(theory.auxiliary(v, W, h, now, loss) - upper) <= slack


# --- the matrix M: eqs. 17 to 23 --------------------------------------------------------------------------------------


@seeds
def test_m_is_the_sum_of_squares(seed):
    """Eqs. 19 to 22, for nu of both signs."""
    _, W, _, now = column(seed)
    M, rng = theory.gap_matrix(W, now), np.random.default_rng(seed)
    for nu in (rng.standard_normal(len(now)), np.ones(len(now))):
        squares = theory.sum_of_squares(W, now, nu)
        assert squares >= 0
        assert abs(nu @ M @ nu - squares) <= 1e-12 * float((W @ now) @ (W @ now)) * max(1, nu @ nu)
    assert theory.sum_of_squares(W, now, np.ones(len(now))) == 0


@seeds
def test_m_is_positive_semi_definite(seed):
    _, W, _, now = column(seed)
    M, size = theory.gap_matrix(W, now), float((W @ now) @ (W @ now))
    np.testing.assert_allclose(M, M.T, atol=1e-12 * size)
    assert np.linalg.eigvalsh(M).min() >= -1e-12 * size


@seeds
def test_k_is_at_least_as_curved_as_the_cost(seed):
    """Eq. 17, for moves in any direction."""
    _, W, h, now = column(seed)
    move, K = h - now, theory.curvature(W, now)
    assert np.array_equal(K, np.diag(np.diag(K)))
    assert (np.diag(K) >= np.diag(W.T @ W) * (1 - 1e-12)).all()  # HALS has the smaller of the two
    assert move @ K @ move >= move @ (W.T @ W) @ move * (1 - 1e-12)


# --- the minimiser of G is the multiplicative update: eqs. 24, 25, 32, 33 ---------------------------------------------


@each_loss
@seeds
def test_no_move_from_the_multiplicative_update_lowers_the_auxiliary_function(loss, seed):
    v, W, _, now = column(seed)
    best = theory.multiplicative(v, W, now, loss)
    least = theory.auxiliary(v, W, best, now, loss)
    slack = rounding(loss, v, least, theory.cost(v, W, now, loss), float((W @ best).sum()))
    rng = np.random.default_rng(seed)
    for size in (1e-3, 0.1, 1.0):
        for _ in range(10):
            other = best * np.exp(size * rng.standard_normal(len(best))) + (best == 0) * size * rng.random(len(best))
            assert theory.auxiliary(v, W, other, now, loss) >= least - slack


@each_loss
@seeds
def test_any_real_move_from_the_multiplicative_update_raises_the_auxiliary_function(loss, seed):
    """So the minimum is there and nowhere else: G is strictly convex where v is positive."""
    v, W, _, now = column(seed)
    v = v + 1
    best = theory.multiplicative(v, W, now, loss)
    a = int(np.argmax(best * W.sum(axis=0)))
    for factor in (0.5, 2.0):
        other = best.copy()
        other[a] *= factor
        assert theory.auxiliary(v, W, other, now, loss) > theory.auxiliary(v, W, best, now, loss)


@seeds
def test_the_euclidean_minimiser_is_a_newton_step_with_k(seed):
    """Eq. 24: h - K^-1 gradient."""
    v, W, _, now = column(seed)
    loss, diagonal = "frobenius", np.diag(theory.curvature(W, now))
    step = np.divide(theory.gradient(v, W, now, loss), diagonal, out=np.zeros(len(now)), where=diagonal > 0)
    np.testing.assert_allclose(theory.multiplicative(v, W, now, loss), now - step, rtol=1e-9, atol=1e-12 * now.max())


@seeds
def test_the_kl_minimiser_is_where_the_slope_of_the_auxiliary_function_vanishes(seed):
    """Eq. 32: the column sums of W balance what the shares give, over h."""
    v, W, _, now = column(seed)
    best = theory.multiplicative(v, W, now, "kl")
    shares = W * now / (W @ now)[:, None]
    np.testing.assert_allclose(best * W.sum(axis=0), v @ shares, rtol=1e-9, atol=1e-15)


@each_loss
def test_the_bound_is_steeper_than_the_cost_by_the_share_of_a_component(loss):
    """Second differences along one coordinate: F'' / G'' is the component's average share, for KL weighted by v W / Wh.

    For the Euclidean cost the weights are those of W'Wh: the ratio is (W'W)_aa h_a / (W'Wh)_a.
    """
    for seed in range(20):
        v, W, _, now = column(seed)
        v, W, now, a = v / (v.max() + 1) + 1, W / W.max() + 0.1, now / now.max() + 0.1, 0
        reach = np.zeros(len(now))
        reach[a] = 1e-3 * now[a]

        def curvature(function):
            return function(now + reach) - 2 * function(now) + function(now - reach)  # noqa: B023

        shares, y = W[:, a] * now[a] / (W @ now), W @ now
        weights = W[:, a] * (y if loss == "frobenius" else v / y)
        cost = curvature(lambda h: theory.cost(v, W, h, loss))  # noqa: B023
        bound = curvature(lambda h: theory.auxiliary(v, W, h, now, loss))  # noqa: B023
        assert 0 < cost <= bound * (1 + 1e-6)
        assert cost / bound == pytest.approx(np.average(shares, weights=weights), rel=1e-3)


# --- the additive rule and its step: eqs. 6 to 9 ----------------------------------------------------------------------


@each_loss
@seeds
def test_the_additive_rule_with_its_step_is_the_multiplicative_update(loss, seed):
    v, W, h, _ = column(seed)
    pull, push = theory.gradient_parts(v, W, h, loss)
    moved = by_additive_rule(v, W, h, loss)
    lost = 1e-14 * theory.multiplicative_step(v, W, h, loss) * (pull + push)
    assert (np.abs(moved - theory.multiplicative(v, W, h, loss)) <= lost + 1e-14 * h).all()


@each_loss
def test_where_h_has_no_effect_the_step_is_zero_and_h_stays(loss):
    """A component that W lacks: both halves of its gradient are 0, and its step must not be 0 / 0."""
    v, W, h = np.array([1.0, 2.0]), np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([1.0, 5.0])
    step = theory.multiplicative_step(v, W, h, loss)
    assert step[0] > 0
    assert step[1] == 0
    assert theory.multiplicative(v, W, h, loss)[1] == theory.additive(v, W, h, step, loss)[1] == 5


@each_loss
@pytest.mark.parametrize("update", [theory.multiplicative, by_additive_rule])
def test_mu_of_the_package_has_the_iterates_of_the_paper(loss, update):
    """50 iterations of both factors, by the multiplicative rule and by gradient steps with eqs. 7 and 9."""
    V, W, H = matrices(3)
    fitted = factorize(V, 3, loss=loss, solver="mu", W=W, H=H, max_iter=50, tol=0, n_threads=1)
    for _ in range(50):
        W, H = both_updates(update, V, W, H, loss)
    np.testing.assert_allclose(fitted.W, W, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(fitted.H, H, rtol=1e-8, atol=1e-12)


def test_gd_of_the_package_is_mu_where_one_number_is_the_step_of_equation_7():
    """With one component that step, h / (W'Wh) = 1 / W'W, is the same for all of h, and it is the safe step of `gd`."""
    V, W, H = matrices(4, k=1)
    common = {"loss": "frobenius", "W": W, "H": H, "max_iter": 10, "tol": 0, "n_threads": 1}
    gd, mu = (factorize(V, 1, solver=solver, **common) for solver in ("gd", "mu"))
    np.testing.assert_allclose(gd.W, mu.W, rtol=1e-10)
    np.testing.assert_allclose(gd.H, mu.H, rtol=1e-10)
    step = theory.multiplicative_step(V.T, H.T, W.T, "frobenius")
    np.testing.assert_allclose(step, step[0, 0], rtol=1e-12)
    given_step = factorize(V, 1, solver="gd", step=step[0, 0], **common | {"max_iter": 1, "update_H": False})
    np.testing.assert_allclose(given_step.W, theory.multiplicative(V.T, H.T, W.T, "frobenius").T, rtol=1e-10)


def test_hals_of_the_package_is_mu_for_a_single_component():
    V, W, H = matrices(8, k=1)
    common = {"loss": "frobenius", "W": W, "H": H, "max_iter": 10, "tol": 0, "n_threads": 1}
    cd, mu = (factorize(V, 1, solver=solver, **common) for solver in ("cd", "mu"))
    np.testing.assert_allclose(cd.W, mu.W, rtol=1e-10)
    np.testing.assert_allclose(cd.H, mu.H, rtol=1e-10)


def test_gd_of_the_package_is_mu_for_kl_too():
    """One row and one component: the step of eq. 9 is a single number, w / (sum of H)."""
    V, W, H = matrices(5, n=1, k=1)
    step = theory.multiplicative_step(V.T, H.T, W.T, "kl").item()
    fitted = factorize(V, 1, solver="gd", step=step, W=W, H=H, update_H=False, max_iter=1, tol=0)
    np.testing.assert_allclose(fitted.W, theory.multiplicative(V.T, H.T, W.T, "kl").T, rtol=1e-10)


@each_loss
def test_a_longer_step_than_that_of_equation_7_promises_nothing(loss):
    """It may leave the non-negative numbers, and it may raise the cost."""
    v, W, h = np.array([0.1, 0.1]), np.ones((2, 2)), np.ones(2)
    step = theory.multiplicative_step(v, W, h, loss)
    assert (theory.additive(v, W, h, 0.99 * step, loss) >= 0).all()
    assert (theory.additive(v, W, h, 2 * step, loss) < 0).any()
    v, h = 10 * v, 0.1 * h
    step = theory.multiplicative_step(v, W, h, loss)
    assert theory.cost(v, W, theory.additive(v, W, h, step, loss), loss) < theory.cost(v, W, h, loss)
    assert theory.cost(v, W, theory.additive(v, W, h, 5 * step, loss), loss) > theory.cost(v, W, h, loss)


# --- fixed points -----------------------------------------------------------------------------------------------------


def kkt_violation(v, W, h, loss):
    """The worst negative gradient and the worst h * gradient, as shares of the gradient's parts."""
    pull, push = theory.gradient_parts(v, W, h, loss)
    slope, size = push - pull, push + pull + 1e-300
    return max(float((-slope / size).max()), float((np.abs(slope / size) * h).max() / h.max()), 0.0)


@each_loss
@seeds
def test_positive_fixed_points_are_stationary_and_stationary_points_are_fixed(loss, seed):
    """With v = Wh the gradient is zero: h stays. With h > 0 nothing but a zero gradient keeps it."""
    v, W, h, _ = column(seed)
    np.testing.assert_allclose(theory.multiplicative(W @ h, W, h, loss), h, rtol=1e-12)
    pull, push = theory.gradient_parts(v, W, h, loss)
    moves = theory.multiplicative(v, W, h, loss) - h
    used = push > 0
    np.testing.assert_allclose(
        (moves * push)[used], (h * (pull - push))[used], rtol=1e-6, atol=1e-12 * (h * push).max()
    )
    assert not (pull - push)[~used].any()


@each_loss
def test_the_limit_from_a_positive_start_is_a_kkt_point(loss):
    """Entries with a positive gradient go to zero, all others to a zero gradient."""
    V, W, H = matrices(6, m=30)
    for _ in range(20_000):
        H = theory.multiplicative(V, W, H, loss)
    at_zero = H / H.max() < 1e-10
    assert 0 < at_zero.sum() < H.size / 2
    assert max(kkt_violation(V[:, j], W, H[:, j], loss) for j in range(V.shape[1])) < 1e-6
    assert theory.cost(V, W, H, loss) == pytest.approx(theory.cost(V, W, minimiser(V, W, loss), loss), rel=1e-8)


def minimiser(V, W, loss):
    """The best H for this W, by other means."""
    if loss == "frobenius":
        return np.stack([nnls(W, v)[0] for v in V.T], axis=1)
    return solve_rows(V.T, W.T, loss=loss, max_iter=20_000, tol=1e-13).T


@each_loss
def test_kkt_points_are_fixed(loss):
    V, W, _ = matrices(7, m=30)
    H = minimiser(V, W, loss)
    assert 0 < (H == 0).sum() < H.size / 2
    np.testing.assert_allclose(theory.multiplicative(V, W, H, loss), H, rtol=1e-6, atol=1e-9)


@each_loss
def test_a_zero_that_wants_to_grow_is_fixed_but_repels(loss):
    """Why starts must be positive: zeros stay whatever their gradient. The smallest positive entry escapes."""
    v, W = np.array([1.5, 3.5]), np.array([[1.0, 1.0], [1.0, 3.0]])
    h = np.array([1.0, 0.0])
    for _ in range(200):
        h = theory.multiplicative(v, W, h, loss)
    np.testing.assert_allclose(theory.multiplicative(v, W, h, loss), h)
    assert theory.gradient(v, W, h, loss)[1] < 0
    h[1] = 1e-6
    for _ in range(2000):
        h = theory.multiplicative(v, W, h, loss)
    np.testing.assert_allclose(W @ h, v, rtol=1e-3)


# --- monotone convergence ---------------------------------------------------------------------------------------------


def random_stack(rng, size):
    """`size` problems of one shape: sparse or full V of any scale, starts with zeros of scales that do not fit."""
    n, m, k = (int(value) for value in rng.integers(1, (12, 12, 6)))
    V = rng.poisson(rng.gamma(0.5, 3.0, (size, n, m))) * (rng.random((size, n, m)) < rng.choice([0.1, 0.4, 1.0])) * 1.0
    if rng.random() < 0.5:
        V *= rng.gamma(1.0, 1.0, (size, n, m)) * 10.0 ** rng.integers(-6, 7)
    W = rng.gamma(0.5, 10.0 ** rng.integers(-3, 4), (size, n, k))
    H = rng.gamma(0.5, 10.0 ** rng.integers(-3, 4), (size, k, m))
    W *= rng.random(W.shape) < rng.choice([0.7, 1.0])
    H *= rng.random(H.shape) < rng.choice([0.7, 1.0])
    W[..., 0], H[:, 0] = W[..., 0] + 0.01, H[:, 0] + 0.01
    return V, W, H


def entropy(V):
    """The sizes of the sums that cancel in the KL cost."""
    return (np.abs(V * np.log(np.where(V > 0, V, 1))) + V).sum(axis=(1, 2))


@each_loss
def test_the_cost_never_rises_on_10_000_random_problems(loss):
    """Theorems 1 and 2: neither the update of W nor that of H, in 10 iterations of each problem."""
    rng, at_once, checked, fell = np.random.default_rng(20), 250, 0, 0
    for _ in range(PROBLEMS // at_once):
        V, W, H = random_stack(rng, at_once)
        lost = 1e-14 * ((V**2).sum(axis=(1, 2)) if loss == "frobenius" else entropy(V))
        first = value = theory.cost(V, W, H, loss)
        for _ in range(10):
            for side in "WH":
                if side == "W":
                    W = theory.multiplicative(V.mT, H.mT, W.mT, loss).mT
                else:
                    H = theory.multiplicative(V, W, H, loss)
                before, value = value, theory.cost(V, W, H, loss)
                risen = np.flatnonzero(~(value <= before * (1 + 1e-12) + lost))
                assert not risen.size, (side, V[risen[0]].tolist(), W[risen[0]].tolist(), H[risen[0]].tolist())
        checked += at_once
        fell += int((value < first).sum())
    assert checked == PROBLEMS
    assert fell > 0.9 * PROBLEMS


@each_loss
def test_the_cost_stands_still_only_at_stationary_points(loss):
    """The other half of the theorems: away from a stationary point an update lowers the cost."""
    rng = np.random.default_rng(21)
    for _ in range(40):
        V, W, H = random_stack(rng, 50)
        new = theory.multiplicative(V, W, H, loss)
        pull, push = theory.gradient_parts(V, W, H, loss)
        far = (H * np.abs(pull - push)).max(axis=(1, 2)) > 1e-3 * (H * (pull + push)).max(axis=(1, 2))
        assert (theory.cost(V, W, new, loss) < theory.cost(V, W, H, loss))[far].all()


# --- the page ---------------------------------------------------------------------------------------------------------


def test_kl_needs_wh_at_the_nonzeros_alone():
    """Cost and gradient from the nonzeros, the column sums and the row sums: no other entry of WH is looked at."""
    V, W, H = matrices(9)
    i, j = V.nonzero()
    x, y = V[i, j], np.einsum("ta,at->t", W[i], H[:, j])
    assert len(x) < 0.8 * V.size
    value = np.sum(x * np.log(x / y) - x) + W.sum(axis=0) @ H.sum(axis=1)
    assert theory.cost(V, W, H, "kl") == pytest.approx(value, rel=1e-12)
    pull = np.zeros_like(H)
    np.add.at(pull.T, j, (x / y)[:, None] * W[i])
    np.testing.assert_allclose(theory.gradient(V, W, H, "kl"), W.sum(axis=0)[:, None] - pull, atol=1e-12)


def test_every_test_that_the_theory_page_names_is_there():
    page = (ROOT / "docs" / "theory.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\*(test_\w+)\*", page))
    here = set(re.findall(r"^def (test_\w+)", Path(__file__).read_text(encoding="utf-8"), flags=re.M))
    texts = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")]
    everywhere = set(re.findall(r"^def (test_\w+)", "\n".join(texts), flags=re.M))
    assert named <= everywhere, named - everywhere
    assert len(named & here) > 25


# --- bad arguments ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [theory.cost, theory.gradient, theory.multiplicative, theory.multiplicative_step])
def test_errors_say_what_and_where(function):
    W = [[1.0, 1.0], [0.0, 1.0]]
    with pytest.raises(ValueError, match=r"v\[1\] is -3: v must be finite and non-negative"):
        function([1, -3], W, [1, 1])
    with pytest.raises(ValueError, match=r"h\[0\] is nan"):
        function([1, 3], W, [np.nan, 1])
    with pytest.raises(ValueError, match=r"W\[0, 1\] is inf"):
        function([1, 3], [[1, np.inf], [0, 1]], [1, 1])
    for v, h in (([1, 2, 3], [1, 1]), ([1, 3], [1, 1, 1]), ([[1, 3]], [1, 1]), (1, 1)):
        with pytest.raises(ValueError, match=r"v has shape .* expected \(n,\), \(n, k\), \(k,\)"):
            function(v, W, h)
    with pytest.raises(ValueError, match="loss"):
        function([1, 3], W, [1, 1], "huber")


def test_counts_are_what_is_meant_where_no_loss_is_named():
    signatures = [inspect.signature(getattr(theory, name)).parameters for name in theory.__all__]
    assert [each["loss"].default for each in signatures if "loss" in each] == ["kl"] * 7


def test_what_is_about_one_column_takes_one_column():
    W = [[1.0, 1.0], [0.0, 1.0]]
    for call in (
        lambda: theory.curvature(W, [[1, 1], [1, 1]]),
        lambda: theory.gap_matrix(W, [1, 1, 1]),
        lambda: theory.auxiliary([1, 1], W, [[1], [1]], [1, 1]),
        lambda: theory.sum_of_squares(W, [1], [1, 1]),
    ):
        with pytest.raises(ValueError, match=r"expected \(n, k\) and \(k,\), one column of H"):
            call()
    with pytest.raises(ValueError, match="nu needs an entry for each of h"):
        theory.sum_of_squares(W, [1, 1], [1])
    with pytest.raises(ValueError, match=r"h\[1\] is 0: start from a positive h"):
        theory.curvature(W, [1, 0])
