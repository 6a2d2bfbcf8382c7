"""Single cells: AnnData's and 10x Genomics' files, in all the layouts that their versions wrote, and wrong ones."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from sparsenmf.io import read, write
from tests.test_io_formats import ROWS, WORDS, refused, same

COUNTS = sparse.csr_array(np.arange(35).reshape(7, 5) % 4)


@pytest.fixture
def X() -> sparse.csr_array:
    return COUNTS


def h5ad(path: Path, X, edit=len) -> Path:
    """An .h5ad file in anndata's layout, written by h5py alone."""
    h5py = pytest.importorskip("h5py", reason="HDF5 needs h5py")
    with h5py.File(path, "w") as root:
        layers = root.create_group("layers")
        for group, matrix in ((root.create_group("X"), X), (layers.create_group("columns"), X.tocsc())):
            group.attrs.update(
                {"encoding-type": f"{matrix.format}_matrix", "encoding-version": "0.1.0", "shape": np.array(X.shape)}
            )
            for part in ("data", "indices", "indptr"):
                group[part] = getattr(matrix, part)
        layers["dense"] = 2.0 * X.toarray()
        for table, names in (("obs", ROWS), ("var", WORDS)):
            root.create_group(table).attrs["_index"] = "cell"
            root[table].create_dataset("cell", data=list(names), dtype=h5py.string_dtype())
        edit(root)
    return path


@pytest.mark.parametrize("layer", [None, "columns", "dense"])
def test_h5ad_layers(tmp_path, X, layer):
    found = read(h5ad(tmp_path / "X.h5ad", X), layer=layer)
    assert isinstance(found.X, np.ndarray if layer == "dense" else sparse.csr_array)
    assert same(found, 2 * X if layer == "dense" else X)
    assert (found.row_names, found.column_names) == (ROWS, WORDS)


def test_h5ad_raw_counts_have_their_own_genes(tmp_path, X):
    def edit(root):
        raw = root.create_group("raw")
        root.copy("X", raw)
        raw.create_group("var").attrs["_index"] = "gene"
        raw["var"]["gene"] = np.array([b"g%d" % j for j in range(5)])

    found = read(h5ad(tmp_path / "X.h5ad", X, edit), layer="raw")
    assert same(found, X)
    assert found.column_names == ("g0", "g1", "g2", "g3", "g4")


def test_h5ad_of_other_versions_of_anndata(tmp_path, X):
    h5py = pytest.importorskip("h5py", reason="HDF5 needs h5py")

    def edit(root):
        del root["var"]["cell"]
        group = root["var"].create_group("cell")  # texts that may be missing
        group.attrs.update({"encoding-type": "nullable-string-array", "encoding-version": "0.1.0"})
        group.create_dataset("values", data=list(WORDS), dtype=h5py.string_dtype())
        group["mask"] = np.zeros(5, dtype=bool)
        root["X"].attrs["h5sparse_format"] = "csr"
        del root["X"].attrs["encoding-type"], root["X"].attrs["encoding-version"]

    found = read(h5ad(tmp_path / "X.h5ad", X, edit))
    assert same(found, X)
    assert (found.row_names, found.column_names) == (ROWS, WORDS)


def test_h5ad_as_anndata_reads_and_writes_it(tmp_path, X):
    anndata = pytest.importorskip("anndata", reason=".h5ad is written by anndata")
    write(tmp_path / "X.h5ad", X, row_names=ROWS, column_names=WORDS)
    theirs = anndata.read_h5ad(tmp_path / "X.h5ad")
    assert same(theirs.X, X)
    assert (tuple(theirs.obs_names), tuple(theirs.var_names)) == (ROWS, WORDS)
    theirs.layers["logs"] = np.log1p(X.toarray())
    theirs.layers["columns"] = X.tocsc()
    theirs.raw = theirs
    theirs.obs["kind"] = ["x", "y"] * 3 + ["x"]
    theirs.write_h5ad(tmp_path / "Y.h5ad", compression="gzip")
    for layer in (None, "columns", "raw"):
        assert same(read(tmp_path / "Y.h5ad", layer=layer), X)
    np.testing.assert_array_equal(read(tmp_path / "Y.h5ad", layer="logs"), theirs.layers["logs"])


SYMBOLS = ("ARK", "SEA", "ARK", "DOVE", "RAIN")
TYPES = ("Gene Expression",) * 4 + ("Antibody Capture",)
GENES = ("ARK (E0)", "SEA", "ARK (E2)", "DOVE", "RAIN")


