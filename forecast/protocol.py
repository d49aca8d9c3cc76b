"""The contract of a model: it reads a panel and origins, and returns arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins
from forecast.quantiles import interpolate

Floats = NDArray[np.float64]
MEDIAN = 0.5  # the level of the point forecast
LEVELS_OF_A_MEAN = 100


@dataclass(frozen=True, eq=False)
class Prediction:
    """Forecasts at n origins, in units of the target.

    Args:
        point: (n, horizon) float64.
        levels: quantile levels in (0, 1), ascending.
        quantiles: (n, horizon, levels) float64, never crossing.
        inverse: the quantile function of a distribution, which maps levels (n or 1, horizon or 1, k) to values
            (n, horizon, k); None where the model predicts no distribution.
        is_mean: whether the point is a mean by nature, such as a rate of demand, and not the median; False by default.
    """

    point: Floats
    levels: tuple[float, ...] = ()
    quantiles: Floats | None = None
    inverse: Callable[[Floats], Floats] | None = None
    is_mean: bool = False

    @property
    def uncertain(self) -> bool:
        """Return whether the prediction can give quantiles."""
        return self.inverse is not None or self.quantiles is not None

    def values(self, levels: Floats) -> Floats:
        """Compute quantiles at any levels, exactly from a distribution, else by interpolation between quantiles.

        Args:
            levels: (n or 1, horizon or 1, k) in (0, 1).

        Returns:
            (n, horizon, k) in units of the target.
        """
        if self.inverse is not None:
            return self.inverse(levels)
        assert self.quantiles is not None, "a point has no quantiles"
        return interpolate(self.quantiles, self.levels, levels)

    def at(self, levels: tuple[float, ...]) -> Prediction:
        """Return the prediction with quantiles at these levels; with none, it is a point forecast."""
        if levels == self.levels:
            return self
        if not levels:
            return replace(self, levels=(), quantiles=None)
        if self.quantiles is not None and set(levels) <= set(self.levels):
            return replace(self, levels=levels, quantiles=self.quantiles[:, :, [self.levels.index(p) for p in levels]])
        return replace(self, levels=levels, quantiles=self.values(np.array(levels)[None, None]))

    def coherent(self, *, mean: bool = False) -> Prediction:
        """Return the prediction with one truth: the point is the 0.5 quantile, and the others lie on their sides of it.

        The point stays as it is and the quantiles give way, so that a forecast does not depend on which quantiles were
        asked for beside it.

        Args:
            mean: whether the point becomes the mean of the quantile function, where there is one; False by default.
        """
        if not self.uncertain or (mean and self.is_mean):
            return self
        if self.is_mean:  # quantiles that were made for a mean give way to it as to a median
            return replace(self._around_the_point(), inverse=None)
        around = self._around_the_point()
        return replace(around, point=around._mean(), is_mean=True) if mean else around

    def _around_the_point(self) -> Prediction:
        """Return the prediction with the point as the 0.5 quantile, the lower ones below and the upper ones above it."""
        levels = tuple(sorted({*self.levels, MEDIAN}))
        around = self.at(levels)
        assert around.quantiles is not None, "there are levels"
        number, point = levels.index(MEDIAN), self.point[:, :, None]
        parts = (np.minimum(around.quantiles[:, :, :number], point), point)
        above = np.maximum(around.quantiles[:, :, number + 1 :], point)
        return replace(around, quantiles=np.concatenate([*parts, above], axis=2))

    def _mean(self) -> Floats:
        """Return the mean of the quantile function, (n, horizon): that of values at evenly spaced probabilities."""
        levels = ((np.arange(LEVELS_OF_A_MEAN) + 0.5) / LEVELS_OF_A_MEAN)[None, None]
        return np.asarray(self.values(levels).mean(axis=2))

    def steps(self, part: slice) -> Prediction:
        """Return only some steps of the horizon; a distribution is dropped, the quantiles stay."""
        quantiles = None if self.quantiles is None else self.quantiles[:, part]
        return Prediction(self.point[:, part], self.levels, quantiles, is_mean=self.is_mean)

    def moved(self, at: NDArray[np.int64]) -> Prediction:
        """Return the prediction with each step in the place of another one.

        Args:
            at: (n, horizon) the number of the step, from 0, that stands in each place.
        """
        quantiles = None if self.quantiles is None else np.take_along_axis(self.quantiles, at[:, :, None], axis=1)
        whole, shape = self.inverse, at.shape

        def inverse(levels: Floats) -> Floats:
            assert whole is not None
            levels = np.broadcast_to(levels, (*shape, levels.shape[2]))
            found = np.empty(levels.shape)
            for place in range(shape[1]):  # a place asks for levels of its own
                values = whole(np.repeat(levels[:, place : place + 1], shape[1], axis=1))
                found[:, place] = np.take_along_axis(values, at[:, place, None, None], axis=1)[:, 0]
            return found

        point = np.take_along_axis(self.point, at, axis=1)
        return replace(self, point=point, quantiles=quantiles, inverse=None if whole is None else inverse)


class Model(Protocol):
    """Anything that learns from a panel and forecasts at origins: a network, a baseline, or a class of your own."""

    name: str
    horizon: int

    def fit(self, panel: Panel) -> Model:
        """Learn from every row of the panel."""
        ...

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        """Forecast the `horizon` rows after each origin.

        Only rows before `origins.end` may be read, and known-future covariates of the rows that are forecast.
        """
        ...


@runtime_checkable
class DrawsPaths(Protocol):
    """A model that draws whole futures itself, step after step."""

    def paths(self, panel: Panel, origins: Origins, samples: int, seed: int) -> Floats:
        """Draw `samples` futures of each of n origins, (n, horizon, samples), in units of the target.

        The same seed draws the same futures.
        """
        ...


@runtime_checkable
class GoesOn(Protocol):
    """A model that forecasts step after step, and so as many steps as anyone wants."""

    def extended(self, horizon: int) -> Self:
        """Return the fitted model with another horizon; steps that both have are forecast the same."""
        ...
