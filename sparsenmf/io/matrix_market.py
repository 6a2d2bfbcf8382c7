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

from scipy import sparse
from scipy.io import mmread, mmwrite

from sparsenmf.io.lines import find_line
from sparsenmf.io.named import NamedMatrix, smaller_integers
from sparsenmf.io.source import Source

__all__ = ["read_docword", "read_matrix_market", "write_docword", "write_matrix_market"]

_COLUMNS = {"pattern": 2, "integer": 3, "unsigned-integer": 3, "real": 3, "complex": 4}
_SIZES = ("documents", "words of the vocabulary", "entries")
_NO_ENTRY = re.compile(rb"^(?!\s*(?:\d+\s+\d+\s+\d+\s*)?$)")
_BLOCK = 1 << 16
_BANNER = b"%%MatrixMarket matrix coordinate integer general\n%\n"  # two lines, so that line numbers stay


class _Head(NamedTuple):
    """The lines up to the first entry, and what they say."""

    text: bytes
    layout: str
    field: str
    sizes: tuple[int, ...]
    first_entry: list[bytes]


def read_matrix_market(source: Source) -> Any:
    """Read a .mtx file: CSR (entries that stand twice are summed), or an ndarray where it is an array."""
    with source.open() as file:
        head = _read_head(file)
        _check_sizes(head, source)
        matrix = _parse(head, file)
    return matrix.tocsr() if head.layout == "coordinate" else matrix


def write_matrix_market(file: BinaryIO, matrix: NamedMatrix) -> None:
    """Write a matrix in coordinates, as integers or decimals by its dtype."""
    out: Any = SimpleNamespace(write=file.write)  # nothing that scipy could seek in, for packed files cannot
    mmwrite(out, matrix.X, field="real" if matrix.dtype.kind == "f" else "integer", symmetry="general")


def read_docword(source: Source) -> sparse.csr_array:
    """Read a bag of words; entries that stand twice are summed."""
    with source.open() as file:
        head = _read_sizes(file)
        _check_sizes(head, source)
        try:
            matrix = _parse(head, file)
        except ValueError as error:
            raise _explained(source, error) from error
    if matrix.data.size and matrix.data.min() < 0:
        raise _explained(source, ValueError("there are negative counts"))
    matrix.data = smaller_integers(matrix.data)
    return matrix.tocsr()


def _read_sizes(file: io.BufferedIOBase) -> _Head:
    sizes = []
    for number, what in enumerate(_SIZES, start=1):
        words = file.readline(1 << 16).removeprefix(b"\xef\xbb\xbf").split()
        if len(words) != 1 or not words[0].isdigit():
            shown = b" ".join(words)[:60].decode("utf-8", "replace")
            raise ValueError(
                f"line {number} must give the number of {what}, and is {shown!r}. A bag of words begins with the "
                "numbers of documents, words and entries, one a line"
            )
        sizes.append(int(words[0][:30]))
    if min(sizes[:2]) < 1:
        raise ValueError(f"it announces {sizes[0]} documents and {sizes[1]} words: there is nothing to read")
    first = _entry(file)
    text = _BANNER + " ".join(map(str, sizes)).encode() + b"\n" + first
    return _Head(text, "coordinate", "integer", tuple(sizes), first.split())


def _explained(source: Source, error: ValueError) -> ValueError:
    """The error with the line that is to blame, if one is no document, word and whole count."""
    with source.open() as file:
        found = find_line(file, _NO_ENTRY, skip=len(_SIZES))
    if found is None:
        return error
    return ValueError(
        f"line {found[0]:,} is {found[1]!r}, not a document, a word and a count, that is, three whole numbers, none "
        "negative: mend it"
    )


def write_docword(file: BinaryIO, matrix: NamedMatrix) -> None:
    """Write counts as a bag of words."""
    X = matrix.X.tocoo()
    file.write("".join(f"{size}\n" for size in (*X.shape, X.nnz)).encode())
    for start in range(0, X.nnz, _BLOCK):
        rows, columns, counts = (part[start : start + _BLOCK] for part in (*X.coords, X.data))
        entries = zip((rows + 1).tolist(), (columns + 1).tolist(), counts.tolist(), strict=True)
        file.write("".join(map("%d %d %d\n".__mod__, entries)).encode())


# --- what scipy is given ----------------------------------------------------------------------------------------------


