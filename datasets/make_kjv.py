"""Make the files of kjv/ from the raw verses: python datasets/make_kjv.py verses.jsonl.gz

Each line of the input is a JSON object with "id" (such as "Ge1:1"), "book" and "text". Only counts, vocabulary and
references are written.
"""

import gzip
import itertools
import json
import re
import sys
from pathlib import Path

import numpy as np
from scipy import sparse

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sparsenmf.io.archive import write_archive
from sparsenmf.io.files import atomic_write

WORD = re.compile(r"[a-z]+(?:'[a-z]+)*")  # "aaron's" is one word, the last apostrophe of "badgers'" belongs to none


def count(texts: list[str]) -> tuple[sparse.csr_array, list[str]]:
    """Word counts of the texts, and the words in alphabetical order."""
    words = [WORD.findall(text.lower()) for text in texts]
    vocabulary = sorted(set(itertools.chain.from_iterable(words)))
    place = {word: column for column, word in enumerate(vocabulary)}
    columns = [place[word] for row in words for word in row]
    rows = np.repeat(np.arange(len(words)), [len(row) for row in words])
    ones = np.ones(len(columns), dtype=np.int32)
    return sparse.coo_array((ones, (rows, columns)), shape=(len(words), len(vocabulary))).tocsr(), vocabulary


def write(folder: Path, counts: sparse.csr_array, vocabulary: list[str], references: list[str]) -> None:
    """Write X.npz (as scipy.sparse.load_npz reads it), vocab.txt.gz and rows.txt.gz: the same bytes every time."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {
        "indices": counts.indices.astype(np.uint16),  # half of int32's bytes; scipy widens them when it loads
        "indptr": counts.indptr.astype(np.int32),
        "format": np.array(b"csr"),
        "shape": np.array(counts.shape, dtype=np.int64),
        "data": counts.data,
    }
    with atomic_write(folder / "X.npz", force=True) as file:
        write_archive(file, arrays, level=9)
    for name, lines in (("vocab.txt.gz", vocabulary), ("rows.txt.gz", references)):
        with atomic_write(folder / name, force=True) as file:
            file.write(gzip.compress("".join(f"{line}\n" for line in lines).encode(), 9, mtime=0))


def main(source: str, folder: str | None = None) -> None:
    with gzip.open(source, "rt", encoding="utf-8") as file:
        verses = [json.loads(line) for line in file]
    counts, vocabulary = count([verse["text"] for verse in verses])
    write(Path(folder or Path(__file__).with_name("kjv")), counts, vocabulary, [verse["id"] for verse in verses])
    print(f"{counts.shape[0]:,} verses, {counts.shape[1]:,} words, {counts.nnz:,} nonzeros, {counts.sum():,} tokens")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit("usage: python datasets/make_kjv.py verses.jsonl.gz [folder]")
    main(*sys.argv[1:])
