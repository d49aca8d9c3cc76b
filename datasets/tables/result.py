"""Forecasts and panels become tables in the form that the caller's table had."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.errors import DataError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.tables.forms import in_callers_form
from forecast.datasets.tables.identity import give_ids
from forecast.datasets.time.times import give_back
from forecast.datasets.windows.history import actuals
from forecast.datasets.windows.origins import Origins

FORECAST, CUTOFF, SAMPLE = "forecast", "cutoff", "sample"


def quantile_column(level: float) -> str:
    """Return the name of a quantile level's column, in per cent: q10 for 0.1, q2.5 for 0.025."""
    return f"q{level * 100:.10g}"


def result_table(
    panel: Panel,
    origins: Origins,
    point: NDArray[np.float64],
    quantiles: NDArray[np.float64] | None = None,
    levels: tuple[float, ...] = (),
    *,
    cutoff: bool = False,
    actual: bool = False,
    first_step: int = 1,
) -> Any:
    """Lay forecasts out as a table with a row for every origin and step.

    Args:
        panel: the rows that were forecast from.
        origins: n origins.
        point: (n, horizon) forecasts in units of the target.
        quantiles: (n, horizon, levels) in units of the target; None for none.
        levels: quantile levels in (0, 1), in the order of `quantiles`.
        cutoff: whether a column `cutoff` holds the time of the last row before the origin; False by default.
        actual: whether the target's column holds the actuals, NaN where nothing was observed; False by default.
        first_step: step after the cutoff that the forecast begins with; 1 by default, more after a gap.

    Returns:
        Columns of the ids (where the table had any), time, `cutoff`, `forecast`, `q10` and so on, and the target. Without
        cutoffs, the result has the form of the caller's table: that of a wide table is wide, that of a Series is a frame
        indexed by time, that of a table of polars is one.
    """
    horizon = point.shape[1]
    rows_before = origins.end - panel.indptr[origins.series]
    steps = rows_before[:, None] + (first_step - 1) + np.arange(horizon)
    starts = panel.starts[origins.series][:, None]
    fmt = panel.format
    columns: dict[str, Any] = give_ids(panel, np.repeat(origins.series, horizon))
    columns[fmt.time] = give_times(panel, panel.grid.shift(starts, steps).ravel())
    if cutoff:
        columns[CUTOFF] = give_times(panel, np.repeat(panel.grid.shift(starts[:, 0], rows_before - 1), horizon))
    columns[FORECAST] = point.ravel()
    for number, level in enumerate(levels if quantiles is not None else ()):
        assert quantiles is not None
        columns[quantile_column(level)] = quantiles[:, :, number].ravel()
    if actual:
        columns[fmt.target] = actuals(panel, origins, horizon, gap=first_step - 1).ravel()
    frame = pd.DataFrame(columns)
    return frame if cutoff else in_callers_form(frame, fmt, panel.grid.freq)


def path_table(panel: Panel, origins: Origins, paths: NDArray[np.float64]) -> pd.DataFrame:
    """Lay sample paths out as a table with a row for every origin, sample and step.

    Args:
        panel: the rows that were forecast from.
        origins: n origins.
        paths: (n, horizon, samples) in units of the target.

    Returns:
        Columns of the ids (where the table had any), time, `sample` from 0, and `forecast`.

    Raises:
        DataError: if ids or times have the name `sample`.
    """
    if SAMPLE in (*panel.format.ids, panel.format.time):
        problem = Problem(column=SAMPLE, what="paths have a column of this name", remedy="Rename it.")
        raise DataError("the paths cannot be laid out as a table", problems=[problem])
    n, horizon, samples = paths.shape
    rows_before = origins.end - panel.indptr[origins.series]
    times = panel.grid.shift(panel.starts[origins.series][:, None], rows_before[:, None] + np.arange(horizon))
    columns: dict[str, Any] = give_ids(panel, np.repeat(origins.series, samples * horizon))
    columns[panel.format.time] = give_times(panel, np.repeat(times[:, None], samples, axis=1).ravel())
    columns[SAMPLE] = np.tile(np.repeat(np.arange(samples), horizon), n)
    columns[FORECAST] = paths.transpose(0, 2, 1).ravel()  # (n, samples, horizon)
    return pd.DataFrame(columns)


def panel_to_table(panel: Panel) -> pd.DataFrame:
    """Return a panel as a long table, in which missing values are NaN.

    Returns:
        Columns of the ids (where the table had any), time, target, covariates and static columns.
    """
    series = np.repeat(np.arange(panel.n_series), panel.lengths)
    steps = np.arange(panel.n_rows) - np.repeat(panel.indptr[:-1], panel.lengths)
    fmt = panel.format
    columns: dict[str, Any] = give_ids(panel, series)
    columns[fmt.time] = give_times(panel, panel.grid.shift(panel.starts[series], steps))
    columns[fmt.target] = panel.target
    for number, channel in enumerate(panel.channels[1:], start=1):
        values = np.where(panel.observed[:, number], panel.values[:, number] + panel.offset[series, number], np.nan)
        columns[channel.name] = values if channel.categories is None else _names(channel.categories, values)
    for name in panel.static.columns:
        columns[name] = panel.static[name].to_numpy()[series]
    return pd.DataFrame(columns)


def give_times(panel: Panel, values: NDArray[np.int64]) -> Any:
    """Return times of the grid, (n,), in the dtype, zone and form that the caller's times had."""
    fmt = panel.format
    return give_back(values, panel.grid, fmt.time_dtype, fmt.zone, fmt.time_form)


def _names(categories: tuple[str, ...], codes: NDArray[np.float64]) -> NDArray[np.object_]:
    """Return the names of codes, None where a code is missing."""
    names = np.array([*categories, None], object)
    return names[np.where(np.isnan(codes), len(categories), codes).astype(np.int64)]
