"""Intermittent demand: many zeros, now and then a demand. Sizes and gaps (or chances) are smoothed apart."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.base import ERROR_ROWS, Baseline, Floats, rows_before, with_intervals
from forecast.baselines.histories import Histories, histories
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins
from forecast.protocol import Prediction

ALPHA = 0.1  # smoothing; Syntetos & Boylan (2005) find 0.05 to 0.2 best
LONGEST = 1000  # newest rows read; at 0.1, what stands before weighs nothing


class Croston(Baseline):
    """Smoothed size of a demand over the smoothed gap between demands, the same at every step.

    References:
        Croston (1972), Forecasting and stock control for intermittent demands.
    """

    name = "croston"
    what = "size over gap of intermittent demand"
    source = "Croston 1972"

    @property
    def context(self) -> int | None:
        return LONGEST

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        rate = np.empty(len(origins))
        for chunk in histories(panel, origins, LONGEST):
            rate[chunk.index] = self.rate(chunk)
        point = np.repeat(rate[:, None], self.horizon, axis=1)
        if not self.levels:
            return Prediction(point)
        values, inside = rows_before(panel, origins, ERROR_ROWS)
        squares = np.where(inside, (values - rate[:, None]) ** 2, 0).sum(axis=1)
        deviation = np.sqrt(squares / np.maximum(inside.sum(axis=1), 1))
        found = with_intervals(point, np.repeat(deviation[:, None], self.horizon, axis=1), self.levels)
        assert found.quantiles is not None, "levels were asked for"
        return Prediction(
            found.point, found.levels, np.maximum(found.quantiles, np.minimum(values.min(axis=1), 0)[:, None, None])
        )

    def rate(self, chunk: Histories) -> Floats:
        """Demand per step, (n,)."""
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
        return (1 - ALPHA / 2) * super().rate(chunk)


class TSB(Croston):
    """Smoothed size of a demand times its smoothed chance, which falls while there is none.

    References:
        Teunter, Syntetos & Babai (2011), Intermittent demand: Linking forecasting to inventory obsolescence.
    """

    name = "tsb"
    what = "size times chance of intermittent demand"
    source = "Teunter et al. 2011"

    def rate(self, chunk: Histories) -> Floats:
        demand = (chunk.values != 0) & chunk.inside
        count = np.maximum(chunk.length, 1)
        size = _first(chunk.values, demand)
        chance = demand.sum(axis=1) / count  # the mean so far starts the smoothing
        for column in range(chunk.values.shape[1]):
            here, inside = demand[:, column], chunk.inside[:, column]
            size = np.where(here, size + ALPHA * (chunk.values[:, column] - size), size)
            chance = np.where(inside, chance + ALPHA * (here - chance), chance)
        return np.asarray(size * chance)


def _sizes_and_gaps(chunk: Histories) -> tuple[Floats, Floats]:
    """Smoothed size of a demand and smoothed steps from one to the next, both 0 where there was none, (n,) each."""
    demand = (chunk.values != 0) & chunk.inside
    size, gap = np.zeros(len(demand)), np.zeros(len(demand))
    since = np.zeros(len(demand))
    for column in range(chunk.values.shape[1]):
        since += 1
        here, started = demand[:, column], gap > 0
        rate = np.where(started, ALPHA, 1.0)  # the first demand starts the smoothing
        size = np.where(here, size + rate * (chunk.values[:, column] - size), size)
        gap = np.where(here, gap + rate * (since - gap), gap)
        since = np.where(here, 0, since)
    return size, gap


def _first(values: Floats, demand: NDArray[np.bool_]) -> Floats:
    """The first demand of each history, 0 where there is none."""
    return np.where(demand.any(axis=1), values[np.arange(len(values)), demand.argmax(axis=1)], 0)
