"""The Python blocks of the README and of the pages in docs/ run as they stand, one page after another."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", flags=re.M | re.S)
LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)")

PAGES_WITH_CODE = [page for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("page", PAGES_WITH_CODE, ids=lambda page: page.name)
def test_python_blocks_run(page, tmp_path, monkeypatch):
    """Blocks of one page share their names, as for a reader who follows along in one session."""
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    names: dict[str, object] = {"__name__": "__readme__"}
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start(1))
        exec(compile("\n" * line + block[1], str(page), "exec"), names)  # the padding keeps the page's line numbers


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    missing = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()]
    assert not missing


def test_the_readme_starts_with_both_commands():
    first_screen = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:40])
    assert "\npython -m pip install '.[cli]' && python -m sparsenmf demo\n" in first_screen
    assert "\npython -m pip install '.[test]' && python -m pytest\n" in first_screen


def test_commands_of_the_readme_exist():
    pytest.importorskip("click")
    pytest.importorskip("rich")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = set(re.findall(r"^(?:python -m )?sparsenmf (\w+)", text, flags=re.M))
    assert {"fit", "topics"} <= commands
    run = subprocess.run(
        [sys.executable, "-m", "sparsenmf", "--help"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert {command for command in commands if not re.search(rf"^\s+{command}\b", run.stdout, flags=re.M)} == set()
