"""The context, which is the newest training rows: as a table with a row for each time, and back as a panel, checked."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from forecast.datasets.panel import Channel, Panel
from forecast.datasets.strict_json import shown
from forecast.datasets.tables.columns import TableFormat
from forecast.datasets.tables.identity import give_ids
from forecast.datasets.tables.result import give_times
from forecast.datasets.time.grid import Grid
from forecast.storage.pages import unpacked_bytes

SERIES_COLUMN = "__series__"  # the number of the series that a row belongs to
STATIC = "static_"  # before the name of a static column
LEAST_BYTES_ALLOWED = 512 * 2**20  # that a file of any size may unpack into
MOST_BYTES_PER_BYTE = 50  # in the memory and in the file, beyond that
MOST_STEPS = 1_000_000_000  # of all series together, in forecasts of the horizon or in seasons
FIRST_TIME, LAST_TIME = -62_135_596_800_000_000, 253_402_300_799_999_999  # the years 1 to 9999, in microseconds
LARGEST_INTEGER_TIME = 2**60  # so that a horizon after it is an int64, too


def panel_config(panel: Panel) -> dict[str, Any]:
    """Return what describes a panel beside its rows, as JSON primitives."""
    return {
        "grid": panel.grid.to_json(),
        "format": panel.format.to_json(),
        "channels": [asdict(channel) for channel in panel.channels],
        "notes": list(panel.notes),
    }


def context_table(panel: Panel) -> pa.Table:
    """Lay a panel out as columns; facts about a series repeat on its rows, which Parquet packs to almost nothing."""
    series = np.repeat(np.arange(panel.n_series), panel.lengths)
    columns: dict[str, Any] = {
        SERIES_COLUMN: series,
        "id": panel.ids[series],
        "start": panel.starts[series],
        "target": panel.target,
    }
    for number in range(len(panel.channels)):
        columns[f"value_{number}"] = panel.values[:, number]
        columns[f"observed_{number}"] = panel.observed[:, number]
        columns[f"offset_{number}"] = panel.offset[series, number]
    for name in panel.static.columns:
        columns[f"{STATIC}{name}"] = panel.static[name].to_numpy()[series]
    return pa.table(columns)


def read_context(data: bytes, n_channels: int, static: Sequence[str]) -> pa.Table:
    """Read the table that `context_table` made, once its columns and their sizes are known to be sane.

    Args:
        data: the Parquet file.
        n_channels: number of channels of the panel.
        static: names of its static columns.

    Returns:
        The table, with dictionaries in the place of texts: a text that many rows share is there once.

    Raises:
        ValueError: if the columns are others, or are larger than a file of this size should make them.
    """
    file = pq.ParquetFile(io.BytesIO(data))
    schema = file.schema_arrow
    _check_schema(schema, n_channels, static)
    texts = [field.name for field in schema if _is_text(field.type)]
    widths = [4 if field.name in texts else _width(field.type) for field in schema]
    allowed = max(LEAST_BYTES_ALLOWED, MOST_BYTES_PER_BYTE * len(data))
    needed = max(file.metadata.num_rows * sum(widths), unpacked_bytes(data, file.metadata))
    if file.metadata.num_rows < 1 or needed > allowed:
        raise ValueError(
            f"it has {file.metadata.num_rows} rows, which take {needed} bytes of memory, not 1 to {allowed}"
        )
    table = pq.ParquetFile(io.BytesIO(data), read_dictionary=texts).read(use_threads=False)
    table.validate(full=True)
    missing = [name for name in schema.names if not name.startswith(STATIC) and table[name].null_count]
    if missing:
        raise ValueError(f"its column {missing[0]} has missing values")
    return table


def panel_of(config: dict[str, Any], table: pa.Table, static: Sequence[str]) -> Panel:
    """Build the panel that `panel_config` and `context_table` described.

    Args:
        config: as `panel_config` returned it, its kinds checked.
        table: as `read_context` returned it.
        static: names of the static columns.

    Raises:
        ValueError: if the rows are those of no panel.
    """

    def column(name: str) -> Any:
        return table[name].to_numpy()

    channels = tuple(
        Channel(**{**c, "categories": None if c["categories"] is None else tuple(c["categories"])})
        for c in config["channels"]
    )
    series = column(SERIES_COLUMN)
    steps = np.diff(series, prepend=-1)
    if not ((steps == 0) | (steps == 1)).all() or series[0] != 0:
        raise ValueError(f"its column {SERIES_COLUMN} does not count the series from 0")
    first = np.flatnonzero(steps)
    numbers = range(len(channels))
    ids = _of_series(table["id"], first)
    panel = Panel(
        values=np.stack([column(f"value_{k}") for k in numbers], axis=1),
        observed=np.stack([column(f"observed_{k}") for k in numbers], axis=1),
        offset=np.stack([column(f"offset_{k}")[first] for k in numbers], axis=1),
        target=column("target"),
        indptr=np.append(first, len(series)).astype(np.int64),
        ids=ids.astype(object),
        starts=column("start")[first],
        grid=Grid.from_json(config["grid"]),
        channels=channels,
        static=pd.DataFrame({n: _of_series(table[f"{STATIC}{n}"], first) for n in static}, index=range(len(first))),
        format=TableFormat.from_json(config["format"]),
        notes=tuple(config["notes"]),
    )
    _check_values(panel)
    return panel


def check_steps(panel: Panel, horizon: int, season_length: int) -> None:
    """Refuse a panel whose times leave the calendar within a horizon, or whose forecasts would fill the memory.

    Args:
        panel: the newest training rows.
        horizon: steps of a forecast.
        season_length: steps in a season.

    Raises:
        ValueError: if a time is before the year 1 or after 9999, or the series are too many for so many steps.
    """
    if panel.n_series * max(horizon, season_length) > MOST_STEPS:
        raise ValueError(
            f"{panel.n_series} series with a horizon of {horizon} and a season of {season_length} are too many"
        )
    is_integer = panel.grid.kind == "integer"
    least, most = (-LARGEST_INTEGER_TIME, LARGEST_INTEGER_TIME) if is_integer else (FIRST_TIME, LAST_TIME)
    reach = int(panel.lengths.max() + horizon) * (panel.grid.step if panel.grid.kind in ("integer", "tick") else 1)
    if panel.starts.min() < least or panel.starts.max() + reach > most:
        raise ValueError("its times lie outside the calendar")
    ends = panel.grid.shift(panel.starts, panel.lengths + horizon)
    if (ends <= panel.starts).any() or ends.max() > most:
        raise ValueError("its times do not ascend")
    give_times(panel, ends)
    give_ids(panel, np.arange(panel.n_series))


def _check_schema(schema: pa.Schema, n_channels: int, static: Sequence[str]) -> None:
    types: dict[str, Any] = {SERIES_COLUMN: pa.int64(), "id": None, "start": pa.int64(), "target": pa.float64()}
    for number in range(n_channels):
        types[f"value_{number}"] = pa.float32()
        types[f"observed_{number}"] = pa.bool_()
        types[f"offset_{number}"] = pa.float64()
    names = [*types, *(f"{STATIC}{name}" for name in static)]
    if schema.names != names:
        wrong = next((name for name in schema.names if name not in names), None)
        lacking = next((name for name in names if name not in schema.names), None)
        raise ValueError(f"its columns are not those of the model (too many: {wrong}, missing: {lacking})")
    for field in schema:
        expected = types.get(field.name)
        if field.name == "id" and not _is_text(field.type):
            raise ValueError(f"its column id holds {shown(str(field.type))}, not text")
        if expected is not None and field.type != expected:
            raise ValueError(f"its column {field.name} holds {shown(str(field.type))}, not {expected}")
        if not _is_text(field.type) and not pa.types.is_null(field.type) and not pa.types.is_primitive(field.type):
            raise ValueError(f"its column {shown(field.name)} holds {shown(str(field.type))}")


def _check_values(panel: Panel) -> None:
    """Refuse rows that no table can have given."""
    if len({*panel.ids}) < panel.n_series:
        raise ValueError("two series have the same id")
    if not np.isfinite(panel.values).all() or not np.isfinite(panel.offset).all():
        raise ValueError("it has values that are not finite")
    if not np.array_equal(np.isfinite(panel.target), panel.observed[:, 0]) or np.isinf(panel.target).any():
        raise ValueError("its target is infinite, or is there where it was not observed")
    for number, channel in enumerate(panel.channels):
        if channel.categories is None:
            continue
        codes = (panel.values[:, number] + np.repeat(panel.offset[:, number], panel.lengths))[panel.observed[:, number]]
        if ((codes < 0) | (codes >= len(channel.categories)) | (codes != np.round(codes))).any():
            raise ValueError(f"its column {shown(channel.name)} has codes without a name")


def _of_series(column: Any, first: NDArray[np.int64]) -> NDArray[Any]:
    """Return a column's values at the first row of each series, (series,)."""
    if not pa.types.is_dictionary(column.type):
        return np.asarray(column.to_numpy()[first])
    return np.asarray(column.take(pa.array(first)).cast(column.type.value_type).to_numpy(zero_copy_only=False))


def _is_text(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _width(kind: Any) -> int:
    """Return the most bytes that a value takes as a numpy array; one that may be missing is an object there."""
    return 8 if pa.types.is_null(kind) else max(8, int(kind.bit_width) // 8)
