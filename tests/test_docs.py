"""The shape of the documentation, without Sphinx: pages, links and names. `.ci/run` builds the site itself."""

import importlib
import inspect
import re
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import ROOT

DOCS = ROOT / "docs"
# Pages that the build adds to a toctree where they are there: docs/conf.py.
BY_CONF = {"benchmarks/index", "benchopt", "tried"}
MODULES = [
    "sparsenmf",
    "sparsenmf.anndata",
    "sparsenmf.datasets",
    "sparsenmf.io",
    "sparsenmf.report",
    "sparsenmf.theory",
    "sparsenmf.topics",
]
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)")
TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```", flags=re.M | re.S)
PAGES = sorted([*DOCS.glob("*.md"), *DOCS.glob("*.rst")])
MARKDOWN = [*(page for page in PAGES if page.suffix == ".md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return re.sub(r"^```.*?^```", "", text_of(page), flags=re.M | re.S)


def anchors(page: Path) -> set[str]:
    """Headings as GitHub and MyST name them."""
    heads = re.findall(r"^#+ (.+)$", prose(page), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def in_toctrees() -> set[str]:
    listed = set(BY_CONF)
    for page in PAGES:
        for body in TOCTREE.findall(text_of(page)):
            listed |= {line.strip() for line in body.splitlines() if line.strip() and not line.startswith(":")}
    return listed


def documented() -> set[str]:
    """The full names in the tables of the API reference."""
    names, module, listing = set(), "", False
    for line in text_of(DOCS / "api.rst").splitlines():
        if found := re.match(r"\.\. currentmodule:: (\S+)", line):
            module = found[1]
        elif re.match(r"\.\. autosummary::", line):
            listing = True
        elif line and not line.startswith(" "):
            listing = False
        elif listing and (found := re.match(r"   (\w+)$", line)):
            names.add(f"{module}.{found[1]}")
    return names


def public(module: str) -> set[str]:
    """What a module offers, by the name of the first module that does: `read` is sparsenmf's, not sparsenmf.io's."""
    top = importlib.import_module("sparsenmf")
    here = importlib.import_module(module)
    names = {name for name in here.__all__ if f"sparsenmf.{name}" not in MODULES and name != "__version__"}
    if here is not top:
        names = {name for name in names if name not in top.__all__ or getattr(top, name) is not getattr(here, name)}
    return {f"{module}.{name}" for name in names}


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_in_the_api_reference(module):
    assert public(module)
    assert public(module) <= documented()


def test_the_api_reference_names_nothing_else():
    assert documented() <= set().union(*map(public, MODULES))


def test_every_public_module_is_looked_at():
    top = importlib.import_module("sparsenmf")
    modules = {f"sparsenmf.{name}" for name in top.__all__ if type(getattr(top, name)).__name__ == "module"}
    assert modules <= set(MODULES)


def test_every_page_is_in_a_toctree():
    names = {page.stem for page in PAGES} - {"index"}
    assert names <= in_toctrees()


def test_toctrees_list_pages_that_there_are():
    made = {"gallery/index"}
    missing = [
        n for n in in_toctrees() - made - BY_CONF if not any((DOCS / f"{n}{s}").exists() for s in (".md", ".rst"))
    ]
    assert not missing


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: page.name)
def test_local_links_lead_to_a_file_and_a_heading(page):
    wrong = []
    for link, anchor in LINK.findall(prose(page)):
        target = page.parent / link if link else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            wrong.append(f"{link}#{anchor}" if anchor else link)
    assert not wrong


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: page.name)
def test_tests_that_a_page_names_are_there(page):
    """Functions anywhere in tests/, and files."""
    files = [path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("*.py")]
    functions = re.findall(r"^ *def (test_\w+)", "\n".join(map(text_of, map(ROOT.joinpath, files))), flags=re.M)
    named = set(re.findall(r"(?<![\w/.-])test_\w+(?![\w.]*\.py)", text_of(page)))
    assert named <= set(functions), named - set(functions)
    paths = set(re.findall(r"\btests/[\w/]+\.py", text_of(page)))
    assert paths <= set(files), paths - set(files)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_included_source_is_there(page):
    for path, options in re.findall(r"^```\{literalinclude\} (\S+)\n((?::.*\n)*)", text_of(page), flags=re.M):
        source = text_of(page.parent / path)
        for name in re.findall(r"^:pyobject: (\S+)", options, flags=re.M):
            assert re.search(rf"^(class|def) {name}\b", source, flags=re.M)
        for start in re.findall(r"^:(?:start-at|end-before): \"?([^\"\n]+)", options, flags=re.M):
            assert start in source


# --- migration tables -------------------------------------------------------------------------------------------------


def in_code(page: str) -> set[str]:
    """The names that stand in code in the prose of a page."""
    return set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", prose(DOCS / page)))))


def scikit_learns() -> tuple[type, object]:
    decomposition = importlib.import_module("sklearn.decomposition")
    return decomposition.NMF, decomposition.non_negative_factorization


def ours() -> tuple[type, object]:
    top = importlib.import_module("sparsenmf")
    return top.NMF, top.non_negative_factorization


@pytest.mark.parametrize("found", [scikit_learns, ours])
def test_every_parameter_and_attribute_of_an_estimator_is_on_the_page_for_scikit_learn(found):
    estimator, function = found()
    model = estimator(2, init="random", max_iter=500, random_state=0).fit(np.random.default_rng(0).random((20, 6)))
    names = {name for name in dir(model) if not name.startswith("_")} | {"feature_names_in_"}
    names |= set(inspect.signature(estimator).parameters) | set(inspect.signature(function).parameters)
    assert {"n_components", "update_H", "transform", "reconstruction_err_"} <= names
    assert names <= in_code("scikit-learn.md"), names - in_code("scikit-learn.md")


def test_every_parameter_of_factorize_is_known_to_some_migration_table():
    factorize = importlib.import_module("sparsenmf").factorize
    known = in_code("gensim.md") | in_code("fasttopics.md") | in_code("scikit-learn.md")
    assert set(inspect.signature(factorize).parameters) <= known
    assert set(importlib.import_module("sparsenmf").Factorization.__dataclass_fields__) <= known
