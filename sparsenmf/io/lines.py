"""Text as lines: decoded in pieces, never held as a whole; where bytes are not of that encoding, the line is named."""

import codecs
import io
import re
from collections.abc import Iterator

__all__ = ["check_encoding", "decoded_lines", "find_line", "numbered_lines"]

_CHUNK = 1 << 18
_LONGEST = 1 << 26  # characters or bytes of a line
_MEND = (
    'If the whole text is of another encoding, name it (encoding="latin-1", --encoding latin-1); if a few lines are, '
    'mend them, or take what can be read (errors="replace")'
)


def check_encoding(encoding: str, errors: str = "strict") -> None:
    """Raise a ValueError where there is no such encoding of text, or no such way to treat errors."""
    try:
        known = codecs.lookup(encoding)
    except (LookupError, TypeError, ValueError) as error:
        raise ValueError(
            f'unknown encoding {encoding!r}: name one that Python knows, as "utf-8", "latin-1", "cp1252" or "utf-16"'
        ) from error
    if not getattr(known, "_is_text_encoding", True):
        raise ValueError(f"{encoding!r} is no encoding of text")
    if errors not in ("strict", "replace", "ignore"):
        raise ValueError(f'errors must be "strict", "replace" or "ignore", got {errors!r}')


def decoded_lines(
    stream: io.BufferedIOBase, encoding: str = "utf-8", errors: str = "strict", mend: str = _MEND
) -> Iterator[str]:
    r"""The lines of a text without their ends: `\n` or `\r\n`, and nothing else, ends a line.

    A byte order mark at the start is left out. A ValueError, which advises `mend`, tells the line and byte that are not
    of that encoding, or the line that is longer than 64 Mi characters.
    """
    marked = "utf-8-sig" if codecs.lookup(encoding).name == "utf-8" else encoding
    decoder = codecs.getincrementaldecoder(marked)(errors)
    rest, done = "", 0
    while True:
        chunk = stream.read(_CHUNK)
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeError as error:
            raise _undecodable(error, encoding, rest, done, mend) from error
        if "\n" in text:
            first, *whole = text.split("\n")
            yield (rest + first).removesuffix("\r")
            done += 1
            rest = whole.pop()
            for line in whole:
                yield line.removesuffix("\r")
            done += len(whole)
        else:
            rest += text
        if len(rest) > _LONGEST:
            raise ValueError(_too_long(done + 1))
        if not chunk:
            break
    if rest:
        yield rest.removesuffix("\r")


def _undecodable(error: UnicodeError, encoding: str, rest: str, done: int, mend: str) -> ValueError:
    if not isinstance(error, UnicodeDecodeError):
        return ValueError(f"the text is not {encoding.upper()} ({error}): name its encoding (encoding=..., --encoding)")
    # What stands before the bad byte was valid, and its last line end tells the place in the line.
    before = error.object[: error.start]
    line = done + 1 + before.count(b"\n")
    column = len(before) - before.rfind(b"\n") - 1
    if b"\n" not in before:
        column += len(rest.encode(encoding, "replace"))
    value = error.object[error.start]
    start = error.object[:2] if line == 1 and column == 0 else b""
    if start in (b"\xff\xfe", b"\xfe\xff"):
        return ValueError('the text is UTF-16, not UTF-8: name the encoding (encoding="utf-16", --encoding utf-16)')
    return ValueError(
        f"line {line:,} is not {encoding.upper()} text: byte 0x{value:02x} after {column:,} bytes of it. {mend}"
    )


def numbered_lines(stream: io.BufferedIOBase) -> Iterator[tuple[int, bytes]]:
    """(line number from 1, line with its end) of a file; ValueError where a line is longer than 64 MiB."""
    number = 0
    while line := stream.readline(_LONGEST + 1):
        number += 1
        if len(line) > _LONGEST:
            raise ValueError(_too_long(number))
        yield number, line


def _too_long(number: int) -> str:
    return f"line {number:,} is longer than {_LONGEST:,} characters: this is hardly a text with one item a line"


def find_line(stream: io.BufferedIOBase, wrong: re.Pattern[bytes], skip: int = 0) -> tuple[int, str] | None:
    """The first line (its number, and what stands there) that matches a pattern, after `skip` lines."""
    for number, line in numbered_lines(stream):
        if number > skip and wrong.search(line):
            return number, line[:60].decode("utf-8", "replace").strip()
    return None
