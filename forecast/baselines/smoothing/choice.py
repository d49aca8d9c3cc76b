"""Which smoothings are best is seen in their errors at earlier origins, the history's own and the panel's."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.observed import Floats, Integers
from forecast.baselines.smoothing.aligned import Aligned
from forecast.baselines.smoothing.filters import Pass, smooth
from forecast.baselines.smoothing.grid import Grid, Part
from forecast.baselines.smoothing.start import start_with_season, start_without_season
from forecast.datasets.windows.origins import evenly_spread

Bools = NDArray[np.bool_]
SPANS = 3  # horizons or seasons, whichever is longer, that earlier origins are spread over
ORIGINS_IN_A_HORIZON = 3
MOST_ORIGINS = 12
MOST_STEPS = 24  # of a horizon that are compared
BEST = 10  # smoothings, whose median is the forecast
NEXT_ROW = 0.2  # weight of the errors of the next row, over the whole history, beside those of whole horizons
POOLED = 1.0  # weight of the panel's errors beside the history's own
WORST = 5.0  # times the median error, above which all errors are alike


def ladder(horizon: int, longest: int) -> Integers:
    """Return the rows between each origin and the end of a history, descending to 0.

    They follow from the horizon and the season alone, so that a forecast does not depend on other histories.
    """
    span = SPANS * max(horizon, longest)
    step = max(1, horizon // ORIGINS_IN_A_HORIZON, -(-span // MOST_ORIGINS))
    return np.arange(0, span + 1, step)[::-1]


@dataclass(frozen=True, eq=False)
class Tried:
    """What all smoothings of a grid forecast at the origins of a block, and how wrong they were.

    Args:
        forecasts: (origins - 1, n, k, steps) in units of the target, at all origins but the last, which is the
            histories' end.
        final: (n, k, horizon) in units of the target, at the end.
        available: (origins, n, k) whether there was a forecast.
        one_step: (origins, n, k) mean absolute error of the next row, over the rows before each origin.
        actual: (origins - 1, n, steps) what came; NaN beyond the end and where nothing was observed.
        ends: (origins,) rows of the matrix before which the forecasts were made.
        steps: (steps,) the steps, counted from 1.
    """

    forecasts: Floats
    final: Floats
    available: Bools
    one_step: Floats
    actual: Floats
    ends: Integers
    steps: Integers

    @cached_property
    def _missed(self) -> tuple[Floats, Floats]:
        """Return sums of absolute errors over the first steps, (origins - 1, n, k, steps), and how many were observed."""
        seen = np.isfinite(self.actual)[:, :, None]
        missed = np.abs(self.forecasts - self.actual[:, :, None])
        missed = missed if seen.all() else np.where(seen, missed, 0.0)
        return np.cumsum(missed, axis=3, out=missed), np.cumsum(seen, axis=3)[:, :, 0]

    def errors(self, at: int) -> Floats:
        """Return the mean absolute error of the horizons before an origin, as far as they were known there, (n, k)."""
        total, count = np.zeros(self.available.shape[1:]), np.zeros(self.available.shape[1:])
        for earlier in range(at):
            known = int((self.ends[earlier] + self.steps <= self.ends[at]).sum())
            if not known:
                continue
            available, (missed, seen) = self.available[earlier], self._missed
            total += np.where(available, missed[earlier, :, :, known - 1], 0.0)
            count += seen[earlier, :, None, known - 1] * available
        return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def steps_compared(horizon: int) -> Integers:
    """Return the steps at which forecasts are compared: all of a short horizon, else evenly spread ones with both ends."""
    return evenly_spread(horizon, MOST_STEPS) + 1


def try_all(block: Aligned, grid: Grid, offsets: Integers, steps: Integers, horizon: int) -> Tried:
    """Run a grid over a block.

    Args:
        block: n histories.
        grid: k smoothings.
        offsets: rows between each origin and the end, descending; those beyond the longest history are left out.
        steps: (steps,) the steps that are compared.
        horizon: steps that are forecast at the end.
    """
    ends = block.rows - offsets[offsets < block.rows]
    found = [_try(block, part, ends, steps, horizon) for part in grid.parts]
    forecasts, available, one_step = (
        np.concatenate(arrays, axis=2)
        for arrays in zip(*((done.forecasts, there, done.one_step) for done, there in found), strict=True)
    )
    final = np.concatenate([done.final for done, _ in found], axis=1)
    rows = ends[:-1, None] + steps - 1  # (origins - 1, steps)
    inside = np.minimum(rows, block.rows - 1)
    observed = block.observed[inside] & (rows < block.rows)[:, :, None]
    actual = np.moveaxis(np.where(observed, block.values[inside], np.nan), 2, 1)
    return Tried(forecasts, final, available, one_step, actual, ends, steps)


def _try(block: Aligned, part: Part, ends: Integers, steps: Integers, horizon: int) -> tuple[Pass, Bools]:
    """Run one part over a block, and say where it is available, (origins, n, k)."""
    age = ends[:, None] - block.first  # (origins, n)
    available = age >= part.least_rows
    if not part.periods:
        done = smooth(block, part, start_without_season(block), ends, steps, horizon, burn_in=2)
        return done, np.repeat(available[:, :, None], len(part), axis=2)
    is_factor = part.seasonal == "multiplicative"
    if is_factor:
        lowest = np.minimum.accumulate(np.where(block.observed, block.values, np.inf))
        available &= lowest[np.maximum(ends - 1, 0)] > 0
    start = start_with_season(block, part.periods, 2, multiplicative=is_factor)
    done = smooth(block, part, start, ends, steps, horizon, burn_in=part.start_rows)
    young = available & (age < part.start_rows)  # two seasons have not been seen there: one has to do
    if young.any():
        start = start_with_season(block, part.periods, 1, multiplicative=is_factor)
        early = smooth(block, part, start, ends, steps, horizon, burn_in=part.periods[-1])
        done = Pass(
            np.where(young[:-1, :, None, None], early.forecasts, done.forecasts),
            np.where(young[-1, :, None, None], early.final, done.final),
            np.where(young[:, :, None], early.one_step, done.one_step),
        )
    return done, np.repeat(available[:, :, None], len(part), axis=2)


@dataclass(frozen=True, eq=False)
class Pooled:
    """How the smoothings did on the training panel, in multiples of each history's median error.

    Args:
        horizon: (k,) mean relative error of whole horizons; 1 where nothing is known.
        next_row: (k,) mean relative error of the next row.
    """

    horizon: Floats
    next_row: Floats

    @classmethod
    def of(cls, horizon: Floats, next_row: Floats) -> Pooled:
        """Average the relative errors, (series, k) each, over the series; 1 stands for smoothings that none of them has."""
        return cls(mean_known(horizon, 0, otherwise=1.0), mean_known(next_row, 0, otherwise=1.0))


def mean_known(values: Floats, axis: int, *, otherwise: float = np.nan) -> Floats:
    """Return the mean along an axis of the values that are known, and a number where none is; NaN by default."""
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    return np.where(count > 0, np.where(known, values, 0.0).sum(axis=axis) / np.maximum(count, 1), otherwise)


def relative(errors: Floats, available: Bools) -> Floats:
    """Return errors (n, k) in multiples of each history's median error, NaN where there is none."""
    known = np.where(available, errors, np.nan)
    median = median_known(known)
    return np.minimum(known / np.where(median > 0, median, np.nan)[:, None], WORST)


