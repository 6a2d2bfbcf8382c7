"""The Python blocks of the README and of the pages in docs/ run as they stand, one page after another.

Those of tutorials run with the commands between them.
"""

import re
import shlex

import pytest

from sparsenmf.cli import main
from tests.conftest import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```", flags=re.M | re.S)
NEEDS = re.compile(r"^<!-- needs: (.+) -->$", flags=re.M)  # packages without which a page is skipped

PAGES_WITH_CODE = [page for page in PAGES if "\n```python\n" in page.read_text(encoding="utf-8")]


@pytest.mark.parametrize("page", PAGES_WITH_CODE, ids=lambda page: page.name)
def test_python_blocks_run(page, tmp_path, monkeypatch):
    """Blocks of one page share their names, as for a reader who follows along in one session."""
    text = page.read_text(encoding="utf-8")
    needed = NEEDS.search(text)
    for package in needed[1].split(", ") if needed else ():
        pytest.importorskip(package, reason=f"{page.name} needs {package}")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "__readme__"}
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start(2))
        if block[1] == "python":
            exec(compile("\n" * line + block[2], str(page), "exec"), names)  # the padding keeps the page's line numbers
        elif page.name.startswith(("start", "tutorial-")):
            run_commands(block[2])


def run_commands(block):
    """The lines of a block that call our command line; a backslash continues a line."""
    for line in block.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if "sparsenmf" in words[:3]:
            assert main(words[words.index("sparsenmf") + 1 :]) == 0, line


def test_the_readme_starts_with_both_commands():
    first_screen = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:40])
    assert "\npython -m pip install '.[cli,report]' && python -m sparsenmf demo\n" in first_screen
    assert "\npython -m pip install '.[test]' && python -m pytest\n" in first_screen
