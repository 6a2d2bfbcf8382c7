"""The examples of every docstring run and give what they show."""

import doctest
import importlib
import pkgutil
import types

import pytest

import sparsenmf

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE

MODULES = ["sparsenmf"] + [
    module.name
    for module in pkgutil.walk_packages(sparsenmf.__path__, "sparsenmf.")
    if not module.name.endswith("__main__")
]


def load(name: str) -> types.ModuleType:
    if name.startswith("sparsenmf.cli"):
        pytest.importorskip("click")
        pytest.importorskip("rich")
    return importlib.import_module(name)


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name, tmp_path, monkeypatch):
    if name == "sparsenmf.anndata":
        pytest.importorskip("anndata", reason="objects of single cells need the package anndata")
    monkeypatch.chdir(tmp_path)  # examples may write files
    finder = doctest.DocTestFinder(exclude_empty=True)
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    report: list[str] = []
    for test in finder.find(load(name)):
        runner.run(test, out=report.append)
    assert runner.failures == 0, "".join(report)


def test_the_public_names_have_examples_that_are_found():
    """Names are loaded lazily: this is a guard against examples that nobody runs."""
    finder = doctest.DocTestFinder()
    found = sum(len(test.examples) for name in MODULES for test in finder.find(load(name)))
    assert found > 20
