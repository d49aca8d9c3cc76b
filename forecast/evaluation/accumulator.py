"""Forecasts stream in and are scored; the scores are kept as sums and counts by series, step and cutoff."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.panel import Panel
from forecast.datasets.tables.identity import give_ids
from forecast.evaluation.metrics import Metric, Points, metrics_for
from forecast.evaluation.scales import Scales

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class _Sums:
    """Sums and counts by a key, which is the number of a series, a step or a cutoff; they grow with the largest key."""

    def __init__(self, n: int) -> None:
        self.total, self.count = np.zeros(n), np.zeros(n)

    def add(self, key: Integers, total: Floats, count: Floats) -> None:
        """Add n totals and counts, (n,) each, to the sums of their keys, (n,)."""
        n = max(len(self.total), int(key.max(initial=-1)) + 1)
        if n > len(self.total):
            more = n - len(self.total)
            self.total, self.count = (np.pad(a, (0, more)) for a in (self.total, self.count))
        self.total += np.bincount(key, total, n)
        self.count += np.bincount(key, count, n)

    @property
    def mean(self) -> Floats:
        """Return the mean by key, (keys,); NaN where nothing was counted."""
        return np.where(self.count > 0, self.total / np.maximum(self.count, 1), np.nan)


class Accumulator:
    """A sum of scores, to which forecasts are added; its size does not grow with their number.

    Args:
        scales: the scales of errors of every series of the panel.
        horizon: number of steps that are scored.
        levels: quantile levels in (0, 1), ascending; none by default.
        metrics: metrics by name, as `chosen_metrics` makes them; None takes all that the levels allow.
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
            actual: (n, horizon) observed targets, NaN where nothing was observed.
            point: (n, horizon) forecasts in units of the target.
            quantiles: (n, horizon, levels) in units of the target; None for none.
            cutoff: (n,) numbers of the cutoffs from 0, or one number for all.
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
        """Return every metric over all series by name.

        Args:
            standardised: whether metrics of standardised values are among them; True by default.
        """
        names = [n for n, metric in self.metrics.items() if standardised or metric.needs != "scale='train'"]
        return {name: self._overall(name) for name in names}

    @property
    def unscaled(self) -> int:
        """Return the number of series that were scored without a MASE scale, since they are constant or too short."""
        return int((np.isnan(self.scales.mase) & (self._rows > 0)).sum())

    def by_series(self, panel: Panel) -> pd.DataFrame:
        """Return a row for each scored series of a panel.

        Returns:
            The column `series` holds its id; where several columns name a series, these follow. Each metric has a column.
        """
        import pandas as pd

        scored = self._rows > 0
        ids = give_ids(panel, np.flatnonzero(scored)) if len(panel.format.ids) > 1 else {}
        columns = {"series": panel.ids[scored], **{name: self._by(name, 0)[scored] for name in self.metrics}}
        parts = {name: values for name, values in ids.items() if name not in (*columns, "model")}
        return pd.DataFrame({"series": columns.pop("series"), **parts, **columns})

    def by_horizon(self) -> pd.DataFrame:
        """Return a row for each step: the column `step` counts from 1, and each metric has a column."""
        import pandas as pd

        columns = {name: self._by(name, 1) for name in self.metrics}
        return pd.DataFrame({"step": np.arange(1, self.horizon + 1), **columns})

    def by_cutoff(self) -> pd.DataFrame:
        """Return a row for each cutoff: the column `cutoff` counts from 0, and each metric has a column."""
        import pandas as pd

        columns = {name: self._by(name, 2) for name in self.metrics}
        return pd.DataFrame({"cutoff": np.arange(self._cutoffs), **columns})

    def _overall(self, name: str) -> float:
        """Return a metric over all series: the flat mean of the series' means, or a ratio of sums."""
        metric = self.metrics[name]
        if metric.weight is not None:
            total, weight = self._sums[name][0].total.sum(), self._weights[name][0].total.sum()
            return float(total / weight) if weight > 0 else float("nan")
        mean = self._sums[name][0].mean
        mean = np.sqrt(mean) if metric.root == "series" else mean
        defined = mean[np.isfinite(mean)]
        value = float(defined.mean()) if len(defined) else float("nan")
        return float(np.sqrt(value)) if metric.root == "all" else value

    def _by(self, name: str, key: int) -> Floats:
        """Return a metric by series (0), step (1) or cutoff (2)."""
        metric, sums = self.metrics[name], self._sums[name][key]
        if metric.weight is not None:
            weight = self._weights[name][key].total
            return np.where(weight > 0, sums.total / np.where(weight > 0, weight, 1), np.nan)
        return np.sqrt(sums.mean) if metric.root else sums.mean


def _add(sums: list[_Sums], term: Floats, series: Integers, cutoff: Integers) -> None:
    """Add a metric's terms, (n, horizon), to the sums by series, step and cutoff; NaN is left out."""
    is_defined = np.isfinite(term)
    values = np.where(is_defined, term, 0.0)
    by_row, count = values.sum(axis=1), is_defined.sum(axis=1).astype(np.float64)
    sums[0].add(series, by_row, count)
    sums[1].add(np.arange(term.shape[1]), values.sum(axis=0), is_defined.sum(axis=0).astype(np.float64))
    sums[2].add(cutoff, by_row, count)