def median_known(values: Floats) -> Floats:
    """Return the median of the values along the last axis that are known, NaN where none is."""
    count = np.isfinite(values).sum(axis=-1)
    ordered = np.sort(values, axis=-1)  # NaN stands last
    middle = [np.maximum(place, 0)[..., None] for place in ((count - 1) // 2, count // 2)]
    low, high = (np.take_along_axis(ordered, np.minimum(place, values.shape[-1] - 1), axis=-1) for place in middle)
    return np.where(count > 0, (low + high)[..., 0] / 2, np.nan)


def scores(tried: Tried, at: int, pooled: Pooled) -> Floats:
    """Return the scores of all smoothings at an origin, (n, k): low is good, and infinite is not available."""
    available = tried.available[at]
    parts = ((1 - NEXT_ROW, tried.errors(at), pooled.horizon), (NEXT_ROW, tried.one_step[at], pooled.next_row))
    score = np.zeros(available.shape)
    for weight, errors, panel in parts:
        own = relative(errors, available)
        score += weight * (np.where(np.isfinite(own), own, panel) + POOLED * panel)
    return np.where(available, score, np.inf)


def best(score: Floats) -> Integers:
    """Return the numbers of the smoothings with the lowest scores (n, k), (n, `BEST`); ties go to the earlier number."""
    return np.argsort(score, axis=1, kind="stable")[:, :BEST]


def combined(tried: Tried, at: int, numbers: Integers) -> Floats:
    """Return the median of the forecasts of these smoothings that are available, (n, steps), NaN where none is."""
    forecasts = tried.final if at == len(tried.ends) - 1 else tried.forecasts[at]
    forecasts = np.take_along_axis(forecasts, numbers[:, :, None], axis=1)
    available = np.take_along_axis(tried.available[at], numbers, axis=1)
    count = available.sum(axis=1)[:, None]
    ordered = np.sort(np.where(available[:, :, None], forecasts, np.inf), axis=1)
    low, high = np.maximum((count - 1) // 2, 0), np.maximum(count // 2, 0)
    middle = [np.take_along_axis(ordered, place[:, :, None], axis=1)[:, 0] for place in (low, high)]
    return np.where(count > 0, (middle[0] + middle[1]) / 2, np.nan)
