"""The shape of the code, read from its syntax trees: ranks, single places, public names, docstrings."""

import ast
import dataclasses
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import sparsenmf

PACKAGE = Path(sparsenmf.__file__).resolve().parent


def documented_ranks() -> dict[str, int]:
    """The table of docs/architecture.md: a module may import modules of a lower rank, and those of its own folder."""
    text = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    return {name: int(rank) for name, rank in re.findall(r"^\s+(\w+)(?:\.py|/)\s+\[(\d+)\]", text, flags=re.M)}


RANKS = documented_ranks()

MODULES = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts): ast.parse(path.read_text(encoding="utf-8"))
    for path in sorted(PACKAGE.rglob("*.py"))
}


def part(module: str) -> str:
    """The file or folder directly under sparsenmf/ that a module belongs to."""
    return module.partition(".")[0]


def exists(module: str) -> bool:
    return module in MODULES or f"{module}.__init__" in MODULES


def imports(module: str) -> Iterator[tuple[int, str]]:
    """(line, imported module) of every import in a module, wherever it stands; full names, as sparsenmf.anndata is not
    anndata."""
    package = ["sparsenmf", *module.split(".")[:-1]]
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *filter(None, [node.module])])
            if source.partition(".")[0] != "sparsenmf":
                yield node.lineno, source
                continue
            inner = source.removeprefix("sparsenmf").removeprefix(".")
            for alias in node.names:
                name = f"{inner}.{alias.name}".removeprefix(".")
                yield node.lineno, f"sparsenmf.{name if exists(name) else inner or '__init__'}"


def own_imports(module: str) -> Iterator[tuple[int, str]]:
    """The same for the package's own modules, without 'sparsenmf.'."""
    own = ((line, name.removeprefix("sparsenmf.")) for line, name in imports(module) if name.startswith("sparsenmf."))
    return ((line, name) for line, name in own if part(name) in RANKS and exists(name))


def uses(tree: ast.AST, name: str) -> Iterator[int]:
    """Lines where a name is read, imported or looked up as an attribute."""
    for node in ast.walk(tree):
        named = isinstance(node, ast.Name) and node.id == name
        looked_up = isinstance(node, ast.Attribute) and node.attr == name
        imported = isinstance(node, ast.alias) and node.name == name
        if named or looked_up or imported:
            yield node.lineno


def test_every_module_has_a_rank_and_every_rank_a_module():
    assert {part(module) for module in MODULES} == set(RANKS)


def test_every_file_that_the_table_names_exists():
    text = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.partition("## Ranks")[2].partition("```\n")[2].partition("```")[0]
    files = {path.name for path in PACKAGE.rglob("*")}
    assert [name for name in re.findall(r"\b\w+\.(?:py|js|html)\b", table) if name not in files] == []


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_to_a_lower_rank_or_sideways_inside_a_folder(module):
    wrong = [
        f"sparsenmf/{module.replace('.', '/')}.py:{line} imports {name} of rank {RANKS[part(name)]}"
        for line, name in own_imports(module)
        if not (RANKS[part(name)] < RANKS[part(module)] or ("." in module and part(name) == part(module)))
    ]
    assert not wrong, f"rank of {module}: {RANKS[part(module)]}"


def test_only_jit_and_the_registers_import_numba():
    importers = {
        module
        for module in MODULES
        for _, name in imports(module)
        if part(name) in {"numba", "llvmlite"} and part(module) != "cli"  # `info` tells of both
    }
    assert importers <= {"_jit", "kernels.gather", "kernels.simd"}


def users(*names: str) -> set[str]:
    return {module for module, tree in MODULES.items() if any(next(uses(tree, name), None) for name in names)}


def test_what_storage_x_comes_in_is_asked_in_one_place():
    assert users("issparse") == {"_validation"}


def test_only_matrices_and_operands_know_their_storage():
    """Above them nothing branches on it, but for the choice of a path, which asks `Matrix.storage`."""
    assert users("DenseMatrix") <= {"_validation", "matrix", "operand.choose"}
    assert {part(module) for module in users("CsrOperand", "DenseOperand")} == {"operand"}
    assert users("storage") <= {"matrix", "operand.choose", "prepared", "measures", "rows", "estimators"}
    asked = {
        module
        for module, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "isinstance"
        if {"CsrMatrix", "DenseMatrix", "CsrOperand", "DenseOperand"} & {getattr(n, "id", "") for n in ast.walk(node)}
    }
    assert asked == {"_validation"}


def test_losses_are_data_and_no_branch_asks_for_their_names():
    names = {"kl", "kullback-leibler", "frobenius"}
    branches = [
        f"{module}:{node.lineno}"
        for module, tree in MODULES.items()
        if part(module) != "theory"
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        if {getattr(value, "value", None) for value in (node.left, *node.comparators)} & names
    ]
    assert not branches


