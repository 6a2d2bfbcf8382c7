"""Matrix Market files by scipy, with the lies that it lets pass found out first.

scipy's reader refuses wrong counts, indices out of range and values that are no numbers, naming the line. It trusts
the size line before it has seen an entry, and it drops what the header does not announce: decimals under "integer",
values under "pattern".

A UCI bag of words (`docword.NAME.txt`) is three lines of sizes and then the body of such a file, `document word count`
a line, from 1, which the same parser reads. What the words are stands in `vocab.NAME.txt`.
"""

import io
import re
from types import SimpleNamespace
from typing import Any, BinaryIO, NamedTuple

from scipy.io import mmread, mmwrite

from sparsenmf.io.lines import numbered_lines
from sparsenmf.io.named import NamedMatrix, smaller_integers
from sparsenmf.io.source import Source

__all__ = ["read_docword", "read_matrix_market", "write_docword", "write_matrix_market"]

_NUMBERS = {"pattern": 2, "integer": 3, "unsigned-integer": 3, "real": 3, "complex": 4}  # in a line
_SIZES = ("documents", "words of the vocabulary", "entries")
_ENTRY = re.compile(rb"\s*(?:\d+\s+\d+\s+\d+\s*)?")
_BLOCK = 1 << 16
_BANNER = b"%%MatrixMarket matrix coordinate integer general\n%\n"  # two lines, so that line numbers stay


class _Head(NamedTuple):
    """The lines up to the first entry, and what they say."""

    text: bytes
    layout: str
    field: str
    sizes: tuple[int, ...]
    entry: bytes


def read_matrix_market(source: Source) -> Any:
    """Read a .mtx file: a sparse matrix, or an ndarray where the file is an array."""
    with source.open() as file:
        return _parse(_read_head(file), file, source)


def write_matrix_market(file: BinaryIO, matrix: NamedMatrix) -> None:
    """Write a matrix in coordinates, as integers or decimals by its dtype."""
    out: Any = SimpleNamespace(write=file.write)  # nothing that scipy could seek in, for packed files cannot
    mmwrite(out, matrix.X, field="real" if matrix.dtype.kind == "f" else "integer", symmetry="general")


def read_docword(source: Source) -> Any:
    """Read a bag of words; entries that stand twice are summed."""
    with source.open() as file:
        head = _read_sizes(file)
        try:
            matrix = _parse(head, file, source)
        except ValueError as error:
            raise ValueError(_why_docword(source, str(error))) from error
    if matrix.data.min(initial=0) < 0:
        raise ValueError(_why_docword(source, "there are negative counts"))
    matrix.data = smaller_integers(matrix.data)
    return matrix


def _read_sizes(file: io.BufferedIOBase) -> _Head:
    sizes = []
    for number, what in enumerate(_SIZES, start=1):
        line = _line(file)
        if not line.strip().isdigit():
            raise ValueError(f"line {number} must give the number of {what}, and is {_shown(line)}")
        sizes.append(int(line[:30]))
    if min(sizes[:2]) < 1:
        raise ValueError(f"it announces {sizes[0]} documents and {sizes[1]} words: there is nothing to read")
    entry = _line(file)
    return _Head(_BANNER + b"%d %d %d\n" % tuple(sizes) + entry, "coordinate", "integer", tuple(sizes), entry)


def _why_docword(source: Source, why: str) -> str:
    """The line that is to blame, if one is no document, word and whole count; else what the parser says."""
    with source.open() as file:
        for number, line in numbered_lines(file):
            if number > len(_SIZES) and not _ENTRY.fullmatch(line):
                due = "a document, a word and a count, three whole numbers, none negative"
                return f"line {number:,} is {_shown(line)}, not {due}: mend it"
    return why


def write_docword(file: BinaryIO, matrix: NamedMatrix) -> None:
    """Write counts as a bag of words."""
    X = matrix.X.tocoo()
    file.write("".join(f"{size}\n" for size in (*X.shape, X.nnz)).encode())
    for start in range(0, X.nnz, _BLOCK):
        rows, columns, counts = (part[start : start + _BLOCK] for part in (*X.coords, X.data))
        entries = zip((rows + 1).tolist(), (columns + 1).tolist(), counts.tolist(), strict=True)
        file.write("".join(map("%d %d %d\n".__mod__, entries)).encode())


