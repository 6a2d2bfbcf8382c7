"""verbose=1: a bar with the time left on a terminal, lines in a pipe."""

import contextlib
import logging
import re
import subprocess
import sys

import pytest

from sparsenmf import FitOptions
from sparsenmf.progress import seconds_left, told
from tests import terminal
from tests.conftest import ROOT

FITS = {
    "factorize": "sparsenmf.factorize(X, 2, max_iter=6, tol=0, random_state=0, verbose=1)",
    "NMF": "sparsenmf.NMF(2, max_iter=6, tol=0, random_state=0, verbose=1).fit(X)",
}


def program(name: str) -> list[str]:
    """A process that fits, as a user's script does: nobody listens to the logger."""
    data = "X = np.random.default_rng(0).poisson(1.0, (40, 30))"
    return [sys.executable, "-c", f"import numpy as np, sparsenmf; {data}; {FITS[name]}"]


@pytest.mark.parametrize("name", FITS)
def test_a_terminal_has_a_bar_with_the_time_left(name):
    shown = terminal.shown(program(name), columns=110)
    drawn = [line for line in shown.split("\r\x1b[K") if line.startswith("[")]
    assert [int(re.search(r"iteration (\d)", line)[1]) for line in drawn] == [0, 1, 2, 3, 4, 5]
    assert all(re.search(r"objective .*, at most \d+ s left$", line) for line in drawn)
    bars = [line[1:21].count("#") for line in drawn]
    assert bars == sorted(bars)
    assert bars[-1] == 20
    assert shown.endswith("\r\n")
    assert "max_iter after 6 iterations" in shown.splitlines()[-1]


def test_no_line_is_longer_than_a_narrow_terminal():
    drawn = terminal.shown(program("factorize"), columns=50).split("\r\x1b[K")
    assert len(drawn) > 6
    assert max(len(line) for line in drawn if line.startswith("[")) == 49


@pytest.mark.parametrize("name", FITS)
def test_a_pipe_has_lines(name):
    done = subprocess.run(program(name), cwd=ROOT, capture_output=True, text=True, check=True)
    lines = [line for line in done.stderr.splitlines() if "objective" in line]
    assert [line.partition(":")[0] for line in lines] == [
        *(f"iteration {i}" for i in range(6)),
        "max_iter after 6 iterations",
    ]
    assert "\r" not in done.stderr
    assert done.stdout == ""


def test_the_time_left_goes_by_the_speed_so_far_and_by_the_budget():
    assert seconds_left(0, 0.0, 10, None) is None
    assert seconds_left(2, 1.0, 10, None) == 4.0
    assert seconds_left(2, 1.0, 10, 3.0) == 2.0
    assert seconds_left(2, 5.0, 10, 3.0) == 0.0


def test_fits_that_tell_at_once_put_the_level_back():
    """The first to end once left the logger at DEBUG for good."""
    log, levels = logging.getLogger("sparsenmf"), []
    before, handlers = log.level, list(log.handlers)
    with contextlib.ExitStack() as second:
        with told(FitOptions(2, verbose=1), None):
            second.enter_context(told(FitOptions(2, verbose=1), None))
        levels.append(log.level)
    assert levels == [logging.DEBUG]
    assert (log.level, log.handlers) == (before, handlers)
