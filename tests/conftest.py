"""Settings and fixtures shared by all tests.

The environment of numba is set here, before anything imports it: pytest loads this file first.
"""

import getpass
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# numba's cache does not know of these, though each changes the machine code.
CODE_OPTIONS = ("BOUNDSCHECK", "CPU_FEATURES", "CPU_NAME", "DEBUGINFO", "OPT")


def kernel_cache() -> Path:
    """A folder for compiled kernels that outlives the session, one for each set of compile options."""
    options = [f"{name}-{value}" for name in CODE_OPTIONS if (value := os.environ.get(f"NUMBA_{name}"))]
    name = hashlib.sha256(" ".join(options).encode()).hexdigest()[:8] if options else "default"
    folder = ROOT / ".numba_cache" / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:  # a read-only checkout
        return Path(tempfile.gettempdir()) / f"sparsenmf-tests-{getpass.getuser()}-{name}"


def usable_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


os.environ.setdefault("NUMBA_CACHE_DIR", str(kernel_cache()))
# "The same bits for any number of threads" is worth testing on few cores too: numba runs no more than it launches.
THREADS = (1, 2, 3, 7)
os.environ.setdefault("NUMBA_NUM_THREADS", str(max(*THREADS, usable_cores())))

import hypothesis
import numpy as np
import pytest
import scipy.sparse as sp

# No deadline: the first example of a test may compile a kernel.
hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "default")


@pytest.fixture(scope="session", autouse=True)
def as_many_threads_as_cores() -> None:
    """For fits that say nothing of threads: as many as were launched would get in one another's way."""
    import numba

    from sparsenmf._jit import threading_layer

    threading_layer()
    numba.set_num_threads(min(numba.config.NUMBA_NUM_THREADS, max(2, usable_cores())))


def data_folder() -> Path:
    """Where the real data sets lie: not part of the repository."""
    return Path(os.environ.get("SPARSENMF_DATA") or ROOT.parent / "shared" / "data")


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], sp.csr_array | np.ndarray]:
    """A loader of real data by name: canonical CSR, or a dense array for images. Skips where the data is absent."""
    loaded: dict[str, sp.csr_array | np.ndarray] = {}

    def load(name: str) -> sp.csr_array | np.ndarray:
        if name not in loaded:
            folder = data_folder() / name
            if (folder / "X.npz").exists():
                loaded[name] = sp.csr_array(sp.load_npz(folder / "X.npz"))
            elif (folder / "X_dense.npz").exists():
                with np.load(folder / "X_dense.npz") as arrays:
                    loaded[name] = arrays["X"]
            else:
                pytest.skip(f"the data set {name} is not there: set SPARSENMF_DATA to the folder of the data sets")
        return loaded[name].copy()

    return load


@pytest.fixture
def counts() -> sp.csr_array:
    """Small Poisson counts of four planted topics, 60 x 40, int64, with an empty row and an empty column."""
    rng = np.random.default_rng(0)
    means = rng.gamma(0.3, 2.0, (60, 4)) @ rng.gamma(0.2, 1.0, (4, 40))
    X = rng.poisson(means)
    X[7] = 0
    X[:, 11] = 0
    return sp.csr_array(X)


@pytest.fixture
def dense_counts(counts: sp.csr_array) -> np.ndarray:
    """The same counts as a float64 array."""
    return counts.toarray().astype(np.float64)


@pytest.fixture
def start(counts: sp.csr_array) -> tuple[np.ndarray, np.ndarray]:
    """A positive start (W, H) of four components for `counts`, float64."""
    rng = np.random.default_rng(1)
    n, m = counts.shape
    scale = np.sqrt(counts.mean() / 4)
    return scale * rng.uniform(0.5, 1.5, (n, 4)), scale * rng.uniform(0.5, 1.5, (4, m))


@pytest.fixture
def report(tmp_path: Path) -> Callable[..., Path]:
    """A writer of reports into a folder of the test's own, which gives their path."""
    from sparsenmf.report import write_report

    def write(model: object, X: object, **options: object) -> Path:
        return write_report(model, X, tmp_path / "report.html", **{"force": True, **options})

    return write


# --- files of the command line: each test in a folder of its own ------------------------------------------------------

TEXTS = ["the dog and a cat", "cat dog cat pet", "bond stock bond", "the stock fund and bond", "pet dog", "fund bond"]


@pytest.fixture
def own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder to work in, and an environment that says nothing of terminals."""
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "SPARSENMF_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def news(own_folder: Path) -> str:
    """Six texts in JSONL."""
    lines = [json.dumps({"id": f"n{i}", "year": 2000 + i % 2, "body": text}) for i, text in enumerate(TEXTS)]
    Path("news.jsonl").write_text("\n".join(lines) + "\n")
    return "news.jsonl"


@pytest.fixture
def matrix(own_folder: Path, counts: sp.csr_array) -> Path:
    """`counts` without names, in a file."""
    path = own_folder / "X.npz"
    sp.save_npz(path, counts)
    return path


@pytest.fixture
def named_counts(own_folder: Path, counts: sp.csr_array) -> str:
    """`counts` with names, in a file."""
    from sparsenmf import write

    words = [f"word{j}" for j in range(40)]
    write("X.npz", counts, row_names=[f"row{i}" for i in range(60)], column_names=words)
    return "X.npz"


@pytest.fixture
def model(named_counts: str) -> str:
    """A model of them, in a file."""
    from sparsenmf.cli import main

    assert main(["fit", named_counts, "-k", "3", "-o", "model.npz", "--max-iter", "30", "-q"]) == 0
    return "model.npz"


def refused_in_one_line(arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A command that fails says so in one line, prints nothing else, and leaves all files as they were."""
    from sparsenmf.cli import main

    before = {path.name: path.read_bytes() for path in Path().iterdir()}
    capsys.readouterr()
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert re.search(message, err, flags=re.S), err
    assert "Traceback" not in err
    assert len([line for line in err.splitlines() if line.startswith("Error: ")]) == 1
    assert {path.name: path.read_bytes() for path in Path().iterdir()} == before
