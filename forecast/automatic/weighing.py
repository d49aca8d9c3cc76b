"""How much each forecast counts: a convex combination with the least absolute error, scaled and relative."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ENOUGH = 8.0  # horizons in a history from which on a network is trusted more than a statistical forecast
ROUNDS = 300
RATE = 0.5
RELATIVE = 0.5  # of the importance of a scaled error: MASE and sMAPE both count, as in OWA
HIGHEST = 0.95
SMALLEST = 0.05  # share below which a forecast is not worth its time


def blend_weights(forecasts: Floats, actual: Floats, scale: Floats, prior: Floats, worth: float = 6.0) -> Floats:
    """Weights that sum to 1, none negative.

    Args:
        forecasts: (parts, n, horizon).
        actual: (n, horizon), NaN where nothing was observed.
        scale: (n,) of each origin's series, NaN where it has none.
        prior: (parts,) weights where nothing can be learned.
        worth: validation origins that weigh as much as the prior.

    Returns:
        (parts,) weights.

    References:
        Kivinen & Warmuth (1997), Exponentiated gradient versus gradient descent for linear predictors.
    """
    known = np.isfinite(actual) & np.isfinite(scale)[:, None] & np.isfinite(forecasts).all(axis=0)
    n_origins = int(known.any(axis=1).sum())
    if not n_origins:
        return prior
    importance = 1 / np.broadcast_to(scale[:, None], actual.shape)[known]
    relative = 1 / np.maximum(np.abs(actual[known]) + np.abs(forecasts[:, known]).mean(axis=0), 1e-300)
    relative = np.minimum(relative, np.quantile(relative, HIGHEST))  # what is near zero does not decide alone
    importance = importance / importance.mean() + RELATIVE * relative / relative.mean()
    # weights sum to 1, so errors mix as forecasts do: (parts, points)
    error = (forecasts[:, known] - actual[known]) * importance
    weights = (prior + 1 / len(prior)) / 2
    mean = np.zeros_like(weights)
    for number in range(ROUNDS):
        gradient = (error * np.sign(weights @ error)).mean(axis=1)
        step = RATE / np.sqrt(1 + number) / max(float(np.abs(gradient - gradient.mean()).max()), 1e-12)
        weights = weights * np.exp(-step * (gradient - gradient.mean()))
        weights /= weights.sum()
        mean += weights * (number >= ROUNDS // 2)
    fitted = mean / mean.sum()
    share = n_origins / (n_origins + worth)
    mixed = share * fitted + (1 - share) * prior
    mixed = np.where(mixed < SMALLEST, 0.0, mixed)
    return np.asarray(mixed / mixed.sum())


def prior_weights(kinds: int, others: int, trusted: int, histories: float) -> NDArray[np.float64]:
    """Networks and the trusted ones of the others, as much each where series are short, which is hard to beat; the
    more horizons a history has, the more a network learns from it, and the less the others can add."""
    networks = max(1 / (1 + trusted), histories / (histories + ENOUGH)) if others else 1.0
    own, rest = np.full(kinds, networks / kinds), np.zeros(others)
    rest[:trusted] = (1 - networks) / max(trusted, 1)
    return np.concatenate([own, rest])


def members_of_kinds(members: int, weights: NDArray[np.float64]) -> list[int]:
    """Members of each kind, by the kinds' weights, in place: a kind without members gives its weight to the other."""
    total = float(weights.sum())
    if len(weights) == 1 or total == 0:
        weights[0] = total
        weights[1:] = 0
        return [members] + [0] * (len(weights) - 1)
    second = round(members * float(weights[1]) / total)
    if second in (0, members):
        weights[:] = (0.0, total) if second else (total, 0.0)
    return [members - second, second]
