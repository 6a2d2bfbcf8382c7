"""What every reader and writer shares: errors that name the file, files that are whole or absent, room in memory."""

import errno
import gzip
import os
import platform
import secrets
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["atomic_write", "check_room", "check_target", "library", "naming"]

#: What the decoders of zip, gzip and npy raise on bytes that are not theirs.
_DAMAGE = (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, struct.error, NotImplementedError, RuntimeError)
_MEND = "The file is damaged or was cut short: copy or write it again."


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Give every error raised inside the name of the file, and what can be done."""
    try:
        yield
    except _DAMAGE as error:
        raise ValueError(f"{path}: {str(error) or type(error).__name__}. {_MEND}") from error
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{path}: {error}") from error
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{path} does not exist (looked from {Path.cwd()})") from error
    except IsADirectoryError as error:
        raise IsADirectoryError(f"{path} is a folder, not a file") from error
    except OSError as error:
        if error.errno == errno.EINVAL:  # a zip directory that points before the start of the file
            raise ValueError(f"{path}: {error.strerror}. {_MEND}") from error
        raise type(error)(f"{path} cannot be read: {error.strerror or error}") from error
    except MemoryError as error:
        raise MemoryError(f"{path} does not fit into memory") from error


def check_room(n_bytes: int, what: str) -> None:
    """Raise a ValueError for a size that this machine's memory cannot hold, before anything is allocated."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # no such question on Windows
        return
    if n_bytes > memory:
        sizes = f"{n_bytes / 1e9:,.1f} GB, and this machine has {memory / 1e9:,.1f} GB"
        raise ValueError(f"{what} would take {sizes}: the file's header is wrong, or the matrix too large")


def library(name: str, extra: str, what: str) -> Any:
    """A package that one format needs; an ImportError tells which of the extras brings it."""
    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(f'{what} files need the package {name}: pip install "sparsenmf[{extra}]"') from error


def check_target(path: str | os.PathLike[str], force: bool = False) -> Path:
    """Find out whether a file can be written, before the work whose result it shall hold.

    An OSError tells why not: it exists and `force` is false, it is no regular file, or its folder is missing or takes
    no new files. What is returned is the file itself, with links followed: a link stays a link.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(f"cannot write {path}: it is a folder; name a file in it")
    if target.exists():
        if not target.is_file():
            raise OSError(f"cannot write {path}: it is no regular file")
        if not force:
            raise FileExistsError(f"{path} exists: choose another name, or replace it (force=True, --force)")
    if not target.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: the folder {target.parent} does not exist; make it first")
    probe = _temporary(target)
    try:
        probe.touch(exist_ok=False)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with suppress(OSError):
            probe.unlink()
    return target


@contextmanager
def atomic_write(path: str | os.PathLike[str], force: bool = False) -> Iterator[BinaryIO]:
    """Write a file that appears under its name only when it is whole and on the disk.

    The bytes go to a temporary file in the same folder, which takes the name at the end; on any error it is removed
    and what stood under the name before still stands there. OSErrors are those of `check_target`, and of a full disk.
    """
    target = check_target(path, force)
    _remove_leftovers(target.parent)
    temporary = _temporary(target)
    try:
        with temporary.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        check_target(path, force)  # someone else may have written it meanwhile
        temporary.replace(target)
        _sync_folder(target.parent)
    except FileExistsError:
        raise
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _temporary(target: Path) -> Path:
    # Not derived from the target's name: that may be as long as a name can be already.
    return target.with_name(f".sparsenmf-{_machine()}-{os.getpid()}-{secrets.token_hex(8)}.tmp")


def _machine() -> str:
    """What tells this machine, or container, from others that write into the same folder: process ids are its own."""
    space = ""
    with suppress(OSError):
        space = str(Path("/proc/self/ns/pid").readlink())
    return f"{zlib.crc32(f'{platform.node()} {space}'.encode()):08x}"


def _remove_leftovers(folder: Path) -> None:
    """Remove what processes of this machine left in a folder when they were killed while they wrote."""
    for path in folder.glob(f".sparsenmf-{_machine()}-*.tmp") if os.name == "posix" else ():
        try:  # on Windows, os.kill would end the process that it is to ask after
            os.kill(int(path.name.split("-")[2]), 0)
        except (ProcessLookupError, OverflowError):
            with suppress(OSError):
                path.unlink()
        except (OSError, ValueError):  # another user's process, which lives
            continue


def _unwritable(path: str | os.PathLike[str], error: OSError) -> OSError:
    why = error.strerror or str(error)
    message = f"cannot write {path}: {why}. Nothing was written; free some room or choose another folder."
    result = type(error)(message)
    result.errno = error.errno
    return result


def _sync_folder(folder: Path) -> None:
    """Make the new name itself durable, where folders can be opened (not on Windows)."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
