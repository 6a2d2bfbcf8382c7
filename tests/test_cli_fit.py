"""`sparsenmf fit` as its users meet it: what it writes and says, and errors that say how to mend them."""

import json
import re

import numpy as np
import pytest

pytest.importorskip("click")
pytest.importorskip("rich")

from sparsenmf.cli import main
from sparsenmf.io import load_model

pytestmark = pytest.mark.usefixtures("own_folder")

WORDS = tuple(f"word{j}" for j in range(40))


def fit(matrix, output, *more):
    return main(["fit", str(matrix), "-k", "3", "-o", str(output), "--max-iter", "5", *map(str, more)])


def test_fit_writes_a_model_and_says_so_on_stderr(tmp_path, matrix, counts, capsys):
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS))
    assert fit(matrix, tmp_path / "model.npz", "--seed", 3) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "60 x 40" in err
    assert "vocab.txt: names of the columns" in err
    assert re.search(r"kl objective [\d.]+ after 5 iterations", err)
    model = load_model(tmp_path / "model.npz")
    assert model.W.shape == (60, 3)
    assert model.H.shape == (3, 40)
    assert model.W.dtype == np.float32
    assert model.vocabulary == WORDS
    assert model.rows is None
    assert model.params["n_components"] == 3
    assert model.params["random_state"] == 3
    assert len(model.history["objective"]) >= 5


def test_fit_gives_what_factorize_gives(tmp_path, matrix, counts):
    from sparsenmf import factorize

    options = ["--solver", "mu", "--loss", "frobenius", "--dtype", "float64", "--alpha-w", 0.01, "--l1-ratio", 0.5]
    assert fit(matrix, tmp_path / "model.npz", "--seed", 1, *options) == 0
    arguments = {"loss": "frobenius", "solver": "mu", "dtype": "float64", "alpha_W": 0.01, "l1_ratio": 0.5}
    expected = factorize(counts, 3, max_iter=5, random_state=1, **arguments)
    model = load_model(tmp_path / "model.npz")
    np.testing.assert_array_equal(model.W, expected.W)
    np.testing.assert_array_equal(model.H, expected.H)


def test_fit_as_json_prints_one_document(tmp_path, matrix, capsys):
    assert fit(matrix, tmp_path / "model.npz", "--json") == 0
    out, err = capsys.readouterr()
    summary = json.loads(out)
    assert summary["shape"] == [60, 40]
    assert summary["n_iter"] == 5
    assert summary["stop_reason"] == "max_iter"
    assert summary["objective"] > 0
    assert "Wrote" in err


def test_quiet_fit_says_nothing(tmp_path, matrix, capsys):
    assert fit(matrix, tmp_path / "model.npz", "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_names_from_files(tmp_path, matrix, capsys):
    (tmp_path / "words").write_text("\n".join(WORDS))
    (tmp_path / "rows.txt").write_text("\n".join(f"row{i}" for i in range(60)))
    assert fit(matrix, tmp_path / "model.npz", "--vocab", tmp_path / "words") == 0
    model = load_model(tmp_path / "model.npz")
    assert model.vocabulary == WORDS
    assert model.rows[59] == "row59"


def test_names_that_do_not_fit_are_an_error_if_asked_for_and_a_notice_if_found(tmp_path, matrix, capsys):
    (tmp_path / "vocab.txt").write_text("a\nb\n")
    assert fit(matrix, tmp_path / "model.npz", "--vocab", tmp_path / "vocab.txt") == 1
    assert "2 names for 40 columns" in capsys.readouterr().err
    assert not (tmp_path / "model.npz").exists()
    assert fit(matrix, tmp_path / "model.npz") == 0
    assert "not used, 2 names for 40 columns" in capsys.readouterr().err
    assert load_model(tmp_path / "model.npz").vocabulary is None


def test_transposed_matrix_takes_its_columns_as_samples(tmp_path, matrix, capsys):
    (tmp_path / "vocab.txt").write_text("\n".join(f"word{i}" for i in range(60)))
    assert fit(matrix, tmp_path / "model.npz") == 0
    assert "not used, 60 names for 40 columns. Is the matrix turned? See --transpose." in capsys.readouterr().err
    assert fit(matrix, tmp_path / "turned.npz", "--transpose") == 0
    turned = load_model(tmp_path / "turned.npz")
    assert turned.W.shape == (40, 3)
    assert turned.vocabulary[59] == "word59"


@pytest.fixture
def unfittable(monkeypatch):
    """A factorize that must not be reached."""

    def fail(*arguments, **options):
        raise AssertionError("the fit was started")

    monkeypatch.setattr("sparsenmf.factorization.factorize", fail)


def test_existing_output_is_refused_before_the_fit(tmp_path, matrix, unfittable, capsys):
    output = tmp_path / "model.npz"
    output.write_text("mine")
    assert fit(matrix, output) == 1
    assert "--force" in capsys.readouterr().err
    assert output.read_text() == "mine"


def test_force_replaces(tmp_path, matrix):
    (tmp_path / "model.npz").write_text("mine")
    assert fit(matrix, tmp_path / "model.npz", "--force") == 0
    assert load_model(tmp_path / "model.npz").H.shape == (3, 40)


def test_places_that_take_no_model_are_refused_before_the_fit(tmp_path, matrix, unfittable, capsys):
    assert fit(matrix, tmp_path / "no" / "model.npz") == 1
    assert "make it first" in capsys.readouterr().err
    assert fit(matrix, tmp_path, "--force") == 1
    assert "it is a folder" in capsys.readouterr().err
    assert fit(matrix, "-") == 1
    assert "name a file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.array([[1.0, -2.0], [3.0, 4.0]]), "Negative values.*"),
        (np.array([[1.0, np.nan], [3.0, 4.0]]), "NaN"),
        (np.zeros((2, 2)), "no positive entry"),
    ],
)
def test_bad_values_are_one_line_on_stderr(tmp_path, content, message, capsys):
    np.save(tmp_path / "X.npy", content)
    assert fit(tmp_path / "X.npy", tmp_path / "model.npz") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert re.search(f"Error: .*{message}", err)
    assert "Traceback" not in err
    assert not (tmp_path / "model.npz").exists()


def test_bad_files_are_one_line_on_stderr(tmp_path, capsys):
    assert fit(tmp_path / "nowhere.npz", tmp_path / "model.npz") == 1
    assert "nowhere.npz does not exist" in capsys.readouterr().err
    (tmp_path / "X.npz").write_bytes(b"PK")
    assert fit(tmp_path / "X.npz", tmp_path / "model.npz") == 1
    assert "damaged or was cut short" in capsys.readouterr().err
    (tmp_path / "X.xlsx").write_text("1,2")
    assert fit(tmp_path / "X.xlsx", tmp_path / "model.npz") == 1
    assert "Known are .npz, .npy, .mtx, .mtx.gz" in capsys.readouterr().err


def test_traceback_is_there_for_those_who_ask(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SPARSENMF_DEBUG", "1")
    assert fit(tmp_path / "nowhere.npz", tmp_path / "model.npz") == 1
    assert "Traceback" in capsys.readouterr().err


def test_the_choices_are_those_of_the_library():
    from sparsenmf.cli.app import fit as command
    from sparsenmf.factorization import PATHS
    from sparsenmf.init import INITS
    from sparsenmf.solvers import SOLVER_NAMES

    choices = {option.name: getattr(option.type, "choices", None) for option in command.params}
    assert set(choices["solver"]) == set(SOLVER_NAMES)
    assert set(choices["init"]) == {"auto", *INITS}
    assert set(choices["path"]) == set(PATHS)
