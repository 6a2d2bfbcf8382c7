"""How documents stand in files: a line each, a row of a table each, a JSON object each, or a file each in a folder."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from sparsenmf.io.files import naming
from sparsenmf.io.lines import decoded_lines
from sparsenmf.io.named import check_unique
from sparsenmf.io.source import PACKED, Source
from sparsenmf.io.table import delimiter_of, rows_of

__all__ = ["RECORDS", "Document", "Layout", "text_files"]

_LONGEST = 1 << 26
_TEXT_SUFFIXES = {".txt", ".text", ".md", ""}


class Document(NamedTuple):
    """A text, and what else a file says of it.

    Attributes
    ----------
    text : str
    id : str or None
        The value of the id column; in a folder, the file's path from there.
    line : int
        Where it begins in the file, from 1; in a folder, its number.
    fields : mapping of str to object
        All columns of a table.
    """

    text: str
    id: str | None
    line: int
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Layout:
    """Which columns of a table are meant, and how its bytes become text."""

    column: str | None = None
    id_column: str | None = None
    encoding: str = "utf-8"
    errors: str = "strict"
    delimiter: str | None = None
    quoting: str = "double"


class Records(NamedTuple):
    """A format: its columns (with the layout completed), and its documents."""

    columns: Callable[[Source, Layout], tuple[tuple[str, ...], Layout]]
    documents: Callable[[Source, Layout], Iterator[Document]]


def _chosen(layout: Layout, columns: Sequence[str]) -> Layout:
    """The layout with its text column: the one asked for, else "text", else the only one."""
    column = layout.column
    if column is None:
        column = "text" if "text" in columns else columns[0] if len(columns) == 1 else None
    listing = ", ".join(map(repr, columns)) or "none"
    if column is None:
        raise ValueError(f"which column holds the text? Say column=... (--column). The columns are: {listing}")
    for name in (column, layout.id_column):
        if name is not None and name not in columns:
            raise ValueError(f"there is no column {name!r}. The columns are: {listing}")
    return replace(layout, column=column)


# --- a line each ------------------------------------------------------------------------------------------------------


def _line_columns(source: Source, layout: Layout) -> tuple[tuple[str, ...], Layout]:
    if layout.column is not None or layout.id_column is not None:
        raise ValueError(
            "a text with a document a line has no columns: leave column and id_column out, or say what it is "
            '(format="csv", format="jsonl")'
        )
    with source.open() as file:
        file.read(1)  # a file that is missing is said at once
    return (), layout


def _line_documents(source: Source, layout: Layout) -> Iterator[Document]:
    with source.open() as file:
        for number, line in enumerate(decoded_lines(file, layout.encoding, layout.errors), start=1):
            yield Document(line, None, number, {})


# --- a row of a table each --------------------------------------------------------------------------------------------


def _table_columns(source: Source, layout: Layout) -> tuple[tuple[str, ...], Layout]:
    layout = replace(layout, delimiter=delimiter_of(source, layout.delimiter))
    with _rows(source, layout) as rows:
        first = next(rows, None)
    if first is None:
        raise ValueError("there is nothing in it, not even a line of column names: the file is empty")
    check_unique(first[1], "column")
    return tuple(first[1]), _chosen(layout, first[1])


def _rows(source: Source, layout: Layout) -> Any:
    return rows_of(source, str(layout.delimiter), layout.encoding, layout.errors, layout.quoting)


def _table_documents(source: Source, layout: Layout) -> Iterator[Document]:
    with _rows(source, layout) as rows:
        _, titles = next(rows)
        text = titles.index(str(layout.column))
        name = None if layout.id_column is None else titles.index(layout.id_column)
        for number, cells in rows:
            if len(cells) != len(titles):
                raise ValueError(
                    f"the row in line {number:,} has {len(cells):,} cells, and there are {len(titles):,} columns: is a "
                    "quote or a delimiter missing?"
                )
            fields = dict(zip(titles, cells, strict=True))
            yield Document(cells[text], None if name is None else cells[name], number, fields)


# --- a JSON object each -----------------------------------------------------------------------------------------------


def _objects(source: Source, layout: Layout) -> Iterator[tuple[int, dict[str, Any]]]:
    with source.open() as file:
        for number, line in enumerate(decoded_lines(file, layout.encoding, layout.errors), start=1):
            if not line.strip():
                continue
            try:
                found = json.loads(line)
            except (ValueError, RecursionError) as error:
                why = "nested too deeply" if isinstance(error, RecursionError) else str(error)
                raise ValueError(f"line {number:,} is no JSON ({why}): each line must be one whole object") from error
            if not isinstance(found, dict):
                shown = line[:40]
                raise ValueError(f'line {number:,} is no JSON object ({{"text": "..."}}), but {shown!r}')  # noqa: TRY004
            yield number, found


def _object_columns(source: Source, layout: Layout) -> tuple[tuple[str, ...], Layout]:
    first = next(_objects(source, layout), None)
    if first is None:
        raise ValueError("there is no object in it: the file is empty")
    columns = tuple(first[1])
    return columns, _chosen(layout, columns)


def _object_documents(source: Source, layout: Layout) -> Iterator[Document]:
    column, id_column = str(layout.column), layout.id_column
    for number, found in _objects(source, layout):
        for name in (column, id_column):
            if name is not None and name not in found:
                listing = ", ".join(map(repr, found)) or "none"
                raise ValueError(f"line {number:,} has no {name!r}. Its keys are: {listing}")
        text = found[column]
        if text is None:  # how tables write that a text is missing
            text = ""
        if not isinstance(text, str):
            raise ValueError(f"line {number:,}: {column!r} is no text, but {repr(text)[:40]}")  # noqa: TRY004
        if not text.isascii():
            text = _well_formed(text, number, column)
        name = None if id_column is None else found[id_column]
        if isinstance(name, (dict, list)) or (name is None and id_column is not None):
            raise ValueError(f"line {number:,}: the id {id_column!r} is {name!r}, and should be a text or a number")
        yield Document(text, None if name is None else str(name), number, found)


def _well_formed(text: str, number: int, column: str) -> str:
    r"""JSON can hold halves of a character (\ud800), which no file can be written with."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"line {number:,}: {column!r} holds half of a character, {text[error.start]!r}: write it again as UTF-8"
        ) from error
    return text


