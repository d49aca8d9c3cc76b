"""Whole histories of many series as matrices, a chunk of similar lengths at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.base import Floats, filled
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins

LONGEST = 10_000  # newest rows read; older ones weigh nothing in exponential smoothing and little in a trend
CELLS = 2_000_000  # of a matrix; bounds memory


@dataclass(frozen=True, eq=False)
class Histories:
    """Rows from each series' start (or the newest `LONGEST`) to its origin, left-aligned.

    Args:
        index: (n,) which of the origins these are.
        values: (n, longest) float64; beyond a history's end, its last value.
        length: (n,) rows of each.
    """

    index: NDArray[np.int64]
    values: Floats
    length: NDArray[np.int64]

    @property
    def inside(self) -> NDArray[np.bool_]:
        """(n, longest), False beyond a history's end."""
        return np.arange(self.values.shape[1]) < self.length[:, None]

    def total(self, terms: Floats) -> Floats:
        """Sum of each history's terms, (n,).

        One after the other: numpy's own sum adds in an order that depends on how far the matrix is padded, and so the
        last bit of a forecast would depend on which other series are forecast beside it.
        """
        return np.asarray(np.cumsum(terms, axis=1)[np.arange(len(self.length)), self.length - 1])

    @property
    def last(self) -> Floats:
        """(n,) the newest value."""
        return np.asarray(self.values[np.arange(len(self.length)), self.length - 1])


def histories(panel: Panel, origins: Origins, longest: int = LONGEST) -> Iterator[Histories]:
    """All origins' histories, at most the newest `longest` rows of each, shortest first."""
    values = filled(panel)
    known = origins.end - panel.indptr[origins.series]
    length = np.minimum(known, longest)
    order = np.argsort(length, kind="stable")
    start = 0
    while start < len(order):
        stop = start + 1
        while stop < len(order) and (stop + 1 - start) * length[order[stop]] <= CELLS:
            stop += 1
        index = order[start:stop]
        rows = (origins.end[index] - length[index])[:, None] + np.arange(length[index].max())
        yield Histories(index, values[np.minimum(rows, origins.end[index][:, None] - 1)], length[index])
        start = stop
