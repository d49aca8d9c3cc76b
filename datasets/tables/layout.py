"""Rows are laid on the grid: absent ones are masked, missing values are carried forward, nothing is padded."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.errors import MAX_LISTED_PROBLEMS, DataError, Problem
from forecast.datasets.panel import Channel, Panel
from forecast.datasets.tables.columns import Columns, TableFormat
from forecast.datasets.time.frequency import check_grid, find_grid
from forecast.datasets.time.grid import Grid, Integers
from forecast.datasets.time.times import as_text

MAX_SERIES_NAMED = 5  # in a note
MAX_STEPS_PER_ROW = 20  # a grid that is emptier than that has the wrong frequency
MOST_FAR_ROWS = 10  # that are mistaken; of more the grid is the wrong one
MAX_STEPS_OF_SMALL_TABLE = 10_000  # more than the above; a few rows far apart cost nothing


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The table's columns as arrays.

    Args:
        ids: (series,) ids as text, ascending.
        series: (rows,) number of each row's series, ascending.
        times: (rows,) int64 times in the unit of the grid, ascending in each series.
        integer: whether times are plain integers.
        values: (rows, channels) float64, the target first, NaN where missing.
        categories: the names behind each channel's codes; None for a channel of numbers.
        static: the static columns, a row for each row of the table.
        period_freq: frequency of a column of periods; None for other times.
        notes: sentences about irregularities that are left as they are.
    """

    ids: NDArray[np.object_]
    series: Integers
    times: Integers
    integer: bool
    values: NDArray[np.float64]
    categories: tuple[tuple[str, ...] | None, ...]
    static: pd.DataFrame
    period_freq: str | None
    notes: tuple[str, ...]

    def take(self, rows: Integers) -> Rows:
        """Keep the rows of these numbers, which ascend."""
        series, times, values = self.series[rows], self.times[rows], self.values[rows]
        static = self.static if self.static.empty else self.static.iloc[rows]
        return replace(self, series=series, times=times, values=values, static=static)

    @property
    def first(self) -> Integers:
        """Return the number of each series' first row, (series,); every series has one."""
        return np.append(0, np.flatnonzero(self.series[1:] != self.series[:-1]) + 1)


def lay_out(rows: Rows, roles: Columns, fmt: TableFormat, grid: Grid | None) -> Panel:
    """Lay sorted rows without duplicates on the grid.

    Args:
        rows: the rows.
        roles: the roles of the table's columns.
        fmt: form of the caller's table.
        grid: grid that the times must lie on; None finds it from the times.

    Raises:
        DataError: if a series has no value, a time is off the grid, the grid would be nearly empty, or a static column
            changes within a series.
    """
    rows = _from_first_value(rows, roles)
    freq_given = grid is not None
    grid = grid or find_grid(rows.times, rows.series, integer=rows.integer)
    steps, problems = check_grid(grid, rows.times, rows.series, rows.ids, freq_given=freq_given)
    problems += _static_problems(rows, roles)
    first = rows.first
    lengths = steps[np.append(first[1:], len(steps)) - 1] + 1
    if not problems and lengths.sum() > MAX_STEPS_PER_ROW * len(steps) + MAX_STEPS_OF_SMALL_TABLE:
        problems += _far_rows(rows, steps, roles, grid) or [
            Problem(
                column=roles.time,
                what=f"{int(lengths.sum())} steps of {grid.freq} for {len(steps)} rows",
                expected="a grid that most rows are on",
                remedy="Name a coarser freq= (--freq).",
            )
        ]
    if roles.on_gap == "refuse":
        problems += _gaps(rows, steps, roles, grid)
    if problems:
        raise DataError(count_problems(problems), problems=problems)
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    has_no_gaps = len(steps) == indptr[-1]
    # (grid rows, channels)
    absent_target = 0.0 if roles.on_gap == "zero" else np.nan
    values = rows.values
    if not has_no_gaps:
        values = _spread(rows.values, indptr[rows.series] + steps, int(indptr[-1]), absent_target)
    del steps  # as long as the table: a column less in memory
    target = np.ascontiguousarray(values[:, 0])
    offset = np.zeros((len(rows.ids), values.shape[1]))
    offset[:, 0] = target[indptr[:-1]]
    filled, observed = _carried_forward(values, indptr)
    return Panel(
        values=_centred(filled, offset, lengths),
        observed=observed,
        target=target,
        offset=offset,
        indptr=indptr,
        ids=rows.ids,
        starts=rows.times[first],
        grid=grid,
        channels=_channels(rows, roles),
        static=rows.static.iloc[first].reset_index(drop=True),
        format=fmt,
        notes=(*rows.notes, *_gap_notes(len(rows.times), indptr, observed, roles.on_gap)),
    )


