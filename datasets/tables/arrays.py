"""The columns of a long table as sorted arrays, or a list of everything in them that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.errors import MAX_LISTED_PROBLEMS, Problem
from forecast.datasets.tables.columns import LEFT_OUT, Columns, TableFormat
from forecast.datasets.tables.doubles import duplicates
from forecast.datasets.tables.encoding import blank, categories_of, dtype_of, is_categorical
from forecast.datasets.tables.identity import read_ids
from forecast.datasets.tables.layout import Rows
from forecast.datasets.time.frequency import find_grid
from forecast.datasets.time.grid import DAY, Grid, Integers
from forecast.datasets.time.times import Times, as_text, parse_times

Floats = NDArray[np.float64]
LARGEST = 1e30  # number; networks compute in float32, whose squares end at 1e38
Booleans = NDArray[np.bool_]


def read_rows(
    frame: pd.DataFrame, roles: Columns, fmt: TableFormat, grid: Grid | None
) -> tuple[Rows | None, TableFormat, list[Problem]]:
    """Read every column of a long table into an array, and sort the rows by series and time.

    Args:
        frame: the long table.
        roles: the roles of its columns, none of which is left open.
        fmt: form of the caller's table.
        grid: grid that the times must lie on; None where none is known yet.

    Returns:
        The rows, the form with what the columns add to it, and no problems; or None, the form, and the problems.
    """
    assert roles.target is not None, "the roles are filled in"
    ids = read_ids(frame, roles.ids, roles.target)
    series, problems = ids.series, ids.problems
    times, time_problems = _times(frame, roles, grid)
    problems += time_problems
    place = _Place(ids.text, series, times)
    channels = [_numbers(frame[roles.target], roles.target, place)]
    channels += [_covariate(frame[name], name, place) for name in roles.covariates]
    problems += [problem for channel in channels for problem in channel.problems]
    observed, mask_problems = _observed(frame, roles)
    problems += mask_problems
    if times is not None and problems:
        order = np.lexsort((times.values, series))
        problems += duplicates(ids.text, series[order], times.values[order], times.integer, roles, frame)
    if problems or times is None:
        return None, fmt, problems
    on_grid = times.on(grid or (None if times.zone is None else _find_zoned_grid(times, series)))
    sorting = _order(series, on_grid)
    if sorting is not None:  # rows that ascend already have no duplicates
        series, on_grid = series[sorting], on_grid[sorting]
        problems = duplicates(ids.text, series, on_grid, times.integer, roles, frame)
    static = frame[list(roles.static)]
    rows = Rows(
        ids=ids.text,
        series=series,
        times=on_grid,
        integer=times.integer,
        values=_matrix([channel.values for channel in channels], observed, sorting),
        categories=tuple(channel.categories for channel in channels),
        static=static if sorting is None or static.empty else static.iloc[sorting],
        period_freq=times.freq,
        notes=(*_note_ignored(frame, roles), *ids.notes, *((times.note,) if times.note else ())),
    )
    return (None if problems else rows), _completed(fmt, frame, roles, times), problems


@dataclass(frozen=True)
class _Place:
    """It says of a row's number where the row stands, in the words of a `Problem`."""

    ids: NDArray[np.object_]
    series: Integers
    times: Times | None

    def __call__(self, row: int) -> dict[str, str]:
        series = str(self.ids[self.series[row]]) if self.series[row] >= 0 else "?"
        if self.times is None:
            return {"series": series}
        return {"series": series, "time": as_text(int(self.times.values[row]), self.times.integer)}


@dataclass(frozen=True)
class _Channel:
    """A column of the value matrix, (rows,), NaN where missing: numbers, or codes of the names in `categories`."""

    values: Floats
    problems: list[Problem]
    categories: tuple[str, ...] | None = None


def _times(frame: pd.DataFrame, roles: Columns, grid: Grid | None) -> tuple[Times | None, list[Problem]]:
    """Read the times; they must be whole numbers on an integer grid and stamps on any other."""
    assert roles.time is not None, "the roles are filled in"
    times, problems = parse_times(frame[roles.time], roles.time, roles.date_format)
    if times is None or grid is None or times.integer == (grid.kind == "integer"):
        return times, problems
    kinds = ("whole numbers", "time stamps")
    mismatch = Problem(
        column=roles.time,
        what=f"times are {kinds[not times.integer]}",
        expected=f"times on a grid of {grid.freq}",
        remedy=f"Give freq= for {kinds[times.integer ^ 1]}, or leave it out.",
    )
    return None, [*problems, mismatch]


def _covariate(column: pd.Series, name: str, place: _Place) -> _Channel:
    """Read a covariate: the codes of its names, or its numbers."""
    if is_categorical(column):
        codes, categories = categories_of(column)
        return _Channel(codes, [], categories)
    return _numbers(column, name, place)


