"""Sample paths: whole futures whose steps and series are correlated as forecast errors are, and totals of them."""

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
from forecast.uncertainty.past_forecasts import MIN_HISTORY_ROWS

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
SAMPLE = "sample"
MAX_SERIES, MAX_PAST_FORECASTS = 64, 32  # that the dependence is learnt from, of each series
PERCENTILES = tuple(np.round(np.linspace(0.01, 0.99, 99), 2).tolist())
MIN_PAST_FORECASTS = 3  # with fewer, an autoregression is assumed
ASSUMED_CORRELATION = 0.8  # of neighbouring steps: errors of most series change slowly from step to step


@dataclass(frozen=True, eq=False)
class Dependence:
    """The correlation of forecast errors, after each was turned into a standard normal score (a Gaussian copula).

    Args:
        steps: (horizon, horizon) correlation of the steps of one forecast.
        series: correlation of two series' errors at the same time, 0 to 1; it is one number for all pairs.

    References:
        Patton (2012), A review of copula models for economic time series.
    """

    steps: Floats
    series: float

    @classmethod
    def of(cls, model: Model, panel: Panel) -> Dependence:
        """Learn from forecasts of the past, made a horizon apart, back from each series' end.

        Args:
            model: a fitted model with quantiles.
            panel: its training rows.
        """
        horizon = model.horizon
        chosen = evenly_spread(panel.n_series, MAX_SERIES)
        back = np.arange(1, MAX_PAST_FORECASTS + 1) * horizon
        end = panel.indptr[chosen + 1][:, None] - back
        available = end - panel.indptr[chosen][:, None] >= MIN_HISTORY_ROWS  # (series, past forecast)
        z = np.full((len(chosen), len(back), horizon), np.nan)
        if available.any():
            origins = Origins(np.repeat(chosen, available.sum(axis=1)), end[available])
            z[available] = _normal_scores(model.predict(panel, origins), actuals(panel, origins, horizon))
        return cls(_step_correlation(z.reshape(-1, horizon)), _series_correlation(z))

    def draw(self, prediction: Prediction, samples: int, seed: int) -> Floats:
        """Draw paths that have the prediction's quantiles at every step.

        Args:
            prediction: quantiles or distributions at n origins.
            samples: paths of each origin.
            seed: the same seed draws the same paths.

        Returns:
            (n, horizon, samples) in units of the target. Sample k of every series belongs to the same future.
        """
        generator = np.random.default_rng(seed)
        root = np.linalg.cholesky(self.steps)
        n, horizon = prediction.point.shape
        common = root @ generator.standard_normal((horizon, samples))
        paths = np.empty((n, horizon, samples))
        for number in range(n):
            specific = root @ generator.standard_normal((horizon, samples))
            # one common factor: its share of the variance is the correlation of two series
            paths[number] = np.sqrt(self.series) * common + np.sqrt(1 - self.series) * specific
        return prediction.values(_normal_cdf(paths))


def aggregate(
    paths: pd.DataFrame,
    *,
    over: Literal["horizon", "series"] = "horizon",
    how: Literal["sum", "mean", "max", "min"] = "sum",
    quantiles: tuple[float, ...] | list[float] = (0.1, 0.5, 0.9),
) -> pd.DataFrame:
    """Return quantiles of totals of sample paths, such as demand over a lead time or the sum of many series.

    The quantile of a sum is not the sum of quantiles. Paths keep the correlation of steps and series, so the sum of
    each path is a draw of the total.

    Args:
        paths: a table as `Forecaster.predict(samples=N)` returns it.
        over: "horizon" aggregates each series over its steps, "series" aggregates all series at each time.
        how: the aggregate, which is "sum", "mean", "max" or "min".
        quantiles: quantile levels in (0, 1).

    Returns:
        A row for each series (over the horizon) or each time (over the series), in units of the target: `forecast` is
        the mean over the samples, and each quantile has a column.

    Raises:
        ConfigError: if `paths` has no samples, or the choices are not understood.
    """
    levels = tuple(quantiles)
    problems = quantile_problems(levels)
    if SAMPLE not in paths.columns or FORECAST not in paths.columns:
        problems.append(Problem(what="the table holds no paths", expected="what predict(samples=N) returns"))
    for name, value, choices in (("over", over, ("horizon", "series")), ("how", how, ("sum", "mean", "max", "min"))):
        if value not in choices:
            problems.append(Problem(what=f"{name}={value!r}", expected=f"one of {', '.join(choices)}"))
    if problems:
        raise ConfigError("the paths cannot be aggregated", problems=problems)
    keys = [str(name) for name in paths.columns if name not in (SAMPLE, FORECAST)]
    kept = keys[:-1] if over == "horizon" else keys[-1:]  # id and time, in this order; one series has no id
    totals = paths.groupby([*kept, SAMPLE], sort=False, observed=True)[FORECAST].agg(how)
    groups = totals.groupby(level=kept, sort=False, observed=True) if kept else totals.groupby(lambda _: 0)
    frame = groups.mean().to_frame(FORECAST)
    for level in levels:
        frame[quantile_column(level)] = groups.quantile(level)
    return frame.reset_index(drop=not kept)


