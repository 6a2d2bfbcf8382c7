"""Damaged files for every reader: each must give a clear error or a sound result, never a crash, hang or much memory.

    python tests/fuzz_io.py                        # 5,000 files a reader
    python tests/fuzz_io.py ldac csv --count 200   # some readers, fewer files
    python tests/fuzz_io.py ldac --only 1234       # one file again

Files are made from small sound ones: bytes flipped, parts cut, doubled or removed, numbers replaced by evil ones. They
are read in a process of their own, with a limit on its memory and a clock for each file; a process that dies is a
finding, and a new one goes on after that file. File number i of a reader is the same in every run.
"""

import argparse
import gzip
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 20  # for one file
MEMORY = 1 << 30
# `fuzz_seeds` holds sound files for each.
READERS = (
    *("npz", "npy", "mtx", "mtx.gz", "docword", "ldac", "svmlight", "h5ad", "10x-h5", "10x", "parquet", "csv"),
    *("triples", "tsv.zst", "txt", "text-csv", "jsonl", "jsonl.gz", "folder", "names"),
)


COUNTS = ("docword", "ldac", "parquet", "csv", "triples", "tsv.zst")  # which hold nothing below 0


class Finding(NamedTuple):
    """What became of a file: "read", "refused", or a fault, with the reason."""

    reader: str
    number: int
    outcome: str
    why: str = ""

    @property
    def is_fault(self) -> bool:
        return self.outcome not in ("read", "refused")


# --- damage -----------------------------------------------------------------------------------------------------------

NUMBERS = [b"0", b"-1", b"1", b"2", b"7", b"255", b"2147483647", b"2147483648", b"4294967296", b"9223372036854775807"]
NUMBERS += [
    b"9223372036854775808",
    b"1" + b"0" * 30,
    b"1" * 5000,
    b"1.5",
    b"1e400",
    b"nan",
    b"inf",
    b"",
    b"0x10",
    b"1_0",
]
PIECES = [
    b"\n",
    b"\r\n",
    b"\0",
    b'"',
    b",",
    b"\t",
    b":",
    b" ",
    b"{",
    b"}",
    b"[" * 5000,
    b"\xff",
    b"\xc3",
    b"\xef\xbb\xbf",
]
PIECES += [b"\xff\xfe", b"#", b"%", b"\x1a", b"null", b"\\ud800", b"A" * 70000]
WORDS_OF_BYTES = [0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 1 << 40, (1 << 63) - 1, (1 << 64) - 1]


def damaged(content: bytes, source: random.Random) -> bytes:
    """A copy with one to four damages."""
    bad = bytearray(content)
    for _ in range(source.choice([1, 1, 2, 4])):
        source.choice([flip, flip, cut, double, remove, number, number, piece, word])(bad, source)
    return bytes(bad)


def flip(bad: bytearray, source: random.Random) -> None:
    for _ in range(source.choice([1, 1, 2, 8])):
        if bad:
            bad[source.randrange(len(bad))] = source.randrange(256)


def cut(bad: bytearray, source: random.Random) -> None:
    del bad[source.randrange(len(bad) + 1) :]


def span(bad: bytearray, source: random.Random) -> tuple[int, int]:
    start = source.randrange(len(bad) + 1)
    return start, min(len(bad), start + source.choice([1, 4, 8, 64, 512]))


def double(bad: bytearray, source: random.Random) -> None:
    start, stop = span(bad, source)
    bad[start:start] = bad[start:stop] * source.choice([1, 1, 20])


def remove(bad: bytearray, source: random.Random) -> None:
    start, stop = span(bad, source)
    del bad[start:stop]


def number(bad: bytearray, source: random.Random) -> None:
    """Another number in the place of one that is written out; those of the first lines more often."""
    places = list(re.finditer(rb"\d+", bytes(bad[:20000])))
    if places:
        place = source.choice(places[:5] if source.random() < 0.5 else places)
        bad[place.start() : place.end()] = source.choice(NUMBERS)


def piece(bad: bytearray, source: random.Random) -> None:
    start = source.randrange(len(bad) + 1)
    bad[start:start] = source.choice(PIECES)


def word(bad: bytearray, source: random.Random) -> None:
    """Another binary number of 1, 2, 4 or 8 bytes."""
    size = source.choice([1, 2, 4, 8])
    if len(bad) >= size:
        start = source.randrange(len(bad) - size + 1)
        value = source.choice(WORDS_OF_BYTES) & ((1 << 8 * size) - 1)
        bad[start : start + size] = value.to_bytes(size, "little")


