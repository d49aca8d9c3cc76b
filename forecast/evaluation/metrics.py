"""Metrics are entries of `METRICS`, one line each; users choose among them and add their own.

Means are flat: the mean over series of per-series means over cutoffs and steps. Weighted metrics (wape, wql) are the
sum of errors over the sum of actuals, as their names say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forecast.datasets.errors import ConfigError, Problem
from forecast.quantiles import interpolate

CRPS_LEVELS = (np.arange(50) + 0.5) / 50  # at which the pinball loss is averaged: midpoints of 50 equal parts of (0, 1)
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Points:
    """The forecasts from n origins beside the actuals.

    Args:
        actual: (n, horizon) observed targets, NaN where nothing was observed.
        forecast: (n, horizon) point forecasts in units of the target.
        levels: quantile levels in (0, 1), ascending; empty without quantiles.
        quantiles: (n, horizon, levels) in units of the target; None without quantiles.
        mase: (n, 1) mean absolute seasonal difference of each origin's series in its training rows.
        rmsse: (n, 1) root mean squared difference of neighbouring rows, likewise.
        deviation: (n, 1) standard deviation, likewise.
        interval: numbers of the two levels that bound a central interval; None unless the metric needs one.
    """

    actual: Floats
    forecast: Floats
    levels: tuple[float, ...]
    quantiles: Floats | None
    mase: Floats
    rmsse: Floats
    deviation: Floats
    interval: tuple[int, int] | None = None

    @property
    def error(self) -> Floats:
        """Return forecast less actual, (n, horizon): above 0 where too much was forecast."""
        return self.forecast - self.actual

    @property
    def low(self) -> Floats:
        """Return the interval's lower bound, (n, horizon)."""
        return self._bound(0)

    @property
    def high(self) -> Floats:
        """Return the interval's upper bound, (n, horizon)."""
        return self._bound(1)

    @property
    def outside(self) -> float:
        """Return the probability of lying outside the interval, which is 0.2 of an 80% one."""
        assert self.interval is not None, "the metric says that it needs an interval"
        low, high = self.interval
        return 1 - (self.levels[high] - self.levels[low])

    def _bound(self, side: int) -> Floats:
        """Return the interval's lower (0) or upper (1) bound, (n, horizon)."""
        assert self.quantiles is not None, "the metric says that it needs quantiles"
        assert self.interval is not None, "the metric says that it needs an interval"
        return self.quantiles[:, :, self.interval[side]]


Term = Callable[[Points], ArrayLike]
Needs = Literal["nothing", "quantiles", "two quantiles", "interval", "scale='train'"]
MIN_LEVELS = {"quantiles": 1, "two quantiles": 2, "interval": 2}  # of forecasts, by what a metric needs


@dataclass(frozen=True)
class Metric:
    """A metric is the mean of a term over points, finished in one of a few ways.

    Lower is better where models are ranked by it. `evaluate` takes a metric of your own beside the names of ours; a plain
    function of `Points` is a metric, too, and has the function's name.

    Args:
        name: name of the metric in results.
        term: function that returns a term for each of the `Points`, (n, horizon). NaN leaves a point out, and so does an
            actual that was not observed.
        weight: function that returns weights, (n, horizon), with which the metric is the sum of terms over the sum of
            weights; None takes the mean.
        root: whether a square root is taken of each series' mean ("series"), or of the mean over all series ("all").
        needs: requirement of the forecasts: "quantiles", "two quantiles", an "interval" (the metric is computed once for
            each central interval, as `name_80`), or errors on standardised values ("scale='train'"); "nothing" by
            default.

    Example:
        >>> late = Metric("under", lambda points: np.maximum(points.actual - points.forecast, 0))
        >>> fc.evaluate(df, 12, models="gru", metrics=["mase", late])  # doctest: +SKIP
    """

    name: str
    term: Term
    weight: Term | None = None
    root: Literal["", "series", "all"] = ""
    needs: Needs = "nothing"

    def terms(self, points: Points) -> Floats:
        """Compute the term of each point, (n, horizon), NaN where it is left out.

        Raises:
            ConfigError: if the terms have another shape, or are no numbers.
        """
        return self._checked(self.term, points)

    def weights(self, points: Points) -> Floats:
        """Compute the weight of each point, (n, horizon), NaN where it is left out."""
        assert self.weight is not None, "only a weighted metric has weights"
        return self._checked(self.weight, points)

    def within(self, levels: tuple[float, ...], interval: tuple[int, int]) -> Metric:
        """Return this metric for one central interval, under a name such as `coverage_80`.

        Args:
            levels: quantile levels of the forecasts.
            interval: numbers of the two levels that bound the interval.
        """
        low, high = interval
        name = f"{self.name}_{100 * (levels[high] - levels[low]):.10g}"
        return replace(self, name=name, term=lambda points: self.term(replace(points, interval=interval)))

    def _checked(self, term: Term, points: Points) -> Floats:
        """Compute terms or weights, refuse what is no number a point, and leave out actuals that were not observed."""
        shape = points.actual.shape
        values = np.asarray(term(points))
        if values.shape != shape or values.dtype.kind not in "bifu":
            what = f"it returned an array of shape {values.shape} and type {values.dtype}"
            expected = f"numbers of shape (n, horizon), here {shape}, one for each forecast and step"
            raise ConfigError(f"metric {self.name!r} cannot be used", problems=[Problem(what=what, expected=expected)])
        return np.where(np.isnan(points.actual), np.nan, values)


