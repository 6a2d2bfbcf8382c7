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

# A module may import modules of a lower rank, and those of its own folder. docs/architecture.md shows the table.
RANKS = {
    "_jit": 0,
    "_validation": 0,
    "kernels": 1,
    "scaling": 1,
    "operand": 2,
    "losses": 3,
    "theory": 3,
    "init": 4,
    "svd": 3,
    "io": 3,
    "datasets": 4,
    "solvers": 4,
    "factorization": 5,
    "streaming": 5,
    "distributed": 6,
    "selection": 6,
    "estimators": 6,
    "warm": 6,
    "topics": 7,
    "anndata": 8,
    "report": 8,
    "cli": 8,
    "__init__": 9,
    "__main__": 9,
}

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


def test_every_module_has_a_rank():
    assert {part(module) for module in MODULES} <= set(RANKS)


def test_the_table_of_ranks_is_the_documented_one():
    text = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\s+(\w+)(?:\.py|/)\s+\[(\d)\]", text, flags=re.M)
    assert {name: int(rank) for name, rank in documented} == RANKS


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


def test_sparse_or_dense_is_asked_in_one_place():
    asks = {module: sorted(uses(tree, "issparse")) for module, tree in MODULES.items()}
    assert {module for module, lines in asks.items() if lines} == {"_validation"}, asks


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


def test_the_public_names_are_all_there_and_shown_by_dir():
    promised = {
        "Factorization",
        "NMF",
        "Record",
        "__version__",
        "datasets",
        "factorize",
        "kkt_residual",
        "non_negative_factorization",
        "objective",
        "read",
        "warmup",
    }
    assert promised <= set(sparsenmf.__all__)
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
