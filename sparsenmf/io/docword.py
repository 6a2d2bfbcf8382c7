"""UCI bag of words: `docword.NAME.txt`, three lines of sizes and then one `document word count` a line, from 1.

The body is that of a Matrix Market file, so scipy's parser reads it. What the words are stands in `vocab.NAME.txt`.
"""

import io
import re
from typing import BinaryIO

from scipy import sparse

from sparsenmf.io.lines import find_line
from sparsenmf.io.matrix_market import Head, check_sizes, first_entry, parse
from sparsenmf.io.named import NamedMatrix, smaller_integers
from sparsenmf.io.source import Source

__all__ = ["read_docword", "write_docword"]

_SIZES = ("documents", "words of the vocabulary", "entries")
_NO_ENTRY = re.compile(rb"^(?!\s*(?:\d+\s+\d+\s+\d+\s*)?$)")
_BLOCK = 1 << 16
_BANNER = b"%%MatrixMarket matrix coordinate integer general\n%\n"  # two lines, so that line numbers stay


def read_docword(source: Source) -> sparse.csr_array:
    """Read a bag of words; entries that stand twice are summed."""
    with source.open() as file:
        head = _read_head(file)
        check_sizes(head, source)
        try:
            matrix = parse(head, file)
        except ValueError as error:
            raise _explained(source, error) from error
    if matrix.data.size and matrix.data.min() < 0:
        raise _explained(source, ValueError("there are negative counts"))
    matrix.data = smaller_integers(matrix.data)
    return matrix.tocsr()


def _read_head(file: io.BufferedIOBase) -> Head:
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
    first = first_entry(file)
    text = _BANNER + " ".join(map(str, sizes)).encode() + b"\n" + first
    return Head(text, "coordinate", "integer", tuple(sizes), first.split())


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
