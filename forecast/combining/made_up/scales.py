"""Scales: noise that grows with the level, rates between zero and one, products, limits, rounding, ties."""

from __future__ import annotations

import numpy as np

from forecast.combining.made_up.draws import (
    Values,
    among,
    background,
    blended,
    chance,
    log_uniform,
    noise,
    noisy,
    placed,
    raised,
    standard,
    told_apart,
    unit,
    wander,
    white,
)
from forecast.combining.made_up.shapes.seasons import seasons


def _usual(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """A season and a background with noise, of unit spread."""
    curve = blended(random, background(random, n, rows), seasons(random, n, rows, season, longer))
    return standard(noisy(random, curve, season))


def proportional_noise(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw positive levels that change by factors, with noise that is a share of the level."""
    level = np.exp(random.uniform(0.3, 1.2, (n, 1)) * wander(random, n, rows))
    swing = np.exp(log_uniform(random, 0.02, 0.5, (n, 1)) * seasons(random, n, rows, season, longer))
    share = log_uniform(random, 0.01, 0.4, (n, 1))
    return level * swing * np.maximum(1 + share * white(random, n, rows), 0.05) * unit(random, n)


def log_normal(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw positive series whose logarithm is a usual series, up to spreads at which peaks are tens of times the middle."""
    usual = np.clip(_usual(random, n, rows, season, longer), -5, 5)
    return np.exp(log_uniform(random, 0.1, 1.3, (n, 1)) * usual) * unit(random, n)


def rates(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw shares between zero and one, from anywhere in between, near either end too; a third in percent."""
    usual = np.clip(_usual(random, n, rows, season, longer), -8, 8)
    share = 1 / (1 + np.exp(-(random.normal(0, 2, (n, 1)) + log_uniform(random, 0.05, 1.5, (n, 1)) * usual)))
    return share * np.where(chance(random, 0.33, n), 100.0, 1.0)


def sums_of_products(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw turnover as prices times sold pieces, summed over two goods."""
    total = np.zeros((n, rows))
    for _ in range(2):
        price = np.exp(0.2 * background(random, n, rows))
        # prices are set anew at few rows only
        price = held(random, price, log_uniform(random, 0.02, 0.3, (n, 1)))
        total += log_uniform(random, 0.2, 1, (n, 1)) * price * raised(random, _usual(random, n, rows, season, longer))
    return total * unit(random, n)


def held(random: np.random.Generator, values: Values, often: Values) -> Values:
    """Hold each value until a row at which the series is set anew, which happens as `often` as given."""
    rows = values.shape[1]
    anew = random.random(values.shape) < often
    last = np.maximum.accumulate(np.where(anew, np.arange(rows), 0), axis=1)
    return np.take_along_axis(values, last, axis=1)


def limited(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw series that are cut at zero, at a capacity, or at both: rain, solar power, seats, stocks.

    At least three tenths of the rows lie between the limits.
    """
    usual = _usual(random, n, rows, season, longer)
    low, high = (np.quantile(usual, share, axis=1)[:, None] for share in (0.35, 0.65))
    floor = np.where(chance(random, 0.6, n), low - log_uniform(random, 0.01, 1, (n, 1)), -np.inf)
    ceiling = np.where(chance(random, 0.6, n) | np.isinf(floor), high + log_uniform(random, 0.01, 1, (n, 1)), np.inf)
    cut = np.clip(usual, floor, ceiling)
    return (cut - np.where(np.isinf(floor), cut.min(axis=1, keepdims=True) - 1, floor)) * unit(random, n)


def rounded(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw whole numbers of which some to nearly all rows differ: a spread of 0.7 to a thousand."""
    usual = _usual(random, n, rows, season, longer) * log_uniform(random, 0.7, 1000, (n, 1))
    level = np.where(
        chance(random, 0.7, n), -usual.min(axis=1, keepdims=True) + log_uniform(random, 1, 1000, (n, 1)), 0
    )
    return told_apart(random, np.round(usual + level))


def tied(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw many ties: prices and rates of interest that are set at few rows, or gauges that read coarse steps."""
    walk = standard(np.cumsum(white(random, n, rows), axis=1)) + 0.1 * _usual(random, n, rows, season, longer)
    steps = among(random, (0.2, 0.5, 1.0), n)
    coarse = np.round(_usual(random, n, rows, season, longer) / steps) * steps
    set_anew = held(random, walk, log_uniform(random, 0.03, 0.3, (n, 1)))
    ties = told_apart(random, np.where(chance(random, 0.5, n), set_anew, coarse))
    return (ties - ties.min(axis=1, keepdims=True) + among(random, (0.0, 1.0, 5.0, 20.0), n)) * unit(random, n)


def sensors(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw slow physical values with small noise, a gauge that drifts, and a daily wave: temperatures, tanks, pressures."""
    slow = np.cumsum(noise(random, n, rows, season), axis=1)
    wave = log_uniform(random, 0.1, 2, (n, 1)) * seasons(random, n, rows, season, longer)
    around = np.pad(slow, ((0, 0), (2, 2)), mode="edge")
    smooth = np.lib.stride_tricks.sliding_window_view(around, 5, axis=1).mean(axis=2)  # a gauge is inert
    fuzz = log_uniform(random, 0.002, 0.1, (n, 1)) * white(random, n, rows)
    return placed(random, standard(smooth) + wave + fuzz)
