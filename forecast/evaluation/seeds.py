"""The share of chance in a model's scores, measured by fits with other seeds."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class SeedSpread:
    """The spread of one model that was fitted with several seeds.

    Args:
        n: number of seeds.
        mean: by metric, its mean over the seeds.
        deviation: by metric, its sample standard deviation over the seeds, in the metric's unit.
        difference: mean absolute difference of another seed's forecasts from the first seed's, relative to the first
            seed's mean absolute error; the median over series. It is None where no series has an error.
    """

    n: int
    mean: dict[str, float]
    deviation: dict[str, float]
    difference: float | None


@dataclass(eq=False)
class SeedComparison:
    """Sums of the differences between seeds, which grow as forecasts stream in.

    The first seed's forecasts are kept, as float32, and those of later seeds are compared with them.

    Args:
        n_series: series of the panel.
        metrics: metrics of each finished seed by name.
    """

    n_series: int
    metrics: list[dict[str, float]] = field(default_factory=list)
    _first: list[NDArray[np.float32]] = field(default_factory=list)
    _block: int = 0
    _difference: Floats = field(init=False)
    _error: Floats = field(init=False)

    def __post_init__(self) -> None:
        self._difference, self._error = np.zeros(self.n_series), np.zeros(self.n_series)

    def add(self, series: NDArray[np.int64], actual: Floats, forecast: Floats) -> None:
        """Take the forecasts of the next block of origins; every seed forecasts the same blocks in the same order.

        Args:
            series: (n,) number of each origin's series.
            actual: (n, horizon) observed targets, NaN where there are none.
            forecast: (n, horizon) forecasts in the same units.
        """
        is_observed = np.isfinite(actual)
        if not self.metrics:
            self._first.append(forecast.astype(np.float32))
            error = np.where(is_observed, np.abs(forecast - actual), 0).sum(axis=1)
            self._error += np.bincount(series, error, self.n_series)
            return
        change = np.where(is_observed, np.abs(forecast.astype(np.float32) - self._first[self._block]), 0).sum(axis=1)
        self._difference += np.bincount(series, change, self.n_series)
        self._block += 1

    def close(self, metrics: dict[str, float]) -> None:
        """Finish a seed and keep its metrics."""
        self.metrics.append(metrics)
        self._block = 0

    def result(self) -> SeedSpread:
        """Return the spread over all finished seeds, of which there must be at least two."""
        names = [name for name in self.metrics[0] if all(name in metrics for metrics in self.metrics)]
        table = {name: np.array([metrics[name] for metrics in self.metrics]) for name in names}
        ratio = self._difference[self._error > 0] / (len(self.metrics) - 1) / self._error[self._error > 0]
        return SeedSpread(
            n=len(self.metrics),
            mean={name: float(values.mean()) for name, values in table.items()},
            deviation={name: float(values.std(ddof=1)) for name, values in table.items()},
            difference=float(np.median(ratio)) if len(ratio) else None,
        )
