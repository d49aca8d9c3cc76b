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

    Steps stand before histories, so that all smoothings of a step lie side by side in memory.

    Args:
        forecasts: (origins - 1, steps, n, k) in units of the target, at all origins but the last.
        final: (horizon, n, k) in units of the target, at the last origin.
        one_step: (origins, n, k) mean absolute error of the next row over the rows before each origin; NaN for none.
    """

    forecasts: Floats
    final: Floats
    one_step: Floats

    @classmethod
    def empty(cls, n_origins: int, n_steps: int, horizon: int, n: int, forecasting: int, k: int) -> Pass:
        """Make room for what passes give: forecasts at earlier origins of some smoothings, the rest of k."""
        forecasts, final = np.empty((n_origins - 1, n_steps, n, forecasting)), np.empty((horizon, n, k))
        return cls(forecasts, final, np.full((n_origins, n, k), np.nan))

    def of(self, smoothings: slice, *, forecasts: slice) -> Pass:
        """Return the room of some smoothings, and where their forecasts at earlier origins go."""
        return Pass(self.forecasts[..., forecasts], self.final[..., smoothings], self.one_step[..., smoothings])


def smooth(
    block: Aligned, part: Part, start: Start, origins: Integers, steps: Integers, burn_in: int, out: Pass
) -> None:
    """Smooth the histories of a block, and forecast at some of their rows.

    Args:
        block: n histories.
        part: k smoothings.
        start: the states before the first row.
        origins: (origins,) rows of the matrix before which forecasts are made, ascending.
        steps: (steps,) the steps that are forecast at all origins but the last, counted from 1.
        burn_in: rows from each history's first on whose errors of the next row are not counted.
        out: where forecasts and errors go; those before a history's first row mean nothing.
    """
    state = _State(block, part, start, burn_in)
    slopes = _slopes(block, origins) if part.drift.any() else np.zeros((len(origins), len(block.first)))
    compared, whole = _Ahead.of(part, steps), _Ahead.of(part, np.arange(1, len(out.final) + 1))
    row = min(int(block.first.min()), int(origins[0]))
    with np.errstate(over="ignore", invalid="ignore"):  # a smoothing that explodes is never among the best
        for at, end in enumerate(origins):
            for newest in range(row, end):
                state.update(newest)
            row = int(end)
            np.divide(state.error_sum, state.error_count, out=out.one_step[at], where=state.error_count > 0)
            if at < len(origins) - 1:
                state.forecast(row, compared, slopes[at], out.forecasts[at])
        state.forecast(row, whole, slopes[-1], out.final)


@dataclass(frozen=True, eq=False)
class _Ahead:
    """What becomes of the states of k smoothings some steps ahead.

    Args:
        steps: (steps,) counted from 1.
        trend: (steps, k) sum of the damped trend, in multiples of the trend.
        drift: (steps, k) what is added of the slope of a history's line.
        shock: (steps, k) share of a shock that stays.
        drifting: the smoothings with a drift.
    """

    steps: list[int]
    trend: Floats
    drift: Floats
    shock: Floats
    drifting: slice

    @classmethod
    def of(cls, part: Part, steps: Integers) -> _Ahead:
        every = np.cumsum(part.damping ** np.arange(1, steps[-1] + 1)[:, None], axis=0)
        drift = part.drift * (steps[:, None] - 1 + 1 / part.level)
        found = np.flatnonzero(part.drift)
        drifting = slice(found[0], found[-1] + 1) if len(found) else slice(0)
        return cls(steps.tolist(), every[steps - 1], drift[:, drifting], part.keeps ** steps[:, None], drifting)


class _State:
    """The states of all smoothings of a part for all histories of a block, (n, k) each, and room to compute in."""

    def __init__(self, block: Aligned, part: Part, start: Start, burn_in: int) -> None:
        self.block, self.part, self.burn_in = block, part, burn_in
        shape = (len(block.first), len(part))
        self.level = np.repeat(start.level[:, None], len(part), axis=1)
        self.trend, self.shock = np.zeros(shape), np.zeros(shape)
        self.seasons = [np.repeat(season[:, :, None], len(part), axis=2) for season in start.seasons]
        self.error_sum, self.error_count = np.zeros(shape), np.zeros((shape[0], 1))
        self.is_factor = part.seasonal == "multiplicative"
        self.error, self.spare, self.factor = np.empty((3, *shape))
        self.complete: list[bool] = np.asarray(block.observed.all(axis=1)).tolist()  # (rows,)
        self.oldest, self.youngest = int(block.first.min()), int(block.first.max())
        first = block.first[:1] if (block.first == block.first[0]).all() else block.first
        age = (np.arange(block.rows)[:, None] - first)[:, :, None]  # (rows, n or 1, 1)
        # gains begin as those of a mean, of rows or of seasons
        self.least_gain = 1.0 / np.maximum(age + 2.0, 1.0)
        self.least_season_gains = [1.0 / np.maximum(age // len(season) + 1.0, 1.0) for season in self.seasons]
        self.settled = self.youngest + 1.0 / float(part.level.min()) - 2.0  # the first row with the level's own gain

    def update(self, row: int) -> None:
        """Read the values of a row of the matrix."""
        part, level, error, spare = self.part, self.level, self.error, self.spare
        value, complete = self.block.values[row][:, None], self.complete[row]
        if part.has_trend:
            self.trend *= part.damping
            level += self.trend  # what is expected, until the error is added below
        if self.is_factor:
            np.maximum(self.seasons[0][row % len(self.seasons[0])], LEAST_FACTOR, out=self.factor)
            np.divide(value, self.factor, out=error)
            error -= level
        else:
            np.subtract(value, level, out=error)
            for season in self.seasons:
                error -= season[row % len(season)]
            if part.has_shock:
                self.shock *= part.keeps
                error -= self.shock
        if not complete:
            error *= self.block.observed[row][:, None]
        self._count(row)
        self._move_seasons(row, value)
        np.multiply(error, part.level if row >= self.settled else self._gain(row), out=spare)
        level += spare
        if part.has_trend:
            spare *= part.trend
            self.trend += spare
        if part.has_shock:
            error *= part.shock
            self.shock += error

    def _count(self, row: int) -> None:
        """Add the errors of a row to their sums, where a history is old enough."""
        spare, block = self.spare, self.block
        if row - self.oldest < self.burn_in:
            return
        everywhere = self.complete[row] and row - self.youngest >= self.burn_in
        counted = True if everywhere else (block.observed[row] & (row - block.first >= self.burn_in))[:, None]
        np.abs(self.error, out=spare)
        if self.is_factor:
            spare *= self.factor
        if not everywhere:
            spare *= counted
        self.error_sum += spare
        self.error_count += counted

    def _move_seasons(self, row: int, value: Floats) -> None:
        """Move the seasons of a row's phase by its error, or towards its ratio."""
        spare, error = self.spare, self.error
        for every, least in zip(self.seasons, self.least_season_gains, strict=True):
            season, gain = every[row % len(every)], np.maximum(self.part.season, least[row])
            if not self.is_factor:
                np.multiply(error, gain, out=spare)
            elif self.complete[row] and self.level.min() > 0:
                np.divide(value, self.level, out=spare)
                spare -= season
                spare *= gain
            else:
                known = self.block.observed[row][:, None] & (self.level > 0)
                np.divide(value, self.level, out=spare, where=known)
                spare -= season
                spare *= gain
                np.copyto(spare, 0.0, where=~known)
            season += spare

    def _gain(self, row: int) -> Floats:
        """Return the level's gain, (1, k) or (n, k)."""
        return np.maximum(self.part.level, self.least_gain[row])

    def forecast(self, row: int, ahead: _Ahead, slope: Floats, out: Floats) -> None:
        """Forecast from before a row.

        Args:
            row: the row of the matrix that is the first to be forecast.
            ahead: the steps, and what the states become.
            slope: (n,) slope of the line through each history so far.
            out: (steps, n, k), where the forecasts go.
        """
        part, spare, found = self.part, self.spare, self.error  # small ones: the planes of `out` lie far apart
        for number, step in enumerate(ahead.steps):
            if part.has_trend:
                np.multiply(self.trend, ahead.trend[number], out=found)
                found += self.level
            else:
                found[:] = self.level
            if ahead.drift.size:
                found[:, ahead.drifting] += slope[:, None] * ahead.drift[number]
            if part.has_shock:
                found += np.multiply(self.shock, ahead.shock[number], out=spare)
            for season in self.seasons:
                of_step = season[(row + step - 1) % len(season)]
                if self.is_factor:
                    found *= np.maximum(of_step, LEAST_FACTOR, out=spare)
                else:
                    found += of_step
            out[number] = found


def _slopes(block: Aligned, origins: Integers) -> Floats:
    """Return the slope of the least-squares line through the observed rows before each origin, (origins, n)."""
    age = np.where(block.observed, np.arange(block.rows)[:, None] - block.first, 0.0)
    sums = [block.observed, age, block.values, age * age, age * block.values]
    count, x, y, xx, xy = (np.cumsum(term, axis=0, dtype=np.float64)[np.maximum(origins - 1, 0)] for term in sums)
    spread = xx - x * x / np.maximum(count, 1)
    slope = np.zeros(spread.shape)
    return np.divide(xy - x * y / np.maximum(count, 1), spread, out=slope, where=spread > 1e-9)
