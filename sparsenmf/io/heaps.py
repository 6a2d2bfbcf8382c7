"""HDF5's global heaps, where texts lie that may have any length, checked before the library walks through them.

A heap is a row of objects, each of which tells its own size. The library (1.14) goes on for ever where an object of
free space tells the size 0, and does not come back to Python meanwhile. So the heaps of a file are looked up by their
signature and walked here first. Files of more than a gigabyte, which would take long to search, are taken as they are.

The layout is that of the "HDF5 File Format Specification", version 3.0, sections II and III.E.
"""

import mmap
from pathlib import Path

__all__ = ["check_heaps"]

_SEARCHED = 1 << 30
_SIGNATURE = b"GCOL\x01"
_HEADER = 16  # of a heap, and of each object in it
_SMALLEST = 4096


def check_heaps(path: Path) -> None:
    """Raise a ValueError where a heap of an HDF5 file leads nowhere."""
    size = path.stat().st_size
    if not 2 * _HEADER < size <= _SEARCHED:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        _check_lengths(content)
        place = content.find(_SIGNATURE)
        while place >= 0:
            _check_heap(content, place)
            place = content.find(_SIGNATURE, place + 1)


def _check_lengths(content: mmap.mmap) -> None:
    """Lengths and addresses may have other sizes than 8 bytes, by the superblock; nobody writes such files."""
    sizes = content[13:15] if content[8] < 2 else content[9:11]
    if sizes != b"\x08\x08":
        raise ValueError("its lengths are not of 8 bytes, as in all files of this kind: it is damaged")


def _check_heap(content: mmap.mmap, start: int) -> None:
    end = start + _number(content, start + 8, 8)
    if not start + _SMALLEST <= end <= len(content):
        return  # no heap, but bytes like one; or one that the library refuses
    place = start + _HEADER
    while place + _HEADER <= end:
        index, length = _number(content, place, 2), _number(content, place + 8, 8)
        # Free space counts its header, texts do not, and are filled up to 8 bytes.
        step = length if index == 0 else _HEADER + (length + 7) // 8 * 8
        if step < _HEADER or place + step > end:
            raise ValueError(
                f"its texts are damaged: the heap at byte {start:,} has an object of {length:,} bytes at byte "
                f"{place:,}. Copy or write the file again"
            )
        place += step


def _number(content: mmap.mmap, place: int, size: int) -> int:
    return int.from_bytes(content[place : place + size], "little")
