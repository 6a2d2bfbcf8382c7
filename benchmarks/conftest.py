"""The matrix and the table of ratios that the benchmarks share."""

import os
import pathlib

import numpy as np
import pytest
import scipy.sparse as sp

from sparsenmf.datasets import make_counts

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = pathlib.Path(os.environ.get("SPARSENMF_DATA") or ROOT.parent / "shared" / "data")
RATIOS = []


def pytest_addoption(parser):
    parser.addoption("--data", default=None, help="a data set by name; default: newsgroups20 where it is, else made up")
    parser.addoption("--rank", type=int, default=32, help="k")


@pytest.fixture(scope="session")
def matrix(request):
    """(name, CSR float32): real counts where they are, else planted topics of a similar shape."""
    name = request.config.getoption("--data")
    if name is None and (DATA / "newsgroups20" / "X.npz").exists():
        name = "newsgroups20"
    if name is None:
        made = make_counts(8000, 20000, 30, mean_length=130, random_state=0)
        return "made", made.counts.astype(np.float32)
    return name, sp.load_npz(DATA / name / "X.npz").astype(np.float32)


@pytest.fixture(scope="session")
def rank(request):
    return request.config.getoption("--rank")


@pytest.fixture(scope="session")
def start(matrix, rank):
    """Random factors in the scale of X."""
    X = matrix[1]
    rng = np.random.default_rng(0)
    scale = np.sqrt(X.mean() / rank)
    W = np.abs(rng.standard_normal((X.shape[0], rank))) * scale
    H = np.abs(rng.standard_normal((rank, X.shape[1]))) * scale
    return W.astype(np.float32), H.astype(np.float32)


@pytest.fixture
def ratios():
    return RATIOS


def pytest_terminal_summary(terminalreporter):
    if RATIOS:
        terminalreporter.section("one iteration beside scikit-learn's, same matrix and start, medians")
        for line in RATIOS:
            terminalreporter.write_line(line)
