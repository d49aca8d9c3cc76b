"""Validation: the newest rows of each series, which neither probes nor companions have seen, and origins in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.panel import Panel
from forecast.datasets.windows.history import actuals, ends_without_newest, mean_difference
from forecast.datasets.windows.origins import Origins, evenly_spread
from forecast.protocol import Model

Floats = NDArray[np.float64]
MOST_ORIGINS = 512
FEWEST_ROWS_BEFORE = 4  # an origin
GOLDEN = 0.382  # of a season, or a horizon, from one origin's phase to the next one's; the golden ratio spreads them


@dataclass(frozen=True, eq=False, kw_only=True)
class Validation:
    """The rows that weights are learned on.

    Args:
        panel: the training rows.
        held: rows at each series' end that are held back.
        horizon: steps to forecast.
        season_length: steps in a season.
    """

    panel: Panel
    held: int
    horizon: int
    season_length: int

    @cached_property
    def origins(self) -> Origins:
        """Where forecasts are compared; there are none where every series is too short."""
        return origins_at_all_phases(self.panel, self.held, self.horizon, self.season_length)

    @cached_property
    def earlier(self) -> Panel:
        """The rows before those held back."""
        return self.panel.truncate(ends_without_newest(self.panel, self.held))

    @property
    def actual(self) -> Floats:
        """(n, horizon) targets after each origin, NaN where nothing was observed."""
        return actuals(self.panel, self.origins, self.horizon)

    @property
    def scale(self) -> Floats:
        """(n,) the in-sample scale of each origin's series, NaN where it has none."""
        scale = mean_difference(self.earlier, self.season_length)
        return np.where(np.isfinite(scale) & (scale > 0), scale, np.nan)[self.origins.series]

    def forecasts(self, models: Sequence[Model]) -> Floats:
        """(models, n, horizon) points at each origin."""
        return np.stack([model.predict(self.panel, self.origins).point for model in models])


def origins_at_all_phases(panel: Panel, held: int, horizon: int, season_length: int) -> Origins:
    """Origins about a horizon apart in the last `held` rows of series with enough history, at most `MOST_ORIGINS`.

    They come at all phases of a season that a horizon holds: what is best at midnight may be the worst at noon, and
    nothing in the data says when forecasts will be wanted.

    Args:
        panel: the rows.
        held: rows at each series' end that the origins lie in.
        horizon: steps between two origins of a series, before they are shifted.
        season_length: steps in a season.
    """
    long = np.flatnonzero(panel.lengths >= held + FEWEST_ROWS_BEFORE)
    least = min(horizon, held)
    back = np.arange(held, 0, -horizon)
    back = back[back >= least]
    series, rows = np.repeat(long, len(back)), np.tile(back, len(long))
    # at most a horizon: further, and the newest rows would be all that a long season leaves
    phase = (np.arange(len(rows)) * GOLDEN % 1 * min(season_length, horizon)).astype(np.int64)
    rows = np.maximum(rows - phase, least)
    chosen = evenly_spread(len(series), MOST_ORIGINS)
    return Origins(series[chosen], panel.indptr[series[chosen] + 1] - rows[chosen])
