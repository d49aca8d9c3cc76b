"""What stands in the place of a missing target where a model cannot leave it out.

A network reads whole windows of values beside a mask. Repeating the last observed value through a gap, as the panel
does, turns an afternoon into a night where the day returns, and growth into a standstill. Where a season repeats, the
same row of the season before stands in, moved by its drift; where none does, the last observed row moved by the drift
of the rows before it. What a panel holds at its missing rows is never read, and nothing after a row fills it: a gap's
far side is unknown at an origin inside it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Integers

Floats = NDArray[np.float64]
CELLS_AT_ONCE = 2_000_000  # of a matrix of gaps and rows; bounds memory
DRIFT_ROWS = 64  # newest observed rows that the drift of a series without a season is measured on


def fill_missing(panel: Panel, season_length: int) -> Panel:
    """Replace what the panel holds at missing targets by what the rows before them tell.

    Args:
        panel: rows whose values at missing targets are never read.
        season_length: rows in a season that repeats; 1 where none does.

    Returns:
        The panel with other values at missing targets; `target` and `observed` are the same. This one where nothing is
        missing.
    """
    if panel.observed[:, 0].all():
        return panel
    if season_length <= 1:
        return fill_from_drift(panel)
    return fill_from_season(panel, season_length)


def rows_that_fill(panel: Panel, rows: int, season_length: int) -> Integers:
    """Count the newest rows of each series that are read, and as many before them as filling needs.

    Args:
        panel: rows whose missing targets are filled.
        rows: rows that are read before each series' last observed one.
        season_length: rows in the season that missing rows are filled from; 1 where none does.

    Returns:
        (series,) rows; a panel of these is filled as this one is, to the last bit, up to `rows` before the last observed
        one.
    """
    if panel.observed[:, 0].all():
        return np.minimum(panel.lengths, rows)
    last = np.maximum.reduceat(np.where(panel.observed[:, 0], np.arange(panel.n_rows), -1), panel.indptr[:-1])
    needed = np.minimum(panel.indptr[1:] - 1 - np.maximum(last, panel.indptr[:-1]) + rows, panel.lengths)
    kept, lacking = needed.copy(), np.arange(panel.n_series)
    while len(lacking):
        part = panel.take(lacking)
        tail = fill_missing(part.tail(kept[lacking]), season_length)
        back = np.repeat(part.indptr[1:], part.lengths) - np.arange(part.n_rows)  # 1 for a series' last row
        kept_rows = back <= np.repeat(kept[lacking], part.lengths)
        differs = np.zeros(part.n_rows, bool)
        differs[kept_rows] = part.values[kept_rows, 0] != tail.values[:, 0]
        differs &= back <= np.repeat(needed[lacking], part.lengths)
        short = np.logical_or.reduceat(differs, part.indptr[:-1]) & (kept[lacking] < part.lengths)
        lacking = lacking[short]
        kept[lacking] = np.minimum(2 * kept[lacking], panel.lengths[lacking])
    return kept


def fill_from_drift(panel: Panel) -> Panel:
    """Replace the values at missing targets by a line through the last observed row.

    Its slope is that of a random walk with drift, (last - first) / (rows between), over the newest `DRIFT_ROWS`
    observed rows before the gap, times 1 - its variance / its square, at least 0: a drift that the rows do not show is
    none (James & Stein 1961, the positive part). The line ends where it is as long as the rows that it was measured on.

    Args:
        panel: rows whose values at missing targets are never read.

    Returns:
        The panel with other values at missing targets.
    """
    missing = np.flatnonzero(~panel.observed[:, 0])
    seen = np.flatnonzero(panel.observed[:, 0])
    values = panel.values[seen, 0].astype(np.float64)  # (observed rows,)
    first = np.searchsorted(seen, panel.indptr[:-1])  # each series begins with an observed row
    first = np.repeat(first, panel.lengths)[missing]
    last = np.searchsorted(seen, missing) - 1  # the observed row before each missing one, as its place in `seen`
    # a part of a panel may begin inside a gap: the series' first value stands there
    known = last >= first
    stretch, gap = np.unique(last[known], return_inverse=True)
    slope, span = _slopes(seen, values, stretch, first[known][np.unique(gap, return_index=True)[1]])
    filled = panel.values.copy()
    filled[missing[~known], 0] = 0.0
    ahead = np.minimum(missing[known] - seen[last[known]], span[gap])
    filled[missing[known], 0] = (values[last[known]] + slope[gap] * ahead).astype(np.float32)
    return replace(panel, values=filled)


def _slopes(seen: Integers, values: Floats, last: Integers, first: Integers) -> tuple[Floats, Integers]:
    """The shrunk drift a row before each gap, and the rows that it was measured on, (gaps,) each.

    Args:
        seen: (n,) observed rows, ascending.
        values: (n,) their values.
        last: (gaps,) place in `seen` of the row before each gap.
        first: (gaps,) place in `seen` of its series' first row.
    """
    slope, span = np.zeros(len(last)), np.zeros(len(last), np.int64)
    size = max(1, CELLS_AT_ONCE // DRIFT_ROWS)
    for begin in range(0, len(last), size):
        part = slice(begin, begin + size)
        start = np.maximum(last[part] - DRIFT_ROWS + 1, first[part])
        n_pairs = last[part] - start
        span[part] = seen[last[part]] - seen[start]
        rise = (values[last[part]] - values[start]) / np.maximum(span[part], 1)
        # gathered, not summed along all rows: a sum would carry the rounding of other series with it
        place = last[part, None] - np.arange(DRIFT_ROWS - 1)
        inside = place > start[:, None]
        later = np.where(inside, place, last[part, None])
        earlier = np.where(inside, place - 1, last[part, None])
        steps = np.maximum(seen[later] - seen[earlier], 1)
        residual = values[later] - values[earlier] - rise[:, None] * steps
        total = np.where(inside, residual**2 / steps, 0.0).sum(axis=1)
        variance = total / np.maximum(n_pairs - 1, 1) / np.maximum(span[part], 1)
        power = rise**2
        kept = np.maximum(1 - variance / np.where(power > 0, power, 1.0), 0.0)
        slope[part] = np.where(n_pairs >= 2, rise * kept, 0.0)
    return slope, span


def fill_from_season(panel: Panel, season_length: int) -> Panel:
    """Replace the panel's stand-ins for missing targets by the row one season before, plus the drift up to the gap.

    The drift of a gap is the mean difference over a season of the observed pairs in the last season before it, so that
    a trend goes on through the gap; a gap without such a pair takes the drift of the gap before it. A row is filled
    from rows before it only, so nothing leaks. Rows in a series' first season hold the last observed value.

    Args:
        panel: rows whose values at missing targets are never read.
        season_length: rows in a season, at least 2.

    Returns:
        The panel with other values at missing targets; `target` and `observed` are the same.
    """
    missing = np.flatnonzero(~panel.observed[:, 0])
    values = _carried_forward(panel)
    first = np.repeat(panel.indptr[:-1], panel.lengths)[missing]
    # a series begins with an observed row, but a part of a panel may begin inside a gap
    begins_gap = panel.observed[missing - 1, 0] | (missing == first)
    gap = np.cumsum(begins_gap) - 1
    drift = _drifts(panel, values, missing[begins_gap], first[begins_gap], season_length)[gap]
    source = missing - season_length
    fillable = source >= first
    _fill(values, missing[fillable], source[fillable], drift[fillable], panel.n_rows)
    filled = panel.values.copy()
    filled[:, 0] = values.astype(np.float32)
    return replace(panel, values=filled)


def _carried_forward(panel: Panel) -> Floats:
    """The target's values with the last observed one at each missing row, the series' first one where there is none."""
    rows = np.where(panel.observed[:, 0], np.arange(panel.n_rows), -1)
    newest = np.maximum.accumulate(rows)
    inside = newest >= np.repeat(panel.indptr[:-1], panel.lengths)
    return np.where(inside, panel.values[np.maximum(newest, 0), 0].astype(np.float64), 0.0)


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
