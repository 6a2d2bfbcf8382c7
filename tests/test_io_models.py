"""Model files, and writing that leaves nothing behind."""

import io
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

from sparsenmf.io import Model, load_model, read, save_model
from sparsenmf.io.files import atomic_write, check_target
from tests.files import listing, npy, replace, rewritten, save_csr, small_counts

# --- models -----------------------------------------------------------------------------------------------------------


class Record(NamedTuple):
    iteration: int
    seconds: float
    objective: float
    kkt: float


def fitted(k: int = 2) -> SimpleNamespace:
    rng = np.random.default_rng(1)
    return SimpleNamespace(
        W=rng.random((7, k), dtype=np.float32),
        H=rng.random((k, 5), dtype=np.float32),
        history=(Record(1, 0.1, 20.0, 0.5), Record(2, 0.2, 10.5, 0.25)),
        n_iter=2,
        converged=False,
        stop_reason="max_iter",
        loss="kl",
        solver="mu",
        objective=np.float64(10.5),
        kkt=0.25,
    )


def test_model_round_trip(tmp_path):
    vocabulary = ("ark", "", "wörter\nmit Zeilenende", "水", "flood")
    model = Model.of(fitted(), params={"n_components": 2, "tol": np.float64(1e-4), "seed": None}, vocabulary=vocabulary)
    path = save_model(tmp_path / "model.npz", model)
    back = load_model(path)
    np.testing.assert_array_equal(back.W, fitted().W)
    np.testing.assert_array_equal(back.H, fitted().H)
    assert back.W.dtype == np.float32
    assert back.vocabulary == vocabulary
    assert back.rows is None
    assert back.params == {"n_components": 2, "tol": 1e-4, "seed": None}
    assert back.outcome["stop_reason"] == "max_iter"
    assert back.outcome["objective"] == 10.5
    assert back.outcome["converged"] is False
    assert {name: column.tolist() for name, column in back.history.items()} == {
        "iteration": [1, 2],
        "seconds": [0.1, 0.2],
        "objective": [20.0, 10.5],
        "kkt": [0.5, 0.25],
    }
    assert back.versions["numpy"] == np.__version__
    assert listing(tmp_path) == ["model.npz"]


def test_model_of_a_bare_fit_and_of_an_empty_history(tmp_path):
    fit = fitted()
    fit.history = ()
    back = load_model(save_model(tmp_path / "model.npz", fit))
    assert back.vocabulary is None
    assert back.history["objective"].size == 0
    assert load_model(save_model(tmp_path / "again.npz", back)).outcome == back.outcome


def test_model_of_a_fitted_estimator(tmp_path):
    from sklearn.decomposition import NMF

    estimator = NMF(2, init="random", random_state=np.random.RandomState(0)).fit(small_counts().toarray())
    back = load_model(save_model(tmp_path / "model.npz", estimator))
    np.testing.assert_array_equal(back.H, estimator.components_)
    assert back.W is None
    assert back.params["n_components"] == 2
    assert "RandomState" in back.params["random_state"]
    assert back.outcome["n_iter"] == estimator.n_iter_


def test_model_file_is_plain_numpy_and_the_same_bytes_for_the_same_model(tmp_path):
    a = save_model(tmp_path / "a.npz", fitted())
    b = save_model(tmp_path / "b.npz", fitted())
    assert a.read_bytes() == b.read_bytes()
    with np.load(a, allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["H"], fitted().H)
        assert json.loads(arrays["meta"].tobytes())["format_version"] == 1


def test_not_a_model(tmp_path):
    with pytest.raises(TypeError, match="neither H nor components_"):
        save_model(tmp_path / "model.npz", object())
    with pytest.raises(ValueError, match="3 names for 5 columns"):
        Model.of(fitted(), vocabulary=["a", "b", "c"])
    with pytest.raises(ValueError, match="2 row names for 7 rows"):
        Model.of(fitted(), rows=["a", "b"])
    wrong = fitted()
    wrong.W = wrong.W[:, :1]
    with pytest.raises(ValueError, match="W has 1 components and H has 2"):
        save_model(tmp_path / "model.npz", wrong)
    wrong = fitted()
    wrong.H[0, 0] = np.nan
    with pytest.raises(ValueError, match="H holds NaN or infinity"):
        save_model(tmp_path / "model.npz", wrong)
    assert listing(tmp_path) == []


def edited_meta(**changes):
    def change(members):
        meta = json.loads(np.load(io.BytesIO(members["meta.npy"])).tobytes()) | changes
        members["meta.npy"] = npy(np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8))

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (edited_meta(format_version=99), "format version 99, and this sparsenmf reads version 1"),
        (edited_meta(kind="other"), "was not written by"),
        (lambda members: members.pop("meta.npy"), "no sparsenmf model"),
        (lambda members: members.pop("H.npy"), "'H' is missing"),
        (replace("meta", np.frombuffer(b"{", dtype=np.uint8)), "no JSON"),
        (replace("W", np.ones((7, 3))), "W has 3 components and H has 2"),
        (replace("vocabulary_ends", np.array([1, 5, 2, 3, 4])), "vocabulary_ends do not fit"),
    ],
)
def test_model_files_that_are_wrong(tmp_path, change, message):
    path = save_model(tmp_path / "model.npz", Model.of(fitted(), vocabulary="abcde"))
    with pytest.raises(ValueError, match=message) as error:
        load_model(rewritten(path, change))
    assert str(path) in str(error.value)


def test_matrix_and_model_are_not_taken_for_each_other(tmp_path):
    with pytest.raises(ValueError, match="a fitted model, not a matrix"):
        read(save_model(tmp_path / "model.npz", fitted()))
    with pytest.raises(ValueError, match="A matrix is fitted first"):
        load_model(save_csr(tmp_path / "X.npz"))


# --- writing ----------------------------------------------------------------------------------------------------------


def test_existing_file_stays_unless_forced(tmp_path):
    path = tmp_path / "model.npz"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="--force"):
        save_model(path, fitted())
    assert path.read_text() == "mine"
    save_model(path, fitted(), force=True)
    assert load_model(path).H.shape == (2, 5)


def interrupted(file):
    file.write(b"half")
    raise KeyboardInterrupt


def test_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "model.npz"
    path.write_text("mine")
    with pytest.raises(KeyboardInterrupt), atomic_write(path, force=True) as file:
        interrupted(file)
    assert path.read_text() == "mine"
    assert listing(tmp_path) == ["model.npz"]


def test_places_that_cannot_be_written(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist; make it first"):
        check_target(tmp_path / "no" / "model.npz")
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        check_target(tmp_path)
    with pytest.raises(OSError, match="no regular file"):
        check_target(os.devnull, force=True)
    assert Path(os.devnull).exists()
    assert listing(tmp_path) == []


def test_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    link = tmp_path / "model.npz"
    link.symlink_to(tmp_path / "there" / "real.npz")
    save_model(link, fitted())
    assert link.is_symlink()
    assert load_model(tmp_path / "there" / "real.npz").H.shape == (2, 5)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_no_room_is_one_error_and_leaves_nothing(tmp_path):
    """A process that may write 1,000 bytes a file stands for a disk that is full."""
    script = f"""
        import resource, signal
        import numpy as np
        from sparsenmf.io import Model, save_model
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            save_model({str(tmp_path / "model.npz")!r}, Model(H=np.random.default_rng(0).random((20, 500))))
        except OSError as error:
            print(error)
    """
    root = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    assert "cannot write" in done.stdout
    assert "Nothing was written; free some room" in done.stdout
    assert listing(tmp_path) == []
