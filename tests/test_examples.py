"""The scripts of docs/examples run, small, and their figures are there: grey, with a text, not blank."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="the figures are drawn with matplotlib")
from PIL import Image

from tests.conftest import ROOT, data_folder

EXAMPLES = ROOT / "docs" / "examples"
SCRIPTS = sorted(EXAMPLES.glob("plot_*.py"))

each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)


def run(script: Path, figures: Path, cwd: Path, **settings: str) -> str:
    """What a script of docs/examples prints, run by itself in quick mode; no RuntimeWarning passes."""
    environment = {key: value for key, value in os.environ.items() if key != "SPARSENMF_DATA"}
    environment |= {"PYTHONPATH": str(ROOT), "SPARSENMF_EXAMPLES_QUICK": "1", "SPARSENMF_FIGURES": str(figures)}
    done = subprocess.run(
        [sys.executable, "-W", "error::RuntimeWarning", str(script)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment | settings,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def figures_of(script: Path) -> list[str]:
    """The names under which a script saves its figures."""
    return re.findall(r'save\(\s*figure,\s*"(\w+)"', script.read_text(encoding="utf-8"))


def alt_text(path: Path) -> str:
    with Image.open(path) as image:
        return image.text["Description"]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """The folder that `make.py` filled."""
    figures = tmp_path_factory.mktemp("figures")
    said = run(EXAMPLES / "make.py", figures, tmp_path_factory.mktemp("elsewhere"))
    assert re.findall(r"^(plot_\w+\.py): ", said, flags=re.M) == [script.name for script in SCRIPTS]
    return figures


def test_make_draws_the_figures_of_all_scripts_and_nothing_else(made):
    names = sorted(name for script in SCRIPTS for name in figures_of(script))
    assert len(names) == len(set(names)) >= 11
    assert sorted(path.name for path in made.iterdir()) == sorted(["README.md", *(f"{name}.png" for name in names)])


@each_script
def test_figures_are_grey_and_show_something(made, script):
    assert figures_of(script)
    for name in figures_of(script):
        with Image.open(made / f"{name}.png") as image:
            pixels = np.asarray(image.convert("RGB")).astype(int)
        assert min(pixels.shape[:2]) >= 250
        assert np.ptp(pixels, axis=2).max() <= 2, f"{name} has colours"
        assert pixels.std() > 10, f"{name} is blank"


@each_script
def test_figures_carry_a_text_for_those_who_cannot_see_them(made, script):
    index = (made / "README.md").read_text(encoding="utf-8")
    for name in figures_of(script):
        alt = alt_text(made / f"{name}.png")
        assert 80 <= len(alt) <= 450
        assert f"![{alt}]({name}.png)" in index


@each_script
def test_scripts_are_pages_of_a_gallery(script):
    """As sphinx-gallery reads them: a title in the docstring, cells with headings, and every heading underlined."""
    text = script.read_text(encoding="utf-8")
    docstring = re.match(r'r?"""\n(.+)\n(=+)\n\n(.+?)"""', text, flags=re.S)
    assert docstring
    assert len(docstring[1]) == len(docstring[2])
    cells = text.split("\n# %%\n")[1:]
    assert len(cells) >= 2
    for heading, rule in re.findall(r"^# (.+)\n# (-{3,})$", text, flags=re.M):
        assert len(heading) == len(rule)


def test_a_script_runs_by_itself_from_anywhere(tmp_path):
    run(EXAMPLES / "plot_digits.py", tmp_path / "new" / "folder", tmp_path)
    assert sorted(path.stem for path in (tmp_path / "new" / "folder").iterdir()) == ["digits_bases", "digits_rebuilt"]


def test_faces_are_used_where_they_are(made, tmp_path):
    assert "basis pictures of swimmers" in alt_text(made / "faces.png")
    if not (data_folder() / "cbcl_faces" / "X_dense.npz").exists():
        pytest.skip("the data set cbcl_faces is not there: set SPARSENMF_DATA to the folder of the data sets")
    run(EXAMPLES / "plot_faces.py", tmp_path, tmp_path, SPARSENMF_DATA=str(data_folder()))
    assert "basis pictures of faces" in alt_text(tmp_path / "faces.png")
