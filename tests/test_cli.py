"""The command line as its users meet it: what goes where, exit codes, and errors that say how to mend them."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

pytest.importorskip("click")
pytest.importorskip("rich")

from sparsenmf.cli import main
from sparsenmf.cli.console import emit_json, number, sparkline
from sparsenmf.cli.demo import ARCHAIC, make_corpus
from sparsenmf.cli.topics import find_topics, topic_table
from sparsenmf.datasets import load_kjv
from sparsenmf.io import Model, load_model, save_model

ROOT = Path(__file__).resolve().parents[1]
WORDS = tuple(f"word{j}" for j in range(40))


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # a demo leaves its report where it runs
    for name in ("COLUMNS", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "SPARSENMF_DEBUG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def matrix(tmp_path, counts):
    path = tmp_path / "X.npz"
    sparse.save_npz(path, counts)
    return path


@pytest.fixture
def model(tmp_path):
    """Three topics over five words: shares 0.5, 0.3 and 0.2."""
    H = np.array([[4, 3, 2, 1, 0], [0, 0, 0, 10, 0], [1, 0, 0, 0, 9]], dtype=np.float32)
    W = np.array([[2, 5, 3], [1, 0, 0]], dtype=np.float32) * np.array([1, 0.3, 0.5], dtype=np.float32)
    path = tmp_path / "model.npz"
    save_model(path, Model(H=H, W=W, vocabulary=("ark", "flood", "rain", "[bold]sea", "dove")))
    return path


def start(*arguments, **options):
    command = [sys.executable, "-m", "sparsenmf", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", **options
    )


def fit(matrix, output, *more):
    return main(["fit", str(matrix), "-k", "3", "-o", str(output), "--max-iter", "5", *map(str, more)])


# --- fit --------------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "X.npz", "-o", "model.npz"], "-k"),
        (["fit", "X.npz", "-k", "0", "-o", "model.npz"], "-k"),
        (["fit", "X.npz", "-k", "two", "-o", "model.npz"], "not a valid integer"),
        (["fit", "X.npz", "-k", "2"], "-o"),
        (["fit", "X.npz", "-k", "2", "-o", "m.npz", "--loss", "poisson"], "'kl', 'kullback-leibler', 'frobenius'"),
        (["fit", "X.npz", "-k", "2", "-o", "m.npz", "--tol", "-1"], "--tol"),
        (["topics"], "MODEL"),
        (["topics", "model.npz", "--rank", "alphabet"], "'relevance', 'probability', 'lift', 'frex', 'weight'"),
        (["topics", "model.npz", "--lambda", "1.5"], "--lambda"),
        (["topics", "model.npz", "--rank", "lift", "--lambda", "0.5"], "--lambda is for --rank relevance"),
        (["topics", "X.npz", "-k", "2", "--rank", "frex", "--lambda", "0.5"], "--lambda is for --rank relevance"),
        (["demo", "--rank", "weight", "--lambda", "0.5"], "--lambda is for --rank relevance"),
        (["paint"], "No such command 'paint'"),
        (["--colour"], "No such option"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments, message, capsys):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err


def test_no_arguments_show_help(capsys):
    assert main([]) == 2
    assert "demo" in "".join(capsys.readouterr())


# --- topics -----------------------------------------------------------------------------------------------------------


def test_topics_are_sorted_by_share_and_name_their_words(model):
    topics = find_topics(load_model(model), 3, "weight")
    assert [topic.component for topic in topics] == [0, 1, 2]
    np.testing.assert_allclose([topic.share for topic in topics], [0.5, 0.25, 0.25])
    assert [word.name for word in topics[0].words] == ["ark", "flood", "rain"]
    np.testing.assert_allclose([word.weight for word in topics[0].words], [0.4, 0.3, 0.2])
    assert [word.name for word in topics[1].words] == ["[bold]sea"]  # words of weight 0 are left out


def test_lift_is_the_probability_in_the_topic_over_that_at_large(model):
    topics = find_topics(load_model(model), 5, "lift")
    # "flood" and "rain" stand in topic 0 alone, with half of all tokens: lift 2, and the heavier word first.
    assert [word.name for word in topics[0].words] == ["flood", "rain", "ark", "[bold]sea"]
    ark = topics[0].words[2]
    assert ark.lift == pytest.approx(0.4 / (0.5 * 0.4 + 0.25 * 0.1))
    relevance = find_topics(load_model(model), 5, "relevance", 0.5)[0].words
    scores = [word.weight * word.lift for word in relevance]
    assert scores == sorted(scores, reverse=True)
    by_default = find_topics(load_model(model), 5)[0].words
    scores = [word.weight**0.6 * word.lift**0.4 for word in by_default]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    ("options", "ranking", "weight"),
    [
        ([], "relevance", 0.6),
        (["--lambda", "0"], "relevance", 0.0),
        (["--rank", "relevance", "--lambda", "1"], "relevance", 1.0),
        (["--rank", "probability"], "probability", None),
        (["--rank", "lift"], "lift", None),
        (["--rank", "frex"], "frex", None),
        (["--rank", "weight"], "probability", None),
    ],
)
def test_rank_and_lambda_are_those_of_the_library(options, ranking, weight, tmp_path, capsys):
    from sparsenmf.topics import find_topics as of_the_library

    H = np.random.default_rng(5).gamma(0.4, 1, (3, 50)).astype(np.float32)
    path = save_model(tmp_path / "model.npz", Model(H=H, W=np.ones((4, 3), dtype=np.float32)))
    assert main(["topics", str(path), "-n", "7", "--json", *options]) == 0
    document = json.loads(capsys.readouterr().out)
    expected = of_the_library(H, np.ones((4, 3)), None, 7, ranking, 0.6 if weight is None else weight)
    shown = [[word["name"] for word in topic["words"]] for topic in document["topics"]]
    assert shown == [[word.name for word in topic.words] for topic in expected]
    assert document["rank"] == (options[1] if "--rank" in options else "relevance")
    assert document["lambda"] == weight
    assert main(["topics", str(path), "-n", "7", *options]) == 0
    rows = [line.split()[2:] for line in capsys.readouterr().out.splitlines()[2:]]
    assert rows == shown


def test_topics_of_odd_models():
    nothing = find_topics(Model(H=np.zeros((2, 3)), W=np.zeros((4, 2))))
    assert [topic.share for topic in nothing] == [0, 0]
    assert all(topic.words == () for topic in nothing)
    without_w = find_topics(Model(H=np.array([[1.0, 0.0], [0.0, 3.0]])))
    assert all(np.isnan(topic.share) for topic in without_w)
    assert [topic.words[0].name for topic in without_w] == ["#1", "#0"]


def test_topics_command_prints_a_line_a_topic_into_a_pipe(model, capsys):
    assert main(["topics", str(model), "-n", "2", "--rank", "weight"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = [line.split() for line in out.splitlines()[2:]]
    assert lines[0] == ["0", "50.0%", "ark", "flood"]
    assert "[bold]sea" in lines[1]
    assert "\x1b" not in out


def test_topics_command_as_json(model, capsys):
    assert main(["topics", str(model), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [topic["component"] for topic in document["topics"]] == [0, 1, 2]
    assert set(document["topics"][0]["words"][0]) == {"name", "column", "weight", "lift"}


def test_topics_of_a_matrix_say_what_to_do(matrix, capsys):
    assert main(["topics", str(matrix)]) == 1
    assert "sparsenmf fit" in capsys.readouterr().err


@pytest.mark.parametrize("width", [60, 80, 120])
def test_table_fits_the_terminal_with_a_line_a_topic(model, width, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    H = np.random.default_rng(0).random((4, 60))
    path = save_model(
        model.with_name("wide.npz"), Model(H=H, W=np.ones((3, 4)), vocabulary=[f"longword{j}" for j in range(60)])
    )
    assert main(["topics", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    assert len(lines) == 2 + 4
    assert main(["topics", str(path), "-n", "30"]) == 0  # asked for: folded onto more lines
    out = capsys.readouterr().out
    assert len(re.findall("longword", out)) == 4 * 30
    assert max(map(len, out.splitlines())) <= width


def test_extra_column_of_a_topic_table(model):
    table = topic_table(find_topics(load_model(model)), 2, ("mostly in", ["Ge", "Exo", "Lev"]))
    assert [column.header for column in table.columns] == ["topic", "share", "mostly in", "top words"]
    assert table.row_count == 3


# --- info, warmup, demo -----------------------------------------------------------------------------------------------


def test_info_names_what_a_bug_report_needs(capsys):
    assert main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["versions"]["numpy"] == np.__version__
    assert facts["threads"]["layer"] in {"tbb", "omp", "workqueue"}
    assert facts["threads"]["count"] >= 1
    assert facts["processor"]["cores"] >= 1
    assert facts["blas"]
    assert Path(facts["cache"]["folder"]).is_absolute()
    assert main(["info"]) == 0
    assert "numba" in capsys.readouterr().out


def test_warmup_tells_what_it_has_done(monkeypatch, capsys):
    seen = []

    def steps(dtypes):
        seen.append(dtypes)
        yield "kl auto float32"

    monkeypatch.setattr("sparsenmf.warm.warmup_steps", steps)
    assert main(["warmup"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "kl auto float32" in err
    assert main(["warmup", "--double", "--quiet"]) == 0
    assert capsys.readouterr().err == ""
    assert seen == [("float32", "int64"), ("float32", "int64", "float64")]


def test_demo_corpus_is_chapters_without_stop_words():
    bible = load_kjv()
    corpus = make_corpus(bible)
    assert corpus.counts.shape[0] == len(corpus.books) == 1189
    assert corpus.counts.shape[1] == len(corpus.vocabulary) == 12762 - len(corpus.dropped)
    assert {"the", "thou", "unto", "shall"} <= set(corpus.dropped)
    assert not set(corpus.dropped) & set(corpus.vocabulary)
    assert set(bible.vocabulary) >= ARCHAIC  # each of them does something
    rows = [i for i, reference in enumerate(bible.references) if reference.startswith("Exo20:")]
    exodus = np.flatnonzero(corpus.books == bible.books.index("Exo"))
    assert len(exodus) == 40
    god = corpus.counts[[exodus[19]]].toarray()[0, corpus.vocabulary.index("god")]
    assert god == bible.counts[rows].toarray()[:, bible.vocabulary.index("god")].sum()


def test_demo_shows_topics_and_the_fall_of_the_objective(capsys):
    assert main(["demo", "-k", "4", "--max-iter", "8"]) == 0
    out, err = capsys.readouterr()
    assert "archaic" in err
    assert len(re.findall(r"^ +\d+ +\d+\.\d% ", out, re.MULTILINE)) == 4
    assert re.search(r"objective [\d,]+ .*█.* [\d,]+ \(-\d+\.\d%\)", out)
    assert "kl objective" in out


def test_demo_as_json(capsys):
    assert main(["demo", "-k", "2", "--max-iter", "3", "--json", "--quiet"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert err == ""
    assert len(document["topics"]) == 2
    assert (document["rank"], document["lambda"]) == ("relevance", 0.6)
    assert document["history"][-1]["objective"] < document["history"][0]["objective"]
    assert "thou" in document["dropped"]


# --- the process ------------------------------------------------------------------------------------------------------


def test_version_and_help_import_nothing_heavy():
    script = (
        "import sys; from sparsenmf.cli import main; codes = [main(['--version']), main(['fit', '--help'])];"
        "print(codes, sorted({'numba', 'scipy', 'sklearn', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "sparsenmf, version 0." in done.stdout
    assert done.stdout.splitlines()[-1] == "[0, 0] []"


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_the_extra_a_message_says_how_to_install_it(missing):
    script = f"import sys; sys.modules[{missing!r}] = None; from sparsenmf.cli import main; sys.exit(main(['info']))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"needs {missing}" in done.stderr
    assert "pip install 'sparsenmf[cli]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and signals of POSIX")
def test_closed_pipe_ends_quietly(tmp_path):
    H = np.random.default_rng(0).random((2000, 60))
    save_model(tmp_path / "big.npz", Model(H=H, W=np.ones((3, 2000))))
    with start("topics", tmp_path / "big.npz", "--json") as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(60) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and signals of POSIX")
def test_interrupt_is_exit_code_130_and_leaves_nothing(tmp_path, matrix):
    arguments = ["fit", matrix, "-k", 3, "-o", tmp_path / "model.npz", "--max-iter", 10**9, "--tol", 0]
    # Whoever runs the tests in the background of a shell has SIGINT ignored, which the process would inherit.
    with start(*arguments, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)) as process:
        assert "60 x 40" in process.stderr.readline()  # it has read the matrix
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        try:
            rest = process.communicate(timeout=60)[1]
        finally:
            process.kill()
        assert process.returncode == 130
    assert "Interrupted: nothing was written" in rest
    assert "Traceback" not in rest
    assert {path.name for path in tmp_path.iterdir()} == {"X.npz"}


def in_terminal(arguments, **environment) -> str:
    """What a command shows in a terminal of 90 columns."""
    pty = pytest.importorskip("pty")
    fcntl, struct, termios = (pytest.importorskip(name) for name in ("fcntl", "struct", "termios"))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 90, 0, 0))
    command = [sys.executable, "-m", "sparsenmf", *map(str, arguments)]
    variables = os.environ | {"TERM": "xterm-256color"} | environment
    process = subprocess.Popen(command, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, env=variables)
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:  # how Linux says that the other end is closed
        pass
    finally:
        os.close(ours)
    assert process.wait(60) == 0
    return shown.decode()


def test_terminal_has_colour_unless_no_color_is_set(model):
    assert "\x1b[1m" in in_terminal(["topics", model])
    assert not re.search(r"\x1b\[\d*3[0-7]m", in_terminal(["topics", model], NO_COLOR="1"))


def test_terminal_has_a_progress_line_and_a_pipe_has_none(tmp_path, matrix, capsys):
    arguments = ["fit", matrix, "-k", "3", "-o", tmp_path / "model.npz", "--max-iter", "40", "--tol", "0", "--force"]
    shown = in_terminal(arguments)
    assert re.search(r"Fitting.*/40", shown)
    assert re.search(r"objective .*KKT \d.*s left", shown)
    assert "Fitting" not in in_terminal([*arguments, "--quiet"])
    assert main([str(argument) for argument in arguments]) == 0
    assert "Fitting" not in capsys.readouterr().err


# --- small parts ------------------------------------------------------------------------------------------------------


def test_sparkline_falls_from_the_highest_to_the_lowest_block():
    falling = list(np.linspace(9, 1, 100))
    assert sparkline(falling, 8).plain == "█▇▆▅▄▃▂▁"
    assert sparkline(falling, 8, "ascii").plain.isascii()
    assert sparkline([5.0], 8).plain == "▁"
    assert sparkline([5.0, 5.0], 8).plain == "▁▁"


def test_numbers_for_a_person():
    assert [number(value) for value in (1100485.2, 0.01234567, 12.5, 1.5e20)] == [
        "1,100,485",
        "0.0123457",
        "12.5",
        "1.5e+20",
    ]


def test_json_has_null_for_what_is_no_number(capsys):
    emit_json({"a": float("nan"), "b": [float("inf"), 1.5], "c": ("ü",)})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [None, 1.5], "c": ["ü"]}


def test_the_choices_are_those_of_the_library():
    from sparsenmf.cli.app import fit as command
    from sparsenmf.factorization import PATHS
    from sparsenmf.init import INITS
    from sparsenmf.solvers import SOLVER_NAMES

    choices = {option.name: getattr(option.type, "choices", None) for option in command.params}
    assert set(choices["solver"]) == set(SOLVER_NAMES)
    assert set(choices["init"]) == {"auto", *INITS}
    assert set(choices["path"]) == set(PATHS)
