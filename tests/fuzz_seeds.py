"""Small sound files of every reader, for `fuzz_io` to damage."""

import gzip
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import sparse

__all__ = ["SEEDS"]


def counts() -> sparse.csr_array:
    return sparse.csr_array(np.random.default_rng(0).poisson(0.7, (7, 5)).astype(np.int32))


ROWS = tuple("abcdefg")
PACKED = {"chunks": True, "compression": "gzip"}
WORDS = ("ark", "flood", "rain", "sea", "dove")
JSONL = "".join(
    json.dumps({"id": name, "text": f"the {word} und é {i}", "date": 2000 + i}, ensure_ascii=False) + "\n"
    for i, (name, word) in enumerate(zip(ROWS, WORDS * 2, strict=False))
).encode()


def written(name: str, **options: object) -> dict[str, bytes]:
    """The files that `write` makes of the small counts."""
    from sparsenmf.io import write

    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / name, counts(), row_names=ROWS, column_names=WORDS)
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


HDF5 = ({}, {"libver": "latest"}, {"packed": {}})


def h5ad(packed: dict = PACKED, libver: str = "earliest") -> dict[str, bytes]:
    """The layout of anndata's files, by h5py alone."""
    import anndata.io  # noqa: F401 (before the worker's memory is limited)
    import h5py

    file, X = io.BytesIO(), counts()
    with h5py.File(file, "w", libver=libver) as root:
        layers = root.create_group("layers")
        for group, matrix, layout in (
            (root.create_group("X"), X, "csr_matrix"),
            (layers.create_group("by_columns"), X.tocsc(), "csc_matrix"),
        ):
            group.attrs.update({"encoding-type": layout, "encoding-version": "0.1.0", "shape": np.array(X.shape)})
            for part in ("data", "indices", "indptr"):
                group.create_dataset(part, data=getattr(matrix, part), **packed)
        layers.create_dataset("dense", data=X.toarray().astype(np.float32))
        for table, names in (("obs", ROWS), ("var", WORDS)):
            group = root.create_group(table)
            group.attrs.update({"_index": "_index", "encoding-type": "dataframe", "encoding-version": "0.2.0"})
            group.create_dataset("_index", data=list(names), dtype=h5py.string_dtype())
    return {"X.h5ad": file.getvalue()}


def tenx_h5(packed: dict = PACKED, libver: str = "earliest") -> dict[str, bytes]:
    import h5py

    file, X = io.BytesIO(), counts()
    with h5py.File(file, "w", libver=libver) as root:
        group = root.create_group("matrix")
        for part in ("data", "indices", "indptr"):
            group.create_dataset(part, data=getattr(X, part), **packed)
        group.create_dataset("shape", data=np.array(X.shape[::-1], dtype=np.int32))
        group.create_dataset("barcodes", data=np.array([name.encode() for name in ROWS]))
        features = group.create_group("features")
        features.create_dataset("id", data=np.array([f"E{i}".encode() for i in range(5)]))
        features.create_dataset("name", data=np.array([word.encode() for word in WORDS]))
        features.create_dataset("feature_type", data=np.array([b"Gene Expression"] * 5))
    return {"X.h5": file.getvalue()}


def tenx_folder() -> dict[str, bytes]:
    lines = [line.split() for line in written("X.mtx")["X.mtx"].split(b"\n") if not line.startswith(b"%")]
    entries = [b" ".join([column, row, count]) for row, column, count in filter(None, lines[1:])]
    head = b"%%MatrixMarket matrix coordinate integer general\n%\n5 7 " + str(len(entries)).encode()
    return {
        "matrix.mtx": b"\n".join([head, *entries]) + b"\n",
        "features.tsv": "".join(f"E{i}\t{word}\tGene Expression\n" for i, word in enumerate(WORDS)).encode(),
        "barcodes.tsv": "".join(f"{name}\n" for name in ROWS).encode(),
    }


