"""The command `report`, and the reports that `topics` and `demo` end with: pages by `sparsenmf.report`.

That package has the rank of this one, so it is imported by its name, and only when a report is to be written.
"""

import importlib
import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sparsenmf.cli.reading import Data, Input, check_output, load, speaker
from sparsenmf.io import Model, Texts, load_model

__all__ = ["check_report", "groups_of", "has_report", "heading_of", "report_file", "write_page"]

#: Columns that name documents, where no --id-column says which does.
_NAMING = ("title", "name", "id")


def has_report() -> bool:
    """Whether this installation can write reports: whether vl-convert is there."""
    return importlib.util.find_spec("vl_convert") is not None


def check_report(path: str, force: bool, others: Iterable[str | None] = ()) -> None:
    """Refuse a report that cannot be written, before the work that it shall show.

    Raises
    ------
    ImportError
        If vl-convert is not installed.
    ValueError
        If the path is standard output, or one of the `others`: files that the command reads or writes itself.
    OSError
        If the file exists and `force` is false, or its place takes no file.
    """
    if not has_report():
        raise ImportError(importlib.import_module("sparsenmf.report.library").MISSING)
    if path == "-":
        raise ValueError("a report does not go to stdout: name a file, as in report.html")
    check_output(path, force, others)


def groups_of(texts: Texts | None, group: str | None) -> list[Any] | None:
    """The values of the column of groups, if one is named.

    Raises
    ------
    ValueError
        If the data are a matrix, or texts without that column, or it is empty.
    """
    if group is None:
        return None
    if texts is None:
        raise ValueError(f"--group {group} names a column of texts (CSV, JSONL), and the data are a matrix")
    if group not in texts.columns:
        listing = ", ".join(map(repr, texts.columns)) or "none"
        raise ValueError(f"{texts.name}: there is no column {group!r} for --group. The columns are: {listing}")
    values = texts.values(group)
    if all(value is None or not str(value).strip() for value in values):
        raise ValueError(f"{texts.name}: the column {group!r} for --group is empty")
    return values


def write_page(
    model: Model, data: Data, path: str, force: bool, groups: list[Any] | None = None, heading: str | None = None
) -> Path:
    """Write the report on a model and the data that it was fitted to, or is shown on."""
    told: dict[str, Any] = {"texts": data.texts, "groups": groups, "titles": _titles(data), "heading": heading}
    return Path(importlib.import_module("sparsenmf.report").write_report(model, data.X, path, force=force, **told))


def report_file(
    *, model: str, matrix: str, output: str, group: str | None, force: bool, quiet: bool, **options: Any
) -> None:
    """Read a model and its data, and write the report."""
    say = speaker(quiet)
    source = Input.take(matrix, options)
    check_report(output, force, (model, *source.files))
    fitted = load_model(model)
    data = load(source, say, fitted)
    write_page(fitted, data, output, force, groups_of(data.texts, group), heading_of(matrix))
    say(f"Wrote {output}: open it in a browser.")


def heading_of(path: str) -> str | None:
    """What a report on a file is headed: its name; not the folder, which is nobody else's concern."""
    return None if path == "-" else Path(path).resolve().name


def _titles(data: Data) -> Iterable[str] | None:
    """The documents' names: those of the rows, else a column that looks like names."""
    if data.X.row_names is not None or data.texts is None:
        return data.X.row_names
    naming = next((name for name in _NAMING if name in data.texts.columns and name != data.texts.column), None)
    return None if naming is None else data.texts.values(naming)
