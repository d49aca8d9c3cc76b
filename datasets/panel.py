"""The columnar store that everything after the door reads: all series, one after another, nothing padded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

    from forecast.datasets.tables.columns import TableFormat
    from forecast.datasets.time.grid import Grid


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A column of the value matrix.

    Args:
        name: in the user's table.
        role: "target", "known" or "past".
        categories: names behind the codes, where the column holds names; None where it holds numbers.
    """

    name: str
    role: str
    categories: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """Many series on one kind of time grid, sorted by id, rows sorted by time.

    Series begin at their first observed target. Absent grid rows are present here with the mask off. A masked
    value holds the last observed one before it (causal), so the matrix has no NaN. Nobody writes into its arrays:
    panels share them.

    Args:
        values: (rows, channels) float32, target in channel 0, each series less its `offset`.
        observed: (rows, channels) bool, False where the table had no value.
        target: (rows,) float64, the target as given, NaN where not observed.
        offset: (series, channels) float64, each series' first observed value, taken off before the cast to
            float32 so that a level of 1e9 keeps its digits.
        indptr: (series + 1,) int64; series i owns rows indptr[i]:indptr[i + 1].
        ids: (series,) text ids, ascending.
        starts: (series,) int64, the first row's time in the grid's own unit (see `Grid`).
        grid: the time grid all series share up to their start.
        channels: name and role of every column of `values`.
        static: one row a series (index 0..series-1), the declared static columns only.
        format: how the table looked, so that results go back in the same dress.
        notes: what was found and left as it is (columns ignored, gaps masked), one sentence each.
    """

    values: NDArray[np.float32]
    observed: NDArray[np.bool_]
    target: NDArray[np.float64]
    offset: NDArray[np.float64]
    indptr: NDArray[np.int64]
    ids: NDArray[np.object_]
    starts: NDArray[np.int64]
    grid: Grid
    channels: tuple[Channel, ...]
    static: pd.DataFrame
    format: TableFormat
    notes: tuple[str, ...] = ()

    def numbers(self, role: str) -> list[int]:
        """The channels of a role."""
        return [number for number, channel in enumerate(self.channels) if channel.role == role]

    @cached_property
    def static_values(self) -> NDArray[np.float32]:
        """The static columns as numbers, (series, columns); of a panel whose columns are encoded."""
        return self.static.to_numpy(np.float32)

    @property
    def n_series(self) -> int:
        return len(self.ids)

    @property
    def n_rows(self) -> int:
        return len(self.target)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Rows per series, (series,)."""
        return np.diff(self.indptr)

    def truncate(self, ends: NDArray[np.int64]) -> Panel:
        """The panel as it would be if the table had ended earlier.

        Args:
            ends: (series,) flat row just past the last one kept, at most `indptr[1:]`. A series with no row left
                is dropped.

        Returns:
            A panel bit-identical to the one made from the truncated table; this one, where nothing is cut.
        """
        lengths = np.clip(ends - self.indptr[:-1], 0, self.lengths)
        kept = np.flatnonzero(lengths > 0)
        return self._pick(kept, lengths[kept])

    def take(self, series: NDArray[np.int64]) -> Panel:
        """Only the given series (ascending indices), whole."""
        return self._pick(series, self.lengths[series])

    def _pick(self, series: NDArray[np.int64], lengths: NDArray[np.int64]) -> Panel:
        if lengths.sum() == self.n_rows and len(series) == self.n_series:
            return self
        indptr, rows = _flat_rows(self.indptr[series], lengths)
        return replace(
            self,
            values=self.values[rows],
            observed=self.observed[rows],
            target=self.target[rows],
            offset=self.offset[series],
            indptr=indptr,
            ids=self.ids[series],
            starts=self.starts[series],
            static=self.static.iloc[series].reset_index(drop=True),
        )

    def tail(self, rows: int) -> Panel:
        """The last `rows` rows of every series (all of a shorter one), offsets unchanged."""
        skipped = np.maximum(self.lengths - rows, 0)
        kept = self.lengths - skipped
        if not skipped.any():
            return self
        indptr, kept_rows = _flat_rows(self.indptr[:-1] + skipped, kept)
        return replace(
            self,
            values=self.values[kept_rows],
            observed=self.observed[kept_rows],
            target=self.target[kept_rows],
            indptr=indptr,
            starts=self.grid.shift(self.starts, skipped),
        )


def _flat_rows(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The new `indptr` of series of these lengths, and the flat rows they are read from."""
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    rows = np.arange(indptr[-1])
    rows += np.repeat(starts - indptr[:-1], lengths)
    return indptr, rows