def _channels(rows: Rows, roles: Columns) -> tuple[Channel, ...]:
    """Return what each column of values is, the target first."""
    kinds = ("target", *("known" for _ in roles.known), *("past" for _ in roles.past))
    named = zip((str(roles.target), *roles.covariates), kinds, rows.categories, strict=True)
    return tuple(Channel(name=name, role=kind, categories=categories) for name, kind, categories in named)


def _from_first_value(rows: Rows, roles: Columns) -> Rows:
    """Leave out the rows before each series' first value.

    Raises:
        DataError: if a series has no value.
    """
    if not np.isnan(rows.values[rows.first, 0]).any():
        return rows
    rows = _without_empty(rows, roles)
    observed, first = ~np.isnan(rows.values[:, 0]), rows.first
    if observed[first].all():
        return rows
    values_so_far = np.cumsum(observed)
    values_of_earlier_series = np.where(first > 0, values_so_far[first - 1], 0)[rows.series]
    kept = values_so_far > values_of_earlier_series
    note = f"{int((~kept).sum())} rows before the first value of their series are left out"
    return replace(rows.take(np.flatnonzero(kept)), notes=(*rows.notes, note))


def _without_empty(rows: Rows, roles: Columns) -> Rows:
    """Leave out the series without any value, if the user wants that.

    Raises:
        DataError: if the user does not, or if no series is left.
    """
    counts = np.bincount(rows.series[~np.isnan(rows.values[:, 0])], minlength=len(rows.ids))
    empty = np.flatnonzero(counts == 0)
    if not len(empty):
        return rows
    if roles.on_empty != "skip" or len(empty) == len(rows.ids):
        remedy = "Remove the series, or leave it out with on_empty='skip' (--on-empty skip)."
        problems = [
            Problem(
                series=str(rows.ids[i]),
                column=roles.target,
                what="no value at all",
                expected="at least one",
                remedy=remedy,
            )
            for i in empty[:MAX_LISTED_PROBLEMS]
        ]
        raise DataError(count_problems(problems), problems=problems)
    named = ", ".join(repr(str(rows.ids[i])) for i in empty[:MAX_SERIES_NAMED])
    more = f" and {len(empty) - MAX_SERIES_NAMED} more" if len(empty) > MAX_SERIES_NAMED else ""
    note = f"{len(empty)} series without any value are skipped: {named}{more}"
    kept = rows.take(np.flatnonzero(counts[rows.series] > 0))
    number = np.cumsum(counts > 0) - 1
    return replace(kept, ids=rows.ids[counts > 0], series=number[kept.series], notes=(*rows.notes, note))


def _spread(values: NDArray[np.float64], grid_rows: Integers, n_rows: int, absent_target: float) -> NDArray[np.float64]:
    """Put the values, (rows, channels), into their rows of the grid, (n_rows, channels); the others are NaN, but for the
    target."""
    on_grid = np.full((n_rows, values.shape[1]), np.nan)
    on_grid[:, 0] = absent_target
    on_grid[grid_rows] = values
    return on_grid


def _carried_forward(values: NDArray[np.float64], indptr: Integers) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Replace missing values by the last observed one of their series, 0 before the first.

    Returns:
        The values, (rows, channels), and whether each was observed, of the same shape.
    """
    observed = ~np.isnan(values)
    if observed.all():
        return values, observed
    rows = np.arange(len(values))[:, None]
    source = np.maximum.accumulate(np.where(observed, rows, -1), axis=0)
    first = np.repeat(indptr[:-1], np.diff(indptr))[:, None]
    filled = np.take_along_axis(values, np.maximum(source, 0), axis=0)
    filled[source < first] = 0.0  # the last observed one is another series'
    return filled, observed


def _centred(values: NDArray[np.float64], offset: NDArray[np.float64], lengths: Integers) -> NDArray[np.float32]:
    """Take each series' offset, (series, channels), off in float64 and cast to float32; a channel at a time saves memory."""
    centred = np.empty(values.shape, np.float32)
    centred[:, 1:] = values[:, 1:]  # covariates have no offset yet
    np.subtract(values[:, 0], np.repeat(offset[:, 0], lengths), out=centred[:, 0], casting="same_kind")
    return centred


