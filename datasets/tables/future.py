"""Rows after the history with known-future covariates; they are appended to a panel so that windows can read them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.errors import MAX_LISTED_PROBLEMS, DataError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.tables.columns import TIMES, find, ids_like, missing
from forecast.datasets.tables.encoding import blank
from forecast.datasets.tables.forms import columns_of, in_callers_form
from forecast.datasets.tables.identity import give_ids, numbers_among
from forecast.datasets.tables.result import give_times
from forecast.datasets.time.times import as_text, parse_times
from forecast.datasets.time.writing import has_offset
from forecast.datasets.windows.origins import Integers, Origins

INCOMPLETE = "the known covariates of the future are not complete"
TO_FILL_IN = "`forecast future MODEL > fill_me.csv` (fc.future_frame(model)) writes the table that is to be filled in."


def with_future(panel: Panel, future: Any, horizon: int) -> tuple[Panel, Origins]:
    """Append `horizon` rows without a target to each series.

    Args:
        panel: the history.
        future: a frame with ids, times and every known covariate, for at least the steps 1 to `horizon` after each
            series' last row; rows before or after these are not read. With None, the panel itself must end with rows
            whose target is missing, which are the future.
        horizon: number of steps.

    Returns:
        The longer panel, and the origin of each series, between its history and its future.

    Raises:
        DataError: if rows or cells are missing; its problems name all of them.
    """
    if future is None:
        return _future_in_panel(panel, horizon)
    frame = columns_of(future, panel.format)
    longer = lengthened(panel, horizon)
    origins = Origins(np.arange(panel.n_series), longer.indptr[:-1] + panel.lengths)
    rows, series, step = _future_rows(frame, panel, horizon)
    is_present = np.zeros((panel.n_series, horizon), bool)
    is_present[series, step] = True
    problems = _absent_rows(panel, is_present)
    at = longer.indptr[series] + panel.lengths[series] + step  # their flat rows in the longer panel
    channels = list(panel.channels)
    values, observed = longer.values, longer.observed
    for number, channel in enumerate(channels):
        if channel.role != "known":
            continue
        cells = frame[channel.name].iloc[rows]
        if channel.categories is None:
            numbers = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        else:
            names, numbers = _with_new_categories(channel.categories, cells)
            channels[number] = replace(channel, categories=names)
        expected = "a finite number" if channel.categories is None else "a category"
        bad = np.flatnonzero(~np.isfinite(numbers))[:MAX_LISTED_PROBLEMS]
        problems += [
            Problem(series=str(panel.ids[series[k]]), column=channel.name, time=_time(panel, series[k], step[k]),
                    what=f"{cells.iloc[k]!r} is not known", expected=expected, remedy="Fill in the future's table.")
            for k in bad
        ]  # fmt: skip
        values[at, number], observed[at, number] = numbers - panel.offset[series, number], True
    if problems:
        raise DataError(INCOMPLETE, hint=TO_FILL_IN, problems=problems)
    return replace(longer, values=values, observed=observed, channels=tuple(channels)), origins


def _future_in_panel(panel: Panel, horizon: int) -> tuple[Panel, Origins]:
    """Place origins after each series' last observed target, where `horizon` rows with known covariates follow."""
    rows = np.where(np.isfinite(panel.target), np.arange(panel.n_rows), -1)
    ends = np.maximum.reduceat(rows, panel.indptr[:-1]) + 1
    channels = [(k, channel) for k, channel in enumerate(panel.channels) if channel.role == "known"]
    problems = []
    for series in range(panel.n_series):
        after = panel.indptr[series + 1] - ends[series]
        if after < horizon:
            what = f"{after} of the {horizon} rows after the last target are there"
            remedy = "Pass future= (--future) with the known covariates of these times, or add rows without a target."
            columns = ", ".join(channel.name for _, channel in channels)
            problems.append(Problem(series=str(panel.ids[series]), column=columns, what=what, remedy=remedy))
            continue
        for number, channel in channels:
            gap = np.flatnonzero(~panel.observed[ends[series] : ends[series] + horizon, number])[:1]
            problems += [Problem(series=str(panel.ids[series]), column=channel.name, what=f"step {k + 1} is missing")
                         for k in gap]  # fmt: skip
    if problems:
        raise DataError(INCOMPLETE, hint=TO_FILL_IN, problems=problems[:MAX_LISTED_PROBLEMS])
    return panel, Origins(np.arange(panel.n_series), ends)


