"""A bad matrix file is one clear error."""

import gzip
import pickle
import random
import zipfile
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from sparsenmf.io import read
from tests.files import MTX, npy, patched_header, replace, rewritten, save_csr, small_counts

# --- bad matrices -----------------------------------------------------------------------------------------------------


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