def tenx_h5(path: Path, X, group: str = "matrix", old: bool = False) -> Path:
    h5py = pytest.importorskip("h5py", reason="HDF5 needs h5py")
    with h5py.File(path, "a") as root:
        matrix = root.create_group(group)
        for part in ("data", "indices", "indptr"):  # columns of genes x cells
            matrix[part] = getattr(X, part)
        matrix["shape"] = np.array(X.shape[::-1], dtype=np.int32)
        matrix["barcodes"] = np.array([name.encode() for name in ROWS])
        features = matrix if old else matrix.create_group("features")
        features["genes" if old else "id"] = np.array([b"E%d" % j for j in range(5)])
        features["gene_names" if old else "name"] = np.array([symbol.encode() for symbol in SYMBOLS])
        if not old:
            features["feature_type"] = np.array([kind.encode() for kind in TYPES])
    return path


def test_tenx_h5_is_cells_by_genes(tmp_path, X):
    found = read(tenx_h5(tmp_path / "X.h5", X))
    assert same(found, X)
    assert (found.row_names, found.column_names) == (ROWS, GENES)
    genes = read(tmp_path / "X.h5", feature_type="Gene Expression")
    assert same(genes, X[:, :4])
    assert genes.column_names == GENES[:4]
    with pytest.raises(ValueError, match=r"no features of the type 'ATAC'. Types: Antibody Capture, Gene Expression"):
        read(tmp_path / "X.h5", feature_type="ATAC")


def test_tenx_h5_of_old_versions_has_a_group_a_genome(tmp_path, X):
    found = read(tenx_h5(tmp_path / "X.h5", X, "hg19", old=True))
    assert same(found, X)
    assert found.column_names == GENES
    tenx_h5(tmp_path / "X.h5", 2 * X, "mm10", old=True)
    with pytest.raises(ValueError, match=r"which genome to read, as in genome='hg19'.*: hg19, mm10"):
        read(tmp_path / "X.h5")
    assert same(read(tmp_path / "X.h5", genome="mm10"), 2 * X)
    with pytest.raises(ValueError, match=r"Groups with barcodes: hg19, mm10"):
        read(tmp_path / "X.h5", genome="mm39")


def tenx_folder(folder: Path, X, old: bool = False) -> Path:
    folder.mkdir()
    pack = bytes if old else gzip.compress
    suffix = "" if old else ".gz"
    write(folder / "T.mtx", X.T)
    matrix = (folder / "T.mtx").read_bytes()
    (folder / "T.mtx").unlink()
    (folder / f"matrix.mtx{suffix}").write_bytes(pack(matrix))
    lines = [
        f"E{j}\t{symbol}" + ("" if old else f"\t{kind}")
        for j, (symbol, kind) in enumerate(zip(SYMBOLS, TYPES, strict=True))
    ]
    (folder / (("genes" if old else "features") + f".tsv{suffix}")).write_bytes(pack("\n".join(lines).encode()))
    (folder / f"barcodes.tsv{suffix}").write_bytes(pack("\n".join(ROWS).encode()))
    return folder


@pytest.mark.parametrize("old", [False, True])
def test_tenx_folder_is_cells_by_genes(tmp_path, X, old):
    found = read(tenx_folder(tmp_path / "cells", X, old))
    assert same(found, X)
    assert found.dtype.kind == "i"
    assert (found.row_names, found.column_names) == (ROWS, GENES)
    if not old:
        assert read(tmp_path / "cells", feature_type="Antibody Capture").column_names == ("RAIN",)


# --- wrong files -----------------------------------------------------------------------------------------------------


def test_an_h5ad_without_the_layer_lists_those_that_there_are(tmp_path):
    path = h5ad(tmp_path / "X.h5ad", COUNTS)
    refused(path, r"no layer 'counts'. There are: 'columns', 'dense', X \(layer=None\)", layer="counts")
    refused(path, "no layer 'raw'", layer="raw")
    refused(path, "no layer '../X'", layer="../X")


def edited(name: str, value, group: str = "X"):
    def edit(root):
        del root[group][name]
        root[group][name] = value

    return edit


BAD_H5AD = {
    "an index out of range": (edited("indices", np.full(COUNTS.nnz, 5)), "indices must be < 5"),
    "a negative index": (edited("indices", np.full(COUNTS.nnz, -1)), "indices must be >= 0"),
    "too few values": (edited("data", np.ones(3)), "indices and data should have the same size"),
    "pointers that fall": (
        edited("indptr", np.array([0, 9, 2, 3, 4, 5, 6, COUNTS.nnz])),
        "indptr must be a non-decreasing sequence",
    ),
    "too few pointers": (
        edited("indptr", np.arange(4)),
        "index pointer size 4 should be 8",
    ),
    "texts for values": (edited("data", np.full(COUNTS.nnz, b"x")), "anndata cannot read X .*dtype [|]S1"),
    "a shape that belies the rest": (
        lambda root: root["X"].attrs.update(shape=[9, 5]),
        "7 names for 9 rows",
    ),
    "no shape": (lambda root: root["X"].attrs.pop("shape"), "anndata cannot read X .*write it with anndata, again"),
    "another layout": (
        lambda root: root["X"].attrs.update({"encoding-type": "coo"}),
        "anndata cannot read X .*encoding_type='coo'",
    ),
    "no X": (lambda root: root.pop("X"), "it has no X. There are: 'columns', 'dense'"),
    "no obs": (lambda root: root.pop("obs"), "no table 'obs': is it an AnnData file"),
    "no names": (lambda root: root["var"].pop("cell"), "the table 'var' has no column 'cell'"),
    "duplicate ids": (edited("cell", np.array([b"a"] * 7), "obs"), "rows number 1 and 2 both have the name 'a'"),
    "numbers for names": (edited("cell", np.arange(7), "obs"), "obs has names that are ndarray of int64, not texts"),
    "names that are not UTF-8": (
        edited("cell", np.array([b"\xff%d" % i for i in range(7)]), "obs"),
        "cannot read obs/cell .*byte 0xff",
    ),
}


