"""Matrix formats: what each reader makes of a sound file, and that what `write` writes comes back with its names."""

import copy
import dataclasses
import gzip
import io
import json
import os
import pickle
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

import sparsenmf
from sparsenmf.io import NamedMatrix, Texts, read, read_names, write
from sparsenmf.io.formats import FORMATS, find_format
from sparsenmf.topics import TopicModel

DATA = Path(os.environ.get("SPARSENMF_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
real_files = pytest.mark.skipif(not (DATA / "formats").is_dir(), reason=f"no real data at {DATA}")

ROWS = ("a", "b", "über alles", "d", "e", "f", "g")
WORDS = ("ark", "flood, the", "2024", 'say "rain"', "水")


@pytest.fixture
def X() -> sparse.csr_array:
    """Counts of 7 x 5 whose last row and column are empty."""
    dense = np.random.default_rng(0).poisson(0.9, size=(7, 5)).astype(np.int32)
    dense[-1] = 0
    dense[:, -1] = 0
    return sparse.csr_array(dense)


def same(A, B) -> bool:
    A, B = (M.X if isinstance(M, NamedMatrix) else M for M in (A, B))
    return A.shape == B.shape and (sparse.csr_array(A) != sparse.csr_array(B)).nnz == 0


def refused(path: Path, message: str, error: type[Exception] = ValueError, **options) -> None:
    with pytest.raises(error, match=message) as caught:
        read(path, **options)
    assert str(path) in str(caught.value)


def needs(name: str) -> None:
    packages = {".parquet": "pyarrow", ".h5ad": "anndata", ".h5": "h5py"}
    for suffix, package in packages.items():
        if name.endswith(suffix):
            pytest.importorskip(package, reason=f"{suffix} needs {package}")
    if name.endswith(".zst") and sys.version_info < (3, 14):
        pytest.importorskip("backports.zstd", reason="zstd needs backports.zstd")


# --- the same matrix in every format ----------------------------------------------------------------------------------


@real_files
@pytest.mark.parametrize("name", ["sample.mtx", "docword.sample.txt", "sample.ldac", "sample.svmlight"])
@pytest.mark.parametrize("vocab", [None, "vocab.txt"])
def test_the_sample_is_one_matrix_in_all_its_formats(name, vocab):
    expected = read(DATA / "formats" / "sample.npz")
    found = read(DATA / "formats" / name, vocab=vocab and DATA / "formats" / vocab)
    assert same(found, expected)
    if vocab:
        assert found.column_names == read_names(DATA / "formats" / vocab)


@real_files
@pytest.mark.parametrize(
    ("file", "options"),
    [
        ("kos/docword.kos.txt.gz", {}),
        ("ap/ap.dat.gz", {"format": "ldac", "vocab": DATA / "ap" / "vocab.txt"}),
        ("reuters395/reuters.ldac", {"vocab": DATA / "reuters395" / "vocab.txt"}),
        ("bbc/bbc.mtx.gz", {"transpose": True, "vocab": DATA / "bbc" / "vocab.txt", "rows": DATA / "bbc" / "rows.txt"}),
    ],
)
def test_original_files_equal_the_converted_ones(file, options):
    path = DATA / file
    if not path.exists():
        pytest.skip(f"no {file} in {DATA}")
    found = read(path, **options)
    assert same(found, read(path.parent / "X.npz"))
    assert (found.column_names is None) == ("vocab" not in options)


WRITTEN = ["X.npz", "X.mtx", "docword.X.txt", "X.ldac", "X.svmlight", "X.csv", "X.tsv", "X.parquet", "X.h5ad"]
PACKED = ["X.mtx.gz", "docword.X.txt.zst", "X.ldac.gz", "X.svmlight.zst", "X.csv.gz", "X.tsv.zst"]


@pytest.mark.parametrize("name", WRITTEN + PACKED)
def test_what_is_written_comes_back_with_its_names(tmp_path, X, name):
    needs(name)
    assert write(tmp_path / name, X, row_names=ROWS, column_names=WORDS) == tmp_path / name
    back = read(tmp_path / name)
    assert isinstance(back, NamedMatrix)
    assert isinstance(back.X, sparse.csr_array)
    assert same(back, X)
    assert back.dtype.kind == "i"
    assert (back.row_names, back.column_names) == (ROWS, WORDS)
    again = tmp_path / "again"
    again.mkdir()
    write(again / name, back)  # the names go with the matrix
    assert read(again / name).column_names == WORDS
    if not name.endswith(".h5ad"):  # HDF5 keeps times
        assert (again / name).read_bytes() == (tmp_path / name).read_bytes()


@pytest.mark.parametrize("name", ["X.npz", "X.mtx", "docword.X.txt", "X.csv", "X.parquet"])
def test_without_names_there_are_none(tmp_path, X, name):
    needs(name)
    write(tmp_path / name, X)
    back = read(tmp_path / name)
    assert same(back, X)
    assert back.row_names is back.column_names is None
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["X.mtx", "X.npz", "X.svmlight", "X.csv", "X.parquet"])
def test_fractions_come_back_where_the_format_takes_them(tmp_path, X, name):
    needs(name)
    weights = X.astype(np.float64) / 3
    write(tmp_path / name, weights)
    back = read(tmp_path / name, **({"n_columns": 5} if name == "X.svmlight" else {}))
    np.testing.assert_array_equal(back.toarray(), weights.toarray())


def test_a_dense_matrix_is_written_too(tmp_path, X):
    write(tmp_path / "X.ldac", X.toarray().astype(float), column_names=WORDS)
    assert same(read(tmp_path / "X.ldac"), X)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("docword.kos.txt", "docword"),
        ("docword.kos.txt.gz", "docword"),
        ("kos.txt", "txt"),
        ("X.MTX.GZ", "mtx"),
        ("X.lda-c", "ldac"),
        ("X.libsvm.zst", "svmlight"),
        ("filtered_feature_bc_matrix.h5", "10x-h5"),
        ("X.ndjson.gz", "jsonl"),
    ],
)
def test_formats_by_name(name, expected):
    assert find_format(Path(name), None).name == expected


