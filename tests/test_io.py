"""Readers: what they read, and names beside a matrix."""

import gzip

import numpy as np
import pytest
from scipy import sparse
from scipy.io import mmread

from sparsenmf.io import find_names, read, read_names
from tests.files import DATA, MTX, small_counts

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
