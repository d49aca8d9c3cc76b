"""A column of times is read to int64, and given back in the form that the caller had."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from forecast.datasets.errors import MAX_LISTED_PROBLEMS, ConfigError, Problem
from forecast.datasets.time.grid import DAY, Grid, Integers, microseconds
from forecast.datasets.time.repeated import numbered
from forecast.datasets.time.texts import ISO, read_text
from forecast.datasets.time.writing import written

DATES_AS_NUMBERS = (19000101, 21001231)


@dataclass(frozen=True, kw_only=True)
class Times:
    """A column of times.

    Args:
        values: (rows,) int64 integers, or microseconds since 1970 (in UTC where the column has a zone).
        integer: whether they are plain integers.
        dtype: dtype of the column as text, without the zone.
        zone: time zone; None for stamps without one.
        freq: frequency of a column of periods; None for other columns.
        form: form of a column of text (see `parsed`); None for other columns.
        note: a sentence on what of the text cannot come back; empty where all can.
    """

    values: Integers
    integer: bool
    dtype: str
    zone: str | None = None
    freq: str | None = None
    form: str | None = None
    note: str = ""

    def on(self, grid: Grid | None) -> Integers:
        """Return the times in the unit of the grid, (rows,).

        Where the column has a zone and steps are a day or longer, it is local wall time, so that days may have 23 or
        25 hours; None stands for such a grid.
        """
        if self.zone is None or (grid is not None and _is_utc(grid)):
            return self.values
        return local_time(self.values, self.zone)


def parse_times(column: pd.Series, name: str, date_format: str | None = None) -> tuple[Times | None, list[Problem]]:
    """Read a column of stamps, periods, text or integers.

    Args:
        column: the column.
        name: its name, for messages.
        date_format: strptime form of times that are text, or whole numbers such as 20240131; None finds that of text.

    Returns:
        The times, None where they cannot be read, and the problems.
    """
    dtype = column.dtype
    if isinstance(dtype, pd.PeriodDtype):
        stamps = column.dt.start_time
        times = Times(values=_stamps(stamps), integer=False, dtype=str(dtype), freq=_period_freq(str(dtype)))
        return times, _blank(column, name)
    if isinstance(dtype, pd.DatetimeTZDtype):
        values = _stamps(column.dt.tz_convert("UTC").dt.tz_localize(None))
        times = Times(values=values, integer=False, dtype=f"datetime64[{dtype.unit}]", zone=str(dtype.tz))
        return times, _blank(column, name)
    if pd.api.types.is_datetime64_dtype(dtype):
        return Times(values=_stamps(column), integer=False, dtype=str(dtype)), _blank(column, name)
    if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype):
        if date_format is not None and column.notna().all():
            dates, problems = _text(column.astype("int64").astype(str), name, date_format)
            return (None if dates is None else replace(dates, dtype=str(dtype))), problems
        return _integers(column, name)
    return _text(column, name, date_format)


def give_back(values: Integers, grid: Grid, dtype: str, zone: str | None, form: str | None = None) -> Any:
    """Return times of the grid in the caller's dtype, zone and form, as a DataFrame takes them for a column.

    Args:
        values: (n,) int64 times in the unit of the grid.
        grid: the grid.
        dtype: dtype of the caller's times as text, without the zone.
        zone: the caller's time zone; None for stamps without one.
        form: strptime form of the caller's times, where they are text; None for others.
    """
    if grid.kind == "integer":
        return values.astype(dtype)
    stamps = pd.DatetimeIndex(values.view("datetime64[us]"))
    if form is not None:
        return written(stamps, form).astype(dtype).array
    if dtype.startswith("period"):
        return stamps.to_period(dtype[7:-1])
    if zone is not None:
        stamps = stamps.tz_localize("UTC").tz_convert(zone) if _is_utc(grid) else _localize(stamps, zone)
    unit: Any = dtype[11:-1]
    return stamps if unit in ("", "us") else stamps.as_unit(unit)


def as_text(value: int, integer: bool, zone: str | None = None) -> str:
    """Return a time as messages show it: a whole number, a date, or a date with the time of day, there where a zone is."""
    if integer:
        return str(value)
    stamp = pd.Timestamp(int(value), unit="us")
    stamp = stamp if zone is None else stamp.tz_localize("UTC").tz_convert(zone).tz_localize(None)
    return str(stamp.date()) if stamp == stamp.normalize() else str(stamp)


def parse_time(value: Any, grid: Grid, zone: str | None) -> int:
    """Read one time that a user typed.

    Args:
        value: a whole number on an integer grid, else ISO 8601 text or a stamp.
        grid: the grid.
        zone: time zone of the table; None for a table without one.

    Returns:
        The time in the unit of the grid.

    Raises:
        ConfigError: if it is not a time of the grid's kind, or has a zone where the table has none.
    """
    form = "a whole number" if grid.kind == "integer" else "an ISO 8601 time such as 2024-01-31"
    try:
        if grid.kind == "integer":
            return int(value)
        stamp = pd.Timestamp(value)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{value!r} is no time of this table", hint=f"Write it as {form}.") from error
    if zone is not None:
        stamp = stamp.tz_localize(zone) if stamp.tzinfo is None else stamp.tz_convert(zone)
        stamp = stamp.tz_convert("UTC").tz_localize(None) if _is_utc(grid) else stamp.tz_localize(None)
    elif stamp.tzinfo is not None:
        raise ConfigError(f"{value!r} has a time zone, the table has none", hint="Leave the zone out.")
    return int(microseconds(pd.DatetimeIndex([stamp]))[0])


def _is_utc(grid: Grid) -> bool:
    """Return whether the grid counts in UTC: steps shorter than a day have one length, whatever the clocks do."""
    return grid.kind == "tick" and grid.step < DAY


def _stamps(column: pd.Series) -> Integers:
    """Return a column of naive stamps as microseconds since 1970, (rows,)."""
    return microseconds(pd.DatetimeIndex(column))


def local_time(values: Integers, zone: str) -> Integers:
    """Return microseconds in UTC as microseconds of the zone's wall time, (rows,)."""
    return microseconds(pd.DatetimeIndex(values.view("datetime64[us]"), tz="UTC").tz_convert(zone).tz_localize(None))


