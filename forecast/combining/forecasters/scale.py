"""The level of a history and the scale of the errors to expect, as they are known before each of many rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.observed import Floats, Integers
from forecast.baselines.smoothing.aligned import Aligned

LEAST_UNIT = 1e-3  # of the level: a flat history has no unit of its own
SHARE_OF_NEIGHBOURS = 0.25  # of the mean step from row to row, at least, where a season repeats itself exactly


def level_and_unit(block: Aligned, ends: Integers, season_length: int) -> tuple[Floats, Floats]:
    """Return the mean of the newest season and the scale of errors before each origin, (origins, n) each."""
    last = np.maximum(ends - 1, 0)
    before = np.maximum(ends - season_length, 0)
    sums = running_sum(np.where(block.observed, block.values, 0.0)), running_sum(block.observed)
    total, count = (sum_[ends] - sum_[before] for sum_ in sums)
    whole, seen = (sum_[ends] for sum_ in sums)
    level = np.where(count > 0, total / np.maximum(count, 1), whole / np.maximum(seen, 1))
    near, n_near = _mean_step(block, 1)
    far, n_far = _mean_step(block, season_length) if season_length > 1 else (near, n_near)
    enough = n_far[last] >= min(4, season_length)
    unit = np.where(enough, np.maximum(far[last], SHARE_OF_NEIGHBOURS * near[last]), near[last])
    unit = np.maximum(unit, LEAST_UNIT * np.abs(level))
    return level, np.where(unit > 0, unit, 1.0)


def running_sum(values: NDArray[np.generic]) -> Floats:
    """Return sums over the rows before each, (rows + 1, n)."""
    return np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0, dtype=np.float64)])


def _mean_step(block: Aligned, lag: int) -> tuple[Floats, Floats]:
    """Return the running mean of |y(t) - y(t - lag)| over observed pairs, and the number of pairs, (rows, n) each."""
    steps, pairs = np.zeros(block.values.shape), np.zeros(block.values.shape)
    if lag < block.rows:
        pairs[lag:] = block.observed[lag:] & block.observed[:-lag]
        steps[lag:] = np.abs(block.values[lag:] - block.values[:-lag]) * pairs[lag:]
    count = np.cumsum(pairs, axis=0)
    return np.cumsum(steps, axis=0) / np.maximum(count, 1), count
