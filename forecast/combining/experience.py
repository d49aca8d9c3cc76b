"""What `fit` learns from a panel without a gradient: how every smoothing and every forecast did before each origin."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from forecast.baselines.observed import Floats, Integers
from forecast.baselines.smoothing.aligned import Aligned
from forecast.baselines.smoothing.choice import Pooled, try_all
from forecast.baselines.smoothing.grid import Grid
from forecast.combining.pool import NAMES, Request, fill_slots
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


def unknown(grid: Grid, n_origins: int) -> Experience:
    """Return what is known of a panel before anything was seen: nothing."""
    none = Pooled(np.ones(len(grid)), np.ones(len(grid)))
    return Experience([none] * n_origins, np.full((n_origins, len(NAMES)), np.nan))


def learn(
    blocks: Callable[[], Iterable[Aligned]], grid: Grid, offsets: Integers, steps: Integers, season_length: int
) -> Experience:
    """Learn from a panel, of which each block is read twice, since what is chosen follows from what did well.

    Args:
        blocks: yields the histories, the same at each call.
        grid: the smoothings.
        offsets: rows between each origin and the end, descending to 0.
        steps: (steps,) the steps that are compared.
        season_length: rows in a season.
    """
    horizons, next_rows = (_Mean(len(offsets), len(grid)) for _ in range(2))
    for block in blocks():
        errors = errors_of_smoothings(try_all(block, grid, offsets, steps, 1, keep=False))
        horizons.add([of_horizon for of_horizon, _ in errors])
        next_rows.add([of_row for _, of_row in errors])
    pooled = [Pooled(*pair) for pair in zip(horizons.value(1.0), next_rows.value(1.0), strict=True)]
    slots = _Mean(len(offsets), len(NAMES))
    for block in blocks():
        tried = try_all(block, grid, offsets, steps, 1)
        asked = Request(block, tried.ends, steps, 1, season_length)
        filled = fill_slots(asked, tried, grid, pooled[-len(tried.ends) :])
        slots.add(list(relative_record(asked, filled)))
    return Experience(pooled, slots.value(np.nan))
