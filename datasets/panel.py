"""The columnar store that everything after the door reads; all series stand one after another, and nothing is padded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

    from forecast.datasets.tables.columns import Columns, TableFormat
    from forecast.datasets.time.grid import Grid


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A column of the value matrix.

    Args:
        name: name of the column in the user's table.
        role: "target", "known" (a covariate known up to the cutoff plus the horizon) or "past" (up to the cutoff).
        categories: the names behind the codes where the column holds names; None where it holds numbers.
    """

    name: str
    role: str
    categories: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """Many series on one kind of time grid, sorted by id, rows sorted by time.

    Series begin at their first observed target. Rows that the table lacks are present here, and are not observed. A value
    that was not observed holds the last observed one before it, so the matrix has no NaN and nothing comes from the
    future. Nobody writes into a panel's arrays, since panels share them.

    Args:
        values: (rows, channels) float32, target in channel 0, each series less its `offset`.
        observed: (rows, channels) bool, False where the table had no value.
        target: (rows,) float64, the target in the table's units, NaN where not observed.
        offset: (series, channels) float64, each series' first observed target in the table's units and 0 for covariates;
            it is taken off before the cast to float32 so that a level of 1e9 keeps its digits.
        indptr: (series + 1,) int64; the rows of series i are indptr[i]:indptr[i + 1].
        ids: (series,) ids as text, ascending; where several columns name a series, they are joined.
        starts: (series,) int64, the time of each series' first row in the unit of the grid (see `Grid`).
        grid: the time grid; series differ only in where they start on it.
        channels: name and role of every column of `values`.
        static: the static columns, a row for each series (index 0 to series - 1).
        format: form of the caller's table, in which results are given back.
        notes: sentences about irregularities that are left as they are (columns not used, gaps masked).
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
        """Return the numbers of the channels of a role, ascending."""
        return [number for number, channel in enumerate(self.channels) if channel.role == role]

    @cached_property
    def static_values(self) -> NDArray[np.float32]:
        """Return the static columns as numbers, (series, columns), float32; the panel's columns must be encoded."""
        return self.static.to_numpy(np.float32)

    @property
    def n_series(self) -> int:
        """Return the number of series."""
        return len(self.ids)

    @property
    def n_rows(self) -> int:
        """Return the number of rows of all series."""
        return len(self.target)

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Return the number of rows of each series, (series,)."""
        return np.diff(self.indptr)

    def truncate(self, ends: NDArray[np.int64]) -> Panel:
        """Cut the panel to what it would be if the table had ended earlier.

        Args:
            ends: (series,) flat row just past the last one that is kept of each series, at most `indptr[1:]`. A series
                without a row left is dropped.

        Returns:
            A panel that is bit-identical to the one made from the truncated table; this one where nothing is cut.
        """
        lengths = np.clip(ends - self.indptr[:-1], 0, self.lengths)
        kept = np.flatnonzero(lengths > 0)
        return self._pick(kept, lengths[kept])

    def take(self, series: NDArray[np.int64]) -> Panel:
        """Keep only the series of these numbers, which ascend, with all of their rows."""
        return self._pick(series, self.lengths[series])

    def _pick(self, series: NDArray[np.int64], lengths: NDArray[np.int64]) -> Panel:
        """Keep the first rows of some series: `lengths` of each, (len(series),)."""
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

    def with_roles(self, roles: Columns) -> Panel:
        """Keep the target and the covariates of these roles, as if the table had been read with them.

        Args:
            roles: names of the static, known and past columns, in the order that the panel gets them; a column may be
                both known and past.

        Returns:
            A panel that shares every array that does not change; this one where nothing changes.
        """
        places = {(channel.role, channel.name): number for number, channel in enumerate(self.channels)}
        kept = [0, *(places["known", name] for name in roles.known), *(places["past", name] for name in roles.past)]
        static = list(roles.static)
        panel = self if list(self.static.columns) == static else replace(self, static=self.static[static])
        if kept == list(range(len(self.channels))):
            return panel
        return replace(
            panel,
            # copied, since sums over a view would round otherwise than those over a matrix of these columns
            values=np.ascontiguousarray(self.values[:, kept]),
            observed=np.ascontiguousarray(self.observed[:, kept]),
            offset=np.ascontiguousarray(self.offset[:, kept]),
            channels=tuple(self.channels[number] for number in kept),
        )

    def numbers_of(self, ids: NDArray[np.object_]) -> NDArray[np.int64]:
        """Return the number of each of these series, all of which the panel has."""
        numbers = {str(name): number for number, name in enumerate(self.ids)}
        return np.array([numbers[str(name)] for name in ids], np.int64)

    def tail(self, rows: int | NDArray[np.int64]) -> Panel:
        """Keep the last `rows` rows of every series, (series,) or one number; all of a shorter one. The offsets stay."""
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
    """Return the `indptr` of stretches of these lengths, and the flat rows that they are read from.

    Args:
        starts: (n,) flat row at which each stretch begins.
        lengths: (n,) rows of each stretch.
    """
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    rows = np.arange(indptr[-1])
    rows += np.repeat(starts - indptr[:-1], lengths)
    return indptr, rows