def parquet(**how: object) -> bytes:
    """Places and counts as others write them: without checksums, plainly encoded or not."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    file, entries = io.BytesIO(), counts().tocoo()
    columns = {"who": entries.coords[0], "what": entries.coords[1], "count": entries.data}
    pq.write_table(pa.table(columns), file, **{"use_dictionary": False, "compression": "none"} | how)
    return file.getvalue()


def npz_of_any_layout() -> dict[str, bytes]:
    files = {}
    for layout in ("csc", "coo"):
        file = io.BytesIO()
        sparse.save_npz(file, counts().asformat(layout))
        files[layout] = file.getvalue()
    return files


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, counts().toarray())
    return file.getvalue()


def triples_csv() -> bytes:
    entries = counts().tocoo()
    lines = [f'"{ROWS[i]}",{WORDS[j]},{v},x' for i, j, v in zip(*entries.coords, entries.data.tolist(), strict=True)]
    return ("who,what,count,when\n" + "\n".join(lines) + "\n").encode()


def text_csv() -> bytes:
    lines = [
        f'{name},"rain, ""{word}"" é\nand more",200{i}'
        for i, (name, word) in enumerate(zip(ROWS, WORDS * 2, strict=False))
    ]
    return ("id,text,date\n" + "\n".join(lines) + "\n").encode()


TEXT = "".join(f"in the beginning was the {word}, über {i}\n" for i, word in enumerate(WORDS * 3)).encode()

#: reader -> (sound files, which one is read, options of `read`)
SEEDS: dict[str, Callable[[], list[tuple[dict[str, bytes], str, dict]]]] = {
    "npz": lambda: (
        [(written("X.npz"), "X.npz", {})]
        + [({"X.npz": content}, "X.npz", {}) for content in npz_of_any_layout().values()]
    ),
    "npy": lambda: [({"X.npy": npy()}, "X.npy", {})],
    "mtx": lambda: [(written("X.mtx"), "X.mtx", {})],
    "mtx.gz": lambda: [(written("X.mtx.gz"), "X.mtx.gz", {})],
    "docword": lambda: [(written("docword.x.txt"), "docword.x.txt", {})],
    "ldac": lambda: [(written("X.ldac"), "X.ldac", {})],
    "svmlight": lambda: [(written("X.svmlight"), "X.svmlight", {})],
    "h5ad": lambda: (
        [(h5ad(**how), "X.h5ad", {"layer": layer}) for how in HDF5 for layer in (None, "by_columns", "dense")]
    ),
    "10x-h5": lambda: [(tenx_h5(**how), "X.h5", {}) for how in HDF5],
    "10x": lambda: [(tenx_folder(), "", {})],
    "parquet": lambda: (
        [(written("X.parquet"), "X.parquet", {})]
        + [({"X.parquet": parquet(**how)}, "X.parquet", {}) for how in ({}, {"version": "1.0", "use_dictionary": True})]
    ),
    "csv": lambda: [(written("X.csv"), "X.csv", {})],
    "triples": lambda: [({"X.csv": triples_csv()}, "X.csv", {"triples": ("who", "what", "count")})],
    "tsv.zst": lambda: [(written("X.tsv.zst"), "X.tsv.zst", {})],
    "txt": lambda: [({"X.txt": TEXT}, "X.txt", {})],
    "text-csv": lambda: [({"X.csv": text_csv()}, "X.csv", {"column": "text", "id_column": "id"})],
    "jsonl": lambda: [({"X.jsonl": JSONL}, "X.jsonl", {"column": "text", "id_column": "id"})],
    "jsonl.gz": lambda: [({"X.jsonl.gz": gzip.compress(JSONL, mtime=0)}, "X.jsonl.gz", {})],
    "folder": lambda: [({"a/1.txt": TEXT, "b/2.txt.gz": gzip.compress(TEXT, mtime=0)}, "", {})],
    "names": lambda: [(written("X.mtx"), "X.mtx", {})],
}
