"""Windows of lags are what boosted trees read; missing rows inside them are filled from the window's own season."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.observed import Floats, rows_before
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins


def lag_windows(panel: Panel, origins: Origins, count: int, season_length: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the newest values before each origin, and whether each is inside the series.

    A missing value is replaced by the observed one of its phase in an earlier season of the window, else in a later one,
    else by the mean of the window's observed values; trees that were trained on complete rows treat NaN badly. A window
    without any observed value holds the last one before it.

    Args:
        panel: the rows.
        origins: n origins.
        count: number of values for each origin.
        season_length: steps in a season; 1 means none.

    Returns:
        Values (n, count), the newest last, and the mask (n, count); values outside repeat the series' first one.
    """
    values, observed = rows_before(panel, origins, count)
    inside = np.arange(-count, 0) >= (panel.indptr[origins.series] - origins.end)[:, None]
    lacking = np.flatnonzero((inside & ~observed).any(axis=1) & observed.any(axis=1))
    if len(lacking):
        values[lacking] = _seasonally_filled(values[lacking], observed[lacking], inside[lacking], season_length)
    return values, inside


def _seasonally_filled(values: Floats, observed: NDArray[np.bool_], inside: NDArray[np.bool_], m: int) -> Floats:
    """Return the windows, (n, count), with a value of the same phase in each missing row inside the series."""
    count = observed.sum(axis=1, keepdims=True)
    last = values[:, -1:]  # relative to it, so that a level of 1e9 keeps its digits
    level = last + ((values - last) * observed).sum(axis=1, keepdims=True) / count
    values, known = values.copy(), observed.copy()
    rows = values.shape[1]
    for begin in range(m, rows, m):
        _copy(values, known, slice(begin, min(begin + m, rows)), -m)
    for begin in range((rows - 1) // m * m - m, -1, -m):
        _copy(values, known, slice(begin, min(begin + m, rows - m)), m)
    return np.where(inside & ~known, level, values)


def _copy(values: Floats, known: NDArray[np.bool_], to: slice, shift: int) -> None:
    """Write the known values `shift` columns away into the unknown columns `to`, and count them as known."""
    source = slice(to.start + shift, to.stop + shift)
    news = ~known[:, to] & known[:, source]
    values[:, to] = np.where(news, values[:, source], values[:, to])
    known[:, to] |= news
