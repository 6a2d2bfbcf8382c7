"""Parquet files of triples: a row, a column and a value in each line of the table, by pyarrow.

Rows and columns are places (integers from 0) or names (texts, numbered in order of first appearance). What `write`
makes tells the shape and all names in the file's metadata, so that empty rows and columns stay.
"""

import json
from collections.abc import Sequence
from typing import Any, BinaryIO

import numpy as np

from sparsenmf.io.files import library
from sparsenmf.io.listed import Axis, from_entries, pick_columns
from sparsenmf.io.named import NamedMatrix, Names
from sparsenmf.io.source import Source

__all__ = ["read_parquet", "write_parquet"]

_KEY = b"sparsenmf"


def read_parquet(source: Source, triples: Sequence[str] | None = None, ids: str = "auto") -> NamedMatrix:
    """Read triples.

    `triples` are the names of the columns of row, column and value; None where the table has just these three, in this
    order. `ids` is "auto" (integers are places, from 0) or "names" (they are names, as texts always are).
    """
    if ids not in ("auto", "names"):
        raise ValueError(f'ids must be "auto" or "names", got {ids!r}')
    pa, parquet = (library(name, "arrow", ".parquet") for name in ("pyarrow", "pyarrow.parquet"))
    with source.path.open("rb") as start:
        if start.read(4) != b"PAR1":
            raise ValueError("this is no Parquet file (it does not begin with PAR1): copy or write it again")
    try:
        meta = parquet.read_metadata(source.path)
        schema = meta.schema.to_arrow_schema()
        wanted = pick_columns(triples, schema.names)
        texts = _texts(pa, schema, wanted)
        # By row groups: pyarrow ends the process where it is asked for a damaged column's own claim.
        claim = 24 * meta.num_rows + sum(max(0, meta.row_group(g).total_byte_size) for g in range(meta.num_row_groups))
        source.check_claim(claim, f"its {meta.num_rows:,} entries")
        how = {"pre_buffer": False, "page_checksum_verification": True, "read_dictionary": texts}
        with parquet.ParquetFile(source.path, **how) as file:
            # In this thread, for threads take memory of their own.
            table = file.read(columns=list(dict.fromkeys(wanted)), use_threads=False)
        table.validate(full=True)
        return _matrix(pa, table, wanted, ids == "names", source)
    except MemoryError:
        raise
    except (pa.ArrowException, OSError, KeyError, TypeError, AttributeError) as error:
        why = str(error).strip().split("\n")[0].rstrip(".") or type(error).__name__
        raise ValueError(f"Arrow cannot read it ({why}). Copy or write it again") from error


def _texts(pa: Any, schema: Any, wanted: Sequence[str]) -> list[str]:
    """Those columns that hold texts; ValueError where one holds something else than it should."""
    texts, kinds = [], pa.types
    for name, is_value in zip(wanted, (False, False, True), strict=True):
        kind = schema.field(name).type
        plain = kind.value_type if kinds.is_dictionary(kind) and not is_value else kind
        if not is_value and (kinds.is_string(plain) or kinds.is_large_string(plain)):
            texts.append(name)
        elif not (kinds.is_integer(plain) or (is_value and kinds.is_floating(plain))):
            due = "numbers" if is_value else "places (integers) or names (texts)"
            raise ValueError(f"the column {name!r} holds {kind}, and should hold {due}")
    return texts


def _matrix(pa: Any, table: Any, wanted: Sequence[str], names: bool, source: Source) -> NamedMatrix:
    for name in wanted:
        if missing := table.column(name).null_count:
            raise ValueError(f"the column {name!r} has {missing:,} missing values: drop such lines")
    shape, *known = _claimed((table.schema.metadata or {}).get(_KEY))
    rows, columns = (
        _axis(pa, table.column(name), names, length, of)
        for name, length, of in zip(wanted[:2], shape, known, strict=True)
    )
    return from_entries(rows, columns, table.column(wanted[2]).to_numpy(), source)


def _axis(pa: Any, column: Any, names: bool, length: int | None, known: Sequence[str] | None) -> Axis:
    """The places of a column; names are numbered in the order of `known`, else of their first appearance."""
    import pyarrow.compute as pc

    if pa.types.is_integer(column.type) and not names and known is None:
        return Axis(column.to_numpy(), None, length)
    if not pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).dictionary_encode()
    coded = column.unify_dictionaries().combine_chunks()
    texts = coded.dictionary.cast(pa.string())
    order = texts.take(pc.unique(coded.indices)) if known is None else pa.array(known, pa.string())
    numbers = pc.index_in(texts, order).take(coded.indices)
    if numbers.null_count:
        raise ValueError("it has names that its metadata do not list: write it again")
    return Axis(numbers.to_numpy(), tuple(order.to_pylist()), length)


def _claimed(meta: bytes | None) -> tuple[Any, Names, Names]:
    """Shape, row names and column names that `write` put into the metadata."""
    if meta is None:
        return (None, None), None, None
    try:
        claim = json.loads(meta)
        shape = [int(length) for length in claim["shape"]]
        return shape, claim["row_names"], claim["column_names"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"its metadata 'sparsenmf' (shape and names) are damaged ({error}): write it again") from error


def write_parquet(file: BinaryIO, matrix: NamedMatrix) -> None:
    """Write a matrix as the triples row, column, value: places, or names where there are any."""
    pa, parquet = (library(name, "arrow", ".parquet") for name in ("pyarrow", "pyarrow.parquet"))
    X, names = matrix.X, (matrix.row_names, matrix.column_names)
    places = (np.repeat(np.arange(X.shape[0], dtype=np.int32), np.diff(X.indptr)), X.indices)
    columns = {
        what: place if known is None else pa.DictionaryArray.from_arrays(place, pa.array(known, pa.string()))
        for what, place, known in zip(("row", "column"), places, names, strict=True)
    }
    meta = {"shape": [int(length) for length in X.shape], "row_names": names[0], "column_names": names[1]}
    table = pa.table(columns | {"value": X.data}, metadata={_KEY: json.dumps(meta, ensure_ascii=False).encode()})
    parquet.write_table(table, file, compression="zstd", write_page_checksum=True)
