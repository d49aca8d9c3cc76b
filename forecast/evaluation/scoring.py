"""Scores of forecasts that were made earlier, by this toolkit or any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.errors import MAX_LISTED_PROBLEMS, DataError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.season import season_length
from forecast.datasets.tables.columns import IDS, TIMES, Columns, find
from forecast.datasets.tables.result import CUTOFF, FORECAST
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.time.times import as_text, parse_times
from forecast.evaluation.accumulator import Accumulator
from forecast.evaluation.scales import Scales

if TYPE_CHECKING:
    import pandas as pd


def score(
    forecasts: pd.DataFrame,
    actuals: Any,
    *,
    id: str | None = None,
    time: str | None = None,
    target: str | None = None,
    freq: str | None = None,
    mase_season: int | None = None,
) -> dict[str, float]:
    """Compute the metrics of forecasts that were made earlier.

    Args:
        forecasts: a table with id and time as in `actuals`, the column `forecast`, and optionally `cutoff` (time of the
            last row before the forecast) and quantile columns (`q10`, in per cent).
        actuals: a table with the history and the actuals of the forecasts.
        id: id column of both tables; None finds it by its usual names.
        time: time column of both tables; None finds it by its usual names.
        target: target column of `actuals`; None finds it by its usual names.
        freq: pandas alias of the time grid; None finds it from the times.
        mase_season: lag of the MASE scale in steps; None takes the season length. The scale comes from rows up to the
            earliest cutoff; without a column `cutoff`, it comes from rows before each series' first forecast.

    Returns:
        Metrics by name, flat means over series.

    Raises:
        ConfigError: if `freq` is not a frequency.
        DataError: if a column is missing, a forecast is not finite, or `actuals` lacks the series or the time of a
            forecast.
    """
    panel = panel_from_table(actuals, Columns(id=id, time=time, target=target), freq=freq)
    levels, names = _levels(forecasts)
    series, row, before = _places(forecasts, panel, id, time)
    problems = _not_finite(forecasts, [FORECAST, *names])
    if problems:
        raise DataError("the forecasts cannot be scored", problems=problems)
    first = np.full(panel.n_series, np.iinfo(np.int64).max)
    np.minimum.at(first, series, before)
    history = panel.truncate(panel.indptr[:-1] + np.minimum(first, panel.lengths))
    season = mase_season or season_length(history, None)[0]
    at = np.searchsorted(panel.ids.astype(str), history.ids.astype(str))
    scores = Accumulator(Scales.of(history, season).spread(at, panel.n_series), 1, levels)
    actual = panel.target[panel.indptr[series] + row][:, None]
    quantiles = forecasts[names].to_numpy(np.float64)[:, None, :] if names else None
    scores.add(series, actual, forecasts[FORECAST].to_numpy(np.float64)[:, None], quantiles)
    return scores.result(standardised=False)


def _levels(forecasts: pd.DataFrame) -> tuple[tuple[float, ...], list[str]]:
    """Return the levels in (0, 1) of the quantile columns, ascending, and the columns' names."""
    columns = {}
    for name in map(str, forecasts.columns):
        try:
            level = float(name[1:]) / 100 if name.startswith("q") else 0.0
        except ValueError:
            continue
        if 0 < level < 1:
            columns[level] = name
    return tuple(sorted(columns)), [columns[level] for level in sorted(columns)]


Numbers = NDArray[np.int64]


def _places(
    forecasts: pd.DataFrame, panel: Panel, id: str | None, time: str | None
) -> tuple[Numbers, Numbers, Numbers]:
    """Find each forecast's series, its row in the series, and the rows that the series has before the cutoff."""
    columns = [str(name) for name in forecasts.columns]
    has_ids = panel.format.id is not None
    id_column, problems = find(id, IDS, columns, "id", needed=True) if has_ids else (None, [])
    time_column, time_problems = find(time, TIMES, columns, "time", needed=True)
    problems = [*problems, *time_problems]
    if FORECAST not in columns:
        problems.append(Problem(what="there is no forecast column", column=FORECAST, remedy="Name it `forecast`."))
    if problems:
        raise DataError("the forecasts do not have the columns they need", problems=problems)
    series = np.zeros(len(forecasts), np.int64)
    if id_column is not None:
        names = forecasts[id_column].astype(str).to_numpy(object)
        numbers = {str(name): number for number, name in enumerate(panel.ids)}
        series = np.array([numbers.get(name, -1) for name in names], np.int64)
        absent = sorted(set(names[series < 0]))
        if absent:
            problems = [
                Problem(series=name, what="the actuals do not have this series")
                for name in absent[:MAX_LISTED_PROBLEMS]
            ]
            raise DataError("there are forecasts without actuals", problems=problems)
    row = _steps(forecasts, str(time_column), panel, series)
    if CUTOFF in columns:
        return series, row, np.maximum(_steps(forecasts, CUTOFF, panel, series) + 1, 0)
    return series, row, row  # the smallest row of a series is its first forecast


def _steps(forecasts: pd.DataFrame, column: str, panel: Panel, series: Numbers) -> Numbers:
    """Find the row of each forecast's time in its series, counted from 0; a cutoff may lie outside the series."""
    times, problems = parse_times(forecasts[column], column)
    if times is None or problems:
        raise DataError("the forecasts' times cannot be read", problems=problems)
    values = times.on(panel.grid)
    row, exact = panel.grid.steps(panel.starts[series], values)
    absent = np.flatnonzero(~exact | (row < 0) | (row >= panel.lengths[series]))
    if column != CUTOFF and len(absent):
        raise DataError(
            "there are forecasts without actuals",
            problems=[
                Problem(
                    series=str(panel.ids[series[k]]),
                    time=as_text(int(values[k]), times.integer),
                    what="no actual at this time",
                )
                for k in absent[:MAX_LISTED_PROBLEMS]
            ],
        )
    return row


def _not_finite(forecasts: pd.DataFrame, names: list[str]) -> list[Problem]:
    problems = []
    for name in names:
        bad = np.flatnonzero(~np.isfinite(forecasts[name].to_numpy(np.float64)))
        problems += [Problem(column=name, what=f"row {k + 1} is not finite") for k in bad[:MAX_LISTED_PROBLEMS]]
    return problems
