"""Histories that all end in the same row of a matrix, so that one pass over time smooths many of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.observed import Floats, Integers, filled, first_observed, observed_rows
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins


@dataclass(frozen=True, eq=False)
class Aligned:
    """The newest rows before n origins, in columns that end together.

    Args:
        index: (n,) number of each history's origin among the origins of the call.
        values: (rows, n) float64; 0 where nothing was observed.
        observed: (rows, n) bool, False before a history begins.
        first: (n,) row in which each history begins, its first observed one. A history without any has one row, which
            holds what was observed last, or else the series' first value.
    """

    index: Integers
    values: Floats
    observed: NDArray[np.bool_]
    first: Integers

    @property
    def rows(self) -> int:
        """Return the rows of the matrix."""
        return len(self.values)

    @property
    def lengths(self) -> Integers:
        """Return the rows of each history, (n,)."""
        return self.rows - self.first


def aligned(panel: Panel, origins: Origins, max_rows: int, at_once: int) -> Iterator[Aligned]:
    """Yield the histories of all origins in blocks of similar length, the shortest first.

    Args:
        panel: the rows.
        origins: n origins.
        max_rows: newest rows before each origin that are read.
        at_once: histories in a block; bounds memory.
    """
    seen, beginning, known = observed_rows(panel), first_observed(panel), filled(panel)
    begin = np.maximum(panel.indptr[origins.series], origins.end - max_rows)
    begin = np.minimum(beginning[begin], origins.end - 1)
    length = origins.end - begin
    order = np.argsort(length, kind="stable")
    for start in range(0, len(order), at_once):
        index = order[start : start + at_once]
        rows = int(length[index].max())
        place = origins.end[index] + np.arange(-rows, 0)[:, None]  # (rows, n)
        inside = place >= begin[index]
        place = np.maximum(place, begin[index])
        observed = inside & seen[place]
        observed[-1] |= length[index] == 1
        yield Aligned(index, np.where(observed, known[place], 0.0), observed, rows - length[index])
