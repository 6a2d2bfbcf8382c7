"""Texts, one after another: never held as a whole, and as often as one likes.

Documents are a line each, a row of a table each, a JSON object each, or a file each in a folder.
"""

import json
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sparsenmf.io.files import naming
from sparsenmf.io.lines import LONGEST, Layout, numbered_lines, open_text
from sparsenmf.io.named import check_unique
from sparsenmf.io.source import PACKED, Source
from sparsenmf.io.table import rows_of

__all__ = ["Document", "Texts", "text_files"]

_HALF = re.compile("[\ud800-\udfff]")
_TEXT_SUFFIXES = {".txt", ".text", ".md", ""}
_WITHOUT_COLUMNS = {
    "txt": "a text with a document a line has no columns: leave column and id_column out, or say what it is "
    '(format="csv", format="jsonl")',
    "folder": "a folder of texts has no columns: its files are the documents, and name them",
}


class Document(NamedTuple):
    """A text, and what else a file says of it."""

    text: str
    id: str | None  # the value of the id column; in a folder, the file's path from there
    line: int  # where it begins in the file, from 1; in a folder, its number
    fields: Mapping[str, Any]  # all columns of a table


class Texts:
    r"""The documents of a file or folder.

    Iterating gives the texts; each iteration starts anew, from the file, and holds one document at a time. What came
    through standard input lies in a temporary file, which is removed with this object.

    Parameters
    ----------
    source : Source
    format : {"txt", "csv", "tsv", "jsonl", "folder"}
    layout : Layout
        Which columns, which encoding.

    Attributes
    ----------
    name : str
        The file, for messages.
    columns : tuple of str
        The columns that a table has (CSV: its first line; JSONL: the keys of its first object; a folder: "file" and
        "folder"), whose values `Document.fields` holds.
    column : str or None
        The one that holds the text.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sparsenmf.io import read_texts
    >>> _ = Path("news.csv").write_text("id,date,text\na,2024,rain fell\nb,2025,the sun shone\n")
    >>> news = read_texts("news.csv", column="text", id_column="id")
    >>> list(news)
    ['rain fell', 'the sun shone']
    >>> [document.fields["date"] for document in news.documents()]
    ['2024', '2025']
    """

    def __init__(self, source: Source, format: str, layout: Layout) -> None:  # noqa: A002
        self._source, self.format, self.name = source, format, source.name
        self._ids_are_unique = layout.id_column is None
        with naming(self.name):
            self.columns = _KINDS[format][0](source, layout)
            self.column = self._text_column(layout)
        self._layout = replace(layout, column=self.column)

    def _text_column(self, layout: Layout) -> str | None:
        """The column that holds the text: the one asked for, else "text", else the only one."""
        column, columns = layout.column, self.columns
        if self.format in _WITHOUT_COLUMNS:
            if column is not None or layout.id_column is not None:
                raise ValueError(_WITHOUT_COLUMNS[self.format])
            return None
        if column is None:
            column = "text" if "text" in columns else columns[0] if len(columns) == 1 else None
        if column is None:
            raise ValueError(f"which column holds the text? Say column=..., --column: {_listing(columns)}")
        for name in (column, layout.id_column):
            if name is not None and name not in columns:
                raise ValueError(f"there is no column {name!r}. The columns are: {_listing(columns)}")
        return column

    def _documents(self) -> Iterator[Document]:
        return _KINDS[self.format][1](self._source, self._layout)

    def __iter__(self) -> Iterator[str]:
        return (document.text for document in self.documents())

    def documents(self) -> Iterator[Document]:
        """The documents with their ids, lines and other columns.

        Raises
        ------
        ValueError
            When it comes to it: for text of another encoding, a broken row, a missing column (with the line); and at
            the end, if two documents have one id.
        """
        with naming(self.name):
            found = self._documents()
            yield from found if self._ids_are_unique else self._watched(found)

    def _watched(self, documents: Iterator[Document]) -> Iterator[Document]:
        """The same; at the end, see whether an id stood twice. Hashes are kept, at 8 bytes a document."""
        hashes = array("q")
        for document in documents:
            hashes.append(hash(document.id))
            yield document
        ordered = np.sort(np.frombuffer(hashes, dtype=np.int64))
        twice, lines = set(ordered[1:][ordered[1:] == ordered[:-1]].tolist()), dict[str | None, int]()
        for document in self._documents() if twice else ():
            if hash(document.id) in twice and lines.setdefault(document.id, document.line) != document.line:
                places = f"lines {lines[document.id]:,} and {document.line:,}"
                raise ValueError(f"{places} have the same id {document.id!r}: mend one, or leave the column of ids out")
        self._ids_are_unique = True

    def batches(self, n_characters: int = 1 << 22, n_documents: int = 1 << 15) -> Iterator[list[Document]]:
        """The documents in lists of about so many characters, or at most so many documents: work for a process."""
        batch, size = [], 0
        for document in self.documents():
            batch.append(document)
            size += len(document.text)
            if size >= n_characters or len(batch) >= n_documents:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def values(self, column: str) -> list[Any]:
        """The values of one column (dates, groups, ...), a document each, in one pass over the file."""
        if column not in self.columns:
            raise ValueError(f"{self.name}: there is no column {column!r}. The columns are: {_listing(self.columns)}")
        return [document.fields.get(column) for document in self.documents()]

    def ids(self) -> tuple[str, ...] | None:
        """The ids of all documents, or None where nothing names them, in one pass over the file."""
        if self._layout.id_column is None and self.format != "folder":
            return None
        return tuple(str(document.id) for document in self.documents())

    def head(self, count: int = 5) -> list[str]:
        """The first texts, to look at."""
        return list(islice(self, count))


