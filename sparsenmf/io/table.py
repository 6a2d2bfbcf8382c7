"""CSV and TSV: a table of counts with names in its first line and column, or a table of triples, by the csv module."""

import csv
import io
import itertools
import math
import re
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
from scipy import sparse

from sparsenmf.io.lines import check_encoding, decoded_lines
from sparsenmf.io.named import NamedCSR, check_unique, named, smaller_integers
from sparsenmf.io.source import Source
from sparsenmf.io.triples import Axis, Triples, pick_columns

__all__ = ["delimiter_of", "read_table", "rows_of", "write_csv", "write_tsv"]

_LONGEST_CELL = 1 << 26
_STEP = 1 << 16
_INDEX_TITLE = re.compile(r"(.*[\W_])?(id|index)|", flags=re.I | re.S)  # "id", "customer_id", "" and the like
_OTHER_DELIMITERS = {";": "';'", "\t": "tab", "|": "'|'"}


def delimiter_of(source: Source, delimiter: str | None) -> str:
    """What stands between cells: what the caller says, else a tab in a .tsv file and a comma in others."""
    if delimiter is not None:
        if not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '"\r\n':
            raise ValueError(f"delimiter must be one character, got {delimiter!r}")
        return delimiter
    return "\t" if ".tsv" in source.path.name.lower() else ","


@contextmanager
def rows_of(
    source: Source, delimiter: str, encoding: str = "utf-8", errors: str = "strict"
) -> Iterator[Iterator[tuple[int, list[str]]]]:
    """Open a table as (number of its first line, cells) of each row; empty lines are passed over."""
    check_encoding(encoding, errors)
    if csv.field_size_limit() < _LONGEST_CELL:  # one setting for the process: a book is longer than csv's 128 KiB
        csv.field_size_limit(_LONGEST_CELL)
    with source.open() as file:
        lines = (line + "\n" for line in decoded_lines(file, encoding, errors))
        yield _rows(csv.reader(lines, delimiter=delimiter, strict=True))


def _rows(reader: Any) -> Iterator[tuple[int, list[str]]]:
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ValueError(
                f"the row that begins in line {number:,} is no valid CSV ({error}): a quote opens and closes a cell, "
                'and inside such a cell it is written twice, as in "a ""b"" c"'
            ) from error
        if cells:
            yield number, cells


def read_table(
    source: Source,
    triples: Sequence[str] | None = None,
    delimiter: str | None = None,
    encoding: str = "utf-8",
    header: bool | None = None,
    index: bool | None = None,
) -> NamedCSR:
    """Read counts from CSV or TSV.

    Parameters
    ----------
    source : Source
    triples : (row, column, value), optional
        Names of three columns that give an entry in each line. None: a line is a row of the matrix.
    delimiter : str, optional
        What stands between cells. None: a tab in .tsv files, a comma in others.
    encoding : str
    header : bool, optional
        Whether the first line names the columns. None: it does, unless all of its cells are numbers.
    index : bool, optional
        Whether the first column names the rows. None: it does where it has no title or one that ends in the word "id"
        or "index" (as customer_id), or its first cell is no number.
    """
    with rows_of(source, delimiter_of(source, delimiter), encoding) as rows:
        first = next(rows, None)
        if first is None:
            raise ValueError("there is nothing in it: the file is empty")
        if triples is not None:
            return _read_triples(rows, first[1], triples, source)
        return _read_wide(rows, first, header, index)


# --- a line is a row --------------------------------------------------------------------------------------------------


def _read_wide(
    rows: Iterator[tuple[int, list[str]]], first: tuple[int, list[str]], header: bool | None, index: bool | None
) -> NamedCSR:
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
    columns = None if titles is None else titles[index:]
    if columns is not None:
        check_unique(columns, "column")
    width = len(titles) if titles is not None else len(second[1])
    if width == index:
        hint = "" if titles is None else _hint(titles[0])
        raise ValueError(f"it has a column of names and no column of numbers: is the delimiter another one?{hint}")
    return _collect(itertools.chain([second], rows), width, bool(index), columns)


