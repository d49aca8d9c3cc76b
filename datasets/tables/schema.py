"""The door: a table in, a panel out, or one error that lists everything wrong with the table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.errors import DataError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.tables.columns import IDS, TARGETS, TIMES, Columns, TableFormat, find, missing
from forecast.datasets.tables.encoding import blank, categories_of, is_categorical
from forecast.datasets.tables.layout import Rows, counted, lay_out
from forecast.datasets.time.frequency import find_grid
from forecast.datasets.time.grid import Grid, Integers
from forecast.datasets.time.times import LISTED, Times, as_text, parse_times


def panel_from_table(table: Any, columns: Columns, *, freq: str | int | None = None, grid: Grid | None = None) -> Panel:
    """Validate a table and lay it out as a panel.

    Rows may come in any order. Rows absent on the grid and missing targets are masked, rows before a series' first
    value are left out; both are said in `notes`. Nothing is repaired.

    Args:
        table: a long frame, a wide one (time index, a column a series), a Series with a time index, a mapping of
            columns, or anything narwhals reads (polars, pyarrow).
        columns: the roles of its columns.
        freq: the grid's frequency; None finds it.
        grid: the grid of an earlier table that this one must be on.

    Raises:
        DataError: with every problem found, each with series, column, time, what was expected and what to do.
        ConfigError: if `freq` is not a frequency.
    """
    wanted = Grid.of(freq) if freq is not None else grid
    frame, fmt = _long(_pandas(table), columns)
    roles, problems = _roles(frame, columns, fmt)
    if problems:
        raise DataError("the table does not have the columns it needs", problems=problems)
    if not len(frame):
        raise DataError("the table has no rows", hint="Give it at least two rows a series.")
    rows, fmt, problems = _read(frame, roles, fmt, wanted)
    if rows is None:
        raise DataError(counted(problems), problems=problems)
    problems += _duplicates(rows.ids, rows.series, rows.times, rows.integer, roles)
    if problems:
        raise DataError(counted(problems), problems=problems)
    return lay_out(
        rows, roles, fmt, wanted or (Grid.of(rows.period_freq) if rows.period_freq else None), freq is not None
    )


def pd_frame(table: Any) -> pd.DataFrame:
    """A long table of any kind as a pandas frame."""
    found = _pandas(table)
    return found.to_frame() if isinstance(found, pd.Series) else found


def _pandas(table: Any) -> pd.DataFrame | pd.Series:
    if isinstance(table, pd.DataFrame | pd.Series):
        return table
    if isinstance(table, dict):
        return pd.DataFrame(table)
    import narwhals as nw

    try:
        return nw.from_native(table, eager_only=True).to_pandas()
    except TypeError as error:
        kind = type(table).__name__
        raise DataError(
            f"a table is expected, not {kind}", hint="Pass a DataFrame, a Series or a mapping of columns."
        ) from error


def _long(table: pd.DataFrame | pd.Series, columns: Columns) -> tuple[pd.DataFrame, TableFormat]:
    """The table in long form, and how it looked."""
    timed = isinstance(table.index, pd.DatetimeIndex | pd.PeriodIndex)
    if isinstance(table, pd.Series):
        target, time = str(table.name or columns.target or "y"), str(table.index.name or columns.time or "ds")
        fmt = TableFormat(kind="series", id=None, time=time, target=target)
        return pd.DataFrame({time: table.index, target: table.to_numpy()}), fmt
    if not timed:
        return table, TableFormat()
    time = str(table.index.name or columns.time or "ds")
    roles = {columns.id, columns.target, *IDS, *TARGETS}
    if any(name in roles for name in table.columns):
        return table.rename_axis(time).reset_index(), TableFormat()
    named = table.set_axis(table.columns.astype(str), axis=1).rename_axis(time).reset_index()
    long = named.melt(id_vars=time, var_name="unique_id", value_name="y")
    return long, TableFormat(kind="wide", id="unique_id", time=time, target="y")


def _roles(frame: pd.DataFrame, columns: Columns, fmt: TableFormat) -> tuple[Columns, list[Problem]]:
    """The columns with every role's name filled in."""
    names = [str(name) for name in frame.columns]
    own = fmt.kind == "series"
    identity, first = find(None if own else columns.id, () if own else IDS, names, "id", needed=False)
    time, second = find(fmt.time if fmt.kind != "long" else columns.time, TIMES, names, "time", needed=True)
    target, third = find(fmt.target if fmt.kind != "long" else columns.target, TARGETS, names, "target", needed=True)
    problems = [*first, *second, *third]
    others = (("static", columns.static), ("known", columns.known), ("past", columns.past))
    problems += [missing(name, names, role) for role, listed in others for name in listed if name not in names]
    if columns.observed is not None and columns.observed not in names:
        problems.append(missing(columns.observed, names, "observed"))
    return replace(columns, id=identity, time=time, target=target), problems


