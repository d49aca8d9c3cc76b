"""The pool: cheap forecasts of every history of a block at a ladder of origins, each of which reads earlier rows only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.observed import Floats, Integers
from forecast.baselines.smoothing.aligned import Aligned
from forecast.baselines.smoothing.choice import Pooled, Tried, best, combined, scores
from forecast.baselines.smoothing.grid import Grid

Bools = NDArray[np.bool_]
BEST_OF_A_KIND = 3  # smoothings of a kind whose median is its forecast
SEASONS_AVERAGED = 3

TRENDS = {"level": "level", "damped": "damped trend", "linear": "linear trend", "drift": "drift", "shock": "shocks"}
SEASONALS = {"none": "", "additive": ", season added", "multiplicative": ", season multiplied", "two": ", day and week"}
KINDS = [(seasonal, trend) for seasonal in ("none", "additive") for trend in TRENDS]
KINDS += [("multiplicative", trend) for trend in TRENDS if trend != "shock"] + [("two", "shock")]


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
    """The values of a block, each missing one replaced by the newest observed one before it."""

    def __init__(self, block: Aligned) -> None:
        rows = np.arange(block.rows)[:, None]
        newest = np.maximum.accumulate(np.where(block.observed, rows, -1))
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
NAMES = (*(f"{seasonal}-{trend}" for seasonal, trend in KINDS), "chosen", *SIMPLE)
WORDS = {
    **{f"{seasonal}-{trend}": f"smoothing of {TRENDS[trend]}{SEASONALS[seasonal]}" for seasonal, trend in KINDS},
    "chosen": "best smoothings of all",
    **{name: words for name, (words, _) in SIMPLE.items()},
}


@dataclass(frozen=True, eq=False)
class Slots:
    """The forecasts of a pool, one slot for each of `NAMES`.

    Args:
        earlier: (origins - 1, n, slots, steps) in units of the target.
        final: (n, slots, horizon) in units of the target.
        available: (origins, n, slots) whether there is a forecast; where there is none, forecasts are 0.
    """

    earlier: Floats
    final: Floats
    available: Bools


def fill_slots(asked: Request, tried: Tried, grid: Grid, pooled: list[Pooled]) -> Slots:
    """Forecast with every slot.

    Args:
        asked: what is asked for.
        tried: the smoothings of the grid at the same origins.
        grid: the smoothings.
        pooled: for each origin how the smoothings did on the panel before it.
    """
    members = kinds(grid)
    n_origins, n = tried.available.shape[:2]
    earlier = np.zeros((n_origins - 1, n, len(NAMES), len(asked.steps)))
    final, available = np.zeros((n, len(NAMES), asked.horizon)), np.zeros((n_origins, n, len(NAMES)), bool)
    for at in range(n_origins):
        score = scores(tried, at, pooled[at])
        for slot, name in enumerate(NAMES):
            part = members.get(name)
            if part is None:
                continue
            numbers = part[best(score[:, part], BEST_OF_A_KIND)]
            found = combined(tried, at, numbers)
            available[at, :, slot] = tried.available[at][np.arange(n)[:, None], numbers].any(axis=1)
            (final if at == n_origins - 1 else earlier[at])[:, slot] = found
        slot = NAMES.index("chosen")
        (final if at == n_origins - 1 else earlier[at])[:, slot] = combined(tried, at, best(score))
        available[at, :, slot] = tried.available[at].any(axis=1)
    for name, (_, forecaster) in SIMPLE.items():
        simple, slot = forecaster(asked), NAMES.index(name)
        earlier[:, :, slot], final[:, slot], available[:, :, slot] = simple.earlier, simple.final, simple.available
    earlier = np.where(available[:-1, :, :, None], earlier, 0.0)
    return Slots(earlier, np.where(available[-1, :, :, None], final, 0.0), available)


def kinds(grid: Grid) -> dict[str, Integers]:
    """Return the numbers of the smoothings of each kind that a grid has, by the name of its slot."""
    found: dict[str, list[int]] = {}
    number = 0
    for part in grid.parts:
        seasonal = "two" if len(part.periods) == 2 else part.seasonal
        for k in range(len(part)):
            trend = "level"
            if part.shock[k]:
                trend = "shock"
            elif part.drift[k]:
                trend = "drift"
            elif part.trend[k]:
                trend = "linear" if part.damping[k] == 1 else "damped"
            found.setdefault(f"{seasonal}-{trend}", []).append(number)
            number += 1
    return {name: np.array(numbers) for name, numbers in found.items()}
