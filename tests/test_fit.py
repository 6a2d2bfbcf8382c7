"""A fit steps, stops, and goes on from a state that was written and read: to the bit."""

import io
import json

import numpy as np
import pytest

from sparsenmf import Fit, FitOptions, FitState, factorize, prepare
from tests.fits import EVERYTHING, PENALTY, same_factors


def options_of(solver, loss, path="auto", **other):
    return FitOptions(
        4, **({"solver": solver, "loss": loss, "path": path, "random_state": 0, "max_iter": 14, "tol": 0} | other)
    )


def written_and_read(state: FitState) -> FitState:
    """The state by way of files."""
    arrays, rest = state.parts()
    file = io.BytesIO()
    np.savez(file, **arrays)
    text = json.dumps(rest)
    file.seek(0)
    with np.load(file) as stored:
        return FitState.from_parts({name: stored[name] for name in stored.files}, json.loads(text))


def same_but_for_time(history, other):
    return [r._replace(seconds=0) for r in history] == [r._replace(seconds=0) for r in other]


@pytest.mark.parametrize(("solver", "loss", "path"), EVERYTHING)
def test_a_fit_goes_on_from_its_state_to_the_bit(counts, solver, loss, path):
    options = options_of(solver, loss, path, **PENALTY)
    whole = Fit(counts, options).run()
    fit = Fit(counts, options)
    for stop in (1, 3, 9, 12):  # before, at and after the end of each solver's warm-up
        while fit.state.iteration < stop:
            next(fit)
        fit = Fit(counts, options, state=written_and_read(fit.state))
    resumed = fit.run()
    assert same_factors(whole, resumed)
    assert same_but_for_time(whole.history, resumed.history)
    assert (whole.stop_reason, whole.n_iter) == (resumed.stop_reason, resumed.n_iter)


def test_a_finished_state_gives_the_result_again(counts):
    options = options_of("auto", "kl")
    fit = Fit(counts, options)
    first = fit.run()
    again = Fit(counts, options, state=written_and_read(fit.state))
    assert list(again) == []
    assert same_factors(first, again.result())


def test_a_fixed_h_goes_on_too(counts, start):
    options = options_of("auto", "kl", update_H=False)
    whole = Fit(counts, options, H=start[1]).run()
    fit = Fit(counts, options, H=start[1])
    for _ in range(10):
        next(fit)
    assert same_factors(whole, Fit(counts, options, H=start[1], state=written_and_read(fit.state)).run())


@pytest.mark.parametrize(
    ("seed", "kind"),
    [(3, "seed"), (None, None), (np.random.RandomState(3), "MT19937"), (np.random.default_rng(3), "PCG64")],
    ids=["int", "none", "RandomState", "Generator"],
)
def test_the_state_tells_what_was_drawn_from(counts, seed, kind):
    told = written_and_read(Fit(counts, options_of("mu", "kl", random_state=seed)).state).random_state
    assert told is None if kind is None else told == {"seed": 3} if kind == "seed" else told["bit_generator"] == kind


def test_steps_are_the_loop(counts):
    fit, options = None, options_of("auto", "kl")
    records = list(fit := Fit(counts, options))
    run = factorize(counts, 4, random_state=0, max_iter=14, tol=0)
    assert [record.iteration for record in records] == list(range(15))
    assert same_but_for_time(records, run.history)
    assert same_factors(fit.result(), run)
    with pytest.raises(StopIteration):
        next(fit)


def test_a_loop_that_is_left_ends_with_what_there_is(counts):
    fit = Fit(counts, options_of("auto", "kl"))
    for record in fit:
        if record.iteration == 5:
            break
    left = fit.result()
    assert (left.n_iter, left.stop_reason, left.converged) == (6, "callback", False)
    assert same_factors(left, factorize(counts, 4, random_state=0, max_iter=6, tol=0))
    assert left.objective == left.history[-1].objective


def test_stop_takes_a_reason(counts):
    fit = Fit(counts, options_of("mu", "kl"))
    next(fit)
    fit.stop("enough")
    assert fit.run().stop_reason == "enough"
    fit.stop("too late")
    assert fit.result().stop_reason == "enough"


def test_time_goes_on_where_it_stood(counts):
    fit = Fit(counts, options_of("mu", "kl"))
    next(fit)
    fit.state.seconds = 100.0
    resumed = Fit(counts, options_of("mu", "kl"), state=written_and_read(fit.state))
    assert next(resumed).seconds == 100.0
    assert 100.0 < resumed.state.seconds < 200.0


def test_a_state_shares_no_memory_with_the_one_it_was_made_from(counts):
    fit = Fit(prepare(counts), options_of("mu", "kl"))
    arrays, rest = fit.state.parts()
    copy = FitState.from_parts(arrays, rest)
    kept = copy.W.iterate.copy()
    next(fit)
    assert np.array_equal(copy.W.iterate, kept)
    assert not np.array_equal(fit.state.W.iterate, kept)


# --- states of other fits ---------------------------------------------------------------------------------------------


@pytest.fixture
def parts(counts):
    fit = Fit(counts, options_of("auto", "kl"))
    next(fit)
    arrays, rest = fit.state.parts()
    return dict(arrays), json.loads(json.dumps(rest))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"solver": "cd"}, "with solver='auto', and the options say 'cd'"),
        ({"loss": "frobenius"}, "with loss='kl', and the options say 'frobenius'"),
        ({"n_components": 5}, "with n_components=4, and the options say 5"),
        ({"dtype": "float64"}, "with dtype='float32', and the options say 'float64'"),
    ],
)
def test_a_state_of_other_options_is_refused_with_the_difference(counts, parts, options, message):
    given = {"n_components": 4, "solver": "auto", "loss": "kl", "random_state": 0} | options
    with pytest.raises(ValueError, match=message):
        Fit(counts, FitOptions(**given), state=FitState.from_parts(*parts))


def spoilt(array, place, value):
    array = array.copy()
    array[place] = value
    return array


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("W.iterate", lambda A: A[:5].copy(), r"W is float32 of shape \(5, \d+\), .* is it the X"),
        ("H.iterate", lambda A: A.astype(np.float64), "H is float64"),
        ("W.iterate", lambda A: spoilt(A, (2, 1), np.nan), "W has an entry that is negative or no number"),
        ("H.iterate", lambda A: spoilt(A, (0, 0), -1), "H has an entry that is negative"),
    ],
    ids=["rows", "dtype", "nan", "negative"],
)
def test_arrays_that_do_not_belong_to_x_are_refused(counts, parts, name, change, message):
    arrays, rest = parts
    arrays[name] = change(arrays[name])
    with pytest.raises(ValueError, match=message):
        Fit(counts, options_of("auto", "kl"), state=FitState.from_parts(arrays, rest))


def test_parts_of_another_x_and_missing_parts_are_refused(counts, parts, start):
    with pytest.raises(ValueError, match="is it the X that the state was made with"):
        Fit(counts[:10], options_of("auto", "kl"), state=FitState.from_parts(*parts))
    with pytest.raises(ValueError, match=r"no state of a fit: H.iterate missing"):
        FitState.from_parts({name: array for name, array in parts[0].items() if name != "H.iterate"}, parts[1])
    with pytest.raises(ValueError, match="extrapolation, finished, history"):
        FitState.from_parts(parts[0], {})
    with pytest.raises(ValueError, match="Pass W or a state, not both"):
        Fit(counts, options_of("auto", "kl"), W=start[0], state=FitState.from_parts(*parts))
    with pytest.raises(TypeError, match="options must be FitOptions, got 3"):
        Fit(counts, 3)
