"""Quantiles at any level, interpolated linearly between given ones on the scale of a normal distribution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MIN_TAIL_PROBABILITY = 1e-6  # levels are clipped so far from 0 and 1, where normal quantiles are infinite


def probit(levels: Floats) -> Floats:
    """Return the standard normal quantiles of probabilities, in the same shape."""
    import torch

    clipped = np.clip(levels, MIN_TAIL_PROBABILITY, 1 - MIN_TAIL_PROBABILITY)
    return np.asarray(torch.special.ndtri(torch.from_numpy(np.ascontiguousarray(clipped, np.float64))).numpy())


def interpolate(quantiles: Floats, levels: tuple[float, ...], new_levels: Floats) -> Floats:
    """Compute values at other levels.

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
