"""Gradient boosting on lags is set up as a practitioner would: one global model is applied step by step."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from forecast.baselines.base import ERROR_ROWS, Baseline, Floats
from forecast.baselines.lag_windows import lag_windows
from forecast.baselines.observed import last_observed, rows_since_observed
from forecast.baselines.trees import Trees
from forecast.datasets.errors import ModelError
from forecast.datasets.panel import Panel
from forecast.datasets.saved_arrays import REMEDY, Expected, check_arrays
from forecast.datasets.time.grid import DAY, MICROSECONDS, Grid
from forecast.datasets.windows.history import actuals
from forecast.datasets.windows.origins import Origins
from forecast.protocol import Prediction
from forecast.quantiles import quantiles_at, quantiles_of_errors

MAX_TRAINING_ROWS = 100_000  # spread evenly; more rows cost time and bring nothing measurable
N_RECENT_LAGS = 8  # that are read whatever the season; a level is the mean of at least so many rows
MAX_LAGS_OF_A_SEASON = 24  # of a longer season, only the newest of its lags are read
TREES = "trees."  # of the names of their arrays in a state
MOST_CALENDAR = 4  # features of the calendar, on a grid that has them all
N_TREES, MAX_LEAVES, LEARNING_RATE = 200, 31, 0.05
MAX_TESTED_HORIZONS = 4  # of each series, from which its errors are known


class Boosting(Baseline):
    """A model of the next step on lags, seasonal lags and the calendar, which reads its own forecasts for later steps.

    The lags are taken relative to the mean of the newest season and divided by the window's spread, so that one model
    serves series of every level. Trees come from scikit-learn's HistGradientBoostingRegressor (absolute error, since
    that is what MASE and sMAPE score) and are kept as arrays. Quantiles are empirical quantiles of the errors on
    each series' last horizons, which a model that has not seen them makes.

    References:
        Friedman (2001), Greedy function approximation: a gradient boosting machine.
        Ke et al. (2017), LightGBM: a highly efficient gradient boosting decision tree (the histograms).
    """

    name = "boosting"
    what = "gradient boosting on lags"
    source = "scikit-learn's HistGradientBoosting"

    def __init__(self, horizon: int, *, season_length: int = 1, levels: tuple[float, ...] = (), seed: int = 0) -> None:
        super().__init__(horizon, season_length=season_length, levels=levels, seed=seed)
        m = season_length
        seasonal = {k * m + d for k in (1, 2) for d in (-1, 0, 1)} if m > 1 else set()
        self.lags = np.array(
            sorted(
                {
                    *range(1, N_RECENT_LAGS + 1),
                    *range(1, min(m, MAX_LAGS_OF_A_SEASON) + 1),
                    *(lag for lag in seasonal if lag > 0),
                }
            )
        )  # (lags,)
        self.window = int(max(self.lags.max(), 2 * m))
        self.trees: Trees | None = None
        self.errors = np.zeros((horizon, len(levels)))

    @property
    def context(self) -> int | None:
        return self.window + ERROR_ROWS  # so that it reaches back beyond missing rows

    def fit(self, panel: Panel) -> Self:
        if self.levels:
            self.errors = self._error_quantiles(panel)
        self.trees = self._train(panel)
        return self

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        point, scale = self._forecast(panel, origins)
        if not self.levels:
            return Prediction(point)
        ahead = rows_since_observed(panel, origins)[:, None] + self.steps  # (n, horizon)
        errors = quantiles_at(self.errors, ahead)
        return Prediction(point, self.levels, point[:, :, None] + scale[:, None] * errors)

    def state(self) -> dict[str, NDArray[Any]]:
        assert self.trees is not None, "state before fit"
        arrays = {f"{TREES}{f.name}": getattr(self.trees, f.name) for f in fields(Trees)}
        return {**arrays, "errors": self.errors}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        trees = {name: state[name] for name in state if name.startswith(TREES)}
        self.trees = Trees.of_arrays(
            {name.removeprefix(TREES): array for name, array in trees.items()}, N_TREES, len(self.lags) + MOST_CALENDAR
        )
        rest = {name: array for name, array in state.items() if name not in trees}
        check_arrays(rest, {"errors": Expected(np.float64, (self.horizon, len(self.levels)))})
        self.errors = state["errors"]

    def check_context(self, panel: Panel) -> None:
        assert self.trees is not None, "check before restore"
        n_features = len(self.lags) + _calendar(panel.grid, panel.starts[:1]).shape[1]
        if self.trees.feature.max() >= n_features:
            raise ModelError(f"the trees read more than the {n_features} features that there are", hint=REMEDY)

    def _train(self, panel: Panel) -> Trees:
        from sklearn.ensemble import HistGradientBoostingRegressor

        """Fit the trees on the panel's rows."""
        rows = _training_rows(panel)
        window, inside = lag_windows(panel, Origins(rows.series, rows.end - 1), self.window, self.season_length)
        level, scale = self._level(window, inside)
        times = _times(panel, rows, np.zeros(1, np.int64) - 1)
        features = self._features(window, inside, level, scale, _calendar(panel.grid, times[:, 0]))
        target = (panel.target[rows.end - 1] - level[:, 0]) / _divisor(scale)[:, 0]
        varies = scale[:, 0] > 0  # a flat window has no scale to learn in
        if varies.any():
            features, target = features[varies], target[varies]
        features[:, np.isnan(features).all(axis=0)] = 0.0  # a lag that no series reaches; scikit-learn cannot bin it
        settings = {
            "max_iter": N_TREES,
            "max_leaf_nodes": MAX_LEAVES,
            "learning_rate": LEARNING_RATE,
            "random_state": self.seed,
        }
        model = HistGradientBoostingRegressor(loss="absolute_error", early_stopping=False, **settings)
        return Trees.of(model.fit(features, target))

    def _forecast(self, panel: Panel, origins: Origins) -> tuple[Floats, Floats]:
        """Return point forecasts, (n, horizon), and the scale of each window, (n, 1); a flat window goes on as it is.

        Where the newest rows are missing, the forecast begins after the last observed one and goes through them.
        """
        # the last observed row may be too far back for the rows that a model keeps
        gap = np.minimum(rows_since_observed(panel, origins), ERROR_ROWS)
        gap = np.minimum(gap, origins.end - panel.indptr[origins.series] - 1)
        window, inside = lag_windows(panel, Origins(origins.series, origins.end - gap), self.window, self.season_length)
        _, first_scale = self._level(window, inside)
        for step in range(-int(gap.max(initial=0)), 0):
            behind = np.flatnonzero(gap >= -step)
            part = Origins(origins.series[behind], origins.end[behind])
            _, window[behind], inside[behind] = self._step(panel, part, step, window[behind], inside[behind])
        point = np.empty((len(origins), self.horizon))
        for step in range(self.horizon):
            point[:, step], window, inside = self._step(panel, origins, step, window, inside)
        return point, first_scale

    def _step(
        self, panel: Panel, origins: Origins, step: int, window: Floats, inside: NDArray[np.bool_]
    ) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Forecast the row `step` rows after each origin, (n,), and move the windows, (n, window) each, on to it."""
        assert self.trees is not None, "predict before fit"
        level, scale = self._level(window, inside)
        calendar = _calendar(panel.grid, _times(panel, origins, np.array([step]))[:, 0])
        features = self._features(window, inside, level, scale, calendar)
        value = level[:, 0] + scale[:, 0] * self.trees.predict(features)
        window = np.concatenate([window[:, 1:], value[:, None]], axis=1)
        inside = np.concatenate([inside[:, 1:], np.ones((len(inside), 1), bool)], axis=1)
        return value, window, inside

    def _level(self, window: Floats, inside: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Return the level and the scale of each window, (n, 1) each, in units of the target.

        The level is the mean of the newest season; the scale is the window's mean distance from it, 0 where it is flat.
        """
        newest = slice(-max(self.season_length, N_RECENT_LAGS), None)
        count = np.maximum(inside[:, newest].sum(axis=1, keepdims=True), 1)
        # relative to the last value, so that a level of 1e9 keeps its digits
        last = window[:, -1:]
        level = last + ((window[:, newest] - last) * inside[:, newest]).sum(axis=1, keepdims=True) / count
        distance = np.abs(window - level) * inside
        scale = distance.sum(axis=1, keepdims=True) / np.maximum(inside.sum(axis=1, keepdims=True), 1)
        return level, scale

    def _features(
        self, window: Floats, inside: NDArray[np.bool_], level: Floats, scale: Floats, calendar: Floats
    ) -> Floats:
        """Return the lags in units of the scale, NaN before the series, and the calendar, (n, lags + calendar)."""
        lags = np.where(inside[:, -self.lags], (window[:, -self.lags] - level) / _divisor(scale), np.nan)
        return np.concatenate([lags, calendar], axis=1)

    def _error_quantiles(self, panel: Panel) -> Floats:
        """Return quantiles of the scaled errors at each step, (horizon, levels), on rows that the trees have not seen.

        Each series is forecast from up to `MAX_TESTED_HORIZONS` origins a horizon apart, in its newest quarter. They are
        taken around their median, since the point forecast is one.
        """
        last = last_observed(panel)[panel.indptr[1:] - 1] + 1
        tested = np.clip(panel.lengths // (4 * self.horizon), 1, MAX_TESTED_HORIZONS)
        first_end = np.maximum(last - tested * self.horizon, panel.indptr[:-1])
        long = np.flatnonzero(first_end - panel.indptr[:-1] >= 2)
        if not len(long):
            return np.zeros((self.horizon, len(self.levels)))
        kept = panel.take(long)
        moved = kept.indptr[:-1] - panel.indptr[long]
        self.trees = self._train(kept.truncate(first_end[long] + moved))
        series = np.repeat(np.arange(len(long)), tested[long])
        number = np.arange(len(series)) - np.repeat(np.cumsum(tested[long]) - tested[long], tested[long])
        origins = Origins(series, (first_end[long] + moved)[series] + number * self.horizon)
        point, scale = self._forecast(kept, origins)
        varies = scale[:, 0] > 0
        error = (actuals(kept, origins, self.horizon) - point)[varies] / scale[varies]  # (origins, horizon)
        return quantiles_of_errors(error[np.isfinite(error).any(axis=1)], self.steps, self.horizon, self.levels)


def _divisor(scale: Floats) -> Floats:
    """Return the scale, and 1 where it is 0."""
    return np.where(scale > 0, scale, 1.0)


def _training_rows(panel: Panel) -> Origins:
    """Choose the rows to learn from, each as the origin just past it: observed, with a row before, evenly thinned."""
    series = np.repeat(np.arange(panel.n_series), panel.lengths)
    row = np.arange(panel.n_rows)
    usable = np.flatnonzero(np.isfinite(panel.target) & (row > panel.indptr[series]))
    kept = usable[np.linspace(0, len(usable) - 1, min(len(usable), MAX_TRAINING_ROWS)).astype(np.int64)]
    return Origins(series[kept], kept + 1)


def _times(panel: Panel, origins: Origins, steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the times of the rows that stand `steps` after each origin's end, (n, steps); the row at the end is 0."""
    rows = (origins.end - panel.indptr[origins.series])[:, None] + steps  # counted from the series' first
    return panel.grid.shift(panel.starts[origins.series][:, None], rows)


def _calendar(grid: Grid, times: NDArray[np.int64]) -> Floats:
    """Return month, day of the month, weekday and minute of the day, as far as they vary on the grid, (n, features)."""
    if grid.kind == "integer":
        return np.empty((len(times), 0))
    stamps = times.astype("datetime64[us]")
    month = stamps.astype("datetime64[M]")
    parts = [month.astype(np.int64) % 12]
    has_days = grid.kind != "month"
    if has_days:
        parts += [(stamps.astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64)]
        parts += [(times // DAY + 3) % 7]  # 1970-01-01 was a Thursday
    if grid.kind == "tick" and grid.step < DAY:
        parts += [times % DAY // MICROSECONDS["min"]]
    return np.stack(parts, axis=1).astype(np.float64)
