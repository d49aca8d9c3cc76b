"""Naive2 and the classical Theta method, all series at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecast.baselines.base import Baseline, Floats, with_intervals
from forecast.baselines.histories import LONGEST, Histories, histories
from forecast.baselines.seasonality import seasonal_indices
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins
from forecast.protocol import Prediction

ALPHAS = np.linspace(0.0001, 0.9999, 15)  # first grid of smoothing weights; the bounds are those of R's ets
REFINEMENTS = 3  # each narrows the grid around the best weight by 7


class _Adjusted(Baseline):
    """Forecasts the seasonally adjusted history and puts the season back."""

    longest = LONGEST

    @property
    def context(self) -> int | None:
        return self.longest

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        point, deviation = (np.empty((len(origins), self.horizon)) for _ in range(2))
        for history in histories(panel, origins, self.longest):
            factor, addend = seasonal_indices(history, self.season_length)
            phase = np.arange(history.values.shape[1]) % self.season_length
            plain = Histories(history.index, (history.values - addend[:, phase]) / factor[:, phase], history.length)
            ahead = (history.length[:, None] + self.steps - 1) % self.season_length
            factor, addend = (np.take_along_axis(a, ahead, axis=1) for a in (factor, addend))
            forecast, spread = self._forecast(plain)
            forecast = forecast * factor + addend
            positive = np.min(history.values, axis=1, keepdims=True) >= 0
            point[history.index] = np.where(positive, np.maximum(forecast, 0), forecast)
            deviation[history.index] = spread * factor
        return with_intervals(point, deviation, self.levels)

    def _forecast(self, history: Histories) -> tuple[Floats, Floats]:
        """Point and standard deviation of the adjusted histories, (n, horizon) each."""
        raise NotImplementedError


class Naive2(_Adjusted):
    """The last value, seasonally adjusted; the M competitions' reference (Makridakis & Hibon 2000)."""

    name = "naive2"
    what = "the last value, seasonally adjusted"
    source = "Makridakis & Hibon 2000"

    def _forecast(self, history: Histories) -> tuple[Floats, Floats]:
        point = np.repeat(history.last[:, None], self.horizon, axis=1)
        errors = np.diff(history.values, axis=1, prepend=history.values[:, :1])
        variance = history.total(errors**2) / np.maximum(history.length - 1, 1)
        return point, np.sqrt(variance[:, None] * self.steps)


class Theta(_Adjusted):
    """Half the linear trend, half exponential smoothing of the line with doubled curvature.

    Source: Assimakopoulos & Nikolopoulos (2000), The theta model; as in the M4 competition's benchmarks.
    """

    name = "theta"
    what = "two theta lines, seasonally adjusted"
    source = "Assimakopoulos & Nikolopoulos 2000"

    def _forecast(self, history: Histories) -> tuple[Floats, Floats]:
        intercept, slope = _trend(history)
        rows = np.arange(1, history.values.shape[1] + 1)
        line = intercept[:, None] + slope[:, None] * rows
        smooth = smooth_exponentially(Histories(history.index, 2 * history.values - line, history.length))
        ahead = intercept[:, None] + slope[:, None] * (history.length[:, None] + self.steps)
        growth = 1 + (self.steps - 1) * smooth.alpha[:, None] ** 2
        # the theta line's errors are twice the series' own around its trend
        return (ahead + smooth.level[:, None]) / 2, np.sqrt(smooth.variance[:, None] * growth) / 2


@dataclass(frozen=True, eq=False)
class Smoothing:
    """Simple exponential smoothing of n histories.

    Args:
        alpha: (n,) the weight with the least squared one-step error.
        level: (n,) at the end of the history.
        variance: (n,) of the one-step errors.
    """

    alpha: Floats
    level: Floats
    variance: Floats


def smooth_exponentially(history: Histories) -> Smoothing:
    """Fit weight and first level by least squares, over a grid of weights refined around each series' best."""
    n = len(history.length)
    alphas, width = np.tile(ALPHAS, (n, 1)), ALPHAS[1] - ALPHAS[0]
    for _ in range(REFINEMENTS + 1):
        error, level = _one_step(history, alphas)
        best = error.argmin(axis=1)[:, None]
        chosen = [np.take_along_axis(a, best, axis=1)[:, 0] for a in (alphas, level, error)]
        alphas = np.clip(chosen[0][:, None] + np.linspace(-width, width, 15), ALPHAS[0], ALPHAS[-1])
        width /= 7
    return Smoothing(chosen[0], chosen[1], chosen[2] / history.length)


def _one_step(history: Histories, alpha: Floats) -> tuple[Floats, Floats]:
    """Least squared error over the first level, and the last level that it leads to, (n, weights) each.

    The error is linear in the first level, so one pass with level 0 gives the best one in closed form.
    """
    shift = history.values[:, :1]
    values = history.values - shift
    level, decay = np.zeros(alpha.shape), np.ones(alpha.shape)
    squares, cross, powers = (np.zeros(alpha.shape) for _ in range(3))
    keep = 1 - alpha
    for row in range(values.shape[1]):
        running = (row < history.length)[:, None]
        error = (values[:, row : row + 1] - level) * running
        squares += error * error
        cross += error * decay
        powers += decay * decay * running
        level = level + alpha * error
        decay = np.where(running, decay * keep, decay)
    first = cross / powers
    return squares - cross * first, level + first * decay + shift


def _trend(history: Histories) -> tuple[Floats, Floats]:
    """Least squares line through (1, y1), (2, y2)..., as intercept and slope, (n,) each."""
    centre = (history.length + 1) / 2
    rows = np.arange(1, history.values.shape[1] + 1) - centre[:, None]
    mean = history.total(history.values) / history.length
    power = history.total(rows**2)
    slope = history.total(rows * (history.values - mean[:, None])) / np.where(power > 0, power, 1)
    return mean - slope * centre, slope