# --- a file each ------------------------------------------------------------------------------------------------------


def text_files(folder: Path) -> list[Path]:
    """The text files in a folder and its folders, in the order of their paths; hidden ones are passed over."""
    files = [path for path in folder.rglob("*") if path.is_file() and not _hidden(path.relative_to(folder))]
    return sorted(path for path in files if _plain_suffix(path) in _TEXT_SUFFIXES)


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _plain_suffix(path: Path) -> str:
    packed = path.suffix.lower() in PACKED
    return (path.with_suffix("") if packed else path).suffix.lower()


def _folder_columns(source: Source, layout: Layout) -> tuple[tuple[str, ...], Layout]:
    if layout.column is not None or layout.id_column is not None:
        raise ValueError("a folder of texts has no columns: its files are the documents, and name them")
    if not text_files(source.path):
        raise ValueError(
            "there is no text file in this folder: names end in .txt, .text, .md or have no suffix (and .gz or .zst)"
        )
    return ("file", "folder"), layout


def _folder_documents(source: Source, layout: Layout) -> Iterator[Document]:
    for number, path in enumerate(text_files(source.path), start=1):
        name = path.relative_to(source.path)
        with naming(name.as_posix()), Source(path, source.max_bytes).open() as file:
            text = "\n".join(_short(decoded_lines(file, layout.encoding, layout.errors)))
        yield Document(text, name.as_posix(), number, {"file": name.as_posix(), "folder": name.parent.as_posix()})


def _short(lines: Iterator[str]) -> Iterator[str]:
    size = 0
    for line in lines:
        size += len(line) + 1
        if size > _LONGEST:
            raise ValueError(f"it is longer than {_LONGEST:,} characters: this is hardly one document")
        yield line


RECORDS: Mapping[str, Records] = {
    "txt": Records(_line_columns, _line_documents),
    "csv": Records(_table_columns, _table_documents),
    "tsv": Records(_table_columns, _table_documents),
    "jsonl": Records(_object_columns, _object_documents),
    "folder": Records(_folder_columns, _folder_documents),
}