def _parse(head: _Head, file: io.BufferedIOBase) -> Any:
    """The matrix (coo_array or ndarray) of a file whose head was read, by scipy's parser."""
    body = _Body(head, file)
    try:
        matrix: Any = mmread(io.BufferedReader(body, 1 << 20), spmatrix=False)
    except (ValueError, OverflowError) as error:
        rows, columns, *entries = head.sizes
        listed = f" and {entries[0]:,} entries, one a line" if entries else ""
        raise ValueError(
            f"{str(error).rstrip('.')}. The header announces {rows:,} rows, {columns:,} columns{listed}: mend the "
            "header or the lines"
        ) from error
    if body.decimals:
        raise ValueError('the header says "integer", but there are decimal values: write "real" in its first line')
    return matrix


def _entry(file: io.BufferedIOBase) -> bytes:
    """The line of the first entry."""
    line = file.readline(1 << 16)
    if b"\0" in line:
        raise ValueError("the file holds zero bytes: it is damaged, or no text")
    return line


def _read_head(file: io.BufferedIOBase) -> _Head:
    words = file.readline(1 << 16).removeprefix(b"\xef\xbb\xbf").decode("latin-1").lower().split()
    if len(words) != 5 or words[0] != "%%matrixmarket":
        raise ValueError(
            'the first line is not that of a Matrix Market file ("%%MatrixMarket matrix coordinate integer general")'
        )
    # As scipy wants it: some writers use capitals, some a byte order mark.
    lines = [f"%%MatrixMarket {' '.join(words[1:])}\n".encode("latin-1"), file.readline(1 << 16)]
    while lines[-1].startswith(b"%") or (lines[-1] and not lines[-1].strip()):
        lines.append(file.readline(1 << 16))
    try:
        sizes = tuple(int(word) for word in lines[-1].split())
    except ValueError:
        sizes = ()
    wanted = 3 if words[2] == "coordinate" else 2
    if len(sizes) != wanted or min(sizes) < 0:
        names = "rows, columns and entries" if wanted == 3 else "rows and columns"
        shown = lines[-1][:60].decode("latin-1").strip()
        raise ValueError(f"line {len(lines)} must give the numbers of {names}, and is {shown!r}")
    if min(sizes[:2]) < 1:  # scipy's parser divides by the number of rows of an array
        raise ValueError(
            f"line {len(lines)} announces {sizes[0]} rows and {sizes[1]} columns: there is nothing to read"
        )
    lines.append(_entry(file))
    return _Head(b"".join(lines), words[2], words[3], sizes, lines[-1].split())


def _check_sizes(head: _Head, source: Source) -> None:
    """Compare what the header claims with what such a file can hold, and with the first entry."""
    rows, columns = head.sizes[:2]
    listed = head.layout == "coordinate"
    entries = head.sizes[2] if listed else rows * columns
    columns_due = _COLUMNS.get(head.field, 2) if listed else 1
    # A number takes a digit and a space or line end (the last one may lack it); a symmetric array lists half of it.
    if entries * columns_due * 2 > (source.most_bytes + 1) * (1 if listed else 2):
        raise ValueError(
            f"the header claims {entries:,} entries, more than a file of this size can hold: it was cut short, or the "
            "size line is wrong"
        )
    source.check_claim(entries * 16 + 8 * (rows + 1), f"a matrix of {rows:,} rows and {entries:,} entries")
    columns_seen = len(head.first_entry)
    if listed and head.field in _COLUMNS and columns_seen not in (0, columns_due):
        raise ValueError(
            f"the header says {head.field!r}, that is {columns_due} numbers a line, but the first entry has "
            f"{columns_seen}: mend the field in the first line"
        )


class _Body(io.RawIOBase):
    """The file from its first byte, as a stream that scipy's parser can take.

    The parser runs past its buffer (and may take the process with it) where a file holds zero bytes, or something other
    than a line end after its last number. So zero bytes are an error, and a line end is added. On the way it watches
    for decimals where the header says that there are none.
    """

    def __init__(self, head: _Head, file: io.BufferedIOBase) -> None:
        self._file, self._ahead, self._ended = file, head.text, False
        self._watch = head.field in ("integer", "unsigned-integer")
        self.decimals = self._watch and _has_decimals(b" ".join(head.first_entry))

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        text = self._ahead[: len(buffer)]
        self._ahead = self._ahead[len(buffer) :]
        if not text:
            text = self._file.read1(len(buffer))
            if b"\0" in text:
                raise ValueError("the file holds zero bytes: it is damaged, or no text")
            self.decimals = self.decimals or (self._watch and _has_decimals(text))
        if not text and not self._ended:
            self._ended, text = True, b"\n"
        buffer[: len(text)] = text
        return len(text)


def _has_decimals(text: bytes) -> bool:
    return b"." in text or b"e" in text or b"E" in text
