"""The length of a season: the user's, the frequency's usual one, or the one that the rows show."""

from __future__ import annotations

import numpy as np

from forecast.datasets.panel import Panel

# Seasons that are common: quarters, weeks, months, days in hours or half hours, years in weeks, days in quarter hours or
# ten minutes, weeks in hours.
SEASONS = (4, 5, 7, 12, 24, 48, 52, 96, 144, 168)
MAX_SERIES, MAX_NEWEST_ROWS = 200, 4000  # that a season is detected from; series are spread evenly over the ids


def season_length(panel: Panel, requested: int | None) -> tuple[int, str]:
    """Choose the season length: the requested one, else the usual one of the frequency, else a detected one.

    Args:
        panel: the rows.
        requested: the season length that the user gave in steps; None finds it.

    Returns:
        Steps in a season, and a clause that says how they were chosen.
    """
    if requested is not None:
        return requested, "asked for"
    usual = panel.grid.season_length
    if usual is not None:
        return usual, f"usual for frequency {panel.grid.freq}"
    detected = detect_season_length(panel)
    return detected, f"found by autocorrelation, since frequency {panel.grid.freq} names none"


def detect_season_length(panel: Panel) -> int:
    """Choose the candidate of `SEASONS` whose autocorrelation exceeds that of its neighbours by most, or 1.

    Differences are correlated, so that a trend is no season. A candidate must exceed both neighbouring lags and the
    99% bound of white noise (2.58 over the root of the number of rows), for the median series.

    Args:
        panel: the rows; series spread evenly over the ids and their newest rows are read.

    Returns:
        Steps in a season; 1 where no candidate qualifies.
    """
    chosen = np.unique(np.linspace(0, panel.n_series - 1, MAX_SERIES).astype(int))
    scores = []
    for number in chosen:
        rows = slice(max(panel.indptr[number], panel.indptr[number + 1] - MAX_NEWEST_ROWS), panel.indptr[number + 1])
        scores.append(_seasonality(panel.values[rows, 0].astype(np.float64)))
    table = np.array(scores)  # (series, candidate)
    testable = np.flatnonzero(np.isfinite(table).any(axis=0))  # the others are longer than a third of every series
    if not len(testable):
        return 1
    median = np.nanmedian(table[:, testable], axis=0)
    return SEASONS[testable[int(median.argmax())]] if median.max() > 0 else 1


def _seasonality(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float]:
    """Score each candidate: its autocorrelation less the largest of its neighbours' and of the noise bound.

    A candidate is NaN where the series is constant or shorter than three seasons.
    """
    change = np.diff(values)
    change = change - change.mean() if len(change) else change
    power = float(change @ change)
    scores = []
    for lag in SEASONS:
        if len(change) < 3 * lag or power == 0:
            scores.append(np.nan)
            continue
        shorter, at_lag, longer = (float(change[k:] @ change[:-k]) / power for k in (lag - 1, lag, lag + 1))
        scores.append(at_lag - max(shorter, longer, 2.58 / np.sqrt(len(change))))
    return scores
