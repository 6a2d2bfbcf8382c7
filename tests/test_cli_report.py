"""The commands that end in a report: `report`, `topics --report`, `demo`; and what a hurried user gets wrong."""

import json
import os
import re
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from scipy import sparse

pytest.importorskip("click")
pytest.importorskip("rich")

import sparsenmf
from sparsenmf.cli import main, reporting
from tests.conftest import TEXTS, refused_in_one_line

NEWS = ["topics", "news.jsonl", "--column", "body", "-k", "2"]
BARE = ["topics", "bare.jsonl", "-k", "2"]


pytestmark = pytest.mark.usefixtures("own_folder")


class Page(NamedTuple):
    """What a report was written of."""

    topics: int
    shape: tuple[int, int]
    texts: list[str] | None
    groups: list[object] | None
    titles: list[str] | None
    heading: str | None


@pytest.fixture
def pages(monkeypatch):
    """A writer of reports that notes what it is given."""
    seen = []

    def write_report(model, X, path, *, texts=None, groups=None, titles=None, heading=None, force=False):
        names = None if titles is None else list(titles)
        texts = None if texts is None else list(texts)
        seen.append(Page(model.H.shape[0], X.shape, texts, groups, names, heading))
        with Path(path).open("w" if force else "x") as file:
            file.write("page")
        return Path(path)

    monkeypatch.setattr(reporting, "has_report", lambda: True)
    monkeypatch.setattr("sparsenmf.report.write_report", write_report)
    return seen


def test_report_of_texts_with_groups(news, pages, capsys):
    arguments = ["topics", news, "--column", "body", "-k", "2", "-o", "model.npz", "--report", "r.html"]
    assert main([*arguments, "--group", "year"]) == 0
    assert "Wrote r.html" in capsys.readouterr().err
    names = [f"n{i}" for i in range(6)]
    assert pages == [(2, (6, 6), TEXTS, [2000, 2001] * 3, names, "news.jsonl")]
    again = ["report", "model.npz", "--data", news, "--column", "body", "-o", "r.html"]
    assert main(again) == 1
    assert "--force" in capsys.readouterr().err
    assert main([*again, "--force"]) == 0
    assert pages[1] == (2, (6, 6), TEXTS, None, names, "news.jsonl")


def test_documents_have_the_names_that_are_known(news, named_counts, model, pages):
    made = ["topics", news, "--column", "body", "-k", "2", "--report", "r.html", "-f", "-q"]
    assert main([*made, "--id-column", "year"]) == 1  # a year names no document: it stands twice
    assert main([*made, "--id-column", "body"]) == 0
    assert pages.pop().titles == TEXTS
    lines = [json.dumps({"id": i, "title": None if i == 2 else f"On {i}", "body": t}) for i, t in enumerate(TEXTS)]
    Path("news.jsonl").write_text("\n".join(lines))
    assert main(made) == 0
    assert pages.pop().titles == ["On 0", "On 1", None, "On 3", "On 4", "On 5"]
    Path("plain.txt").write_text("\n".join(TEXTS))
    assert main(["topics", "plain.txt", "-k", "2", "--report", "r.html", "-f", "-q"]) == 0
    assert pages.pop().titles is None
    assert main(["report", model, "--data", named_counts, "-o", "r.html", "-f", "-q"]) == 0
    assert pages.pop().titles == [f"row{i}" for i in range(60)]


def test_demo_ends_with_a_report_and_replaces_none(pages, capsys):
    assert main(["demo", "-k", "2", "--max-iter", "2"]) == 0
    assert "Wrote sparsenmf-demo.html" in capsys.readouterr().err
    assert pages[0][:2] == (2, (1189, pages[0][1][1]))
    assert pages[0].titles[0] == "Ge1"
    assert "King James" in pages[0].heading
    assert main(["demo", "-k", "2", "--max-iter", "2"]) == 0
    assert "No report: sparsenmf-demo.html exists" in capsys.readouterr().err
    assert main(["demo", "-k", "2", "--max-iter", "2", "--report", "sparsenmf-demo.html"]) == 1
    assert len(pages) == 1


@pytest.fixture
def without_library(monkeypatch):
    """An installation without the extra."""
    monkeypatch.setitem(sys.modules, "vl_convert", None)


