"""Whole histories of many series are read as matrices, a chunk of similar lengths at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.observed import Floats, Integers, filled, first_observed, last_observed, observed_rows
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins

MAX_HISTORY_ROWS = 10_000  # older ones weigh nothing in exponential smoothing and little in a trend
MAX_NUMBERS_IN_A_CHUNK = 2_000_000  # rows times histories; bounds memory


@dataclass(frozen=True, eq=False)
class Histories:
    """The rows of n series from their first to their last observed one before an origin, left-aligned in a matrix.

    Args:
        index: (n,) number of each history's origin among the origins of the call.
        values: (n, max length) float64 values; a missing one holds the last observed one before it, and so does what
            lies beyond a history's end.
        length: (n,) rows of each history.
        observed: (n, max length) bool, False at missing rows and beyond a history's end.
        gap: (n,) missing rows between the end of each history and its origin.
    """

    index: Integers
    values: Floats
    length: Integers
    observed: NDArray[np.bool_]
    gap: Integers

    @classmethod
    def complete(cls, values: Floats, length: Integers) -> Histories:
        """Make the histories of n series that lack no row."""
        inside = np.arange(values.shape[1]) < length[:, None]
        return cls(np.arange(len(length)), values, length, inside, np.zeros(len(length), np.int64))

    def pick(self, numbers: Integers) -> Histories:
        """Return the histories of these numbers."""
        return Histories(*(getattr(self, field.name)[numbers] for field in fields(self)))

    @cached_property
    def count(self) -> Integers:
        """Return the observed rows of each history, (n,)."""
        return np.asarray(self.observed.sum(axis=1))

    @cached_property
    def lacks_rows(self) -> bool:
        """Return whether any row between the first and the last one of a history is missing."""
        return bool((self.count < self.length).any())

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
        origins: the origins, which lie a gap behind the ends of the histories.
        max_rows: newest rows before each origin that are read; `MAX_HISTORY_ROWS` by default.
    """
    values, seen = filled(panel), observed_rows(panel)
    begin, end = _observed_span(panel, origins, max_rows)
    length = end - begin
    order = np.argsort(length, kind="stable")
    start = 0
    while start < len(order):
        stop = start + 1
        while stop < len(order) and (stop + 1 - start) * length[order[stop]] <= MAX_NUMBERS_IN_A_CHUNK:
            stop += 1
        index = order[start:stop]
        columns = np.arange(length[index].max())
        rows = np.minimum(begin[index][:, None] + columns, end[index][:, None] - 1)
        observed = columns < length[index][:, None]
        if not seen.all():
            observed &= seen[rows]
            observed[:, 0] = True  # a history without any observed row holds the series' first value
        yield Histories(index, values[rows], length[index], observed, origins.end[index] - end[index])
        start = stop


def _observed_span(panel: Panel, origins: Origins, max_rows: int) -> tuple[Integers, Integers]:
    """Return the first observed row of the newest `max_rows` and the row past the last observed one, (n,) each.

    Where none of them is observed, the span is the last row before the origin.
    """
    begin = np.maximum(panel.indptr[origins.series], origins.end - max_rows)
    end = last_observed(panel)[origins.end - 1] + 1
    begin = np.where(end > begin, first_observed(panel)[begin], origins.end - 1)
    return begin, np.where(end > begin, end, origins.end)
