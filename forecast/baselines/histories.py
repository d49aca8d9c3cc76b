"""Whole histories of many series are read as matrices, a chunk of similar lengths at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.base import Floats, filled
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins

MAX_HISTORY_ROWS = 10_000  # older ones weigh nothing in exponential smoothing and little in a trend
MAX_NUMBERS_IN_A_CHUNK = 2_000_000  # rows times histories; bounds memory


@dataclass(frozen=True, eq=False)
class Histories:
    """The rows of n series up to an origin each, left-aligned in a matrix.

    Args:
        index: (n,) number of each history's origin among the origins of the call.
        values: (n, max length) float64 values without gaps; beyond a history's end, its last value is repeated.
        length: (n,) rows of each history.
    """

    index: NDArray[np.int64]
    values: Floats
    length: NDArray[np.int64]

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Return whether each value lies in its history, (n, max length); it is False beyond a history's end."""
        return np.arange(self.values.shape[1]) < self.length[:, None]

    def total(self, terms: Floats) -> Floats:
        """Sum the terms, (n, max length), of each history, (n,).

        They are added one after the other: numpy's own sum adds in an order that depends on how far the matrix is
        padded, and so the last bit of a forecast would depend on which other series are forecast beside it.
        """
        return np.asarray(np.cumsum(terms, axis=1)[np.arange(len(self.length)), self.length - 1])

    @property
    def last(self) -> Floats:
        """Return the newest value of each history, (n,)."""
        return np.asarray(self.values[np.arange(len(self.length)), self.length - 1])


def histories(panel: Panel, origins: Origins, max_rows: int = MAX_HISTORY_ROWS) -> Iterator[Histories]:
    """Yield the histories of all origins, the shortest first.

    Args:
        panel: the rows.
        origins: the ends of the histories.
        max_rows: newest rows that are read of each history; `MAX_HISTORY_ROWS` by default.
    """
    values = filled(panel)
    length = np.minimum(origins.end - panel.indptr[origins.series], max_rows)
    order = np.argsort(length, kind="stable")
    start = 0
    while start < len(order):
        stop = start + 1
        while stop < len(order) and (stop + 1 - start) * length[order[stop]] <= MAX_NUMBERS_IN_A_CHUNK:
            stop += 1
        index = order[start:stop]
        rows = (origins.end[index] - length[index])[:, None] + np.arange(length[index].max())
        yield Histories(index, values[np.minimum(rows, origins.end[index][:, None] - 1)], length[index])
        start = stop
