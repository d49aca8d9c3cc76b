"""Draws that every kind of made-up series needs: strengths, noise, slow curves, levels and units.

Curves and noise have about unit spread until `placed` gives a series its level and its unit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Values: TypeAlias = NDArray[np.float64]

# Noise over signal: 0.03 is an accounting series one can continue by eye, 3 one in which only the mean helps.
NOISE_TO_SIGNAL = (0.03, 3.0)
# Of twenty series, twelve stand above zero as sales do, three are log-normal, the others are anywhere.
SHARE_RAISED, SHARE_LOG_NORMAL = 0.6, 0.15
# A level of 1.2 spreads swings by its own size; at 25 the wiggles are four percent of the level, as in price indices.
LEVEL_IN_SPREADS = (1.2, 25.0)
# From half an hour to half a day on an hourly grid with days
MEMORY_IN_SEASONS = (0.02, 0.5)
# Beyond exp(0.8) a spread, a log-normal series is a row of spikes, which other kinds do better.
LOG_SPREAD = (0.05, 0.8)
# With the largest, a third of 100 rows are equal to another
STEP_IN_SPREADS = (1e-3, 0.1)
# Rates and kilograms to euros and page views.
UNIT = (1e-2, 1e5)
# Shocks are cut at 8 spreads: a t distribution's farthest would flatten the rest of its series.
FARTHEST_SHOCK = 8.0


def log_uniform(random: np.random.Generator, low: float, high: float, size: int | tuple[int, ...]) -> Values:
    """Draw positive numbers of which each factor of two between `low` and `high` gets as many."""
    return np.exp(random.uniform(np.log(low), np.log(high), size))


def among(random: np.random.Generator, options: Sequence[float], n: int) -> Values:
    """Draw one of the options for each series, as a column."""
    return random.choice(np.asarray(options, dtype=np.float64), size=(n, 1))


def chance(random: np.random.Generator, probability: float, n: int) -> NDArray[np.bool_]:
    """Say for each series, as a column, whether something happens to it."""
    return random.random((n, 1)) < probability


def by_length(
    random: np.random.Generator, n: int, lengths: Sequence[int], draw: Callable[[int, int], Values]
) -> Values:
    """Draw a length for each series, then all series of a length at once.

    Args:
        random: where the draws come from.
        n: series.
        lengths: what is drawn from; one that stands there twice is drawn twice as often.
        draw: makes, from a number of series and a length, that many series.

    Returns:
        (series, rows), in the order in which the lengths were drawn.
    """
    drawn = random.choice(np.asarray(lengths), size=n)
    parts = {length: draw(int((drawn == length).sum()), int(length)) for length in np.unique(drawn)}
    values = np.empty((n, next(iter(parts.values())).shape[1]))
    for length, part in parts.items():
        values[drawn == length] = part
    return values


def standard(values: Values) -> Values:
    """Give each row mean zero and unit spread; a constant row becomes zeros."""
    centred = values - values.mean(axis=1, keepdims=True)
    spread = centred.std(axis=1, keepdims=True)
    flat = spread <= 1e-12 * (1 + np.abs(values).max(axis=1, keepdims=True))  # rounding is not a signal
    return np.where(flat, 0.0, centred / np.where(flat, 1.0, spread))


def white(random: np.random.Generator, n: int, rows: int) -> Values:
    """Draw independent shocks: of six series three are Gaussian, two have fat tails, one is skewed upwards."""
    shocks = random.normal(size=(n, rows))
    kind = random.integers(6, size=n)
    fat, skewed = (kind == 3) | (kind == 4), kind == 5
    # t with 4 degrees of freedom has variance 2, and the exponential mean and variance 1
    shocks[fat] = random.standard_t(4, size=(int(fat.sum()), rows)) / np.sqrt(2)
    shocks[skewed] = random.exponential(size=(int(skewed.sum()), rows)) - 1
    return np.clip(shocks, -FARTHEST_SHOCK, FARTHEST_SHOCK)


def autoregressed(shocks: Values, coefficient: Values) -> Values:
    """Run an autoregression of order one, of unit variance in the long run, over shocks of unit variance.

    Args:
        shocks: (series, rows).
        coefficient: (series, 1), each between -1 and 1, both excluded.

    Returns:
        (series, rows); the first row is already drawn from the long run.
    """
    carried = coefficient[:, 0]
    fresh = np.sqrt(1 - carried**2)
    states = np.ascontiguousarray(shocks.T)
    for row in range(1, len(states)):
        states[row] = carried * states[row - 1] + fresh * states[row]
    return states.T


def noise(random: np.random.Generator, n: int, rows: int, season: int) -> Values:
    """Draw noise of unit variance; of ten series at least three remember the row before, some with the opposite sign.

    The finer the grid, the more remember, and the longer: what disturbs an hour disturbs the next, a month's does not.
    """
    shocks = white(random, n, rows)
    remembers = random.random(n) < 0.3 + 0.5 * max(0.0, 1 - 12 / season)
    n_remember = int(remembers.sum())
    fine = np.exp(-1 / (season * log_uniform(random, *MEMORY_IN_SEASONS, (n_remember, 1))))
    coefficient = np.where(chance(random, 0.5, n_remember), random.uniform(-0.4, 0.9, (n_remember, 1)), fine)
    shocks[remembers] = autoregressed(shocks[remembers], coefficient)
    return shocks


def wander(random: np.random.Generator, n: int, rows: int) -> Values:
    """Draw slow smooth curves of unit spread: a few half waves over the whole series, the long ones the strongest."""
    waves = np.arange(1, 8)
    time = np.linspace(0, 1, rows)
    strength = random.normal(size=(n, len(waves))) / waves ** random.uniform(0.8, 2.0, (n, 1))
    phase = random.uniform(0, 2 * np.pi, (n, len(waves)))
    angle = np.pi * waves[:, None] * time  # (wave, row), the same for all series
    return standard((strength * np.cos(phase)) @ np.cos(angle) - (strength * np.sin(phase)) @ np.sin(angle))


def background(random: np.random.Generator, n: int, rows: int) -> Values:
    """Draw what a series does beside its season: a third of the series nothing, a third a line, a third a curve."""
    kind = random.integers(3, size=(n, 1))
    line = standard(np.tile(np.linspace(-1, 1, rows), (n, 1))) * random.choice([-1.0, 1.0, 1.0], size=(n, 1))
    return np.select([kind == 1, kind == 2], [line, wander(random, n, rows)], 0.0)


def blended(random: np.random.Generator, curve: Values, other: Values) -> Values:
    """Add two curves, the second a tenth to three times as strong as the first."""
    return standard(curve) + log_uniform(random, 0.1, 3.0, (len(curve), 1)) * standard(other)


def noisy(random: np.random.Generator, signal: Values, season: int) -> Values:
    """Add noise to signals of any spread, from nearly none to three times the signal.

    On a grid finer than one of months the noise is smaller, by up to their ratio: machines measure, and rows are near.
    """
    n, rows = signal.shape
    finer = min(1.0, 12 / season) ** random.random((n, 1))
    return standard(signal) + finer * log_uniform(random, *NOISE_TO_SIGNAL, (n, 1)) * noise(random, n, rows, season)


def raised(random: np.random.Generator, values: Values) -> Values:
    """Lift series above zero to a level of 1.2 to 25 of their spreads, and higher where a row would not be positive."""
    shape = standard(values)
    lowest = shape.min(axis=1, keepdims=True)
    least = log_uniform(random, 0.05, 1.0, (len(values), 1))  # the lowest row stands this far above zero
    return shape + np.maximum(log_uniform(random, *LEVEL_IN_SPREADS, (len(values), 1)), least - lowest)


def placed(random: np.random.Generator, values: Values) -> Values:
    """Give series their level and unit: raised above zero, log-normal, or around any level.

    Args:
        random: where the draws come from.
        values: curves with their noise, (series, rows), in any unit.

    Returns:
        (series, rows), of the same shape or, where log-normal, with its heights stretched.
    """
    n = len(values)
    shape = recorded(random, standard(values))
    kind = random.random((n, 1))
    stretched = np.exp(log_uniform(random, *LOG_SPREAD, (n, 1)) * np.clip(shape, -6, 6))
    anywhere = shape + random.normal(size=(n, 1)) * among(random, (0.0, 1.0, 10.0), n)
    levels = np.where(kind < SHARE_RAISED, raised(random, shape), anywhere)
    levels = np.where((kind >= SHARE_RAISED) & (kind < SHARE_RAISED + SHARE_LOG_NORMAL), stretched, levels)
    return levels * unit(random, n)


def recorded(random: np.random.Generator, values: Values) -> Values:
    """Round half of the series to steps of a thousandth to a tenth of their spread, as books and gauges do."""
    step = log_uniform(random, *STEP_IN_SPREADS, (len(values), 1))
    return np.where(chance(random, 0.5, len(values)), np.round(values / step) * step, values)


def unit(random: np.random.Generator, n: int) -> Values:
    """Draw the unit that each series is measured in, as a column."""
    return log_uniform(random, *UNIT, (n, 1))


def told_apart(random: np.random.Generator, values: Values) -> Values:
    """Change single rows of series that are constant or equal to another, as whole numbers in few rows may be.

    A changed row goes up by one to nine steps; a step is the smallest difference from the series' lowest row, or one.
    """
    values = values.copy()
    while True:
        _, first = np.unique(values, axis=0, return_index=True)
        again = np.ones(len(values), dtype=bool)
        again[first] = False
        again |= values.max(axis=1) == values.min(axis=1)
        if not again.any():
            return values
        series = np.flatnonzero(again)
        above = values[series] - values[series].min(axis=1, keepdims=True)
        step = np.where(above > 0, above, np.inf).min(axis=1)
        step[np.isinf(step)] = 1.0
        values[series, random.integers(values.shape[1], size=len(series))] += step * random.integers(1, 10, len(series))
