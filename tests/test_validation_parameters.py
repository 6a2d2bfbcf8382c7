"""Factors and parameters: what is taken, in which form, and what is refused with the choices named."""

import numpy as np
import pytest
import scipy.sparse as sp

from sparsenmf._validation import (
    check_choice,
    check_count,
    check_factor,
    check_random_state,
    working_dtype,
)
from sparsenmf.losses import loss_of


def test_a_factor_is_taken_as_it_is_or_cast():
    H = np.ones((2, 4))
    assert check_factor(H, "H", (2, 4), np.float64) is H
    assert check_factor(H, "H", (None, 4), np.float32).dtype == np.float32
    assert check_factor(np.asfortranarray(H), "H", (None, None), np.float64).flags.c_contiguous
    assert check_factor(np.zeros((2, 4)), "H", (2, 4), np.float64).sum() == 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.ones((3, 4)), r"wrong first dimension passed to NMF \(input H\)\. Expected 2, but got 3\."),
        (np.ones((2, 5)), r"wrong second dimension passed to NMF \(input H\)\. Expected 4, but got 5\."),
        (np.ones(4), "Expected 2D array, got 1D array instead"),
        ([[1, 1, 1, 1], [1, -1, 1, 1]], r"Negative values in data passed to NMF \(input H\)\.\nH\[1, 1\] = -1\.0"),
        ([[1, 1, 1, 1], [1, 1, np.nan, 1]], r"Input H contains NaN\.\nH\[1, 2\] = nan"),
        ([[1, 1, 1, 1], [1, 1, 1, 1e39]], r"too large for dtype\('float32'\)\.\nH\[1, 3\] = inf"),
        (np.zeros((2, 4)), r"Array passed to NMF \(input H\) is full of zeros\."),
    ],
)
def test_a_bad_factor_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        check_factor(given, "H", (2, 4), np.float32, zeros_ok=False)


def test_a_sparse_factor_is_refused():
    with pytest.raises(TypeError, match=r"pass H\.toarray\(\)"):
        check_factor(sp.csr_array((2, 4)), "H", (2, 4), np.float32)


def test_choices_are_listed():
    assert check_choice("mu", ("mu", "cd"), "solver") == "mu"
    for bad in ("newton", None, 3, ["mu"], np.array(["mu", "cd"])):
        with pytest.raises(ValueError, match=r"Unknown solver .*: choose one of 'mu', 'cd'\."):
            check_choice(bad, ("mu", "cd"), "solver")


def test_counts():
    assert check_count(np.int32(3), "k") == 3
    assert type(check_count(np.uint8(3), "k")) is int
    for bad in (0, -2):
        with pytest.raises(ValueError, match=f"k must be at least 1, got {bad}"):
            check_count(bad, "k")
    for bad in (2.0, True, np.True_, "3", None):
        with pytest.raises(TypeError, match="k must be an integer of at least 1, got"):
            check_count(bad, "k")


@pytest.mark.parametrize("loss", ["kl", "kullback-leibler", 1, 1.0, np.float32(1)])
def test_names_of_kl(loss):
    assert loss_of(loss).name == "kl"


@pytest.mark.parametrize("loss", ["frobenius", "euclidean", 2, 2.0, np.int64(2)])
def test_names_of_frobenius(loss):
    assert loss_of(loss).name == "frobenius"


@pytest.mark.parametrize("loss", ["itakura-saito", "KL", 0, 1.5, None, True, ["kl"], np.ones(2)])
def test_other_losses_are_refused_with_the_choices(loss):
    with pytest.raises(ValueError, match=r"Unknown beta_loss .*'kullback-leibler'.*'kl', 1.*'frobenius'.*2"):
        loss_of(loss, "beta_loss")


def test_working_dtype():
    for given, expected in (("f4", "f4"), ("f8", "f8"), ("i8", "f4"), ("u1", "f4"), ("?", "f4"), ("f2", "f4")):
        assert working_dtype("auto", np.dtype(given)) == expected
    assert working_dtype(np.float64, np.int8) == np.float64
    assert working_dtype("float32", np.float64) == np.float32
    for bad in ("float16", np.int64, "words", None, 3.5):
        with pytest.raises(ValueError, match=r"Unknown dtype .*: choose one of 'auto', 'float32', 'float64'\."):
            working_dtype(bad, np.float64)


def test_random_states():
    own = np.random.RandomState(3)
    assert check_random_state(own) is own
    assert check_random_state(None) is check_random_state(np.random)
    np.testing.assert_array_equal(check_random_state(7).rand(3), np.random.RandomState(7).rand(3))
    np.testing.assert_array_equal(check_random_state(np.int64(7)).rand(3), np.random.RandomState(7).rand(3))
    generator = np.random.default_rng(5)
    first = check_random_state(generator).rand()
    assert first != check_random_state(generator).rand()
    for bad in (-1, 1 << 32, 1.5, "seed", True):
        with pytest.raises(ValueError, match="cannot seed a random number generator"):
            check_random_state(bad)
