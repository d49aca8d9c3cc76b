"""Tokens: what the combiner reads at each origin of a history, without units: how each forecast did, and where it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.observed import Floats, Integers
from forecast.baselines.smoothing.aligned import Aligned
from forecast.baselines.smoothing.choice import median_known
from forecast.combining.forecasters.scale import level_and_unit, running_sum
from forecast.combining.forecasters.simple import Request
from forecast.combining.pool import NAMES, Slots

NEWEST_ROWS = 8  # in a token
MOST = 8.0  # of any number in a token
N_SPREADS, N_FACTS = 3, 9
WIDTH = NEWEST_ROWS + 4 * len(NAMES) + N_SPREADS + N_FACTS  # of a token


@dataclass(frozen=True, eq=False)
class Tokens:
    """What the combiner reads.

    Args:
        values: (n, origins, `WIDTH`) float32.
        level: (origins, n) mean of the newest season before each origin, in units of the target.
        unit: (origins, n) scale of the errors to expect there, positive, in units of the target.
        alive: (origins, n) whether the history has begun there.
    """

    values: NDArray[np.float32]
    level: Floats
    unit: Floats
    alive: NDArray[np.bool_]


def make_tokens(asked: Request, slots: Slots, panel: Floats) -> Tokens:
    """Describe every origin of every history.

    Args:
        asked: the histories and origins.
        slots: the forecasts there.
        panel: (origins, slots) mean error of each forecast on the panel before each origin, relative to the median
            forecast's; NaN where it is not known.
    """
    block, ends = asked.block, asked.ends
    level, unit = level_and_unit(block, ends, asked.season_length)
    missed, known = record(asked, slots)
    newest, overall = missed
    per_unit = unit[:, :, None]
    age = np.maximum(ends[:, None] - block.first, 0)
    with np.errstate(over="ignore"):  # a forecast that explodes is infinitely wrong, and is clipped below
        newest, overall = np.log1p(newest / per_unit), np.log1p(overall / per_unit)
    parts = [
        _newest_rows(block, ends, level, unit),
        np.where(known[0], newest, 0.0),
        np.where(known[1], overall, 0.0),
        np.repeat(np.log(np.where(panel > 0, panel, 1.0))[:, None], len(block.first), axis=1),
        np.where(slots.available, 1.0, 0.0),
        _spreads(asked, slots, unit),
        _facts(asked, age, level, unit, np.asarray(known[0].any(axis=2))),
    ]
    values = np.concatenate(parts, axis=2)
    values = np.clip(np.where(np.isnan(values), 0.0, values), -MOST, MOST)
    return Tokens(np.ascontiguousarray(np.moveaxis(values, 0, 1), np.float32), level, unit, age >= 1)


def record(asked: Request, slots: Slots) -> tuple[tuple[Floats, Floats], tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Measure how wrong each forecast was, as far as that was known at each origin.

    Returns:
        Mean absolute errors (origins, n, slots) of the forecasts at the origin before, and of those at all origins
        before; and whether each is known.
    """
    block, ends, steps = asked.block, asked.ends, asked.steps
    shape = slots.available.shape
    newest, overall, counted = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    known_newest = np.zeros(shape, bool)
    for earlier, end in enumerate(ends[:-1]):
        rows = end + steps - 1
        inside = np.minimum(rows, block.rows - 1)
        seen = (block.observed[inside] & (rows < block.rows)[:, None]).T[:, None]  # (n, 1, steps)
        missed = np.where(seen, np.abs(slots.earlier[earlier] - block.values[inside].T[:, None]), 0.0)
        missed, seen = np.cumsum(missed, axis=2), np.cumsum(seen, axis=2)
        for at in range(earlier + 1, len(ends)):
            n_known = int((rows < ends[at]).sum())
            if not n_known:
                continue
            error, count = missed[:, :, n_known - 1], seen[:, :, n_known - 1] * slots.available[earlier]
            overall[at] += error * slots.available[earlier]
            counted[at] += count
            if at == earlier + 1:
                newest[at], known_newest[at] = error / np.maximum(count, 1), count > 0
    return (newest, overall / np.maximum(counted, 1)), (known_newest, counted > 0)


def relative_record(asked: Request, slots: Slots, *more: Slots) -> Floats:
    """Return each forecast's mean error before each origin relative to the median slot's, (origins, n, slots and more)."""
    errors = []
    for part in (slots, *more):
        (_, overall), (_, known) = record(asked, part)
        errors.append(np.where(known & part.available, overall, np.nan))
    median = median_known(errors[0])
    every = np.concatenate(errors, axis=2)
    return np.clip(every / np.where(median > 0, median, np.nan)[:, :, None], 0.05, 5.0)


def _newest_rows(block: Aligned, ends: Integers, level: Floats, unit: Floats) -> Floats:
    rows = ends[:, None] + np.arange(-NEWEST_ROWS, 0)  # (origins, rows)
    held = np.maximum(rows, 0)
    values = (np.moveaxis(block.values[held], 2, 1) - level[:, :, None]) / unit[:, :, None]
    return np.where(np.moveaxis(block.observed[held], 2, 1) & (rows >= 0)[:, None], values, 0.0)


def _spreads(asked: Request, slots: Slots, unit: Floats) -> Floats:
    """Return how far the forecasts are apart at the first, a middle and the last step, (origins, n, 3), as logarithms."""
    n_steps, season = len(asked.steps), asked.season_length
    places = [0, min(int(np.searchsorted(asked.steps, min(season, asked.steps[-1]))), n_steps - 1), n_steps - 1]
    final = slots.final[:, :, np.minimum(asked.steps, asked.horizon) - 1]
    forecasts = np.concatenate([slots.earlier[..., places], final[None][..., places]])
    there = slots.available[..., None]
    high = np.where(there, forecasts, -np.inf).max(axis=2)
    low = np.where(there, forecasts, np.inf).min(axis=2)
    apart = np.where(np.isfinite(high) & np.isfinite(low), high - low, 0.0)
    return np.asarray(np.log1p(np.maximum(apart, 0.0) / unit[:, :, None]))


def _facts(asked: Request, age: Integers, level: Floats, unit: Floats, has_record: NDArray[np.bool_]) -> Floats:
    """Return length, seasons seen, season, zeros, relative noise, horizon and distance of origins, (origins, n, facts)."""
    block, ends, season = asked.block, asked.ends, asked.season_length
    window = max(season, NEWEST_ROWS)
    zero, seen = running_sum((block.values == 0) & block.observed), running_sum(block.observed)
    before = np.maximum(ends - window, 0)
    zeros = (zero[ends] - zero[before]) / np.maximum(seen[ends] - seen[before], 1)
    apart = int(ends[-1] - ends[-2]) if len(ends) > 1 else asked.horizon
    facts = [
        np.log1p(np.minimum(age, 2000)) / 7,
        np.log1p(age / season) / 5,
        np.full(age.shape, np.log(season) / 5),
        zeros,
        np.log(unit / (np.abs(level) + unit)),
        np.full(age.shape, np.log(asked.steps[-1]) / 5),
        np.full(age.shape, min(apart / season, 4.0)),
        has_record.astype(np.float64),
        seen[ends] / np.maximum(age, 1),
    ]
    return np.stack(facts, axis=2)
