"""Forecasts and panels as tables, in the form that the caller's table had."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.panel import Panel
from forecast.datasets.time.times import give_back
from forecast.datasets.windows.history import actuals
from forecast.datasets.windows.origins import Origins

FORECAST, CUTOFF = "forecast", "cutoff"


def quantile_column(level: float) -> str:
    """Name of a quantile's column in per cent: q10, q2.5."""
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
) -> pd.DataFrame:
    """A row for every origin and step.

    Args:
        panel: what was forecast.
        origins: n of them.
        point: (n, horizon).
        quantiles: (n, horizon, levels).
        levels: of the quantiles.
        cutoff: add the time of the last known row.
        actual: add what was observed (NaN where nothing was), under the target's name.
        first_step: steps after the cutoff at which the forecast begins.

    Returns:
        id (where the table had one), time, `cutoff`, `forecast`, `q10`..., the target. Without cutoffs, a wide table
        gets a wide one back and a Series a frame indexed by time.
    """
    horizon = point.shape[1]
    known = origins.end - panel.indptr[origins.series]
    steps = known[:, None] + (first_step - 1) + np.arange(horizon)
    starts = panel.starts[origins.series][:, None]
    fmt = panel.format
    columns: dict[str, Any] = {}
    if fmt.id is not None:
        columns[fmt.id] = give_ids(panel, np.repeat(origins.series, horizon))
    columns[fmt.time] = give_times(panel, panel.grid.shift(starts, steps).ravel())
    if cutoff:
        columns[CUTOFF] = give_times(panel, np.repeat(panel.grid.shift(starts[:, 0], known - 1), horizon))
    columns[FORECAST] = point.ravel()
    for number, level in enumerate(levels if quantiles is not None else ()):
        assert quantiles is not None
        columns[quantile_column(level)] = quantiles[:, :, number].ravel()
    if actual:
        columns[fmt.target] = actuals(panel, origins, horizon, gap=first_step - 1).ravel()
    frame = pd.DataFrame(columns)
    return frame if cutoff else _dressed(frame, panel)


def path_table(panel: Panel, origins: Origins, paths: NDArray[np.float64]) -> pd.DataFrame:
    """A row for every origin, sample and step: id (where the table had one), time, `sample` from 0, `forecast`.

    Args:
        panel: what was forecast.
        origins: n of them.
        paths: (n, horizon, samples).
    """
    n, horizon, samples = paths.shape
    known = origins.end - panel.indptr[origins.series]
    times = panel.grid.shift(panel.starts[origins.series][:, None], known[:, None] + np.arange(horizon))
    columns: dict[str, Any] = {}
    if panel.format.id is not None:
        columns[panel.format.id] = give_ids(panel, np.repeat(origins.series, samples * horizon))
    columns[panel.format.time] = give_times(panel, np.repeat(times[:, None], samples, axis=1).ravel())
    columns["sample"] = np.tile(np.repeat(np.arange(samples), horizon), n)
    columns[FORECAST] = paths.transpose(0, 2, 1).ravel()
    return pd.DataFrame(columns)


def panel_to_table(panel: Panel) -> pd.DataFrame:
    """Id (where the table had one), time, target, covariates and static columns; missing values are NaN."""
    series = np.repeat(np.arange(panel.n_series), panel.lengths)
    steps = np.arange(panel.n_rows) - np.repeat(panel.indptr[:-1], panel.lengths)
    fmt = panel.format
    columns = {fmt.id: give_ids(panel, series)} if fmt.id is not None else {}
    columns[fmt.time] = give_times(panel, panel.grid.shift(panel.starts[series], steps))
    columns[fmt.target] = panel.target
    for number, channel in enumerate(panel.channels[1:], start=1):
        values = np.where(panel.observed[:, number], panel.values[:, number] + panel.offset[series, number], np.nan)
        columns[channel.name] = values if channel.categories is None else _names(channel.categories, values)
    for name in panel.static.columns:
        columns[name] = panel.static[name].to_numpy()[series]
    return pd.DataFrame(columns)


def give_ids(panel: Panel, series: NDArray[np.int64]) -> Any:
    dtype: Any = panel.format.id_dtype
    ids = pd.Series(panel.ids, dtype="str" if dtype == "category" else None)
    own = pd.Series(panel.ids).astype("str") if dtype in ("object", "category") else ids.astype(dtype)
    taken = own.array.take(series)
    return pd.Categorical(taken) if dtype == "category" else taken


def give_times(panel: Panel, values: NDArray[np.int64]) -> Any:
    return give_back(values, panel.grid, panel.format.time_dtype, panel.format.zone)


def _dressed(frame: pd.DataFrame, panel: Panel) -> pd.DataFrame:
    fmt = panel.format
    if fmt.kind == "series":
        return frame.set_index(fmt.time)
    if fmt.kind == "wide":
        numbers = [name for name in frame.columns if name not in (fmt.id, fmt.time)]
        wide = frame.pivot(index=fmt.time, columns=fmt.id, values=numbers if len(numbers) > 1 else numbers[0])
        return (
            wide.rename_axis(columns=None)
            if len(numbers) == 1
            else wide.swaplevel(axis=1).sort_index(axis=1, level=0, sort_remaining=False)
        )
    return frame


def _names(categories: tuple[str, ...], codes: NDArray[np.float64]) -> NDArray[np.object_]:
    """Names of the codes, None where missing."""
    listed = np.array([*categories, None], object)
    return listed[np.where(np.isnan(codes), len(categories), codes).astype(np.int64)]
