"""The diet: panels of made-up series on the grids that practitioners have, with histories of many lengths and holes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.smoothing.aligned import Aligned
from forecast.combining.made_up.table import made_up

SERIES_AT_ONCE = 384  # that are drawn together, which is quicker
PANELS = (8, 16, 32, 64)  # sizes: what the panel knows must be worth much to the combiner, or little
OF_A_KIND = 0.5  # share of the draws whose panels hold series of few kinds, as most real ones do
CUT = 0.4  # share of the series that begin later than the others
WITH_HOLES = 0.1  # share of the panels with missing rows
MOST_HOLES = 0.3  # share of a series' rows


class Grid(NamedTuple):
    """A kind of grid.

    Args:
        season: rows in a season; 1 for none.
        longer: rows in a second season; None for none.
        horizon: the longest that is trained on.
        rows: the longest history.
        share: how often it is drawn, relative to the others.
    """

    season: int
    longer: int | None
    horizon: int
    rows: int
    share: float


GRIDS = (
    Grid(1, None, 14, 120, 4.0),  # years, and whatever has no season
    Grid(1, None, 36, 200, 1.5),
    Grid(4, None, 12, 120, 3.5),
    Grid(12, None, 26, 200, 5.0),
    Grid(7, None, 60, 200, 3.0),
    Grid(5, None, 40, 200, 0.7),
    Grid(52, None, 52, 420, 1.5),
    Grid(24, None, 96, 288, 1.2),
    Grid(24, 168, 96, 1008, 1.5),
    Grid(48, 336, 96, 1500, 0.3),
    Grid(96, None, 96, 800, 0.3),
)


@dataclass(frozen=True, eq=False)
class MadeUpPanel:
    """Made-up histories that are learnt from together.

    Args:
        block: the histories, which hold the rows that are forecast, too.
        grid: their grid.
        horizon: steps that are forecast.
    """

    block: Aligned
    grid: Grid
    horizon: int


def draw_panels(random: np.random.Generator) -> Iterator[MadeUpPanel]:
    """Draw panels without end; the generator's seed decides them."""
    shares = np.array([grid.share for grid in GRIDS])
    while True:
        grid = GRIDS[random.choice(len(GRIDS), p=shares / shares.sum())]
        least = max(2 * grid.season + 4, 8)
        rows = int(np.exp(random.uniform(np.log(least + 4), np.log(max(grid.rows, least + 8)))))
        n = SERIES_AT_ONCE if rows <= 400 else SERIES_AT_ONCE // 4
        values, kinds = made_up(random, n, rows, grid.season, grid.longer)
        order = np.argsort(kinds, kind="stable") if random.random() < OF_A_KIND else random.permutation(n)
        start = 0
        while start < n:
            size = int(random.choice(PANELS))
            yield _panel(random, values[order[start : start + size]], grid, least)
            start += size


def _panel(random: np.random.Generator, values: NDArray[np.float64], grid: Grid, least: int) -> MadeUpPanel:
    """Cut histories to their lengths, take rows out of some, and choose a horizon."""
    n, rows = values.shape
    horizon = int(np.exp(random.uniform(np.log(1), np.log(min(grid.horizon, max(rows // 2, 2)) + 1))))
    first = np.where(random.random(n) < CUT, random.integers(0, max(rows - least, 0) + 1, n), 0)
    observed = np.arange(rows)[:, None] >= first
    if random.random() < WITH_HOLES:
        observed &= random.random((rows, n)) >= MOST_HOLES * random.random(n)
        observed[first, np.arange(n)] = True
    return MadeUpPanel(Aligned(np.arange(n), np.where(observed, values.T, 0.0), observed, first), grid, max(horizon, 1))