def _smape(p: Points) -> Floats:
    """Return 200 |error| / (|actual| + |forecast|), 0 where both are 0 (Makridakis 1993; 0 to 200)."""
    size = np.abs(p.actual) + np.abs(p.forecast)
    return np.where(size == 0, 0.0, 200 * np.abs(p.error) / np.where(size == 0, 1.0, size))


def _mape(p: Points) -> Floats:
    """Return 100 |error| / |actual|; an actual of 0 is left out."""
    return 100 * np.abs(p.error) / np.where(p.actual == 0, np.nan, np.abs(p.actual))


def _pinball(p: Points) -> Floats:
    """Return twice the mean pinball loss over the levels, so that the median's part is the absolute error."""
    assert p.quantiles is not None
    level, error = np.array(p.levels), p.actual[:, :, None] - p.quantiles
    return 2 * np.maximum(level * error, (level - 1) * error).mean(axis=2)


def _crps(p: Points) -> Floats:
    """Return the continuous ranked probability score (Gneiting & Ranjan 2011).

    It is twice the mean pinball loss over `CRPS_LEVELS`, at which the quantiles are interpolated.
    """
    assert p.quantiles is not None
    level, score = CRPS_LEVELS[None, None], np.empty_like(p.actual)
    for number in range(p.actual.shape[1]):  # a step at a time: 50 levels of all steps are much memory
        step = slice(number, number + 1)
        error = p.actual[:, step, None] - interpolate(p.quantiles[:, step], p.levels, level)
        score[:, step] = 2 * np.maximum(level * error, (level - 1) * error).mean(axis=2)
    return score


def _winkler(p: Points) -> Floats:
    """Return the interval's width, and 2 / alpha times the distance of an actual outside it (Winkler 1972)."""
    below = np.maximum(p.low - p.actual, 0)
    above = np.maximum(p.actual - p.high, 0)
    return p.high - p.low + 2 / p.outside * (below + above)


def _size(p: Points) -> Floats:
    """Return the absolute actuals, which weight wape and wql."""
    return np.abs(p.actual)


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("smape", _smape),
        Metric("mase", lambda p: np.abs(p.error) / p.mase),
        Metric("mae", lambda p: np.abs(p.error)),
        Metric("rmse", lambda p: p.error**2, root="all"),
        Metric("mse", lambda p: p.error**2),
        Metric("mape", _mape),
        Metric("wape", lambda p: np.abs(p.error), weight=_size),
        Metric("bias", lambda p: p.error),
        Metric("rmsse", lambda p: (p.error / p.rmsse) ** 2, root="series"),
        Metric("mse_scaled", lambda p: (p.error / p.deviation) ** 2, needs="scale='train'"),
        Metric("mae_scaled", lambda p: np.abs(p.error) / p.deviation, needs="scale='train'"),
        Metric("wql", _pinball, weight=_size, needs="quantiles"),
        Metric("crps", _crps, needs="two quantiles"),
        Metric("coverage", lambda p: (p.actual >= p.low) & (p.actual <= p.high), needs="interval"),
        Metric("width", lambda p: p.high - p.low, needs="interval"),
        Metric("winkler", _winkler, needs="interval"),
    )
}
RELATIVE = {"owa": ("smape", "mase")}  # metrics that the backtest makes of these and of Naive2's on the same points


def owa(metrics: Mapping[str, float], naive2: Mapping[str, float]) -> float | None:
    """Return the overall weighted average: the mean of sMAPE and of MASE, each relative to Naive2's; below 1 is better.

    Args:
        metrics: a model's metrics by name.
        naive2: Naive2's metrics on the same points; empty where Naive2 was not run.

    Returns:
        The average; None where one of the two is not defined, or is zero for Naive2.

    References:
        Makridakis, Spiliotis & Assimakopoulos (2020), The M4 Competition: 100,000 time series and 61 forecasting methods.
    """
    ratios = [metrics[name] / naive2[name] for name in RELATIVE["owa"] if name in metrics and naive2.get(name)]
    return float(np.mean(ratios)) if len(ratios) == 2 and np.isfinite(ratios).all() else None


def metrics_for(levels: tuple[float, ...]) -> dict[str, Metric]:
    """Return the metrics of the table that these quantile levels allow, by name; those of the intervals stand last."""
    plain = [metric for metric in METRICS.values() if metric.needs != "interval"]
    chosen = [metric for metric in plain if len(levels) >= MIN_LEVELS.get(metric.needs, 0)]
    intervals = [metric for metric in METRICS.values() if metric.needs == "interval"]
    chosen += [metric.within(levels, interval) for interval in central_intervals(levels) for metric in intervals]
    return {metric.name: metric for metric in chosen}


