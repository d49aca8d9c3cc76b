"""Hostile context.parquet: columns and rows that no table gave, and files that unpack into gigabytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hostile import (
    CONTEXT,
    change_context,
    refused,
    sign,
    with_column,
)

COLUMNS = ["__series__", "id", "target", "value_1", "static_shop"]


def _without(table: pa.Table, name: str) -> pa.Table:
    return table.drop_columns([name])


def _twice(table: pa.Table, name: str) -> pa.Table:
    return table.append_column(name, table[name])


def _nested(table: pa.Table, name: str) -> pa.Table:
    return with_column(table, name, [[1, 2]] * len(table))


def _other_type(table: pa.Table, name: str) -> pa.Table:
    return (
        with_column(table, name, np.arange(len(table)).astype(np.int16))
        if name != "static_shop"
        else _nested(table, name)
    )


def _missing_values(table: pa.Table, name: str) -> pa.Table:
    if name == "static_shop":
        return _without(table, name)
    return with_column(table, name, pa.array([None, *table[name].to_pylist()[1:]], table[name].type))


def _no_rows(table: pa.Table, name: str) -> pa.Table:
    return table.slice(0, 0)


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("way", [_without, _twice, _nested, _other_type, _missing_values, _no_rows])
def test_columns_of_another_kind(
    copy: Callable[[str], Path], way: Callable[[pa.Table, str], pa.Table], name: str
) -> None:
    directory = copy("gru")
    change_context(directory, lambda table: way(table, name))
    refused(directory, CONTEXT)


def _filled(value: Any, kind: Any) -> Callable[[Any], Any]:
    return lambda column: np.full(len(column), value, kind)


ROWS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "an infinite target": ("target", _filled(np.inf, np.float64)),
    "a target where none was observed": ("observed_0", lambda column: ~column),
    "values that are not finite": ("value_0", _filled(np.nan, np.float32)),
    "offsets that are not finite": ("offset_0", _filled(np.inf, np.float64)),
    "codes without a name": ("value_1", _filled(99, np.float32)),
    "codes below zero": ("value_1", _filled(-1, np.float32)),
    "series that are not sorted": ("__series__", lambda column: column[::-1].copy()),
    "series that begin below zero": ("__series__", lambda column: column - 1),
    "series with gaps": ("__series__", lambda column: column * 2),
    "one id for all": ("id", lambda column: np.full(len(column), "a", object)),
    "times before the calendar": ("start", _filled(-(2**62), np.int64)),
    "times after the calendar": ("start", _filled(2**62, np.int64)),
}


@pytest.mark.parametrize("model", ["gru", "theta", "auto", "boosting", "deepar"])
@pytest.mark.parametrize("name", ROWS)
def test_rows_that_no_table_gave(copy: Callable[[str], Path], model: str, name: str) -> None:
    directory, (column, change) = copy(model), ROWS[name]
    if column == "value_1" and model != "gru":
        return  # it has no covariates
    change_context(directory, lambda table: with_column(table, column, change(table[column].to_numpy())))
    refused(directory, CONTEXT)


@pytest.mark.parametrize(("rows", "parts", "letters"), [(2_000_000, 25, 1), (20, 40, 10**6)], ids=["rows", "texts"])
def test_rows_that_unpack_into_gigabytes(copy: Callable[[str], Path], rows: int, parts: int, letters: int) -> None:
    directory = copy("theta")
    table = pq.read_table(directory / CONTEXT)
    columns = {field.name: np.zeros(rows, field.type.to_pandas_dtype()) for field in table.schema if field.name != "id"}
    ids = pa.array(["x" * letters]).take(pa.array(np.zeros(rows, np.int64)))
    part = pa.table({name: columns.get(name, ids) for name in table.column_names})
    with pq.ParquetWriter(directory / CONTEXT, part.schema, compression="zstd", use_dictionary=letters == 1) as writer:
        for _ in range(parts):
            writer.write_table(part)
    assert (directory / CONTEXT).stat().st_size < 2**21
    sign(directory)
    assert "bytes of memory" in refused(directory, CONTEXT).message
