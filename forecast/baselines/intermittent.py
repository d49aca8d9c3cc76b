"""Intermittent demand has many zeros, and now and then a demand; sizes and gaps (or chances) are smoothed apart.

A missing row is skipped: it is neither a demand nor a step without one.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.base import ERROR_ROWS, Baseline, Floats
from forecast.baselines.histories import Histories, histories
from forecast.baselines.observed import rows_before
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins
from forecast.protocol import Prediction

SMOOTHING_WEIGHT = 0.1  # Syntetos & Boylan (2005) find 0.05 to 0.2 best
MAX_DEMAND_ROWS = 1000  # newest rows that are read; at a weight of 0.1, older ones count for nothing


class Croston(Baseline):
    """The smoothed size of a demand over the smoothed gap between demands; it is the same at every step.

    References:
        Croston (1972), Forecasting and stock control for intermittent demands.
    """

    name = "croston"
    what = "size over gap of intermittent demand"
    source = "Croston 1972"

    @property
    def context(self) -> int | None:
        return MAX_DEMAND_ROWS

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        rate = np.empty(len(origins))
        for chunk in histories(panel, origins, MAX_DEMAND_ROWS):
            rate[chunk.index] = self.rate(chunk)
        point = np.repeat(rate[:, None], self.horizon, axis=1)
        if not self.levels:
            return Prediction(point, is_mean=True)
        values, observed = rows_before(panel, origins, ERROR_ROWS)
        squares = np.where(observed, (values - rate[:, None]) ** 2, 0).sum(axis=1)
        deviation = np.sqrt(squares / np.maximum(observed.sum(axis=1), 1))
        is_demand = np.asarray(~(observed & (values < 0)).any(axis=1))
        inverse = partial(_quantiles, rate, deviation, is_demand, self.horizon)
        return Prediction(point, inverse=inverse, is_mean=True).at(self.levels)

    def rate(self, chunk: Histories) -> Floats:
        """Return the demand to be expected in a step, (n,), in units of the target."""
        size, gap = _sizes_and_gaps(chunk)
        return np.where(gap > 0, size / np.maximum(gap, 1), 0)


class SBA(Croston):
    """Croston's method without its upward bias.

    References:
        Syntetos & Boylan (2005), The accuracy of intermittent demand estimates.
    """

    name = "sba"
    what = "Croston's method, unbiased"
    source = "Syntetos & Boylan 2005"

    def rate(self, chunk: Histories) -> Floats:
        return (1 - SMOOTHING_WEIGHT / 2) * super().rate(chunk)


class TSB(Croston):
    """The smoothed size of a demand times its smoothed chance, which falls while there is none.

    References:
        Teunter, Syntetos & Babai (2011), Intermittent demand: Linking forecasting to inventory obsolescence.
    """

    name = "tsb"
    what = "size times chance of intermittent demand"
    source = "Teunter et al. 2011"

    def rate(self, chunk: Histories) -> Floats:
        demand = (chunk.values != 0) & chunk.observed
        size = _first(chunk.values, demand)
        chance = demand.sum(axis=1) / chunk.count  # the mean so far starts the smoothing
        for column in range(chunk.values.shape[1]):
            demanded, observed = demand[:, column], chunk.observed[:, column]
            size = np.where(demanded, size + SMOOTHING_WEIGHT * (chunk.values[:, column] - size), size)
            chance = np.where(observed, chance + SMOOTHING_WEIGHT * (demanded - chance), chance)
        return np.asarray(size * chance)


def _quantiles(rate: Floats, deviation: Floats, is_demand: NDArray[np.bool_], horizon: int, levels: Floats) -> Floats:
    """Return quantiles, (n, horizon, k), of a distribution with this mean and this deviation.

    Demand, which is never negative, has a gamma distribution, and other values have a normal one.

    Args:
        rate: (n,) mean.
        deviation: (n,) standard deviation.
        is_demand: (n,) whether no value was negative.
        horizon: steps, which all have the same distribution.
        levels: (n or 1, horizon or 1, k) in (0, 1).

    References:
        Burgin (1975), The gamma distribution and inventory control.
    """
    from scipy import special  # a part of a second to import, and only needed for quantiles

    rate, deviation, demanded = rate[:, None, None], deviation[:, None, None], is_demand[:, None, None]
    varies = (rate > 0) & (deviation > 0)
    shape = np.where(varies, rate / np.where(varies, deviation, 1), 1.0) ** 2
    gamma = np.where(varies, special.gammaincinv(shape, levels) * rate / shape, rate)
    quantiles = np.where(demanded, gamma, rate + deviation * special.ndtri(levels))
    return np.broadcast_to(quantiles, (len(rate), horizon, levels.shape[2])).copy()


def _sizes_and_gaps(chunk: Histories) -> tuple[Floats, Floats]:
    """Smooth the sizes of demands and the observed steps from one to the next, (n,) each; both are 0 where there was none."""
    demand = (chunk.values != 0) & chunk.observed
    size, gap = np.zeros(len(demand)), np.zeros(len(demand))
    since = np.zeros(len(demand))
    for column in range(chunk.values.shape[1]):
        since += chunk.observed[:, column]
        demanded, started = demand[:, column], gap > 0
        weight = np.where(started, SMOOTHING_WEIGHT, 1.0)  # the first demand starts the smoothing
        size = np.where(demanded, size + weight * (chunk.values[:, column] - size), size)
        gap = np.where(demanded, gap + weight * (since - gap), gap)
        since = np.where(demanded, 0, since)
    return size, gap


def _first(values: Floats, demand: NDArray[np.bool_]) -> Floats:
    """Return the first demand of each history, (n,), 0 where there is none."""
    return np.where(demand.any(axis=1), values[np.arange(len(values)), demand.argmax(axis=1)], 0)
