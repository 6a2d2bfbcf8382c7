"""One clear error for each kind of bad input, and one form for every kind of good one.

Everything that a caller hands over passes through here once. A matrix leaves as a `Matrix` (canonical CSR, or a
C-contiguous 2-D array); its values are finite and non-negative. Kernels may therefore index without checks.

This is the only module that asks whether something is sparse.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import scipy.sparse as sp

from sparsenmf.matrix import CsrMatrix, DenseMatrix, Matrix
from sparsenmf.parameters import Whole

if TYPE_CHECKING:
    from collections.abc import Sequence

_CHUNK = 1 << 20  # entries looked at together: bounds the temporaries on memory-mapped arrays
_INT32_MAX = np.iinfo(np.int32).max
_RESHAPE_HINT = (
    "Reshape your data either using array.reshape(-1, 1) if your data has a single feature or array.reshape(1, -1) "
    "if it contains a single sample."
)


def check_matrix(X: Any, name: str = "X", whom: str = "NMF") -> Matrix:
    """Bring a matrix into canonical form and check every value of it.

    Parameters
    ----------
    X : sparse matrix or array of any format, array-like, data frame, Matrix, what `prepare` or `read` returned
        The caller's arrays are never changed, and not copied where they are canonical already (read-only and
        memory-mapped ones included). A `Matrix` is what this function returned before and is passed through.
    name, whom : str
        What the error messages call the matrix and the one who asks for it.

    Returns
    -------
    Matrix
        A `CsrMatrix` or a `DenseMatrix`. Values of float32, float64 or an integer dtype. Booleans become uint8, float16
        becomes float32, long doubles and numbers held as objects become float64.

    Raises
    ------
    ValueError
        For anything but two dimensions, no row or no column, complex numbers, a NaN, infinite or negative entry
        (with its place), or sparse arrays that contradict each other.
    TypeError
        For objects that are no numbers.

    Examples
    --------
    >>> check_matrix(sp.coo_array([[0, 2], [1, 0]])).indices
    array([1, 0], dtype=int32)
    """
    X = getattr(X, "checked_matrix", X)
    if isinstance(X, Matrix):
        return X
    if hasattr(X, "column_names") and hasattr(X, "X"):  # what `read` returned: a matrix and its names
        X = X.X
    X = _unwrap_sparse_frame(X, name)
    if sp.issparse(X):
        return _check_sparse(X, name, whom)
    A = _as_numbers(X, name)
    _check_ndim(A, X, whom)
    _check_not_empty(A.shape, whom)
    checked = DenseMatrix(np.ascontiguousarray(A))
    _check_values(checked, name, whom)
    return checked


def check_positive(X: Matrix, name: str = "X") -> None:
    """Raise ValueError where a checked matrix has no positive entry."""
    if X.largest <= 0:
        raise ValueError(f"{name} has no positive entry (shape {X.shape}): there is nothing to factorize.")


def check_factor(
    A: Any, name: str, shape: tuple[int | None, int | None], dtype: Any, whom: str = "NMF", zeros_ok: bool = True
) -> np.ndarray:
    """Check one factor that the caller hands over, W or H.

    Parameters
    ----------
    A : array-like
    name, whom : str
        What the error messages call the factor ("W", "H") and the one who asks for it.
    shape : pair of int or None
        What the shape must be; None stands for any number.
    dtype : dtype
        float32 or float64; None: the factor's own, if it is one of these, else float64.
    zeros_ok : bool
        Whether a factor without a positive entry passes.

    Returns
    -------
    ndarray
        C-contiguous, of that dtype; the caller's own array where it is so already.

    Raises
    ------
    ValueError
        For a wrong shape, or a NaN, infinite or negative entry (with its place), or nothing but zeros.
    """
    if sp.issparse(A):
        raise TypeError(f"{name} is sparse; {whom} needs a dense array here: pass {name}.toarray().")
    B = _as_numbers(A, name)
    _check_ndim(B, A, whom)
    for axis, word in enumerate(("first", "second")):
        if shape[axis] is not None and B.shape[axis] != shape[axis]:
            raise ValueError(
                f"Array with wrong {word} dimension passed to {whom} (input {name}). Expected {shape[axis]}, "
                f"but got {B.shape[axis]}."
            )
    if dtype is None:
        dtype = B.dtype if B.dtype.kind == "f" else np.float64
    with np.errstate(over="ignore"):  # what overflows becomes infinite and is named below
        B = np.ascontiguousarray(B, dtype=dtype)
    _check_not_empty(B.shape, whom)
    _check_values(DenseMatrix(B), name, whom)
    if not zeros_ok and B.max() == 0:
        raise ValueError(f"Array passed to {whom} (input {name}) is full of zeros.")
    return B


def check_choice(value: Any, choices: Sequence[str], name: str) -> str:
    """Return `value` if it is one of the strings in `choices`; ValueError listing them otherwise."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"Unknown {name} {value!r}: choose one of {', '.join(map(repr, choices))}.")
    return value


