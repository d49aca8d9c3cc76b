"""Metrics: one line each in `METRICS`, summed as forecasts stream in.

Means are flat: the mean over series of per-series means over cutoffs and steps. Weighted metrics (wape, wql) are the
sum of errors over the sum of actuals, as their names say.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from forecast.evaluation.scales import Scales
from forecast.quantiles import interpolate

if TYPE_CHECKING:
    import pandas as pd

CRPS_LEVELS = (np.arange(50) + 0.5) / 50
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Points:
    """Forecasts beside what came.

    Args:
        actual: (n, horizon), NaN where nothing was observed.
        forecast: (n, horizon).
        levels: of the quantiles.
        quantiles: (n, horizon, levels).
        mase, rmsse, deviation: (n, 1), scales of each row's series.
    """

    actual: Floats
    forecast: Floats
    levels: tuple[float, ...]
    quantiles: Floats | None
    mase: Floats
    rmsse: Floats
    deviation: Floats

    @property
    def error(self) -> Floats:
        return self.forecast - self.actual


Term = Callable[[Points], Floats]


@dataclass(frozen=True)
class Metric:
    """A metric is the mean of a term over points, finished in one of a few ways.

    Args:
        term: (n, horizon) from points; NaN leaves a point out.
        weight: where given, the metric is the sum of terms over the sum of weights.
        root: whether a square root is taken of each series' mean, or of the mean over all series.
    """

    term: Term
    weight: Term | None = None
    root: Literal["", "series", "all"] = ""


def _smape(p: Points) -> Floats:
    size = np.abs(p.actual) + np.abs(p.forecast)
    return np.where(size == 0, 0.0, 200 * np.abs(p.error) / np.where(size == 0, 1.0, size))


def _mape(p: Points) -> Floats:
    return 100 * np.abs(p.error) / np.where(p.actual == 0, np.nan, np.abs(p.actual))


def _pinball(p: Points) -> Floats:
    """Twice the pinball loss, mean over levels, so that the median's part is the absolute error."""
    assert p.quantiles is not None
    level, error = np.array(p.levels), p.actual[:, :, None] - p.quantiles
    return 2 * np.maximum(level * error, (level - 1) * error).mean(axis=2)


def _crps(p: Points) -> Floats:
    """Continuous ranked probability score: twice the pinball loss, mean over `CRPS_LEVELS`, to which the quantiles are
    interpolated (Gneiting & Ranjan 2011)."""
    assert p.quantiles is not None
    level, score = CRPS_LEVELS[None, None], np.empty_like(p.actual)
    for step in range(p.actual.shape[1]):  # one at a time: they are many
        here = slice(step, step + 1)
        error = p.actual[:, here, None] - interpolate(p.quantiles[:, here], p.levels, level)
        score[:, here] = 2 * np.maximum(level * error, (level - 1) * error).mean(axis=2)
    return score


def _covered(p: Points, low: int, high: int) -> Floats:
    assert p.quantiles is not None
    inside = (p.actual >= p.quantiles[:, :, low]) & (p.actual <= p.quantiles[:, :, high])
    return np.where(np.isnan(p.actual), np.nan, inside)


def _width(p: Points, low: int, high: int) -> Floats:
    assert p.quantiles is not None
    return np.where(np.isnan(p.actual), np.nan, p.quantiles[:, :, high] - p.quantiles[:, :, low])


def _winkler(p: Points, low: int, high: int) -> Floats:
    """Width of the interval, and 2 / alpha times how far outside it the actual lies (Winkler 1972)."""
    assert p.quantiles is not None
    below = np.maximum(p.quantiles[:, :, low] - p.actual, 0)
    above = np.maximum(p.actual - p.quantiles[:, :, high], 0)
    alpha = 1 - (p.levels[high] - p.levels[low])
    return _width(p, low, high) + 2 / alpha * (below + above)


def _size(p: Points) -> Floats:
    return np.abs(p.actual)


METRICS: dict[str, Metric] = {
    "smape": Metric(_smape),
    "mase": Metric(lambda p: np.abs(p.error) / p.mase),
    "mae": Metric(lambda p: np.abs(p.error)),
    "rmse": Metric(lambda p: p.error**2, root="all"),
    "mse": Metric(lambda p: p.error**2),
    "mape": Metric(_mape),
    "wape": Metric(lambda p: np.abs(p.error), weight=_size),
    "bias": Metric(lambda p: p.error),
    "rmsse": Metric(lambda p: (p.error / p.rmsse) ** 2, root="series"),
    "mse_scaled": Metric(lambda p: (p.error / p.deviation) ** 2),
    "mae_scaled": Metric(lambda p: np.abs(p.error) / p.deviation),
}
RELATIVE = ("owa",)  # needs Naive2's scores on the same points; the backtest adds it


def metrics_for(levels: tuple[float, ...]) -> dict[str, Metric]:
    """The metrics that forecasts with these quantile levels have: wql, crps, and of each central interval its coverage,
    width and Winkler score."""
    if not levels:
        return METRICS
    pairs = [(k, len(levels) - 1 - k) for k in range(len(levels) // 2) if np.isclose(levels[k] + levels[-1 - k], 1)]
    intervals = {}
    for i, j in pairs:
        share = f"{100 * (levels[j] - levels[i]):.10g}"
        for name, term in (("coverage", _covered), ("width", _width), ("winkler", _winkler)):
            intervals[f"{name}_{share}"] = Metric(partial(term, low=i, high=j))
    spread = {"crps": Metric(_crps)} if len(levels) > 1 else {}
    return {**METRICS, "wql": Metric(_pinball, weight=_size), **spread, **intervals}


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
    """

    def __init__(self, scales: Scales, horizon: int, levels: tuple[float, ...] = ()) -> None:
        self.scales, self.horizon, self.levels = scales, horizon, levels
        self.metrics = metrics_for(levels)
        n = len(scales.mase)
        self._sums = {name: [_Sums(n), _Sums(horizon), _Sums(0)] for name in self.metrics}
        self._weights = {name: [_Sums(n), _Sums(horizon), _Sums(0)] for name, m in self.metrics.items() if m.weight}
        self._rows = np.zeros(n, np.int64)

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
        scales = (s[series][:, None] for s in (self.scales.mase, self.scales.rmsse, self.scales.deviation))
        points = Points(actual, point, self.levels, quantiles, *scales)
        numbers = np.broadcast_to(cutoff, series.shape)
        self._rows += np.bincount(series, np.isfinite(actual).any(axis=1), len(self._rows)).astype(np.int64)
        for name, metric in self.metrics.items():
            _add(self._sums[name], metric.term(points), series, numbers)
            if metric.weight is not None:
                _add(self._weights[name], metric.weight(points), series, numbers)

    def result(self) -> dict[str, float]:
        """Every metric over all series."""
        return {name: self._overall(name) for name in self.metrics}

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
        return pd.DataFrame({"cutoff": np.arange(len(columns["mae"])), **columns})

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
