"""Sample paths: whole futures that hang together over the horizon and across the series, and what they add up to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.errors import ConfigError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.tables.result import FORECAST, quantile_column
from forecast.datasets.windows.history import actuals
from forecast.datasets.windows.origins import Origins, evenly_spread
from forecast.protocol import Model, Prediction
from forecast.quantiles import probit
from forecast.settings import quantile_problems
from forecast.uncertainty.conformal import LEAST_ROWS

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
SAMPLE = "sample"
SERIES, PASTS = 64, 32  # series and past horizons that the dependence is learnt from, at most
GRID = tuple(np.round(np.linspace(0.01, 0.99, 99), 2).tolist())
LEAST_PASTS = 3  # horizons of the past without which steps are taken to be what a random walk's are


@dataclass(frozen=True, eq=False)
class Dependence:
    """How forecast errors go together, on the scale of a normal distribution (a Gaussian copula).

    Args:
        steps: (horizon, horizon) correlation of the steps of one forecast.
        series: correlation of two series' errors at the same time, 0 to 1.

    References:
        Patton (2012), A review of copula models for economic time series; Gneiting et al. (2005) on ensembles made
        from marginals.
    """

    steps: Floats
    series: float

    @classmethod
    def of(cls, model: Model, panel: Panel) -> Dependence:
        """Learnt from the model's forecasts of its own past: horizon after horizon, back from each series' end."""
        horizon = model.horizon
        chosen = evenly_spread(panel.n_series, SERIES)
        back = np.arange(1, PASTS + 1) * horizon
        end = panel.indptr[chosen + 1][:, None] - back
        there = end - panel.indptr[chosen][:, None] >= LEAST_ROWS
        z = np.full((len(chosen), len(back), horizon), np.nan)
        if there.any():
            origins = Origins(np.repeat(chosen, there.sum(axis=1)), end[there])
            z[there] = _scores(model.predict(panel, origins), actuals(panel, origins, horizon))
        return cls(_steps(z.reshape(-1, horizon)), _series(z))

    def draw(self, prediction: Prediction, series: NDArray[np.int64], samples: int, seed: int) -> Floats:
        """Paths with the prediction's quantiles at every step, (n, horizon, samples).

        Sample k of every series belongs to the same future.
        """
        generator = np.random.default_rng(seed)
        root = np.linalg.cholesky(self.steps)
        n, horizon = prediction.point.shape
        common = root @ generator.standard_normal((horizon, samples))
        paths = np.empty((n, horizon, samples))
        for number in range(n):
            own = root @ generator.standard_normal((horizon, samples))
            paths[number] = np.sqrt(self.series) * common + np.sqrt(1 - self.series) * own
        return prediction.values(_normal_cdf(paths))


def aggregate(
    paths: pd.DataFrame,
    *,
    over: Literal["horizon", "series"] = "horizon",
    how: Literal["sum", "mean", "max", "min"] = "sum",
    quantiles: tuple[float, ...] | list[float] = (0.1, 0.5, 0.9),
) -> pd.DataFrame:
    """Quantiles of what paths add up to: demand over a lead time, totals of many series.

    Quantiles of a sum are not sums of quantiles; paths keep what goes together, so their sums are honest.

    Args:
        paths: as `Forecaster.predict(samples=N)` returns them.
        over: "horizon" adds up each series' steps, "series" all series at each time.
        how: sum, mean, max or min.
        quantiles: levels in (0, 1).

    Returns:
        A row a series (or a time): `forecast`, the mean over the samples, and a column a quantile.

    Raises:
        ConfigError: if `paths` has no samples, or the choices are not understood.
    """
    levels = tuple(quantiles)
    problems = quantile_problems(levels)
    if SAMPLE not in paths.columns or FORECAST not in paths.columns:
        problems.append(Problem(what="the table holds no paths", expected="what predict(samples=N) returns"))
    for name, value, known in (("over", over, ("horizon", "series")), ("how", how, ("sum", "mean", "max", "min"))):
        if value not in known:
            problems.append(Problem(what=f"{name}={value!r}", expected=f"one of {', '.join(known)}"))
    if problems:
        raise ConfigError("the paths cannot be aggregated", problems=problems)
    keys = [str(name) for name in paths.columns if name not in (SAMPLE, FORECAST)]
    kept = keys[:-1] if over == "horizon" else keys[-1:]  # id and time, in this order; one series has no id
    totals = paths.groupby([*kept, SAMPLE], sort=False, observed=True)[FORECAST].agg(how)
    groups = totals.groupby(level=kept, sort=False, observed=True) if kept else totals.groupby(lambda _: 0)
    found = groups.mean().to_frame(FORECAST)
    for level in levels:
        found[quantile_column(level)] = groups.quantile(level)
    return found.reset_index(drop=not kept)


def crps(samples: Floats, actual: Floats) -> Floats:
    """Continuous ranked probability score of samples, in units of the target; lower is better.

    Args:
        samples: (..., n) draws, at least two.
        actual: (...).

    Returns:
        (...), the fair (unbiased) estimate E|X - y| - E|X - X'| / 2.

    References:
        Gneiting & Raftery (2007), Strictly Proper Scoring Rules, Prediction, and Estimation; Ferro (2014) (fair).
    """
    ordered = np.sort(samples, axis=-1)
    n = ordered.shape[-1]
    away = np.abs(ordered - np.asarray(actual)[..., None]).mean(axis=-1)
    weights = 2 * np.arange(1, n + 1) - n - 1
    return np.asarray(away - (ordered * weights).sum(axis=-1) / (n * (n - 1)))


def _scores(prediction: Prediction, actual: Floats) -> Floats:
    """Standard normal scores of the actuals under the forecasts, (n, horizon), NaN where nothing was observed."""
    values = prediction.values(np.array(GRID)[None, None])
    # the middle of the levels whose value it is: a count meets many, a flat forecast all of them
    below = (values < actual[:, :, None]).sum(axis=2)
    up_to = (values <= actual[:, :, None]).sum(axis=2)
    share = (below + up_to + 1) / 2 / (len(GRID) + 1)
    return np.where(np.isfinite(actual), probit(share), np.nan)


def _steps(z: Floats) -> Floats:
    """Correlation of the steps, shrunk towards the nearest first-order autoregression, the more the fewer forecasts."""
    z = z[np.isfinite(z).all(axis=1)]
    horizon = z.shape[1]
    apart = np.abs(np.subtract.outer(np.arange(horizon), np.arange(horizon)))
    if len(z) < LEAST_PASTS or horizon == 1:
        return np.asarray(_valid(0.8 ** apart.astype(np.float64)))
    z = z / np.maximum(np.sqrt((z**2).mean(axis=0)), 1e-9)
    found = z.T @ z / len(z)
    near = float(np.clip(np.diagonal(found, 1).mean(), 0.0, 0.99))
    share = horizon / (horizon + len(z))
    return _valid((1 - share) * found + share * near**apart)


def _valid(correlation: Floats) -> Floats:
    """The nearest that is positive definite, with ones on the diagonal."""
    values, vectors = np.linalg.eigh((correlation + correlation.T) / 2)
    fixed = (vectors * np.maximum(values, 1e-6)) @ vectors.T
    size = np.sqrt(np.diagonal(fixed))
    return np.asarray(fixed / np.outer(size, size))


def _series(z: Floats) -> float:
    """Correlation of two series: what the variance of the mean over series has beyond independent ones'."""
    known = np.isfinite(z)
    n = known.sum(axis=0)
    mean = np.where(known, z, 0.0).sum(axis=0) / np.maximum(n, 1)
    many = n > 1
    if not many.any():
        return 0.0
    spread, count = float((mean[many] ** 2).mean()), float(n[many].mean())
    variance = max(float(np.nanmean(z**2)), 1e-9)
    return float(np.clip((count * spread / variance - 1) / (count - 1), 0.0, 0.95))


def _normal_cdf(z: Floats) -> Floats:
    import torch

    return np.asarray(torch.special.ndtr(torch.from_numpy(z)).numpy())