def crps(samples: Floats, actual: Floats) -> Floats:
    """Return the continuous ranked probability score of samples.

    Args:
        samples: (..., n) draws, at least two, in units of the target.
        actual: (...) observed values, in units of the target.

    Returns:
        (...) the fair (unbiased) estimate of E|X - y| - E|X - X'| / 2, in units of the target; lower is better. It can
        be slightly negative.

    References:
        Gneiting & Raftery (2007), Strictly Proper Scoring Rules, Prediction, and Estimation; Ferro (2014), Fair
        scores for ensemble forecasts.
    """
    ordered = np.sort(samples, axis=-1)
    n = ordered.shape[-1]
    distance = np.abs(ordered - np.asarray(actual)[..., None]).mean(axis=-1)
    weights = 2 * np.arange(1, n + 1) - n - 1
    return np.asarray(distance - (ordered * weights).sum(axis=-1) / (n * (n - 1)))


def _normal_scores(prediction: Prediction, actual: Floats) -> Floats:
    """Return standard normal scores of the actuals under the forecasts, (n, horizon), NaN where nothing was observed."""
    values = prediction.values(np.array(PERCENTILES)[None, None])  # (n, horizon, 99)
    # an actual can equal several percentiles (a count) or all of them (a flat forecast): take the middle of these
    below = (values < actual[:, :, None]).sum(axis=2)
    up_to = (values <= actual[:, :, None]).sum(axis=2)
    probability = (below + up_to + 1) / 2 / (len(PERCENTILES) + 1)
    return np.where(np.isfinite(actual), probit(probability), np.nan)


def _step_correlation(z: Floats) -> Floats:
    """Estimate the correlation of steps from scores (forecasts, horizon), shrunk towards a first-order autoregression.

    The fewer the forecasts, the more it is shrunk; an empirical matrix of few forecasts is singular.
    """
    z = z[np.isfinite(z).all(axis=1)]
    horizon = z.shape[1]
    distance = np.abs(np.subtract.outer(np.arange(horizon), np.arange(horizon)))
    if len(z) < MIN_PAST_FORECASTS or horizon == 1:
        return np.asarray(_positive_definite(ASSUMED_CORRELATION ** distance.astype(np.float64)))
    z = z / np.maximum(np.sqrt((z**2).mean(axis=0)), 1e-9)
    empirical = z.T @ z / len(z)
    neighbours = float(np.clip(np.diagonal(empirical, 1).mean(), 0.0, 0.99))
    shrinkage = horizon / (horizon + len(z))
    return _positive_definite((1 - shrinkage) * empirical + shrinkage * neighbours**distance)


def _positive_definite(correlation: Floats) -> Floats:
    """Return the nearest positive definite matrix, scaled to ones on the diagonal, so that it has a Cholesky root."""
    values, vectors = np.linalg.eigh((correlation + correlation.T) / 2)
    definite = (vectors * np.maximum(values, 1e-6)) @ vectors.T
    size = np.sqrt(np.diagonal(definite))
    return np.asarray(definite / np.outer(size, size))


def _series_correlation(z: Floats) -> float:
    """Estimate the correlation of two series from scores (series, past forecasts, horizon).

    The mean of n scores with variance v and correlation r has variance v (1 + (n - 1) r) / n, which is solved for r.
    """
    is_observed = np.isfinite(z)
    n = is_observed.sum(axis=0)
    mean = np.where(is_observed, z, 0.0).sum(axis=0) / np.maximum(n, 1)
    several = n > 1
    if not several.any():
        return 0.0
    variance_of_mean, count = float((mean[several] ** 2).mean()), float(n[several].mean())
    variance = max(float(np.nanmean(z**2)), 1e-9)
    return float(np.clip((count * variance_of_mean / variance - 1) / (count - 1), 0.0, 0.95))


def _normal_cdf(z: Floats) -> Floats:
    """Return standard normal probabilities; torch has them, and scipy would be one more package to load."""
    import torch

    return np.asarray(torch.special.ndtr(torch.from_numpy(z)).numpy())
