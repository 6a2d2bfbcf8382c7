"""Names of columns (a vocabulary) and rows: text files with one name a line."""

import os
from pathlib import Path

from sparsenmf.io.files import naming, open_plain

__all__ = ["find_names", "read_names"]


def read_names(path: str | os.PathLike[str], count: int | None = None, what: str = "columns") -> tuple[str, ...]:
    r"""Read names, one a line, from a UTF-8 text file (plain or gzip).

    Parameters
    ----------
    path : str or path-like
    count : int, optional
        How many there must be.
    what : str, default="columns"
        What they name, for the message.

    Returns
    -------
    tuple of str

    Raises
    ------
    ValueError
        If their number is not `count`, or the file is no UTF-8 text.
    OSError
        If the file is missing or cannot be read.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sparsenmf.io import read_names
    >>> _ = Path("vocab.txt").write_text("ark\nflood\n")
    >>> read_names("vocab.txt", count=2)
    ('ark', 'flood')
    """
    path = Path(path)
    with naming(path):
        with open_plain(path) as file:
            text = file.read()
        try:
            lines = text.decode("utf-8-sig").replace("\r\n", "\n").split("\n")
        except UnicodeDecodeError as error:
            line = text.count(b"\n", 0, error.start) + 1
            raise ValueError(f"line {line} is not UTF-8 text: save the file as UTF-8") from error
        if lines[-1] == "":
            lines.pop()
        if count is not None and len(lines) != count:
            raise ValueError(f"{len(lines):,} names for {count:,} {what}: it takes one name a line, one for each")
    return tuple(lines)


def find_names(beside: str | os.PathLike[str], kind: str = "vocab") -> Path | None:
    """The file of names that lies in the same folder as a matrix (`vocab.txt` or `vocab.txt.gz`), if there is one."""
    for name in (f"{kind}.txt", f"{kind}.txt.gz"):
        path = Path(beside).parent / name
        if path.is_file():
            return path
    return None
