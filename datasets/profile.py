"""A profile of a table for `forecast check`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecast.datasets.panel import Panel
from forecast.datasets.season import season_length
from forecast.datasets.time.times import as_text


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The facts that `forecast check` reports of a table.

    Args:
        series: number of series.
        rows: number of grid rows of all series; rows that the table lacks are counted.
        freq: pandas alias of the time grid.
        season_length: steps in a season.
        season_reason: a clause that says how the season length was chosen.
        first: time of the earliest row, as text.
        last: time of the latest row, as text.
        shortest: rows of the shortest series.
        median: median number of a series' rows.
        longest: rows of the longest series.
        missing: number of rows without an observed target.
        zeros: share of observed targets that are zero, 0 to 1.
        negatives: share of observed targets below zero, 0 to 1.
        constant: number of series whose target never changes.
        notes: sentences about irregularities that were left as they are.
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


def profile(panel: Panel, requested_season: int | None = None) -> Profile:
    """Compute the profile of a panel.

    Args:
        panel: the rows.
        requested_season: the season length that the user gave in steps; None finds it.
    """
    length, reason = season_length(panel, requested_season)
    lengths, integer = panel.lengths, panel.grid.kind == "integer"
    ends = panel.grid.shift(panel.starts, lengths - 1)
    observed = panel.target[panel.observed[:, 0]]
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
        zeros=float((observed == 0).mean()),
        negatives=float((observed < 0).mean()),
        constant=int((low == high).sum()),
        notes=panel.notes,
    )
