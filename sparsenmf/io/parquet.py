"""Parquet files of triples: a row, a column and a value in each line of the table, read batch by batch by pyarrow.

Rows and columns are places (integers from 0) or names (texts, numbered in order of first appearance). What `write`
makes tells the shape and all names in the file's metadata, so that empty rows and columns stay.
"""

import json
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np

from sparsenmf.io.named import NamedCSR
from sparsenmf.io.source import Source
from sparsenmf.io.triples import Axis, Triples, pick_columns

__all__ = ["read_parquet", "write_parquet"]

_KEY = b"sparsenmf"
_BATCH = 1 << 16


def read_parquet(source: Source, triples: Sequence[str] | None = None, ids: str = "auto") -> NamedCSR:
    """Read triples.

    Parameters
    ----------
    source : Source
    triples : (row, column, value), optional
        Names of the three columns. None: the table has just these three, in this order.
    ids : {"auto", "names"}
        "auto": integers are places, from 0. "names": they are names, as texts always are.
    """
    if ids not in ("auto", "names"):
        raise ValueError(f'ids must be "auto" or "names", got {ids!r}')
    pa, parquet = _pyarrow()
    with source.path.open("rb") as start:
        if start.read(4) != b"PAR1":
            raise ValueError("this is no Parquet file (it does not begin with PAR1): copy or write it again")
    try:
        # Read in this thread, as the batches ask for it: threads and reading ahead take memory of their own.
        with parquet.ParquetFile(source.path, pre_buffer=False, page_checksum_verification=True) as file:
            return _matrix(file, source, triples, ids)
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"Arrow cannot read it ({_first_line(error)}). Copy or write it again") from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__


def _matrix(file: Any, source: Source, triples: Sequence[str] | None, ids: str) -> NamedCSR:
    pa, _ = _pyarrow()
    wanted = pick_columns(triples, file.schema_arrow.names)
    for name in wanted:
        _check_kind(pa, file.schema_arrow.field(name).type, name, value=name == wanted[2])
    _check_size(file.metadata, source)
    shape, *names = _claimed((file.schema_arrow.metadata or {}).get(_KEY))
    axes = [Axis(what, known) for what, known in zip(("row", "column"), names, strict=True)]
    found = Triples(*axes)
    for batch in file.iter_batches(_BATCH, columns=list(wanted), use_threads=False):
        columns = [batch.column(batch.schema.get_field_index(name)) for name in wanted]
        for name, column in zip(wanted, columns, strict=True):
            if column.null_count:
                raise ValueError(f"the column {name!r} has {column.null_count:,} missing values: drop such lines")
        for axis, column in zip(axes, columns, strict=False):
            _add(pa, axis, column, ids)
        found.add_values(columns[2].to_numpy(zero_copy_only=False))
    return found.matrix(source, shape)


def _check_kind(pa: Any, kind: Any, name: str, value: bool) -> None:
    plain = kind.value_type if pa.types.is_dictionary(kind) else kind
    number = pa.types.is_integer(plain) or (value and pa.types.is_floating(plain))
    text = pa.types.is_string(plain) or pa.types.is_large_string(plain)
    if not (number if value else number or text) or (value and plain is not kind):
        wanted = "numbers" if value else "places (integers) or names (texts)"
        raise ValueError(f"the column {name!r} holds {kind}, and should hold {wanted}")


def _check_size(meta: Any, source: Source) -> None:
    """Refuse what the footer claims, before a page is unpacked, where that is too much.

    By row groups: pyarrow ends the process where it is asked for a damaged column's own claim.
    """
    claim = 24 * meta.num_rows + sum(max(0, meta.row_group(g).total_byte_size) for g in range(meta.num_row_groups))
    source.check_claim(claim, f"its {meta.num_rows:,} entries")


def _add(pa: Any, axis: Axis, column: Any, ids: str) -> None:
    if pa.types.is_integer(column.type) and ids == "auto" and axis.names is None:
        axis.add_places(column.to_numpy(zero_copy_only=False))
        return
    if pa.types.is_integer(column.type):
        column = column.cast(pa.string())
    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    names, picks = encoded.dictionary, encoded.indices.to_numpy(zero_copy_only=False)
    used = np.unique(picks)  # a dictionary may list what no line of this batch has
    if used.size and (used[0] < 0 or used[-1] >= len(names)):
        raise ValueError(f"the dictionary of its {axis.what}s is damaged: write the file again")
    # In order of first appearance, whatever the dictionary's order is.
    first = np.sort(np.unique(picks, return_index=True)[1])
    order = np.zeros(len(names), dtype=np.int64)
    order[picks[first]] = np.arange(len(first))
    axis.add_names(names.take(pa.array(picks[first])).cast(pa.string()).to_pylist(), order[picks])


def _claimed(meta: bytes | None) -> tuple[Any, ...]:
    """Shape, row names and column names that `write` put into the metadata."""
    if meta is None:
        return None, None, None
    try:
        claim = json.loads(meta)
        shape = tuple(claim["shape"])
        names = [claim.get("row_names"), claim.get("column_names")]
        sound = len(shape) == 2 and all(type(length) is int and length >= 0 for length in shape)
        for length, known in zip(shape, names, strict=True):
            sound = sound and (
                known is None
                or (type(known) is list and len(known) == length and all(type(name) is str for name in known))
            )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        sound = False
    if not sound:
        raise ValueError("what it says of its shape and names (metadata 'sparsenmf') is damaged: write it again")
    return shape, *names


def write_parquet(file: BinaryIO, X: NamedCSR) -> None:
    """Write a matrix as the triples row, column, value: places, or names where there are any."""
    pa, parquet = _pyarrow()
    places = (np.repeat(np.arange(X.shape[0], dtype=np.int32), np.diff(X.indptr)), X.indices)
    names = (X.row_names, X.column_names)
    parts = [
        pa.array(place)
        if known is None
        else pa.DictionaryArray.from_arrays(pa.array(place), pa.array(known, pa.string()))
        for place, known in zip(places, names, strict=True)
    ]
    meta = {"shape": [int(length) for length in X.shape], "row_names": names[0], "column_names": names[1]}
    table = pa.table([*parts, pa.array(X.data)], names=["row", "column", "value"])
    parquet.write_table(
        table.replace_schema_metadata({_KEY: json.dumps(meta, ensure_ascii=False).encode()}),
        file,
        compression="zstd",
        write_page_checksum=True,
    )


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError('Parquet files need the package pyarrow: pip install "sparsenmf[arrow]"') from error
    return pa, parquet