def _numbers(column: pd.Series, name: str, place: _Place) -> _Channel:
    """Read a numeric column as float64, NaN where missing; infinities and other text are problems."""
    if not _holds_numbers(column):
        kind = str(column.dtype)
        return _Channel(
            np.full(len(column), np.nan), [Problem(column=name, what=f"it holds {kind}", expected="numbers")]
        )
    if pd.api.types.is_numeric_dtype(column.dtype):
        numbers = column.to_numpy(np.float64, na_value=np.nan)
        bad = np.flatnonzero(np.abs(numbers) > LARGEST)
    else:
        converted = pd.to_numeric(column, errors="coerce")
        numbers = converted.to_numpy(np.float64, na_value=np.nan)
        bad = np.flatnonzero((np.isnan(numbers) & ~blank(column)) | (np.abs(numbers) > LARGEST))
    remedy = "Write a number, or leave the cell empty where the value is missing."
    problems = [
        Problem(
            column=name,
            **place(row),
            what=f"{_shown(column.iloc[row])} is not a finite number{' below 1e30' * bool(np.isfinite(numbers[row]))}",
            expected="a finite number",
            remedy=remedy,
        )
        for row in bad[:MAX_LISTED_PROBLEMS]
    ]
    return _Channel(numbers, problems)


def _holds_numbers(column: pd.Series) -> bool:
    """Return whether a column may hold numbers; times and complex numbers are none."""
    return not (column.dtype.kind in "cmM" or isinstance(column.dtype, pd.DatetimeTZDtype | pd.PeriodDtype))


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str) else str(value)


def _observed(frame: pd.DataFrame, roles: Columns) -> tuple[Booleans, list[Problem]]:
    """Read which targets were observed, (rows,); all of them where no column says otherwise."""
    if roles.observed is None:
        return np.ones(len(frame), bool), []
    column = frame[roles.observed]
    if column.isna().any() or not set(column.unique()) <= {True, False}:
        return np.ones(len(frame), bool), [
            Problem(column=roles.observed, what="holds other values", expected="True or False in every row")
        ]
    return column.to_numpy(bool), []


def _find_zoned_grid(times: Times, series: Integers) -> Grid:
    """Find the grid of times with a zone: in UTC where steps are shorter than a day, else in local wall time.

    A day is a day in wall time, whatever the clocks do; an hour is an hour in UTC.
    """
    order = np.lexsort((times.values, series))
    local = times.on(Grid(kind="month", freq="MS"))  # any grid whose steps are a day or longer gives wall time
    grid = find_grid(local[order], series[order], integer=False)
    utc = find_grid(times.values[order], series[order], integer=False)
    return utc if utc.kind == "tick" and utc.step < DAY else grid


def _completed(fmt: TableFormat, frame: pd.DataFrame, roles: Columns, times: Times) -> TableFormat:
    """Return the form with dtypes and zone, and of a long table with the names of its columns."""
    assert roles.time is not None, "the roles are filled in"
    assert roles.target is not None, "the roles are filled in"
    id_dtypes = tuple(dtype_of(frame, name) for name in roles.ids)
    time_dtype = times.dtype if times.form is None else dtype_of(frame, roles.time)
    if fmt.kind == "long":
        levels = tuple(name for name in fmt.levels if name in (*roles.ids, roles.time))
        fmt = replace(fmt, ids=roles.ids, time=roles.time, target=roles.target, levels=levels)
    return replace(fmt, id_dtypes=id_dtypes, time_dtype=time_dtype, zone=times.zone, time_form=times.form)


def _note_ignored(frame: pd.DataFrame, roles: Columns) -> tuple[str, ...]:
    """Name the columns that have no role in one sentence; there is none where every column has one."""
    used = {*roles.ids, roles.time, roles.target, roles.observed, *roles.static, *roles.covariates}
    others = [str(name) for name in frame.columns if name not in used] + frame.attrs.get(LEFT_OUT, [])
    return (f"columns not used: {', '.join(others)}",) if others else ()


def _order(series: Integers, times: Integers) -> Integers | None:
    """Return the rows' numbers sorted by series and time; None where the rows are sorted already."""
    later = times[1:] > times[:-1]
    later &= series[1:] == series[:-1]
    later |= series[1:] > series[:-1]
    return None if later.all() else np.lexsort((times, series))


def _matrix(columns: list[Floats], observed: Booleans, order: Integers | None) -> Floats:
    """Return the columns side by side in their final order, (rows, channels), the target NaN where not observed."""
    matrix = np.empty((len(observed), len(columns)))
    for number, column in enumerate(columns):  # each is written once: a table may be as large as the memory allows
        matrix[:, number] = column if order is None else column[order]
    if not observed.all():
        matrix[~observed if order is None else ~observed[order], 0] = np.nan
    return matrix
