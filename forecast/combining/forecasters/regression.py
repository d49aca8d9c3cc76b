"""A regression of the rows to come on the newest ones, fitted to the whole panel: it knows autoregression and the clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import gcd
from typing import Self

import numpy as np

from forecast.baselines.observed import Floats, Integers
from forecast.baselines.smoothing.aligned import Aligned
from forecast.combining.forecasters.scale import level_and_unit
from forecast.combining.forecasters.simple import Filled, Forecast, Request

FEWEST_INPUTS, MOST_INPUTS = 8, 400
ROWS_BEYOND_A_SEASON = 14  # that are read, at most
MOST_WINDOWS = 20_000  # of a panel
LEAST_WINDOWS = 10  # before an origin, from which there is a regression
SHRINKAGE = 0.1  # of the mean square of an input: towards the last season
MOST_UNITS = 20.0  # of an input or a target
LARGE_SEASON = (
    5.0  # units that a window lies off its level in the mean, at most: it must not count for more than others
)


@dataclass(frozen=True, eq=False)
class Regression:
    """Coefficients before each origin of a ladder; zeros mean the last season.

    A window holds the newest rows before an end, less their level, in units of the errors to expect. Ridge regression
    says how the rows after it lie off the last season; every step has its own coefficients.

    Args:
        season_length: rows in a season; 1 means none.
        earlier: (origins - 1, inputs + 1, steps compared) before each origin but the last; the last input is 1.
        final: (inputs + 1, horizon) before the last origin.
        windows: (origins,) number of windows that were learnt from before each.

    References:
        Hoerl & Kennard (1970), Ridge regression; Zeng et al. (2023), Are transformers effective for time series
        forecasting? (a linear map of a window less its level).
    """

    season_length: int
    earlier: Floats
    final: Floats
    windows: Integers

    @classmethod
    def unknown(cls, n_origins: int, n_inputs: int, steps: Integers, season_length: int) -> Self:
        """Return the regression of a panel of which nothing is known: it is available nowhere."""
        earlier = np.zeros((n_origins - 1, n_inputs + 1, len(steps)))
        return cls(season_length, earlier, np.zeros((n_inputs + 1, int(steps[-1]))), np.zeros(n_origins, np.int64))

    def newest(self, n_origins: int) -> Regression:
        """Return what is known before the newest origins only."""
        earlier = self.earlier[len(self.windows) - n_origins :]
        return Regression(self.season_length, earlier, self.final, self.windows[-n_origins:])

    @property
    def n_inputs(self) -> int:
        """Return the rows of a window."""
        return len(self.final) - 1

    def forecast(self, asked: Request) -> Forecast:
        """Forecast at every origin with what was known before it."""
        windows, level, unit = _windows(asked.block, asked.ends, self.n_inputs, self.season_length)
        n = windows.shape[1]
        earlier = np.empty((len(asked.ends) - 1, n, len(asked.steps)))
        for at, coefficients in enumerate(self.earlier):
            earlier[at] = self._apply(windows[at], coefficients, asked.steps)
        horizon = np.arange(1, asked.horizon + 1)
        final = self._apply(windows[-1], self._beyond(horizon), horizon) * unit[-1, :, None] + level[-1, :, None]
        earlier = earlier * unit[:-1, :, None] + level[:-1, :, None]
        grown = asked.ends[:, None] - asked.block.first >= least_age(self.season_length)
        return Forecast(earlier, final, grown & (self.windows >= LEAST_WINDOWS)[:, None])

    def _apply(self, windows: Floats, coefficients: Floats, steps: Integers) -> Floats:
        """Map windows (n, inputs + 1) to forecasts (n, steps), a product for each: company must not change a bit."""
        moved = (windows[:, None] @ coefficients)[:, 0]
        return np.asarray(windows[:, _last_season(steps, self.n_inputs, self.season_length)] + moved)

    def _beyond(self, steps: Integers) -> Floats:
        """Return the coefficients of steps, those beyond the trained horizon from the same place in the season."""
        trained = self.final.shape[1]
        over = np.maximum(-(-(steps - trained) // self.season_length), 0)
        same = steps - over * self.season_length
        return np.where(same >= 1, self.final[:, np.maximum(same, 1) - 1], 0.0)


def inputs_read(season_length: int, longer: int) -> int:
    """Return the rows of a window.

    Args:
        season_length: rows in a season; 1 means none.
        longer: rows in a second season; 0 for none.
    """
    if season_length == 1:
        return FEWEST_INPUTS
    rows = season_length + min(season_length, ROWS_BEYOND_A_SEASON) + 2
    if longer and longer + season_length <= MOST_INPUTS:
        rows = longer + season_length
    return max(min(rows, MOST_INPUTS), FEWEST_INPUTS, season_length)


def least_age(season_length: int) -> int:
    """Return the rows of the shortest history that is learnt from, and forecast."""
    return max(3, season_length)


class Learning:
    """Sums over windows that a regression is solved from, a block of histories after the other.

    Args:
        offsets: rows between each origin and the end of a history, descending to 0.
        steps: (steps,) the steps that are compared; the last is the horizon.
        season_length: rows in a season; 1 means none.
        longer: rows in a second season; 0 for none.
        n_series: number of the histories; few are learnt from at more of their rows.
    """

    def __init__(self, offsets: Integers, steps: Integers, season_length: int, longer: int, n_series: int) -> None:
        self.offsets, self.steps, self.season_length = offsets, steps, season_length
        self.n_inputs, self.horizon = inputs_read(season_length, longer), int(steps[-1])
        self.most_of_a_history = max(MOST_WINDOWS // max(n_series, 1), 1)
        size = self.n_inputs + 1
        self.squares = np.zeros((len(offsets), size, size))
        self.products = np.zeros((len(offsets), size, self.horizon))
        self.windows = np.zeros(len(offsets), np.int64)

    def add(self, block: Aligned) -> None:
        """Add the windows of a block; each counts for the origins at which its whole horizon was known."""
        last = block.rows - self.horizon
        stride = max(1, -(-max(last, 0) // self.most_of_a_history))
        while stride > 1 and gcd(stride, self.season_length) > 1:
            stride += 1  # every place in the season is to be seen
        oldest = int(block.first.min()) + least_age(self.season_length)
        ends = np.arange(last, oldest - 1, -stride)[::-1]
        if not len(ends):
            return
        windows, level, unit = _windows(block, ends, self.n_inputs, self.season_length)
        rows = ends[:, None] + np.arange(self.horizon)
        targets = np.moveaxis(Filled(block, self.season_length).at(rows.reshape(-1, 1)).reshape(*rows.shape, -1), 1, 2)
        targets = np.clip((targets - level[..., None]) / unit[..., None], -MOST_UNITS, MOST_UNITS)
        horizon = np.arange(1, self.horizon + 1)
        targets = targets - windows[..., _last_season(horizon, self.n_inputs, self.season_length)]
        grown = ends[:, None] - block.first >= least_age(self.season_length)
        counts = grown & (np.moveaxis(block.observed[rows], 1, 2).mean(axis=2) > 0.5)
        first_origin = np.searchsorted(block.rows - self.offsets, ends + self.horizon)
        for origin in np.unique(first_origin):
            there = counts & (first_origin == origin)[:, None]
            inputs = windows[there]
            self.squares[origin] += inputs.T @ inputs
            self.products[origin] += inputs.T @ targets[there]
            self.windows[origin] += len(inputs)

    def solve(self) -> Regression:
        """Solve for the coefficients before each origin."""
        squares, products = np.cumsum(self.squares, axis=0), np.cumsum(self.products, axis=0)
        windows = np.cumsum(self.windows)
        found = np.zeros(products.shape)
        for at in np.flatnonzero(windows >= LEAST_WINDOWS):
            mean_square = np.trace(squares[at]) / len(squares[at])
            penalty = (SHRINKAGE + self.n_inputs / windows[at]) * max(mean_square, 1.0)
            found[at] = np.linalg.solve(squares[at] + penalty * np.eye(len(squares[at])), products[at])
        return Regression(self.season_length, found[:-1, :, self.steps - 1], found[-1], windows)


def learn_regression(
    blocks: Iterable[Aligned], offsets: Integers, steps: Integers, season_length: int, longer: int, n_series: int
) -> Regression:
    """Learn a regression from histories; the arguments are those of `Learning`."""
    learning = Learning(offsets, steps, season_length, longer, n_series)
    for block in blocks:
        learning.add(block)
    return learning.solve()


def _windows(block: Aligned, ends: Integers, n_inputs: int, season_length: int) -> tuple[Floats, Floats, Floats]:
    """Return the windows before rows, (ends, n, inputs + 1), their level and their unit, (ends, n) each."""
    level, unit = level_and_unit(block, ends, season_length)
    rows = ends[:, None] + np.arange(-n_inputs, 0)
    values = Filled(block, season_length).at(rows.reshape(-1, 1)).reshape(*rows.shape, -1)  # (ends, inputs, n)
    off = np.moveaxis(values, 1, 2) - level[..., None]
    unit = np.maximum(unit, np.abs(off).mean(axis=2) / LARGE_SEASON)
    windows = np.ones((len(ends), values.shape[2], n_inputs + 1))
    windows[..., :-1] = np.clip(off / unit[..., None], -MOST_UNITS, MOST_UNITS)
    return windows, level, unit


def _last_season(steps: Integers, n_inputs: int, season_length: int) -> Integers:
    """Return the places of the last season's rows in a window, for each step."""
    return n_inputs - season_length + (steps - 1) % season_length
