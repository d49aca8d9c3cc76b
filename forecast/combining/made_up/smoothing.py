"""Simulated exponential smoothing: the truth is a smoothing, and, in the structural model, a filter with three shocks.

References:
    Hyndman, Koehler, Ord & Snyder (2008), Forecasting with Exponential Smoothing: The State Space Approach, chapter 2.
    Harvey (1989), Forecasting, Structural Time Series Models and the Kalman Filter, chapter 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from forecast.combining.made_up.draws import Values, by_length, chance, log_uniform, noise, placed, unit, white
from forecast.combining.made_up.shapes.seasons import profiles

SMALLEST_LEVEL = 0.02  # of the first level; there a multiplicative series would die out, or turn its season over
LARGEST_LEVEL = 100.0  # a series that grows beyond is no longer one that its own past explains
# Over the whole series a level falls by its trend to exp(-3), a twentieth, and its walk spreads its logarithm by 1.5;
# beyond, most series would end at the smallest level and stay there.
STEEPEST_FALL, FARTHEST_WALK = 3.0, 1.5
SEASON_FACTORS = (0.05, 20.0)  # a month that sells nothing, or nearly all of a year


@dataclass(frozen=True, kw_only=True)
class Gains:
    """How much of each row's surprise every series takes over, (series,) each."""

    level: Values
    slope: Values
    season: Values
    damping: Values


def _gains(random: np.random.Generator, n: int) -> Gains:
    """Draw gains over all their range; that of the slope and that of the season are often zero, as when they are fitted."""
    level = random.choice([0.0, 1.0, 2.0, 3.0], size=n)
    level = np.select(
        [level == 0, level == 1], [log_uniform(random, 0.002, 0.1, n), random.uniform(0.7, 1.0, n)], random.random(n)
    )
    slope = np.where(random.random(n) < 0.5, level * random.beta(1, 6, n), 0.0)
    season = np.where(random.random(n) < 0.6, (1 - level) * random.beta(1, 4, n), 0.0)
    # with a slope of its own every year, an undamped series of many rows leaves all that anyone has measured
    damping = np.where(random.random(n) < 0.3, 1.0, random.uniform(0.8, 0.99, n))
    return Gains(level=level, slope=slope, season=season, damping=damping)


def _lengths(season: int, longer: int | None) -> list[int]:
    """Seasons to draw from: a smoothing holds one, and that is the shorter one in two of three series."""
    return [season] if longer is None else [season, season, longer]


def additive_smoothing(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Simulate level, damped or linear trend and an additive season with additive errors."""
    draw = partial(_additive, random, rows)
    return placed(random, by_length(random, n, _lengths(season, longer), draw))


def _additive(random: np.random.Generator, rows: int, n: int, length: int) -> Values:
    """Additive smoothing of a season of this length, in units of its errors."""
    gains = _gains(random, n)
    shocks = white(random, n, rows).T
    ring = (profiles(random, n, length) * _season_strength(random, n)).T.copy()  # (season, series)
    level = np.zeros(n)
    slope = np.where(random.random(n) < 0.5, random.normal(0, 1, n) * log_uniform(random, 0.01, 1, n), 0.0)
    values = np.empty((rows, n))
    for row in range(rows):
        seasonal, base, slope = ring[row % length], level + gains.damping * slope, gains.damping * slope
        values[row] = base + seasonal + shocks[row]
        level, slope = base + gains.level * shocks[row], slope + gains.slope * shocks[row]
        ring[row % length] = seasonal + gains.season * shocks[row]
    return values.T


def _season_strength(random: np.random.Generator, n: int) -> Values:
    """A season over its errors, as a column; a fifth of the series have none."""
    return np.where(chance(random, 0.2, n), 0.0, log_uniform(random, 0.3, 10, (n, 1)))


def _bounded(level: Values) -> Values:
    return np.clip(level, SMALLEST_LEVEL, LARGEST_LEVEL)


def multiplicative_smoothing(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Simulate a trend and a multiplicative season, with errors in proportion to the row in seven of ten series."""
    draw = partial(_multiplicative, random, rows)
    return by_length(random, n, _lengths(season, longer), draw) * unit(random, n)


def _multiplicative(random: np.random.Generator, rows: int, n: int, length: int) -> Values:
    """Multiplicative smoothing of a season of this length, from a level of one on."""
    gains = _gains(random, n)
    spread = log_uniform(random, 0.005, 0.3, n)  # of the first level
    proportional = random.random(n) < 0.7
    shocks = (spread[:, None] * white(random, n, rows)).T
    swing = np.minimum(spread[:, None] * _season_strength(random, n), 0.8)
    ring = np.clip(np.exp(swing * profiles(random, n, length)), *SEASON_FACTORS).T.copy()
    taken_over = np.minimum(gains.level, FARTHEST_WALK / (spread * np.sqrt(rows)))
    level = np.ones(n)
    slope = np.where(random.random(n) < 0.5, random.normal(0.2, 1, n) * 2 / rows, 0.0)
    values = np.empty((rows, n))
    for row in range(rows):
        slope = np.maximum(gains.damping * slope, -STEEPEST_FALL / rows * level)
        seasonal, base = ring[row % length], _bounded(level + slope)
        middle = base * seasonal
        # nothing falls to zero or below: sales with a multiplicative season do not
        error = np.maximum(np.where(proportional, middle, np.minimum(base, 1.0)) * shocks[row], -0.9 * middle)
        values[row] = middle + error
        level = _bounded(base + taken_over * error / seasonal)
        slope = slope + gains.slope * error / seasonal
        ring[row % length] = np.clip(seasonal + gains.season * error / base, *SEASON_FACTORS)
    return values.T


def structural(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Add a local linear trend, a season that wanders and noise, each with shocks of its own; no smoothing is the truth."""
    level = random.normal(size=(n, rows)) * log_uniform(random, 0.01, 1.0, (n, 1))
    slope = random.normal(size=(n, rows)) * log_uniform(random, 1e-4, 0.03, (n, 1)) * chance(random, 0.6, n)
    trend = (level + slope.cumsum(axis=1)).cumsum(axis=1)
    seasons = by_length(random, n, _lengths(season, longer), partial(_wandering_season, random, rows))
    return placed(random, trend + _season_strength(random, n) * seasons + noise(random, n, rows, season))


def _wandering_season(random: np.random.Generator, rows: int, n: int, length: int) -> Values:
    """Profiles whose every phase takes a step of its own from season to season."""
    count = -(-rows // length)
    wandering = log_uniform(random, 0.005, 0.3, (n, 1)) * chance(random, 0.6, n)
    steps = random.normal(size=(n, count, length)) * wandering[:, :, None]
    steps[:, 0] = profiles(random, n, length)
    seasons = steps.cumsum(axis=1)
    seasons -= seasons.mean(axis=2, keepdims=True)
    return seasons.reshape(n, -1)[:, :rows]