def _static_problems(rows: Rows, roles: Columns) -> list[Problem]:
    """List the series in which a static column changes."""
    problems = []
    for name in roles.static:
        codes, _ = pd.factorize(rows.static[name], use_na_sentinel=False)
        changes = np.flatnonzero((rows.series[1:] == rows.series[:-1]) & (codes[1:] != codes[:-1]))
        for number in np.unique(rows.series[changes])[:MAX_LISTED_PROBLEMS]:
            remedy = "Name it with known= or past=, or mend the table."
            problems.append(
                Problem(
                    series=str(rows.ids[number]),
                    column=name,
                    what="the value changes",
                    expected="one value a series",
                    remedy=remedy,
                )
            )
    return problems


def _far_rows(rows: Rows, steps: Integers, roles: Columns, grid: Grid) -> list[Problem]:
    """List the rows that stand alone, far from the others of their series, as mistyped years do; none if they are many."""
    apart = np.where(rows.series[1:] == rows.series[:-1], np.diff(steps), 0)
    far = np.flatnonzero(apart > MAX_STEPS_PER_ROW * len(steps) / len(rows.ids) + MAX_STEPS_OF_SMALL_TABLE / 10)
    if len(far) > MOST_FAR_ROWS:
        return []
    remedy = "Mend the time, or leave the row out."
    return [
        Problem(series=str(rows.ids[rows.series[k]]), column=roles.time,
                time=as_text(int(rows.times[k + 1]), rows.integer),
                what=f"the row stands {apart[k]} steps of {grid.freq} after the one before it, {as_text(int(rows.times[k]), rows.integer)}",
                expected="a grid that most rows are on", remedy=remedy)
        for k in far
    ]  # fmt: skip


def _gaps(rows: Rows, steps: Integers, roles: Columns, grid: Grid) -> list[Problem]:
    """List the stretches of rows that the grid has and the table lacks."""
    after = np.flatnonzero((rows.series[1:] == rows.series[:-1]) & (np.diff(steps) > 1))[:MAX_LISTED_PROBLEMS]
    remedy = "Add the rows, or say what they are with on_gap='mask' or 'zero' (--on-gap)."
    return [
        Problem(series=str(rows.ids[rows.series[k]]), column=roles.time, time=as_text(int(rows.times[k]), rows.integer),
                what=f"{steps[k + 1] - steps[k] - 1} rows are absent after it", expected=f"a row every {grid.freq}",
                remedy=remedy)
        for k in after
    ]  # fmt: skip


def _gap_notes(n_rows: int, indptr: Integers, observed: NDArray[np.bool_], on_gap: str) -> tuple[str, ...]:
    """Say in a sentence each how many rows a table of `n_rows` rows lacks on the grid, how many targets are missing, and
    whether every series ends with missing ones."""
    absent = int(indptr[-1]) - n_rows
    blank = int((~observed[:, 0]).sum()) - (0 if on_gap == "zero" else absent)
    done = "count as 0" if on_gap == "zero" else "are masked"
    notes = [f"{absent} rows are absent on the grid; they {done}"] if absent else []
    notes += [f"{blank} targets are missing; they are masked"] if blank else []
    if observed[indptr[1:] - 1, 0].any():
        return tuple(notes)
    newest = np.maximum.reduceat(np.where(observed[:, 0], np.arange(len(observed)), -1), indptr[:-1])
    late = int((indptr[1:] - 1 - newest).min())
    if late:
        notes.append(f"the newest {late} rows of every series have no value; forecasts start after these rows")
    return tuple(notes)


def count_problems(problems: list[Problem]) -> str:
    """Say how many problems a table has."""
    return f"the table has {len(problems)} problem{'s' if len(problems) > 1 else ''}"
