"""Start values of smoothings: they are computed from a history's first rows, and stand for origins after these only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.observed import Floats, Integers
from forecast.baselines.smoothing.aligned import Aligned


class Start(NamedTuple):
    """The level before the first row, (n,), and the season of each phase, (period, n), for each period.

    Phases are counted from the first row of the matrix, whichever row a history begins in.
    """

    level: Floats
    seasons: tuple[Floats, ...]


def start_without_season(block: Aligned) -> Start:
    """Start at the first observed value."""
    return Start(block.values[block.first, np.arange(len(block.first))], ())


def start_with_season(block: Aligned, periods: tuple[int, ...], n_seasons: int, *, multiplicative: bool) -> Start:
    """Start at the line through the means of the first seasons, with the means of what each phase lies off it.

    Args:
        block: the histories.
        periods: rows in a season, the shorter first; the means are those of the longest.
        n_seasons: seasons that are read, 1 or 2.
        multiplicative: whether a season is a factor, and not an addend.
    """
    longest, histories = periods[-1], np.arange(len(block.first))
    rows = block.first + np.arange(n_seasons * longest)[:, None]
    inside = np.minimum(rows, block.rows - 1)
    observed = (block.observed[inside, histories] & (rows < block.rows)).reshape(n_seasons, longest, -1)
    values = np.where(observed, block.values[inside, histories].reshape(observed.shape), 0.0)
    means = values.sum(axis=1) / np.maximum(observed.sum(axis=1), 1)  # (n_seasons, n)
    slope = (means[-1] - means[0]) / longest
    ahead = np.arange(n_seasons * longest).reshape(n_seasons, longest, 1) - (n_seasons * longest - 1) / 2
    line = means.mean(axis=0) + slope * ahead
    if multiplicative:
        known = observed & (line > 0)
        off = np.divide(values, line, out=np.zeros(values.shape), where=known)
        pattern = _mean(off, known, otherwise=1.0)
        mean = pattern.mean(axis=0)
        return Start(line[0, 0], (_by_phase(pattern / np.where(mean > 0, mean, 1.0), block.first),))
    pattern = _mean(np.where(observed, values - line, 0.0), observed, otherwise=0.0)
    pattern = pattern - pattern.mean(axis=0)
    seasons = []
    for period in periods[:-1]:  # what the shorter season explains is taken off the longer one
        short = pattern.reshape(-1, period, pattern.shape[1]).mean(axis=0)
        pattern = pattern - np.tile(short, (longest // period, 1))
        seasons.append(_by_phase(short, block.first))
    return Start(line[0, 0], (*seasons, _by_phase(pattern, block.first)))


def _mean(off: Floats, observed: NDArray[np.bool_], *, otherwise: float) -> Floats:
    """Return the mean over the seasons, (period, n), and `otherwise` for phases that were never observed."""
    count = observed.sum(axis=0)
    return np.where(count > 0, off.sum(axis=0) / np.maximum(count, 1), otherwise)


def _by_phase(pattern: Floats, first: Integers) -> Floats:
    """Turn a pattern that begins in each history's first row into one that begins in the first row of the matrix."""
    period, n = pattern.shape
    return pattern[(np.arange(period)[:, None] - first) % period, np.arange(n)]
