"""Promises about compiling, importing and releasing that no single module can keep."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import sparsenmf
from tests.conftest import ROOT

PACKAGE = Path(sparsenmf.__file__).resolve().parent
SOURCES = {str(path.relative_to(PACKAGE)): path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
KERNELS = [name for name in SOURCES if Path(name).parent.name == "kernels" and not name.startswith("kernels/simd")]

# Imports every module of the package in a fresh process and tells what numba holds of it then.
INSPECT = """
import gc, importlib, json, pkgutil
import numba
from numba.core import event
from numba.core.registry import CPUDispatcher
from numba.core.caching import FunctionCache
recorder = event.RecordingListener()
event.register("numba:compile", recorder)
import sparsenmf
for module in pkgutil.walk_packages(sparsenmf.__path__, "sparsenmf."):
    if not module.name.endswith("__main__") and not module.name.startswith("sparsenmf.cli"):
        importlib.import_module(module.name)
ours = [d for d in gc.get_objects() if isinstance(d, CPUDispatcher) and d.__module__.startswith("sparsenmf")]
print(json.dumps({
    "compiled": len(recorder.buffer),
    "kernels": [{
        "name": f"{d.py_func.__module__}.{d.py_func.__qualname__}",
        "options": {k: sorted(v) if isinstance(v, set) else v for k, v in d.targetoptions.items()},
        "cached": isinstance(d._cache, FunctionCache),
        "signatures": len(d.signatures),
        "lazy": d._can_compile,
    } for d in ours],
}, default=str))
"""


def fresh_python(code: str, folder: Path = ROOT) -> str:
    """What a new interpreter prints for a piece of code, with the package in `folder` and the JIT on."""
    settings = {key: value for key, value in os.environ.items() if key != "NUMBA_DISABLE_JIT"}
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=folder,
        env=settings,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.fixture(scope="module")
def compiled() -> dict:
    return json.loads(fresh_python(INSPECT))


# --- compiling --------------------------------------------------------------------------------------------------------


def test_importing_every_module_compiles_nothing(compiled):
    assert compiled["compiled"] == 0


def test_kernels_share_one_compile_policy(compiled):
    assert compiled["kernels"], "no kernel was found"
    for kernel in compiled["kernels"]:
        options = kernel["options"]
        assert options.get("error_model") == "numpy", kernel
        assert options.get("nogil") is True, kernel
        assert kernel["cached"], kernel


def test_signatures_are_lazy(compiled):
    """Eager ones compile at import and refuse read-only arrays."""
    assert [kernel["name"] for kernel in compiled["kernels"] if kernel["signatures"] or not kernel["lazy"]] == []


def test_fast_math_never_assumes_finite_numbers(compiled):
    for kernel in compiled["kernels"]:
        fastmath = kernel["options"].get("fastmath") or []
        assert fastmath is not True, kernel
        assert not {"fast", "nnan", "ninf"} & set(fastmath), kernel


def test_kernels_have_names_of_their_own(compiled):
    """numba's cache tells functions apart by name and first line, never by options."""
    names = [kernel["name"] for kernel in compiled["kernels"]]
    assert len(names) == len(set(names))


def shared_by_kernels() -> list[str]:
    """`_jit.py`, and the files of kernels/ that others there take helpers or constants from."""
    shared = {"_jit.py"}
    for text in (text for name, text in SOURCES.items() if name.startswith("kernels/")):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom):
                sources = {(node.module or "").rpartition(".")[2], *(alias.name for alias in node.names)}
                shared |= {f"kernels/{source}.py" for source in sources} & set(SOURCES)
    return sorted(shared)


@pytest.mark.parametrize("source", shared_by_kernels())
def test_no_stale_kernel_is_found_after_a_change_in_a_shared_file(source, compiled, tmp_path):
    """numba compiles anew when a kernel's own file has changed. For other files, the kernels' names must change."""
    shutil.copytree(PACKAGE, tmp_path / "sparsenmf", ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "sparsenmf" / source).open("a", encoding="utf-8") as file:
        file.write("\n# a change\n")
    changed = json.loads(fresh_python(INSPECT, tmp_path))
    elsewhere = "sparsenmf." + source.removesuffix(".py").replace("/", ".") + "."
    before, after = (
        {kernel["name"] for kernel in state["kernels"] if not kernel["name"].startswith(elsewhere)}
        for state in (compiled, changed)
    )
    assert len(before) == len(after) > 0
    assert not before & after


def test_decorators_of_numba_are_used_in_jit_alone():
    pattern = re.compile(r"\b(?:n?jit|vectorize|guvectorize|stencil|cfunc|jitclass)\s*\(|@\s*(?:numba\.)?n?jit\b")
    users = {name for name, text in SOURCES.items() if pattern.search(text)}
    assert users <= {"_jit.py"}


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_take_no_functions_as_arguments(name):
    """A function's identity is part of its numba type, so a kernel that takes one is never found in the cache."""
    for function in ast.walk(ast.parse(SOURCES[name])):
        if isinstance(function, ast.FunctionDef):
            arguments = {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
            called = {
                node.func.id
                for node in ast.walk(function)
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            }
            assert not arguments & called, f"{function.name}, line {function.lineno}"


# --- importing --------------------------------------------------------------------------------------------------------

HEAVY = ["sklearn", "pandas", "click", "rich", "joblib", "scipy.optimize", "scipy.stats"]


@pytest.mark.parametrize("use", ["", "sparsenmf.factorize, sparsenmf.objective, sparsenmf.read, sparsenmf.datasets"])
def test_importing_the_package_is_cheap(use):
    code = f"import sparsenmf, sys; {use}\nprint([name for name in {HEAVY} if name in sys.modules])"
    assert ast.literal_eval(fresh_python(code)) == []


def test_the_estimators_import_scikit_learn_when_asked_for():
    code = "import sparsenmf, sys; sparsenmf.NMF; print('sklearn' in sys.modules)"
    assert fresh_python(code).strip() == "True"


def test_importing_changes_no_global_settings():
    code = (
        "import logging, os, signal, warnings, numpy\n"
        "def state(): return (dict(os.environ), list(warnings.filters), numpy.geterr(), logging.root.handlers[:],\n"
        "                     signal.getsignal(signal.SIGINT), str(numpy.random.get_state()))\n"
        "import numba, scipy.sparse\n"
        "before = state()\n"
        "import sparsenmf; sparsenmf.factorize; sparsenmf.datasets\n"
        "print(before == state())"
    )
    assert fresh_python(code).strip() == "True"


# --- releasing --------------------------------------------------------------------------------------------------------


def test_the_version_is_the_same_wherever_it_stands():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^version: (\S+)$", citation, flags=re.M)[1] == sparsenmf.__version__
    assert re.search(r"^## \[(\d\S*)\]", changelog, flags=re.M)[1] == sparsenmf.__version__


def test_the_package_is_typed_and_its_metadata_reads():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (PACKAGE / "py.typed").exists()
    assert project["dynamic"] == ["version"]
    module, _, function = project["scripts"]["sparsenmf"].partition(":")
    assert hasattr(__import__(module, fromlist=[function]), function)