def _read(
    frame: pd.DataFrame, roles: Columns, fmt: TableFormat, grid: Grid | None
) -> tuple[Rows | None, TableFormat, list[Problem]]:
    """Every column as an array, rows sorted by series and time, with everything unreadable listed."""
    assert roles.time is not None, "found by _roles"
    assert roles.target is not None, "found by _roles"
    ids, series, problems = _ids(frame, roles)
    times, found = parse_times(frame[roles.time], roles.time)
    problems += found
    if times is not None and grid is not None and times.integer != (grid.kind == "integer"):
        kinds = ("whole numbers", "time stamps")
        remedy = f"Give freq= for {kinds[times.integer ^ 1]}, or leave it out."
        problems.append(
            Problem(
                column=roles.time,
                what=f"times are {kinds[not times.integer]}",
                expected=f"times on a grid of {grid.freq}",
                remedy=remedy,
            )
        )
        times = None
    where = _Where(ids, series, times, grid)
    numbers, categories = [_numbers(frame[roles.target], roles.target, where)], []
    for name in roles.covariates:
        found_names = None
        if is_categorical(frame[name]):
            codes, found_names = categories_of(frame[name])
            numbers.append((codes, []))
        else:
            numbers.append(_numbers(frame[name], name, where))
        categories.append(found_names)
    problems += [problem for _, listed in numbers for problem in listed]
    observed, found = _observed(frame, roles)
    problems += found
    if times is not None and problems:
        order = np.lexsort((times.values, series))
        problems += _duplicates(ids, series[order], times.values[order], times.integer, roles)
    if problems or times is None:
        return None, fmt, problems
    on_grid = times.on(grid or (None if times.zone is None else find_grid_of(times, series)))
    sorting = _order(series, on_grid)
    static = frame[list(roles.static)]
    rows = Rows(
        ids=ids,
        series=_taken(series, sorting),
        times=_taken(on_grid, sorting),
        integer=times.integer,
        values=_matrix([column for column, _ in numbers], observed, sorting),
        categories=(None, *categories),
        static=static if sorting is None or static.empty else static.iloc[sorting],
        period_freq=times.freq,
        notes=_ignored(frame, roles),
    )
    dtype = str(frame[roles.id].dtype) if roles.id is not None else "str"
    if fmt.kind == "long":
        fmt = replace(fmt, id=roles.id, time=roles.time, target=roles.target)
    return rows, replace(fmt, id_dtype=dtype, time_dtype=times.dtype, zone=times.zone), []


def find_grid_of(times: Times, series: Integers) -> Grid:
    """The grid as it looks in local wall time, where a day is a day whatever the clocks do."""
    order = np.lexsort((times.values, series))
    local = times.on(Grid(kind="month", freq="MS"))
    grid = find_grid(local[order], series[order], integer=False)
    utc = find_grid(times.values[order], series[order], integer=False)
    return utc if utc.kind == "tick" and utc.step < 86_400_000_000 else grid


def _ids(frame: pd.DataFrame, roles: Columns) -> tuple[NDArray[np.object_], Integers, list[Problem]]:
    """Ids as ascending text, and each row's number among them."""
    if roles.id is None:
        return np.array([roles.target], object), np.zeros(len(frame), np.int64), []
    column = frame[roles.id]
    codes, found = pd.factorize(column, use_na_sentinel=True)
    blank = np.flatnonzero(codes < 0)[:LISTED]
    problems = [
        Problem(column=roles.id, what=f"row {row + 1} has no id", remedy="Give it one or remove the row.")
        for row in blank
    ]
    text = np.array([str(name) for name in found], object)
    order = np.argsort(text, kind="stable")
    rank = np.empty(len(text), np.int64)
    rank[order] = np.arange(len(text))
    return text[order], (rank[codes] if not problems else codes.astype(np.int64)), problems