def damaged_file(name: str, content: bytes, source: random.Random) -> bytes:
    """Damage in the bytes, or in what a packed file packs (whose checksum then is right)."""
    inside = source.random() < 0.6
    if inside and name.endswith(".gz"):
        return gzip.compress(damaged(gzip.decompress(content), source), mtime=0)
    if inside and name.endswith(".npz"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {member: archive.read(member) for member in archive.namelist()}
        picked = source.choice(sorted(members))
        members[picked] = damaged(members[picked], source)
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for member, part in members.items():
                archive.writestr(zipfile.ZipInfo(member), part)
        return file.getvalue()
    return damaged(content, source)


def make(reader: str, index: int, folder: Path, seeds: list) -> tuple[Path, dict]:
    """File number `index` of a reader: (what is read, options)."""
    source = random.Random(f"{reader} {index}")
    files, target, options = seeds[index % len(seeds)]
    victims = (
        sorted(name for name in files if name != target)
        if reader == "names"
        else [target or source.choice(sorted(files))]
    )
    victim = source.choice(victims)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(damaged_file(name, content, source) if name == victim else content)
    return folder / target, options


# --- reading ----------------------------------------------------------------------------------------------------------


def sound(result: object) -> str:
    """What is wrong with a result, or nothing."""
    from sparsenmf.io import Texts

    if isinstance(result, Texts):
        return "" if all(isinstance(text, str) for text in result) else "a text is no text"
    for names, length in zip((result.row_names, result.column_names), result.shape, strict=True):
        if names is not None and len(names) != length:
            return f"{len(names)} names for {length}"
    if isinstance(result.X, np.ndarray):
        result.sum()
        return "" if result.ndim == 2 else f"{result.ndim} dimensions"
    result.check_format(full_check=True)
    return ""


def attempt(reader: str, index: int, folder: Path, seeds: list) -> Finding:
    from sparsenmf.io import read

    path, options = make(reader, index, folder, seeds)
    try:
        result = read(path, **options)
        wrong = sound(result)
        if reader in COUNTS and result.nnz and result.data.min() < 0:
            wrong = f"a count of {result.data.min()}"
    except (ValueError, OSError, MemoryError) as error:
        if str(folder) not in str(error):
            return Finding(reader, index, "nameless", f"{type(error).__name__}: {error}")
        return Finding(reader, index, "refused", f"{type(error).__name__}: {error}".replace(str(folder), ""))
    except Exception as error:  # noqa: BLE001 (that is what is looked for)
        return Finding(reader, index, "exception", f"{type(error).__name__}: {error}\n{traceback.format_exc()}")
    return Finding(reader, index, "unsound", wrong) if wrong else Finding(reader, index, "read")


def work(reader: str, start: int, stop: int) -> None:
    """The life of a worker: a line for each file, before and after."""
    import resource

    from tests.fuzz_seeds import SEEDS  # the parent put the checkout on the path

    seeds = SEEDS[reader]()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for index in range(start, stop):
        print(json.dumps(["begin", index]), flush=True)
        signal.setitimer(signal.ITIMER_REAL, SECONDS)  # no handler: it ends the process, also inside a C library
        folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
        try:
            print(json.dumps(["end", *attempt(reader, index, folder, seeds)]), flush=True)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            shutil.rmtree(folder, ignore_errors=True)


def run(reader: str, count: int, start: int = 0) -> Iterator[Finding]:
    """What became of `count` files of a reader."""
    stop = start + count
    settings = os.environ | {"PYTHONPATH": str(ROOT)}
    # The limit is one of addresses, which these would reserve by the gigabyte without using them.
    settings |= {"OPENBLAS_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2", "ARROW_DEFAULT_MEMORY_POOL": "system"}
    while start < stop:
        command = [sys.executable, "-X", "faulthandler", __file__, reader, "--work", str(start), str(stop)]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=settings, text=True
        ) as process:
            last = None
            for line in process.stdout or ():
                kind, *rest = json.loads(line)
                last = rest[0] if kind == "begin" else last
                if kind == "end":
                    yield Finding(*rest)
                    start = rest[1] + 1
            errors = (process.stderr.read() if process.stderr else "").strip()
        if start < stop:
            if last is None or last < start:
                raise RuntimeError(f"the worker for {reader} does not start:\n{errors}")
            outcome = "hang" if process.returncode == -signal.SIGALRM else f"died ({process.returncode})"
            yield Finding(reader, last, outcome, errors[-1500:])
            start = last + 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("readers", nargs="*", help=", ".join(READERS))
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--start", type=int, default=0, help="number of the first file")
    parser.add_argument("--only", type=int, help="number of the one file to read")
    parser.add_argument("--work", type=int, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if unknown := set(arguments.readers) - set(READERS):
        parser.error(f"unknown readers: {', '.join(unknown)}")
    if arguments.work:
        work(arguments.readers[0], *arguments.work)
        return 0
    if arguments.only is not None:
        for finding in run(arguments.readers[0], 1, arguments.only):
            print(finding.outcome, finding.why)
        return 0
    faults = 0
    for reader in arguments.readers or READERS:
        outcomes: Counter[str] = Counter()
        for finding in run(reader, arguments.count, arguments.start):
            outcomes[finding.outcome] += 1
            if finding.is_fault:
                faults += 1
                print(f"  {reader} {finding.number}: {finding.outcome}: {finding.why}")
        print(f"{reader}: {', '.join(f'{count:,} {outcome}' for outcome, count in outcomes.most_common())}", flush=True)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