@pytest.mark.parametrize("name", [known.name for known in FORMATS])
def test_formats_by_their_own_name(name):
    assert find_format(Path("x"), name).name == name
    assert find_format(Path("x"), "." + name.upper()).name == name


def test_a_packed_npz_is_no_known_format(tmp_path):
    with pytest.raises(ValueError, match=r"X\.npz\.gz: its suffix names no known format"):
        read(tmp_path / "X.npz.gz")


def test_options_of_other_formats_are_refused(tmp_path, X):
    write(tmp_path / "X.mtx", X)
    with pytest.raises(TypeError, match="the format mtx has no option 'layer': it has none"):
        read(tmp_path / "X.mtx", layer="counts")
    with pytest.raises(TypeError, match="svmlight has no option 'layer': it knows n_columns, zero_based"):
        read(tmp_path / "X.svmlight", layer="counts")


# --- names ------------------------------------------------------------------------------------------------------------


def test_a_named_matrix_fits_as_the_matrix_in_it(tmp_path, counts):
    words = [f"w{j}" for j in range(40)]
    write(tmp_path / "X.npz", counts, column_names=words)
    found = read(tmp_path / "X.npz")
    assert type(found.X) is sparse.csr_array
    assert not hasattr(found[:3], "column_names")  # what is computed from it has no names
    fit, expected = (sparsenmf.factorize(A, 2, max_iter=3, random_state=0) for A in (found, counts))
    np.testing.assert_array_equal(fit.H, expected.H)
    model = sparsenmf.NMF(2, max_iter=500, tol=1e-2, random_state=0, solver="cd")
    np.testing.assert_array_equal(model.fit_transform(found), model.fit_transform(counts))
    np.testing.assert_array_equal(model.fit(counts).transform(found), model.transform(counts))
    assert sparsenmf.objective(found, fit.W, fit.H, loss="kl") == sparsenmf.objective(counts, fit.W, fit.H, loss="kl")
    assert TopicModel(2, tol=1e-2, random_state=0).fit(found).vocabulary_ == tuple(words)


