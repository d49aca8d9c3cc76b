"""Shares of a whole: forecasts of all series at one time that add up to one, as a softmax over the series gives."""

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
ROUNDED = 0.01  # that shares may miss one by
LISTED = 10  # times that are named


def check_shares(panel: Panel) -> None:
    """Refuse a table whose series are not shares of one whole.

    Raises:
        DataError: naming the times at which all series are known and do not add up to one.
    """
    times, when = np.unique(_times(panel), return_inverse=True)
    known = np.isfinite(panel.target)
    complete = np.bincount(when[known], minlength=len(times)) == panel.n_series
    total = np.bincount(when[known], panel.target[known], len(times))
    bad = np.flatnonzero(complete & (np.abs(total - 1) > ROUNDED))
    if not complete.any():
        raise DataError("there is no time at which all series are known", hint="Shares are of all series together.")
    if len(bad):
        stamps = give_times(panel, times[bad[:LISTED]])
        problems = [
            Problem(time=str(stamp), what=f"shares add up to {total[k]:.4g}", expected="1", remedy="Divide by the sum.")
            for stamp, k in zip(stamps, bad, strict=False)
        ]
        raise DataError(f"the series are not shares of a whole at {len(bad)} times", problems=problems)


def in_shares(predict: Callable[[Panel, Origins], Prediction], panel: Panel, origins: Origins) -> Prediction:
    """Forecasts at origins, divided by the sum of all series' forecasts of the same times made at the same time."""
    together, number, place = _whole(panel, origins)
    return _divided(predict(panel, together), number, place)


def paths_in_shares(paths: Floats, panel: Panel, origins: Origins) -> Floats:
    """Each future, (n, horizon, samples), divided by its sum over the series of a time; left alone where not all series
    of that time are asked for, since what the others would be is not known."""
    _, number, place = _whole(panel, origins)
    asked, n_times = number[place], int(number.max(initial=-1)) + 1
    total = np.zeros((n_times, *paths.shape[1:]))
    np.add.at(total, asked, paths)
    complete = np.bincount(asked, minlength=n_times) == np.bincount(number, minlength=n_times)
    return np.where(complete[asked, None, None], paths / total[asked], paths)


def _whole(panel: Panel, origins: Origins) -> tuple[Origins, Integers, Integers]:
    """Every series that has begun and not ended at the times of some origins: what shares are shares of.

    Returns:
        These origins; the number of the time of each; and where among them the given ones are.
    """
    first = panel.indptr[:-1]
    own = panel.grid.shift(panel.starts[origins.series], origins.end - first[origins.series] - 1)
    times, when = np.unique(own, return_inverse=True)
    counted = [panel.grid.steps(panel.starts, np.full(panel.n_series, time)) for time in times]
    rows = np.array([steps for steps, _ in counted]).reshape(len(times), panel.n_series)
    there = np.array([on_grid for _, on_grid in counted], bool).reshape(rows.shape)
    there &= (rows >= 0) & (rows < panel.lengths)
    number, series = np.nonzero(there)
    place = np.cumsum(there.ravel()).reshape(there.shape) - 1
    return Origins(series, first[series] + rows[there] + 1), number, place[when, origins.series]


def _divided(prediction: Prediction, number: Integers, place: Integers) -> Prediction:
    """Forecasts of every series divided by their sum at each time and step, and of them those asked for.

    Args:
        prediction: of all series of each time.
        number: the time of each, from 0.
        place: those asked for.
    """
    total = np.zeros((int(number.max(initial=-1)) + 1, prediction.point.shape[1]))
    np.add.at(total, number, prediction.point)
    share = 1 / total[number[place]]
    quantiles = None if prediction.quantiles is None else prediction.quantiles[place] * share[:, :, None]
    given = prediction.inverse

    def inverse(levels: Floats) -> Floats:
        assert given is not None
        everywhere = np.full((len(number), *levels.shape[1:]), 0.5)
        everywhere[place] = levels
        return np.asarray(given(everywhere)[place] * share[:, :, None])

    return Prediction(prediction.point[place] * share, prediction.levels, quantiles, inverse if given else None)


def _times(panel: Panel) -> Integers:
    rows = np.arange(panel.n_rows) - np.repeat(panel.indptr[:-1], panel.lengths)
    return panel.grid.shift(np.repeat(panel.starts, panel.lengths), rows)
