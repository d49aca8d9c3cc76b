"""The pool: cheap forecasts of every history of a block at a ladder of origins, each of which reads earlier rows only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.observed import Floats, Integers
from forecast.baselines.smoothing.choice import Pooled, Tried, best, combined, scores
from forecast.baselines.smoothing.grid import Grid
from forecast.combining.forecasters.simple import SIMPLE, Request

Bools = NDArray[np.bool_]
BEST_OF_A_KIND = 3  # smoothings of a kind whose median is its forecast

TRENDS = {"level": "level", "damped": "damped trend", "linear": "linear trend", "drift": "drift", "shock": "shocks"}
SEASONALS = {"none": "", "additive": ", season added", "multiplicative": ", season multiplied", "two": ", day and week"}
KINDS = [(seasonal, trend) for seasonal in ("none", "additive") for trend in TRENDS]
KINDS += [("multiplicative", trend) for trend in TRENDS if trend != "shock"] + [("two", "shock")]


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
        earlier[:, :, slot], final[:, slot], available[:, :, slot] = simple
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
