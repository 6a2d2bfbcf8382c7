"""The command line as a process: exit codes, pipes, signals and terminals."""

import json
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

pytest.importorskip("click")
pytest.importorskip("rich")

from sparsenmf.cli import main
from sparsenmf.cli.console import emit_json, number, sparkline
from sparsenmf.io import Model, save_model
from tests import terminal
from tests.conftest import ROOT

pytestmark = pytest.mark.usefixtures("own_folder")

# --- the process ------------------------------------------------------------------------------------------------------


def start(*arguments, **options):
    command = [sys.executable, "-m", "sparsenmf", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", **options
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fit", "X.npz", "-o", "model.npz"], "-k"),
        (["fit", "X.npz", "-k", "0", "-o", "model.npz"], "-k"),
        (["fit", "X.npz", "-k", "two", "-o", "model.npz"], "not a valid integer"),
        (
            ["fit", "X.npz", "-k", "2", "-o", "m.npz", "--loss", "poisson"],
            "choose 'kullback-leibler' (the same: 'kl', 1) or",
        ),
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


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["topics", "X.npz", "--topics", "3"], "No such option '--topics'. Did you mean --components?"),
        (["fit", "X.npz", "--random-state", "3"], "Did you mean --seed?"),
        (["fit", "X.npz", "--n_threads", "3"], "Did you mean --threads?"),
        (["fit", "X.npz", "--max-itr", "3"], "Did you mean --max-iter?"),
        (["fit", "X.npz", "--alpha-W", "3"], "Did you mean --alpha-w?"),
        (["transform", "m.npz", "X.npz", "--overwrite"], "Did you mean --force?"),
        (["info", "--verbose"], None),
        (["evaluate", "m.npz", "X.npz", "--verbose"], None),
        (["topics", "X.npz", "--colour"], None),
        (["--topics"], None),
    ],
)
def test_an_unknown_option_gets_a_suggestion_where_one_is_near(arguments, found, capsys):
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert "--help' for help" in err
    assert found in err if found else "Did you mean" not in err


def test_aliases_stand_for_options_that_there_are():
    from sparsenmf.cli.app import app
    from sparsenmf.cli.suggesting import _ALIASES

    there = {name for command in app.commands.values() for option in command.params for name in option.opts}
    assert set(_ALIASES) <= there


def test_no_arguments_show_help(capsys):
    assert main([]) == 2
    assert "demo" in "".join(capsys.readouterr())


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
    return terminal.shown([sys.executable, "-m", "sparsenmf", *map(str, arguments)], **environment)


def test_terminal_has_colour_unless_no_color_is_set(tmp_path, model):
    assert "\x1b[1m" in in_terminal(["topics", tmp_path / model])
    assert not re.search(r"\x1b\[\d*3[0-7]m", in_terminal(["topics", tmp_path / model], NO_COLOR="1"))


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
