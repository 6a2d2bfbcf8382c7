"""The auxiliary functions of the paper: they lie above the cost, and the multiplicative update is their minimiser."""

import numpy as np
import pytest

from sparsenmf import theory
from tests.problems import column, each_loss, rounding, seeds

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
