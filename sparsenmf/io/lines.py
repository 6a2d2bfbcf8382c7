"""Text as lines, decoded on the way and never held as a whole; an error tells the line that is of no such encoding."""

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sparsenmf.io.source import Source

__all__ = ["LONGEST", "Layout", "numbered_lines", "open_text", "read_lines"]

_CHUNK = 1 << 18
LONGEST = 1 << 26  # characters or bytes of a line
_MEND = (
    'If the whole text is of another encoding, name it (encoding="latin-1", --encoding latin-1); if a few lines are, '
    'mend them, or take what can be read (errors="replace")'
)
_CHOICES = {
    "errors": '"strict", "replace" or "ignore"',
    "quoting": '"double" (cells may stand in double quotes) or "none" (quotes are like other characters)',
}


@dataclass(frozen=True)
class Layout:
    """How a file's bytes become text, how the text becomes cells, and which columns are meant."""

    column: str | None = None
    id_column: str | None = None
    encoding: str = "utf-8"
    errors: str = "strict"
    delimiter: str | None = None
    quoting: str = "double"

    def __post_init__(self) -> None:
        try:
            if not getattr(codecs.lookup(self.encoding), "_is_text_encoding", True):
                raise ValueError(f"{self.encoding!r} is no encoding of text")
        except (LookupError, TypeError) as error:
            raise ValueError(f'unknown encoding {self.encoding!r}: name one, as "utf-8" or "latin-1"') from error
        for name, choices in _CHOICES.items():
            if f'"{(given := getattr(self, name))}"' not in choices:
                raise ValueError(f"{name} must be {choices}, got {given!r}")
        mark = self.delimiter
        if mark is not None and (not isinstance(mark, str) or len(mark) != 1 or mark in '"\r\n'):
            raise ValueError(f"delimiter must be one character, got {mark!r}")


@contextmanager
def open_text(source: Source, layout: Layout) -> Iterator[io.TextIOWrapper]:
    r"""Open a text for reading; only `\n` ends its lines, and a byte order mark is left out.

    A ValueError tells the line and byte that are not of the encoding.
    """
    marked = "utf-8-sig" if codecs.lookup(layout.encoding).name == "utf-8" else layout.encoding
    with source.open() as file:
        text: Any = io.TextIOWrapper(file, marked, layout.errors, newline="\n")
        try:
            yield text
        except UnicodeError as error:
            raise ValueError(_undecodable(source, layout.encoding, error)) from error


def _undecodable(source: Source, encoding: str, error: UnicodeError) -> str:
    with source.open() as file:
        for number, line in numbered_lines(file):
            if number == 1 and line[:2] in (b"\xff\xfe", b"\xfe\xff"):
                return 'the text is UTF-16, not UTF-8: name the encoding (encoding="utf-16", --encoding utf-16)'
            if "\n".encode(encoding) != b"\n":
                break
            try:
                line.decode(encoding)
            except UnicodeDecodeError as wrong:
                byte = f"byte 0x{line[wrong.start]:02x} after {wrong.start:,} bytes of it"
                return f"line {number:,} is not {encoding.upper()} text: {byte}. {_MEND}"
    return f"the text is not {encoding.upper()} ({error}): name its encoding (encoding=..., --encoding)"


def numbered_lines(file: Any) -> Iterator[tuple[int, Any]]:
    """(number from 1, line without its end) of an open text or binary file; ValueError where a line is very long."""
    done, rest = 0, file.read(0)
    end = b"\n" if isinstance(rest, bytes) else "\n"
    while chunk := file.read(_CHUNK):
        *lines, rest = (rest + chunk).split(end)
        yield from enumerate(lines, start=done + 1)
        done += len(lines)
        if len(rest) > LONGEST:
            raise ValueError(f"line {done + 1:,} is longer than {LONGEST:,} characters: are there line ends in it?")
    if rest:
        yield done + 1, rest


def read_lines(source: Source) -> list[str]:
    """All lines of a UTF-8 text, without their ends."""
    with open_text(source, Layout()) as text:
        return [line.removesuffix("\r") for _, line in numbered_lines(text)]