def check_count(value: Any, name: str) -> int:
    """Return `value` as an int of at least 1; TypeError for no integer (or a bool), ValueError for less than 1."""
    return int(Whole().check(value, name))


def check_random_state(seed: Any) -> np.random.RandomState:
    """Turn None, an int, a RandomState or a Generator into a RandomState, without importing scikit-learn.

    None means numpy's global stream and an int a stream of its own, as in scikit-learn. A Generator lends its
    stream: what is drawn here, it has drawn.
    """
    if seed is None or seed is np.random:
        return np.random.mtrand._rand
    if isinstance(seed, np.random.RandomState):
        return seed
    if isinstance(seed, np.random.Generator):
        return np.random.RandomState(seed.bit_generator)
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool) and 0 <= seed < 1 << 32:
        return np.random.RandomState(int(seed))
    raise ValueError(
        f"{seed!r} cannot seed a random number generator: random_state takes None, an integer from 0 to 2**32 - 1, "
        "a numpy RandomState or a numpy Generator."
    )


def working_dtype(dtype: Any, X_dtype: Any) -> np.dtype:
    """The dtype to compute in: `dtype`, or for "auto" what suits the dtype of X.

    float64 stays float64; float32 and all counts (integers, booleans) are worked on in float32, which halves the
    memory and doubles the speed.

    Examples
    --------
    >>> working_dtype("auto", np.int64)
    dtype('float32')
    """
    if isinstance(dtype, str) and dtype == "auto":
        return np.dtype(np.float64 if np.dtype(X_dtype) == np.float64 else np.float32)
    for choice in (np.float32, np.float64):
        if dtype is not None and dtype in (choice, choice.__name__, np.dtype(choice)):
            return np.dtype(choice)
    raise ValueError(f"Unknown dtype {dtype!r}: choose one of 'auto', 'float32', 'float64'.")


# --- dense -----------------------------------------------------------------------------------------------------------


def _as_numbers(X: Any, name: str) -> np.ndarray:
    """X as an ndarray of any shape that holds numbers of a dtype we work with."""
    if isinstance(X, np.ma.MaskedArray) and np.ma.is_masked(X):
        raise ValueError(f"{name} has masked entries, and there is no missing value here: fill them, {name}.filled(0).")
    try:
        A = np.asarray(X)
    except (ValueError, TypeError) as error:
        raise type(error)(f"{name} cannot be read as an array of numbers: {error}") from error
    return _known_dtype(A, name)


def _known_dtype(A: np.ndarray, name: str) -> np.ndarray:
    """Cast to float32, float64 or an integer dtype in native byte order; no copy where it has one already."""
    kind = A.dtype.kind
    if kind == "c":
        raise ValueError(f"Complex data not supported\n{name} has dtype {A.dtype}: pass its real part or its modulus.")
    if kind in "OUS":
        return _parse_objects(A, name)
    if kind not in "biuf":
        raise TypeError(f"{name} has dtype {A.dtype}, which holds no numbers.")
    if kind == "b":
        return A.view(np.uint8)
    if kind == "f" and A.dtype.itemsize not in (4, 8):
        with np.errstate(over="ignore"):
            return A.astype(np.float32 if A.dtype.itemsize < 4 else np.float64)
    return A.astype(A.dtype.newbyteorder("="), copy=False)


def _parse_objects(A: np.ndarray, name: str) -> np.ndarray:
    """Objects or strings to float64, naming the first that is no number."""
    try:
        return A.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        for place, value in np.ndenumerate(A):
            try:
                np.asarray(value, dtype=object).astype(np.float64)
            except (TypeError, ValueError, OverflowError):
                if type(value).__name__ in ("NAType", "NaTType"):
                    raise ValueError(f"Input {name} contains NaN.\n{_missing_at(name, place, value)}") from None
                shown = value.item() if isinstance(value, np.generic) else value
                where = f"{name}[{', '.join(map(str, place))}] = {shown!r}"
                kind = TypeError if isinstance(error, TypeError) else ValueError
                raise kind(f"{where} is not a number: {error}") from error
        raise


def _missing_at(name: str, place: tuple[int, ...], value: Any) -> str:
    where = f"{name}[{', '.join(map(str, place))}] = {value!r} is the first"
    return f"{where}: drop such rows or columns, or fill the entries in first."


