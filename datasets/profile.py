"""What a table looks like, and how long its season is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecast.datasets.panel import Panel
from forecast.datasets.time.times import as_text

# Seasons people meet: quarters, weeks, months, days in hours or half hours, years in weeks, days in quarter hours or
# ten minutes, weeks in hours.
SEASONS = (4, 5, 7, 12, 24, 48, 52, 96, 144, 168)
MOST_SERIES = 200  # looked at, spread evenly over the ids
MOST_ROWS = 4000  # newest rows of each


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What `forecast check` says of a table.

    Args:
        series: how many.
        rows: on the grid, absent ones included.
        freq: of the grid.
        season_length: steps in a season, and `season_reason` why.
        first, last: time of the earliest and the latest row.
        shortest, median, longest: rows of a series.
        missing: masked rows.
        zeros: share of observed targets that are zero.
        negatives: share below zero.
        constant: series of one value.
        notes: what was found and left as it is.
    """

    series: int
    rows: int
    freq: str
    season_length: int
    season_reason: str
    first: str
    last: str
    shortest: int
    median: int
    longest: int
    missing: int
    zeros: float
    negatives: float
    constant: int
    notes: tuple[str, ...]


def profile(panel: Panel, asked_season: int | None = None) -> Profile:
    """Look at every series once."""
    length, reason = season_length(panel, asked_season)
    lengths, integer = panel.lengths, panel.grid.kind == "integer"
    ends = panel.grid.shift(panel.starts, lengths - 1)
    seen = panel.target[panel.observed[:, 0]]
    low, high = (f.reduceat(panel.values[:, 0], panel.indptr[:-1]) for f in (np.minimum, np.maximum))
    return Profile(
        series=panel.n_series,
        rows=panel.n_rows,
        freq=panel.grid.freq,
        season_length=length,
        season_reason=reason,
        first=as_text(int(panel.starts.min()), integer),
        last=as_text(int(ends.max()), integer),
        shortest=int(lengths.min()),
        median=int(np.median(lengths)),
        longest=int(lengths.max()),
        missing=int((~panel.observed[:, 0]).sum()),
        zeros=float((seen == 0).mean()),
        negatives=float((seen < 0).mean()),
        constant=int((low == high).sum()),
        notes=panel.notes,
    )


def season_length(panel: Panel, asked: int | None) -> tuple[int, str]:
    """Steps in a season, and where the number comes from."""
    if asked is not None:
        return asked, "asked for"
    usual = panel.grid.season_length
    if usual is not None:
        return usual, f"usual for frequency {panel.grid.freq}"
    found = detect_season_length(panel)
    return found, f"found by autocorrelation, since frequency {panel.grid.freq} names none"


def detect_season_length(panel: Panel) -> int:
    """The candidate whose autocorrelation stands out most, 1 if none does.

    Differences are correlated, so that a trend is no season. A lag counts if it is significant at 99% for the median
    series and beats both its neighbours.
    """
    chosen = np.unique(np.linspace(0, panel.n_series - 1, MOST_SERIES).astype(int))
    scores = []
    for number in chosen:
        rows = slice(max(panel.indptr[number], panel.indptr[number + 1] - MOST_ROWS), panel.indptr[number + 1])
        scores.append(_seasonality(panel.values[rows, 0].astype(np.float64)))
    table = np.array(scores)
    tried = np.flatnonzero(np.isfinite(table).any(axis=0))  # the others are longer than a third of every series
    if not len(tried):
        return 1
    usual = np.nanmedian(table[:, tried], axis=0)
    return SEASONS[tried[int(usual.argmax())]] if usual.max() > 0 else 1


def _seasonality(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[float]:
    """For each candidate season, its autocorrelation less the larger neighbour's and the noise's; NaN if too short."""
    change = np.diff(values)
    change = change - change.mean() if len(change) else change
    power = float(change @ change)
    scores = []
    for lag in SEASONS:
        if len(change) < 3 * lag or power == 0:
            scores.append(np.nan)
            continue
        near, here, far = (float(change[k:] @ change[:-k]) / power for k in (lag - 1, lag, lag + 1))
        scores.append(here - max(near, far, 2.58 / np.sqrt(len(change))))
    return scores
