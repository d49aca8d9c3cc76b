"""Metrics: one line each in `METRICS`, and how a choice of them is understood.

Means are flat: the mean over series of per-series means over cutoffs and steps. Weighted metrics (wape, wql) are the
sum of errors over the sum of actuals, as their names say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from forecast.datasets.errors import ConfigError, Problem
from forecast.quantiles import interpolate

CRPS_LEVELS = (np.arange(50) + 0.5) / 50
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Points:
    """Forecasts beside the actuals, of n origins.

    Args:
        actual: (n, horizon), NaN where nothing was observed.
        forecast: (n, horizon).
        levels: quantile levels in (0, 1), ascending; empty without quantiles.
        quantiles: (n, horizon, levels).
        mase, rmsse, deviation: (n, 1), scales of each origin's series, from its training rows.
        interval: numbers of the two levels that bound a central interval, for a metric that needs one.
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
        """Forecast less actual, (n, horizon): above 0 where too much was forecast."""
        return self.forecast - self.actual

    @property
    def low(self) -> Floats:
        """The interval's lower bound, (n, horizon)."""
        return self._bound(0)

    @property
    def high(self) -> Floats:
        """The interval's upper bound, (n, horizon)."""
        return self._bound(1)

    @property
    def outside(self) -> float:
        """Chance of lying outside the interval, 0.2 of an 80% one."""
        assert self.interval is not None, "the metric says that it needs an interval"
        low, high = self.interval
        return 1 - (self.levels[high] - self.levels[low])

    def _bound(self, side: int) -> Floats:
        assert self.quantiles is not None, "the metric says that it needs quantiles"
        assert self.interval is not None, "the metric says that it needs an interval"
        return self.quantiles[:, :, self.interval[side]]


Term = Callable[[Points], ArrayLike]
Needs = Literal["nothing", "quantiles", "two quantiles", "interval", "scale='train'"]
LEAST_LEVELS = {"quantiles": 1, "two quantiles": 2, "interval": 2}  # of what needs quantiles


