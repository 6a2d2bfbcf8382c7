"""The matrix, the machine's rates and the tables that the benchmarks under pytest share."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import common

RATIOS = []


def pytest_addoption(parser):
    parser.addoption("--data", default=None, help="a data set by name; default: newsgroups20 where it is, else made up")
    parser.addoption("--rank", type=int, default=32, help="k")
    parser.addoption("--quick", action="store_true", help="small made-up matrices and few rounds")


@pytest.fixture(scope="session")
def matrix(request):
    """(name, CSR float32): real counts where they are, else planted topics of a similar shape."""
    name = request.config.getoption("--data")
    if name is not None:
        return name, common.load(name)
    return common.first_of(*(("made_small",) if request.config.getoption("--quick") else ("newsgroups20", "made")))


@pytest.fixture(scope="session")
def rank(request):
    return request.config.getoption("--rank")


@pytest.fixture(scope="session")
def start(matrix, rank):
    """Random factors in the scale of X."""
    return common.start(matrix[1], rank)


@pytest.fixture(scope="session")
def machine(request):
    """The machine's rates, to be measured between others."""
    return common.Machine(1024, 1 << 26) if request.config.getoption("--quick") else common.Machine()


@pytest.fixture
def ratios():
    return RATIOS


def pytest_terminal_summary(terminalreporter):
    if RATIOS:
        terminalreporter.section("medians, measured in turn")
        for line in RATIOS:
            terminalreporter.write_line(line)