def _collect(rows: Iterator[tuple[int, list[str]]], width: int, index: bool, columns: list[str] | None) -> NamedCSR:
    places, values, ends, names = array("q"), array("d"), array("q", [0]), []
    for number, cells in rows:
        if len(cells) != width:
            raise ValueError(f"line {number:,} has {len(cells):,} cells, and the first row {width:,}: mend it")
        if index:
            names.append(cells.pop(0))
        filled = [(place, cell) for place, cell in enumerate(cells) if cell != "0"]
        for place, cell in filled:
            value = _number(cell, number, place + index, columns[place] if columns else None)
            if value:
                places.append(place)
                values.append(value)
        ends.append(len(places))
    data, indices, indptr = np.frombuffer(values), np.frombuffer(places, np.int64), np.frombuffer(ends, np.int64)
    small = np.int32 if len(indices) <= np.iinfo(np.int32).max else np.int64
    X = sparse.csr_array(
        (smaller_integers(data), indices.astype(small), indptr.astype(small)), shape=(len(indptr) - 1, width - index)
    )
    return named(X, names if index else None, columns)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # Python reads 1_000


def _number(cell: str, line: int, place: int, name: str | None) -> float:
    if _is_number(cell) and 0 <= float(cell) < math.inf:
        return float(cell)
    column = f"column {place + 1:,}" + ("" if name is None else f" ({name!r})")
    wanted = "a number that is finite and not negative"
    if not cell.strip():
        raise ValueError(f"line {line:,}, {column} is empty: write 0 where there is nothing, or {wanted}")
    hint = "" if name is None or _is_number(cell) else f".{_hint(name)}"
    raise ValueError(f"line {line:,}, {column} is {cell[:40]!r}, and should be {wanted}{hint}")


def _hint(name: str) -> str:
    """What a column of no numbers may be, by its name: several columns with another delimiter, or texts."""
    for mark, said in _OTHER_DELIMITERS.items():
        if mark in name:
            given = "\\t" if mark == "\t" else mark
            return f" Cells seem to end in {said}: say so by delimiter='{given}', --delimiter {said}"
    return f" If it holds texts, say so: column={name!r}, --column {name}"


# --- a line is an entry -----------------------------------------------------------------------------------------------


def _read_triples(
    rows: Iterator[tuple[int, list[str]]], titles: list[str], triples: Sequence[str], source: Source
) -> NamedCSR:
    wanted = pick_columns(triples, titles)
    check_unique(titles, "column")
    at = [titles.index(name) for name in wanted]
    found = Triples(Axis("row", ()), Axis("column", ()))
    while block := list(itertools.islice(rows, _STEP)):
        for number, cells in block:
            if len(cells) != len(titles):
                raise ValueError(f"line {number:,} has {len(cells):,} cells, and the first {len(titles):,}: mend it")
        found.rows.add_names([cells[at[0]] for _, cells in block])
        found.columns.add_names([cells[at[1]] for _, cells in block])
        found.add_values(array("d", (_number(cells[at[2]], number, at[2], wanted[2]) for number, cells in block)))
    return found.matrix(source)


# --- writing ----------------------------------------------------------------------------------------------------------


def write_csv(file: BinaryIO, X: NamedCSR) -> None:
    """Write a matrix as a table with a line a row, zeros written out.

    Where rows or columns have names, both get a line or column of them (numbers for those without), so that nobody can
    take names for values.
    """
    _write(file, X, ",")


def write_tsv(file: BinaryIO, X: NamedCSR) -> None:
    """The same with tabs."""
    _write(file, X, "\t")


def _write(file: BinaryIO, X: NamedCSR, delimiter: str) -> None:
    text = io.TextIOWrapper(file, "utf-8", newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    names = X.row_names is not None or X.column_names is not None
    n, m = X.shape
    if names:
        writer.writerow(["", *(X.column_names or range(1, m + 1))])
    titles = X.row_names or range(1, n + 1)
    for i, (start, stop) in enumerate(itertools.pairwise(X.indptr.tolist())):
        row: list[Any] = [0] * m
        for j, value in zip(X.indices[start:stop].tolist(), X.data[start:stop].tolist(), strict=True):
            row[j] = value
        writer.writerow([titles[i], *row] if names else row)
    text.flush()
    text.detach()