def central_intervals(levels: tuple[float, ...]) -> list[tuple[int, int]]:
    """Return the numbers of the two levels that bound each central interval, the widest first."""
    pairs = [(k, len(levels) - 1 - k) for k in range(len(levels) // 2)]
    return [(low, high) for low, high in pairs if np.isclose(levels[low] + levels[high], 1)]


def chosen_metrics(
    metrics: Sequence[str | Term | Metric] | str | Term | Metric | None,
    levels: tuple[float, ...],
    *,
    standardised: bool = False,
) -> dict[str, Metric]:
    """Return the metrics that a user chose.

    Args:
        metrics: names of ours ("coverage" means that of every central interval, "owa" means the metrics that it is made
            of), functions of `Points` that return (n, horizon) numbers, and metrics; None takes `metrics_for(levels)`.
        levels: quantile levels of the forecasts.
        standardised: whether errors on standardised values are scored, too (`scale="train"`); False by default.

    Returns:
        Metrics by name, in the order of the entries.

    Raises:
        ConfigError: with every name that is not known, and every metric whose needs are not met.
    """
    if metrics is None:
        return metrics_for(levels)
    chosen: dict[str, Metric] = {}
    problems: list[Problem] = []
    for entry in [metrics] if isinstance(metrics, str | Metric) or callable(metrics) else metrics:
        try:
            meant = _understood(entry, levels, standardised)
        except ConfigError as refused:
            problems += refused.problems
            continue
        if not isinstance(entry, str) and any(metric.name in chosen for metric in meant):
            problems.append(Problem(what=f"two metrics are named {meant[0].name!r}", remedy="Rename one of them."))
        chosen |= {metric.name: metric for metric in meant}
    if problems:
        raise ConfigError("the metrics cannot be computed", problems=problems)
    return chosen


def _understood(entry: str | Term | Metric, levels: tuple[float, ...], standardised: bool) -> list[Metric]:
    """Return the metrics that one entry of a user's list means, or raise an error that says what they lack."""
    available = metrics_for(levels)
    if isinstance(entry, str):
        if entry in RELATIVE:
            return [available[name] for name in RELATIVE[entry]]
        metric = available.get(entry) or _of_table(entry, available)
    else:
        metric = entry if isinstance(entry, Metric) else _of_function(entry)
    if metric.needs == "scale='train'" and not standardised:
        raise _refusal(metric.name, "standardised errors", "Pass scale='train' (--scale train).")
    if metric.name in available and available[metric.name] is metric:
        return [metric]
    intervals = central_intervals(levels)
    if metric.needs == "interval" and not intervals:
        raise _refusal(metric.name, "a central interval", "Pass quantiles=(0.1, 0.9) (--quantiles 0.1,0.9), or others.")
    if len(levels) < MIN_LEVELS.get(metric.needs, 0):
        raise _refusal(
            metric.name, metric.needs, "Pass quantiles=(0.1, 0.5, 0.9) (--quantiles 0.1,0.5,0.9), or others."
        )
    return [metric.within(levels, i) for i in intervals] if metric.needs == "interval" else [metric]


def _of_table(name: str, available: dict[str, Metric]) -> Metric:
    """Return a metric of the table, whatever it needs, or raise an error that names the nearest."""
    if name in METRICS:
        return METRICS[name]
    plain, _, share = name.rpartition("_")
    if plain in METRICS and METRICS[plain].needs == "interval" and share.replace(".", "").isdigit():
        outside = (100 - float(share)) / 200
        remedy = f"Pass quantiles=({outside:g}, {1 - outside:g}), or leave the metric out."
        raise _refusal(name, f"the interval that holds {share}%", remedy)
    names = [*dict.fromkeys((*METRICS, *RELATIVE, *available))]
    near = get_close_matches(name, names, n=1)
    expected = f"one of {', '.join(names)}"
    nearest = f"Did you mean {near[0]!r}?" if near else None
    raise ConfigError(name, problems=[Problem(what=f"unknown metric {name!r}", expected=expected, remedy=nearest)])


def _of_function(term: Term) -> Metric:
    """Make a metric of a user's function, under the function's name."""
    name = getattr(term, "__name__", "")
    if not callable(term) or not name.isidentifier():
        what, expected = f"metric {term!r} has no name", "a name of ours, a function with a name, or a Metric"
        raise ConfigError(what, problems=[Problem(what=what, expected=expected)])
    return Metric(name, term)


def _refusal(name: str, needs: str, remedy: str) -> ConfigError:
    """Build the error of a metric whose needs the forecasts do not meet."""
    problem = Problem(what=f"metric {name!r} needs {needs}, and these forecasts have none", remedy=remedy)
    return ConfigError(problem.what, problems=[problem])
