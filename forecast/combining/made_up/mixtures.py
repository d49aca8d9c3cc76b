"""Mixtures: what is made of series of other kinds, by sums, products, turning them round, or summing up rows."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from forecast.combining.made_up.draws import (
    Values,
    by_length,
    chance,
    log_uniform,
    placed,
    raised,
    standard,
    told_apart,
    unit,
    white,
)


class Draw(Protocol):
    """What draws series of one kind, or of several."""

    def __call__(self, random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
        """Draw made-up series.

        Args:
            random: where all draws come from; the same state gives the same series.
            n: series, at least one.
            rows: rows of each series.
            season: rows in a season; 1 where there is none.
            longer: rows in a second, longer season; None where there is none.

        Returns:
            (series, rows), finite, no two series alike and none constant.
        """
        ...


# Aggregates draw rows of a finer grid; beyond four times as many the season of a day has gone
FINER = (2, 3, 4)


def sums(parts: Draw, random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Add two series with drawn weights."""
    first, second = np.split(standard(parts(random, 2 * n, rows, season, longer)), 2)
    return placed(random, first + log_uniform(random, 0.2, 1.0, (n, 1)) * second)


def products(parts: Draw, random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Multiply two series, each raised to a level above most of its rows, so that both still show."""
    both = np.clip(standard(parts(random, 2 * n, rows, season, longer)), -4, 8) + random.uniform(2, 5, (2 * n, 1))
    first, second = np.split(both, 2)
    return first * second * unit(random, n)


def turned(parts: Draw, random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Turn series back to front, upside down, or both."""
    values = parts(random, n, rows, season, longer)
    how = random.integers(3, size=(n, 1))
    backwards = np.where(how != 1, values[:, ::-1], values)
    # upside down above zero, since hardly anything that people forecast is negative throughout
    return told_apart(random, np.where(how == 0, backwards, raised(random, -backwards) * unit(random, n)))


def spliced(parts: Draw, random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Go over from one series to another of another kind at a drawn row, at about the same level or far from it."""
    first, second = np.split(standard(parts(random, 2 * n, rows, season, longer)), 2)
    at = np.floor(random.uniform(0.1, 0.9, (n, 1)) * rows).astype(np.int64)
    later = np.arange(rows) >= at
    joined = np.take_along_axis(first, at, axis=1) - np.take_along_axis(second, at, axis=1)
    gap = np.where(chance(random, 0.7, n), joined, random.normal(0, 2, (n, 1)))
    size = log_uniform(random, 0.5, 2.0, (n, 1))
    return placed(random, np.where(later, size * second + gap, first) + 1e-3 * white(random, n, rows))


def aggregates(parts: Draw, random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Sum up two to four rows each of a finer series, whose season has as many more rows."""

    def summed(count: int, step: int) -> Values:
        finer_season = season * step if season > 1 else 1
        finer = parts(random, count, rows * step, finer_season, longer * step if longer else None)
        return finer.reshape(count, rows, step).sum(axis=2)

    return told_apart(random, by_length(random, n, FINER, summed))