def _check_ndim(A: np.ndarray, original: Any, whom: str) -> None:
    if A.ndim == 1 and hasattr(original, "iloc"):
        raise ValueError(
            f"Expected a 2-dimensional container but got {type(original)} instead. Pass a DataFrame containing a "
            "single row (i.e. single sample) or a single column (i.e. single feature) instead."
        )
    if A.ndim < 2:
        what = "scalar array" if A.ndim == 0 else "1D array"
        raise ValueError(f"Expected 2D array, got {what} instead:\narray={A}.\n{_RESHAPE_HINT}")
    if A.ndim > 2:
        raise ValueError(f"Found array with dim {A.ndim}, while dim <= 2 is required by {whom}.")


def _check_not_empty(shape: tuple[int, ...], whom: str) -> None:
    for count, what in zip(shape, ("sample", "feature"), strict=True):
        if count == 0:
            asked = f"while a minimum of 1 is required by {whom}"
            raise ValueError(f"Found array with 0 {what}(s) (shape={shape}) {asked}.")


# --- values ----------------------------------------------------------------------------------------------------------


def _check_values(A: Matrix, name: str, whom: str) -> bool:
    """Raise for a NaN, infinite or negative value; otherwise say whether a zero is among the values."""
    values = A.values
    if values.size == 0:
        return False
    with np.errstate(invalid="ignore"):
        low, high = values.min(), values.max()  # both are NaN where any value is
    if not (low >= 0 and np.isfinite(high)):
        _raise_bad_value(A, name, whom)
    return bool(low == 0)


def _raise_bad_value(A: Matrix, name: str, whom: str) -> NoReturn:
    values = A.values
    mend = "Replace it with a finite number."
    if (bad := np.isnan(values)).any():
        text = f"Input {name} contains NaN."
        mend = f"{whom} knows no missing values: drop such rows or columns, or fill the entries in first."
    elif (bad := np.isinf(values)).any():
        text = f"Input {name} contains infinity or a value too large for {values.dtype!r}."
    else:
        bad = values < 0
        text = f"Negative values in data passed to {whom} (input {name})."
        mend = f"Clip them ({name}[{name} < 0] = 0) or shift the data, whichever they mean."
    p = int(np.argmax(bad))
    row, column = _place(A, p)
    raise ValueError(f"{text}\n{name}[{row}, {column}] = {values[p].item()!r} is the first: {mend}")


def _place(A: Matrix, p: int) -> tuple[int, int]:
    """Row and column of the p-th value."""
    if isinstance(A, CsrMatrix):
        return int(np.searchsorted(A.indptr, p, side="right")) - 1, int(A.indices[p])
    return divmod(p, A.shape[1])


# --- sparse ----------------------------------------------------------------------------------------------------------


def _unwrap_sparse_frame(X: Any, name: str) -> Any:
    """A pandas frame with a sparse column as a COO matrix, its dense columns made sparse; anything else as it is."""
    if not (hasattr(X, "iloc") and hasattr(X, "columns")):
        return X
    kinds = [kind for kind in X.dtypes if hasattr(kind, "fill_value")]
    if not kinds:
        return X
    if len(kinds) < X.shape[1]:
        X = X.astype(type(kinds[0])(np.result_type(*(getattr(kind, "subtype", kind) for kind in X.dtypes)), 0))
    try:
        return X.sparse.to_coo()
    except ValueError as error:
        raise ValueError(f"{name} is a sparse frame that has no COO form: {error}") from error


def _check_sparse(X: Any, name: str, whom: str) -> CsrMatrix:
    if X.ndim != 2:
        raise ValueError(f"Expected 2D input, got input with shape {X.shape}.\n{_RESHAPE_HINT}")
    _check_not_empty(X.shape, whom)
    A = _as_csr(X, name)
    if not _strictly_rising(A):
        A = _sum_duplicates(A)
    if A.data.dtype == np.bool_:  # only now: the sum of two True is True
        A = replace(A, data=A.data.view(np.uint8))
    if _check_values(A, name, whom):
        A = _drop_zeros(A)
    return A


def _as_csr(X: Any, name: str) -> CsrMatrix:
    """Raw CSR arrays of any sparse container, their structure checked but not yet sorted or free of duplicates."""
    shape = (int(X.shape[0]), int(X.shape[1]))
    if X.format == "csr":
        return _check_structure(CsrMatrix(X.indptr, X.indices, X.data, shape), name, "CSR")
    if X.format == "csc":  # the CSR of its transpose
        T = _check_structure(CsrMatrix(X.indptr, X.indices, X.data, shape[::-1]), name, "CSC")
        return _raw(T.plain().T.tocsr())
    X = X.tocoo()
    coordinates, data = _check_coordinates(X, shape, name)
    fresh = sp.coo_array((data, coordinates), shape=shape)
    fresh.has_canonical_format = True  # leaves the duplicates to _sum_duplicates, which widens narrow integers
    return _raw(fresh.tocsr())


