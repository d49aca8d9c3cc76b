"""Quantiles: at any level between given ones, and of past errors at each step ahead."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
MIN_TAIL_PROBABILITY = 1e-6  # levels are clipped so far from 0 and 1, where normal quantiles are infinite
MIN_ERRORS_FOR_EACH_STEP = 30  # with fewer, the errors of all steps are pooled


def probit(levels: Floats) -> Floats:
    """Return the standard normal quantiles of probabilities, in the same shape."""
    import torch

    clipped = np.clip(levels, MIN_TAIL_PROBABILITY, 1 - MIN_TAIL_PROBABILITY)
    return np.asarray(torch.special.ndtri(torch.from_numpy(np.ascontiguousarray(clipped, np.float64))).numpy())


def interpolate(quantiles: Floats, levels: tuple[float, ...], new_levels: Floats) -> Floats:
    """Compute values at other levels.

    They are interpolated linearly on the scale of a normal distribution.
    Beyond the outermost levels the line through the last two goes on, as it would for a normal distribution.

    Args:
        quantiles: (n, horizon, levels) values, ascending along the last axis.
        levels: quantile levels of these values, ascending; where there is one, its value is returned everywhere.
        new_levels: (n or 1, horizon or 1, k) in (0, 1).

    Returns:
        (n, horizon, k) in the units of `quantiles`, ascending where `new_levels` is.
    """
    shape = (*quantiles.shape[:2], new_levels.shape[2])
    if len(levels) == 1:
        return np.broadcast_to(quantiles, shape).copy()
    scores, new_scores = probit(np.array(levels)), np.broadcast_to(probit(new_levels), shape)
    right = np.clip(np.searchsorted(scores, new_scores), 1, len(levels) - 1)  # beyond both ends the last pair serves
    low, high = (np.take_along_axis(quantiles, at, axis=2) for at in (right - 1, right))
    position = (new_scores - scores[right - 1]) / (scores[right] - scores[right - 1])
    return np.where(position == 1, high, low + position * (high - low))  # a given level has its value to the last bit


def quantiles_of_errors(errors: Floats, steps: Integers, horizon: int, levels: tuple[float, ...]) -> Floats:
    """Compute quantiles of past errors at each step of a horizon, around their median, since a point forecast is one.

    Where there are few errors, those of all steps are taken together, as far as they grow from step to step.

    Args:
        errors: (n, k) errors, NaN where nothing was observed.
        steps: (k,) the steps that they were made at, ascending, counted from 1.
        horizon: number of steps; what lies between those of the errors is interpolated.
        levels: quantile levels in (0, 1), ascending.

    Returns:
        (horizon, levels) in units of the errors; 0 where there is no error at all.
    """
    every = np.arange(1, horizon + 1)
    if not len(errors):
        return np.zeros((horizon, len(levels)))
    if len(errors) >= MIN_ERRORS_FOR_EACH_STEP and np.isfinite(errors).any(axis=0).all():
        found = np.nanquantile(errors, [0.5, *levels], axis=0).T
        around = found[:, 1:] - found[:, :1]
        return np.stack([np.interp(every, steps, level) for level in around.T], axis=1)
    power = _growth(errors, steps)
    pooled = np.nanquantile(errors / steps**power, [0.5, *levels])
    return np.asarray((every**power)[:, None] * (pooled[1:] - pooled[0]))


def quantiles_at(quantiles: Floats, ahead: Integers) -> Floats:
    """Look the quantiles of errors up at steps ahead, which may lie beyond those that are known.

    Args:
        quantiles: (known steps, levels).
        ahead: (n, horizon) rows from the last observed one to each step, from 1.

    Returns:
        (n, horizon, levels); beyond the last known step they grow as the errors of a random walk do.
    """
    known = len(quantiles)
    growth = np.sqrt(np.maximum(ahead, known) / known)
    return np.asarray(quantiles[np.minimum(ahead, known) - 1] * growth[:, :, None])


def _growth(errors: Floats, steps: Integers) -> float:
    """Return the power of the step that errors, (n, k), grow with.

    It lies between 0 (the errors of each step are alike) and 0.5 (those of a random walk).
    """
    size, logs = np.abs(errors), np.log(steps)
    row, column = np.nonzero(np.isfinite(errors) & (size > 0))
    if len(np.unique(column)) < 2:
        return 0.0
    x, y = logs[column] - logs[column].mean(), np.log(size[row, column])
    return float(np.clip((x * y).sum() / (x**2).sum(), 0.0, 0.5))
