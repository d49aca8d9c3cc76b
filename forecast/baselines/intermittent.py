"""Intermittent demand has many zeros, and now and then a demand; sizes and gaps (or chances) are smoothed apart.

A missing row is skipped: it is neither a demand nor a step without one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.base import ERROR_ROWS, Baseline, Floats, with_intervals
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
            return Prediction(point)
        values, observed = rows_before(panel, origins, ERROR_ROWS)
        squares = np.where(observed, (values - rate[:, None]) ** 2, 0).sum(axis=1)
        deviation = np.sqrt(squares / np.maximum(observed.sum(axis=1), 1))
        normal = with_intervals(point, np.repeat(deviation[:, None], self.horizon, axis=1), self.levels)
        assert normal.quantiles is not None, "there are levels"
        lowest = np.minimum(values.min(axis=1), 0)[:, None, None]  # demands that are never negative stay so
        return Prediction(point, normal.levels, np.maximum(normal.quantiles, lowest))

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
