"""Seasons: steady, changing, growing, fading and drifting ones, two at once, working days, half seasons.

Where the grid has no season, a profile is zero and only the background and the noise remain; the table marks the kinds
that are drawn for grids with a season only.
"""

from __future__ import annotations

import numpy as np

from forecast.combining.made_up.draws import (
    Values,
    among,
    background,
    blended,
    by_length,
    chance,
    log_uniform,
    noisy,
    placed,
    standard,
    unit,
    wander,
    white,
)

MOST_HARMONICS = 6  # more are drawn by the profiles whose every phase is free
WEEK = 7


def profiles(random: np.random.Generator, n: int, season: int) -> Values:
    """Draw the shape of one season for each series: waves, free phases, few peaks, steps, or a saw.

    Args:
        random: where the draws come from.
        n: series.
        season: rows in the season.

    Returns:
        (series, season), each of mean zero and unit spread; zeros where the season is one row.
    """
    phase = np.arange(season) / season
    waves = np.arange(1, MOST_HARMONICS + 1)
    strength = random.normal(size=(2, n, MOST_HARMONICS)) / waves ** log_uniform(random, 0.5, 3.0, (n, 1))
    angle = 2 * np.pi * waves[:, None] * phase
    wavy = strength[0] @ np.cos(angle) + strength[1] @ np.sin(angle)
    free = _through_knots(random, random.normal(size=(n, season)))
    # to the fourth power, one or two phases tower over the others
    peaks = _through_knots(random, random.exponential(size=(n, season)) ** 4)
    place = (phase + random.random((n, 1))) % 1
    steps = (place < random.uniform(0.1, 0.9, (n, 1))) + 0.1 * free
    saw = np.abs(place - random.choice([0.0, 0.5], size=(n, 1)))
    kind = random.random((n, 1))
    shape = np.select([kind < 0.4, kind < 0.65, kind < 0.75, kind < 0.9], [wavy, free, peaks, steps], saw)
    # a season of two or three rows may draw a flat shape, which would be no season
    return standard(np.where(np.ptp(shape, axis=1, keepdims=True) < 1e-6, free, shape))


def _through_knots(random: np.random.Generator, heights: Values) -> Values:
    """Go straight from one of the first heights to the next: from four of them in a season to one in every row."""
    n, season = heights.shape
    knots = np.floor(log_uniform(random, min(4, season), season + 1, (n, 1))).clip(1, season)
    place = (np.arange(season) / season + random.random((n, 1))) % 1 * knots
    before = place.astype(np.int64)
    left, right = (np.take_along_axis(heights, (before + step) % knots.astype(np.int64), axis=1) for step in (0, 1))
    # where every row is a knot, the rows take the knots' own heights, or the straight lines would even them out
    return np.where(knots == season, heights, left + (place - before) * (right - left))


def repeated(profile: Values, rows: int) -> Values:
    """Repeat profiles until they fill the rows."""
    return profile[:, np.arange(rows) % profile.shape[1]]


