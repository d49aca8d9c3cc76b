"""Shares of a whole: the forecasts of all series at one time are divided by their sum, so that they add up to 1."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.errors import DataError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.tables.result import give_times
from forecast.datasets.windows.origins import Origins
from forecast.protocol import Prediction

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
MAX_ROUNDING_ERROR = 0.01  # of the sum of the shares
LEAST_SHARE = 1e-12  # of a drawn future; were all of them 0, nothing could be divided
MAX_TIMES_NAMED = 10  # in an error message


def check_shares(panel: Panel) -> None:
    """Refuse a table whose series are not shares of one whole.

    Raises:
        DataError: if there is no time at which every series was observed, or if the series do not add up to 1 at such
            a time; it names the first few times.
    """
    times, number = np.unique(_times(panel), return_inverse=True)
    observed = np.isfinite(panel.target)
    complete = np.bincount(number[observed], minlength=len(times)) == panel.n_series
    total = np.bincount(number[observed], panel.target[observed], len(times))
    bad = np.flatnonzero(complete & (np.abs(total - 1) > MAX_ROUNDING_ERROR))
    if not complete.any():
        raise DataError("there is no time at which all series are known", hint="Shares are of all series together.")
    if len(bad):
        stamps = give_times(panel, times[bad[:MAX_TIMES_NAMED]])
        problems = [
            Problem(time=str(stamp), what=f"shares add up to {total[k]:.4g}", expected="1", remedy="Divide by the sum.")
            for stamp, k in zip(stamps, bad, strict=False)
        ]
        raise DataError(f"the series are not shares of a whole at {len(bad)} times", problems=problems)


def in_shares(predict: Callable[[Panel, Origins], Prediction], panel: Panel, origins: Origins) -> Prediction:
    """Forecast shares at some origins.

    Args:
        predict: forecasts at any origins of the panel, in units of the target.
        panel: the rows of all series.
        origins: n origins.

    Returns:
        Forecasts at the n origins; each is divided by the sum of the forecasts that all series have at the same time
        for the same step, so that it does not depend on which series are in `origins`.
    """
    all_origins, number, place = _all_series(panel, origins)
    return _divided(predict(panel, all_origins), number, place)


def paths_in_shares(paths: Floats, panel: Panel, origins: Origins) -> Floats:
    """Divide each drawn future by its sum over the series of a time.

    Args:
        paths: (n, horizon, samples) in units of the target.
        panel: the rows of all series.
        origins: the n origins of the paths.

    Returns:
        (n, horizon, samples); paths stay as they are where `origins` lacks a series of their time, since the futures
        of the absent series are unknown.
    """
    paths = np.maximum(paths, LEAST_SHARE)
    _, number, place = _all_series(panel, origins)
    time, n_times = number[place], int(number.max(initial=-1)) + 1
    total = np.zeros((n_times, *paths.shape[1:]))
    np.add.at(total, time, paths)
    complete = np.bincount(time, minlength=n_times) == np.bincount(number, minlength=n_times)
    return np.where(complete[time, None, None], paths / total[time], paths)


def _all_series(panel: Panel, origins: Origins) -> tuple[Origins, Integers, Integers]:
    """Find the origins of every series at the times of some origins; their forecasts are what adds up to 1.

    Args:
        panel: the rows of all series.
        origins: n origins.

    Returns:
        m origins, one for each time and each series that has begun and not ended by then; (m,) the number of the time
        of each, from 0; and (n,) the places of the n origins among the m.
    """
    first = panel.indptr[:-1]
    origin_times = panel.grid.shift(panel.starts[origins.series], origins.end - first[origins.series] - 1)
    times, time_number = np.unique(origin_times, return_inverse=True)
    steps_from_start = [panel.grid.steps(panel.starts, np.full(panel.n_series, time)) for time in times]
    rows = np.array([steps for steps, _ in steps_from_start]).reshape(len(times), panel.n_series)
    exists = np.array([on_grid for _, on_grid in steps_from_start], bool).reshape(rows.shape)  # (time, series)
    exists &= (rows >= 0) & (rows < panel.lengths)
    number, series = np.nonzero(exists)
    place = np.cumsum(exists.ravel()).reshape(exists.shape) - 1
    return Origins(series, first[series] + rows[exists] + 1), number, place[time_number, origins.series]


def _divided(prediction: Prediction, number: Integers, place: Integers) -> Prediction:
    """Divide the forecasts of every series by their sum at each time and step.

    Args:
        prediction: forecasts at m origins, those of all series at each time.
        number: (m,) the number of the time of each, from 0.
        place: (n,) the places of the forecasts to return.

    Returns:
        Forecasts at n origins.
    """
    total = np.zeros((int(number.max(initial=-1)) + 1, prediction.point.shape[1]))
    np.add.at(total, number, prediction.point)
    factor = 1 / total[number[place]]
    quantiles = None if prediction.quantiles is None else prediction.quantiles[place] * factor[:, :, None]
    quantile_function = prediction.inverse

    def inverse(levels: Floats) -> Floats:
        assert quantile_function is not None
        all_levels = np.full((len(number), *levels.shape[1:]), 0.5)
        all_levels[place] = levels
        return np.asarray(quantile_function(all_levels)[place] * factor[:, :, None])

    point, divided = prediction.point[place] * factor, inverse if quantile_function else None
    return Prediction(point, prediction.levels, quantiles, divided, is_mean=prediction.is_mean)


def _times(panel: Panel) -> Integers:
    """Return the integer time of each row, (row,)."""
    rows = np.arange(panel.n_rows) - np.repeat(panel.indptr[:-1], panel.lengths)
    return panel.grid.shift(np.repeat(panel.starts, panel.lengths), rows)
