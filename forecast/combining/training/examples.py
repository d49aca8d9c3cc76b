"""Examples: what the combiner reads at every origin of a panel, and what came after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.smoothing import grid as smoothing
from forecast.baselines.smoothing.choice import Pooled, ladder, mean_known, steps_compared, try_all
from forecast.combining.forecasters.simple import Request
from forecast.combining.joiners import MOST_UNITS, Joined
from forecast.combining.pool import fill_slots
from forecast.combining.tokens import make_tokens, relative_record
from forecast.combining.training.diet import MadeUpPanel
from forecast.combining.view import View, errors_of_smoothings

LEAST_AGE = 3  # rows before an origin that is learnt from


@dataclass(frozen=True, eq=False)
class Examples:
    """Examples of some histories, in half precision, since many wait in memory.

    Args:
        tokens: (n, origins, width).
        forecasts: (n, origins, slots, steps) in units of the errors to expect, less the level.
        available: (n, origins, slots).
        actual: (n, origins, steps) what came, in the same units; NaN where it does not count.
        first: (n,) number of the origin at which each history has begun.
        ahead: (origins,) rows between each origin and the end of the histories.
        steps: (steps,) counted from 1.
        season_length: rows in a season.
        horizon: steps that are forecast.
        joined: the joiners, (n, origins, joiners, ...); None for made-up series.
    """

    tokens: NDArray[np.float16]
    forecasts: NDArray[np.float16]
    available: NDArray[np.bool_]
    actual: NDArray[np.float16]
    first: NDArray[np.int64]
    ahead: NDArray[np.int64]
    steps: NDArray[np.int64]
    season_length: int
    horizon: int
    joined: Joined | None = None

    @classmethod
    def of(cls, view: View, horizon: int) -> Self:
        """Make the examples of a view, one for every history and every origin but the last."""
        asked, tokens = view.asked, view.tokens
        age = asked.ends[:-1, None] - asked.block.first  # (origins - 1, n)
        level, unit = tokens.level[:-1, :, None], tokens.unit[:-1, :, None]
        counts = (age >= LEAST_AGE) & view.slots.available[:-1].any(axis=2)
        actual = np.where(counts[:, :, None], np.clip((view.actual - level) / unit, -MOST_UNITS, MOST_UNITS), np.nan)
        alive = age >= 1
        return cls(
            tokens=tokens.values[:, :-1].astype(np.float16),
            forecasts=view.earlier().astype(np.float16),
            available=np.moveaxis(view.slots.available[:-1], 0, 1),
            actual=np.moveaxis(actual, 0, 1).astype(np.float16),
            first=np.where(alive.any(axis=0), alive.argmax(axis=0), 0),
            ahead=asked.ends[-1] - asked.ends[:-1],
            steps=asked.steps,
            season_length=asked.season_length,
            horizon=horizon,
            joined=view.joined.earlier(tokens) if view.joined else None,
        )


def make_examples(panel: MadeUpPanel) -> Examples | None:
    """Make the examples of a made-up panel; None where no origin has anything after it."""
    block, season = panel.block, panel.grid.season
    grid = smoothing.Grid.of(season, panel.grid.longer, coarse=True)
    steps = steps_compared(panel.horizon)
    tried = try_all(block, grid, ladder(panel.horizon, panel.grid.longer or season), steps, 1)
    if len(tried.ends) < 2:
        return None
    pooled = [Pooled.of(*errors) for errors in errors_of_smoothings(tried)]
    asked = Request(block, tried.ends, steps, 1, season)
    slots = fill_slots(asked, tried, grid, pooled)
    tokens = make_tokens(asked, slots, mean_known(relative_record(asked, slots), 1))
    return Examples.of(View(asked, slots, tokens, tried.actual.swapaxes(1, 2)), panel.horizon)
