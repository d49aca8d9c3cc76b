"""Calendars: periods of unequal trading days, holidays that move, peaks at the end of the year.

A year is the season, as months or quarters have it, or several seasons where that is shorter than a year could be.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from forecast.combining.made_up.draws import (
    Values,
    among,
    background,
    by_length,
    chance,
    log_uniform,
    noisy,
    placed,
    standard,
    wander,
)
from forecast.combining.made_up.shapes.seasons import seasons

DAYS_IN_YEAR = 365.25
# Mostly the season is the year; a quarter of weeks has 13 of them, and games and elections come every fourth year
SEASONS_A_YEAR = (1, 1, 1, 1, 1, 4, 13)
LUNAR = 0.03  # of a year: eleven days, by which a lunar year is shorter
SHORTEST_YEAR = 4  # rows of a year on a grid whose season is one row or few


def _on_a_business(random: np.random.Generator, effect: Values, season: int, longer: int | None) -> Values:
    """Add an effect to a season and a background, with noise, as a series at a level."""
    n, rows = effect.shape
    usual = seasons(random, n, rows, season, longer) * log_uniform(random, 0.1, 1.5, (n, 1))
    return placed(random, noisy(random, effect + usual + 0.7 * background(random, n, rows), season))


def _years(rows: int, season: int) -> list[int]:
    """Rows from one holiday to the next, to draw from: the season, or several of them where three times as many fit."""
    several = [season * seasons for seasons in SEASONS_A_YEAR if seasons == 1 or 3 * season * seasons <= rows]
    return [max(SHORTEST_YEAR, year) for year in several]


def trading_days(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw sums over periods whose weekends and lengths differ: what a period sells follows its trading days.

    The days of the week have weights of their own; some businesses close on Sunday, others sell most then.
    """
    length = DAYS_IN_YEAR / season
    edges = np.round(length * np.arange(rows + 1) + DAYS_IN_YEAR * random.random((n, 1))).astype(np.int64)
    week = np.cumsum(_day_weights(random, n), axis=1)  # sold by the end of each day of a week
    before = np.concatenate([np.zeros((n, 1)), week], axis=1)
    sold = week[:, -1:] * (edges // 7) + np.take_along_axis(before, edges % 7, axis=1)
    return _on_a_business(random, standard(np.diff(sold, axis=1)), season, longer)


def _day_weights(random: np.random.Generator, n: int) -> Values:
    """What each day of the week sells: working days alike, Saturdays and Sundays anything, with differences of a tenth."""
    weights = 1 + 0.1 * random.normal(size=(n, 7))
    weights[:, 5:] *= random.choice([0.0, 0.3, 0.6, 2.0], size=(n, 2))
    return np.maximum(weights, 0.0)


def moving_holidays(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw a rise or a fall once a year whose place moves by up to a sixth of the year, as Easter and Ramadan do."""
    effect = by_length(random, n, _years(rows, season), partial(_moving, random, rows))
    height = among(random, (-1.0, 1.0, 1.0), n) * log_uniform(random, 0.5, 3.0, (n, 1))
    return _on_a_business(random, height * standard(effect), season, longer)


def _moving(random: np.random.Generator, rows: int, n: int, year: int) -> Values:
    """A peak of height one a year."""
    years = int(rows / (year * (1 - LUNAR))) + 2
    wobble = year * random.uniform(-1, 1, (n, years)) / 12
    lunar = -year * LUNAR * np.arange(years)
    when = year * (np.arange(years) + random.random((n, 1))) + np.where(chance(random, 0.7, n), wobble, lunar)
    width = np.maximum(0.8, year * log_uniform(random, 0.01, 0.1, (n, 1)))
    row = np.arange(rows)
    effect = np.zeros((n, rows))
    for number in range(years):
        # a day's share of either row: a holiday between two months falls on both
        effect += np.maximum(0.0, 1 - np.abs(row - when[:, [number]]) / width)
    return effect


def year_end(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw a run-up to the last rows of each year and a fall after it, with heights that differ from year to year."""
    effect = by_length(random, n, _years(rows, season), partial(_closing, random, rows))
    effect = log_uniform(random, 0.7, 3.0, (n, 1)) * standard(effect)
    return _on_a_business(random, effect + 0.3 * wander(random, n, rows), season, longer)


def _closing(random: np.random.Generator, rows: int, n: int, year: int) -> Values:
    """A climb to the last row of each year and a dip after it."""
    row = np.arange(rows) + random.integers(year, size=(n, 1))
    left = (year - 1 - row % year) / year  # of the year, until its last row
    climb = np.exp(-left / random.uniform(0.03, 0.15, (n, 1)))
    dip = random.uniform(0, 0.7, (n, 1)) * np.exp(-(1 - left) / 0.06)
    heights = np.exp(0.2 * random.normal(size=(n, rows // year + 2)))
    height = np.take_along_axis(heights, row // year - row[:, :1] // year, axis=1)
    return height * climb - dip
