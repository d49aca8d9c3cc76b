"""One pass over time smooths all histories of a block with all smoothings of a part.

References:
    Hyndman, Koehler, Ord & Snyder (2008), Forecasting with Exponential Smoothing: the innovations form.
    Taylor (2003), Short-term electricity demand forecasting using double seasonal exponential smoothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecast.baselines.observed import Floats, Integers
from forecast.baselines.smoothing.aligned import Aligned
from forecast.baselines.smoothing.grid import Part
from forecast.baselines.smoothing.start import Start

LEAST_FACTOR = 0.05  # of a multiplicative season: a smaller one would turn noise into a level


@dataclass(frozen=True, eq=False)
class Pass:
    """What a pass over time gives at some origins.

    Args:
        forecasts: (origins - 1, n, k, steps) in units of the target, at all origins but the last.
        final: (n, k, horizon) in units of the target, at the last origin.
        one_step: (origins, n, k) mean absolute error of the next row over the rows before each origin; NaN for none.
    """

    forecasts: Floats
    final: Floats
    one_step: Floats


def smooth(
    block: Aligned, part: Part, start: Start, origins: Integers, steps: Integers, horizon: int, burn_in: int
) -> Pass:
    """Smooth the histories of a block, and forecast at some of their rows.

    Args:
        block: n histories.
        part: k smoothings.
        start: the states before the first row.
        origins: (origins,) rows of the matrix before which forecasts are made, ascending.
        steps: (steps,) the steps that are forecast at all origins but the last, counted from 1.
        horizon: steps that are forecast at the last origin.
        burn_in: rows from each history's first on whose errors of the next row are not counted.

    Returns:
        Forecasts and errors; those before a history's first row mean nothing.
    """
    state = _State(block, part, start)
    slopes = _slopes(block, origins)
    n_origins, *shape = len(origins), len(block.first), len(part)
    forecasts, one_step = np.empty((n_origins - 1, *shape, len(steps))), np.full((n_origins, *shape), np.nan)
    row = min(int(block.first.min()), int(origins[0]))
    for at, end in enumerate(origins):
        while row < end:
            with np.errstate(over="ignore", invalid="ignore"):  # a smoothing that explodes is never among the best
                state.update(row, burn_in)
            row += 1
        np.divide(state.error_sum, state.error_count, out=one_step[at], where=state.error_count > 0)
        if at < n_origins - 1:
            forecasts[at] = state.forecast(row, steps, slopes[at])
    return Pass(forecasts, state.forecast(row, np.arange(1, horizon + 1), slopes[-1]), one_step)


class _State:
    """The states of all smoothings of a part for all histories of a block, (n, k) each."""

    def __init__(self, block: Aligned, part: Part, start: Start) -> None:
        self.block, self.part = block, part
        shape = (len(block.first), len(part))
        self.level = np.repeat(start.level[:, None], len(part), axis=1)
        self.trend, self.shock = np.zeros(shape), np.zeros(shape)
        self.seasons = [np.repeat(season[:, :, None], len(part), axis=2) for season in start.seasons]
        self.error_sum, self.error_count = np.zeros(shape), np.zeros((shape[0], 1))
        self.slowest = float(part.level.min())
        self.is_factor = part.seasonal == "multiplicative"
        self.complete = np.asarray(block.observed.all(axis=1))  # (rows,)

    def update(self, row: int, burn_in: int) -> None:
        """Read the values of a row of the matrix."""
        part, block = self.part, self.block
        value, observed = block.values[row][:, None], block.observed[row][:, None]
        age = (row - block.first)[:, None]
        seasons = [season[row % len(season)] for season in self.seasons]
        if part.has_trend:
            self.trend *= part.damping
        expected = self.level + self.trend if part.has_trend else self.level.copy()
        if part.has_shock:
            self.shock *= part.keeps
        factor = np.maximum(seasons[0], LEAST_FACTOR) if self.is_factor else None
        if factor is not None:
            error = value / factor - expected
        else:
            error = value - expected
            for season in seasons:
                error -= season
            if part.has_shock:
                error -= self.shock
        if not self.complete[row]:
            error *= observed
        counted = observed & (age >= burn_in)
        if counted.any():
            missed = np.abs(error) if factor is None else np.abs(error) * factor
            self.error_sum += missed if counted.all() else missed * counted
            self.error_count += counted
        if factor is not None:
            ratio = np.divide(value, expected, out=seasons[0].copy(), where=observed & (expected > 0))
            seasons[0] += self._season_gain(age, len(self.seasons[0])) * (ratio - seasons[0])
        else:
            for every, season in zip(self.seasons, seasons, strict=True):
                season += self._season_gain(age, len(every)) * error
        gained = error * self._gain(age)
        if part.has_trend:
            self.trend += gained * part.trend
        self.level = expected + gained
        if part.has_shock:
            self.shock += part.shock * error

    def _gain(self, age: Integers) -> Floats:
        """Return the level's gain, which begins as that of a mean: (k,) or (n, k)."""
        if (age.min() + 2.0) * self.slowest >= 1.0:
            return self.part.level
        return np.maximum(self.part.level, 1.0 / np.maximum(age + 2.0, 1.0))

    def _season_gain(self, age: Integers, period: int) -> Floats:
        """Return the season's gain, which begins as that of a mean over seasons: (k,) or (n, k)."""
        if (age.min() // period + 1.0) * self.part.season.min() >= 1.0:
            return self.part.season
        return np.maximum(self.part.season, 1.0 / np.maximum(age // period + 1.0, 1.0))

    def forecast(self, row: int, steps: Integers, slope: Floats) -> Floats:
        """Forecast from before a row: (n, k, steps).

        Args:
            row: the row of the matrix that is the first to be forecast.
            steps: (steps,) the steps, counted from 1.
            slope: (n,) slope of the line through each history so far.
        """
        part = self.part
        found = np.repeat(self.level[:, :, None], len(steps), axis=2)
        if part.has_trend:
            every = np.cumsum(part.damping[:, None] ** np.arange(1, steps[-1] + 1), axis=1)
            found += self.trend[:, :, None] * every[:, steps - 1]
        if part.drift.any():
            ahead = part.drift[:, None] * (steps - 1 + 1 / part.level[:, None])
            found += slope[:, None, None] * ahead
        if part.has_shock:
            found += self.shock[:, :, None] * part.keeps[:, None] ** steps
        for season in self.seasons:
            of_steps = np.moveaxis(season[(row + steps - 1) % len(season)], 0, 2)
            found = found * np.maximum(of_steps, LEAST_FACTOR) if self.is_factor else found + of_steps
        return found


def _slopes(block: Aligned, origins: Integers) -> Floats:
    """Return the slope of the least-squares line through the observed rows before each origin, (origins, n)."""
    age = np.where(block.observed, np.arange(block.rows)[:, None] - block.first, 0.0)
    sums = [block.observed, age, block.values, age * age, age * block.values]
    count, x, y, xx, xy = (np.cumsum(term, axis=0, dtype=np.float64)[np.maximum(origins - 1, 0)] for term in sums)
    spread = xx - x * x / np.maximum(count, 1)
    slope = np.zeros(spread.shape)
    return np.divide(xy - x * y / np.maximum(count, 1), spread, out=slope, where=spread > 1e-9)
