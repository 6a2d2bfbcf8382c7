"""Bad input is refused with its place named; good input leaves in one canonical form, uncopied where it has it."""

import numpy as np
import pytest
import scipy.sparse as sp

from sparsenmf._validation import (
    check_matrix,
    check_positive,
)
from sparsenmf.matrix import CsrMatrix

X = np.array([[0, 3, 0, 1], [0, 0, 0, 0], [2, 0, 5, 0]], dtype=np.float32)
FORMATS = ("csr", "csc", "coo", "bsr", "dok", "lil", "dia")


def csr(indptr, indices, data, shape, kind=sp.csr_array):
    """A container that holds just these arrays, whatever scipy would say of them."""
    A = kind(shape)
    A.indptr, A.indices, A.data = np.asarray(indptr), np.asarray(indices), np.asarray(data)
    return A


def is_canonical(A: CsrMatrix) -> bool:
    rows = [A.indices[a:b] for a, b in zip(A.indptr[:-1], A.indptr[1:], strict=True)]
    return (
        A.indptr.dtype == np.int64
        and all((np.diff(row.astype(np.int64)) > 0).all() for row in rows)
        and (A.data != 0).all()
        and len(A.indptr) == A.shape[0] + 1
        and A.indptr[-1] == len(A.indices) == len(A.data)
        and A.data.flags.c_contiguous
        and A.indices.flags.c_contiguous
    )


# --- sparse -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["matrix", "array"])
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "bool"])
def test_every_format_becomes_the_same_canonical_csr(form, kind, dtype):
    given = getattr(sp, f"{form}_{kind}")(X.astype(dtype))
    A = check_matrix(given)
    assert isinstance(A, CsrMatrix)
    assert is_canonical(A)
    assert A.shape == X.shape
    assert A.indices.dtype == np.int32
    assert A.data.dtype == ("uint8" if dtype == "bool" else dtype)
    np.testing.assert_array_equal(A.plain().toarray(), X.astype(dtype))


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_canonical_csr_is_not_copied(index):
    given = sp.csr_array(X)
    indptr, indices = given.indptr.astype(np.int64), given.indices.astype(index)
    for array in (indptr, indices, given.data):
        array.flags.writeable = False
    A = check_matrix(csr(indptr, indices, given.data, X.shape))
    assert A.indptr is indptr
    assert A.indices.dtype == index
    assert np.shares_memory(A.indices, indices)
    assert np.shares_memory(A.data, given.data)


def test_memory_mapped_arrays_stay_mapped(tmp_path):
    given = sp.csr_array(X)
    for name in ("indptr", "indices", "data"):
        np.save(tmp_path / f"{name}.npy", getattr(given, name))
    mapped = {name: np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("indptr", "indices", "data")}
    A = check_matrix(csr(mapped["indptr"], mapped["indices"], mapped["data"], X.shape))
    assert np.shares_memory(A.data, mapped["data"])
    assert np.shares_memory(A.indices, mapped["indices"])


def test_what_was_checked_once_passes_through():
    A = check_matrix(sp.csr_array(X))
    assert check_matrix(A) is A


def test_unsorted_duplicated_and_zero_entries_are_brought_in_order_in_a_copy():
    parts = np.array([0, 3, 3, 4, 6]), np.array([2, 0, 0, 1, 3, 3]), np.array([1.0, 2.0, 3.0, 0.0, 4.0, 4.0])
    given = csr(*parts, (4, 4))
    before = [part.copy() for part in parts]
    A = check_matrix(given)
    assert is_canonical(A)
    np.testing.assert_array_equal(A.plain().toarray(), [[5, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 8]])
    for now, then, old in zip((given.indptr, given.indices, given.data), parts, before, strict=True):
        assert now is then
        np.testing.assert_array_equal(now, old)


def test_random_scrambled_matrices_mean_what_scipy_says():
    rng = np.random.default_rng(0)
    for _ in range(40):
        n, m, nnz = rng.integers(1, 30, 3)
        rows, columns = rng.integers(0, n, nnz), rng.integers(0, m, nnz)
        given = sp.coo_array((rng.integers(0, 4, nnz), (rows, columns)), shape=(n, m))
        scrambled = sp.csr_array((given.data, columns, np.searchsorted(np.sort(rows), np.arange(n + 1))), shape=(n, m))
        for S in (given, scrambled):
            A = check_matrix(S)
            assert is_canonical(A)
            np.testing.assert_array_equal(A.plain().toarray(), S.toarray())


def test_sorted_across_a_chunk_of_the_check(monkeypatch):
    monkeypatch.setattr("sparsenmf._validation._CHUNK", 3)
    A = check_matrix(sp.csr_array(np.arange(1.0, 21).reshape(4, 5)))
    np.testing.assert_array_equal(A.indices, np.tile(np.arange(5), 4))
    for swap in range(19):  # wherever two neighbours of a row stand in the wrong order, it is seen
        given = sp.csr_array(np.arange(1.0, 21).reshape(4, 5))
        given.indices[[swap, swap + 1]] = given.indices[[swap + 1, swap]]
        if swap % 5 < 4:
            np.testing.assert_array_equal(check_matrix(given).indices, np.tile(np.arange(5), 4))