def test_a_named_matrix_has_what_its_matrix_has(X):
    found = NamedMatrix(X, column_names=WORDS)
    assert (found.shape, found.dtype, found.nnz, found.ndim) == (X.shape, X.dtype, X.nnz, 2)
    np.testing.assert_array_equal(found.T.toarray(), X.toarray().T)
    np.testing.assert_array_equal(found[2:4].toarray(), X[2:4].toarray())
    for result, expected in (
        (found - X, X - X),
        (found + found, 2 * X),
        (3 * found, 3 * X),
        (found @ X.T, X @ X.T),
        (found != 2 * X, X != 2 * X),
        (found > 1, X > 1),
    ):
        assert type(result) is sparse.csr_array
        np.testing.assert_array_equal(result.toarray(), expected.toarray())
    np.testing.assert_array_equal(np.ones(7) @ found, X.sum(axis=0))
    for again in (copy.copy(found), copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert same(again, X)
        assert again.column_names == WORDS
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.column_names = None
    with pytest.raises(AttributeError, match="not_there"):
        _ = found.not_there
    with pytest.raises(TypeError, match=r"a sparse matrix with names is no array: take the matrix in it, \.X"):
        np.asarray(found)
    with pytest.raises(ValueError, match="3 names for 5 columns"):
        NamedMatrix(X, column_names=WORDS[:3])


def test_a_dense_matrix_has_names_too(tmp_path, X):
    np.save(tmp_path / "X.npy", X.toarray())
    found = read(tmp_path / "X.npy", vocab=WORDS)
    assert found.column_names == WORDS
    assert type(found.X) is np.ndarray
    np.testing.assert_array_equal(found, X.toarray())
    assert not hasattr(found[:2], "column_names")


def test_npz_with_names_is_still_scipys(tmp_path, X):
    write(tmp_path / "X.npz", X, row_names=ROWS)
    loaded = sparse.load_npz(tmp_path / "X.npz")
    assert isinstance(loaded, sparse.csr_array)
    assert same(loaded, X)


def test_names_lie_beside_formats_that_hold_none(tmp_path, X):
    write(tmp_path / "docword.kos.txt.gz", X, column_names=WORDS)
    write(tmp_path / "X.mtx", X, row_names=ROWS, column_names=WORDS)
    assert {path.name for path in tmp_path.iterdir()} == {
        *("docword.kos.txt.gz", "vocab.kos.txt", "X.mtx", "X.rows.txt", "X.vocab.txt")
    }
    (tmp_path / "vocab.kos.txt.gz").write_bytes(gzip.compress((tmp_path / "vocab.kos.txt").read_bytes()))
    (tmp_path / "vocab.kos.txt").unlink()
    assert read(tmp_path / "docword.kos.txt.gz").column_names == WORDS
    turned = read(tmp_path / "X.mtx", transpose=True)
    assert same(turned, X.T)
    assert (turned.row_names, turned.column_names) == (WORDS, ROWS)


def test_given_names_go_before_those_in_the_file(tmp_path, X):
    write(tmp_path / "X.npz", X, column_names=WORDS)
    assert read(tmp_path / "X.npz", vocab=list("vwxyz")).column_names == tuple("vwxyz")
    turned = read(tmp_path / "X.npz", transpose=True, vocab=ROWS)
    assert (turned.row_names, turned.column_names) == (WORDS, ROWS)


# --- single formats ---------------------------------------------------------------------------------------------------


def test_ldac_terms_may_be_unsorted_and_repeated_ones_are_summed(tmp_path):
    (tmp_path / "X.ldac").write_text("3 4:1 0:2 2:5\n0\n3 1:2 1:3 0:1\n\n")
    found = read(tmp_path / "X.ldac")
    assert found.toarray().tolist() == [[2, 0, 5, 0, 1], [0, 0, 0, 0, 0], [1, 5, 0, 0, 0]]
    assert found.has_sorted_indices
    assert read(tmp_path / "X.ldac", n_columns=9).shape == (3, 9)


def test_docword_sums_repeated_entries_and_keeps_empty_documents(tmp_path):
    (tmp_path / "docword.x.txt").write_text("3\n4\n3\n1 2 5\n1 2 1\n3 4 7")
    assert read(tmp_path / "docword.x.txt").toarray().tolist() == [[0, 6, 0, 0], [0, 0, 0, 0], [0, 0, 0, 7]]


def test_svmlight_numbers_columns_from_one_unless_there_is_a_zero(tmp_path):
    path = tmp_path / "X.svmlight"
    path.write_text("1 qid:3 2:1 3:2.5 # a comment\n\n-1\n")
    assert read(path).toarray().tolist() == [[0, 1, 2.5], [0, 0, 0]]
    assert read(path, zero_based=True).toarray().tolist() == [[0, 0, 1, 2.5], [0, 0, 0, 0]]
    path.write_text("0 0:1 2:3\n")
    assert read(path).toarray().tolist() == [[1, 0, 3]]
    assert read(path, vocab=WORDS).shape == (1, 5)


@pytest.mark.parametrize(
    ("text", "options", "expected", "rows", "columns"),
    [
        (",x,y\nd1,0,2\nd2,3,0\n", {}, [[0, 2], [3, 0]], ("d1", "d2"), ("x", "y")),
        ("x,y\n0,2\n3,0\n", {}, [[0, 2], [3, 0]], None, ("x", "y")),
        ("0,2\n3,0\n", {}, [[0, 2], [3, 0]], None, None),
        ("id,x\n7,2\n8,0\n", {}, [[2], [0]], ("7", "8"), ("x",)),
        ("customer_id,x\n7,2\n8,0\n", {}, [[2], [0]], ("7", "8"), ("x",)),
        ("Doc ID,x\n7,2\n8,0\n", {}, [[2], [0]], ("7", "8"), ("x",)),
        ("paid,x\n7,2\n8,0\n", {}, [[7, 2], [8, 0]], None, ("paid", "x")),
        ("id,x\n7,2\n8,0\n", {"index": False}, [[7, 2], [8, 0]], None, ("id", "x")),
        ("2001,2002\n1,2\n", {"header": True}, [[1, 2]], None, ("2001", "2002")),
        ("d1,1\nd2,2\n", {"header": False}, [[1], [2]], ("d1", "d2"), None),
        ("x;y\n0;2,0\n", {"delimiter": ";"}, None, None, None),
        ('\ufeff"x","y"\r\n1.5, 2\r\n\r\n0.0,1e1\r\n', {}, [[1.5, 2], [0, 10]], None, ("x", "y")),
    ],
)
def test_tables_of_counts(tmp_path, text, options, expected, rows, columns):
    path = tmp_path / "X.csv"
    path.write_bytes(text.encode())
    if expected is None:
        with pytest.raises(ValueError, match=r"line 2, column 2 \('y'\) is '2,0'"):
            read(path, **options)
        return
    found = read(path, **options)
    assert found.toarray().tolist() == expected
    assert (found.row_names, found.column_names) == (rows, columns)


def test_tables_of_entries(tmp_path):
    path = tmp_path / "ratings.tsv"
    path.write_text("user\titem\tstars\twhen\n9\tup\t3.5\t0\n4\tup\t1\t0\n9\tdown\t2\t0\n9\tdown\t1\t0\n")
    found = read(path, triples=("user", "item", "stars"))
    assert found.toarray().tolist() == [[3.5, 3], [1, 0]]
    assert (found.row_names, found.column_names) == (("9", "4"), ("up", "down"))


def test_parquet_places_names_and_columns(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    columns = {"user": [9, 0, 9], "item": ["up", "down", "up"], "stars": [3.5, 1.0, 2.0]}
    pq.write_table(pa.table(columns), tmp_path / "X.parquet")
    places = read(tmp_path / "X.parquet")
    assert places.shape == (10, 2)
    assert places[[0, 9]].toarray().tolist() == [[0, 1], [5.5, 0]]
    assert (places.row_names, places.column_names) == (None, ("up", "down"))
    names = read(tmp_path / "X.parquet", ids="names")
    assert names.toarray().tolist() == [[5.5, 0], [0, 1]]
    assert names.row_names == ("9", "0")
    pq.write_table(pa.table(columns | {"when": [1, 2, 3]}), tmp_path / "Y.parquet")
    assert same(read(tmp_path / "Y.parquet", triples=("user", "item", "stars")), places)
    turned = read(tmp_path / "Y.parquet", triples=("item", "user", "when"), ids="names")
    assert turned.toarray().tolist() == [[4, 0], [0, 2]]


def test_parquet_names_across_row_groups_keep_the_order_of_their_first_appearance(tmp_path):
    pa = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    people = pa.array(["c", "b", "c", "a", "b", "c"]).dictionary_encode()
    pq.write_table(
        pa.table({"who": people, "what": [0, 1, 2, 0, 1, 1], "count": [1, 2, 3, 4, 5, 6]}),
        tmp_path / "X.parquet",
        row_group_size=2,
    )
    found = read(tmp_path / "X.parquet")
    assert found.row_names == ("c", "b", "a")
    assert found.toarray().tolist() == [[1, 6, 3], [0, 7, 0], [4, 0, 0]]


# --- standard input and output ----------------------------------------------------------------------------------------


def test_standard_input(monkeypatch, X, tmp_path):
    write(tmp_path / "X.mtx.gz", X)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO((tmp_path / "X.mtx.gz").read_bytes())))
    assert same(read("-", format="mtx"), X)
    with pytest.raises(ValueError, match='"-" has no suffix that tells its format'):
        read("-")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_read_as_a_file(tmp_path, X):
    import threading

    write(tmp_path / "Y.ldac", X)
    os.mkfifo(tmp_path / "X.ldac")
    writer = threading.Thread(target=lambda: (tmp_path / "X.ldac").write_bytes((tmp_path / "Y.ldac").read_bytes()))
    writer.start()
    found = read(tmp_path / "X.ldac", n_columns=5)
    writer.join()
    assert same(found, X)


def test_standard_output(monkeypatch, X):
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=out))
    write("-", X, format="ldac")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(out.getvalue())))
    assert same(read("-", format="ldac", n_columns=5), X)


def test_read_gives_texts_where_the_file_holds_texts(tmp_path):
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "rain"}) + "\n")
    (tmp_path / "a.csv").write_text("id,body\n1,sun\n")
    assert list(read(tmp_path / "a.jsonl")) == ["rain"]
    found = read(tmp_path / "a.csv", column="body", id_column="id")
    assert isinstance(found, Texts)
    assert list(found) == ["sun"]
    with pytest.raises(TypeError, match="texts have no rows and columns"):
        read(tmp_path / "a.jsonl", vocab=WORDS)
