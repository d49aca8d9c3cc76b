"""The smoothing bank as a model: it learns in `fit` which smoothings suit the panel, and how wrong they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.base import Baseline, Floats
from forecast.baselines.observed import rows_since_observed
from forecast.baselines.smoothing.aligned import aligned
from forecast.baselines.smoothing.choice import (
    Pooled,
    Tried,
    best,
    combined,
    ladder,
    relative,
    scores,
    steps_compared,
    try_all,
)
from forecast.baselines.smoothing.grid import Grid
from forecast.datasets.panel import Panel
from forecast.datasets.saved_arrays import Expected, check_arrays
from forecast.datasets.time.grid import DAY
from forecast.datasets.windows.origins import Origins, evenly_spread
from forecast.protocol import Prediction
from forecast.quantiles import quantiles_at, quantiles_of_errors

SEASONS_READ, LEAST_ROWS_READ, MOST_ROWS_READ = 12, 200, 1500
LONG_SEASONS_READ = 6  # of the second season
DAYS_IN_A_WEEK = 7
MOST_SERIES_POOLED = 1000
MOST_SERIES_TESTED = 300  # for the width of intervals
NUMBERS_AT_ONCE = 8_000_000  # forecasts of a block; bounds memory
MOST_HISTORIES_AT_ONCE = 256


class Smoothing(Baseline):
    """The median of the exponential smoothings that did best at earlier origins, for the series and for the panel.

    All combinations of level, trend (none, damped, linear, the drift of the Theta method), season (none, additive,
    multiplicative; of hourly and finer rows two, day and week), shocks that die out, and their gains forecast at origins
    in the last three seasons or horizons. Their errors there, in multiples of the series' median error, are averaged with
    those of the panel, which `fit` learns. Quantiles come from the forecast's own errors at such origins, by step, in
    units of each series' mean error of the next row.

    References:
        Hyndman, Koehler, Ord & Snyder (2008), Forecasting with Exponential Smoothing.
    """

    name = "ets"
    what = "the best of hundreds of exponential smoothings, for the series and the panel"
    source = "Hyndman et al. 2008"

    def __init__(self, horizon: int, *, season_length: int = 1, levels: tuple[float, ...] = (), seed: int = 0) -> None:
        super().__init__(horizon, season_length=season_length, levels=levels, seed=seed)
        self.trained_horizon = horizon  # `extended` moves the horizon, and not what is compared
        self._set_week(0)
        self.pooled = Pooled(np.ones(len(self.grid)), np.ones(len(self.grid)))
        self.errors = np.zeros((horizon, len(levels)))

    @property
    def context(self) -> int | None:
        return rows_read(
            self.season_length, DAYS_IN_A_WEEK * self.season_length
        )  # of the longer season, should there be one

    def fit(self, panel: Panel) -> Self:
        self._set_week(week(panel, self.season_length))
        chosen = evenly_spread(panel.n_series, MOST_SERIES_POOLED)
        horizon, next_row = np.zeros((2, len(chosen), len(self.grid)))
        for index, tried in self._tried(panel, Origins(chosen, panel.indptr[chosen + 1]), 1):
            at = len(tried.ends) - 1
            horizon[index] = relative(tried.errors[at], tried.available[at])
            next_row[index] = relative(tried.one_step[at], tried.available[at])
        self.pooled = Pooled.of(horizon, next_row)
        if self.levels:
            self.errors = self._error_quantiles(panel)
        return self

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        point, scale = np.empty((len(origins), self.horizon)), np.empty(len(origins))
        for index, tried in self._tried(panel, origins, self.horizon):
            at = len(tried.ends) - 1
            numbers = best(scores(tried, at, self.pooled))
            point[index] = combined(tried, at, numbers)
            scale[index] = _unit(tried, at, numbers)
        if not self.levels:
            return Prediction(point)
        ahead = rows_since_observed(panel, origins)[:, None] + self.steps  # (n, horizon)
        return Prediction(
            point, self.levels, point[:, :, None] + scale[:, None, None] * quantiles_at(self.errors, ahead)
        )

    def state(self) -> dict[str, NDArray[Any]]:
        return {
            "week": np.array([self.week]),
            "horizon_errors": self.pooled.horizon,
            "next_row_errors": self.pooled.next_row,
            "errors": self.errors,
        }

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        longest = DAYS_IN_A_WEEK * self.season_length
        first = Expected(np.int64, (1,), least=0, most=longest)
        check_arrays({"week": state.get("week", np.array(0))}, {"week": first})
        self._set_week(longest if state["week"][0] else 0)
        relative_errors = Expected(np.float64, (len(self.grid),), least=0)
        expected = {"horizon_errors": relative_errors, "next_row_errors": relative_errors}
        errors = Expected(np.float64, (self.horizon, len(self.levels)))
        check_arrays(
            state, {"week": Expected(np.int64, (1,), least=self.week, most=self.week), "errors": errors, **expected}
        )
        self.pooled, self.errors = Pooled(state["horizon_errors"], state["next_row_errors"]), state["errors"]

    def _set_week(self, rows: int) -> None:
        """Set the rows of the second season, 0 for none, and the grid that follows."""
        self.week = rows
        self.grid = Grid.of(self.season_length, rows or None)

    def _tried(
        self, panel: Panel, origins: Origins, horizon: int, *, keep: bool = False
    ) -> Iterator[tuple[NDArray[np.int64], Tried]]:
        """Run the grid before all origins, a block at a time: the numbers of its origins, and what came of them."""
        offsets = ladder(self.trained_horizon, max(self.season_length, self.week))
        steps = steps_compared(self.trained_horizon)
        forecasting = len(self.grid) if keep else self.grid.largest
        numbers = forecasting * len(offsets) * len(steps) + len(self.grid) * (3 * len(offsets) + horizon)
        at_once = int(np.clip(NUMBERS_AT_ONCE // numbers, 1, MOST_HISTORIES_AT_ONCE))
        for block in aligned(panel, origins, rows_read(self.season_length, self.week), at_once):
            yield block.index, try_all(block, self.grid, offsets, steps, horizon, keep=keep)

    def _error_quantiles(self, panel: Panel) -> Floats:
        """Return quantiles of the forecasts' errors at earlier origins, (horizon, levels), in units of each series.

        What is chosen at an origin follows from what was known there.
        """
        chosen = evenly_spread(panel.n_series, MOST_SERIES_TESTED)
        steps, found = steps_compared(self.trained_horizon), []
        for _, tried in self._tried(panel, Origins(chosen, panel.indptr[chosen + 1]), 1, keep=True):
            for at in range(len(tried.ends) - 1):
                numbers = best(scores(tried, at, self.pooled))
                error, unit = tried.actual[at].T - combined(tried, at, numbers), _unit(tried, at, numbers)
                varies = unit > 0
                found.append(error[varies] / unit[varies, None])
        errors = np.concatenate(found) if found else np.empty((0, len(steps)))
        return quantiles_of_errors(errors[np.isfinite(errors).any(axis=1)], steps, self.trained_horizon, self.levels)


def _unit(tried: Tried, at: int, numbers: NDArray[np.int64]) -> Floats:
    """Return the mean error of the next row of the chosen smoothings before an origin, (n,), 0 where it is not known."""
    errors = np.take_along_axis(tried.one_step[at], numbers, axis=1)
    known = np.isfinite(errors) & np.take_along_axis(tried.available[at], numbers, axis=1)
    return np.asarray(np.where(known, errors, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1))


def rows_read(season_length: int, longer: int) -> int:
    """Return the newest rows that are read.

    Args:
        season_length: rows in a season.
        longer: rows in a second season; 0 for none.
    """
    rows = max(SEASONS_READ * season_length, LEAST_ROWS_READ, LONG_SEASONS_READ * longer)
    return min(rows, max(MOST_ROWS_READ, 4 * season_length, 4 * longer))


def week(panel: Panel, season_length: int) -> int:
    """Return the rows of a week where a season is a day of hourly or finer rows, else 0."""
    grid = panel.grid
    is_day = grid.kind == "tick" and season_length > 1 and season_length * grid.step == DAY
    return DAYS_IN_A_WEEK * season_length if is_day else 0
