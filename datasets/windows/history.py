"""What stands before and after an origin is computed here: actuals, in-sample scales, where the newest rows begin.

Whoever needs one of these takes it from here, so that a backtest, a calibration and a blend measure the same thing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Integers, Origins

Floats = NDArray[np.float64]
MAX_SCALE_ROWS = 500  # newest rows that a scale of errors is computed from
ORIGINS_AT_ONCE = 4096  # whose scales are computed together; bounds memory


def actuals(panel: Panel, origins: Origins, horizon: int, *, gap: int = 0) -> Floats:
    """Return the observed targets after each origin.

    Args:
        panel: the rows.
        origins: n origins.
        horizon: rows that are read after each origin and gap.
        gap: rows directly after the origin that are passed over; 0 by default.

    Returns:
        (n, horizon) in units of the target, NaN where nothing was observed or the series has ended.
    """
    rows = origins.end[:, None] + gap + np.arange(horizon)
    last = panel.indptr[origins.series + 1][:, None] - 1
    return np.where(rows <= last, panel.target[np.minimum(rows, last)], np.nan)


def ends_without_newest(panel: Panel, rows: int, *, least: int = 1) -> Integers:
    """Return where each series ends when its newest rows are held back; `Panel.truncate` takes the result.

    Args:
        panel: all rows.
        rows: number of rows that are held back from each series.
        least: rows that must be left, 1 by default; a series that would have fewer left keeps all of its rows.

    Returns:
        (series,) flat row just past the last one that stays.
    """
    return np.asarray(panel.indptr[1:] - np.where(panel.lengths >= rows + least, rows, 0))


def mean_difference(panel: Panel, *lags: int, power: int = 1) -> Floats:
    """Return the mean of |y(t) - y(t - lag)|^power of each series over the pairs of which both are observed.

    Args:
        panel: the rows.
        lags: rows between the two; with several lags, y(t) is compared with the mean of the values so long ago.
        power: power of the absolute difference; 1 by default.

    Returns:
        (series,) in units of the target to that power, NaN where there is no pair.

    References:
        Hyndman & Koehler (2006), Another look at measures of forecast accuracy (the scale of MASE, with one lag).
    """
    longest = max(lags)
    if panel.n_rows <= longest:
        return np.full(panel.n_series, np.nan)
    series = np.repeat(np.arange(panel.n_series), panel.lengths)
    before = np.zeros(panel.n_rows - longest)  # everything in place: a long series is much to copy
    for lag in lags:
        before += panel.target[longest - lag : panel.n_rows - lag]
    before /= len(lags)
    difference = np.subtract(panel.target[longest:], before, out=before)
    np.abs(difference, out=difference)
    difference **= power
    valid = (series[longest:] == series[:-longest]) & np.isfinite(difference)
    return mean_by_series(series[longest:][valid], difference[valid], panel.n_series)


def scale_before(panel: Panel, origins: Origins, season_length: int) -> Floats:
    """Return the scale of errors at each origin: the mean absolute difference over a season of the newest rows before it.

    Args:
        panel: the rows.
        origins: n origins.
        season_length: lag of the differences; a history without such a pair takes lag 1, and without any, 1.0.

    Returns:
        (n,) in units of the target, above 0.
    """
    scale = np.empty(len(origins))
    for start in range(0, len(origins), ORIGINS_AT_ONCE):
        part = origins[start : start + ORIGINS_AT_ONCE]
        # gathered, not summed along the flat matrix: a sum would carry the rounding of other rows with it
        rows = part.end[:, None] - np.arange(1, MAX_SCALE_ROWS + 1)
        first = panel.indptr[part.series][:, None]
        part_scale = np.full(len(part), np.nan)
        for lag in dict.fromkeys((season_length, 1)):
            change = np.abs(panel.target[np.maximum(rows, first)] - panel.target[np.maximum(rows - lag, first)])
            observed = np.isfinite(change) & (rows - lag >= first)  # (origins, MAX_SCALE_ROWS)
            mean = np.where(observed, change, 0.0).sum(axis=1) / np.maximum(observed.sum(axis=1), 1)
            part_scale = np.where(np.isfinite(part_scale) | (mean == 0), part_scale, mean)
        scale[start : start + ORIGINS_AT_ONCE] = np.where(np.isfinite(part_scale), part_scale, 1.0)
    return scale


def mean_by_series(series: Integers, values: Floats, n_series: int) -> Floats:
    """Return the mean of each series' values, (n_series,); NaN where a series has none.

    Args:
        series: (n,) number of each value's series.
        values: (n,) values.
        n_series: number of series.
    """
    count = np.bincount(series, minlength=n_series)
    total = np.bincount(series, values, n_series)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def read_before(panel: Panel, origins: Origins) -> Panel:
    """Return the rows that forecasts from these origins are made from, without those that they are of.

    Args:
        panel: the rows, with those of known covariates after the origins, if there are any.
        origins: one origin for each series.

    Returns:
        The panel as it was at the origins; where a series has no row before its origin, the panel as it is.
    """
    ends = panel.indptr[1:].copy()
    ends[origins.series] = origins.end
    history = panel.truncate(ends)
    return history if history.n_series == panel.n_series else panel
