"""Simple forecasters: what was seen last, at a ladder of origins of every history of a block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.observed import Floats, Integers
from forecast.baselines.smoothing.aligned import Aligned

Bools = NDArray[np.bool_]
SEASONS_AVERAGED = 3


class Forecast(NamedTuple):
    """Forecasts of one forecaster, or of several on a further axis before the steps.

    Args:
        earlier: (origins - 1, n, steps) at all origins but the last, at the steps that are compared.
        final: (n, horizon) at the last origin.
        available: (origins, n) whether there is a forecast.
    """

    earlier: Floats
    final: Floats
    available: Bools


@dataclass(frozen=True, eq=False)
class Request:
    """What the forecasters of a pool are asked for.

    Args:
        block: n histories.
        ends: (origins,) rows of the matrix before which forecasts are made, ascending; the last is the histories' end.
        steps: (steps,) the steps that are compared, counted from 1.
        horizon: steps that are forecast at the last origin.
        season_length: rows in a season; 1 means none.
    """

    block: Aligned
    ends: Integers
    steps: Integers
    horizon: int
    season_length: int

    def forecast(self, at: Callable[[int, Integers], Floats], least_rows: int) -> Forecast:
        """Ask a function for forecasts at every origin.

        Args:
            at: it returns the forecasts (n, k) before a row of the matrix, at k steps.
            least_rows: rows of the shortest history that it forecasts from.
        """
        earlier = [at(int(end), self.steps) for end in self.ends[:-1]]
        shape = (len(earlier), len(self.block.first), len(self.steps))
        final = at(int(self.ends[-1]), np.arange(1, self.horizon + 1))
        available = self.ends[:, None] - self.block.first >= least_rows
        return Forecast(np.array(earlier).reshape(shape), final, available)


class Filled:
    """The values of a block, each missing one replaced by the newest observed one before it.

    Args:
        block: the histories.
        season_length: rows between places that stand for each other, where one of them was observed; 1, the default,
            takes the newest row whatever its place in the season.
    """

    def __init__(self, block: Aligned, season_length: int = 1) -> None:
        rows = np.where(block.observed, np.arange(block.rows)[:, None], -1)
        newest = np.maximum.accumulate(rows)
        if season_length > 1:
            missing = np.full((-block.rows % season_length, rows.shape[1]), -1)
            by_place = np.concatenate([rows, missing]).reshape(-1, season_length, rows.shape[1])
            same_place = np.maximum.accumulate(by_place).reshape(-1, rows.shape[1])[: block.rows]
            newest = np.where(same_place >= 0, same_place, newest)
        newest = np.maximum(newest, block.first)
        self.values = np.take_along_axis(block.values, newest, axis=0)
        self.first = block.first

    def at(self, rows: Integers) -> Floats:
        """Return the values of rows, (k, n), none before a history's first one."""
        return np.take_along_axis(self.values, np.maximum(rows, self.first), axis=0)


def last_value(asked: Request) -> Forecast:
    """Repeat the last value."""
    filled = Filled(asked.block)
    return asked.forecast(lambda end, steps: np.repeat(filled.at(np.array([[end - 1]])), len(steps), axis=0).T, 1)


def last_season(asked: Request) -> Forecast:
    """Repeat the last season."""
    filled, season = Filled(asked.block), asked.season_length
    return asked.forecast(lambda end, steps: filled.at((end - season + (steps - 1) % season)[:, None]).T, season)


def mean_season(asked: Request) -> Forecast:
    """Repeat the mean of the last seasons, as many as there are, at most three."""
    filled, season = Filled(asked.block), asked.season_length

    def at(end: int, steps: Integers) -> Floats:
        total, count = np.zeros((len(steps), len(filled.first))), np.zeros(len(filled.first))
        for back in range(1, SEASONS_AVERAGED + 1):
            there = end - back * season >= filled.first
            total += np.where(there, filled.at((end - back * season + (steps - 1) % season)[:, None]), 0.0)
            count += there
        return (total / np.maximum(count, 1)).T

    return asked.forecast(at, season)


def season_with_trend(asked: Request) -> Forecast:
    """Repeat the last season, moved by how far it lay above the one before, once more in each season."""
    filled, season = Filled(asked.block), asked.season_length
    sums = np.concatenate([np.zeros((1, len(filled.first))), np.cumsum(filled.values, axis=0)])

    def at(end: int, steps: Integers) -> Floats:
        one, two = max(end - season, 0), max(end - 2 * season, 0)
        moved = (sums[end] - 2 * sums[one] + sums[two]) / season
        season_before = filled.at((end - season + (steps - 1) % season)[:, None])
        return (season_before + moved * (1 + (steps - 1) // season)[:, None]).T

    return asked.forecast(at, 2 * season)


def mean_value(asked: Request) -> Forecast:
    """Repeat the mean of the observed rows."""
    block = asked.block
    total, count = (np.cumsum(term, axis=0) for term in (np.where(block.observed, block.values, 0.0), block.observed))
    return asked.forecast(
        lambda end, steps: np.repeat((total[end - 1] / np.maximum(count[end - 1], 1))[:, None], len(steps), axis=1), 2
    )


SIMPLE: dict[str, tuple[str, Callable[[Request], Forecast]]] = {
    "last": ("last value", last_value),
    "season": ("last season", last_season),
    "seasons": ("mean of three seasons", mean_season),
    "moved": ("last season with its trend", season_with_trend),
    "mean": ("mean", mean_value),
}
