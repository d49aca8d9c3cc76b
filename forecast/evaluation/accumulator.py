"""Scores as forecasts stream in: sums and counts by series, step and cutoff, whatever the number of forecasts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from forecast.evaluation.metrics import Metric, Points, metrics_for
from forecast.evaluation.scales import Scales

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class _Sums:
    """Sums and counts by a key: series, step or cutoff."""

    def __init__(self, n: int) -> None:
        self.total, self.count = np.zeros(n), np.zeros(n)

    def add(self, key: Integers, total: Floats, count: Floats) -> None:
        n = max(len(self.total), int(key.max(initial=-1)) + 1)
        if n > len(self.total):
            more = n - len(self.total)
            self.total, self.count = (np.pad(a, (0, more)) for a in (self.total, self.count))
        self.total += np.bincount(key, total, n)
        self.count += np.bincount(key, count, n)

    @property
    def mean(self) -> Floats:
        return np.where(self.count > 0, self.total / np.maximum(self.count, 1), np.nan)


class Accumulator:
    """Scores forecasts as they come; what it keeps does not grow with the number of forecasts.

    Args:
        scales: of every series of the panel.
        horizon: steps scored.
        levels: of the quantiles.
        metrics: by name, as `chosen_metrics` makes them; None takes all that the levels allow.
    """

    def __init__(
        self,
        scales: Scales,
        horizon: int,
        levels: tuple[float, ...] = (),
        metrics: Mapping[str, Metric] | None = None,
    ) -> None:
        self.scales, self.horizon, self.levels = scales, horizon, levels
        self.metrics = metrics_for(levels) if metrics is None else dict(metrics)
        n = len(scales.mase)
        self._sums = {name: [_Sums(n), _Sums(horizon), _Sums(0)] for name in self.metrics}
        self._weights = {name: [_Sums(n), _Sums(horizon), _Sums(0)] for name, m in self.metrics.items() if m.weight}
        self._rows = np.zeros(n, np.int64)
        self._cutoffs = 0

    def add(
        self,
        series: Integers,
        actual: Floats,
        point: Floats,
        quantiles: Floats | None = None,
        *,
        cutoff: Integers | int = 0,
    ) -> None:
        """Score n forecasts.

        Args:
            series: (n,) numbers of the series.
            actual: (n, horizon), NaN where nothing was observed.
            point: (n, horizon).
            quantiles: (n, horizon, levels).
            cutoff: (n,) number of the cutoff.
        """
        scales = (self.scales.mase, self.scales.rmsse, self.scales.deviation)
        mase, rmsse, deviation = (scale[series][:, None] for scale in scales)
        points = Points(actual, point, self.levels, quantiles, mase, rmsse, deviation)
        numbers = np.broadcast_to(cutoff, series.shape)
        self._cutoffs = max(self._cutoffs, 1 + int(numbers.max(initial=-1)))
        self._rows += np.bincount(series, np.isfinite(actual).any(axis=1), len(self._rows)).astype(np.int64)
        for name, metric in self.metrics.items():
            _add(self._sums[name], metric.terms(points), series, numbers)
            if metric.weight is not None:
                _add(self._weights[name], metric.weights(points), series, numbers)

    def result(self, *, standardised: bool = True) -> dict[str, float]:
        """Every metric over all series; `standardised` says whether those on standardised values are wanted."""
        wanted = [n for n, metric in self.metrics.items() if standardised or metric.needs != "scale='train'"]
        return {name: self._overall(name) for name in wanted}

    @property
    def unscaled(self) -> int:
        """Series that were scored but have no MASE scale (constant or too short); MASE leaves them out."""
        return int((np.isnan(self.scales.mase) & (self._rows > 0)).sum())

    def by_series(self, ids: NDArray[np.object_]) -> pd.DataFrame:
        """A row a scored series: column `series`, then the metrics."""
        import pandas as pd

        scored = self._rows > 0
        columns = {name: self._by(name, 0)[scored] for name in self.metrics}
        return pd.DataFrame({"series": ids[scored], **columns})

    def by_horizon(self) -> pd.DataFrame:
        """A row a step: column `step` from 1, then the metrics over all points of that step."""
        import pandas as pd

        columns = {name: self._by(name, 1) for name in self.metrics}
        return pd.DataFrame({"step": np.arange(1, self.horizon + 1), **columns})

    def by_cutoff(self) -> pd.DataFrame:
        """A row a cutoff: column `cutoff` from 0, then the metrics over all its points."""
        import pandas as pd

        columns = {name: self._by(name, 2) for name in self.metrics}
        return pd.DataFrame({"cutoff": np.arange(self._cutoffs), **columns})

    def _overall(self, name: str) -> float:
        metric = self.metrics[name]
        if metric.weight is not None:
            total, weight = self._sums[name][0].total.sum(), self._weights[name][0].total.sum()
            return float(total / weight) if weight > 0 else float("nan")
        mean = self._sums[name][0].mean
        mean = np.sqrt(mean) if metric.root == "series" else mean
        known = mean[np.isfinite(mean)]
        value = float(known.mean()) if len(known) else float("nan")
        return float(np.sqrt(value)) if metric.root == "all" else value

    def _by(self, name: str, key: int) -> Floats:
        metric, sums = self.metrics[name], self._sums[name][key]
        if metric.weight is not None:
            weight = self._weights[name][key].total
            return np.where(weight > 0, sums.total / np.where(weight > 0, weight, 1), np.nan)
        return np.sqrt(sums.mean) if metric.root else sums.mean


def _add(sums: list[_Sums], term: Floats, series: Integers, cutoff: Integers) -> None:
    known = np.isfinite(term)
    values = np.where(known, term, 0.0)
    by_row, count = values.sum(axis=1), known.sum(axis=1).astype(np.float64)
    sums[0].add(series, by_row, count)
    sums[1].add(np.arange(term.shape[1]), values.sum(axis=0), known.sum(axis=0).astype(np.float64))
    sums[2].add(cutoff, by_row, count)
