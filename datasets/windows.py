"""Windows as integers: a sample is where its history ends; a batch is one vectorised gather on the flat matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.panel import Panel


@dataclass(frozen=True, eq=False)
class Origins:
    """Forecast origins: which series, and where in the flat matrix its known rows end.

    Args:
        series: (n,) int64 index of the series.
        end: (n,) int64 flat row just past the last known one; `panel.indptr[series] < end <= panel.indptr[series + 1]`.
    """

    series: NDArray[np.int64]
    end: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.series)

    @classmethod
    def last(cls, panel: Panel) -> Origins:
        """One origin a series, at its last row."""
        return cls(np.arange(panel.n_series), panel.indptr[1:].copy())
