"""Counts: fast and slow movers, intermittent, lumpy, seasonal, dying and starting demand.

References:
    Syntetos, Boylan & Croston (2005), On the categorization of demand patterns, Journal of the Operational Research
    Society 56(5).
"""

from __future__ import annotations

import numpy as np

from forecast.combining.made_up.draws import Values, among, background, chance, log_uniform, told_apart, wander
from forecast.combining.made_up.shapes.seasons import seasons

LARGEST_RATE = 1e6  # above, counts look like any positive series


def _rate(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Rates about one: a slow change in two thirds of the series, a season in a half."""
    slow = log_uniform(random, 0.1, 0.8, (n, 1)) * background(random, n, rows)
    swing = log_uniform(random, 0.1, 0.8, (n, 1)) * chance(random, 0.5, n)
    return np.exp(np.clip(slow + swing * seasons(random, n, rows, season, longer), -4, 4))


def _drawn(random: np.random.Generator, rate: Values) -> Values:
    return told_apart(random, random.poisson(np.minimum(rate, LARGEST_RATE)).astype(np.float64))


def poisson(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw Poisson counts of a varying rate, from one in two rows to 200 a row."""
    return _drawn(random, log_uniform(random, 0.5, 200, (n, 1)) * _rate(random, n, rows, season, longer))


def negative_binomial(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw counts whose rate is itself drawn anew in each row, so that they scatter more than Poisson counts."""
    size = log_uniform(random, 0.3, 10, (n, 1))  # the smaller, the wilder
    rate = log_uniform(random, 0.5, 300, (n, 1)) * _rate(random, n, rows, season, longer)
    return _drawn(random, rate * random.gamma(size, 1 / size, (n, rows)))


def _sizes(random: np.random.Generator, n: int, rows: int) -> Values:
    """Whole sizes of orders, from always one pack to lumpy: lots of a drawn number of packs."""
    mean = np.where(chance(random, 0.3, n), 0.0, log_uniform(random, 0.3, 30, (n, 1)))
    shape = log_uniform(random, 0.3, 8, (n, 1))
    return (1 + random.poisson(mean * random.gamma(shape, 1 / shape, (n, rows)))) * among(random, (1, 1, 1, 6, 10), n)


def _demanded(random: np.random.Generator, probability: Values) -> Values:
    """Orders in the rows that have one; no series is without any."""
    n, rows = probability.shape
    ordered = random.random((n, rows)) < probability
    ordered[np.arange(n), np.argmax(probability * random.random((n, rows)), axis=1)] = True
    return told_apart(random, ordered * _sizes(random, n, rows))


def intermittent(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw demand in 3 to 60 of a hundred rows, of one pack or lumpy; the rows are independent or come in bursts."""
    share = log_uniform(random, 0.03, 0.6, (n, 1))
    bursts = np.exp(among(random, (0.0, 0.0, 1.0), n) * wander(random, n, rows))
    return _demanded(random, np.minimum(share * bursts, 0.9))


def seasonal_demand(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw demand that comes mostly in a part of the season: ice, garden chairs, snow shovels."""
    ups = np.exp(random.uniform(1.0, 2.5, (n, 1)) * np.clip(seasons(random, n, rows, season, longer), -2, 2))
    return _demanded(random, np.minimum(log_uniform(random, 0.05, 0.4, (n, 1)) * ups, 0.95))


def life_cycles(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw demand of goods that die out, or start, within the rows, and are rare before or after."""
    time = np.linspace(0, 1, rows)
    since = (time - random.uniform(0.1, 0.9, (n, 1))) / log_uniform(random, 0.02, 0.3, (n, 1))
    alive = 1 / (1 + np.exp(np.clip(np.where(chance(random, 0.65, n), since, -since), -30, 30)))
    probability = np.clip(log_uniform(random, 0.1, 1.0, (n, 1)) * alive, 0.002, 1)
    return np.where(
        chance(random, 0.5, n),
        _demanded(random, probability),
        _drawn(random, log_uniform(random, 2, 100, (n, 1)) * alive * _rate(random, n, rows, season, longer)),
    )
