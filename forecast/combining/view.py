"""A view of a panel as the combiner sees it: smoothings tried, slots filled, tokens made, a block at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.observed import Floats, Integers
from forecast.baselines.smoothing.aligned import Aligned
from forecast.baselines.smoothing.choice import Pooled, Tried, relative, try_all
from forecast.baselines.smoothing.grid import Grid
from forecast.combining.forecasters.regression import Regression
from forecast.combining.forecasters.simple import Request
from forecast.combining.joiners import MOST_UNITS, Joined, Joiners, join, joiner_facts
from forecast.combining.pool import NAMES, Slots, fill_slots
from forecast.combining.tokens import Tokens, make_tokens, record
from forecast.datasets.saved_arrays import Expected


@dataclass(frozen=True, eq=False)
class Experience:
    """What is known of a panel before each origin of the ladder, the last being its end.

    Args:
        smoothings: how each smoothing did, for each origin.
        regression: fitted before each origin.
        slots: (origins, slots and joiners) mean error of each forecast relative to the median forecast's; NaN where not known.
    """

    smoothings: list[Pooled]
    regression: Regression
    slots: Floats

    def newest(self, n_origins: int) -> Experience:
        """Return what is known before the newest origins only."""
        return Experience(self.smoothings[-n_origins:], self.regression.newest(n_origins), self.slots[-n_origins:])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return it as arrays by name, for a saved model."""
        return {
            "horizon_errors": np.stack([pooled.horizon for pooled in self.smoothings]),
            "next_row_errors": np.stack([pooled.next_row for pooled in self.smoothings]),
            "slot_errors": np.where(np.isfinite(self.slots), self.slots, 0.0),
            "regression_earlier": self.regression.earlier,
            "regression_final": self.regression.final,
            "regression_windows": self.regression.windows,
        }

    def expected(self) -> dict[str, Expected]:
        """Return what the arrays of an experience with the same origins and smoothings must be."""
        least = {"horizon_errors": 0, "next_row_errors": 0, "slot_errors": 0, "regression_windows": 0}
        arrays = self.arrays().items()
        return {name: Expected(array.dtype.type, array.shape, least=least.get(name)) for name, array in arrays}

    def restored(self, arrays: Mapping[str, NDArray[Any]]) -> Experience:
        """Return the experience with the same origins and smoothings that these arrays hold."""
        pairs = zip(arrays["horizon_errors"], arrays["next_row_errors"], strict=True)
        learnt = (arrays[f"regression_{name}"] for name in ("earlier", "final", "windows"))
        slots = arrays["slot_errors"]
        regression = Regression(self.regression.season_length, *learnt)
        return Experience([Pooled(*pair) for pair in pairs], regression, np.where(slots > 0, slots, np.nan))


@dataclass(frozen=True, eq=False)
class View:
    """What the combiner reads of a block of n histories.

    Args:
        asked: the histories and their origins.
        slots: the forecasts.
        tokens: descriptions of the origins.
        actual: (origins - 1, n, steps) what came; NaN beyond the end and where nothing was observed.
        joined: the joiners; None for made-up series.
    """

    asked: Request
    slots: Slots
    tokens: Tokens
    actual: Floats
    joined: Joiners | None = None

    def earlier(self) -> NDArray[np.float32]:
        """Return the forecasts at all origins but the last, (n, origins - 1, slots, steps), as the combiner reads them."""
        level, unit, there = self.tokens.level[:-1], self.tokens.unit[:-1], self.slots.available[:-1]
        return np.ascontiguousarray(np.moveaxis(_scaled(self.slots.earlier, level, unit, there), 0, 1))

    def final(self) -> NDArray[np.float32]:
        """Return the forecasts at the end, (n, slots, horizon), as the combiner reads them."""
        return _scaled(self.slots.final, self.tokens.level[-1], self.tokens.unit[-1], self.slots.available[-1])

    def joined_at_end(self) -> Joined:
        """Return the joiners at the end, (n, joiners, ...), as the combiner reads them."""
        if self.joined is None:
            raise ValueError("this view has no joiners")
        return self.joined.at_end(self.tokens)

    def past_errors(self) -> Floats:
        """Return the mean error of each slot and joiner at earlier origins in units of the errors to expect, (n, slots).

        It is NaN where it is not known.
        """
        errors = []
        for part in (self.slots, *([] if self.joined is None else [self.joined.slots])):
            (_, overall), (_, known) = record(self.asked, part)
            errors.append(np.where(known[-1], overall[-1] / self.tokens.unit[-1][:, None], np.nan))
        return np.concatenate(errors, axis=1)


def look(
    block: Aligned,
    grid: Grid,
    offsets: Integers,
    steps: Integers,
    horizon: int,
    season_length: int,
    known: Experience,
) -> View:
    """View a block.

    Args:
        block: n histories.
        grid: the smoothings.
        offsets: rows between each origin and the end, descending to 0.
        steps: (steps,) the steps that are compared.
        horizon: steps that are forecast at the end.
        season_length: rows in a season.
        known: what is known of the panel.
    """
    tried = try_all(block, grid, offsets, steps, horizon)
    asked = Request(block, tried.ends, steps, horizon, season_length)
    known = known.newest(len(tried.ends))
    slots = fill_slots(asked, tried, grid, known.smoothings)
    tokens = make_tokens(asked, slots, known.slots[:, : len(NAMES)])
    joined = join(asked, known.regression)
    facts = joiner_facts(asked, joined, tokens.unit, known.slots[:, len(NAMES) :])
    return View(asked, slots, tokens, tried.actual.swapaxes(1, 2), Joiners(joined, facts))


def errors_of_smoothings(tried: Tried) -> list[tuple[Floats, Floats]]:
    """Return the relative errors of horizons and of next rows before each origin, (n, k) each."""
    return [
        (relative(tried.errors[at], tried.available[at]), relative(tried.one_step[at], tried.available[at]))
        for at in range(len(tried.ends))
    ]


def _scaled(forecasts: Floats, level: Floats, unit: Floats, available: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Take the level off, divide by the unit, and put the median in the place of what is not available.

    Args:
        forecasts: (..., n, slots, steps).
        level: (..., n).
        unit: (..., n).
        available: (..., n, slots).
    """
    scaled = np.clip((forecasts - level[..., None, None]) / unit[..., None, None], -MOST_UNITS, MOST_UNITS)
    by_step = np.moveaxis(np.where(available[..., None], scaled, np.inf), -2, -1)  # (..., n, steps, slots)
    ordered = np.sort(by_step, axis=-1)
    middle = np.maximum((available.sum(axis=-1) - 1) // 2, 0)[..., None, None]
    median = np.take_along_axis(ordered, np.broadcast_to(middle, (*ordered.shape[:-1], 1)), axis=-1)
    filled = np.where(np.isfinite(by_step), by_step, median)
    return np.where(np.isfinite(filled), filled, 0.0).swapaxes(-1, -2).astype(np.float32)
