"""What the backtest asks of a model: arrays in, arrays out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.panel import Panel
from forecast.datasets.windows import Origins


@dataclass(frozen=True, eq=False)
class Prediction:
    """Forecasts at n origins, in units of the target.

    Args:
        point: (n, horizon) float64.
        levels: quantile levels in (0, 1), ascending.
        quantiles: (n, horizon, levels) float64, never crossing.
    """

    point: NDArray[np.float64]
    levels: tuple[float, ...] = ()
    quantiles: NDArray[np.float64] | None = None


class Model(Protocol):
    """Anything that learns from a panel and forecasts at origins: a network, a baseline, your own."""

    name: str
    horizon: int

    def fit(self, panel: Panel) -> Model:
        """Learn from every row of the panel."""
        ...

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        """Forecast the `horizon` rows after each origin, reading only rows before `origins.end`."""
        ...
