"""Conformal calibration: quantiles are moved so that they were right on rows that the model had not seen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.errors import ModelError
from forecast.datasets.panel import Panel
from forecast.datasets.saved_arrays import REMEDY, Expected, check_arrays, json_of
from forecast.datasets.windows.history import actuals, ends_without_newest, scale_before
from forecast.datasets.windows.origins import Integers, Origins, evenly_spread
from forecast.protocol import Model, Prediction
from forecast.uncertainty.error_scale import FEATURES, exponents, growth, roughness_ratios
from forecast.uncertainty.past_forecasts import MIN_HISTORY_ROWS, PastForecasts
from forecast.uncertainty.score_pool import ScorePool, effective_number, mirror_share, quantile_by_row

Floats = NDArray[np.float64]
MIN_SCORES_PER_QUANTILE = 200  # with fewer origins, neighbouring steps lend their scores
MAX_CALIBRATION_ORIGINS = 1024
MIN_HORIZONS_HELD_BACK = 2  # each is lost to training, so many series with many origins hold back no more
MIN_ROWS_PER_ROW_HELD_BACK = 4  # a series of median length gives at most a quarter of its rows to calibration
HALF_LIVES_OF_SCORES = 8  # in the calibration rows: about a third of the scores count in the end
HORIZONS_FOR_HALF_WEIGHT = 0.5  # once so many came true since training, they weigh as much as the calibration rows
LARGEST_TAIL_CHANGE = 5  # a tail grows or shrinks to at most so many times the requested one: few scores say more


@dataclass(frozen=True, eq=False)
class Conformal:
    """The scores of a model on its calibration rows, and how they correct its quantiles.

    Args:
        levels: quantile levels in (0, 1), ascending; 0.5 is among them, whatever was asked for.
        scores: (n, horizon, levels + 1) actual less predicted quantile, and less the point, at n calibration origins,
            in units of the scale of each step (`_scales`); NaN where nothing was observed.
        weights: (n,) weight of each origin's scores, 1 at the newest rows and less the older they are.
        season_length: steps in a season, which is the lag of the scale.
        adaptive: whether the levels follow each series' coverage since training.
        trained: by series id, the time of the last row that the model or these scores have learnt from.
        exponents: (2,) by how much errors follow the roughness of a step's phase and of the newest rows.

    References:
        Romano, Patterson & Candès (2019), Conformalized Quantile Regression. Gibbs & Candès (2021), Adaptive Conformal
        Inference Under Distribution Shift; we set the levels to past ranks' quantiles instead of by gradient steps.
        Barber et al. (2023), Conformal prediction beyond exchangeability (weights by age).
    """

    levels: tuple[float, ...]
    scores: Floats
    weights: Floats
    season_length: int
    adaptive: bool
    trained: dict[str, int]
    exponents: Floats = field(default_factory=lambda: np.zeros(FEATURES))

    @classmethod
    def fit(
        cls, model: Model, panel: Panel, levels: tuple[float, ...], season_length: int, *, adaptive: bool
    ) -> Conformal | None:
        """Fit the model on all but the newest rows, and score its quantiles at origins inside these.

        The model is not fitted again on all rows: its errors would be smaller by an unknown amount. With scores of
        total weight w, a central interval covers at least its nominal probability, as far as rows are exchangeable,
        and at most w / (w + 1), because no score says how far errors above the largest one reach. Where errors drift,
        coverage is off by their drift over the newest of the calibration rows, for old scores weigh little.

        Args:
            model: an unfitted model with quantiles at `levels`; it is fitted here.
            panel: all training rows.
            levels: quantile levels in (0, 1), ascending; 0.5 is calibrated with them.
            season_length: steps in a season, which is the lag of the scale of errors.
            adaptive: whether `adjust` makes the levels follow each series' coverage since training.

        Returns:
            The calibration; None, with the model left unfitted, where series are too short to hold back a horizon.
        """
        held, stride = calibrating_rows(panel, model.horizon)
        cut = ends_without_newest(panel, held, least=max(MIN_HISTORY_ROWS, held))
        if not held or (cut == panel.indptr[1:]).all():
            return None
        model.fit(panel.truncate(cut))
        levels = tuple(sorted({*levels, 0.5}))
        origins = _calibration_origins(panel, cut, model.horizon, stride)
        age = panel.indptr[origins.series + 1] - model.horizon - origins.end
        weights = 0.5 ** (age * HALF_LIVES_OF_SCORES / held)
        prediction = _at(model.predict(panel, origins), levels)
        ratios = roughness_ratios(panel, origins, model.horizon, season_length)
        powers = exponents(ratios, _relative_sizes(prediction, panel, origins), weights)
        scores = _scores(prediction, panel, origins, season_length, powers)
        last_times = panel.grid.shift(panel.starts, panel.lengths - 1).tolist()
        trained = dict(zip(map(str, panel.ids), last_times, strict=True))
        return cls(levels, scores, weights, season_length, adaptive, trained, powers)

    def adjust(self, model: Model, panel: Panel, origins: Origins) -> Prediction:
        """Forecast with calibrated quantiles.

        Args:
            model: the model that `fit` fitted.
            panel: the rows to read.
            origins: n origins.

        Returns:
            Moved quantiles, (n, horizon, levels), ascending, around moved points, (n, horizon). A point that is the
            median is the calibrated 0.5 quantile. One that is a mean moves by the mean of its scores, because errors
            of a mean are nil on average, not more often than not.
        """
        scale, factor = _scales(panel, origins, model.horizon, self.season_length, self.exponents)
        prediction = _stretched(_at(model.predict(panel, origins), self.levels), factor)
        levels = np.tile(np.array(self.levels), (len(origins), 1))  # (n, levels)
        if self.adaptive:
            levels = self._adapted_levels(model, panel, origins)
        quantiles = self._moved(prediction, scale, levels)
        middle = self.levels.index(0.5)
        point = quantiles[:, :, middle]
        if prediction.is_mean:
            point = prediction.point + scale * [pools[-1].mean for pools in self._pools]
        return replace(prediction, point=point.copy(), quantiles=quantiles, inverse=None)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return everything but the season length as arrays by name, for a model directory."""
        trained = np.frombuffer(json.dumps(self.trained).encode(), np.uint8).copy()
        numbers = {"levels": np.array(self.levels), "adaptive": np.array([int(self.adaptive)])}
        return {
            "scores": self.scores,
            "weights": self.weights,
            "trained": trained,
            "exponents": self.exponents,
            **numbers,
        }

    @classmethod
    def restore(cls, state: dict[str, NDArray[Any]], season_length: int) -> Conformal:
        """Build the calibration that `state` described.

        Raises:
            ModelError: if the scores of the point are missing, as in directories that an older version wrote, or if the
                arrays are no calibration.
        """
        trained = json_of(state, "trained")
        if not isinstance(trained, dict) or not all(type(time) is int for time in trained.values()):
            raise ModelError("the calibration's last times are no whole numbers by series", hint=REMEDY)
        _check_saved({name: array for name, array in state.items() if name != "trained"})
        levels, adaptive = tuple(state["levels"].tolist()), bool(state["adaptive"][0])
        weights, powers = state["weights"], state["exponents"]
        return cls(levels, state["scores"], weights, season_length, adaptive, trained, powers)

    def _adapted_levels(self, model: Model, panel: Panel, origins: Origins) -> Floats:
        """Compute the levels, (n, levels), that would have been right on each series' forecasts since training.

        They move away from the requested levels only as far as the evidence carries: with h horizons that came true,
        by a share h / (h + 0.5) of the way.
        """
        requested = np.array(self.levels)
        levels = np.tile(requested, (len(origins), 1))
        past = PastForecasts.of(panel, origins, self._first_unseen_row(panel), model.horizon)
        if not len(past.origins):
            return levels
        prediction = _at(model.predict(panel, past.origins), self.levels)
        ranks = self._ranks(_scores(prediction, panel, past.origins, self.season_length, self.exponents))
        low = np.where(requested < 0.5, requested / LARGEST_TAIL_CHANGE, 0.5)
        high = np.where(requested > 0.5, 1 - (1 - requested) / LARGEST_TAIL_CHANGE, 0.5)
        for part in past.parts():
            part_ranks, n_horizons = past.came_true(ranks, part)
            share = (n_horizons / (n_horizons + HORIZONS_FOR_HALF_WEIGHT))[:, None]
            right = self._levels_of_ranks(part_ranks, n_horizons * model.horizon)
            # a series without a past forecast has no `right` level, and NaN times 0 is NaN
            levels[part] = np.clip(requested + share * np.where(share > 0, right - requested, 0), low, high)
        return levels

    def _ranks(self, scores: Floats) -> Floats:
        """Return the rank in (0, 1) of what `_scores` returned among a step's and level's scores, (n, horizon, levels)."""
        scores = scores[:, :, :-1]
        ranks = np.full(scores.shape, np.nan)
        for step, number, pool in self._each_pool():
            ranks[:, step, number] = pool.rank(scores[:, step, number])
        return np.where(np.isfinite(scores), ranks, np.nan)

    def _levels_of_ranks(self, ranks: Floats, n_rows: Floats) -> Floats:
        """Compute the quantiles of each series' ranks, (n, ranks, levels), at the levels: (n, levels).

        A level borrows its mirror's ranks as it borrows scores, where the rows that came true, (n,), are few.
        """
        levels = np.empty((len(ranks), len(self.levels)))
        for number, level in enumerate(self.levels):
            mirror = _index_of(self.levels, 1 - level)
            own = ranks[:, :, number]
            other = np.full_like(own, np.nan) if mirror is None else 1 - ranks[:, :, mirror]
            share = np.broadcast_to(mirror_share(level, n_rows)[:, None], own.shape)
            levels[:, number] = quantile_by_row(np.hstack([own, other]), np.hstack([np.ones_like(own), share]), level)
        return levels

    def _moved(self, prediction: Prediction, scale: Floats, levels: Floats) -> Floats:
        """Add to the quantiles the scores at `levels` (n, levels), each times its scale (n, horizon)."""
        assert prediction.quantiles is not None
        moved = prediction.quantiles.copy()
        for step, number, pool in self._each_pool():
            moved[:, step, number] += scale[:, step] * pool.quantile(levels[:, number])
        return _in_order(moved, self.levels.index(0.5))

    def _each_pool(self) -> Iterator[tuple[int, int, ScorePool]]:
        """Yield each pool with the numbers of its step and level."""
        for step, pools in enumerate(self._pools):
            for number, pool in enumerate(pools[:-1]):
                yield step, number, pool

    @cached_property
    def _pools(self) -> list[list[ScorePool]]:
        """Pool the scores of each step and level, and last of its point; where origins are few, a step borrows scores of the steps around it.

        Where these are still few for a level, its mirror image (0.9 of 0.1) lends its own: see `mirror_share`.
        """
        horizon = self.scores.shape[1]
        reach = (-(-MIN_SCORES_PER_QUANTILE // max(int(effective_number(self.weights)), 1)) - 1) // 2
        pools = []
        for step in range(horizon):
            near = self.scores[:, max(0, step - reach) : step + reach + 1]  # (n, steps around, levels)
            weights = np.broadcast_to(self.weights[:, None], near.shape[:2])
            of_levels = [self._pool(near, weights, number) for number in range(len(self.levels))]
            pools.append([*of_levels, ScorePool.of(near[:, :, -1], weights)])
        return pools

    def _pool(self, near: Floats, weights: Floats, number: int) -> ScorePool:
        """Pool a level's scores among those near a step, (n, steps around, levels), with its mirror's as far as needed."""
        level, own = self.levels[number], near[:, :, number]
        mirror = _index_of(self.levels, 1 - level)
        share = float(mirror_share(level, effective_number(weights[np.isfinite(own)])))
        if mirror is None or not share:
            return ScorePool.of(own, weights)
        return ScorePool.of(np.stack([own, -near[:, :, mirror]]), np.stack([weights, share * weights]))

    def _first_unseen_row(self, panel: Panel) -> Integers:
        """Return the flat row, (series,), from which on training has not seen a series; of a new series, its first row."""
        was_trained = np.array([str(name) in self.trained for name in panel.ids])
        last = [self.trained.get(str(name), start) for name, start in zip(panel.ids, panel.starts, strict=True)]
        rows, _ = panel.grid.steps(panel.starts, np.array(last, np.int64))
        return panel.indptr[:-1] + np.where(was_trained, np.clip(rows + 1, 0, panel.lengths), 0)


def _check_saved(arrays: dict[str, NDArray[Any]]) -> None:
    """Refuse arrays that `Conformal.state` cannot have returned."""
    n_levels = len(arrays["levels"]) if "levels" in arrays and arrays["levels"].ndim else 0
    scores = arrays.get("scores")
    if n_levels and scores is not None and scores.ndim == 3 and scores.shape[2] == n_levels:
        raise ModelError("this model was calibrated by an older version, without its median", hint="Fit it again.")
    n_origins = None if scores is None or not scores.ndim else len(scores)
    check_arrays(
        arrays,
        {
            "levels": Expected(np.float64, (n_levels,)),
            "scores": Expected(np.float64, (n_origins, None, n_levels + 1), finite=False),
            "weights": Expected(np.float64, (n_origins,), least=0, most=1),
            "adaptive": Expected(np.int64, (1,), least=0, most=1),
            "exponents": Expected(np.float64, (FEATURES,), least=0, most=1),
        },
    )
    levels = arrays["levels"]
    if 0.5 not in levels or levels.min() <= 0 or levels.max() >= 1 or (np.diff(levels) <= 0).any():
        raise ModelError("the calibration's levels do not ascend in (0, 1) past 0.5", hint=REMEDY)
    if np.isinf(arrays["scores"]).any():
        raise ModelError("the calibration's scores are not finite", hint=REMEDY)


def calibrating_rows(panel: Panel, horizon: int) -> tuple[int, int]:
    """Plan the calibration: enough origins for `MIN_SCORES_PER_QUANTILE` scores, but at most a quarter of the rows.

    Args:
        panel: all training rows.
        horizon: steps of a forecast.

    Returns:
        Rows held back at each series' end (0 where series are too short), and rows between two calibration origins.
    """
    length = int(np.median(panel.lengths))
    origins_per_series = -(-MIN_SCORES_PER_QUANTILE // panel.n_series)
    most = length // MIN_ROWS_PER_ROW_HELD_BACK
    if most < horizon:
        return (horizon if length >= 2 * horizon + MIN_HISTORY_ROWS else 0), horizon
    held = min(most, horizon * max(origins_per_series, MIN_HORIZONS_HELD_BACK))
    n_origins = (held - horizon + 1) * panel.n_series
    return held, max(1, min(horizon, n_origins // MAX_CALIBRATION_ORIGINS))


def _scores(prediction: Prediction, panel: Panel, origins: Origins, season_length: int, powers: Floats) -> Floats:
    """Return actual less predicted quantiles and point, (n, horizon, levels + 1), in units of each step's scale."""
    horizon = prediction.point.shape[1]
    scale, factor = _scales(panel, origins, horizon, season_length, powers)
    prediction = _stretched(prediction, factor)
    assert prediction.quantiles is not None, "a model is calibrated at levels that it predicts"
    forecasts = np.concatenate([prediction.quantiles, prediction.point[:, :, None]], axis=2)
    return np.asarray((actuals(panel, origins, horizon)[:, :, None] - forecasts) / scale[:, :, None])


def _relative_sizes(prediction: Prediction, panel: Panel, origins: Origins) -> Floats:
    """Return the distance of actuals from the median over the width that was predicted, (n, horizon), or NaN."""
    assert prediction.quantiles is not None, "a model is calibrated at levels that it predicts"
    width = prediction.quantiles[:, :, -1] - prediction.quantiles[:, :, 0]
    median = prediction.quantiles[:, :, prediction.levels.index(0.5)]
    distance = np.abs(actuals(panel, origins, width.shape[1]) - median)
    return np.divide(distance, width, out=np.full_like(width, np.nan), where=width > 0)


def _stretched(prediction: Prediction, factor: Floats) -> Prediction:
    """Multiply the distances of the quantiles from the median by a factor, (n, horizon)."""
    assert prediction.quantiles is not None, "a model is calibrated at levels that it predicts"
    middle = prediction.levels.index(0.5)
    median = prediction.quantiles[:, :, middle : middle + 1]
    stretched = median + (prediction.quantiles - median) * factor[:, :, None]
    return replace(prediction, quantiles=np.where(factor[:, :, None] == 1, prediction.quantiles, stretched))


def _scales(panel: Panel, origins: Origins, horizon: int, season_length: int, powers: Floats) -> tuple[Floats, Floats]:
    """Return each step's scale of errors in units of the target, and its factor on the origin's, both (n, horizon)."""
    factor = np.ones((len(origins), horizon))
    if powers.any():
        factor = growth(roughness_ratios(panel, origins, horizon, season_length), powers)
    return scale_before(panel, origins, season_length)[:, None] * factor, factor


def _at(prediction: Prediction, levels: tuple[float, ...]) -> Prediction:
    """Return the prediction at levels of which 0.5 is one; there stands the point, where it is the median."""
    found = prediction.at(levels)
    if found.is_mean or found.quantiles is None:
        return found
    middle = levels.index(0.5)
    quantiles = found.quantiles.copy()
    quantiles[:, :, middle] = found.point
    return replace(found, quantiles=_in_order(quantiles, middle))


def _in_order(quantiles: Floats, middle: int) -> Floats:
    """Order quantiles, (n, horizon, levels), without moving the median: it pushes aside what is on the wrong side."""
    median = quantiles[:, :, middle : middle + 1]
    below, above = quantiles[:, :, :middle], quantiles[:, :, middle + 1 :]
    sides = np.sort(np.minimum(below, median), axis=2), median, np.sort(np.maximum(above, median), axis=2)
    return np.concatenate(sides, axis=2)


def _calibration_origins(panel: Panel, cut: Integers, horizon: int, stride: int) -> Origins:
    """Place origins `stride` rows apart from each series' cut on, each with a whole horizon after it."""
    parts = [np.arange(end, panel.indptr[k + 1] - horizon + 1, stride) for k, end in enumerate(cut)]
    series = np.repeat(np.arange(panel.n_series), [len(part) for part in parts])
    ends = np.concatenate(parts)
    chosen = evenly_spread(len(ends), MAX_CALIBRATION_ORIGINS)
    return Origins(series[chosen], ends[chosen])


def _index_of(levels: tuple[float, ...], level: float) -> int | None:
    """Return the number of a level among `levels`, but for rounding; None where it is not among them."""
    return next((k for k, other in enumerate(levels) if abs(other - level) < 1e-9), None)
