"""Readers and model files: what they read, and that a bad file is one clear error and leaves nothing behind."""

import gzip
import io
import json
import os
import pickle
import random
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
from scipy import sparse
from scipy.io import mmread

from sparsenmf.io import Model, find_names, load_model, read, read_names, save_model
from sparsenmf.io.files import atomic_write, check_target

DATA = Path(os.environ.get("SPARSENMF_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
MTX = "%%MatrixMarket matrix coordinate integer general\n"


def small_counts(n: int = 7, m: int = 5) -> sparse.csr_array:
    dense = np.random.default_rng(0).poisson(0.7, size=(n, m)).astype(np.int32)
    return sparse.csr_array(dense)


def rewritten(path: Path, change) -> Path:
    """The npz at `path` with its members, as raw bytes by name, changed by `change`."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def listing(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def npy(array) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asarray(array))
    return file.getvalue()


def patched_header(content: bytes, old: bytes, new: bytes) -> bytes:
    assert content.count(old) == 1
    return content.replace(old, new.ljust(len(old)))


# --- matrices ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["csr", "csc", "coo", "bsr", "dia"])
@pytest.mark.parametrize("container", ["array", "matrix"])
@pytest.mark.parametrize("compressed", [True, False])
def test_sparse_npz_of_every_layout_comes_back_as_csr(tmp_path, layout, container, compressed):
    X = getattr(sparse, f"{layout}_{container}")(small_counts())
    sparse.save_npz(tmp_path / "X.npz", X, compressed=compressed)
    back = read(tmp_path / "X.npz")
    assert isinstance(back.X, sparse.csr_array)
    assert back.dtype == np.int32
    np.testing.assert_array_equal(back.toarray(), X.toarray())


def test_coo_duplicates_of_small_integers_are_summed_without_wrapping(tmp_path):
    X = sparse.coo_array((np.array([200, 100], dtype=np.uint8), ([0, 0], [1, 1])), shape=(1, 2))
    sparse.save_npz(tmp_path / "X.npz", X)
    assert read(tmp_path / "X.npz").toarray().tolist() == [[0, 300]]


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64, bool])
def test_dense_npz_and_npy(tmp_path, dtype):
    X = np.asfortranarray(small_counts().toarray().astype(dtype))
    np.savez_compressed(tmp_path / "X.npz", X=X)
    np.save(tmp_path / "X.npy", X)
    for path in (tmp_path / "X.npz", tmp_path / "X.npy"):
        back = read(path)
        assert back.dtype == dtype
        np.testing.assert_array_equal(back, X)


def test_matrix_market_plain_and_gzip_agree_with_scipy(tmp_path):
    text = MTX + "% a comment\n3 4 4\n1 1 5\n3 4 1\n1 1 2\n2 3 7\n"
    (tmp_path / "X.mtx").write_text(text)
    (tmp_path / "X.mtx.gz").write_bytes(gzip.compress(text.encode()))
    expected = mmread(tmp_path / "X.mtx", spmatrix=False).toarray()
    for name in ("X.mtx", "X.mtx.gz"):
        X = read(tmp_path / name)
        assert isinstance(X.X, sparse.csr_array)
        np.testing.assert_array_equal(X.toarray(), expected)
    assert X[0, 0] == 7


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%%MatrixMarket matrix coordinate pattern general\n2 2 1\n2 1\n", [[0, 0], [1, 0]]),
        ("%%MatrixMarket matrix coordinate real symmetric\n2 2 2\n1 1 5\n2 1 1.5\n", [[5, 1.5], [1.5, 0]]),
        ("%%MatrixMarket matrix array real general\n2 2\n1\n2\n3\n4\n", [[1, 3], [2, 4]]),
        ("\ufeff%%MATRIXMARKET MATRIX COORDINATE INTEGER GENERAL\r\n1 2 1\r\n1 2 9\r\n", [[0, 9]]),
        (MTX + "\n2 2 1\n\n2 2 3", [[0, 0], [0, 3]]),
        # scipy's parser runs out of its buffer here, and mostly crashes: the reader must add the line end.
        (MTX + "2 2 1\n2 2 3\x1c", [[0, 0], [0, 3]]),
    ],
    ids=["pattern", "symmetric", "array", "capitals, mark and CRLF", "empty lines and no last line end", "no line end"],
)
def test_matrix_market_variants(tmp_path, text, expected):
    path = tmp_path / "X.mtx"
    path.write_bytes(text.encode())
    X = read(path).X
    np.testing.assert_array_equal(X.toarray() if isinstance(X, sparse.csr_array) else X, expected)


def test_format_overrides_the_suffix_and_capitals_do_not_matter(tmp_path):
    sparse.save_npz(tmp_path / "X.npz", small_counts())
    (tmp_path / "X.npz").rename(tmp_path / "X.data")
    np.testing.assert_array_equal(read(tmp_path / "X.data", format="npz").toarray(), small_counts().toarray())
    (tmp_path / "X.data").rename(tmp_path / "X.NPZ")
    assert read(str(tmp_path / "X.NPZ")).shape == small_counts().shape


@pytest.mark.skipif(not (DATA / "formats").is_dir(), reason=f"no real data at {DATA}")
def test_real_files_in_two_formats_hold_the_same_matrix():
    a, b = read(DATA / "formats" / "sample.npz"), read(DATA / "formats" / "sample.mtx")
    assert a.shape == b.shape == (60, 2741)
    assert (a.X != b.X).nnz == 0


# --- bad matrices -----------------------------------------------------------------------------------------------------


def save_csr(path: Path) -> Path:
    sparse.save_npz(path, small_counts())
    return path


def replace(name: str, array):
    return lambda members: members.__setitem__(f"{name}.npy", npy(array))


BAD_NPZ = {
    "index out of range": (replace("indices", np.full(small_counts().nnz, 5, dtype=np.int32)), "indices must be < 5"),
    "negative index": (replace("indices", np.full(small_counts().nnz, -1, dtype=np.int32)), "indices must be >= 0"),
    "indptr not monotone": (replace("indptr", np.array([0, 9, 2, 3, 4, 5, 6, small_counts().nnz])), "indptr"),
    "indptr too short": (replace("indptr", np.arange(4)), r"index pointer size 4 should be 8"),
    "fewer values than indices": (replace("data", np.ones(3)), "indices and data should have the same size"),
    "indptr beyond the entries": (replace("indptr", np.array([0, 0, 0, 0, 0, 0, 0, 99])), "[Ii]ndex pointer"),
    "a shape of three lengths": (replace("shape", np.array([7, 5, 1])), "shape must have length"),
    "a negative shape": (replace("shape", np.array([-7, 5])), "cannot be negative"),
    "BSR": (replace("format", np.array(b"bsr")), "BSR data must be 3-dimensional"),
    "text as data": (replace("data", np.full(small_counts().nnz, "a")), "it holds <U1 .*not numbers"),
    "data missing": (lambda members: members.pop("data.npy"), "data is not a file in the archive"),
    "rows beyond memory": (
        lambda members: (
            replace("format", np.array(b"csc"))(members),
            replace("shape", np.array([1 << 55, 7]))(members),
        ),
        "this machine has",
    ),
}


@pytest.mark.parametrize("case", BAD_NPZ)
def test_npz_whose_parts_belie_each_other(tmp_path, case):
    change, message = BAD_NPZ[case]
    path = rewritten(save_csr(tmp_path / "X.npz"), change)
    with pytest.raises(ValueError, match=message) as error:
        read(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("name", ["data", "indices"])
def test_pickles_are_refused_and_not_run(tmp_path, name):
    class Attack:
        def __reduce__(self):
            return Path.touch, (tmp_path / "attacked",)

    array = np.empty(1, dtype=object)
    array[0] = Attack()
    path = rewritten(save_csr(tmp_path / "X.npz"), replace(name, array))
    np.savez(tmp_path / "dense.npz", X=array)
    (tmp_path / "plain.npz").write_bytes(pickle.dumps(Attack()))
    (tmp_path / "attacked").unlink(missing_ok=True)
    for bad in (path, tmp_path / "dense.npz", tmp_path / "plain.npz"):
        with pytest.raises(ValueError, match=r"[Pp]ickles are never loaded"):
            read(bad)
    assert not (tmp_path / "attacked").exists()


def test_header_that_claims_more_than_the_archive_holds(tmp_path):
    length = f"({small_counts().nnz},)".encode()

    def change(members):
        members["data.npy"] = patched_header(members["data.npy"], length + b", }    ", b"(9999999999,), }")

    path = rewritten(save_csr(tmp_path / "X.npz"), change)
    with pytest.raises(ValueError, match=r"shape \(9999999999,\) by its own header"):
        read(path)


def test_archive_that_claims_more_than_its_bytes_can_unpack_to(tmp_path):
    path = tmp_path / "X.npz"
    np.savez_compressed(path, X=np.zeros((1000, 1000)))
    header = npy(np.zeros((1000, 1000)))[:128]
    lie = patched_header(header, b"(1000, 1000), }         ", b"(1000, 1000000), }")
    raw = bytearray(path.read_bytes())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("X.npy", lie)
    size = (len(lie)).to_bytes(4, "little")
    raw = bytearray(path.read_bytes())
    place = raw.rindex(size)  # the uncompressed size in the central directory
    raw[place : place + 4] = (128 + 4_000_000_000).to_bytes(4, "little")
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=r"by its own header, not of|damaged"):
        read(path)


@pytest.mark.parametrize("keep", [0, 1, 3, 30, 200, -1, -22, -60])
def test_npz_cut_short(tmp_path, keep):
    path = save_csr(tmp_path / "X.npz")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"X\.npz: .*(again|sizes)"):
        read(path)


@pytest.mark.parametrize("keep", [0, 5, 70, 130, -1])
def test_npy_cut_short(tmp_path, keep):
    path = tmp_path / "X.npy"
    np.save(path, small_counts().toarray())
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"X\.npy"):
        read(path)


BAD_MTX = {
    "fewer entries": (MTX + "2 3 3\n1 1 5\n2 3 1\n", "Truncated file.*announces 2 rows, 3 columns and 3 entries"),
    "more entries": (MTX + "2 3 1\n1 1 5\n2 3 1\n", "Line 4: Too many lines.*announces"),
    "row out of range": (MTX + "2 3 1\n3 1 5\n", "Line 3: Row index out of bounds"),
    "column out of range": (MTX + "2 3 1\n2 4 5\n", "Line 3: Column index out of bounds"),
    "index from zero": (MTX + "2 3 1\n0 1 5\n", "Line 3: Row index out of bounds"),
    "an absurd number of entries": (MTX + "2 3 900000000000\n1 1 5\n", "900,000,000,000 entries would take"),
    "a number beyond any integer": (MTX + "2 3 9" + "0" * 30 + "\n1 1 5\n", "entries would take"),
    "negative size": (MTX + "2 -3 1\n1 1 5\n", "line 2 must give the numbers of rows, columns, entries"),
    "two sizes": (MTX + "2 3\n1 1 5\n", "line 2 must give"),
    "decimals under integer": (MTX + "2 3 2\n1 1 5\n2 2 1.5\n", '"integer", but there are decimal values'),
    "values under pattern": (MTX.replace("integer", "pattern") + "2 3 1\n1 1 5\n", "'pattern', that is 2 numbers"),
    "no values": (MTX + "2 3 1\n1 1\n", "'integer', that is 3 numbers a line, but the first entry has 2"),
    "a word for a number": (MTX + "2 3 1\n1 1 five\n", "Line 3"),
    "no banner": ("2 3 1\n1 1 5\n", "the first line is not that of a Matrix Market file"),
    "empty": ("", "the first line is not"),
    "banner alone": (MTX, "line 2 must give"),
    "no rows": ("%%MatrixMarket matrix array real general\n0 2\n1\n", "0 rows and 2 columns: there is nothing"),
    "zero bytes": (MTX + "2 3 2\n1 1 5\n\0\0\0\0\0\0\0\0", "zero bytes"),
    "zero bytes at once": (MTX + "2 3 1\n\0 1 5\n", "zero bytes"),
    "array too short": ("%%MatrixMarket matrix array real general\n2 2\n1\n2\n3\n", "Truncated file"),
    "absurd array": (
        "%%MatrixMarket matrix array real general\n2000000 2000000\n1\n",
        "4,000,000,000,000 entries would take",
    ),
    "rows beyond memory": (MTX + f"{1 << 50} 3 1\n1 1 5\n", "this machine has"),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("case", BAD_MTX)
def test_matrix_market_that_lies(tmp_path, case, packed):
    text, message = BAD_MTX[case]
    path = tmp_path / ("X.mtx.gz" if packed else "X.mtx")
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    with pytest.raises(ValueError, match=message) as error:
        read(path)
    assert str(path) in str(error.value)


def test_gzip_cut_short_or_changed(tmp_path):
    whole = gzip.compress((MTX + "2 3 1\n1 1 5\n").encode())
    path = tmp_path / "X.mtx.gz"
    for bad in (whole[:-9], whole[:20], whole[:-8] + bytes(8)):
        path.write_bytes(bad)
        with pytest.raises(ValueError, match="damaged or was cut short"):
            read(path)


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b"", "empty"),
        (npy(np.ones((2, 2))), 'format="npy"'),
        (b"version https://git-lfs.github.com/spec/v1", "git lfs pull"),
        (b"<!DOCTYPE html>", "no npz file"),
    ],
)
def test_other_things_named_npz(tmp_path, content, hint):
    path = tmp_path / "X.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=hint):
        read(path)


def test_npz_with_several_arrays_or_a_vector(tmp_path):
    np.savez(tmp_path / "several.npz", a=np.ones((2, 2)), b=np.ones(3))
    with pytest.raises(ValueError, match=r"Its arrays: a \(2, 2\), b \(3,\)"):
        read(tmp_path / "several.npz")
    np.savez(tmp_path / "vector.npz", a=np.ones(3))
    with pytest.raises(ValueError, match="two dimensions"):
        read(tmp_path / "vector.npz")
    np.savez(tmp_path / "words.npz", a=np.array([["a"]]))
    with pytest.raises(ValueError, match="not numbers"):
        read(tmp_path / "words.npz")


def test_missing_file_unknown_suffix_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.npz does not exist"):
        read(tmp_path / "nowhere.npz")
    (tmp_path / "X.xlsx").write_text("1,2\n")
    with pytest.raises(ValueError, match=r"X\.xlsx: its suffix .*one of npz, npy, mtx, docword, ldac") as error:
        read(tmp_path / "X.xlsx")
    assert len(str(error.value)) - len(str(tmp_path)) < 200
    with pytest.raises(ValueError, match="unknown format 'xlsx'"):
        read(tmp_path / "X.xlsx", format="xlsx")
    with pytest.raises(IsADirectoryError, match="folder"):
        read(tmp_path)


@pytest.mark.parametrize("suffix", ["npz", "npy", "mtx", "mtx.gz"])
def test_changed_bytes_are_read_or_refused_but_nothing_else(tmp_path, suffix):
    """Two hundred damaged copies of each file: a matrix or a ValueError, never another error, never bad indices."""
    path = tmp_path / f"X.{suffix}"
    if suffix == "npz":
        save_csr(path)
    elif suffix == "npy":
        np.save(path, small_counts().toarray())
    else:
        text = (MTX + "3 4 3\n1 1 5\n3 4 1\n2 3 7\n").encode()
        path.write_bytes(gzip.compress(text) if suffix.endswith("gz") else text)
    whole, source, refused = path.read_bytes(), random.Random(0), 0
    accepted = 0
    for _ in range(200):
        bad = bytearray(whole)
        for _ in range(source.choice([1, 1, 2, 8])):
            bad[source.randrange(len(bad))] = source.randrange(256)
        path.write_bytes(bad[: source.choice([len(bad), len(bad), source.randrange(len(bad))])])
        try:
            X = read(path)
        except ValueError as error:
            refused += str(path) in str(error)
        else:
            accepted += len(X.shape) == 2
            if isinstance(X.X, sparse.csr_array):
                X.check_format(full_check=True)
    assert refused + accepted == 200
    assert refused > 50


# --- names ------------------------------------------------------------------------------------------------------------


def test_names_plain_gzip_with_mark_and_windows_line_ends(tmp_path):
    text = "\ufeffark\r\n\r\nÜber den Wassern\r\n".encode()
    (tmp_path / "vocab.txt").write_bytes(text)
    (tmp_path / "packed.txt").write_bytes(gzip.compress(text))
    for name in ("vocab.txt", "packed.txt"):
        assert read_names(tmp_path / name, 3) == ("ark", "", "Über den Wassern")


def test_names_that_do_not_fit(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("a\nb\n")
    with pytest.raises(ValueError, match=r"vocab\.txt: 2 names for 3 columns"):
        read_names(path, 3)
    path.write_bytes(b"a\n\xff\n")
    with pytest.raises(ValueError, match="line 2 is not UTF-8"):
        read_names(path)


def test_names_beside_a_matrix(tmp_path):
    assert find_names(tmp_path / "X.npz") is None
    (tmp_path / "vocab.txt.gz").write_bytes(gzip.compress(b"a\n"))
    assert find_names(tmp_path / "X.npz") == tmp_path / "vocab.txt.gz"
    (tmp_path / "vocab.txt").write_text("a\n")
    assert find_names(tmp_path / "X.npz") == tmp_path / "vocab.txt"
    assert find_names(tmp_path / "X.npz", "rows") is None


# --- models -----------------------------------------------------------------------------------------------------------


class Record(NamedTuple):
    iteration: int
    seconds: float
    objective: float
    kkt: float


def fitted(k: int = 2) -> SimpleNamespace:
    rng = np.random.default_rng(1)
    return SimpleNamespace(
        W=rng.random((7, k), dtype=np.float32),
        H=rng.random((k, 5), dtype=np.float32),
        history=(Record(1, 0.1, 20.0, 0.5), Record(2, 0.2, 10.5, 0.25)),
        n_iter=2,
        converged=False,
        stop_reason="max_iter",
        loss="kl",
        solver="mu",
        objective=np.float64(10.5),
        kkt=0.25,
    )


def test_model_round_trip(tmp_path):
    vocabulary = ("ark", "", "wörter\nmit Zeilenende", "水", "flood")
    model = Model.of(fitted(), params={"n_components": 2, "tol": np.float64(1e-4), "seed": None}, vocabulary=vocabulary)
    path = save_model(tmp_path / "model.npz", model)
    back = load_model(path)
    np.testing.assert_array_equal(back.W, fitted().W)
    np.testing.assert_array_equal(back.H, fitted().H)
    assert back.W.dtype == np.float32
    assert back.vocabulary == vocabulary
    assert back.rows is None
    assert back.params == {"n_components": 2, "tol": 1e-4, "seed": None}
    assert back.outcome["stop_reason"] == "max_iter"
    assert back.outcome["objective"] == 10.5
    assert back.outcome["converged"] is False
    assert {name: column.tolist() for name, column in back.history.items()} == {
        "iteration": [1, 2],
        "seconds": [0.1, 0.2],
        "objective": [20.0, 10.5],
        "kkt": [0.5, 0.25],
    }
    assert back.versions["numpy"] == np.__version__
    assert listing(tmp_path) == ["model.npz"]


def test_model_of_a_bare_fit_and_of_an_empty_history(tmp_path):
    fit = fitted()
    fit.history = ()
    back = load_model(save_model(tmp_path / "model.npz", fit))
    assert back.vocabulary is None
    assert back.history["objective"].size == 0
    assert load_model(save_model(tmp_path / "again.npz", back)).outcome == back.outcome


def test_model_of_a_fitted_estimator(tmp_path):
    from sklearn.decomposition import NMF

    estimator = NMF(2, init="random", random_state=np.random.RandomState(0)).fit(small_counts().toarray())
    back = load_model(save_model(tmp_path / "model.npz", estimator))
    np.testing.assert_array_equal(back.H, estimator.components_)
    assert back.W is None
    assert back.params["n_components"] == 2
    assert "RandomState" in back.params["random_state"]
    assert back.outcome["n_iter"] == estimator.n_iter_


def test_model_file_is_plain_numpy_and_the_same_bytes_for_the_same_model(tmp_path):
    a = save_model(tmp_path / "a.npz", fitted())
    b = save_model(tmp_path / "b.npz", fitted())
    assert a.read_bytes() == b.read_bytes()
    with np.load(a, allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["H"], fitted().H)
        assert json.loads(arrays["meta"].tobytes())["format_version"] == 1


def test_not_a_model(tmp_path):
    with pytest.raises(TypeError, match="neither H nor components_"):
        save_model(tmp_path / "model.npz", object())
    with pytest.raises(ValueError, match="3 names for 5 columns"):
        Model.of(fitted(), vocabulary=["a", "b", "c"])
    with pytest.raises(ValueError, match="2 row names for 7 rows"):
        Model.of(fitted(), rows=["a", "b"])
    wrong = fitted()
    wrong.W = wrong.W[:, :1]
    with pytest.raises(ValueError, match="W has 1 components and H has 2"):
        save_model(tmp_path / "model.npz", wrong)
    wrong = fitted()
    wrong.H[0, 0] = np.nan
    with pytest.raises(ValueError, match="H holds NaN or infinity"):
        save_model(tmp_path / "model.npz", wrong)
    assert listing(tmp_path) == []


def edited_meta(**changes):
    def change(members):
        meta = json.loads(np.load(io.BytesIO(members["meta.npy"])).tobytes()) | changes
        members["meta.npy"] = npy(np.frombuffer(json.dumps(meta).encode(), dtype=np.uint8))

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (edited_meta(format_version=99), "format version 99, and this sparsenmf reads version 1"),
        (edited_meta(kind="other"), "was not written by"),
        (lambda members: members.pop("meta.npy"), "no sparsenmf model"),
        (lambda members: members.pop("H.npy"), "'H' is missing"),
        (replace("meta", np.frombuffer(b"{", dtype=np.uint8)), "no JSON"),
        (replace("W", np.ones((7, 3))), "W has 3 components and H has 2"),
        (replace("vocabulary_ends", np.array([1, 5, 2, 3, 4])), "vocabulary_ends do not fit"),
    ],
)
def test_model_files_that_are_wrong(tmp_path, change, message):
    path = save_model(tmp_path / "model.npz", Model.of(fitted(), vocabulary="abcde"))
    with pytest.raises(ValueError, match=message) as error:
        load_model(rewritten(path, change))
    assert str(path) in str(error.value)


def test_matrix_and_model_are_not_taken_for_each_other(tmp_path):
    with pytest.raises(ValueError, match="a fitted model, not a matrix"):
        read(save_model(tmp_path / "model.npz", fitted()))
    with pytest.raises(ValueError, match="A matrix is fitted first"):
        load_model(save_csr(tmp_path / "X.npz"))


# --- writing ----------------------------------------------------------------------------------------------------------


def test_existing_file_stays_unless_forced(tmp_path):
    path = tmp_path / "model.npz"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="--force"):
        save_model(path, fitted())
    assert path.read_text() == "mine"
    save_model(path, fitted(), force=True)
    assert load_model(path).H.shape == (2, 5)


def interrupted(file):
    file.write(b"half")
    raise KeyboardInterrupt


def test_error_while_writing_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "model.npz"
    path.write_text("mine")
    with pytest.raises(KeyboardInterrupt), atomic_write(path, force=True) as file:
        interrupted(file)
    assert path.read_text() == "mine"
    assert listing(tmp_path) == ["model.npz"]


def test_places_that_cannot_be_written(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist; make it first"):
        check_target(tmp_path / "no" / "model.npz")
    with pytest.raises(IsADirectoryError, match="it is a folder"):
        check_target(tmp_path)
    with pytest.raises(OSError, match="no regular file"):
        check_target(os.devnull, force=True)
    assert Path(os.devnull).exists()
    assert listing(tmp_path) == []


def test_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    link = tmp_path / "model.npz"
    link.symlink_to(tmp_path / "there" / "real.npz")
    save_model(link, fitted())
    assert link.is_symlink()
    assert load_model(tmp_path / "there" / "real.npz").H.shape == (2, 5)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_no_room_is_one_error_and_leaves_nothing(tmp_path):
    """A process that may write 1,000 bytes a file stands for a disk that is full."""
    script = f"""
        import resource, signal
        import numpy as np
        from sparsenmf.io import Model, save_model
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            save_model({str(tmp_path / "model.npz")!r}, Model(H=np.random.default_rng(0).random((20, 500))))
        except OSError as error:
            print(error)
    """
    root = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    assert "cannot write" in done.stdout
    assert "Nothing was written; free some room" in done.stdout
    assert listing(tmp_path) == []