def test_nothing_prints_outside_the_command_line():
    prints = {module: sorted(uses(tree, "print")) for module, tree in MODULES.items() if part(module) != "cli"}
    assert not any(prints.values()), prints


@pytest.mark.parametrize("module", [module for module in MODULES if module != "__main__"])
def test_all_lists_names_that_exist(module):
    if part(module) == "cli":
        pytest.importorskip("click")
        pytest.importorskip("rich")
    imported = importlib.import_module(f"sparsenmf.{module}".removesuffix(".__init__"))
    listed = getattr(imported, "__all__", [])
    assert len(listed) == len(set(listed))
    assert [name for name in listed if not hasattr(imported, name)] == []


LONGEST, MOST_ARGUMENTS = 40, 10


def functions(module: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function of a module, methods and functions inside functions too."""
    nodes = ast.walk(MODULES[module])
    return (node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the last, without those of the docstring."""
    first = function.body[0]
    docstring = first.end_lineno - first.lineno + 1 if ast.get_docstring(function) is not None else 0
    return function.end_lineno - function.lineno + 1 - docstring


@pytest.mark.parametrize("module", MODULES)
def test_no_function_is_longer_than_a_screen(module):
    lengths = {f"{function.name}, line {function.lineno}": lines_of(function) for function in functions(module)}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


@pytest.mark.parametrize("module", [module for module in MODULES if part(module) == "kernels"])
def test_no_kernel_takes_more_than_ten_arguments(module):
    counts = {}
    for function in functions(module):
        taken = function.args
        every = [*taken.posonlyargs, *taken.args, *taken.kwonlyargs, *filter(None, [taken.vararg, taken.kwarg])]
        counts[f"{function.name}, line {function.lineno}"] = len(every)
    assert {name: count for name, count in counts.items() if count > MOST_ARGUMENTS} == {}


def test_the_public_names_are_shown_by_dir_and_there_are_no_others():
    assert set(sparsenmf.__all__) <= set(dir(sparsenmf))
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = sparsenmf.no_such_name


# --- docstrings -------------------------------------------------------------------------------------------------------


def public_objects() -> dict[str, object]:
    """Everything that the package offers by name: functions, classes, and the classes' own public methods."""
    found: dict[str, object] = {}
    for module in (sparsenmf, importlib.import_module("sparsenmf.datasets")):
        for name in module.__all__:
            thing = getattr(module, name)
            if not callable(thing):
                continue
            full = f"{module.__name__}.{name}"
            found[full] = thing
            if inspect.isclass(thing):
                own = {key: value for key, value in vars(thing).items() if inspect.isfunction(value)}
                found |= {f"{full}.{key}": value for key, value in own.items() if not key.startswith("_")}
    return found


PUBLIC = public_objects()


def sections(thing: object) -> set[str]:
    return set(re.findall(r"^(\w[\w ]*)\n-+$", inspect.getdoc(thing) or "", flags=re.M))


def described(thing: object) -> set[str]:
    """The names that the Parameters and Attributes sections describe."""
    text = inspect.getdoc(thing) or ""
    bodies = re.findall(r"^(?:Parameters|Attributes)\n-+\n(.*?)(?=^\w[\w ]*\n-+$|\Z)", text, flags=re.M | re.S)
    heads = re.findall(r"^(\*{0,2}\w[\w, *]*?)(?:\s*:.*)?$", "\n".join(bodies), flags=re.M)
    return {name.strip().lstrip("*") for head in heads for name in head.split(",")}


def parameters(thing: object) -> list[str]:
    names = list(inspect.signature(thing).parameters)
    return [name for name in names if name not in {"self", "args", "kwargs"}]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_things_describe_each_parameter(name):
    thing = PUBLIC[name]
    assert inspect.getdoc(thing), "no docstring"
    missing = [parameter for parameter in parameters(thing) if parameter not in described(thing)]
    assert not missing


@pytest.mark.parametrize("name", [name for name, thing in PUBLIC.items() if not inspect.isclass(thing)])
def test_public_functions_say_what_they_return(name):
    thing = PUBLIC[name]
    gives = inspect.signature(thing).return_annotation not in {None, "None"}
    assert ("Returns" in sections(thing)) == gives


def wants_an_example(name: str) -> bool:
    """Not methods, whose class has one, nor classes that only name the parts of what a function returns."""
    thing = PUBLIC[name]
    result = hasattr(thing, "_fields") or dataclasses.is_dataclass(thing)
    return not result and name.rpartition(".")[0] not in PUBLIC


@pytest.mark.parametrize("name", [name for name in PUBLIC if wants_an_example(name)])
def test_public_names_come_with_an_example(name):
    assert "Examples" in sections(PUBLIC[name])
    assert ">>> " in inspect.getdoc(PUBLIC[name])