def blank_future(panel: Panel, horizon: int) -> Any:
    """Lay out the rows after a panel that `with_future` reads, with nothing in their known covariates.

    Args:
        panel: the history.
        horizon: number of steps.

    Returns:
        Ids, times and the known covariates in the form of the caller's table, a row for each series and step. A wide
        table, which has no covariates, has its series as blank columns.
    """
    fmt = panel.format
    columns = give_ids(panel, np.repeat(np.arange(panel.n_series), horizon))
    steps = panel.lengths[:, None] + np.arange(horizon)
    columns[fmt.time] = give_times(panel, panel.grid.shift(panel.starts[:, None], steps).ravel())
    for channel in panel.channels:
        if channel.role == "known":
            blanks = np.full(steps.size, np.nan)
            columns[channel.name] = blanks if channel.categories is None else pd.Series(blanks, dtype="str")
    if fmt.kind == "wide":
        columns[fmt.target] = np.full(steps.size, np.nan)
    return in_callers_form(pd.DataFrame(columns), fmt, panel.grid.freq)


def lengthened(panel: Panel, horizon: int) -> Panel:
    """Append `horizon` rows to each series, in which nothing is observed and the last values repeat."""
    lengths = panel.lengths + horizon
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    step = np.arange(indptr[-1]) - np.repeat(indptr[:-1], lengths)
    inside = step < np.repeat(panel.lengths, lengths)
    rows = np.repeat(panel.indptr[:-1], lengths) + np.minimum(step, np.repeat(panel.lengths, lengths) - 1)
    target = np.where(inside, panel.target[rows], np.nan)
    return replace(
        panel, values=panel.values[rows], observed=panel.observed[rows] & inside[:, None], target=target, indptr=indptr
    )


def _future_rows(frame: pd.DataFrame, panel: Panel, horizon: int) -> tuple[Integers, Integers, Integers]:
    """Find the frame's rows that lie in a series' future.

    Returns:
        For each of them, its number in the frame, its series, and its step after the history, counted from 0.
    """
    id_columns, time_column = _ids_and_time(frame, panel)
    form = panel.format.time_form
    # offsets may change on the way: text that has them says itself which time it is
    times, problems = parse_times(frame[time_column], time_column, None if has_offset(form) else form)
    if times is None or problems:
        raise DataError("the future's times cannot be read", problems=problems)
    series, _ = numbers_among(frame, id_columns, panel)
    rows = np.flatnonzero(series >= 0)  # series that the history does not have are not read
    series = series[rows]
    step, exact = panel.grid.steps(panel.starts[series], times.on(panel.grid)[rows])
    step = step - panel.lengths[series]
    in_horizon = exact & (step >= 0) & (step < horizon)
    rows, series, step = rows[in_horizon], series[in_horizon], step[in_horizon]
    _, counts = np.unique(series * horizon + step, return_counts=True)
    if (counts > 1).any():
        problem = Problem(column=time_column, what="a time stands in several rows", expected="each time once a series")
        raise DataError("the future's table repeats itself", problems=[problem])
    return rows, series, step


def _ids_and_time(frame: pd.DataFrame, panel: Panel) -> tuple[tuple[str, ...], str]:
    """Find the columns of ids and times, by the history's names or by usual ones."""
    columns = [str(name) for name in frame.columns]
    id_columns, problems = ids_like(panel.format, columns)
    time_name = panel.format.time
    time_column, time_problems = find(time_name if time_name in columns else None, TIMES, columns, "time", needed=True)
    covariates = [channel.name for channel in panel.channels if channel.role == "known"]
    absent = [missing(name, columns, "known") for name in covariates if name not in columns]
    problems = [*problems, *time_problems, *absent]
    if problems:
        raise DataError("the future's table does not have the columns it needs", hint=TO_FILL_IN, problems=problems)
    return id_columns, str(time_column)


def _absent_rows(panel: Panel, is_present: NDArray[np.bool_]) -> list[Problem]:
    """Name the series whose future is not complete; `is_present` is (series, horizon)."""
    remedy = "Add these rows to the future's table."
    problems = []
    for series in np.flatnonzero(~is_present.all(axis=1))[:MAX_LISTED_PROBLEMS]:
        steps = np.flatnonzero(~is_present[series])
        what = f"{len(steps)} of {is_present.shape[1]} rows are missing"
        time = _time(panel, int(series), int(steps[0]))
        problems.append(Problem(series=str(panel.ids[series]), time=time, what=what, remedy=remedy))
    return problems


def _time(panel: Panel, series: int, step: int) -> str:
    """Return the time of a step after the history, as text."""
    steps = np.array([panel.lengths[series] + step])
    return as_text(int(panel.grid.shift(panel.starts[series : series + 1], steps)[0]), panel.grid.kind == "integer")


def _with_new_categories(categories: tuple[str, ...], cells: pd.Series) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Append the categories that the history does not have, and encode the cells; a blank cell is NaN."""
    text = cells.astype(str).to_numpy(object)
    is_blank = blank(cells)
    names = (*categories, *sorted(set(text[~is_blank]) - set(categories)))
    codes = {name: float(code) for code, name in enumerate(names)}
    return names, np.array([np.nan if b else codes[name] for name, b in zip(text, is_blank, strict=True)], np.float64)
