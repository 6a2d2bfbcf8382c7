"""Where bytes come from: a file, packed or not, or standard input; and how many of them there may be.

A few kilobytes of gzip or zstd can unpack to terabytes. What a packed file unpacks to is counted while it is read, and
reading stops at a limit: 100 times the file's own size but never below 1 GiB, unless the caller gives another.
"""

import contextlib
import gzip
import io
import os
import shutil
import stat
import sys
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

from sparsenmf.io.files import check_room, library

__all__ = ["PACKED", "Source", "packing_writer", "unpack_limit"]

#: Suffixes of packed files.
PACKED = (".gz", ".zst")

_LEAST_LIMIT = 1 << 30
_RATIO = 100
_BUFFER = 1 << 18


def unpack_limit(n_bytes: int, max_bytes: int | None) -> int:
    """How many bytes may come out of a packed file of `n_bytes`."""
    if max_bytes is None:
        return max(_LEAST_LIMIT, _RATIO * n_bytes)
    if isinstance(max_bytes, bool) or not isinstance(max_bytes, int) or max_bytes < 1:
        raise ValueError(f"max_bytes must be a number of bytes (a positive integer) or None, got {max_bytes!r}")
    return max_bytes


class Source:
    """A file that can be read as often as one likes, unpacked on the way, to at most `max_bytes`.

    Standard input ("-") and named pipes are copied to a temporary file first, which is removed with this object.
    """

    def __init__(self, path: str | os.PathLike[str], max_bytes: int | None = None) -> None:
        self.is_stdin = os.fspath(path) == "-"
        self.name = "standard input" if self.is_stdin else os.fspath(path)
        self.max_bytes = max_bytes
        unpack_limit(0, max_bytes)  # a wrong one is an error at once
        self.path = Path(path)
        if self.is_stdin:
            if sys.stdin is None:
                raise ValueError("standard input is closed: nothing can be read from it")
            self.path = self._spooled(sys.stdin.buffer)
        elif _is_pipe(self.path):
            with self.path.open("rb") as pipe:
                self.path = self._spooled(pipe)

    def _spooled(self, stream: BinaryIO) -> Path:
        handle, name = tempfile.mkstemp(prefix="sparsenmf-")
        weakref.finalize(self, _remove, name)
        with os.fdopen(handle, "wb") as file:
            shutil.copyfileobj(stream, file, _BUFFER)
        return Path(name)

    @cached_property
    def size(self) -> int:
        """Bytes of the file as it is, packed or not."""
        return self.path.stat().st_size

    @cached_property
    def packing(self) -> str:
        """How the file is packed by its first bytes, whatever its name: "gzip", "zstd" or ""."""
        with self.path.open("rb") as file:
            start = file.read(4)
        return "gzip" if start[:2] == b"\x1f\x8b" else "zstd" if start == b"\x28\xb5\x2f\xfd" else ""

    @property
    def limit(self) -> int:
        """How many bytes the file may unpack to."""
        return unpack_limit(self.size, self.max_bytes)

    def check_claim(self, n_bytes: int, what: str) -> None:
        """Refuse what a header claims, before it is unpacked, where that exceeds the limit or this machine's memory."""
        check_room(n_bytes, what)
        if n_bytes > self.limit:
            sizes = f"{n_bytes:,} bytes, by what the file of {self.size:,} bytes claims, and {self.limit:,} are allowed"
            raise ValueError(f"{what} would take {sizes}. If it is sound, allow more: max_bytes={n_bytes}")

    @contextmanager
    def open(self) -> Iterator[io.BufferedIOBase]:
        """Open the file for reading plain bytes; a ValueError while reading, if it unpacks to more than the limit."""
        with self.path.open("rb") as file:
            if not self.packing:
                yield file
                return
            if self._claimed(file) > self.limit:  # found out in seconds; to count words up to the limit takes a minute
                with self._unpacked(file) as plain:
                    while plain.read(_BUFFER):
                        pass
                file.seek(0)
            with self._unpacked(file) as plain:
                yield plain

    @contextmanager
    def _unpacked(self, file: BinaryIO) -> Iterator[io.BufferedIOBase]:
        raw = gzip.GzipFile(fileobj=file) if self.packing == "gzip" else _zstd().ZstdFile(file)
        with raw, io.BufferedReader(_Limited(raw, self.limit, self.size), _BUFFER) as plain:
            yield plain

    def _claimed(self, file: BinaryIO) -> int:
        """The size in the last bytes of a gzip file (RFC 1952: modulo 2^32); one cut short may claim any."""
        if self.packing != "gzip" or self.size < 4:
            return 0
        file.seek(-4, os.SEEK_END)
        claim = int.from_bytes(file.read(4), "little")
        file.seek(0)
        return claim


def _is_pipe(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError:
        return False  # said where it is opened
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
        raise ValueError(f"{path} is a device, not a file: name a file, or - for standard input")
    return stat.S_ISFIFO(mode)


def _remove(name: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(name)  # noqa: PTH108 (called at exit, when pathlib may be gone)


class _Limited(io.RawIOBase):
    """A stream that counts what is read from it and stops at a limit."""

    def __init__(self, stream: Any, limit: int, packed: int) -> None:
        self._stream, self._limit, self._packed, self._count = stream, limit, packed, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            count = int(self._stream.readinto(buffer))
        except Exception as error:
            if type(error).__name__ != "ZstdError":
                raise
            raise EOFError(f"not a whole zstd file ({error})") from error
        self._count += count
        if self._count > self._limit:
            sizes = f"its {self._packed:,} bytes unpack to more than {self._limit:,}"
            raise ValueError(f"{sizes}, which hardly a file of use does. If it is sound, allow more: max_bytes=...")
        return count


def _zstd() -> Any:
    return library("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd", "zstd", "zstd")


@contextmanager
def packing_writer(file: BinaryIO, name: str) -> Iterator[Any]:
    """A binary file that packs what is written, as the suffix of `name` says (.gz, .zst), into `file`.

    The same bytes give the same file: no name and no time is put in.
    """
    if name.endswith(".gz"):
        with gzip.GzipFile("", "wb", 6, file, 0) as packed:
            yield packed
    elif name.endswith(".zst"):
        with _zstd().ZstdFile(file, "wb") as packed, io.BufferedWriter(packed, _BUFFER) as plain:
            yield plain
    else:
        yield file