def test_a_stale_canonical_flag_is_not_believed():
    given = sp.coo_array(([1.0, 2.0], ([0, 0], [1, 1])), shape=(1, 2))
    given.has_canonical_format = True
    np.testing.assert_array_equal(check_matrix(given).data, [3.0])


@pytest.mark.parametrize("dtype", ["uint8", "int8"])
def test_many_small_duplicates_do_not_wrap_round(dtype):
    given = sp.coo_array((np.ones(300, dtype), (np.zeros(300, int), np.zeros(300, int))), shape=(1, 2))
    assert check_matrix(given).data.tolist() == [300]


def test_spare_room_behind_the_last_entry_is_ignored():
    A = check_matrix(csr([0, 1, 2], [0, 1, 99], [1.0, 2.0, np.nan], (2, 2)))
    assert A.data.tolist() == [1.0, 2.0]


def test_foreign_byte_order_half_and_long_double():
    B = sp.csr_array(X)
    assert check_matrix(csr(B.indptr, B.indices, B.data.astype(">f4"), X.shape)).data.dtype == np.dtype("=f4")
    assert check_matrix(csr(B.indptr, B.indices, B.data.astype(np.float16), X.shape)).data.dtype == np.float32
    assert check_matrix(csr(B.indptr, B.indices, B.data.astype(np.longdouble), X.shape)).data.dtype == np.float64


def test_a_matrix_without_entries_is_data():
    A = check_matrix(sp.csr_array((3, 4)))
    assert (A.data.size, A.shape) == (0, (3, 4))


BROKEN = {
    "column too large": csr([0, 1, 2], [0, 7], [1.0, 1.0], (2, 2)),
    "column negative": csr([0, 1, 2], [0, -1], [1.0, 1.0], (2, 2)),
    "pointer falls": csr([0, 2, 1], [0, 1], [1.0, 1.0], (2, 2)),
    "pointer too short": csr([0, 2], [0, 1], [1.0, 1.0], (2, 2)),
    "pointer starts late": csr([1, 1, 2], [0, 1], [1.0, 1.0], (2, 2)),
    "pointer past the end": csr([0, 1, 9], [0, 1], [1.0, 1.0], (2, 2)),
    "too few values": csr([0, 1, 2], [0, 1], [1.0], (2, 2)),
    "csc row too large": csr([0, 1, 2], [0, 7], [1.0, 1.0], (2, 2), sp.csc_array),
}


@pytest.mark.parametrize("case", BROKEN)
def test_arrays_that_contradict_each_other_are_refused(case):
    with pytest.raises(ValueError, match=r"X is not a valid CS[RC] matrix of shape \(2, 2\): "):
        check_matrix(BROKEN[case])


def test_coordinates_out_of_range_are_refused():
    given = sp.coo_array(X)
    given.coords[0][1] = 3
    with pytest.raises(ValueError, match=r"COO matrix of shape \(3, 4\): index 3 \(number 1\) is not in 0..2"):
        check_matrix(given)


# --- dense ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "uint64"])
def test_dense_arrays_keep_dtype_and_memory(dtype):
    given = X.astype(dtype)
    given.flags.writeable = False
    A = check_matrix(given)
    assert A.dtype == dtype
    assert np.shares_memory(A.array, given)


def test_dense_memory_mapped_array_stays_mapped(tmp_path):
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    A = check_matrix(mapped)
    assert np.shares_memory(A.array, mapped)


@pytest.mark.parametrize(
    "given",
    [
        X.tolist(),
        np.asfortranarray(X),
        X.astype(object),
        X.astype(str),
        X.astype(np.longdouble),
        X.astype(np.float16),
        X.astype(">f8"),
        X.view(np.matrix),
        np.ma.MaskedArray(X),
        np.repeat(X, 2, axis=1)[:, ::2],
    ],
    ids=["list", "fortran", "object", "str", "longdouble", "half", "big-endian", "matrix", "masked", "strided"],
)
def test_anything_like_an_array_of_numbers_is_taken(given):
    A = check_matrix(given)
    assert type(A.array) is np.ndarray
    assert A.dtype in (np.float32, np.float64)
    assert A.dtype.isnative
    assert A.array.flags.c_contiguous
    np.testing.assert_array_equal(A, X)


def test_booleans_become_counts():
    assert check_matrix(X > 0).dtype == np.uint8