def _localize(stamps: pd.DatetimeIndex, zone: str) -> pd.DatetimeIndex:
    """Give naive stamps of wall time their zone."""
    # a clock change repeats some wall times and skips others: we take the earlier, and the next that exists
    return stamps.tz_localize(zone, ambiguous=np.ones(len(stamps), bool), nonexistent="shift_forward")


def _period_freq(dtype: str) -> str:
    """Return the alias of a period dtype's starts: period[M] gives MS."""
    name = dtype[7:-1]
    starts = {"M": "MS", "Q": "QS", "Y": "YS", "A": "YS"}
    root, _, anchor = name.partition("-")
    return starts.get(root.lstrip("0123456789"), name if not anchor or root == "W" else root)


def _blank(column: pd.Series, name: str) -> list[Problem]:
    """List the rows without a time as problems."""
    rows = np.flatnonzero(column.isna().to_numpy())[:MAX_LISTED_PROBLEMS]
    return [
        Problem(what=f"row {row + 1} has no time", column=name, remedy="Give it one or remove the row.") for row in rows
    ]


def _integers(column: pd.Series, name: str) -> tuple[Times | None, list[Problem]]:
    """Read a column of numbers, all of which must be whole."""
    problems = _blank(column, name)
    if problems:
        return None, problems
    numbers = column.to_numpy(np.float64) if column.dtype.kind == "f" else None
    if numbers is not None and (numbers != np.round(numbers)).any():
        bad = numbers[numbers != np.round(numbers)][0]
        return None, [Problem(what=f"time {bad!r} is not whole", column=name, expected="time stamps or whole numbers")]
    if _are_dates(column):
        first = column.iloc[0]
        remedy = "Say so with date_format=%Y%m%d (--date-format %Y%m%d)."
        return None, [Problem(what=f"whole numbers such as {first} look like dates", column=name, remedy=remedy)]
    dtype = "int64" if numbers is not None else str(column.dtype).lower()
    return Times(values=column.to_numpy(np.int64), integer=True, dtype=dtype), []


def _are_dates(column: pd.Series) -> bool:
    """Return whether whole numbers are all dates such as 20240131, as few other numbers are."""
    if not column.between(*DATES_AS_NUMBERS).all():
        return False
    return bool(pd.to_datetime(column.astype("int64").astype(str), format="%Y%m%d", errors="coerce").notna().all())


def _text(column: pd.Series, name: str, date_format: str | None) -> tuple[Times | None, list[Problem]]:
    """Read a column of text, or of whole numbers as text; times that stand in many series are read once."""
    codes, distinct = numbered(column)
    if 2 * len(distinct) < len(column) and (codes >= 0).all():
        times, problems = _text(pd.Series(distinct, dtype=column.dtype), name, date_format)
        if times is not None:
            return replace(times, values=times.values[codes]), problems
    missing = column.isna() | (column.astype(str).str.strip() == "")
    if missing.any():
        return None, _blank(column.mask(missing), name)
    if date_format is None and pd.to_datetime(column, format=ISO, errors="coerce", utc=True).isna().any():
        whole = pd.to_numeric(column, errors="coerce")
        if whole.notna().all():
            return _integers(whole, name)
    found, problems = read_text(column, name, date_format)
    if found is None:
        return None, problems
    times = parse_times(found.stamps, name)[0]
    assert times is not None, "stamps are read"
    times = replace(times, note=found.note)
    return (times if found.form is None else replace(times, form=found.form, dtype=str(column.dtype))), []
