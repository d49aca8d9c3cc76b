"""Tests of whether one model's forecasts are better than another's on the same actuals, or only luckier."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
LARGEST_EXACT = 50  # pairs; for more the normal distribution is as good as the exact one
NO_VARIANCE = 1e-20  # of the squared mean: what rounding leaves of differences that are all the same


def diebold_mariano(difference: Floats, overlap: int = 1) -> Floats:
    """Test for each series whether the mean difference between two models' losses is zero.

    Args:
        difference: (series, n) differences of the losses, in the order of time, NaN where there is none.
        overlap: number of neighbouring differences, the first included, that are correlated since their forecasts reach
            over the same rows: the horizon h of h-step forecasts that are made at every row. 1 by default.

    Returns:
        (series,) two-sided p-values: 1 where all differences are 0, and NaN where there are too few (fewer than 2, or no
        more than `overlap`) or none differs from another. Where the estimated variance is not positive, which the
        overlap's autocovariances can make it, it is estimated without them.

    References:
        Diebold & Mariano (1995), Comparing Predictive Accuracy, JBES 13(3); Harvey, Leybourne & Newbold (1997), Testing
        the equality of prediction mean squared errors, IJF 13(2), equations 8 and 9: the correction for small samples,
        and Student's t distribution with n - 1 degrees of freedom.
    """
    from scipy.special import stdtr

    known = np.isfinite(difference)
    n = known.sum(axis=1)
    safe = np.maximum(n, 1)
    mean = np.where(known, difference, 0.0).sum(axis=1) / safe
    centred = np.where(known, difference - mean[:, None], 0.0)
    own = (centred**2).sum(axis=1) / safe
    lagged = [(centred[:, lag:] * centred[:, :-lag]).sum(axis=1) / safe for lag in range(1, overlap)]
    variance = own + 2 * np.sum(lagged, axis=0) if lagged else own
    h = np.where(variance > NO_VARIANCE * mean**2, overlap, 1)
    variance = np.where(h == overlap, variance, own)
    testable = (n >= 2) & (n > overlap) & (variance > NO_VARIANCE * mean**2)
    corrected = np.maximum(safe + 1 - 2 * h + h * (h - 1) / safe, 0.0) / safe
    size = np.abs(mean) / np.sqrt(np.where(testable, variance, 1.0) / safe)
    p = 2 * stdtr(np.maximum(n - 1, 1), -size * np.sqrt(corrected))
    equal = (n > 0) & ~np.where(known, difference, 0.0).any(axis=1)
    return np.where(equal, 1.0, np.where(testable, p, np.nan))


def wilcoxon(difference: Floats) -> float:
    """Test by signed ranks whether differences of pairs lie around zero.

    Args:
        difference: (n,) differences; NaN and zeros are left out, as Wilcoxon does.

    Returns:
        The two-sided p-value: exact for at most 50 pairs, ties included, and by the normal distribution with the
        variance of the tied ranks for more. 1 where no difference is left.

    References:
        Wilcoxon (1945), Individual comparisons by ranking methods, Biometrics Bulletin 1(6).
    """
    pairs = difference[np.isfinite(difference) & (difference != 0)]
    if not len(pairs):
        return 1.0
    _, place, count = np.unique(np.abs(pairs), return_inverse=True, return_counts=True)
    doubled = (2 * np.cumsum(count) - count + 1)[place]  # twice the mean rank of ties, which is whole
    below = int(min(doubled[pairs < 0].sum(), doubled[pairs > 0].sum()))
    if len(pairs) <= LARGEST_EXACT:
        return min(1.0, 2 * float(_signed_sums(doubled)[: below + 1].sum()))
    from scipy.special import ndtr

    return min(1.0, 2 * float(ndtr((below - doubled.sum() / 2) / np.sqrt((doubled.astype(float) ** 2).sum() / 4))))


def holm(p: Sequence[float]) -> list[float]:
    """Correct p-values for their number, so that the chance of any false one among them stays what each says.

    Args:
        p: p-values; NaN is not counted and stays.

    References:
        Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6(2).
    """
    values = np.asarray(p, np.float64)
    order = np.argsort(values)[: int(np.isfinite(values).sum())]  # NaN comes last
    corrected = np.minimum(1.0, np.maximum.accumulate(values[order] * np.arange(len(order), 0, -1)))
    result = np.full(len(values), np.nan)
    result[order] = corrected
    return [float(value) for value in result]


def _signed_sums(ranks: NDArray[np.int64]) -> Floats:
    """Return the probability of each sum, from 0, of ranks that are each counted or not with equal chances."""
    chance = np.zeros(int(ranks.sum()) + 1)
    chance[0] = 1.0
    for rank in ranks:
        with_it = np.zeros_like(chance)
        with_it[rank:] = chance[:-rank]
        chance = (chance + with_it) / 2
    return chance
