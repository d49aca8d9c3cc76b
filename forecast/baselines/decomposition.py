"""Histories are seasonally adjusted by classical decomposition, as in the M4 competition's benchmarks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.base import Floats
from forecast.baselines.histories import Histories

CRITICAL_VALUE = 1.645  # of a standard normal variable at 90%, two-sided
MIN_SEASONS = 3  # in a history that is tested for a season


def seasonal_indices(history: Histories, season_length: int) -> tuple[Floats, Floats]:
    """Compute the seasonal indices of each history.

    They are multiplicative where every value is positive and additive elsewhere. A history has none (factor 1, addend 0)
    where the autocorrelation at the season is not significant at 90%, or where it is shorter than three seasons.

    Args:
        history: n histories.
        season_length: steps in a season; 1 means none.

    Returns:
        Factor and addend, (n, season_length) each: y = adjusted * factor + addend. The first of them belongs to the
        history's first row.
    """
    n, m = len(history.length), season_length
    factor, addend = np.ones((n, m)), np.zeros((n, m))
    seasonal = np.flatnonzero(_is_seasonal(history, m)) if m > 1 else np.array([], int)
    if not len(seasonal):
        return factor, addend
    part = history.pick(seasonal)
    positive: NDArray[np.bool_] = np.all(part.values > 0, axis=1)
    figure = _mean_of_each_phase(part, positive, m)
    factor[seasonal[positive]] = (figure / figure.mean(axis=1, keepdims=True))[positive]
    addend[seasonal[~positive]] = (figure - figure.mean(axis=1, keepdims=True))[~positive]
    return factor, addend


def _mean_of_each_phase(part: Histories, positive: NDArray[np.bool_], m: int) -> Floats:
    """Return the mean ratio to the trend, or distance from it, of each phase's observed rows, (n, season_length)."""
    trend = _centred_mean(part, m)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(positive[:, None], part.values / trend, part.values - trend)
    phase = np.arange(ratio.shape[1]) % m
    defined = np.isfinite(ratio) & part.observed  # the centred mean lacks half a season at either end
    kept = np.where(defined, ratio, 0)
    total = np.stack([part.total(kept * (phase == k)) for k in range(m)], 1)
    count = np.stack([(defined & (phase == k)).sum(1) for k in range(m)], 1)
    neutral = positive[:, None].astype(np.float64)  # a phase that was never observed has no season
    return np.where(count > 0, total / np.maximum(count, 1), neutral)


def _is_seasonal(history: Histories, m: int) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return whether the autocorrelation at the season exceeds Bartlett's limit, (n,)."""
    observed, count = history.observed, history.count.astype(np.float64)
    if history.values.shape[1] <= m:
        return np.zeros(len(count), bool)
    mean = history.total(history.values * observed) / count
    centred = (history.values - mean[:, None]) * observed
    power = history.total(centred**2)
    squares, correlation = np.zeros(len(count)), np.zeros(len(count))
    for lag in range(1, m + 1):
        product = np.zeros_like(centred)
        product[:, lag:] = centred[:, lag:] * centred[:, :-lag]
        correlation = history.total(product) / np.where(power > 0, power, 1) * _share_of_pairs(history, lag)
        squares += correlation**2 if lag < m else 0
    limit = CRITICAL_VALUE / np.sqrt(count) * np.sqrt(1 + 2 * squares)
    return np.asarray((np.abs(correlation) > limit) & (history.length >= MIN_SEASONS * m) & (power > 0))


def _share_of_pairs(history: Histories, lag: int) -> Floats | float:
    """Return what a sum over observed pairs is multiplied by to stand for all pairs, (n,); 1 where nothing is missing."""
    if not history.lacks_rows:
        return 1.0
    pairs = (history.observed[:, lag:] & history.observed[:, :-lag]).sum(axis=1)
    expected = np.maximum(history.length - lag, 1) * (history.count / history.length)
    return np.asarray(expected / np.maximum(pairs, 1))


def _interpolated(history: Histories, m: int) -> Floats:
    """Return the values, (n, max length), each missing one between the observed ones of its phase before and after it.

    The centred mean of a season needs every phase. A phase that has only one neighbour repeats it, and one that was never
    observed keeps the last observed value of another phase.
    """
    values = history.values
    if not history.lacks_rows:
        return values
    n, rows = values.shape
    seasons = -(-rows // m)
    width = seasons * m - rows
    table = np.pad(values, ((0, 0), (0, width))).reshape(n, seasons, m)
    seen = np.pad(history.observed, ((0, 0), (0, width))).reshape(n, seasons, m)
    number = np.arange(seasons)[None, :, None]
    before = np.maximum.accumulate(np.where(seen, number, -1), axis=1)
    after = np.minimum.accumulate(np.where(seen, number, seasons)[:, ::-1], axis=1)[:, ::-1]
    is_ever = before[:, -1:] >= 0
    before, after = np.where(before >= 0, before, after), np.where(after < seasons, after, before)
    low, high = (np.take_along_axis(table, np.clip(at, 0, seasons - 1), axis=1) for at in (before, after))
    between = low + (high - low) * (number - before) / np.maximum(after - before, 1)
    full = np.where(is_ever & ~seen, between, table).reshape(n, -1)[:, :rows]
    # what lies beyond a history's end is left as it is
    return np.where(np.arange(rows) < history.length[:, None], full, values)


def _centred_mean(history: Histories, m: int) -> Floats:
    """Return the centred moving average over one season, (n, max length), NaN within half a season of either end."""
    weights = np.full(m, 1 / m) if m % 2 else np.r_[0.5, np.ones(m - 1), 0.5] / m
    values, half = _interpolated(history, m), m // 2
    average = np.full(values.shape, np.nan)
    stop = values.shape[1] - 2 * half
    # a running sum in float64; the level is taken off first so that large levels keep their digits
    level = values[:, :1]
    running = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values - level, axis=1)], axis=1)
    inner = m if m % 2 else m - 1
    first = half - inner // 2
    sums = (running[:, first + inner : first + inner + stop] - running[:, first : first + stop]) / m
    if m % 2 == 0:
        sums = sums + weights[0] * (values[:, :stop] + values[:, m : m + stop] - 2 * level)
    average[:, half : half + stop] = sums + level
    beyond = np.arange(values.shape[1]) >= (history.length - half)[:, None]
    return np.where(beyond, np.nan, average)
