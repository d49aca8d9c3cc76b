"""What stands in the place of a missing target where a model cannot leave it out: the last season, moved by its drift.

A network reads whole windows of values beside a mask. Repeating the last observed value through a gap, as the panel
does, turns an afternoon into a night where the day returns; the same row of the season before is what the last
observed row knows of it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Integers

Floats = NDArray[np.float64]
CELLS_AT_ONCE = 2_000_000  # of a matrix of gaps and rows; bounds memory


def fill_from_season(panel: Panel, season_length: int) -> Panel:
    """Replace the panel's stand-ins for missing targets by the row one season before, plus the drift up to the gap.

    The drift of a gap is the mean difference over a season of the observed pairs in the last season before it, so that
    a trend goes on through the gap; a gap without such a pair takes the drift of the gap before it. A row is filled
    from rows before it only, so nothing leaks. Rows in a series' first season keep the last observed value.

    Args:
        panel: rows whose values at missing targets are stand-ins; a missing value never moves the result.
        season_length: rows in a season; 1 leaves the panel as it is.

    Returns:
        The panel with other values at missing targets; `target` and `observed` are the same.
    """
    missing = np.flatnonzero(~panel.observed[:, 0])
    if season_length <= 1 or not len(missing):
        return panel
    values = panel.values[:, 0].astype(np.float64)
    first = np.repeat(panel.indptr[:-1], panel.lengths)[missing]
    begins_gap = panel.observed[missing - 1, 0]  # a series begins with an observed row
    gap = np.cumsum(begins_gap) - 1
    drift = _drifts(panel, values, missing[begins_gap], first[begins_gap], season_length)[gap]
    source = missing - season_length
    fillable = source >= first
    _fill(values, missing[fillable], source[fillable], drift[fillable], panel.n_rows)
    filled = panel.values.copy()
    filled[:, 0] = values.astype(np.float32)
    return replace(panel, values=filled)


def _drifts(panel: Panel, values: Floats, starts: Integers, first: Integers, season_length: int) -> Floats:
    """The mean seasonal difference of the observed pairs in the season before each gap, (gaps,)."""
    drifts = np.empty(len(starts))
    size = max(1, CELLS_AT_ONCE // season_length)
    for begin in range(0, len(starts), size):
        part = slice(begin, begin + size)
        rows = starts[part, None] - np.arange(season_length, 0, -1)
        before = rows - season_length
        inside = before >= first[part, None]
        rows, before = np.where(inside, rows, starts[part, None]), np.where(inside, before, starts[part, None])
        pairs = inside & panel.observed[rows, 0] & panel.observed[before, 0]
        # gathered, not summed along the flat matrix: a sum would carry the rounding of other rows with it
        total = np.where(pairs, values[rows] - values[before], 0.0).sum(axis=1)
        drifts[part] = np.where(pairs.any(axis=1), total / np.maximum(pairs.sum(axis=1), 1), np.nan)
    return _carried_on(drifts, first)


def _carried_on(drifts: Floats, first: Integers) -> Floats:
    """The drifts with each unknown one replaced by that of the gap before it in its series; 0 where there is none."""
    newest = np.maximum.accumulate(np.where(np.isfinite(drifts), np.arange(len(drifts)), -1))
    in_series = (newest >= 0) & (first[newest] == first)
    return np.where(in_series, drifts[newest], 0.0)


def _fill(values: Floats, rows: Integers, source: Integers, drift: Floats, n_rows: int) -> None:
    """Write each row's value; a row whose source is itself to be filled waits for it."""
    pending = np.zeros(n_rows, bool)
    pending[rows] = True
    while len(rows):
        ready = ~pending[source]
        values[rows[ready]] = values[source[ready]] + drift[ready]
        pending[rows[ready]] = False
        rows, source, drift = rows[~ready], source[~ready], drift[~ready]
