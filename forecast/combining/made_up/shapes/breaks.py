"""Breaks: of level, variance, trend and season; outliers, regimes, promotions with a dip after them."""

from __future__ import annotations

import numpy as np

from forecast.combining.made_up.draws import (
    Values,
    among,
    background,
    chance,
    log_uniform,
    noise,
    placed,
    raised,
    standard,
    unit,
    white,
)
from forecast.combining.made_up.shapes.seasons import seasons
from forecast.combining.made_up.shapes.trends import broken_line

# A break in units of the noise: 2 can be missed by eye, 15 is another series
BREAK_SIZE = (2.0, 15.0)
OUTLIER_SIZE = (4.0, 20.0)
MOST_BREAKS = 3


def _usual(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """A series before anything breaks, in units of its noise."""
    swing = log_uniform(random, 0.3, 6.0, (n, 1)) * chance(random, 0.6, n)
    trend = log_uniform(random, 0.3, 5.0, (n, 1)) * background(random, n, rows)
    return noise(random, n, rows, season) + swing * seasons(random, n, rows, season, longer) + trend


def _after(random: np.random.Generator, n: int, rows: int) -> Values:
    """One from a drawn row on, zero before it."""
    return (np.arange(rows) >= np.floor(random.uniform(0.08, 0.97, (n, 1)) * rows)).astype(np.float64)


def _size(random: np.random.Generator, low: float, high: float, size: tuple[int, int]) -> Values:
    """Sizes of either sign."""
    return random.choice([-1.0, 1.0], size=size) * log_uniform(random, low, high, size)


def levels(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw series whose level jumps one to three times, by 2 to 15 of their noise; a third come back after the first."""
    values = _usual(random, n, rows, season, longer)
    breaks = random.integers(1, MOST_BREAKS + 1, size=(n, 1))
    back = chance(random, 0.33, n)
    size = _size(random, *BREAK_SIZE, (n, 1))
    for number in range(MOST_BREAKS):
        values = values + size * (number < breaks) * _after(random, n, rows)
        size = np.where(back & (number == 0), -size, _size(random, *BREAK_SIZE, (n, 1)))
    return placed(random, values)


def variances(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw series whose noise becomes three to ten times as large, or as small, at a row."""
    factor = log_uniform(random, 3, 10, (n, 1)) ** among(random, (-1.0, 1.0), n)
    spread = factor ** _after(random, n, rows)
    calm = log_uniform(random, 0.3, 3.0, (n, 1)) * background(random, n, rows)
    swing = log_uniform(random, 0.3, 3.0, (n, 1)) * chance(random, 0.5, n)
    return placed(
        random, spread * noise(random, n, rows, season) + calm + swing * seasons(random, n, rows, season, longer)
    )


def trends_and_seasons(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw series whose trend turns and whose season has another shape or size from a row on."""
    switch = _after(random, n, rows)
    before, after = (seasons(random, n, rows, season, longer) for _ in range(2))
    swing = log_uniform(random, 0.3, 6.0, (n, 1))
    season_of = swing * before * (1 - switch) + swing * switch * np.where(
        chance(random, 0.5, n), after, before * among(random, (0.2, 0.5, 2.0, 4.0), n)
    )
    trend = log_uniform(random, 0.5, 8.0, (n, 1)) * standard(broken_line(random, n, rows))
    return placed(random, noise(random, n, rows, season) + season_of + trend)


def outliers(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw series with single rows, or patches of rows, far away from what they would have been."""
    values = _usual(random, n, rows, season, longer)
    single = random.random((n, rows)) < random.uniform(0.002, 0.04, (n, 1))
    single[np.arange(n), random.integers(rows, size=n)] = True
    starts = np.floor(random.random((n, 1)) * rows)
    since = np.arange(rows) - starts
    patch = (since >= 0) & (since < np.maximum(2, rows * random.uniform(0.01, 0.08, (n, 1))))
    patched = chance(random, 0.4, n)
    away = np.where(
        patched, patch * _size(random, *OUTLIER_SIZE, (n, 1)), single * _size(random, *OUTLIER_SIZE, (n, rows))
    )
    return placed(random, values + away)


def regimes(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw machines that switch between two or three states of load, each with its own level and noise."""
    states = random.integers(2, 4, size=n)
    stay = 1 - 1 / np.clip(rows * log_uniform(random, 0.02, 0.4, (n, 1)), 2, None)
    moved = random.random((n, rows)) > stay
    # a state lasts until the next move: each row takes the draw of the last row that moved
    last = np.maximum.accumulate(np.where(moved, np.arange(rows), 0), axis=1)
    state = np.take_along_axis(random.integers(6, size=(n, rows)), last, axis=1) % states[:, None]
    level = np.take_along_axis(_size(random, 1.0, 10.0, (n, 3)), state, axis=1)
    spread = np.take_along_axis(log_uniform(random, 0.1, 2.0, (n, 3)), state, axis=1)
    swing = log_uniform(random, 0.2, 3.0, (n, 1)) * chance(random, 0.4, n)
    return placed(
        random, level + spread * noise(random, n, rows, season) + swing * seasons(random, n, rows, season, longer)
    )


def promotions(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw sales with promotions: a jump, a decay over some rows, and a dip in which the stored goods are used up.

    A third of the series are web traffic: rarer and higher bursts of attention that decay slowly, without a dip.
    """
    web = chance(random, 0.33, n)
    often = np.where(web, log_uniform(random, 0.003, 0.02, (n, 1)), log_uniform(random, 0.02, 0.1, (n, 1)))
    events = (random.random((n, rows)) < often) * random.lognormal(0.0, 0.5, (n, rows))
    events[np.arange(n), random.integers(rows, size=n)] += 1
    age = np.arange(max(4, min(rows, 40)))
    decay = np.exp(-age / np.where(web, log_uniform(random, 2, 15, (n, 1)), log_uniform(random, 0.3, 3, (n, 1))))
    dip = random.uniform(0, 0.5, (n, 1)) * np.exp(-(((age - 5) / 2) ** 2)) * ~web
    lift = log_uniform(random, 0.3, 3.0, (n, 1)) * _convolved(events, decay - dip)
    base = 0.15 * raised(random, _usual(random, n, rows, season, longer))
    base = base / base.mean(axis=1, keepdims=True)
    rough = np.exp(log_uniform(random, 0.01, 0.2, (n, 1)) * np.clip(white(random, n, rows), -4, 4))
    return base * np.maximum(1 + lift, 0.1) * rough * unit(random, n)


def _convolved(events: Values, shape: Values) -> Values:
    """Let each event of a series leave that series' shape behind it."""
    rows = events.shape[1]
    size = rows + shape.shape[1]
    waves = np.fft.rfft(events, n=size, axis=1) * np.fft.rfft(shape, n=size, axis=1)
    return np.fft.irfft(waves, n=size, axis=1)[:, :rows]
