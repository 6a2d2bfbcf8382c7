"""CSV and TSV: a table of counts with names in its first line and column, or a table of triples, by the csv module."""

import csv
import io
import itertools
import math
import re
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, BinaryIO, TypeAlias

import numpy as np

from sparsenmf.io.lines import LONGEST, Layout, open_text
from sparsenmf.io.listed import Axis, from_entries, from_rows, pick_columns
from sparsenmf.io.named import NamedMatrix, check_unique
from sparsenmf.io.source import Source

__all__ = ["read_table", "rows_of", "write_csv", "write_tsv"]

Row: TypeAlias = tuple[int, list[str]]  # the number of its first line, and its cells

_INDEX_TITLE = re.compile(r"(.*[\W_])?(id|index)|", flags=re.I | re.S)  # "id", "customer_id", "" and the like
_OTHER_DELIMITERS = {";": "';'", "\t": "tab", "|": "'|'"}


@contextmanager
def rows_of(source: Source, layout: Layout) -> Iterator[Iterator[Row]]:
    """Open a table as (number of its first line, cells) of each row; empty lines are passed over."""
    if csv.field_size_limit() < LONGEST:  # one setting for the process: a book is longer than csv's 128 KiB
        csv.field_size_limit(LONGEST)
    quoting: Any = csv.QUOTE_MINIMAL if layout.quoting == "double" else csv.QUOTE_NONE
    mark = layout.delimiter or ("\t" if ".tsv" in source.path.name.lower() else ",")
    with open_text(source, layout) as text:
        lines = iter(partial(text.readline, LONGEST), "")
        yield _rows(csv.reader(lines, delimiter=mark, strict=True, quoting=quoting))


def _rows(reader: Any) -> Iterator[Row]:
    width = 0
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ValueError(
                f"the row that begins in line {number:,} is no valid CSV ({error}): inside a quoted cell a quote is "
                'written twice. Where quotes are like other characters, say so: quoting="none", --quoting none'
            ) from error
        if not cells:
            continue
        if len(cells) != (width := width or len(cells)):
            wrong = f"line {number:,} has {len(cells):,} cells, and the first row {width:,}"
            raise ValueError(f"{wrong}: is a quote or a delimiter missing?")
        yield number, cells


def read_table(
    source: Source,
    triples: Sequence[str] | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    header: bool | None = None,
    index: bool | None = None,
    quoting: str = "double",
) -> NamedMatrix:
    """Read counts from CSV or TSV.

    `triples` names the columns of row, column and value, where a line is an entry; else a line is a row of the matrix.
    `header` tells whether the first line names the columns (None: unless all of its cells are numbers), and `index`
    whether the first column names the rows (None: where it has no title or one that ends in the word "id" or "index",
    as customer_id, or its first cell is no number).
    """
    with rows_of(source, Layout(encoding=encoding, delimiter=delimiter, quoting=quoting)) as rows:
        first = next(rows, None)
        if first is None:
            raise ValueError("there is nothing in it: the file is empty")
        if triples is not None:
            return _read_triples(rows, first[1], triples, source)
        return _read_wide(rows, first, header, index)


# --- a line is a row --------------------------------------------------------------------------------------------------


def _read_wide(rows: Iterator[Row], first: Row, header: bool | None, index: bool | None) -> NamedMatrix:
    if header is None:
        header = not all(_is_number(cell) for cell in first[1])
    titles = first[1] if header else None
    if not header:
        rows = itertools.chain([first], rows)
    second = next(rows, None)
    if second is None:
        raise ValueError("it has a line of names and no row of numbers: there is nothing to read")
    if index is None:
        index = not _is_number(second[1][0]) or bool(titles and _INDEX_TITLE.fullmatch(titles[0].strip()))
    columns, width = None if titles is None else titles[index:], len(second[1])
    check_unique(columns or (), "column")
    if width == index:
        hint = "" if titles is None else _hint(titles[0])
        raise ValueError(f"it has a column of names and no column of numbers: is the delimiter another one?{hint}")
    return _collect(itertools.chain([second], rows), width, bool(index), columns)


