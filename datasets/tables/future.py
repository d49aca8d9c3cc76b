"""Rows after the history whose covariates are known: laid behind a panel so that windows can read them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.errors import DataError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.tables.columns import IDS, TIMES, find, missing
from forecast.datasets.tables.encoding import blank
from forecast.datasets.time.times import LISTED, as_text, parse_times
from forecast.datasets.windows.origins import Integers, Origins


def with_future(panel: Panel, future: Any, horizon: int) -> tuple[Panel, Origins]:
    """The panel with `horizon` more rows a series, whose targets are unknown, and the origins before them.

    Args:
        panel: the history.
        future: a frame with ids, times and every known covariate, for at least the steps 1 to `horizon` after each
            series' last row; rows further away or before are not read. None where the panel itself ends with rows
            whose target is missing: those are the future.
        horizon: steps that must be there.

    Raises:
        DataError: with every row and cell that is missing.
    """
    if future is None:
        return _own_future(panel, horizon)
    frame = future if isinstance(future, pd.DataFrame) else pd.DataFrame(future)
    longer = _lengthened(panel, horizon)
    origins = Origins(np.arange(panel.n_series), longer.indptr[:-1] + panel.lengths)
    rows, places, problems = _places(frame, panel, horizon)
    seen = np.zeros((panel.n_series, horizon), bool)
    at = longer.indptr[places[0]] + panel.lengths[places[0]] + places[1]
    seen[places] = True
    problems += _absent(panel, seen)
    channels = list(panel.channels)
    values, observed = longer.values, longer.observed
    for number, channel in enumerate(channels):
        if channel.role != "known":
            continue
        cells = frame[channel.name].iloc[rows]
        if channel.categories is None:
            read = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        else:
            names, read = _with_new(channel.categories, cells)
            channels[number] = replace(channel, categories=names)
        wanted = "a finite number" if channel.categories is None else "a category"
        bad = np.flatnonzero(~np.isfinite(read))[:LISTED]
        problems += [
            Problem(series=str(panel.ids[places[0][k]]), column=channel.name, time=_time(panel, places[0][k], places[1][k]),
                    what=f"{cells.iloc[k]!r} is not known", expected=wanted, remedy="Fill in the future's table.")
            for k in bad
        ]  # fmt: skip
        values[at, number], observed[at, number] = read - panel.offset[places[0], number], True
    if problems:
        raise DataError("the known covariates of the future are not complete", problems=problems)
    return replace(longer, values=values, observed=observed, channels=tuple(channels)), origins


def _own_future(panel: Panel, horizon: int) -> tuple[Panel, Origins]:
    """Origins after each series' last known target, where `horizon` rows with known covariates follow."""
    known = np.isfinite(panel.target)
    rows = np.where(known, np.arange(panel.n_rows), -1)
    ends = np.maximum.reduceat(rows, panel.indptr[:-1]) + 1
    names = [(k, c) for k, c in enumerate(panel.channels) if c.role == "known"]
    problems = []
    for series in range(panel.n_series):
        after = panel.indptr[series + 1] - ends[series]
        if after < horizon:
            what = f"{after} of the {horizon} rows after the last target are there"
            remedy = "Pass future= (--future) with the known covariates of these times, or add rows without a target."
            columns = ", ".join(channel.name for _, channel in names)
            problems.append(Problem(series=str(panel.ids[series]), column=columns, what=what, remedy=remedy))
            continue
        for number, channel in names:
            hole = np.flatnonzero(~panel.observed[ends[series] : ends[series] + horizon, number])[:1]
            problems += [Problem(series=str(panel.ids[series]), column=channel.name, what=f"step {k + 1} is missing")
                         for k in hole]  # fmt: skip
    if problems:
        raise DataError("the known covariates of the future are not complete", problems=problems[:LISTED])
    return panel, Origins(np.arange(panel.n_series), ends)


def _lengthened(panel: Panel, horizon: int) -> Panel:
    """`horizon` more rows a series: nothing observed, the last values repeated."""
    lengths = panel.lengths + horizon
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    step = np.arange(indptr[-1]) - np.repeat(indptr[:-1], lengths)
    inside = step < np.repeat(panel.lengths, lengths)
    rows = np.repeat(panel.indptr[:-1], lengths) + np.minimum(step, np.repeat(panel.lengths, lengths) - 1)
    target = np.where(inside, panel.target[rows], np.nan)
    return replace(
        panel, values=panel.values[rows], observed=panel.observed[rows] & inside[:, None], target=target, indptr=indptr
    )


def _places(
    frame: pd.DataFrame, panel: Panel, horizon: int
) -> tuple[Integers, tuple[Integers, Integers], list[Problem]]:
    """Of the rows that are needed: their numbers, and the series and step each belongs to."""
    columns = [str(name) for name in frame.columns]
    own = panel.format.id
    identity, first = find(own if own in columns else None, IDS, columns, "id", needed=True) if own else (None, [])
    wanted = panel.format.time if panel.format.time in columns else None
    stamp, second = find(wanted, TIMES, columns, "time", needed=True)
    problems = [*first, *second]
    problems += [
        missing(c.name, columns, "known") for c in panel.channels if c.role == "known" and c.name not in columns
    ]
    if problems:
        raise DataError("the future's table does not have the columns it needs", problems=problems)
    times, problems = parse_times(frame[stamp], str(stamp))
    if times is None or problems:
        raise DataError("the future's times cannot be read", problems=problems)
    series = np.zeros(len(frame), np.int64)
    if identity is not None:
        number = {str(name): k for k, name in enumerate(panel.ids)}
        series = np.array([number.get(str(name), -1) for name in frame[identity]], np.int64)
    rows = np.flatnonzero(series >= 0)
    series = series[rows]
    step, exact = panel.grid.steps(panel.starts[series], times.on(panel.grid)[rows])
    step = step - panel.lengths[series]
    needed = exact & (step >= 0) & (step < horizon)
    rows, series, step = rows[needed], series[needed], step[needed]
    _, counts = np.unique(series * horizon + step, return_counts=True)
    if (counts > 1).any():
        problem = Problem(column=str(stamp), what="a time stands in several rows", expected="each time once a series")
        raise DataError("the future's table repeats itself", problems=[problem])
    return rows, (series, step), []


def _absent(panel: Panel, seen: NDArray[np.bool_]) -> list[Problem]:
    remedy = "Add these rows to the future's table."
    problems = []
    for series in np.flatnonzero(~seen.all(axis=1))[:LISTED]:
        gone = np.flatnonzero(~seen[series])
        what = f"{len(gone)} of {seen.shape[1]} rows are missing"
        time = _time(panel, int(series), int(gone[0]))
        problems.append(Problem(series=str(panel.ids[series]), time=time, what=what, remedy=remedy))
    return problems


def _time(panel: Panel, series: int, step: int) -> str:
    steps = np.array([panel.lengths[series] + step])
    return as_text(int(panel.grid.shift(panel.starts[series : series + 1], steps)[0]), panel.grid.kind == "integer")


def _with_new(categories: tuple[str, ...], cells: pd.Series) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Codes of the cells, and the categories with those added that the history did not have."""
    text = cells.astype(str).to_numpy(object)
    gone = blank(cells)
    names = (*categories, *sorted(set(text[~gone]) - set(categories)))
    number = {name: float(code) for code, name in enumerate(names)}
    return names, np.array([np.nan if g else number[name] for name, g in zip(text, gone, strict=True)], np.float64)