@pytest.mark.parametrize("case", BAD_H5AD)
def test_h5ad_that_is_wrong(tmp_path, case):
    edit, message = BAD_H5AD[case]
    refused(h5ad(tmp_path / "X.h5ad", COUNTS, edit), message)


def test_hdf5_does_not_lead_to_other_files(tmp_path):
    h5py = pytest.importorskip("h5py", reason="HDF5 needs h5py")
    (tmp_path / "secret").write_bytes(b"secret" * 100)
    h5ad(tmp_path / "other.h5ad", COUNTS)

    def link(root):
        del root["X"]
        root["X"] = h5py.ExternalLink(str(tmp_path / "other.h5ad"), "/X")

    refused(h5ad(tmp_path / "X.h5ad", COUNTS, link), "points to another file")

    def store(root):
        del root["X"]["data"]
        root["X"].create_dataset("data", (COUNTS.nnz,), np.int8, external=[(str(tmp_path / "secret"), 0, COUNTS.nnz)])

    refused(h5ad(tmp_path / "Y.h5ad", COUNTS, store), "the values of /X/data lie in another file")

    def virtual(root):
        del root["X"]["data"]
        layout = h5py.VirtualLayout((COUNTS.nnz,), np.int64)
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5ad"), "X/data", (COUNTS.nnz,))
        root["X"].create_virtual_dataset("data", layout)

    refused(h5ad(tmp_path / "Z.h5ad", COUNTS, virtual), "the values of /X/data lie in another file")


@pytest.mark.parametrize("name", ["X.h5ad", "X.h5"])
def test_hdf5_that_is_none_or_cut_short(tmp_path, name):
    path = h5ad(tmp_path / name, COUNTS) if name == "X.h5ad" else tenx_h5(tmp_path / name, COUNTS)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    refused(path, "HDF5 cannot read it .*truncated.*damaged or was cut short")
    path.write_bytes(b"PK" + whole)
    refused(path, "this is no HDF5 file")
    path.write_bytes(b"")
    refused(path, "this is no HDF5 file")


def test_an_h5ad_is_no_10x_file_and_the_other_way_round(tmp_path):
    refused(h5ad(tmp_path / "X.h5", COUNTS), "this is no 10x file. Groups with barcodes: none")
    refused(tenx_h5(tmp_path / "X.h5ad", COUNTS), "no X. There are: no matrices: is it an AnnData file")


def test_10x_folders_that_are_wrong(tmp_path):
    folder = tenx_folder(tmp_path / "cells", COUNTS, old=True)
    (folder / "barcodes.tsv").write_text("a\nb\n")
    refused(folder, r"matrix\.mtx is 5 x 7, but genes\.tsv names 5 genes and barcodes\.tsv 2 cells")
    (folder / "barcodes.tsv").write_text("a\n" * 7)
    refused(folder, "rows number 1 and 2 both have the name 'a'")
    (folder / "barcodes.tsv").unlink()
    refused(folder, r"the folder has no barcodes\.tsv")
    (folder / "barcodes.tsv").write_text("\n".join(ROWS))
    (folder / "genes.tsv").write_text("E0\nE1\n")
    refused(folder, r"genes\.tsv: line 1 must give a gene's id and symbol")
    (folder / "matrix.mtx").write_text("%%MatrixMarket matrix coordinate integer general\n5 7 1\n6 1 1\n")
    refused(folder, r"matrix\.mtx: Line 3: Row index out of bounds")


def test_hdf5_datasets_that_claim_more_than_allowed_are_not_read(tmp_path):
    h5py = pytest.importorskip("h5py", reason="HDF5 needs h5py")

    def edit(root):
        root["layers"].create_dataset("wide", (1 << 17, 1 << 15), np.float64, chunks=(1024, 1024))  # takes no room

    path = h5ad(tmp_path / "X.h5ad", COUNTS, edit)
    refused(path, r"/layers/wide would take 34|this machine has", layer="wide")
    with h5py.File(path, "a") as root:
        del root["X"]["data"]
        root["X"].create_dataset("data", (1 << 40,), np.int32, chunks=(1024,))
    refused(path, r"/X/data would take|this machine has")