def _collect(rows: Iterator[Row], width: int, index: bool, columns: list[str] | None) -> NamedMatrix:
    places, values, ends, names = array("q"), array("d"), array("q", [0]), []
    for number, cells in rows:
        if index:
            names.append(cells.pop(0))
        filled = [(place, cell) for place, cell in enumerate(cells) if cell != "0"]
        for place, cell in filled:
            value = _number(cell, number, place + index, columns[place] if columns else None)
            if value:
                places.append(place)
                values.append(value)
        ends.append(len(places))
    X = from_rows(values, places, ends, width - index)
    return NamedMatrix(X, tuple(names) if index else None, None if columns is None else tuple(columns))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # Python reads 1_000


def _number(cell: str, line: int, place: int, name: str | None) -> float:
    if _is_number(cell) and 0 <= float(cell) < math.inf:
        return float(cell)
    where = f"line {line:,}, column {place + 1:,}" + ("" if name is None else f" ({name!r})")
    if not cell.strip():
        raise ValueError(f"{where} is empty: write 0 where there is nothing")
    hint = "" if name is None or _is_number(cell) else f".{_hint(name)}"
    raise ValueError(f"{where} is {cell[:40]!r}, and should be a number that is finite and not negative{hint}")


def _hint(name: str) -> str:
    """What a column of no numbers may be, by its name: several columns with another delimiter, or texts."""
    for mark, said in _OTHER_DELIMITERS.items():
        if mark in name:
            given = "\\t" if mark == "\t" else mark
            return f" Cells seem to end in {said}: say so by delimiter='{given}', --delimiter {said}"
    return f" If it holds texts, say so: column={name!r}, --column {name}"


# --- a line is an entry -----------------------------------------------------------------------------------------------


def _read_triples(rows: Iterator[Row], titles: list[str], triples: Sequence[str], source: Source) -> NamedMatrix:
    wanted = pick_columns(triples, titles)
    check_unique(titles, "column")
    at = [titles.index(name) for name in wanted]
    numbers: tuple[dict[str, int], dict[str, int]] = {}, {}  # of names, in order of their first appearance
    places, values = (array("q"), array("q")), array("d")
    for number, cells in rows:
        for known, axis, j in zip(numbers, places, at, strict=False):
            axis.append(known.setdefault(cells[j], len(known)))
        values.append(_number(cells[at[2]], number, at[2], wanted[2]))
    lines, across = (Axis(np.asarray(axis), tuple(known)) for axis, known in zip(places, numbers, strict=True))
    return from_entries(lines, across, np.asarray(values), source)


# --- writing ----------------------------------------------------------------------------------------------------------


def write_csv(file: BinaryIO, matrix: NamedMatrix, delimiter: str = ",") -> None:
    """Write a matrix as a table with a line a row, zeros written out.

    Where rows or columns have names, both get a line or column of them (numbers for those without), so that nobody can
    take names for values.
    """
    text = io.TextIOWrapper(file, "utf-8", newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    (n, m), X = matrix.shape, matrix.X
    names = matrix.row_names is not None or matrix.column_names is not None
    if names:
        writer.writerow(["", *(matrix.column_names or range(1, m + 1))])
    titles = matrix.row_names or range(1, n + 1)
    for i, (start, stop) in enumerate(itertools.pairwise(X.indptr.tolist())):
        row: list[Any] = [0] * m
        for j, value in zip(X.indices[start:stop].tolist(), X.data[start:stop].tolist(), strict=True):
            row[j] = value
        writer.writerow([titles[i], *row] if names else row)
    text.flush()
    text.detach()


def write_tsv(file: BinaryIO, matrix: NamedMatrix) -> None:
    """The same with tabs."""
    write_csv(file, matrix, "\t")
