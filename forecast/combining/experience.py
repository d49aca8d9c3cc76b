"""What `fit` learns from a panel without a gradient: how every smoothing and every forecast did before each origin."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from forecast.baselines.observed import Floats, Integers
from forecast.baselines.smoothing.aligned import Aligned
from forecast.baselines.smoothing.choice import Pooled, try_all
from forecast.baselines.smoothing.grid import Grid
from forecast.combining.forecasters.regression import Learning, Regression, inputs_read
from forecast.combining.forecasters.simple import Request
from forecast.combining.joiners import SLOTS, join
from forecast.combining.pool import fill_slots
from forecast.combining.tokens import relative_record
from forecast.combining.view import Experience, errors_of_smoothings


class _Mean:
    """A mean over series for each origin, counted from the end: histories have different numbers of origins."""

    def __init__(self, n_origins: int, width: int) -> None:
        self.total, self.count = np.zeros((n_origins, width)), np.zeros((n_origins, width))

    def add(self, at_origins: list[Floats]) -> None:
        """Add errors (n, width) at each of the newest origins, NaN where they are not known."""
        for back, errors in enumerate(reversed(at_origins)):
            known = np.isfinite(errors)
            self.total[-1 - back] += np.where(known, errors, 0.0).sum(axis=0)
            self.count[-1 - back] += known.sum(axis=0)

    def value(self, otherwise: float) -> Floats:
        """Return the means, (origins, width), and a number where nothing is known."""
        return np.where(self.count > 0, self.total / np.maximum(self.count, 1), otherwise)


def unknown(grid: Grid, n_origins: int, steps: Integers, season_length: int, longer: int) -> Experience:
    """Return what is known of a panel before anything was seen: nothing; `learn` says what the arguments are."""
    none = Pooled(np.ones(len(grid)), np.ones(len(grid)))
    regression = Regression.unknown(n_origins, inputs_read(season_length, longer), steps, season_length)
    return Experience([none] * n_origins, regression, np.full((n_origins, len(SLOTS)), np.nan))


def learn(
    blocks: Callable[[], Iterable[Aligned]],
    grid: Grid,
    offsets: Integers,
    steps: Integers,
    season_length: int,
    longer: int,
    n_series: int,
) -> Experience:
    """Learn from a panel, of which each block is read twice, since what is chosen follows from what did well.

    Args:
        blocks: yields the histories, the same at each call.
        grid: the smoothings.
        offsets: rows between each origin and the end, descending to 0.
        steps: (steps,) the steps that are compared.
        season_length: rows in a season.
        longer: rows in a second season; 0 for none.
        n_series: number of the histories.
    """
    learning = Learning(offsets, steps, season_length, longer, n_series)
    horizons, next_rows = (_Mean(len(offsets), len(grid)) for _ in range(2))
    for block in blocks():
        errors = errors_of_smoothings(try_all(block, grid, offsets, steps, 1, keep=False))
        horizons.add([of_horizon for of_horizon, _ in errors])
        next_rows.add([of_row for _, of_row in errors])
        learning.add(block)
    pooled = [Pooled(*pair) for pair in zip(horizons.value(1.0), next_rows.value(1.0), strict=True)]
    regression, slots = learning.solve(), _Mean(len(offsets), len(SLOTS))
    for block in blocks():
        tried = try_all(block, grid, offsets, steps, 1)
        asked = Request(block, tried.ends, steps, 1, season_length)
        n_origins = len(tried.ends)
        filled = fill_slots(asked, tried, grid, pooled[-n_origins:])
        slots.add(list(relative_record(asked, filled, join(asked, regression.newest(n_origins)))))
    return Experience(pooled, regression, slots.value(np.nan))
