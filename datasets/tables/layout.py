"""Rows laid on the grid: absent ones masked, missing values carried forward, nothing padded."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.errors import DataError, Problem
from forecast.datasets.panel import Channel, Panel
from forecast.datasets.tables.columns import Columns, TableFormat
from forecast.datasets.time.frequency import check_grid, find_grid
from forecast.datasets.time.grid import Grid, Integers
from forecast.datasets.time.times import LISTED

MOST_GAPS = 20  # times the rows there are; a grid that is emptier than that has the wrong frequency


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The table's columns as arrays.

    Args:
        ids: (series,) text, ascending.
        series: (rows,) number of the row's series.
        times: (rows,) int64.
        integer: whether times are plain integers.
        values: (rows, channels) float64, NaN where missing.
        categories: of each channel, the names behind its codes; None for numbers.
        static: (rows, ...) static columns.
        period_freq: frequency that came with a PeriodIndex.
        notes: what was found and left as it is.
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
        series, times, values = self.series[rows], self.times[rows], self.values[rows]
        static = self.static if self.static.empty else self.static.iloc[rows]
        return replace(self, series=series, times=times, values=values, static=static)

    @property
    def first(self) -> Integers:
        """Number of each series' first row, (series,); every series has one."""
        return np.append(0, np.flatnonzero(self.series[1:] != self.series[:-1]) + 1)


def lay_out(rows: Rows, roles: Columns, fmt: TableFormat, grid: Grid | None, asked: bool) -> Panel:
    """Sorted rows without duplicates, laid on the grid."""
    rows = _from_first_value(rows, roles)
    known = grid is not None
    grid = grid or find_grid(rows.times, rows.series, integer=rows.integer)
    steps, problems = check_grid(grid, rows.times, rows.series, rows.ids, asked=asked or known)
    problems += _static_problems(rows, roles)
    first = rows.first
    lengths = steps[np.append(first[1:], len(steps)) - 1] + 1
    if not problems and lengths.sum() > MOST_GAPS * len(steps) + 10_000:
        what = f"{int(lengths.sum())} steps of {grid.freq} for {len(steps)} rows"
        problems.append(
            Problem(
                column=roles.time,
                what=what,
                expected="a grid that most rows are on",
                remedy="Name a coarser freq= (--freq).",
            )
        )
    if problems:
        raise DataError(counted(problems), problems=problems)
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    full = len(steps) == indptr[-1]
    values = rows.values if full else _spread(rows.values, indptr[rows.series] + steps, int(indptr[-1]))
    del steps  # as long as the table: a column less in memory
    target = np.ascontiguousarray(values[:, 0])
    offset = np.zeros((len(rows.ids), values.shape[1]))
    offset[:, 0] = target[indptr[:-1]]
    filled, observed = _carried_forward(values, indptr)
    roles_of = ("target", *("known" for _ in roles.known), *("past" for _ in roles.past))
    names = (str(roles.target), *roles.covariates)
    return Panel(
        values=_centred(filled, offset, lengths),
        observed=observed,
        target=target,
        offset=offset,
        indptr=indptr,
        ids=rows.ids,
        starts=rows.times[first],
        grid=grid,
        channels=tuple(
            Channel(name=n, role=r, categories=c) for n, r, c in zip(names, roles_of, rows.categories, strict=True)
        ),
        static=rows.static.iloc[first].reset_index(drop=True),
        format=fmt,
        notes=(*rows.notes, *_gap_notes(len(rows.times), indptr, observed)),
    )


def _from_first_value(rows: Rows, roles: Columns) -> Rows:
    """Without the rows before each series' first value; a series without any is a problem."""
    seen = ~np.isnan(rows.values[:, 0])
    counts = np.bincount(rows.series[seen], minlength=len(rows.ids))
    empty = np.flatnonzero(counts == 0)
    if len(empty):
        problems = [
            Problem(
                series=str(rows.ids[i]),
                column=roles.target,
                what="no value at all",
                expected="at least one",
                remedy="Remove the series.",
            )
            for i in empty[:LISTED]
        ]
        raise DataError(counted(problems), problems=problems)
    first = rows.first
    if seen[first].all():
        return rows
    running = np.cumsum(seen)
    before = np.where(first > 0, running[first - 1], 0)[rows.series]
    kept = running > before
    note = f"{int((~kept).sum())} rows before the first value of their series are left out"
    return replace(rows.take(np.flatnonzero(kept)), notes=(*rows.notes, note))


def _spread(values: NDArray[np.float64], at: Integers, n_rows: int) -> NDArray[np.float64]:
    wide = np.full((n_rows, values.shape[1]), np.nan)
    wide[at] = values
    return wide


def _carried_forward(values: NDArray[np.float64], indptr: Integers) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Masked values replaced by the last observed one of their series (0 before the first), and the mask."""
    observed = ~np.isnan(values)
    if observed.all():
        return values, observed
    rows = np.arange(len(values))[:, None]
    source = np.maximum.accumulate(np.where(observed, rows, -1), axis=0)
    begin = np.repeat(indptr[:-1], np.diff(indptr))[:, None]
    filled = np.take_along_axis(values, np.maximum(source, 0), axis=0)
    filled[source < begin] = 0.0
    return filled, observed


def _centred(values: NDArray[np.float64], offset: NDArray[np.float64], lengths: Integers) -> NDArray[np.float32]:
    """The values less their series' offset, taken off in float64 before the cast; a channel at a time."""
    centred = np.empty(values.shape, np.float32)
    centred[:, 1:] = values[:, 1:]  # covariates have no offset yet
    centred[:, 0] = values[:, 0] - np.repeat(offset[:, 0], lengths)
    return centred


def _static_problems(rows: Rows, roles: Columns) -> list[Problem]:
    problems = []
    for name in roles.static:
        codes, _ = pd.factorize(rows.static[name], use_na_sentinel=False)
        changes = np.flatnonzero((rows.series[1:] == rows.series[:-1]) & (codes[1:] != codes[:-1]))
        for number in np.unique(rows.series[changes])[:LISTED]:
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


def _gap_notes(n_rows: int, indptr: Integers, observed: NDArray[np.bool_]) -> tuple[str, ...]:
    absent = int(indptr[-1]) - n_rows
    blank = int((~observed[:, 0]).sum()) - absent
    notes = [f"{absent} rows are absent on the grid; they are masked"] if absent else []
    return (*notes, f"{blank} targets are missing; they are masked") if blank else tuple(notes)


def counted(problems: list[Problem]) -> str:
    return f"the table has {len(problems)} problem{'s' if len(problems) > 1 else ''}"
