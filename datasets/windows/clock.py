"""The clock on the wall: where clocks change, a panel's rows are read by local time, and its seasons stay in place.

A panel of hours or minutes counts in UTC, so that its steps have one length. What people do follows the clock on their
wall, which a change moves against UTC: nine o'clock of yesterday is 23 or 25 hours ago. Models therefore read rows by
local time. The hour that a change skips is a missing row, and of the hour that comes twice the first is read; the second
would tell an origin between them what it cannot know.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.panel import Panel
from forecast.datasets.time.grid import DAY
from forecast.datasets.time.times import local_time
from forecast.datasets.windows.origins import Integers, Origins

LARGEST_CHANGE = 2 * 3600 * 1_000_000  # microseconds that a zone's clocks move in a year, forwards or backwards
FIXED_DAY = 1_704_067_200_000_000  # 2024-01-01


@dataclass(frozen=True, eq=False)
class Clock:
    """A panel by local time.

    Args:
        panel: the rows by local time.
        place: (rows,) the flat row by local time of each row in UTC.
    """

    panel: Panel
    place: Integers

    @classmethod
    def of(cls, panel: Panel, spare_rows: int = 0) -> Clock | None:
        """Read a panel by local time; None where its times have no zone, or are local already.

        Args:
            panel: the rows in UTC.
            spare_rows: missing rows to add behind each series. An hour that comes twice is one row by local time, and a
                model that reads the rows which it forecasts would lack one.
        """
        zone = _zone(panel)
        if zone is None:
            return None
        series = np.repeat(np.arange(panel.n_series), panel.lengths)
        row = np.arange(panel.n_rows) - panel.indptr[series]
        phase = _phases(panel, zone)
        local = _local_rows(panel.grid.shift(panel.starts[series], row), zone, phase[series], panel.grid.step)
        first = local[panel.indptr[:-1]]
        # the quarters of a doubled hour that a series begins in may lie before its first row, and count as that
        local = np.maximum(local - first[series], 0)
        lengths = np.maximum.reduceat(local, panel.indptr[:-1]) + 1 + spare_rows
        indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        place = indptr[series] + local
        return cls(_laid(panel, place, indptr, phase + first * panel.grid.step), place)

    def origins(self, origins: Origins) -> Origins:
        """Return where origins of the panel in UTC lie by local time."""
        return Origins(origins.series, self.place[origins.end - 1] + 1)


def places_of_steps(panel: Panel, origins: Origins, horizon: int, season_length: int) -> NDArray[np.int64] | None:
    """Say which step by local time each step of a forecast in UTC is.

    Args:
        panel: the rows in UTC.
        origins: n origins.
        horizon: steps.
        season_length: steps in a season. After a skipped hour, the last steps lie beyond the horizon by local time, and
            before a doubled one the first steps lie before the origin: the step a season away stands for each, or a day
            away, or the nearest one.

    Returns:
        (n, horizon) numbers of steps from 0; None where the two agree.
    """
    zone = _zone(panel)
    if zone is None or not len(origins):
        return None
    first = origins.end - panel.indptr[origins.series]
    times = panel.grid.shift(panel.starts[origins.series, None], first[:, None] + np.arange(-1, horizon))
    phase = _phases(panel, zone)[origins.series, None]
    local = _local_rows(times, zone, phase, panel.grid.step)
    steps = local[:, 1:] - local[:, :1] - 1
    if np.array_equal(steps, np.broadcast_to(np.arange(horizon), steps.shape)):
        return None
    for away in (season_length, DAY // panel.grid.step):
        times_away = np.maximum(-(-(steps - horizon + 1) // away), 0) + np.minimum(steps // away, 0)
        moved = steps - away * times_away
        steps = np.where((moved >= 0) & (moved < horizon), moved, steps)
    return np.clip(steps, 0, horizon - 1)


def rows_to_spare(panel: Panel) -> int:
    """Return how many rows more than by local time may lie between two times in UTC, or fewer."""
    return 0 if _zone(panel) is None else -(-LARGEST_CHANGE // panel.grid.step)


def _zone(panel: Panel) -> str | None:
    """Return the zone of a panel whose rows count in UTC although its clocks may change."""
    counts_in_utc = panel.grid.kind == "tick" and panel.grid.step < DAY
    return panel.format.zone if counts_in_utc and panel.n_rows else None


def _phases(panel: Panel, zone: str) -> Integers:
    """Return where within a step each series' rows stand by the zone's clock of one fixed day, (series,) microseconds.

    The day is fixed, so that a row has the same number among many rows and among few.
    """
    offset = local_time(np.array([FIXED_DAY]), zone) - FIXED_DAY
    return (panel.starts + offset) % panel.grid.step


def _local_rows(times: Integers, zone: str, phase: Integers, step: int) -> Integers:
    """Number the rows that times in UTC stand at by local time: the nearest ones, where a change is no whole step.

    After a change by half a step two rows are as near: 8:30 is the row of 8:00, and 8:00 that of 8:30.

    Args:
        times: microseconds in UTC, of any shape.
        zone: the zone.
        phase: what `_phases` returned, of the same shape.
        step: microseconds between rows.
    """
    distinct, at = np.unique(times, return_inverse=True)
    half = (step - (2 * phase < step)) // 2
    return (local_time(distinct, zone)[at].reshape(times.shape) - phase + half) // step


def _laid(panel: Panel, place: Integers, indptr: Integers, starts: Integers) -> Panel:
    """Lay the rows of a panel out by their places, the first of two at one place; rows at no place are missing."""
    first = np.full(int(indptr[-1]), -1)
    first[place[::-1]] = np.arange(panel.n_rows)[::-1]  # of two rows at a place, the one written last is the first
    is_gap = first < 0
    before = np.maximum.accumulate(np.where(is_gap, 0, np.arange(len(first))))  # the place that stands in for a gap
    rows = first[before]
    return replace(
        panel,
        values=panel.values[rows],
        observed=panel.observed[rows] & ~is_gap[:, None],
        target=np.where(is_gap, np.nan, panel.target[rows]),
        indptr=indptr,
        starts=starts,
    )
