"""The paper's updates are those that the package runs; where they stand still, and that they never raise the cost."""

import numpy as np
import pytest
from scipy.optimize import nnls

from sparsenmf import factorize, theory
from sparsenmf.factorization import solve_rows
from tests.problems import column, each_loss, matrices, seeds

PROBLEMS = 10_000  # of monotone convergence, a cost


def both_updates(update, V, W, H, loss):
    """One iteration in the package's order: the rows of W, which are columns of the transposed problem, and then H."""
    W = update(V.T, H.T, W.T, loss).T
    return W, update(V, W, H, loss)


def by_additive_rule(v, W, h, loss):
    return theory.additive(v, W, h, theory.multiplicative_step(v, W, h, loss), loss)


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
    rng, at_once, fell = np.random.default_rng(20), 250, 0
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
        fell += int((value < first).sum())
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