# --- what scipy is given ----------------------------------------------------------------------------------------------


def _read_head(file: io.BufferedIOBase) -> _Head:
    words = _line(file).decode("latin-1").lower().split()
    if len(words) != 5 or words[0] != "%%matrixmarket":
        raise ValueError(f"the first line is not that of a Matrix Market file, as {_BANNER[:-3].decode()}")
    # As scipy wants it: some writers use capitals, some a byte order mark.
    lines = [f"%%MatrixMarket {' '.join(words[1:])}\n".encode("latin-1"), _line(file)]
    while lines[-1].startswith(b"%") or (lines[-1] and not lines[-1].strip()):
        lines.append(_line(file))
    try:
        sizes = tuple(map(int, lines[-1].split()))
    except ValueError:
        sizes = ()
    due = ("rows", "columns", "entries")[: 3 if words[2] == "coordinate" else 2]
    if len(sizes) != len(due) or min(sizes) < 0:
        raise ValueError(f"line {len(lines)} must give the numbers of {', '.join(due)}, and is {_shown(lines[-1])}")
    if min(sizes[:2]) < 1:  # scipy's parser divides by the number of rows of an array
        raise ValueError(f"it announces {sizes[0]} rows and {sizes[1]} columns: there is nothing to read")
    entry = _line(file)
    return _Head(b"".join(lines) + entry, words[2], words[3], sizes, entry)


def _parse(head: _Head, file: io.BufferedIOBase, source: Source) -> Any:
    """The matrix (coo_array or ndarray) of a file whose head was read, by scipy's parser."""
    rows, columns, *entries = head.sizes
    listed, due, found = head.layout == "coordinate", _NUMBERS.get(head.field, 0), len(head.entry.split())
    count = entries[0] if listed else rows * columns
    source.check_claim(16 * count + 8 * (rows + 1), f"a matrix of {rows:,} rows and {count:,} entries")
    if listed and due and found not in (0, due):
        wrong = f"{due} numbers a line, but the first entry has {found}"
        raise ValueError(f"the header says {head.field!r}, that is {wrong}: mend the field in the first line")
    body = _Body(head, file)
    try:
        matrix: Any = mmread(io.BufferedReader(body, 1 << 20), spmatrix=False)
    except (ValueError, OverflowError) as error:
        announced = f"{rows:,} rows, {columns:,} columns" + (f" and {count:,} entries, one a line" if listed else "")
        raise ValueError(f"{str(error).rstrip('.')}. The header announces {announced}: mend one of them") from error
    if body.decimals:
        raise ValueError('the header says "integer", but there are decimal values: write "real" in its first line')
    return matrix


def _line(file: io.BufferedIOBase) -> bytes:
    """A line of the head, without a byte order mark."""
    return _sound(file.readline(1 << 16)).removeprefix(b"\xef\xbb\xbf")


def _shown(line: bytes) -> str:
    return repr(b" ".join(line.split())[:60].decode("utf-8", "replace"))


def _sound(text: bytes) -> bytes:
    if b"\0" in text:
        raise ValueError("the file holds zero bytes: it is damaged, or no text")
    return text


class _Body(io.RawIOBase):
    """The file from its first byte, as a stream that scipy's parser can take.

    The parser runs past its buffer (and may take the process with it) where a file holds zero bytes, or something other
    than a line end after its last number. So zero bytes are an error, and a line end is added. On the way it watches
    for decimals where the header says that there are none.
    """

    def __init__(self, head: _Head, file: io.BufferedIOBase) -> None:
        self._file, self._ahead, self._ended = file, head.text, False
        self._watch = "integer" in head.field
        self.decimals = self._watch and _has_decimals(head.entry)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        text, self._ahead = self._ahead[: len(buffer)], self._ahead[len(buffer) :]
        if not text:
            text = _sound(self._file.read1(len(buffer)))
            self.decimals = self.decimals or (self._watch and _has_decimals(text))
        if not text and not self._ended:
            self._ended, text = True, b"\n"
        buffer[: len(text)] = text
        return len(text)


def _has_decimals(text: bytes) -> bool:
    return b"." in text or b"e" in text or b"E" in text