@dataclass(frozen=True)
class _Where:
    """Names the place of a row in a problem."""

    ids: NDArray[np.object_]
    series: Integers
    times: Times | None
    grid: Grid | None

    def __call__(self, row: int) -> dict[str, str]:
        series = str(self.ids[self.series[row]]) if self.series[row] >= 0 else "?"
        if self.times is None:
            return {"series": series}
        return {"series": series, "time": as_text(int(self.times.values[row]), self.times.integer)}


def _numbers(column: pd.Series, name: str, where: _Where) -> tuple[NDArray[np.float64], list[Problem]]:
    """A numeric column as float64, NaN where missing."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        numbers = column.to_numpy(np.float64, na_value=np.nan)
        bad = np.flatnonzero(np.isinf(numbers))
    else:
        converted = pd.to_numeric(column, errors="coerce")
        numbers = converted.to_numpy(np.float64, na_value=np.nan)
        bad = np.flatnonzero((np.isnan(numbers) & ~blank(column)) | np.isinf(numbers))
    remedy = "Write a number, or leave the cell empty where the value is missing."
    listed = [
        Problem(
            column=name,
            **where(row),
            what=f"{column.iloc[row]!r} is not a finite number",
            expected="a finite number",
            remedy=remedy,
        )
        for row in bad[:LISTED]
    ]
    return numbers, listed


def _observed(frame: pd.DataFrame, roles: Columns) -> tuple[NDArray[np.bool_], list[Problem]]:
    if roles.observed is None:
        return np.ones(len(frame), bool), []
    column = frame[roles.observed]
    if column.isna().any() or not set(column.unique()) <= {True, False}:
        return np.ones(len(frame), bool), [
            Problem(column=roles.observed, what="holds other values", expected="True or False in every row")
        ]
    return column.to_numpy(bool), []


def _ignored(frame: pd.DataFrame, roles: Columns) -> tuple[str, ...]:
    used = {roles.id, roles.time, roles.target, roles.observed, *roles.static, *roles.covariates}
    others = [str(name) for name in frame.columns if name not in used]
    return (f"columns not used: {', '.join(others)}",) if others else ()


def _order(series: Integers, times: Integers) -> Integers | None:
    """The rows by series and time, None where they stand so already."""
    later = times[1:] > times[:-1]
    later &= series[1:] == series[:-1]
    later |= series[1:] > series[:-1]
    return None if later.all() else np.lexsort((times, series))


def _taken(rows: Integers, order: Integers | None) -> Integers:
    return rows if order is None else rows[order]


def _matrix(
    columns: list[NDArray[np.float64]], observed: NDArray[np.bool_], order: Integers | None
) -> NDArray[np.float64]:
    """The columns side by side in their final order, written once: (rows, channels), NaN where not observed."""
    matrix = np.empty((len(observed), len(columns)))
    for number, column in enumerate(columns):
        matrix[:, number] = column if order is None else column[order]
    hidden = ~observed if order is None else ~observed[order]
    matrix[hidden, 0] = np.nan
    return matrix


def _duplicates(
    ids: NDArray[np.object_], series: NDArray[np.int64], times: NDArray[np.int64], integer: bool, roles: Columns
) -> list[Problem]:
    """Times that stand twice in a series; the rows are sorted."""
    twice = np.flatnonzero((series[1:] == series[:-1]) & (times[1:] == times[:-1]) & (series[1:] >= 0))
    remedy = "Keep one row of each time, or name the id column with id= (--id) if these are several series."
    return [
        Problem(series=str(ids[series[row]]), column=roles.time, time=as_text(int(times[row]), integer),
                what="the time stands in several rows", expected="each time once a series", remedy=remedy)
        for row in twice[:LISTED]
    ]  # fmt: skip
