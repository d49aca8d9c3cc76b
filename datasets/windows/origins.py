"""Windows as integers: a sample is where its history ends; a batch is one vectorised gather on the flat matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.panel import Panel

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Origins:
    """Forecast origins: each is a series and the flat row at which its history ends.

    Args:
        series: (n,) int64 number of the series.
        end: (n,) int64 flat row just past the last one that is read as history, at most the end of the series:
            `panel.indptr[series] < end <= panel.indptr[series + 1]`.
    """

    series: Integers
    end: Integers

    def __len__(self) -> int:
        return len(self.series)

    def __getitem__(self, part: slice) -> Origins:
        return Origins(self.series[part], self.end[part])

    @classmethod
    def last(cls, panel: Panel) -> Origins:
        """Return one origin for each series, at its end."""
        return cls(np.arange(panel.n_series), panel.indptr[1:].copy())


def evenly_spread(n: int, most: int) -> Integers:
    """Choose at most `most` of the numbers 0 to n - 1, ascending, evenly spread, with both ends among them."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(np.int64)) if n else np.array([], np.int64)


@dataclass(frozen=True, eq=False)
class Window:
    """Rows of the panel around n origins.

    Args:
        values: (n, before + after, channels) float32. Rows outside the series repeat its nearest row.
        observed: (n, before + after, channels) bool, False outside the series.
    """

    values: NDArray[np.float32]
    observed: NDArray[np.bool_]


def gather(panel: Panel, origins: Origins, *, before: int, after: int = 0) -> Window:
    """Read `before` rows up to each origin and `after` rows past it, in one indexing operation a matrix."""
    rows = origins.end[:, None] + np.arange(-before, after)
    first, last = panel.indptr[origins.series][:, None], panel.indptr[origins.series + 1][:, None] - 1
    inside = np.clip(rows, first, last)
    observed = panel.observed[inside]
    observed &= (inside == rows)[:, :, None]
    return Window(panel.values[inside], observed)
