"""The simplest forecasts are the last value, the last season and a straight line.

References:
    Hyndman & Athanasopoulos (2021), Forecasting: Principles and Practice, sections 5.2 (points) and 5.5 (deviations).
"""

from __future__ import annotations

import numpy as np

from forecast.baselines.base import ERROR_ROWS, Baseline, filled, spread, with_intervals
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins
from forecast.protocol import Prediction


class Naive(Baseline):
    """The last value."""

    name = "naive"
    what = "the last value"

    @property
    def context(self) -> int | None:
        return ERROR_ROWS + 1 if self.levels else 1

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        point = np.repeat(filled(panel)[origins.end - 1][:, None], self.horizon, axis=1)
        if not self.levels:
            return Prediction(point)
        return with_intervals(point, spread(panel, origins, 1)[:, None] * np.sqrt(self.steps), self.levels)


class SeasonalNaive(Baseline):
    """The value one season before; the last value where a series has no whole season."""

    name = "seasonal_naive"
    what = "the last season, repeated"

    @property
    def context(self) -> int | None:
        return self.season_length + (ERROR_ROWS if self.levels else 0)

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        rows = origins.end[:, None] - self.season_length + (self.steps - 1) % self.season_length
        has_season = origins.end - panel.indptr[origins.series] >= self.season_length
        point = filled(panel)[np.where(has_season[:, None], rows, origins.end[:, None] - 1)]
        if not self.levels:
            return Prediction(point)
        seasons = 1 + (self.steps - 1) // self.season_length
        deviation = spread(panel, origins, self.season_length)[:, None] * np.sqrt(seasons)
        return with_intervals(point, deviation, self.levels)


class Drift(Baseline):
    """The straight line through the first and the last value."""

    name = "drift"
    what = "the straight line from first to last value"

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        values = filled(panel)
        n_differences = origins.end - panel.indptr[origins.series] - 1
        last = values[origins.end - 1]
        slope = (last - values[panel.indptr[origins.series]]) / np.maximum(n_differences, 1)
        point = last[:, None] + slope[:, None] * self.steps
        if not self.levels:
            return Prediction(point)
        growth = np.sqrt(self.steps * (1 + self.steps / np.maximum(n_differences, 1)[:, None]))
        return with_intervals(point, spread(panel, origins, 1, slope)[:, None] * growth, self.levels)
