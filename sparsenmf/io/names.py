"""Names of columns (a vocabulary) and rows: text files with one name a line."""

import os
from pathlib import Path

from sparsenmf.io.files import naming
from sparsenmf.io.lines import read_lines
from sparsenmf.io.source import PACKED, Source

__all__ = ["find_names", "read_names", "side_file", "side_names"]


def read_names(path: str | os.PathLike[str], count: int | None = None, what: str = "columns") -> tuple[str, ...]:
    r"""Read names, one a line, from a UTF-8 text file (plain, gzip or zstd).

    Parameters
    ----------
    path : str or path-like
    count : int, optional
        How many there must be.
    what : str, default="columns"
        What they name, for the message.

    Raises
    ------
    ValueError, OSError
        If their number is not `count`, or the file is no UTF-8 text; if it is missing or cannot be read.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sparsenmf.io import read_names
    >>> _ = Path("vocab.txt").write_text("ark\nflood\n")
    >>> read_names("vocab.txt", count=2)
    ('ark', 'flood')
    """
    with naming(os.fspath(path)):
        names = tuple(read_lines(Source(path)))
        if count is not None and len(names) != count:
            raise ValueError(f"{len(names):,} names for {count:,} {what}: it takes one name a line, one for each")
    return names


def find_names(beside: str | os.PathLike[str], kind: str = "vocab") -> Path | None:
    """The file of names that lies in the same folder as a matrix (`vocab.txt` or `vocab.txt.gz`), if there is one."""
    return _first(Path(beside).parent / f"{kind}.txt", (".gz",))


def side_file(path: Path, kind: str) -> Path:
    """The file of names that belongs to a matrix: `X.vocab.txt` to `X.mtx`, `vocab.kos.txt` to `docword.kos.txt`."""
    name = path.name
    for suffix in PACKED:
        name = name.removesuffix(suffix)
    if name.lower().startswith("docword.") and name.lower().endswith(".txt"):
        return path.with_name(kind + name[len("docword") :])
    return path.with_name(f"{Path(name).stem}.{kind}.txt")


def side_names(path: Path, kind: str) -> Path | None:
    """The same, plain or packed, if there is one."""
    return _first(side_file(path, kind), PACKED)


def _first(plain: Path, packings: tuple[str, ...]) -> Path | None:
    candidates = [plain, *(plain.with_name(plain.name + suffix) for suffix in packings)]
    return next((candidate for candidate in candidates if candidate.is_file()), None)
