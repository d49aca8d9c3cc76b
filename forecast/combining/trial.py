"""How the pool is tried on a panel: the smoothings, and the origins, that follow from a horizon and seasons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from forecast.baselines.observed import Integers
from forecast.baselines.smoothing.aligned import Aligned, aligned
from forecast.baselines.smoothing.bank import rows_read
from forecast.baselines.smoothing.choice import ladder, steps_compared
from forecast.baselines.smoothing.grid import Grid
from forecast.combining.experience import learn, unknown
from forecast.combining.view import Experience, View, look
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins

NUMBERS_AT_ONCE = 8_000_000  # forecasts of a block; bounds memory
MOST_HISTORIES_AT_ONCE = 256


@dataclass(frozen=True)
class Trial:
    """A trial of the pool.

    Args:
        horizon: steps that are compared, of which a long one has some.
        season_length: rows in a season; 1 for none.
        longer: rows in a second season; 0 for none.
    """

    horizon: int
    season_length: int
    longer: int

    @cached_property
    def grid(self) -> Grid:
        """Return the smoothings."""
        return Grid.of(self.season_length, self.longer or None, coarse=True)

    @cached_property
    def offsets(self) -> Integers:
        """Return the rows between each origin and the end of a history, descending to 0."""
        return ladder(self.horizon, self.longer or self.season_length)

    @cached_property
    def steps(self) -> Integers:
        """Return the steps that are compared."""
        return steps_compared(self.horizon)

    def unknown(self) -> Experience:
        """Return what is known of a panel before anything was seen: nothing."""
        return unknown(self.grid, len(self.offsets), self.steps, self.season_length, self.longer)

    def learn(self, panel: Panel, origins: Origins) -> Experience:
        """Learn from the rows before origins how the pool did."""
        blocks = lambda: self.blocks(panel, origins, 1)  # noqa: E731 - each block is read twice
        return learn(blocks, self.grid, self.offsets, self.steps, self.season_length, self.longer, len(origins))

    def blocks(
        self, panel: Panel, origins: Origins, horizon: int, most: int = MOST_HISTORIES_AT_ONCE
    ) -> Iterator[Aligned]:
        """Yield the rows before origins, for forecasts of a horizon, in blocks of so many histories at most."""
        numbers = len(self.grid) * (len(self.offsets) * len(self.steps) + horizon)
        at_once = int(np.clip(NUMBERS_AT_ONCE // numbers, 1, most))
        return aligned(panel, origins, rows_read(self.season_length, self.longer), at_once)

    def look(self, block: Aligned, known: Experience, horizon: int) -> View:
        """View a block, whose panel is known, and forecast a horizon at its end."""
        return look(block, self.grid, self.offsets, self.steps, horizon, self.season_length, known)
