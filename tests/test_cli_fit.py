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

    monkeypatch.setattr("sparsenmf.cli.fitting.Fit", fail)


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
    assert "its suffix names no known format" in capsys.readouterr().err


def test_traceback_is_there_for_those_who_ask(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SPARSENMF_DEBUG", "1")
    assert fit(tmp_path / "nowhere.npz", tmp_path / "model.npz") == 1
    assert "Traceback" in capsys.readouterr().err


# --- the options are those of the table of parameters -----------------------------------------------------------------


def options():
    from sparsenmf.cli.app import fit as command

    return {option.name: option for option in command.params}


def test_names_in_help_are_known_to_the_library():
    from sparsenmf.init import INITS
    from sparsenmf.losses import LOSSES
    from sparsenmf.options import FitOptions
    from sparsenmf.solvers import SOLVER_NAMES

    shown = {name: set(options()[name].type.name.split("|")) for name in ("loss", "solver", "init", "dtype", "path")}
    assert shown["loss"] <= set(LOSSES)
    assert shown["solver"] <= set(SOLVER_NAMES)
    assert shown["init"] <= {"auto", *INITS}
    for name, values in shown.items():
        assert all(FitOptions(3, **{name: value}) for value in values)


def test_defaults_and_help_are_those_of_the_table():
    from sparsenmf.parameters import PARAMETERS

    given = {"random_state": "seed", "n_threads": "threads"}
    seen = {name: options().get(given.get(name, name)) for name in PARAMETERS}
    assert [name for name, option in seen.items() if option is None] == ["n_components", "update_H"]
    shown = {name: option for name, option in seen.items() if option is not None}
    assert all(option.help == PARAMETERS[name].help != "" for name, option in shown.items())
    own = {"random_state": 0, "alpha_H": None}  # the same command gives the same; None is "same"
    assert all(option.default == own.get(name, PARAMETERS[name].default) for name, option in shown.items())


def test_a_new_solver_needs_no_word_of_the_command_line(tmp_path, matrix, monkeypatch, capsys):
    from sparsenmf.solvers import SOLVERS

    assert fit(matrix, tmp_path / "model.npz", "--solver", "newton") == 2
    assert "choose one of 'auto', 'mu', 'cd', 'gd'" in capsys.readouterr().err
    monkeypatch.setitem(SOLVERS, ("newton", "kl"), SOLVERS["mu", "kl"])
    assert fit(matrix, tmp_path / "model.npz", "--solver", "newton") == 0
    assert load_model(tmp_path / "model.npz").outcome["solver"] == "newton"
    assert fit(matrix, tmp_path / "other.npz", "--init", "custom") == 2
    assert "only a call from Python can give" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--step", "0.1"], "--step 0.1 is for --solver 'gd' alone; --solver 'auto' chooses its own"),
        (["--init", "nndsvd", "-k", "41"], "init"),
    ],
)
def test_options_that_contradict_each_other_are_refused_in_one_line(given, message, tmp_path, matrix, capsys):
    assert fit(matrix, tmp_path / "model.npz", *given) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "model.npz").exists()


# --- where the model goes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("X.npz", "X.model.npz"),
        ("elsewhere/docword.kos.txt.gz", "docword.kos.model.npz"),
        ("news.jsonl", "news.model.npz"),
        ("-", "model.npz"),
    ],
)
def test_a_model_is_named_by_its_input(source, name):
    from sparsenmf.cli.fitting import model_name

    assert model_name(source) == name


def test_without_a_name_the_model_is_named_and_nothing_is_replaced(tmp_path, matrix, capsys):
    arguments = ["fit", "X.npz", "-k", "3", "--max-iter", "5"]
    assert main(arguments) == 0
    assert "Wrote X.model.npz" in capsys.readouterr().err
    assert load_model("X.model.npz").H.shape == (3, 40)
    assert main(arguments) == 1
    assert "X.model.npz exists" in capsys.readouterr().err
    assert main([*arguments, "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["output"] == "X.model.npz"


@pytest.mark.parametrize(
    ("name", "better"), [("a.csv", "a.npz"), ("a.mtx.gz", "a.npz"), ("model", "model.npz"), ("b/c.json", "b/c.npz")]
)
@pytest.mark.parametrize("command", ["fit", "topics"])
def test_a_model_of_another_name_is_refused_before_the_fit(command, name, better, matrix, unfittable, capsys):
    assert main([command, "X.npz", "-k", "3", "-o", name]) == 1
    assert f"{name}: a model is an .npz file, in no other format. Name it so: -o {better}" in capsys.readouterr().err


# --- -v ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", [["fit", "X.npz", "-o", "model.npz"], ["topics", "X.npz"], ["demo"]])
def test_verbose_tells_of_every_iteration_on_stderr(command, matrix, capsys):
    assert main([*command, "-k", "3", "--max-iter", "4", "-v", "--json"]) == 0
    out, err = capsys.readouterr()
    json.loads(out)
    assert re.findall(r"^iteration (\d): objective [\d.]+, KKT residual [\d.e-]+$", err, flags=re.M) == list("0123")
    assert main([*command, "-k", "3", "--max-iter", "4", "--json", "--force"][: 99 if command[0] == "fit" else -1]) == 0
    assert "iteration 0" not in capsys.readouterr().err
