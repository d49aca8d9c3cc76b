"""Sample paths: whole futures whose steps and series are correlated as forecast errors are, and totals of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.declarations import quantile_problems
from forecast.datasets.errors import ConfigError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.tables.result import FORECAST, SAMPLE, quantile_column
from forecast.datasets.windows.history import actuals
from forecast.datasets.windows.origins import Origins, evenly_spread
from forecast.protocol import Prediction
from forecast.quantiles import probit
from forecast.uncertainty.past_forecasts import MIN_HISTORY_ROWS

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Predict = Callable[[Panel, Origins], Prediction]
MAX_SERIES, PAST_HORIZONS = 64, 16  # that the dependence is learnt from: series, and past forecasts of each
PERCENTILES = tuple(np.round(np.linspace(0.01, 0.99, 99), 2).tolist())
MIN_PAST_FORECASTS = 3  # with fewer, an autoregression is assumed
MAX_SERIES_CORRELATION = 0.99
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
    def of(cls, predict: Predict, panel: Panel, horizon: int, rows_read: int | None) -> Dependence:
        """Learn from forecasts of the past, which all series make at the same times, a horizon apart.

        Args:
            predict: it forecasts at any origins of a panel, with quantiles.
            panel: rows to forecast, and `PAST_HORIZONS` horizons before their end.
            horizon: steps of a forecast.
            rows_read: rows before an origin that a forecast reads; None for all.
        """
        origins, place = _past_origins(panel, horizon, rows_read)
        z = np.full((*place.shape, horizon), np.nan)  # (series, past forecast, horizon)
        if len(origins):
            z[place] = _normal_scores(predict(panel, origins), actuals(panel, origins, horizon))
        correlation, error = _series_correlation(z)
        n = np.isfinite(z).any(axis=2).sum(axis=0)  # (past forecast,) series
        # series that go together tell the same thing about steps, as correlated steps do about series
        forecasts = float((n / (1 + (n - 1).clip(0) * np.clip(correlation, 0.0, 1.0))).sum())
        steps = _step_correlation(z.reshape(-1, horizon), forecasts)
        times = float((n > 1).sum()) * horizon**2 / float((steps**2).sum())
        # chance alone makes the total of many series far too wide: a correlation of 0.05 that is none doubles it
        certain = 1 - error**2 / (max(times, 1.0) * max(correlation, 1e-9) ** 2)
        return cls(steps, float(np.clip(correlation * max(certain, 0.0), 0.0, MAX_SERIES_CORRELATION)))

    def longer(self, horizon: int) -> Dependence:
        """Return the dependence over more steps, of which nothing is known but how neighbouring ones go together."""
        neighbours = float(np.diagonal(self.steps, 1).mean()) if len(self.steps) > 1 else ASSUMED_CORRELATION
        distance = np.abs(np.subtract.outer(np.arange(horizon), np.arange(horizon)))
        steps = _positive_definite(np.clip(neighbours, 0.0, MAX_SERIES_CORRELATION) ** distance)
        return Dependence(steps, self.series)

    def draw(self, prediction: Prediction, panel: Panel, origins: Origins, samples: int, seed: int) -> Floats:
        """Draw paths that have the prediction's quantiles at every step.

        What all series share is drawn anew for each time, so that sample k of every series belongs to the same future,
        wherever the series end. What is a series' own is drawn by its id. So a path depends on seed, series and time,
        and not on the series that are drawn beside it.

        Args:
            prediction: quantiles or distributions at n origins.
            panel: the rows that they were made from.
            origins: the n origins.
            samples: paths of each origin.
            seed: the same seed draws the same paths.

        Returns:
            (n, horizon, samples) in units of the target.
        """
        root = np.linalg.cholesky(self.steps)  # of a lower triangle: a step follows from draws of no later time
        n, horizon = prediction.point.shape
        first = origins.end - panel.indptr[origins.series]
        times = panel.grid.shift(panel.starts[origins.series, None], first[:, None] + np.arange(horizon))
        shared = {time: _draws((seed, time), samples) for time in np.unique(times).tolist()} if self.series else {}
        paths = np.empty((n, horizon, samples))
        for number in range(n):
            key = crc32(str(panel.ids[origins.series[number]]).encode())
            own = _draws((seed, times[number, 0], key), horizon * samples).reshape(horizon, samples)
            if shared:
                common = np.stack([shared[time] for time in times[number].tolist()])
                # one common factor: its share of the variance is the correlation of two series
                own = np.sqrt(self.series) * common + np.sqrt(1 - self.series) * own
            paths[number] = root @ own
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


def _past_origins(panel: Panel, horizon: int, rows_read: int | None) -> tuple[Origins, NDArray[np.bool_]]:
    """Place origins at common times, a horizon apart, back from the newest time at which any series ends.

    A series has an origin there if its whole horizon lies inside the series and there is a history to forecast from: a
    third of the series, or all that the model reads.

    Returns:
        The origins, and a mask of (series, past forecast) that says where they are.
    """
    chosen = evenly_spread(panel.n_series, MAX_SERIES)
    lengths = panel.lengths[chosen]
    start, _ = panel.grid.steps(np.full(len(chosen), panel.starts[chosen].min()), panel.starts[chosen])
    times = int((start + lengths).max()) - np.arange(1, PAST_HORIZONS + 1) * horizon  # in steps of the grid
    row = times - start[:, None]  # (series, past forecast)
    history = lengths // 3 if rows_read is None else np.minimum(lengths // 3, rows_read)
    available = (row >= np.maximum(history, MIN_HISTORY_ROWS)[:, None]) & (row + horizon <= lengths[:, None])
    series, _ = np.nonzero(available)
    return Origins(chosen[series], panel.indptr[chosen[series]] + row[available]), available


def _draws(key: tuple[int, ...], count: int) -> Floats:
    """Draw standard normal numbers, (count,), which the key decides."""
    return np.random.default_rng([int(part) % 2**63 for part in key]).standard_normal(count)


def _step_correlation(z: Floats, independent: float) -> Floats:
    """Estimate the correlation of steps, shrunk towards a first-order autoregression; few forecasts tell little of it.

    Args:
        z: (forecasts, horizon) scores; steps without one, NaN, have no influence.
        independent: independent forecasts that tell as much as these; the fewer, the more the matrix is shrunk.
    """
    known = np.isfinite(z)
    z, known = z[known.any(axis=1)], known[known.any(axis=1)]
    horizon = z.shape[1]
    distance = np.abs(np.subtract.outer(np.arange(horizon), np.arange(horizon)))
    if len(z) < MIN_PAST_FORECASTS or horizon == 1 or not known.any(axis=0).all():
        return np.asarray(_positive_definite(ASSUMED_CORRELATION ** distance.astype(np.float64)))
    count = known.sum(axis=0)
    z = np.where(known, z - np.where(known, z, 0.0).sum(axis=0) / count, 0.0)
    z = z / np.maximum(np.sqrt((z**2).sum(axis=0) / count), 1e-9)
    pairs = known.T.astype(np.float64) @ known
    empirical = np.clip(z.T @ z / np.maximum(pairs, 1), -1.0, 1.0)
    neighbours = float(np.clip(np.diagonal(empirical, 1).mean(), 0.0, 0.99))
    shrinkage = horizon / (horizon + independent)
    return _positive_definite((1 - shrinkage) * empirical + shrinkage * neighbours**distance)


def _positive_definite(correlation: Floats) -> Floats:
    """Return the nearest positive definite matrix, scaled to ones on the diagonal, so that it has a Cholesky root."""
    values, vectors = np.linalg.eigh((correlation + correlation.T) / 2)
    definite = (vectors * np.maximum(values, 1e-6)) @ vectors.T
    size = np.sqrt(np.diagonal(definite))
    return np.asarray(definite / np.outer(size, size))


def _series_correlation(z: Floats) -> tuple[float, float]:
    """Estimate the correlation of two series from scores (series, past forecasts, horizon), NaN where there is none.

    The mean of n scores with variance v and correlation r has variance v (1 + (n - 1) r) / n, which is solved for r.

    Returns:
        The correlation, and the standard error that one time would leave it with where the truth is none.
    """
    known = np.isfinite(z)
    z = np.where(known, z, 0.0)
    z = np.where(known, z - (z.sum(axis=(1, 2)) / np.maximum(known.sum(axis=(1, 2)), 1))[:, None, None], 0.0)
    n = known.sum(axis=0)
    several = n > 1
    if not several.any():
        return 0.0, 0.0
    n, mean = n[several], z.sum(axis=0)[several] / n[several]
    variance = max(float((z**2).sum() / known.sum()), 1e-9)
    # each time and step has an equation of its own, weighed by the pairs of series that it compares
    pairs = float(((n - 1) * n).sum())
    return float(((n * mean**2 / variance - 1) * n).sum()) / pairs, float(np.sqrt(2) * n.sum() / pairs)


def _normal_cdf(z: Floats) -> Floats:
    """Return standard normal probabilities; torch has them, and scipy would be one more package to load."""
    import torch

    return np.asarray(torch.special.ndtr(torch.from_numpy(z)).numpy())
