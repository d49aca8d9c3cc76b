"""Which smoothings are best is seen in their errors at earlier origins, the history's own and the panel's."""

from __future__ import annotations

from dataclasses import dataclass

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
        forecasts: (origins - 1, steps, n, k) in units of the target, at all origins but the last, which is the
            histories' end; None where only their errors are kept.
        final: (horizon, n, k) in units of the target, at the end.
        available: (origins, n, k) whether there was a forecast.
        one_step: (origins, n, k) mean absolute error of the next row, over the rows before each origin.
        errors: (origins, n, k) mean absolute error of the horizons before each origin, as far as they were known there;
            NaN for none.
        actual: (origins - 1, steps, n) what came; NaN beyond the end and where nothing was observed.
        ends: (origins,) rows of the matrix before which the forecasts were made.
        steps: (steps,) the steps, counted from 1.
    """

    forecasts: Floats | None
    final: Floats
    available: Bools
    one_step: Floats
    errors: Floats
    actual: Floats
    ends: Integers
    steps: Integers


def steps_compared(horizon: int) -> Integers:
    """Return the steps at which forecasts are compared: all of a short horizon, else evenly spread ones with both ends."""
    return evenly_spread(horizon, MOST_STEPS) + 1


def try_all(
    block: Aligned, grid: Grid, offsets: Integers, steps: Integers, horizon: int, *, keep: bool = True
) -> Tried:
    """Run a grid over a block.

    Args:
        block: n histories.
        grid: k smoothings.
        offsets: rows between each origin and the end, descending; those beyond the longest history are left out.
        steps: (steps,) the steps that are compared.
        horizon: steps that are forecast at the end.
        keep: whether the forecasts at earlier origins are kept, and not their errors alone.
    """
    ends = block.rows - offsets[offsets < block.rows]
    rows = ends[:-1, None] + steps - 1  # (origins - 1, steps)
    inside = np.minimum(rows, block.rows - 1)
    observed = block.observed[inside] & (rows < block.rows)[:, :, None]
    actual = np.where(observed, block.values[inside], np.nan)
    room = Pass.empty(len(ends), len(steps), horizon, len(block.first), len(grid) if keep else grid.largest, len(grid))
    available, errors = np.empty(room.one_step.shape, bool), np.empty(room.one_step.shape)
    begin = 0
    for part in grid.parts:
        found = slice(begin, begin + len(part))
        out = room.of(found, forecasts=found if keep else slice(len(part)))
        available[..., found] = _try(block, part, ends, steps, out)[:, :, None]
        if not keep:
            _errors(out.forecasts, available[..., found], actual, ends, steps, errors[..., found])
        begin += len(part)
    if keep:
        _errors(room.forecasts, available, actual, ends, steps, errors)
    return Tried(room.forecasts if keep else None, room.final, available, room.one_step, errors, actual, ends, steps)


def _errors(forecasts: Floats, available: Bools, actual: Floats, ends: Integers, steps: Integers, out: Floats) -> None:
    """Compute `Tried.errors` from what stands there.

    Each step's error is counted once, at the first origin at which it was known; those before follow as sums.
    """
    count, missed = np.zeros(out.shape), np.empty(out.shape[1:])
    out[:] = 0.0
    for earlier, there in enumerate(available[:-1]):
        told, seen = np.searchsorted(ends, ends[earlier] + steps), np.isfinite(actual[earlier])
        whole = bool(seen.all() and there.all())
        for step in np.flatnonzero(told < len(ends)):
            np.subtract(forecasts[earlier, step], actual[earlier, step][:, None], out=missed)
            np.abs(missed, out=missed)
            if not whole:
                np.copyto(missed, 0.0, where=~(there & seen[step][:, None]))
            out[told[step]] += missed
        for at in np.unique(told[told < len(ends)]):
            count[at] += seen[told == at].sum(axis=0)[:, None] * there
    for at in range(1, len(ends)):
        out[at] += out[at - 1]
        count[at] += count[at - 1]
    unknown = count == 0
    np.divide(out, count, out=out, where=~unknown)
    out[unknown] = np.nan


def _try(block: Aligned, part: Part, ends: Integers, steps: Integers, out: Pass) -> Bools:
    """Run one part over a block, and say where it is available, (origins, n)."""
    age = ends[:, None] - block.first  # (origins, n)
    available = age >= part.least_rows
    if not part.periods:
        smooth(block, part, start_without_season(block), ends, steps, 2, out)
        return available
    is_factor = part.seasonal == "multiplicative"
    if is_factor:
        lowest = np.minimum.accumulate(np.where(block.observed, block.values, np.inf))
        available &= lowest[np.maximum(ends - 1, 0)] > 0
    start = start_with_season(block, part.periods, 2, multiplicative=is_factor)
    smooth(block, part, start, ends, steps, part.start_rows, out)
    young = available & (age < part.start_rows)  # two seasons have not been seen there: one has to do
    if young.any():
        start = start_with_season(block, part.periods, 1, multiplicative=is_factor)
        early = Pass.empty(len(ends), len(steps), len(out.final), len(block.first), len(part), len(part))
        smooth(block, part, start, ends, steps, part.periods[-1], early)
        np.copyto(out.forecasts, early.forecasts, where=young[:-1, None, :, None])
        np.copyto(out.final, early.final, where=young[-1, :, None])
        np.copyto(out.one_step, early.one_step, where=young[:, :, None])
    return available


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
    known /= np.where(median > 0, median, np.nan)[:, None]
    return np.minimum(known, WORST, out=known)


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
    parts = ((1 - NEXT_ROW, tried.errors[at], pooled.horizon), (NEXT_ROW, tried.one_step[at], pooled.next_row))
    score = np.zeros(available.shape)
    for weight, errors, panel in parts:
        own = relative(errors, available)
        np.copyto(own, panel, where=np.isnan(own))
        own += POOLED * panel
        own *= weight
        score += own
    score[~available] = np.inf
    return score


def best(score: Floats, count: int = BEST) -> Integers:
    """Return the numbers of the smoothings with the lowest scores (n, k), (n, count); ties go to the earlier number.

    Args:
        score: (n, k), infinite where there is none.
        count: how many, at most k; `BEST` by default.
    """
    left = np.minimum(score, np.finfo(np.float64).max)  # so that what is not available comes before what was taken
    histories, numbers = np.arange(len(score)), np.empty((len(score), min(count, score.shape[1])), np.int64)
    for place in range(numbers.shape[1]):  # a few rounds cost less than a whole stable sort
        left.argmin(axis=1, out=numbers[:, place])
        left[histories, numbers[:, place]] = np.inf
    return numbers


def combined(tried: Tried, at: int, numbers: Integers) -> Floats:
    """Return the median of the forecasts of these smoothings that are available, (n, steps), NaN where none is.

    Args:
        tried: what they forecast.
        at: number of the origin.
        numbers: (n, smoothings), those that are available first, as `best` has them.
    """
    forecasts = tried.final
    if at < len(tried.ends) - 1:
        assert tried.forecasts is not None, "only the errors of earlier origins were kept"
        forecasts = tried.forecasts[at]
    n, k = forecasts.shape[1:]
    place = (np.arange(n)[:, None] * k + numbers).T  # (smoothings, n)
    count = tried.available[at].reshape(-1)[place].sum(axis=0)
    chosen = forecasts.reshape(-1, n * k).take(place, axis=1)  # (steps, smoothings, n)
    return np.where(count > 0, _median_of_first(chosen, count), np.nan).T


def _median_of_first(values: Floats, count: Integers) -> Floats:
    """Return the medians along the second axis (steps, m, n) of as many values as are counted (n,), (steps, n)."""
    m = values.shape[1]
    if m == 3 and ((count == 3) | (count == 0)).all():
        one, two, three = np.moveaxis(values, 1, 0)
        median = np.maximum(np.minimum(one, two), np.minimum(np.maximum(one, two), three))
        if not np.isnan(median).any():
            return median
    beyond = np.arange(m)[:, None] >= count
    ordered = np.sort(np.where(beyond, np.inf, values) if beyond.any() else values, axis=1)
    low, high = np.maximum((count - 1) // 2, 0), np.minimum(count // 2, m - 1)
    middle = [np.take_along_axis(ordered, place[None, None], axis=1)[:, 0] for place in (low, high)]
    return np.asarray((middle[0] + middle[1]) / 2)
