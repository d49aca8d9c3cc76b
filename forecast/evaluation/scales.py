"""What errors are divided by: each series' own spread, from its training rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.panel import Panel

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scales:
    """Each series' scales, (series,), NaN where a series has none (constant, or too short).

    Args:
        mase: mean absolute difference over a season (Hyndman & Koehler 2006).
        rmsse: root of the mean squared one-step difference (Makridakis et al. 2022, M5).
        deviation: population standard deviation.
    """

    mase: Floats
    rmsse: Floats
    deviation: Floats

    @classmethod
    def of(cls, train: Panel, season: int, *, val_size: int = 0) -> Scales:
        """Scales from the rows before the first cutoff.

        Args:
            train: those rows.
            season: season length of the MASE scale.
            val_size: newest rows that `deviation` leaves out, as the long-horizon papers do.
        """
        mase = mean_difference(train, season)
        rmsse = np.sqrt(mean_difference(train, 1, power=2))
        rows = np.arange(train.n_rows) < np.repeat(train.indptr[1:] - val_size, train.lengths)
        return cls(_positive(mase), _positive(rmsse), _positive(_deviation(train, rows)))

    def spread(self, at: NDArray[np.int64], n_series: int) -> Scales:
        """The same scales in a larger panel: series i of this one is series `at[i]` there."""

        def place(values: Floats) -> Floats:
            wide = np.full(n_series, np.nan)
            wide[at] = values
            return wide

        return Scales(place(self.mase), place(self.rmsse), place(self.deviation))


def mean_difference(panel: Panel, *lags: int, power: int = 1) -> Floats:
    """Mean |y(t) - y(t - lag)|^power of each series over observed pairs, NaN where there is none, (series,).

    With several lags, y(t) is held against the mean of the values so long ago.
    """
    far = max(lags)
    if panel.n_rows <= far:
        return np.full(panel.n_series, np.nan)
    series = np.repeat(np.arange(panel.n_series), panel.lengths)
    before = np.zeros(panel.n_rows - far)  # everything in place: a long series is much to copy
    for lag in lags:
        before += panel.target[far - lag : panel.n_rows - lag]
    before /= len(lags)
    difference = np.subtract(panel.target[far:], before, out=before)
    np.abs(difference, out=difference)
    difference **= power
    valid = (series[far:] == series[:-far]) & np.isfinite(difference)
    return _mean(series[far:][valid], difference[valid], panel.n_series)


def _deviation(panel: Panel, rows: NDArray[np.bool_]) -> Floats:
    kept = rows & np.isfinite(panel.target)
    series = np.repeat(np.arange(panel.n_series), panel.lengths)[kept]
    values = panel.target[kept]
    mean = _mean(series, values, panel.n_series)
    return np.sqrt(_mean(series, (values - mean[series]) ** 2, panel.n_series))


def _mean(series: NDArray[np.int64], values: Floats, n_series: int) -> Floats:
    count = np.bincount(series, minlength=n_series)
    total = np.bincount(series, values, n_series)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _positive(values: Floats) -> Floats:
    return np.where(values > 0, values, np.nan)
