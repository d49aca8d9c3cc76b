"""The forecasts a model would have made before an origin, whose actuals are observed by then."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Integers, Origins

Floats = NDArray[np.float64]
MIN_HISTORY_ROWS = 4  # before an origin that is forecast from
HORIZONS_LOOKED_BACK = 8
FORECASTS_PER_HORIZON = 4  # past origins stand a quarter of a horizon apart
ORIGINS_AT_ONCE = 256  # bounds the memory of their past forecasts' ranks


@dataclass(frozen=True, eq=False)
class PastForecasts:
    """For each of n origins, the past origins (k of them) of its series that training has not seen.

    Args:
        origins: the past origins of all n origins, each once, though neighbours share many.
        number: (n, k) number of each past origin among `origins`; 0 where it is not available.
        available: (n, k) bool, False where training has seen the rows or the history before is too short.
        is_observed: (k, horizon) bool, whether a past forecast's step lies before the origin it serves.
    """

    origins: Origins
    number: Integers
    available: NDArray[np.bool_]
    is_observed: NDArray[np.bool_]

    @classmethod
    def of(cls, panel: Panel, origins: Origins, first_unseen: Integers, horizon: int) -> PastForecasts:
        """Look back `HORIZONS_LOOKED_BACK` horizons from each origin.

        Args:
            panel: the rows.
            origins: n origins.
            first_unseen: (series,) flat row from which on training has not seen a series.
            horizon: steps of a forecast.
        """
        back = -(-horizon // FORECASTS_PER_HORIZON) * np.arange(1, HORIZONS_LOOKED_BACK * FORECASTS_PER_HORIZON + 1)
        ends = origins.end[:, None] - back
        first = np.maximum(panel.indptr[origins.series] + MIN_HISTORY_ROWS, first_unseen[origins.series])
        available = ends >= first[:, None]
        # flat rows tell series apart, so that equal ends are equal origins
        distinct, at, inverse = np.unique(ends[available], return_index=True, return_inverse=True)
        series = np.broadcast_to(origins.series[:, None], ends.shape)[available][at]
        number = np.zeros(ends.shape, np.int64)
        number[available] = inverse
        return cls(Origins(series, distinct), number, available, np.arange(horizon) < back[:, None])

    def parts(self) -> Iterator[slice]:
        """Slices of the n origins, few enough to gather their past together."""
        for start in range(0, len(self.number), ORIGINS_AT_ONCE):
            yield slice(start, start + ORIGINS_AT_ONCE)

    def came_true(self, values: Floats, part: slice) -> tuple[Floats, Floats]:
        """Gather what past forecasts scored on steps that lie before the origin.

        Args:
            values: (past origins, horizon, levels) a number for each step and level of `self.origins`.
            part: a slice of the n origins.

        Returns:
            (n, k * horizon, levels) their numbers, NaN where there is none, and (n,) horizons that came true.
        """
        is_valid = self.available[part, :, None] & self.is_observed  # (n, k, horizon)
        gathered = np.where(is_valid[..., None], values[self.number[part]], np.nan)  # (n, k, horizon, levels)
        horizon = self.is_observed.shape[1]
        n_horizons = np.isfinite(gathered[..., 0]).sum(axis=(1, 2)) / (FORECASTS_PER_HORIZON * horizon)
        return gathered.reshape(len(gathered), -1, values.shape[2]), n_horizons
