"""The grid: which exponential smoothings a bank runs, in parts of one structure each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = Sequence[tuple[float, ...]]
LEVELS = (0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 0.99)  # gains of the level
TRENDS = (
    (0.0, 1.0),
    (0.02, 0.9),
    (0.1, 0.9),
    (0.3, 0.9),
    (0.02, 0.98),
    (0.1, 0.98),
    (0.3, 0.98),
    (0.05, 1.0),
    (0.2, 1.0),
)
COARSE_LEVELS = (0.05, 0.2, 0.5, 0.8, 0.99)  # enough where a network weighs what is chosen, at half the cost
COARSE_TRENDS = ((0.0, 1.0), (0.1, 0.9), (0.3, 0.9), (0.1, 0.98), (0.05, 1.0), (0.2, 1.0))
SEASONS = (0.02, 0.4)  # gains of the season: two suffice, and more would win by chance
SLOW_LEVELS = (0.005, 0.03, 0.1)  # below a shock that dies out
SHOCKS = (
    (0.5, 0.7),
    (0.8, 0.8),
    (0.95, 0.9),
)  # how much of a shock stays after a step, and how much of an error is one
DRIFT = 0.5  # of the line through the history: what the Theta method adds to simple smoothing


@dataclass(frozen=True, kw_only=True)
class Part:
    """Smoothings of one structure, k of them.

    Args:
        seasonal: "none", "additive" or "multiplicative".
        periods: rows in a season, the shorter first; empty for "none".
        level: (k,) gain of the level.
        trend: (k,) gain of the trend relative to the level's; 0 for none.
        damping: (k,) factor of the trend at each step.
        season: (k,) gain of the season.
        keeps: (k,) share of a shock that stays after each step.
        shock: (k,) share of an error that is a shock, which dies out, beside what the level takes.
        drift: (k,) share of the slope of the history's line that is added at each step.
    """

    seasonal: str
    periods: tuple[int, ...]
    level: Floats
    trend: Floats
    damping: Floats
    season: Floats
    keeps: Floats
    shock: Floats
    drift: Floats

    def __len__(self) -> int:
        return len(self.level)

    @cached_property
    def has_trend(self) -> bool:
        """Return whether any of them has a trend."""
        return bool(self.trend.any())

    @cached_property
    def has_shock(self) -> bool:
        """Return whether any of them has shocks that die out."""
        return bool(self.shock.any())

    @property
    def start_rows(self) -> int:
        """Return the rows that the start values are computed from, two seasons; the first row alone without a season."""
        return 2 * self.periods[-1] if self.periods else 1

    @property
    def least_rows(self) -> int:
        """Return the rows of the shortest history that they forecast from: one, or two more than one season."""
        return self.periods[-1] + 2 if len(self.periods) == 1 else self.start_rows


@dataclass(frozen=True)
class Grid:
    """All smoothings of a bank, one part after the other."""

    parts: tuple[Part, ...]

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    @property
    def largest(self) -> int:
        """Return the smoothings of the largest part."""
        return max(map(len, self.parts))

    @classmethod
    def of(cls, season_length: int, longer: int | None = None, *, coarse: bool = False) -> Grid:
        """Build the grid for a season.

        Args:
            season_length: rows in a season; 1 means none.
            longer: rows in a second, longer season, such as the week of hourly rows; None for none.
            coarse: whether fewer gains are tried; False by default.
        """
        levels, trends_tried = (COARSE_LEVELS, COARSE_TRENDS) if coarse else (LEVELS, TRENDS)
        plain = [(a, b, phi, 0.0, 0.0, 0.0, 0.0) for a, (b, phi) in product(levels, trends_tried)]
        plain += [(a, 0.0, 1.0, 0.0, 0.0, 0.0, DRIFT) for a in levels]
        fading = [(a, 0.0, 1.0, 0.0, keeps, shock, 0.0) for a, (keeps, shock) in product(SLOW_LEVELS, SHOCKS)]
        trends, shocks = _with_seasons(plain), _with_seasons(fading)
        parts = [_part("none", (), plain), _part("none", (), fading)]
        if season_length > 1:
            season = (season_length,)
            parts += [_part("additive", season, trends), _part("multiplicative", season, trends)]
            parts += [_part("additive", season, shocks)]
        if longer is not None:
            parts += [_part("additive", (season_length, longer), shocks)]
        return cls(tuple(parts))


def _with_seasons(rows: Rows) -> list[tuple[float, ...]]:
    """Return each smoothing with each gain of the season, its fourth number."""
    return [(*row[:3], gain, *row[4:]) for row in rows for gain in SEASONS]


def _part(seasonal: str, periods: tuple[int, ...], rows: Rows) -> Part:
    level, trend, damping, season, keeps, shock, drift = np.array(rows).T
    return Part(
        seasonal=seasonal,
        periods=periods,
        level=level,
        trend=trend,
        damping=damping,
        season=season,
        keeps=keeps,
        shock=shock,
        drift=drift,
    )
