"""Weighing: the convex combination of forecasts with the least absolute error, scaled and relative."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ROUNDS = 300
RATE = 0.5
IMPORTANCE_OF_RELATIVE_ERRORS = 0.5  # in that of scaled errors: MASE and sMAPE both count, as in OWA
MOST_IMPORTANT_QUANTILE = 0.95  # of relative errors: those near zero do not decide alone
SMALLEST_WEIGHT = 0.05  # a forecast below it is not worth its time


def blend_weights(forecasts: Floats, actual: Floats, scale: Floats, prior: Floats, worth: float) -> Floats:
    """Weights that sum to 1, none negative: those with the least error on validation origins, mixed with the prior.

    Args:
        forecasts: (parts, n, horizon).
        actual: (n, horizon), NaN where nothing was observed.
        scale: (n,) what errors at each origin are measured in, NaN where there is no scale.
        prior: (parts,) weights where nothing can be learned.
        worth: validation origins that weigh as much as the prior.

    Returns:
        (parts,) weights.
    """
    known = np.isfinite(actual) & np.isfinite(scale)[:, None] & np.isfinite(forecasts).all(axis=0)
    n_origins = int(known.any(axis=1).sum())
    if not n_origins:
        return prior
    scales = np.broadcast_to(scale[:, None], actual.shape)[known]
    # weights sum to 1, so errors mix as forecasts do: (parts, points)
    error = (forecasts[:, known] - actual[known]) * _importance(forecasts[:, known], actual[known], scales)
    share = n_origins / (n_origins + worth)
    mixed = share * _least_error(error, (prior + 1 / len(prior)) / 2) + (1 - share) * prior
    mixed = np.where(mixed < SMALLEST_WEIGHT, 0.0, mixed)
    return np.asarray(mixed / mixed.sum())


def _importance(forecasts: Floats, actual: Floats, scale: Floats) -> Floats:
    """(points,) how much an absolute error counts: as a scaled error, and as one relative to actual and forecast."""
    scaled = 1 / scale
    relative = 1 / np.maximum(np.abs(actual) + np.abs(forecasts).mean(axis=0), 1e-300)
    relative = np.minimum(relative, np.quantile(relative, MOST_IMPORTANT_QUANTILE))
    return np.asarray(scaled / scaled.mean() + IMPORTANCE_OF_RELATIVE_ERRORS * relative / relative.mean())


def _least_error(error: Floats, weights: Floats) -> Floats:
    """The convex combination of (parts, points) errors with the least mean absolute error, by exponentiated gradients
    from the given (parts,) weights; the mean of the later rounds.

    References:
        Kivinen & Warmuth (1997), Exponentiated gradient versus gradient descent for linear predictors.
    """
    mean = np.zeros_like(weights)
    for number in range(ROUNDS):
        gradient = (error * np.sign(weights @ error)).mean(axis=1)
        step = RATE / np.sqrt(1 + number) / max(float(np.abs(gradient - gradient.mean()).max()), 1e-12)
        weights = weights * np.exp(-step * (gradient - gradient.mean()))
        weights /= weights.sum()
        mean += weights * (number >= ROUNDS // 2)
    return np.asarray(mean / mean.sum())
