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
