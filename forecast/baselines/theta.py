"""Naive2 and the classical Theta method forecast all series at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from forecast.baselines.base import Baseline, Floats, with_intervals
from forecast.baselines.decomposition import seasonal_indices
from forecast.baselines.histories import MAX_HISTORY_ROWS, Histories, histories
from forecast.baselines.observed import Integers
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins
from forecast.protocol import Prediction

SMOOTHING_WEIGHTS = np.linspace(0.0001, 0.9999, 15)  # the first grid; its bounds are those of R's ets
N_REFINEMENTS = 3  # of the grid around the best weight
REFINEMENT = 7  # factor by which each narrows it


class _Adjusted(Baseline):
    """A model that forecasts the seasonally adjusted history, and puts the season back."""

    max_history_rows = MAX_HISTORY_ROWS

    @property
    def context(self) -> int | None:
        return self.max_history_rows

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        point, deviation = (np.empty((len(origins), self.horizon)) for _ in range(2))
        for history in histories(panel, origins, self.max_history_rows):
            factor, addend = seasonal_indices(history, self.season_length)
            phase = np.arange(history.values.shape[1]) % self.season_length
            plain = replace(history, values=(history.values - addend[:, phase]) / factor[:, phase])
            future_phase = (history.length[:, None] + self._ahead(history) - 1) % self.season_length
            factor, addend = (np.take_along_axis(a, future_phase, axis=1) for a in (factor, addend))  # (n, horizon)
            forecast, spread = self._forecast(plain)
            forecast = forecast * factor + addend
            is_never_negative = np.min(history.values, axis=1, keepdims=True) >= 0
            point[history.index] = np.where(is_never_negative, np.maximum(forecast, 0), forecast)
            deviation[history.index] = spread * factor
        return with_intervals(point, deviation, self.levels)

    def _ahead(self, history: Histories) -> Integers:
        """Return the rows from the end of each history to each step, (n, horizon)."""
        return history.gap[:, None] + self.steps

    def _forecast(self, history: Histories) -> tuple[Floats, Floats]:
        """Return the point forecasts of adjusted histories and their errors' standard deviations, (n, horizon) each."""
        raise NotImplementedError


class Naive2(_Adjusted):
    """The last value, seasonally adjusted; it is the reference of the M competitions.

    References:
        Makridakis & Hibon (2000), The M3-Competition: results, conclusions and implications.
    """

    name = "naive2"
    what = "the last value, seasonally adjusted"
    source = "Makridakis & Hibon 2000"

    def _forecast(self, history: Histories) -> tuple[Floats, Floats]:
        point = np.repeat(history.last[:, None], self.horizon, axis=1)
        paired = history.observed[:, 1:] & history.observed[:, :-1]
        errors = np.diff(history.values, axis=1, prepend=history.values[:, :1])
        errors[:, 1:] *= paired
        variance = history.total(errors**2) / np.maximum(paired.sum(axis=1), 1)
        return point, np.sqrt(variance[:, None] * self._ahead(history))


class Theta(_Adjusted):
    """The mean of the linear trend and of the exponentially smoothed line with doubled curvature.

    It does what the M4 competition's benchmark does.

    References:
        Assimakopoulos & Nikolopoulos (2000), The theta model: a decomposition approach to forecasting.
    """

    name = "theta"
    what = "two theta lines, seasonally adjusted"
    source = "Assimakopoulos & Nikolopoulos 2000"

    def _forecast(self, history: Histories) -> tuple[Floats, Floats]:
        intercept, slope = _trend(history)
        rows = np.arange(1, history.values.shape[1] + 1)
        line = intercept[:, None] + slope[:, None] * rows
        smooth = smooth_exponentially(replace(history, values=2 * history.values - line))
        ahead = intercept[:, None] + slope[:, None] * (history.length[:, None] + self._ahead(history))
        growth = 1 + (self._ahead(history) - 1) * smooth.alpha[:, None] ** 2
        # the theta line's errors are twice the series' own around its trend
        return (ahead + smooth.level[:, None]) / 2, np.sqrt(smooth.variance[:, None] * growth) / 2


@dataclass(frozen=True, eq=False)
class Smoothing:
    """Simple exponential smoothing of n histories.

    Args:
        alpha: (n,) the weight with the least squared one-step error.
        level: (n,) the smoothed level at the end of the history.
        variance: (n,) the mean squared one-step error.
    """

    alpha: Floats
    level: Floats
    variance: Floats


def smooth_exponentially(history: Histories) -> Smoothing:
    """Fit the weight and the first level by least squares; a grid of weights is refined around each series' best."""
    n = len(history.length)
    alphas, width = np.tile(SMOOTHING_WEIGHTS, (n, 1)), SMOOTHING_WEIGHTS[1] - SMOOTHING_WEIGHTS[0]
    lowest, highest = SMOOTHING_WEIGHTS[0], SMOOTHING_WEIGHTS[-1]
    for _ in range(N_REFINEMENTS + 1):
        error, level = _one_step(history, alphas)  # (n, weights)
        best = error.argmin(axis=1)[:, None]
        best_alpha, best_level, least_error = (
            np.take_along_axis(a, best, axis=1)[:, 0] for a in (alphas, level, error)
        )
        alphas = np.clip(best_alpha[:, None] + np.linspace(-width, width, len(SMOOTHING_WEIGHTS)), lowest, highest)
        width /= REFINEMENT
    return Smoothing(best_alpha, best_level, least_error / history.count)


def _one_step(history: Histories, alpha: Floats) -> tuple[Floats, Floats]:
    """Return the sum of squared errors with the best first level, and the last level, (n, weights) each.

    Args:
        history: n histories.
        alpha: (n, weights) smoothing weights.

    A missing row changes neither the level nor the error. The error is linear in the first level, so one pass with level 0 gives the best one in closed form.
    """
    shift = history.values[:, :1]
    values = history.values - shift
    level, decay = np.zeros(alpha.shape), np.ones(alpha.shape)
    squares, cross, powers = (np.zeros(alpha.shape) for _ in range(3))
    keep = 1 - alpha
    for row in range(values.shape[1]):
        running = history.observed[:, row : row + 1]
        error = (values[:, row : row + 1] - level) * running
        squares += error * error
        cross += error * decay
        powers += decay * decay * running
        level = level + alpha * error
        decay = np.where(running, decay * keep, decay)
    first = cross / powers
    return squares - cross * first, level + first * decay + shift


def _trend(history: Histories) -> tuple[Floats, Floats]:
    """Return intercept and slope, (n,) each, of the least-squares line through the observed rows (1, y1), (2, y2)..."""
    observed, number = history.observed, np.arange(1, history.values.shape[1] + 1)
    centre = history.total(number * observed) / history.count
    rows = (number - centre[:, None]) * observed
    mean = history.total(history.values * observed) / history.count
    power = history.total(rows**2)
    slope = history.total(rows * (history.values - mean[:, None])) / np.where(power > 0, power, 1)
    return mean - slope * centre, slope
