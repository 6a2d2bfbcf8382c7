"""docs/cli.md and the help texts describe the commands that there are, no more and no less."""

import re
import shlex

import pytest

pytest.importorskip("click")
pytest.importorskip("rich")

import click

from sparsenmf.cli.app import app
from sparsenmf.cli.options import FORMATS, WRITTEN
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
SHARED = ("reading-options", "counting-options", "fitting-options")


def sections():
    """Sections of the page by the anchor of their headings."""
    parts = re.split(r"^## (.+)$", PAGE, flags=re.M)
    return {title.lower().replace(" ", "-"): text for title, text in zip(parts[1::2], parts[2::2], strict=True)}


SECTIONS = sections()


def options_of(command):
    """The names of a command's options, shortest first."""
    return [sorted(p.opts + p.secondary_opts, key=len) for p in command.params if isinstance(p, click.Option)]


def described(name):
    """The page's section on a command, with the shared sections that it points to with the word "Also" or "also"."""
    text = SECTIONS[name]
    pointed = re.findall(r"^.*\balso the .*$", text, flags=re.M | re.I)
    shared = [anchor for line in pointed for anchor in re.findall(r"\(#([\w-]+)\)", line) if anchor in SHARED]
    return text + "".join(SECTIONS[anchor] for anchor in shared)


def mentioned(text):
    return set(re.findall(r"`(--?[a-z][\w-]*)`", text))


def test_every_command_has_a_section_and_a_line_in_the_table():
    assert set(SECTIONS) - {"conventions", *SHARED} == set(app.commands)
    assert set(re.findall(r"^\| \[`([\w-]+)`\]\(#\1\)", PAGE, flags=re.M)) == set(app.commands)


@pytest.mark.parametrize("name", app.commands)
def test_every_option_is_described_where_it_belongs(name):
    names = mentioned(described(name))
    missing = [opts[-1] for opts in options_of(app.commands[name]) if opts[-1] not in names]
    assert missing == []


@pytest.mark.parametrize("name", app.commands)
def test_no_option_is_described_that_the_command_lacks(name):
    there = {opt for opts in options_of(app.commands[name]) for opt in opts}
    of_others = mentioned(SECTIONS["conventions"])
    assert mentioned(described(name)) - there - of_others - {"--solver"} == set()


@pytest.mark.parametrize("name", app.commands)
def test_every_help_text_ends_in_examples_that_parse(name, monkeypatch):
    command = app.commands[name]
    lines = [line.strip() for line in (command.epilog or "").splitlines() if "sparsenmf " in line]
    assert lines, "no examples"
    check_commands(lines)


def test_the_commands_of_the_page_parse():
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, flags=re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines() if re.match(r"(zcat .*\| )?sparsenmf ", line)]
    assert len(lines) >= 12
    check_commands(lines)


@pytest.mark.parametrize("page", ["README.md", "docs/start.md", "docs/clusters.md", "docs/tutorial-cells.md"])
def test_the_commands_of_other_pages_parse(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = [line for block in re.findall(r"^```sh\n(.*?)^```", text, flags=re.M | re.S) for line in block.splitlines()]
    ours = [re.sub(r"\$\w+", "7", line) for line in lines if re.match(r"(python -m )?sparsenmf ", line)]
    assert ours
    check_commands(ours)


def check_commands(lines):
    for line in lines:
        text = line[line.index("sparsenmf ") :].partition(" |")[0]
        _, name, *arguments = shlex.split(text, comments=True)
        app.commands[name].make_context(name, arguments)  # parses, and runs nothing


def test_each_option_has_help():
    silent = [
        (name, p.name)
        for name, c in app.commands.items()
        for p in c.params
        if isinstance(p, click.Option) and not p.help
    ]
    assert silent == []


def test_formats_are_those_of_the_library():
    from sparsenmf.io.formats import FORMATS as KNOWN

    assert tuple(known.name for known in KNOWN) == FORMATS
    assert {known.name for known in KNOWN if known.write} == set(WRITTEN)
