"""What the backtest asks of a model: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins
from forecast.quantiles import interpolate

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Prediction:
    """Forecasts at n origins, in units of the target.

    Args:
        point: (n, horizon) float64.
        levels: quantile levels in (0, 1), ascending.
        quantiles: (n, horizon, levels) float64, never crossing.
        inverse: of a distribution: levels (n or 1, horizon or 1, k) -> values (n, horizon, k).
    """

    point: Floats
    levels: tuple[float, ...] = ()
    quantiles: Floats | None = None
    inverse: Callable[[Floats], Floats] | None = None

    @property
    def uncertain(self) -> bool:
        """Whether quantiles can be had."""
        return self.inverse is not None or self.quantiles is not None

    def values(self, levels: Floats) -> Floats:
        """Quantiles at any levels, (n or 1, horizon or 1, k) -> (n, horizon, k): exact from a distribution,
        interpolated from quantiles."""
        if self.inverse is not None:
            return self.inverse(levels)
        assert self.quantiles is not None, "a point has no quantiles"
        return interpolate(self.quantiles, self.levels, levels)

    def at(self, levels: tuple[float, ...]) -> Prediction:
        """With quantiles at these levels."""
        if levels == self.levels:
            return self
        if not levels:
            return replace(self, levels=(), quantiles=None)
        return replace(self, levels=levels, quantiles=self.values(np.array(levels)[None, None]))

    def steps(self, part: slice) -> Prediction:
        """Only some steps of the horizon; quantiles, not distributions."""
        quantiles = None if self.quantiles is None else self.quantiles[:, part]
        return Prediction(self.point[:, part], self.levels, quantiles)


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


@runtime_checkable
class DrawsPaths(Protocol):
    """A model that draws whole futures itself, step after step."""

    def paths(self, panel: Panel, origins: Origins, samples: int, seed: int) -> Floats:
        """Draw futures, (n, horizon, samples) in units of the target."""
        ...
