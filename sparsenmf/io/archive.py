"""npz archives: named arrays in a zip file, read without pickles and never beyond what their headers declare.

`numpy.load` trusts three sizes that a file can make up: the zip directory's, the npy header's, and the one that the
compressed bytes unpack to. Here they must agree before a member is unpacked, and the sum must fit into memory.
"""

import itertools
import math
import tokenize
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from sparsenmf.io.source import Source

__all__ = ["Archive", "open_archive", "packed_names", "read_header", "unpacked_names", "write_archive"]

# A deflated byte unpacks to at most 1032 bytes (RFC 1951: 258 bytes from two bits); a claim beyond it is a lie.
_MAX_RATIO = 1032
_HEADER_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class Header(NamedTuple):
    """What an npy header declares: the array's shape and dtype."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def n_bytes(self) -> int:
        """Bytes of the array itself."""
        return self.dtype.itemsize * math.prod(self.shape)


def read_header(file: BinaryIO, name: str) -> Header:
    """Read an npy header and leave the file at the array's first byte; never that of a pickle."""
    try:
        version = np.lib.format.read_magic(file)
        shape, _, dtype = _HEADER_READERS[version](file)
    except (KeyError, SyntaxError, TypeError, ValueError, tokenize.TokenError) as error:
        # numpy parses the header as Python, and once more with a tokenizer as Python 2 wrote it.
        raise ValueError(f"array {name!r} has no readable npy header ({error}): write the file again") from error
    if dtype.hasobject:
        raise ValueError(
            f"array {name!r} holds Python objects, that is, a pickle. Pickles are never loaded, since they can run any "
            "code: save numbers alone, with scipy.sparse.save_npz or numpy.savez_compressed"
        )
    if any(length < 0 for length in shape):
        raise ValueError(f"array {name!r} claims the impossible shape {shape}")
    return Header(shape, dtype)


class Archive:
    """The members of an open npz file."""

    def __init__(self, zip_file: zipfile.ZipFile, source: Source) -> None:
        self._zip = zip_file
        names = [info.filename for info in zip_file.infolist()]
        if len(set(names)) < len(names):
            raise ValueError("the archive holds two arrays of one name: write it again")
        self.headers: Mapping[str, Header] = {
            name.removesuffix(".npy"): self._header(name) for name in names if name.endswith(".npy")
        }
        source.check_claim(sum(header.n_bytes for header in self.headers.values()), "its arrays")

    def _header(self, member: str) -> Header:
        info = self._zip.getinfo(member)
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # numpy writes no other
            raise ValueError(f"array {member!r} is compressed by the zip method {info.compress_type}: write it again")
        with self._zip.open(info) as file:
            header = read_header(file, member.removesuffix(".npy"))  # type: ignore[arg-type]
            start = file.tell()
        if start + header.n_bytes != info.file_size or info.file_size > _MAX_RATIO * info.compress_size + start:
            raise ValueError(
                f"array {member!r} is {header.dtype} of shape {header.shape} by its own header, but the archive "
                f"declares {info.file_size:,} bytes for it ({info.compress_size:,} compressed). The sizes belie each "
                "other: write the file again"
            )
        return header

    def __contains__(self, name: str) -> bool:
        return name in self.headers

    def array(self, name: str, *, kinds: str, ndim: int) -> np.ndarray:
        """Unpack one array, whose dtype must be of one of the `kinds` ("iu" for integers)."""
        if name not in self.headers:
            raise ValueError(f"the array {name!r} is missing (there are: {', '.join(self.headers) or 'none'})")
        header = self.headers[name]
        if header.dtype.kind not in kinds or len(header.shape) != ndim:
            raise ValueError(f"the array {name!r} is {header.dtype} with {len(header.shape)} dimensions: not that kind")
        with self._zip.open(f"{name}.npy") as file:
            return np.lib.format.read_array(file, allow_pickle=False)


@contextmanager
def open_archive(source: Source) -> Iterator[Archive]:
    """Open an npz file for reading; raises what `zipfile` does where it is none (see `naming`)."""
    with source.path.open("rb") as file:
        start = file.read(16)
        file.seek(0)
        if not start.startswith(b"PK"):
            raise ValueError(_not_a_zip(start))
        with zipfile.ZipFile(file) as zip_file:
            yield Archive(zip_file, source)


def _not_a_zip(start: bytes) -> str:
    known = {
        b"\x93NUMPY": 'this is an .npy file under another name: rename it, or read it with format="npy"',
        b"\x80": "this is a pickle, and pickles are never loaded: save the matrix with scipy.sparse.save_npz",
        b"%%Matrix": 'this is a Matrix Market file under another name: rename it, or read it with format="mtx"',
        b"version https://": "this is a Git LFS pointer, not the file itself: fetch it with `git lfs pull`",
    }
    unknown = "this is no npz file (a zip archive of arrays)" if start else "the file is empty"
    return next((said for mark, said in known.items() if start.startswith(mark)), f"{unknown}: copy or write it again")


def write_archive(file: BinaryIO, arrays: Mapping[str, np.ndarray], level: int = 1) -> None:
    """Write arrays as an npz file.

    Unlike `numpy.savez_compressed` it takes the compression level (1 is three times faster than zlib's default, and
    factors, mostly zeros, still shrink well) and stamps no time, so that the same arrays give the same bytes.
    """
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as zip_file:
        for name, array in arrays.items():
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            info._compresslevel = level  # type: ignore[attr-defined]  # public as `compress_level` since Python 3.13
            with zip_file.open(info, "w", force_zip64=array.nbytes >= 1 << 31) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def packed_names(key: str, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Names as two arrays: all of them as UTF-8 bytes, and under `key_ends` where each ends."""
    encoded = [name.encode() for name in names]
    ends = np.cumsum([len(name) for name in encoded], dtype=np.int64)
    return {key: np.frombuffer(b"".join(encoded), dtype=np.uint8), f"{key}_ends": ends}


def unpacked_names(archive: Archive, key: str) -> tuple[str, ...] | None:
    """The names that `packed_names` packed, or None where there are none."""
    if key not in archive:
        return None
    text = archive.array(key, kinds="u", ndim=1).tobytes()
    ends = archive.array(f"{key}_ends", kinds="i", ndim=1)
    if ends.size and (ends[0] < 0 or (np.diff(ends) < 0).any() or ends[-1] != len(text)):
        raise ValueError(f"the places in {key}_ends do not fit the text in {key}: write the file again")
    bounds = [0, *ends.tolist()]
    return tuple(text[start:end].decode() for start, end in itertools.pairwise(bounds))