def _raw(A: Any) -> CsrMatrix:
    """The arrays of a scipy CSR container that is ours alone."""
    indices = A.indices.astype(np.int32 if A.shape[1] <= _INT32_MAX else np.int64, copy=False)
    return CsrMatrix(A.indptr.astype(np.int64, copy=False), indices, A.data, (int(A.shape[0]), int(A.shape[1])))


def _sparse_data(data: Any, name: str) -> np.ndarray:
    data = np.asarray(data)
    return data if data.dtype == np.bool_ else _known_dtype(data, name)


def _check_structure(A: CsrMatrix, name: str, kind: str) -> CsrMatrix:
    """Check that the three arrays belong together, so that nothing can read out of bounds, and cut them to nnz."""
    n_rows, n_columns = A.shape
    indptr = np.ascontiguousarray(A.indptr, dtype=np.int64)
    indices, data = np.asarray(A.indices), _sparse_data(A.data, name)
    broken = f"{name} is not a valid {kind} matrix of shape {A.shape if kind == 'CSR' else A.shape[::-1]}: "
    if indptr.shape != (n_rows + 1,) or indices.ndim != 1 or data.ndim != 1:
        raise ValueError(f"{broken}indptr has shape {indptr.shape}, not ({n_rows + 1},), or another array is not flat.")
    if indptr[0] != 0:
        raise ValueError(f"{broken}indptr[0] is {indptr[0]}, not 0.")
    if (indptr[1:] < indptr[:-1]).any():
        i = int(np.argmax(indptr[1:] < indptr[:-1]))
        raise ValueError(f"{broken}indptr falls from {indptr[i]} to {indptr[i + 1]} at position {i + 1}.")
    nnz = int(indptr[-1])
    if nnz > min(indices.size, data.size):
        raise ValueError(f"{broken}indptr ends at {nnz}, but there are {indices.size} indices and {data.size} values.")
    if indices.dtype not in (np.int32, np.int64):
        indices = indices.astype(np.int32 if n_columns <= _INT32_MAX else np.int64)
    indices = np.ascontiguousarray(indices[:nnz])
    _check_indices(indices, n_columns, broken)
    return CsrMatrix(indptr, indices, np.ascontiguousarray(data[:nnz]), A.shape)


def _check_coordinates(X: Any, shape: tuple[int, int], name: str) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    data, coordinates = _sparse_data(X.data, name), tuple(np.asarray(c) for c in X.coords)
    broken = f"{name} is not a valid COO matrix of shape {shape}: "
    if any(c.shape != data.shape for c in coordinates):
        raise ValueError(f"{broken}its rows, columns and values are not equally many.")
    for c, bound in zip(coordinates, shape, strict=True):
        _check_indices(c, bound, broken)
    return coordinates, data


def _check_indices(indices: np.ndarray, bound: int, broken: str) -> None:
    if indices.size and (indices.min() < 0 or indices.max() >= bound):
        p = int(np.argmax((indices < 0) | (indices >= bound)))
        raise ValueError(f"{broken}index {indices[p]} (number {p}) is not in 0..{bound - 1}.")


def _strictly_rising(A: CsrMatrix) -> bool:
    """Whether the column indices of every row rise: sorted, and no duplicates."""
    indptr, indices, nnz = A.indptr, A.indices, A.indices.size
    for a in range(1, nnz, _CHUNK):
        b = min(a + _CHUNK, nnz)
        rising = indices[a:b] > indices[a - 1 : b - 1]
        first, last = np.searchsorted(indptr, (a, b))
        rising[indptr[first:last] - a] = True  # a row's first entry has nothing to exceed
        if not rising.all():
            return False
    return True


def _sum_duplicates(A: CsrMatrix) -> CsrMatrix:
    """A sorted copy in which each place occurs once."""
    B = A.plain().copy()
    B.sort_indices()
    if B.dtype.kind in "iu" and not _strictly_rising(_raw(B)):
        B.data = B.data.astype(np.int64 if B.dtype.kind == "i" else np.uint64)  # 300 times 1 is 300, in uint8 too
    B.sum_duplicates()
    return _raw(B)


def _drop_zeros(A: CsrMatrix) -> CsrMatrix:
    return A.with_values(A.data)
