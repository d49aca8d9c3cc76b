"""The forms that a table may have: each is turned into a long pandas frame on its way in, and back on its way out."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import pandas as pd

from forecast.datasets.errors import DataError
from forecast.datasets.tables.columns import IDS, TARGETS, TIMES, Columns, TableFormat, find, id_names

ID, TARGET = "unique_id", "y"  # columns of the long table that a wide one becomes
LIBRARIES = ("polars", "pyarrow")  # whose tables come back as such
Timed = pd.DatetimeIndex | pd.PeriodIndex


def to_long(table: Any, columns: Columns) -> tuple[pd.DataFrame, TableFormat]:
    """Turn a table of any form into a long frame.

    Args:
        table: a long or wide frame, a Series, a mapping of columns or of Series, or anything that narwhals reads.
        columns: the roles of its columns.

    Returns:
        The long frame, and the form that the table had.

    Raises:
        DataError: if it is no table, or a wide one without a time column.
    """
    if isinstance(table, dict) and table and all(_is_timed(value) for value in table.values()):
        frame, fmt = _melted(pd.DataFrame(table), columns)
        return frame, replace(fmt, library="dict")
    pandas, library = to_pandas(table)
    frame, fmt = _to_long(pandas, columns)
    return frame, replace(fmt, library=library)


def to_pandas(table: Any) -> tuple[pd.DataFrame | pd.Series, str]:
    """Return a table of any kind as a frame or a Series of pandas, and the library that it is of.

    Raises:
        DataError: if it is no table.
    """
    if isinstance(table, pd.DataFrame | pd.Series):
        return table, "pandas"
    if isinstance(table, dict):
        return pd.DataFrame(table), "pandas"
    import narwhals as nw

    try:
        frame = nw.from_native(table)
    except TypeError as error:
        kind = type(table).__name__
        raise DataError(
            f"a table is expected, not {kind}", hint="Pass a DataFrame, a Series or a mapping of columns."
        ) from error
    frame = frame.collect() if isinstance(frame, nw.LazyFrame) else frame
    library = frame.implementation.value
    return frame.to_pandas(), library if library in LIBRARIES else "pandas"


def columns_of(table: Any, fmt: TableFormat) -> pd.DataFrame:
    """Return a long table of any kind as a frame of pandas, with ids and times of its index as columns.

    Args:
        table: a frame, a mapping of columns, or anything that narwhals reads.
        fmt: form of the table that it belongs to, which names the levels of its index.
    """
    pandas, _ = to_pandas(table)
    frame = pandas.to_frame() if isinstance(pandas, pd.Series) else pandas
    if isinstance(frame.index, pd.MultiIndex):
        own = list(frame.index.names)
        levels = fmt.levels if len(fmt.levels) == len(own) else (None,) * len(own)
        return frame.rename_axis([str(name or other) for name, other in zip(own, levels, strict=True)]).reset_index()
    return frame.rename_axis(fmt.time).reset_index() if isinstance(frame.index, Timed) else frame


def in_callers_form(frame: pd.DataFrame, fmt: TableFormat, freq: str) -> Any:
    """Turn a long frame of forecasts into the form of the caller's table.

    Args:
        frame: columns of the ids (where the table had any), time and values.
        fmt: the form.
        freq: frequency of the times.

    Returns:
        A long or wide frame, a frame indexed by time for a Series, a mapping of Series for one, or a table of polars or
        of pyarrow.
    """
    if fmt.kind == "wide":
        wide = _widened(frame, fmt, freq)
        return {name: wide[name] for name in wide.columns.unique(0)} if fmt.library == "dict" else _given(wide, fmt)
    if fmt.kind == "series":
        frame = frame.set_index(fmt.time)
        return _with_freq(frame, fmt, freq)
    if fmt.levels:
        return frame.set_index(list(fmt.levels))
    return _given(frame, fmt)


def _is_timed(value: Any) -> bool:
    return isinstance(value, pd.Series) and isinstance(value.index, Timed)


def _to_long(table: pd.DataFrame | pd.Series, columns: Columns) -> tuple[pd.DataFrame, TableFormat]:
    """Do the work of `to_long` on a table of pandas."""
    if isinstance(table, pd.DataFrame) and isinstance(table.columns, pd.MultiIndex):
        raise DataError("the columns have several levels", hint="Give each column one name.")
    if isinstance(table.index, pd.MultiIndex):
        return _indexed(table, columns)
    timed = isinstance(table.index, Timed)
    freq = getattr(table.index, "freq", None) is not None
    if isinstance(table, pd.Series):
        target, time = str(table.name or columns.target or TARGET), str(table.index.name or columns.time or "ds")
        fmt = TableFormat(kind="series", ids=(), time=time, target=target, index_freq=freq)
        return pd.DataFrame({time: table.index, target: table.to_numpy()}), fmt
    if columns.wide and not timed:
        return _wide_columns(table, columns)
    if not timed:
        return table, TableFormat()
    # a column with the name of an id or a target tells a long table with a time index from a wide one
    roles = {*id_names(columns.id, list(table.columns)), columns.target, *IDS, *TARGETS}
    if not columns.wide and any(name in roles for name in table.columns):
        time = str(table.index.name or columns.time or "ds")
        return table.rename_axis(time).reset_index(), TableFormat()
    return _melted(table, columns)


def _indexed(table: pd.DataFrame | pd.Series, columns: Columns) -> tuple[pd.DataFrame, TableFormat]:
    """Turn a table with ids and times in its index into a long one."""
    index: Any = table.index
    timed = [isinstance(level, Timed) for level in index.levels]
    if sum(timed) != 1:
        hint = "Make columns of the index with reset_index(), and name the ids and the time."
        raise DataError("an index of several levels is understood if one of them holds times", hint=hint)
    asked = id_names(columns.id, [name for name in index.names if isinstance(name, str)])
    n_ids = index.nlevels - 1
    usual = list(asked if len(asked) == n_ids else (ID,) if n_ids == 1 else (f"level_{k}" for k in range(n_ids)))
    usual.insert(timed.index(True), columns.time or "ds")
    levels = tuple(str(name or other) for name, other in zip(index.names, usual, strict=True))
    time = levels[timed.index(True)]
    frame = table.to_frame(str(table.name or columns.target or TARGET)) if isinstance(table, pd.Series) else table
    ids = tuple(name for name in levels if name != time)
    return frame.rename_axis(list(levels)).reset_index(), TableFormat(ids=ids, time=time, levels=levels)


def _wide_columns(table: pd.DataFrame, columns: Columns) -> tuple[pd.DataFrame, TableFormat]:
    """Turn a wide table whose times stand in a column into a long one; it is the first one, unless it has a usual name."""
    names = [str(name) for name in table.columns]
    time, _ = find(columns.time, TIMES, names, "time", needed=False)
    if time is None:
        time = names[0]
    frame, fmt = _melted(table.set_axis(names, axis=1).set_index(time), columns)
    return frame, replace(fmt, time_in_columns=True)


def _melted(wide: pd.DataFrame, columns: Columns) -> tuple[pd.DataFrame, TableFormat]:
    """Turn a wide table with a time index into a long one."""
    time = str(wide.index.name or columns.time or "ds")
    order = tuple(str(name) for name in wide.columns)
    named = wide.rename_axis(index=time, columns=None).reset_index()
    long = named.melt(id_vars=time, var_name=ID, value_name=TARGET)
    long[ID] = long[ID].infer_objects()  # names that are numbers
    name = None if wide.columns.name is None else str(wide.columns.name)
    freq = getattr(wide.index, "freq", None) is not None
    return long, TableFormat(
        kind="wide", ids=(ID,), time=time, target=TARGET, order=order, columns_name=name, index_freq=freq
    )


def _widened(frame: pd.DataFrame, fmt: TableFormat, freq: str) -> pd.DataFrame:
    """Turn a long frame into a wide one, whose series stand in the caller's order."""
    (id,) = fmt.ids
    values = [name for name in frame.columns if name not in (id, fmt.time)]
    place = {name: number for number, name in enumerate(fmt.order)}
    names = sorted(frame[id].unique(), key=lambda name: place.get(str(name), len(place)))
    wide = frame.pivot(index=fmt.time, columns=id, values=values if len(values) > 1 else values[0])
    if len(values) == 1:
        wide = wide[names].rename_axis(columns=fmt.columns_name)
    else:
        ordered = pd.MultiIndex.from_product([names, values], names=[fmt.columns_name, None])
        wide = wide.swaplevel(axis=1).reindex(columns=ordered)
    wide = _with_freq(wide, fmt, freq)
    return wide.reset_index() if fmt.time_in_columns else wide


def _with_freq(frame: pd.DataFrame, fmt: TableFormat, freq: str) -> pd.DataFrame:
    """Give an index of times its frequency, where the caller's had one."""
    index: Any = frame.index
    if fmt.index_freq and isinstance(index, pd.DatetimeIndex):
        frame.index = pd.DatetimeIndex(index, freq=freq)
    return frame


def _given(frame: pd.DataFrame, fmt: TableFormat) -> Any:
    """Return a frame in the library of the caller's table."""
    if fmt.library not in LIBRARIES:
        return frame
    import narwhals as nw

    wrapped = nw.from_native(frame, eager_only=True)
    with warnings.catch_warnings(action="ignore"):  # pyarrow asks pandas for zoned times in a way that will go
        return wrapped.to_polars() if fmt.library == "polars" else wrapped.to_arrow()