def test_frames():
    pd = pytest.importorskip("pandas")
    plain = pd.DataFrame(X)
    np.testing.assert_array_equal(check_matrix(plain), X)
    A = check_matrix(plain.astype(pd.SparseDtype(np.float32, 0)))
    assert is_canonical(A)
    np.testing.assert_array_equal(A.plain().toarray(), X)
    mixed = check_matrix(plain.astype({0: pd.SparseDtype(np.float32, 0)}))  # without a warning, and not made dense
    assert is_canonical(mixed)
    np.testing.assert_array_equal(mixed.plain().toarray(), X)
    missing = plain.astype("Int64")
    missing.iloc[1, 2] = pd.NA
    with pytest.raises(ValueError, match=r"contains NaN.\nX\[1, 2\] = <NA> is the first"):
        check_matrix(missing)
    np.testing.assert_array_equal(check_matrix(plain.astype("Int64")), X)
    with pytest.raises(ValueError, match="sparse frame that has no COO form"):
        check_matrix(plain.astype(pd.SparseDtype(np.float32, np.nan)))
    with pytest.raises(ValueError, match="Expected a 2-dimensional container but got"):
        check_matrix(plain[0])


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array, sp.csc_matrix, sp.coo_array, sp.lil_array])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, r"Input X contains NaN\.\nX\[2, 2\] = nan is the first: NMF knows no missing values"),
        (np.inf, r"Input X contains infinity or a value too large for dtype\('float64'\)\.\nX\[2, 2\] = inf"),
        (-np.inf, r"Input X contains infinity or a value too large for dtype\('float64'\)\.\nX\[2, 2\] = -inf"),
        (-2.5, r"Negative values in data passed to NMF \(input X\)\.\nX\[2, 2\] = -2\.5 is the first"),
    ],
)
def test_bad_values_are_named_with_their_place(make, value, message):
    bad = X.astype(np.float64)
    bad[2, 2] = value
    with pytest.raises(ValueError, match=message):
        check_matrix(make(bad))


def test_a_negative_count_is_named_and_names_are_the_callers():
    bad = X.astype(int)
    bad[1, 3] = -4
    bad = sp.csr_array(bad)
    with pytest.raises(ValueError, match=r"passed to Topics \(input counts\)\.\ncounts\[1, 3\] = -4 is the first"):
        check_matrix(bad, "counts", "Topics")


def test_a_sum_of_duplicates_is_what_counts():
    good = sp.coo_array(([-1.0, 2.0], ([0, 0], [1, 1])), shape=(1, 2))
    np.testing.assert_array_equal(check_matrix(good).data, [1.0])
    large = np.float32(3e38)
    with pytest.raises(ValueError, match=r"X\[0, 1\] = inf"):
        check_matrix(sp.coo_array((np.array([large, large]), ([0, 0], [1, 1])), shape=(1, 2)))


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ([1.0, 2.0], ValueError, "Expected 2D array, got 1D array instead"),
        (3.0, ValueError, "Expected 2D array, got scalar array instead"),
        (np.ones((2, 2, 2)), ValueError, "Found array with dim 3, while dim <= 2 is required by NMF"),
        (sp.coo_array(np.ones(3)), ValueError, r"Expected 2D input, got input with shape \(3,\)"),
        (np.empty((0, 3)), ValueError, r"0 sample\(s\) \(shape=\(0, 3\)\) while a minimum of 1 is required by NMF\."),
        (np.empty((3, 0)), ValueError, r"0 feature\(s\) \(shape=\(3, 0\)\) while a minimum of 1 is required by NMF\."),
        (sp.csr_array((0, 3)), ValueError, r"0 sample\(s\) \(shape=\(0, 3\)\)"),
        (X + 1j, ValueError, "Complex data not supported"),
        (sp.csr_array(X + 1j), ValueError, "Complex data not supported"),
        ([[1, 2], [3]], ValueError, "X cannot be read as an array of numbers"),
        ([["1", "two"]], ValueError, r"X\[0, 1\] = .*'two'.* is not a number"),
        (np.array([[1, {}]], dtype=object), TypeError, r"X\[0, 1\] = {} is not a number: .*argument must be .* string"),
        (np.array([[1, 10**400]], dtype=object), ValueError, r"X\[0, 1\] = 10+ is not a number"),
        (np.array([[1, None]], dtype=object), ValueError, r"X\[0, 1\] = nan"),
        (np.array([["2026-11-24"]], dtype="M8[D]"), TypeError, "which holds no numbers"),
        (np.ma.MaskedArray(X, X == 5), ValueError, r"masked entries.*X\.filled\(0\)"),
    ],
)
def test_what_is_no_matrix_is_refused(given, error, message):
    with pytest.raises(error, match=message):
        check_matrix(given)


def test_all_zero_is_checked_apart():
    for empty in (np.zeros((2, 3)), sp.csr_array((2, 3)), sp.csr_array(([0.0], [0], [0, 1, 1]), shape=(2, 3))):
        checked = check_matrix(empty)
        with pytest.raises(ValueError, match=r"X has no positive entry \(shape \(2, 3\)\)"):
            check_positive(checked)
    check_positive(check_matrix(X))
