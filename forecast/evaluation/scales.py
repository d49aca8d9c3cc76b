"""Scales of errors: each series' errors are divided by a measure of its variation over the training rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.panel import Panel
from forecast.datasets.windows.history import mean_by_series, mean_difference

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Scales:
    """Each series' scales, (series,) in units of the target, NaN where a series is constant or too short.

    Args:
        mase: mean absolute difference over a season.
        rmsse: root of the mean squared one-step difference.
        deviation: population standard deviation.

    References:
        Hyndman & Koehler (2006), Another look at measures of forecast accuracy (MASE).
        Makridakis, Spiliotis & Assimakopoulos (2022), M5 accuracy competition (RMSSE).
    """

    mase: Floats
    rmsse: Floats
    deviation: Floats

    @classmethod
    def of(cls, train: Panel, season: int, *, val_size: int = 0) -> Scales:
        """Compute the scales from the rows before the first cutoff.

        Args:
            train: these rows.
            season: steps in a season, which is the lag of the MASE scale.
            val_size: newest rows of each series that `deviation` leaves out, as the long-horizon papers do.
        """
        mase = mean_difference(train, season)
        rmsse = np.sqrt(mean_difference(train, 1, power=2))
        rows = np.arange(train.n_rows) < np.repeat(train.indptr[1:] - val_size, train.lengths)
        return cls(_positive(mase), _positive(rmsse), _positive(_deviation(train, rows)))

    def spread(self, at: NDArray[np.int64], n_series: int) -> Scales:
        """Return the scales as those of a panel with more series, NaN for the series that have none here.

        Args:
            at: (series,) number that each series has in the larger panel.
            n_series: series of the larger panel.
        """

        def place(values: Floats) -> Floats:
            wide = np.full(n_series, np.nan)
            wide[at] = values
            return wide

        return Scales(place(self.mase), place(self.rmsse), place(self.deviation))


def _deviation(panel: Panel, rows: NDArray[np.bool_]) -> Floats:
    """Compute the population standard deviation of each series' observed targets among `rows` (a mask), (series,)."""
    kept = rows & np.isfinite(panel.target)
    series = np.repeat(np.arange(panel.n_series), panel.lengths)[kept]
    values = panel.target[kept]
    mean = mean_by_series(series, values, panel.n_series)
    return np.sqrt(mean_by_series(series, (values - mean[series]) ** 2, panel.n_series))


def _positive(values: Floats) -> Floats:
    return np.where(values > 0, values, np.nan)
