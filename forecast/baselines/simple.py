"""The simplest forecasts are the last value, the last season and a straight line.

References:
    Hyndman & Athanasopoulos (2021), Forecasting: Principles and Practice, sections 5.2 (points) and 5.5 (deviations).
"""

from __future__ import annotations

import numpy as np

from forecast.baselines.base import ERROR_ROWS, Baseline, Floats, spread, with_intervals
from forecast.baselines.observed import (
    Integers,
    filled,
    first_observed,
    last_observed,
    observed_rows,
    rows_since_observed,
)
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins
from forecast.protocol import Prediction

SEASONS_LOOKED_BACK = 8  # for the last observed value of a phase


class Naive(Baseline):
    """The last observed value; the intervals count the rows since."""

    name = "naive"
    what = "the last value"

    @property
    def context(self) -> int | None:
        return ERROR_ROWS + 1

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        point = np.repeat(filled(panel)[origins.end - 1][:, None], self.horizon, axis=1)
        if not self.levels:
            return Prediction(point)
        ahead = rows_since_observed(panel, origins)[:, None] + self.steps  # (n, horizon)
        return with_intervals(point, spread(panel, origins, 1)[:, None] * np.sqrt(ahead), self.levels)


class SeasonalNaive(Baseline):
    """The last observed value of the same phase, at most eight seasons back.

    The last observed value of any phase takes its place where there is none, or where a series has no whole season.
    """

    name = "seasonal_naive"
    what = "the last season, repeated"

    @property
    def context(self) -> int | None:
        return max(SEASONS_LOOKED_BACK * self.season_length, self.season_length + ERROR_ROWS)

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        rows, back = self._rows_of_phases(panel, origins)
        point = filled(panel)[rows]
        if not self.levels:
            return Prediction(point)
        seasons = back + (self.steps - 1) // self.season_length
        deviation = spread(panel, origins, self.season_length)[:, None] * np.sqrt(seasons)
        return with_intervals(point, deviation, self.levels)

    def _rows_of_phases(self, panel: Panel, origins: Origins) -> tuple[Integers, Integers]:
        """Return the row that each step repeats and the seasons between it and the origin, (n, horizon) each."""
        observed, first = observed_rows(panel), panel.indptr[origins.series][:, None]
        end = origins.end[:, None]
        has_season = end - first >= self.season_length
        ahead = (self.steps - 1) % self.season_length
        rows = np.repeat(end - 1, self.horizon, axis=1)
        back = np.full(rows.shape, SEASONS_LOOKED_BACK)
        wanted = np.repeat(has_season, self.horizon, axis=1)
        for seasons in range(1, SEASONS_LOOKED_BACK + 1):
            earlier = end - seasons * self.season_length + ahead
            found = wanted & (earlier >= first) & observed[np.maximum(earlier, first)]
            rows, back = np.where(found, earlier, rows), np.where(found, seasons, back)
            wanted &= ~found
            if not wanted.any():
                break
        return rows, back


class Drift(Baseline):
    """The straight line through the first and the last observed value."""

    name = "drift"
    what = "the straight line from first to last value"

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        ahead = rows_since_observed(panel, origins)[:, None] + self.steps  # (n, horizon)
        last, slope, n_differences = self._line(panel, origins)
        point = last[:, None] + slope[:, None] * ahead
        if not self.levels:
            return Prediction(point)
        growth = np.sqrt(ahead * (1 + ahead / np.maximum(n_differences, 1)[:, None]))
        return with_intervals(point, spread(panel, origins, 1, slope)[:, None] * growth, self.levels)

    def _line(self, panel: Panel, origins: Origins) -> tuple[Floats, Floats, Integers]:
        """Return the last observed value, the slope, and the rows from the first to the last observed one, (n,) each."""
        values = filled(panel)
        newest, begin = last_observed(panel)[origins.end - 1], panel.indptr[origins.series]
        # where nothing is observed before the origin, both ends are the same row
        oldest = np.minimum(first_observed(panel)[begin], origins.end - 1)
        n_differences = np.maximum(newest - oldest, 0)
        last = values[origins.end - 1]
        slope = (last - values[oldest]) / np.maximum(n_differences, 1)
        return last, slope, n_differences