def seasons(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw steady seasons; where the grid has a second one, two of three series have it, too."""
    short = repeated(profiles(random, n, season), rows)
    if longer is None:
        return short
    other = log_uniform(random, 0.2, 2.0, (n, 1)) * repeated(profiles(random, n, longer), rows)
    return standard(short + chance(random, 0.67, n) * other)


def steady(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw a season that returns unchanged, on a background."""
    return _finished(random, seasons(random, n, rows, season, longer), season)


def _finished(random: np.random.Generator, curve: Values, season: int) -> Values:
    """Put seasons on a background, under noise, at a level."""
    return placed(random, noisy(random, blended(random, curve, background(random, *curve.shape)), season))


def changing(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw a season that turns from one shape into another: slowly, or within few rows."""
    before, after = (seasons(random, n, rows, season, longer) for _ in range(2))
    share = _turn(random, n, rows)
    return _finished(random, (1 - share) * before + share * after, season)


def _turn(random: np.random.Generator, n: int, rows: int) -> Values:
    """A share that goes from near zero to near one around a drawn row, within a fiftieth of the series to all of it."""
    time = np.linspace(0, 1, rows) - random.uniform(0.1, 0.9, (n, 1))
    return 1 / (1 + np.exp(-np.clip(time / log_uniform(random, 0.005, 0.3, (n, 1)), -50, 50)))


def growing(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw a season whose swing grows or shrinks with the series' level, or against it."""
    season_of = seasons(random, n, rows, season, longer)
    level = np.linspace(0, 1, rows) + 0.15 * wander(random, n, rows)
    level = np.where(chance(random, 0.3, n), -level, level)
    swing = np.exp(random.uniform(0.5, 2.5, (n, 1)) * level)
    with_level = np.where(chance(random, 0.7, n), swing, -swing) * random.uniform(0.0, 3.0, (n, 1))
    return placed(random, noisy(random, standard(swing * season_of) + standard(with_level), season))


def fading(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw a season that disappears, or appears, while the noise stays."""
    share = _turn(random, n, rows)
    share = np.where(chance(random, 0.6, n), 1 - share, share)
    return _finished(random, share * seasons(random, n, rows, season, longer), season)


def drifting(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw a season that comes earlier or later by up to half a season, or whose length is not quite the grid's."""
    shift = season * among(random, (0.05, 0.15, 0.5), n) * wander(random, n, rows) / 2
    off = random.uniform(-0.1, 0.1, (n, 1)) * np.arange(rows)  # a cycle of its own: sunspots, tides, lunar months
    place: Values = np.arange(rows, dtype=np.float64) + np.where(chance(random, 0.7, n), shift, off)
    return _finished(random, _read_between(profiles(random, n, season), place), season)


def _read_between(profile: Values, place: Values) -> Values:
    """Read profiles at places between their rows."""
    season = profile.shape[1]
    before = np.floor(place).astype(np.int64)
    share = place - before
    left, right = (np.take_along_axis(profile, (before + step) % season, axis=1) for step in (0, 1))
    return (1 - share) * left + share * right


def two_at_once(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw the sum or the product of two seasons; where the grid has one only, the second lasts several of it."""
    lengths = [longer] if longer else [season * several for several in (2, 3, 4, 5, 12)]
    short = repeated(profiles(random, n, season), rows)
    long = by_length(random, n, lengths, lambda count, length: repeated(profiles(random, count, length), rows))
    weight = log_uniform(random, 0.2, 2.0, (n, 1))
    added = short + weight * long
    multiplied = np.exp(0.5 * np.clip(short, -3, 3)) * np.exp(0.5 * weight * np.clip(long, -3, 3))
    return _finished(random, np.where(chance(random, 0.5, n), added, multiplied), season)


def working_days(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw days that rise from a flat night, and weekends that are lower or higher than weekdays.

    A season of up to a week is the week itself, its rows the days. A longer one is a day, or the part of a year in
    which a business is open, and only a second season is a week.
    """
    row = np.arange(rows)
    days = season > WEEK
    week = longer or max(season, 2)
    open_, length = random.random((n, 1)), random.uniform(0.3, 0.7, (n, 1))
    place = ((row / season + open_) % 1) / length  # 0 to 1 while it is day
    day = np.where(place < 1, np.sin(np.pi * np.clip(place, 0, 1)) ** among(random, (0.3, 1.0, 2.0), n), 0.0)
    humps = 1 + random.uniform(0, 0.6, (n, 1)) * np.cos(4 * np.pi * place)  # a morning and an evening peak
    weekend = (longer is not None or not days) & (
        ((row + np.floor(random.random((n, 1)) * week)) % week) >= week * 5 / 7
    )
    factor = np.where(weekend, among(random, (0.0, 0.3, 0.7, 1.5), n), 1.0)
    rhythm = factor * (day * humps if days else 1.0)
    shape = rhythm * np.exp(random.uniform(0.02, 0.25, (n, 1)) * wander(random, n, rows))
    floor = random.uniform(0.05, 1.0, (n, 1))  # what runs by night and on closed days
    rough = np.exp(np.clip(log_uniform(random, 0.01, 0.4, (n, 1)) * white(random, n, rows), -2, 2))
    return (floor + shape) * rough * unit(random, n)


def half_seasons(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw a cycle of half a season, or a third, whose every second turn is a little different."""
    parts = among(random, (2, 2, 3), n)
    phase = np.arange(season) / season
    shift = random.random((n, 1))
    cycle = np.cos(2 * np.pi * parts * (phase + shift)) + random.normal(0, 0.3, (n, 1)) * np.cos(
        4 * np.pi * parts * (phase + shift)
    )
    own = random.uniform(0, 0.6, (n, 1)) * profiles(random, n, season)
    return _finished(random, repeated(standard(cycle) + own, rows) * (season > 1), season)
