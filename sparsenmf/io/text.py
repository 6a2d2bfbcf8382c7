"""Texts, one after another: never held as a whole, and as often as one likes.

`Texts` knows where documents are and how to take them out; `records` holds the formats.
"""

from array import array
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from sparsenmf.io.files import naming
from sparsenmf.io.lines import check_encoding
from sparsenmf.io.records import RECORDS, Document, Layout
from sparsenmf.io.source import Source

__all__ = ["Document", "Texts"]


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
        check_encoding(layout.encoding, layout.errors)
        self._source, self.format = source, format
        self.name = source.name
        self._ids_are_unique = layout.id_column is None
        with naming(self.name):
            self.columns, self._layout = RECORDS[format].columns(source, layout)
        self.column = self._layout.column

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
            found = RECORDS[self.format].documents(self._source, self._layout)
            yield from found if self._ids_are_unique else self._watched(found)

    def _watched(self, documents: Iterator[Document]) -> Iterator[Document]:
        """The same; at the end, see whether an id stood twice. Hashes are kept, at 8 bytes a document."""
        hashes = array("q")
        for document in documents:
            hashes.append(hash(document.id))
            yield document
        ordered = np.sort(np.frombuffer(hashes, dtype=np.int64))
        twice = set(ordered[1:][ordered[1:] == ordered[:-1]].tolist())
        if twice:
            self._find_duplicate(twice)
        self._ids_are_unique = True

    def _find_duplicate(self, hashes: set[int]) -> None:
        lines: dict[str | None, int] = {}
        for document in RECORDS[self.format].documents(self._source, self._layout):
            if hash(document.id) not in hashes:
                continue
            if document.id in lines:
                raise ValueError(
                    f"lines {lines[document.id]:,} and {document.line:,} have the same id {document.id!r}: an id must "
                    "tell documents apart. Mend one of them, or leave the column of ids out"
                )
            lines[document.id] = document.line

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
            listing = ", ".join(map(repr, self.columns)) or "none"
            raise ValueError(f"{self.name}: there is no column {column!r}. The columns are: {listing}")
        return [document.fields.get(column) for document in self.documents()]

    def ids(self) -> tuple[str, ...] | None:
        """The ids of all documents, or None where nothing names them, in one pass over the file."""
        if self._layout.id_column is None and self.format != "folder":
            return None
        return tuple(str(document.id) for document in self.documents())

    def head(self, count: int = 5) -> list[str]:
        """The first texts, to look at."""
        return list(islice(self, count))
