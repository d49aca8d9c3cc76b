"""How much chance there is in a model: the same fit with other seeds."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class SeedSpread:
    """One model fitted with several seeds.

    Args:
        n: seeds.
        mean: of each metric.
        deviation: sample standard deviation of each metric.
        difference: mean absolute difference of two seeds' forecasts over the mean absolute error, the median over
            series; None where no series has an error.
    """

    n: int
    mean: dict[str, float]
    deviation: dict[str, float]
    difference: float | None


@dataclass(eq=False)
class SeedComparison:
    """Sums of what another seed changes, as forecasts stream in; the first seed's forecasts are kept for it.

    Args:
        n_series: in the panel.
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
        """Forecasts of the next block of origins: (n,), (n, horizon), (n, horizon)."""
        known = np.isfinite(actual)
        if not self.metrics:
            self._first.append(forecast.astype(np.float32))
            error = np.where(known, np.abs(forecast - actual), 0).sum(axis=1)
            self._error += np.bincount(series, error, self.n_series)
            return
        change = np.where(known, np.abs(forecast.astype(np.float32) - self._first[self._block]), 0).sum(axis=1)
        self._difference += np.bincount(series, change, self.n_series)
        self._block += 1

    def close(self, metrics: dict[str, float]) -> None:
        """A seed is through."""
        self.metrics.append(metrics)
        self._block = 0

    def result(self) -> SeedSpread:
        names = [name for name in self.metrics[0] if all(name in found for found in self.metrics)]
        table = {name: np.array([found[name] for found in self.metrics]) for name in names}
        ratio = self._difference[self._error > 0] / (len(self.metrics) - 1) / self._error[self._error > 0]
        return SeedSpread(
            n=len(self.metrics),
            mean={name: float(values.mean()) for name, values in table.items()},
            deviation={name: float(values.std(ddof=1)) for name, values in table.items()},
            difference=float(np.median(ratio)) if len(ratio) else None,
        )
