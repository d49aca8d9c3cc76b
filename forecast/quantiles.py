"""Quantiles at any level from quantiles at some: straight lines between them on the scale of a normal distribution."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FINEST = 1e-6  # levels are kept so far from 0 and 1


def probit(levels: Floats) -> Floats:
    """Standard normal quantiles."""
    import torch

    clipped = np.clip(levels, FINEST, 1 - FINEST)
    return np.asarray(torch.special.ndtri(torch.from_numpy(np.ascontiguousarray(clipped, np.float64))).numpy())


def interpolate(quantiles: Floats, levels: tuple[float, ...], wanted: Floats) -> Floats:
    """Values at other levels; beyond the outermost the line through the last two goes on, as a normal tail would.

    Args:
        quantiles: (n, horizon, levels), ascending.
        levels: of the quantiles, ascending; one level gives its value everywhere.
        wanted: (n or 1, horizon or 1, k) in (0, 1).

    Returns:
        (n, horizon, k), ascending wherever `wanted` is.
    """
    shape = (*quantiles.shape[:2], wanted.shape[2])
    if len(levels) == 1:
        return np.broadcast_to(quantiles, shape).copy()
    known, asked = probit(np.array(levels)), np.broadcast_to(probit(wanted), shape)
    right = np.clip(np.searchsorted(known, asked), 1, len(levels) - 1)
    low, high = (np.take_along_axis(quantiles, at, axis=2) for at in (right - 1, right))
    share = (asked - known[right - 1]) / (known[right] - known[right - 1])
    return low + share * (high - low)