# --- documents of each kind -------------------------------------------------------------------------------------------


def _no_columns(source: Source, layout: Layout) -> tuple[str, ...]:
    with open_text(source, layout) as text:
        text.read(1)  # an error where the file is missing
    return ()


def _lines(source: Source, layout: Layout) -> Iterator[Document]:
    with open_text(source, layout) as text:
        for number, line in numbered_lines(text):
            yield Document(line.removesuffix("\r"), None, number, {})


def _rows(source: Source, layout: Layout) -> Iterator[Document]:
    with rows_of(source, layout) as rows:
        _, titles = next(rows)
        text = titles.index(str(layout.column))
        name = None if layout.id_column is None else titles.index(layout.id_column)
        for number, cells in rows:
            fields = dict(zip(titles, cells, strict=True))
            yield Document(cells[text], None if name is None else cells[name], number, fields)


def _table_columns(source: Source, layout: Layout) -> tuple[str, ...]:
    with rows_of(source, layout) as rows:
        first = next(rows, None)
    if first is None:
        raise ValueError("there is nothing in it, not even a line of column names: the file is empty")
    check_unique(first[1], "column")
    return tuple(first[1])


def _objects(source: Source, layout: Layout) -> Iterator[tuple[int, dict[str, Any]]]:
    with open_text(source, layout) as text:
        for number, line in numbered_lines(text):
            if not line.strip():
                continue
            try:
                found = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise ValueError(f"line {number:,} is no JSON ({error}): each line must be one whole object") from error
            if not isinstance(found, dict):
                raise ValueError(f'line {number:,} is no JSON object ({{"text": "..."}}), but {line[:40]!r}')  # noqa: TRY004
            yield number, found


def _object_columns(source: Source, layout: Layout) -> tuple[str, ...]:
    first = next(_objects(source, layout), None)
    if first is None:
        raise ValueError("there is no object in it: the file is empty")
    return tuple(first[1])


def _object_documents(source: Source, layout: Layout) -> Iterator[Document]:
    column, id_column, name = str(layout.column), layout.id_column, None
    for number, found in _objects(source, layout):
        try:
            text = found[column]
            if id_column is not None:
                name = found[id_column]
        except KeyError as error:
            raise ValueError(f"line {number:,} has no {error.args[0]!r}. Its keys are: {_listing(found)}") from error
        if id_column is not None and (name is None or isinstance(name, (dict, list))):
            raise ValueError(f"line {number:,}: the id {id_column!r} is {name!r}, and should be a text or a number")
        if text is None:  # how tables write that a text is missing
            text = ""
        if not isinstance(text, str):
            raise ValueError(f"line {number:,}: {column!r} is no text, but {repr(text)[:40]}")  # noqa: TRY004
        if not text.isascii() and (half := _HALF.search(text)):  # which no file can be written with
            raise ValueError(f"line {number:,}: {column!r} holds half of a character, {half[0]!r}: write it as UTF-8")
        yield Document(text, None if name is None else str(name), number, found)


def _listing(columns: Iterable[str]) -> str:
    return ", ".join(map(repr, columns)) or "none"


def _folder_columns(source: Source, _: Layout) -> tuple[str, ...]:
    if not text_files(source.path):
        raise ValueError("there is no text file in this folder: names end in .txt, .text, .md or have no suffix")
    return ("file", "folder")


def _files(source: Source, layout: Layout) -> Iterator[Document]:
    for number, path in enumerate(text_files(source.path), start=1):
        place = path.relative_to(source.path)
        name, folder = place.as_posix(), place.parent.as_posix()
        with naming(name), open_text(Source(path, source.max_bytes), layout) as file:
            text = file.read(LONGEST + 1).replace("\r\n", "\n").removesuffix("\n")
            if len(text) > LONGEST:
                raise ValueError(f"it is longer than {LONGEST:,} characters: this is hardly one document")
        yield Document(text, name, number, {"file": name, "folder": folder})


def text_files(folder: Path) -> list[Path]:
    """The text files in a folder and its folders, in the order of their paths; hidden ones are passed over."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and _is_text(path.relative_to(folder)))


def _is_text(path: Path) -> bool:
    plain = path.with_suffix("") if path.suffix.lower() in PACKED else path
    return plain.suffix.lower() in _TEXT_SUFFIXES and not any(part.startswith(".") for part in path.parts)


#: For each format, what finds the columns and what finds the documents.
_KINDS: dict[
    str, tuple[Callable[[Source, Layout], tuple[str, ...]], Callable[[Source, Layout], Iterator[Document]]]
] = {
    "txt": (_no_columns, _lines),
    "csv": (_table_columns, _rows),
    "tsv": (_table_columns, _rows),
    "jsonl": (_object_columns, _object_documents),
    "folder": (_folder_columns, _files),
}
