"""npz archives: named arrays in a zip file, read without pickles and never beyond what their headers declare.

`numpy.load` makes room for what an array's header claims. Here that must agree with the zip directory before an array
is unpacked, and the sum must fit into memory.
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

_HEADER_READERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
_NO_ZIP = {
    b"\x93NUMPY": 'this is an .npy file under another name: rename it, or read it with format="npy"',
    b"\x80": "this is a pickle, and pickles are never loaded: save the matrix with scipy.sparse.save_npz",
    b"version https://": "this is a Git LFS pointer, not the file itself: fetch it with `git lfs pull`",
    b"": "this is no npz file (a zip archive of arrays), or it is empty: copy or write it again",
}


class Header(NamedTuple):
    """What an npy header declares."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    end: int  # bytes of the header and the array


def read_header(file: Any, name: str) -> Header:
    """Read an npy header; never that of a pickle."""
    try:
        shape, _, dtype = _HEADER_READERS[np.lib.format.read_magic(file)](file)
    except (KeyError, SyntaxError, TypeError, ValueError, tokenize.TokenError) as error:
        # numpy parses the header as Python, and once more with a tokenizer as Python 2 wrote it.
        raise ValueError(f"array {name!r} has no readable npy header ({error}): write the file again") from error
    if dtype.hasobject:
        raise ValueError(
            f"array {name!r} is a pickle. Pickles are never loaded, for they can run any code: save numbers"
        )
    return Header(shape, dtype, file.tell() + dtype.itemsize * math.prod(shape))


class Archive:
    """The arrays of an open npz file."""

    def __init__(self, zip_file: zipfile.ZipFile, source: Source) -> None:
        self._zip = zip_file
        infos = [info for info in zip_file.infolist() if info.filename.endswith(".npy")]
        self.headers = {info.filename.removesuffix(".npy"): self._header(info) for info in infos}
        source.check_claim(sum(info.file_size for info in infos), "its arrays")

    def _header(self, info: zipfile.ZipInfo) -> Header:
        with self._zip.open(info) as file:
            header = read_header(file, info.filename)
        if header.end != info.file_size or min(header.shape, default=0) < 0:
            own = f"{header.dtype} of shape {header.shape} by its own header"
            raise ValueError(f"array {info.filename!r} is {own}, not of {info.file_size:,} bytes: write the file again")
        return header

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
        if not start.startswith(b"PK"):
            raise ValueError(next(said for mark, said in _NO_ZIP.items() if start.startswith(mark)))
        with zipfile.ZipFile(file) as zip_file:
            yield Archive(zip_file, source)


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
    if key not in archive.headers:
        return None
    text = archive.array(key, kinds="u", ndim=1).tobytes()
    ends = archive.array(f"{key}_ends", kinds="i", ndim=1)
    if ends.size and (ends[0] < 0 or (np.diff(ends) < 0).any() or ends[-1] != len(text)):
        raise ValueError(f"the places in {key}_ends do not fit the text in {key}: write the file again")
    bounds = [0, *ends.tolist()]
    return tuple(text[start:end].decode() for start, end in itertools.pairwise(bounds))
