"""The command `report`, and the reports that `topics` and `demo` end with: pages by `sparsenmf.report`, where it is."""

import importlib
import importlib.util
from pathlib import Path
from typing import Any

from sparsenmf.cli.reading import Data, Input, load_for, speaker
from sparsenmf.io import Model, Texts, load_model
from sparsenmf.io.files import check_target

__all__ = ["check_report", "has_report", "report_file", "write_page"]


def has_report() -> bool:
    """Whether this installation can write reports."""
    return importlib.util.find_spec("sparsenmf.report") is not None


def check_report(path: str, force: bool) -> None:
    """Refuse a report that cannot be written, before the work that it shall show.

    Raises
    ------
    ImportError
        If there is no module that writes reports.
    OSError
        If the file exists and `force` is false, or its place takes no file.
    """
    if not has_report():
        raise ImportError("reports need sparsenmf.report, which this installation lacks: install a newer sparsenmf")
    if path == "-":
        raise ValueError("a report does not go to stdout: name a file, as in report.html")
    check_target(path, force)


def write_page(model: Model, data: Data, path: str, group: str | None, force: bool) -> Path:
    """Write the report on a model and the data that it was fitted to, or is shown on."""
    module = importlib.import_module("sparsenmf.report")
    groups = None if group is None else _groups(data.texts, group)
    module.write_report(model, data.X, path, texts=data.texts, groups=groups, force=force)
    return Path(path)


def report_file(
    *, model: str, matrix: str, output: str, group: str | None, force: bool, quiet: bool, **options: Any
) -> None:
    """Read a model and its data, and write the report."""
    say = speaker(quiet)
    check_report(output, force)
    fitted = load_model(model)
    data = load_for(fitted, Input.take(matrix, options), say)
    write_page(fitted, data, output, group, force)
    say(f"Wrote {output}: open it in a browser.")


def _groups(texts: Texts | None, group: str) -> list[Any]:
    if texts is None:
        raise ValueError(f"--group {group} names a column of texts (CSV, JSONL), and the data are a matrix")
    return texts.values(group)