@dataclass(frozen=True)
class Metric:
    """A metric is the mean of a term over points, finished in one of a few ways.

    Lower is better where models are ranked by it. A metric of your own goes to `evaluate` beside the names of ours; a
    plain function of `Points` is one, too, under its own name.

    Args:
        name: what it is called in results.
        term: (n, horizon) from `Points`; NaN leaves a point out, and so does an actual that was not observed.
        weight: where given, the metric is the sum of terms over the sum of weights; (n, horizon) from `Points`.
        root: whether a square root is taken of each series' mean ("series"), or of the mean over all series ("all").
        needs: what forecasts must have: "quantiles", "two quantiles", an "interval" (the metric is computed once for
            each central interval, as `name_80`), or errors on standardised values ("scale='train'").

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
        """The term of each point, (n, horizon), NaN where it is left out.

        Raises:
            ConfigError: if the term has another shape, or is no number.
        """
        return self._checked(self.term, points)

    def weights(self, points: Points) -> Floats:
        """The weight of each point, (n, horizon); likewise."""
        assert self.weight is not None, "only a weighted metric has weights"
        return self._checked(self.weight, points)

    def within(self, levels: tuple[float, ...], interval: tuple[int, int]) -> Metric:
        """The same of one central interval."""
        low, high = interval
        name = f"{self.name}_{100 * (levels[high] - levels[low]):.10g}"
        return replace(self, name=name, term=lambda points: self.term(replace(points, interval=interval)))

    def _checked(self, term: Term, points: Points) -> Floats:
        shape = points.actual.shape
        values = np.asarray(term(points))
        if values.shape != shape or values.dtype.kind not in "bifu":
            what = f"it returned an array of shape {values.shape} and type {values.dtype}"
            expected = f"numbers of shape (n, horizon), here {shape}, one for each forecast and step"
            raise ConfigError(f"metric {self.name!r} cannot be used", problems=[Problem(what=what, expected=expected)])
        return np.where(np.isnan(points.actual), np.nan, values)


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


def _winkler(p: Points) -> Floats:
    """Width of the interval, and 2 / alpha times how far outside it the actual lies (Winkler 1972)."""
    below = np.maximum(p.low - p.actual, 0)
    above = np.maximum(p.actual - p.high, 0)
    return p.high - p.low + 2 / p.outside * (below + above)


def _size(p: Points) -> Floats:
    return np.abs(p.actual)


# One line a metric.
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


def metrics_for(levels: tuple[float, ...]) -> dict[str, Metric]:
    """The metrics of the table that forecasts with these quantile levels have, those of each central interval last."""
    plain = [metric for metric in METRICS.values() if metric.needs != "interval"]
    chosen = [metric for metric in plain if len(levels) >= LEAST_LEVELS.get(metric.needs, 0)]
    intervals = [metric for metric in METRICS.values() if metric.needs == "interval"]
    chosen += [metric.within(levels, interval) for interval in central_intervals(levels) for metric in intervals]
    return {metric.name: metric for metric in chosen}


def central_intervals(levels: tuple[float, ...]) -> list[tuple[int, int]]:
    """Numbers of the two levels of each central interval, the widest first."""
    pairs = [(k, len(levels) - 1 - k) for k in range(len(levels) // 2)]
    return [(low, high) for low, high in pairs if np.isclose(levels[low] + levels[high], 1)]


def chosen_metrics(
    asked: Sequence[str | Term | Metric] | str | Term | Metric | None,
    levels: tuple[float, ...],
    *,
    standardised: bool = False,
) -> dict[str, Metric]:
    """The metrics that a user asked for.

    Args:
        asked: names of ours ("coverage" means that of every central interval, "owa" what it is made of), functions of
            `Points` that return (n, horizon) numbers, and metrics; None takes `metrics_for(levels)`.
        levels: quantile levels of the forecasts.
        standardised: whether errors on standardised values are scored, too (`scale="train"`).

    Returns:
        Metrics by name, in the order asked.

    Raises:
        ConfigError: with every name that is not known, and every metric whose needs are not met.
    """
    if asked is None:
        return metrics_for(levels)
    chosen: dict[str, Metric] = {}
    problems: list[Problem] = []
    for entry in [asked] if isinstance(asked, str | Metric) or callable(asked) else asked:
        try:
            metrics = _understood(entry, levels, standardised)
        except ConfigError as refused:
            problems += refused.problems
            continue
        if not isinstance(entry, str) and any(metric.name in chosen for metric in metrics):
            problems.append(Problem(what=f"two metrics are named {metrics[0].name!r}", remedy="Rename one of them."))
        chosen |= {metric.name: metric for metric in metrics}
    if problems:
        raise ConfigError("the metrics cannot be computed", problems=problems)
    return chosen


def _understood(entry: str | Term | Metric, levels: tuple[float, ...], standardised: bool) -> list[Metric]:
    """The metrics that one entry of a user's list means."""
    available = metrics_for(levels)
    if isinstance(entry, str):
        if entry in RELATIVE:
            return [available[name] for name in RELATIVE[entry]]
        metric = available.get(entry) or _listed(entry, available)
    else:
        metric = entry if isinstance(entry, Metric) else _of_function(entry)
    if metric.needs == "scale='train'" and not standardised:
        raise _refusal(metric.name, "standardised errors", "Pass scale='train' (--scale train).")
    if metric.name in available and available[metric.name] is metric:
        return [metric]
    intervals = central_intervals(levels)
    if metric.needs == "interval" and not intervals:
        raise _refusal(metric.name, "a central interval", "Pass quantiles=(0.1, 0.9) (--quantiles 0.1,0.9), or others.")
    if len(levels) < LEAST_LEVELS.get(metric.needs, 0):
        raise _refusal(
            metric.name, metric.needs, "Pass quantiles=(0.1, 0.5, 0.9) (--quantiles 0.1,0.5,0.9), or others."
        )
    return [metric.within(levels, i) for i in intervals] if metric.needs == "interval" else [metric]


def _listed(name: str, available: dict[str, Metric]) -> Metric:
    """The table's metric whose needs the forecasts at hand may not meet, or an error that names the nearest."""
    if name in METRICS:
        return METRICS[name]
    plain, _, share = name.rpartition("_")
    if plain in METRICS and METRICS[plain].needs == "interval" and share.replace(".", "").isdigit():
        outside = (100 - float(share)) / 200
        remedy = f"Pass quantiles=({outside:g}, {1 - outside:g}), or leave the metric out."
        raise _refusal(name, f"the interval that holds {share}%", remedy)
    known = [*dict.fromkeys((*METRICS, *RELATIVE, *available))]
    near = get_close_matches(name, known, n=1)
    expected = f"one of {', '.join(known)}"
    nearest = f"Did you mean {near[0]!r}?" if near else None
    raise ConfigError(name, problems=[Problem(what=f"unknown metric {name!r}", expected=expected, remedy=nearest)])


def _of_function(term: Term) -> Metric:
    name = getattr(term, "__name__", "")
    if not callable(term) or not name.isidentifier():
        what, expected = f"metric {term!r} has no name", "a name of ours, a function with a name, or a Metric"
        raise ConfigError(what, problems=[Problem(what=what, expected=expected)])
    return Metric(name, term)


def _refusal(name: str, needs: str, remedy: str) -> ConfigError:
    problem = Problem(what=f"metric {name!r} needs {needs}, and these forecasts have none", remedy=remedy)
    return ConfigError(problem.what, problems=[problem])