def test_without_the_module_a_report_is_a_clear_error(model, news, without_library, monkeypatch, capsys):
    def fail(*arguments, **options):
        raise AssertionError("the fit was started")

    assert not reporting.has_report()
    monkeypatch.setattr("sparsenmf.factorization.factorize", fail)
    for command in (
        ["report", model, "--data", "X.npz", "-o", "r.html"],
        ["topics", news, "--column", "body", "-k", "2", "-o", "m.npz", "--report", "r.html"],
        ["demo", "-k", "2", "--max-iter", "2", "--report", "r.html"],
    ):
        capsys.readouterr()
        assert main(command) == 1
        out, err = capsys.readouterr()
        assert out == ""
        assert re.fullmatch(r'Error: reports need vl-convert.* pip install "sparsenmf\[report\]"\n', err)
    assert not Path("r.html").exists()
    assert not Path("m.npz").exists()


def test_demo_without_the_library_says_in_one_line_how_to_get_it(without_library, capsys):
    assert main(["demo", "-k", "2", "--max-iter", "2"]) == 0
    out, err = capsys.readouterr()
    assert "kl objective" in out
    assert re.search(r'^No report: .*pip install "sparsenmf\[report\]"$', err, flags=re.M)
    assert list(Path().iterdir()) == []
    assert main(["demo", "-k", "2", "--max-iter", "2", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_reports_are_written_from_texts_and_by_the_demo(news, capsys):
    pytest.importorskip("vl_convert", reason="the charting library comes with vl-convert (the extra 'report')")
    made = ["topics", news, "--column", "body", "-k", "2", "-o", "m.npz", "--report", "r.html", "--group", "year"]
    assert main([*made, "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["report"] == "r.html"
    assert "Wrote r.html" in err
    first = Path("r.html").read_bytes()
    assert first.startswith(b"<!DOCTYPE html>")
    assert TEXTS[1] in first.decode()
    again = ["report", "m.npz", "--data", news, "--column", "body", "--group", "year", "-o", "again.html", "-q"]
    assert main(again) == 0
    assert Path("again.html").read_bytes() == first  # a model keeps all that its report shows
    assert main(["demo", "-k", "2", "--max-iter", "2", "-q"]) == 0
    assert "The King James Bible" in Path("sparsenmf-demo.html").read_text(encoding="utf-8")


# --- what a hurried user gets wrong ---------------------------------------------------------------------------------


@pytest.fixture
def odd_files(counts, model, news, monkeypatch):
    """Data that do not go with the model, and a page that is there already."""
    monkeypatch.setattr(reporting, "has_report", lambda: True)  # these errors come before any page is made
    sparse.save_npz("narrow.npz", sparse.csr_array(counts)[:, :7])
    sparsenmf.write("other.npz", counts, column_names=[f"gene{j}" for j in range(40)])
    np.save("negative.npy", -np.ones((60, 40)))
    Path("empty.txt").write_text("")
    Path("empty.csv").write_text("")
    Path("old.html").write_text("mine")
    Path("bare.jsonl").write_text("".join(json.dumps({"text": text, "year": " "}) + "\n" for text in TEXTS))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["report", "nowhere.npz", "--data", "X.npz", "-o", "r.html"], 1, "nowhere.npz does not exist"),
        (["report", "X.npz", "--data", "X.npz", "-o", "r.html"], 1, "holds no sparsenmf model"),
        (["report", "model.npz", "--data", "nowhere.npz", "-o", "r.html"], 1, "nowhere.npz does not exist"),
        (["report", "model.npz", "--data", "narrow.npz", "-o", "r.html"], 1, "7 columns and the model 40"),
        (["report", "model.npz", "--data", "other.npz", "-o", "r.html"], 1, "no column.*name of a column of the model"),
        (["report", "model.npz", "--data", "news.jsonl", "--column", "text", "-o", "r.html"], 1, "The columns are"),
        (
            ["report", "model.npz", "--data", "news.jsonl", "--column", "body", "-o", "r.html"],
            1,
            "no word of the texts",
        ),
        (["report", "model.npz", "--data", "empty.txt", "-o", "r.html"], 1, "empty.txt"),
        (["report", "model.npz", "--data", "empty.csv", "-o", "r.html"], 1, "empty.csv"),
        (["report", "model.npz", "--data", "negative.npy", "-o", "r.html"], 1, "[Nn]egative"),
        (["report", "model.npz", "--data", "X.npz", "-o", "old.html"], 1, "old.html exists.*--force"),
        (["report", "model.npz", "--data", "X.npz", "-o", "no/r.html"], 1, "make it first"),
        (["report", "model.npz", "--data", "X.npz", "-o", "."], 1, "it is a folder"),
        (["report", "model.npz", "--data", "X.npz", "-o", "-"], 1, "name a file"),
        (["report", "model.npz", "--data", "X.npz", "-o", "./model.npz", "-f"], 1, "would replace model.npz"),
        (["report", "model.npz", "--data", "X.npz", "-o", "X.npz", "-f"], 1, "would replace X.npz"),
        (["report", "model.npz", "--data", "X.npz", "-o", "r.html", "--group", "year"], 1, "the data are a matrix"),
        (["report", "model.npz", "--data", "X.npz"], 2, "-o"),
        (["report", "model.npz", "X.npz", "-o", "r.html"], 2, "--data|extra argument"),
        (["topics", "X.npz", "-k", "2", "-o", "r.npz", "--report", "r.npz"], 1, "would replace r.npz"),
        (["topics", "X.npz", "-k", "2", "--report", "-"], 1, "name a file"),
        (
            ["topics", "X.npz", "-k", "2", "-o", "m.npz", "--report", "r.html", "--group", "a"],
            1,
            "the data are a matrix",
        ),
        (
            [*NEWS, "-o", "m.npz", "--report", "r.html", "--group", "yaer"],
            1,
            "'yaer' for --group.*'id', 'year', 'body'",
        ),
        ([*BARE, "-o", "m.npz", "--report", "r.html", "--group", "year"], 1, "the column 'year' for --group is empty"),
        ([*NEWS, "-o", "m.npz", "--report", "old.html"], 1, "old.html exists.*--force"),
        ([*NEWS, "-o", "m.npz", "--report", "no/r.html"], 1, "make it first"),
        (["demo", "--report", "old.html"], 1, "old.html exists.*--force"),
        (["demo", "--report", "-"], 1, "name a file"),
    ],
)
def test_what_a_hurried_user_gets_wrong_is_one_line(arguments, code, message, odd_files, capsys):
    refused_in_one_line(arguments, code, message, capsys)


@pytest.mark.skipif(sys.platform == "win32" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write")
def test_a_report_into_an_unwritable_folder(named_counts, monkeypatch, capsys):
    monkeypatch.setattr(reporting, "has_report", lambda: True)
    Path("locked").mkdir(mode=0o500)
    assert main(["topics", named_counts, "-k", "2", "--report", "locked/r.html"]) == 1
    assert "cannot write" in capsys.readouterr().err
    assert list(Path("locked").iterdir()) == []


def test_a_report_that_cannot_be_made_is_refused_before_the_fit(named_counts, monkeypatch, capsys):
    def fail(*arguments, **options):
        raise AssertionError("the fit was started")

    def touch(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(reporting, "has_report", lambda: True)
    monkeypatch.setattr("sparsenmf.factorization.factorize", fail)
    monkeypatch.setattr(Path, "touch", touch)
    assert main(["topics", named_counts, "-k", "2", "--report", "r.html"]) == 1
    assert "cannot write r.html: Permission denied" in capsys.readouterr().err


def test_a_report_that_fails_on_its_way_leaves_no_page(model, monkeypatch, capsys):
    pytest.importorskip("vl_convert", reason="the charting library comes with vl-convert (the extra 'report')")

    def full(handle):
        raise OSError(28, "No space left on device")

    before = sorted(path.name for path in Path().iterdir())
    monkeypatch.setattr("os.fsync", full)
    assert main(["report", model, "--data", "X.npz", "-o", "r.html"]) == 1
    assert "cannot write r.html: No space left on device" in capsys.readouterr().err
    assert sorted(path.name for path in Path().iterdir()) == before
