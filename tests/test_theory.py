"""`sparsenmf.theory`: costs and gradients, and what its functions refuse."""

import inspect

import numpy as np
import pytest

import sparsenmf
from sparsenmf import factorize, theory
from tests import reference
from tests.problems import column, each_loss, matrices, seeds

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
    by_default = {each["loss"].default for each in signatures if "loss" in each}
    assert by_default == {inspect.signature(factorize).parameters["loss"].default}


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
