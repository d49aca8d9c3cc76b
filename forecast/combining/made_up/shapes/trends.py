"""Trends: lines, broken lines, curves that saturate, exponentials, damped trends, business cycles."""

from __future__ import annotations

import numpy as np

from forecast.combining.made_up.draws import Values, among, chance, log_uniform, noisy, placed, standard, unit, wander
from forecast.combining.made_up.shapes.seasons import seasons

MOST_BREAKS = 4
# Half of the trends carry a season: a trend alone is what yearly series show
SHARE_SEASONAL = 0.5


def _time(rows: int) -> Values:
    return np.linspace(0, 1, rows)


def _finished(random: np.random.Generator, trend: Values, season: int, longer: int | None) -> Values:
    """Put a season on half of the trends, and noise and a level on all."""
    n, rows = trend.shape
    swing = log_uniform(random, 0.05, 1.0, (n, 1)) * chance(random, SHARE_SEASONAL, n)
    return placed(random, noisy(random, standard(trend) + swing * seasons(random, n, rows, season, longer), season))


def up_or_down(random: np.random.Generator, trend: Values) -> Values:
    """Turn a fifth of the trends upside down: most of what is measured over years has grown."""
    return trend * among(random, (-1.0, 1.0, 1.0, 1.0, 1.0), len(trend))


def broken_line(random: np.random.Generator, n: int, rows: int) -> Values:
    """Draw lines whose slope changes at up to four rows."""
    time = _time(rows)
    slope = random.normal(size=(n, 1)) + 0.5
    line = slope * time
    breaks = random.integers(1, MOST_BREAKS + 1, size=(n, 1))
    for number in range(MOST_BREAKS):
        change = 2 * random.normal(size=(n, 1)) * (number < breaks)
        line = line + change * np.maximum(0.0, time - random.uniform(0.05, 0.95, (n, 1)))
    return line


def s_curve(random: np.random.Generator, n: int, rows: int) -> Values:
    """Draw logistic curves and Gompertz curves, which rise early and level off late; their middle may lie outside."""
    steps = (_time(rows) - random.uniform(-0.2, 1.2, (n, 1))) * log_uniform(random, 3, 30, (n, 1))
    steps = np.clip(steps, -30, 30)
    return np.where(chance(random, 0.5, n), 1 / (1 + np.exp(-steps)), np.exp(-np.exp(-np.clip(steps, -5, 30))))


def linear(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw straight lines, with a slow wave of at most a fifth of them."""
    line = up_or_down(random, np.tile(_time(rows), (n, 1)))
    return _finished(random, standard(line) + random.uniform(0, 0.2, (n, 1)) * wander(random, n, rows), season, longer)


def broken(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw lines that change their slope at one to four rows."""
    return _finished(random, broken_line(random, n, rows), season, longer)


def saturating(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw curves that approach a ceiling, as the spread of a product does."""
    return _finished(random, up_or_down(random, s_curve(random, n, rows)), season, longer)


def exponential(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw growth or decay by a constant rate, to between a third more and a hundred times; season and noise grow too."""
    growth = log_uniform(random, 0.3, 4.5, (n, 1)) * among(random, (-1.0, 1.0, 1.0), n)
    swing = log_uniform(random, 0.01, 0.5, (n, 1)) * chance(random, SHARE_SEASONAL, n)
    bend = random.uniform(0, 0.1, (n, 1)) * growth * wander(random, n, rows)
    shape = noisy(random, swing * seasons(random, n, rows, season, longer) + 0.1 * wander(random, n, rows), season)
    around = log_uniform(random, 0.005, 0.3, (n, 1)) * standard(shape)
    return np.exp(growth * _time(rows) + bend + around) * unit(random, n)


def damped(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw trends whose slope dies away, within a tenth of the series to about all of it."""
    time = _time(rows) / log_uniform(random, 0.1, 1.0, (n, 1))
    return _finished(random, up_or_down(random, 1 - np.exp(-time)), season, longer)


def business_cycles(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw waves of uneven length and height, longer than a season, with steep falls and slow rises, on a trend."""
    turns = rows / np.clip(season * log_uniform(random, 2.5, 12, (n, 1)), 8, max(8.0, rows))
    angle = 2 * np.pi * (turns * _time(rows) + random.random((n, 1)) + 0.15 * np.sqrt(turns) * wander(random, n, rows))
    cycle = np.sin(angle + random.uniform(0, 0.6, (n, 1)) * np.sin(angle))
    height = np.exp(0.4 * wander(random, n, rows))
    trend = random.normal(0, 1.5, (n, 1)) * _time(rows)
    return _finished(random, height * cycle + trend, season, longer)
