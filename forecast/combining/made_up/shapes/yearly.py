"""Series as of years: few rows, strong trends, breaks, S-curves, and hardly a season.

They are drawn over any number of rows; a long one is a slow series on a fine grid.
"""

from __future__ import annotations

import numpy as np

from forecast.combining.made_up.draws import (
    Values,
    among,
    chance,
    log_uniform,
    placed,
    raised,
    standard,
    unit,
    wander,
    white,
)
from forecast.combining.made_up.shapes.trends import broken_line, s_curve, up_or_down

# The noise of yearly sums is small beside their trend: most of what happens within a year has evened out
NOISE_TO_TREND = (0.005, 0.5)


def _trend(random: np.random.Generator, n: int, rows: int) -> Values:
    """A walk with a strong drift, a broken line, an S-curve, growth by a rate, or a slow curve."""
    time = np.linspace(0, 1, rows)
    drift = random.uniform(0.5, 3.0, (n, 1)) / np.sqrt(rows)
    walk = (drift + white(random, n, rows)).cumsum(axis=1)
    growth = np.exp(log_uniform(random, 0.3, 4.0, (n, 1)) * time)
    kind = random.integers(5, size=(n, 1))
    options = [standard(walk), standard(broken_line(random, n, rows)), standard(s_curve(random, n, rows))]
    return np.select(
        [kind == 0, kind == 1, kind == 2, kind == 3], [*options, standard(growth)], wander(random, n, rows)
    )


def _noisy(random: np.random.Generator, trend: Values) -> Values:
    """Add noise, half of it carried on from row to row as revisions of a level are."""
    n, rows = trend.shape
    shocks = white(random, n, rows)
    carried = standard(shocks.cumsum(axis=1))
    size = log_uniform(random, *NOISE_TO_TREND, (n, 1))
    return standard(trend) + size * np.where(chance(random, 0.5, n), carried, shocks)


def strong_trends(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw strong trends of many forms with little noise, most of them upwards."""
    return placed(random, _noisy(random, up_or_down(random, _trend(random, n, rows))))


def trends_with_breaks(random: np.random.Generator, n: int, rows: int, season: int, longer: int | None) -> Values:
    """Draw positive trends that a crisis, a merger or a new definition moves at one row, for good or for some rows."""
    trend = _noisy(random, up_or_down(random, _trend(random, n, rows)))
    at = np.floor(random.uniform(0.1, 0.95, (n, 1)) * rows)
    since = np.arange(rows) - at
    lasting = (since >= 0) * np.exp(-np.maximum(since, 0) / (rows * among(random, (0.05, 0.3, 1e6), n)))
    size = among(random, (-1.0, -1.0, 1.0), n) * log_uniform(random, 0.3, 2.0, (n, 1))
    return raised(random, trend + size * lasting) * unit(random, n)
