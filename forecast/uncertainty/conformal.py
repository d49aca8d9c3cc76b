"""Conformal calibration: quantiles moved so that they were right on rows the model had not seen."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.panel import Panel
from forecast.datasets.windows.history import actuals, ends_without_newest, scale_before
from forecast.datasets.windows.origins import Origins, evenly_spread
from forecast.protocol import Model, Prediction
from forecast.uncertainty.score_pool import ScorePool

Floats = NDArray[np.float64]
SCORES = 200  # wanted for a quantile; with fewer origins, neighbouring steps lend theirs
ORIGINS = 1024  # calibration origins, at most
LEAST_HORIZONS = 2  # that calibrate where many series give many origins; each is lost to training
FOLLOWED = 256  # origins whose past is gathered together
SHARE = 4  # of a median series' rows, one in so many calibrates, at most
LEAST_ROWS = 4  # of history before an origin
HALVES = 8  # times that a score's weight halves over the calibration rows: about a third of the scores count in the end
BLOCKS = 8  # horizons of its own past that adaptive calibration looks back on
LOOKS = 4  # of the forecasts made in one of them
TRUST = 0.5  # horizons that have come true that weigh as much as the calibration rows
FARTHEST = 5  # a tail grows or shrinks to at most so many times what was asked for: few scores say more


@dataclass(frozen=True, eq=False)
class Conformal:
    """What the calibration rows taught.

    Args:
        levels: quantile levels.
        scores: (n, horizon, levels), actual less quantile in units of each origin's scale, NaN where unknown.
        weights: (n,) of each origin's scores, 1 at the newest rows, less the older they are.
        season_length: of the scale.
        adaptive: whether the levels follow each series' own newest coverage.
        trained: time of each series' last row that taught the model or these scores, by id.

    References:
        Romano, Patterson & Candès (2019), Conformalized Quantile Regression; Gibbs & Candès (2021), Adaptive Conformal
        Inference Under Distribution Shift; Barber et al. (2023), Conformal prediction beyond exchangeability (weights
        by age).
    """

    levels: tuple[float, ...]
    scores: Floats
    weights: Floats
    season_length: int
    adaptive: bool
    trained: dict[str, int]

    @classmethod
    def fit(
        cls, model: Model, panel: Panel, levels: tuple[float, ...], season_length: int, *, adaptive: bool
    ) -> Conformal | None:
        """Fit a model on all but the newest rows, and score it at origins inside these; None, and nothing fitted, where
        series are too short to spare a horizon.

        The model keeps what it learnt: one fitted again on all rows errs less, by nobody knows how much. With scores
        that weigh w in all, a central interval covers at least what was asked for, as far as rows are exchangeable,
        and up to w / (w + 1): more than the largest error seen cannot be said. Where errors drift, it misses by their
        drift over the newest of the calibration rows, for old scores weigh little.
        """
        held, stride = calibrating_rows(panel, model.horizon)
        cut = ends_without_newest(panel, held, least=max(LEAST_ROWS, held))
        if not held or (cut == panel.indptr[1:]).all():
            return None
        model.fit(panel.truncate(cut))
        origins = _origins(panel, cut, model.horizon, stride)
        found = model.predict(panel, origins).at(levels)
        assert found.quantiles is not None, "a model is calibrated at the levels it was asked for"
        actual = actuals(panel, origins, model.horizon)
        scale = scale_before(panel, origins, season_length)
        scores = (actual[:, :, None] - found.quantiles) / scale[:, None, None]
        age = panel.indptr[origins.series + 1] - model.horizon - origins.end
        weights = 0.5 ** (age * HALVES / held)
        ends = panel.grid.shift(panel.starts, panel.lengths - 1).tolist()
        trained = dict(zip(map(str, panel.ids), ends, strict=True))
        return cls(levels, scores, weights, season_length, adaptive, trained)

    def adjust(self, model: Model, panel: Panel, origins: Origins) -> Prediction:
        """The model's forecasts with calibrated quantiles, ascending."""
        found = model.predict(panel, origins).at(self.levels)
        levels = np.tile(np.array(self.levels), (len(origins), 1))
        if self.adaptive:
            levels = self._followed(model, panel, origins)
        quantiles = self._moved(found, scale_before(panel, origins, self.season_length), levels)
        return Prediction(found.point, self.levels, quantiles)

    def state(self) -> dict[str, NDArray[Any]]:
        trained = np.frombuffer(json.dumps(self.trained).encode(), np.uint8).copy()
        numbers = {"levels": np.array(self.levels), "adaptive": np.array([int(self.adaptive)])}
        return {"scores": self.scores, "weights": self.weights, "trained": trained, **numbers}

    @classmethod
    def restore(cls, state: dict[str, NDArray[Any]], season_length: int) -> Conformal:
        levels = tuple(float(level) for level in state["levels"])
        trained = json.loads(state["trained"].tobytes())
        scores, adaptive = state["scores"], bool(state["adaptive"][0])
        return cls(levels, scores, state["weights"], season_length, adaptive, trained)

    def _followed(self, model: Model, panel: Panel, origins: Origins) -> Floats:
        """Levels (n, levels) that would have been right on each series' forecasts since training, as far as these are
        many: the fewer horizons have come true, the nearer the levels stay to what was asked for."""
        wanted = np.array(self.levels)
        levels = np.tile(wanted, (len(origins), 1))
        back = -(-model.horizon // LOOKS) * np.arange(1, BLOCKS * LOOKS + 1)
        ends = origins.end[:, None] - back
        first = np.maximum(panel.indptr[origins.series] + LEAST_ROWS, self._unseen(panel)[origins.series])
        there = ends >= first[:, None]
        if not there.any():
            return levels
        found, where, place = np.unique(ends[there], return_index=True, return_inverse=True)
        past = Origins(np.broadcast_to(origins.series[:, None], ends.shape)[there][where], found)
        ranks = self._ranks(model, panel, past)
        index = np.zeros(ends.shape, np.int64)
        index[there] = place
        come = np.arange(model.horizon) < back[:, None]  # by the origin, of the forecasts made so many rows before it
        low, high = (
            np.where(wanted < 0.5, wanted / FARTHEST, 0.5),
            np.where(wanted > 0.5, 1 - (1 - wanted) / FARTHEST, 0.5),
        )
        for start in range(0, len(origins), FOLLOWED):
            part = slice(start, start + FOLLOWED)
            seen = np.where((there[part, :, None] & come)[..., None], ranks[index[part]], np.nan)
            horizons = np.isfinite(seen[..., 0]).sum(axis=(1, 2)) / (LOOKS * model.horizon)
            share = (horizons / (horizons + TRUST))[:, None]
            own = self._own_levels(seen.reshape(len(seen), -1, len(wanted)))
            levels[part] = np.clip(wanted + share * np.where(share > 0, own - wanted, 0), low, high)
        return levels

    def _ranks(self, model: Model, panel: Panel, origins: Origins) -> Floats:
        """Where what came stands among the scores of each step and level, (n, horizon, levels) in (0, 1)."""
        found = model.predict(panel, origins).at(self.levels)
        assert found.quantiles is not None
        actual, scale = actuals(panel, origins, model.horizon), scale_before(panel, origins, self.season_length)
        scores = (actual[:, :, None] - found.quantiles) / scale[:, None, None]
        ranks = np.full(scores.shape, np.nan)
        for step, pooled in enumerate(self._pooled):
            for number, pool in enumerate(pooled):
                ranks[:, step, number] = pool.rank(scores[:, step, number])
        return np.where(np.isfinite(scores), ranks, np.nan)

    def _own_levels(self, ranks: Floats) -> Floats:
        """The ranks' quantiles at the levels, mirror images together, (n, levels) of (n, ranks, levels)."""
        own = np.empty((len(ranks), len(self.levels)))
        for number, level in enumerate(self.levels):
            mirror = _place(self.levels, 1 - level)
            sides = [ranks[:, :, number]] + ([] if mirror is None else [1 - ranks[:, :, mirror]])
            pool = np.sort(np.concatenate(sides, axis=1), axis=1)
            known = np.isfinite(pool).sum(axis=1)
            rank = np.clip(np.ceil((known + 1) * level) if level >= 0.5 else np.floor((known + 1) * level), 1, None)
            rank = np.minimum(rank, np.maximum(known, 1)).astype(np.int64)
            own[:, number] = np.take_along_axis(pool, rank[:, None] - 1, axis=1)[:, 0]
        return own

    def _moved(self, found: Prediction, scale: Floats, levels: Floats) -> Floats:
        assert found.quantiles is not None
        moved = found.quantiles.copy()
        for step, pooled in enumerate(self._pooled):
            for number, pool in enumerate(pooled):
                moved[:, step, number] += scale * pool.quantile(levels[:, number])
        return np.sort(moved, axis=2)

    @cached_property
    def _pooled(self) -> list[list[ScorePool]]:
        """Scores of each step and level; few origins borrow those of the steps around.

        A level and its mirror image (0.1 and 0.9) share theirs: which side the calibration rows lay on is chance.
        """
        horizon, count = self.scores.shape[1], float(self.weights.sum() ** 2 / np.square(self.weights).sum())
        reach = (-(-SCORES // max(int(count), 1)) - 1) // 2
        mirror = [_place(self.levels, 1 - level) for level in self.levels]
        pools = []
        for step in range(horizon):
            near = self.scores[:, max(0, step - reach) : step + reach + 1]
            sides = [(near[:, :, k], near[:, :, k] if m is None else -near[:, :, m]) for k, m in enumerate(mirror)]
            weights = np.broadcast_to(self.weights[:, None], (2, *near.shape[:2]))
            pools.append([ScorePool.of(np.stack(pair), weights) for pair in sides])
        return pools

    def _unseen(self, panel: Panel) -> NDArray[np.int64]:
        """The first row of each series of a panel that training has not seen, (series,)."""
        known = np.array([str(name) in self.trained for name in panel.ids])
        last = [self.trained.get(str(name), start) for name, start in zip(panel.ids, panel.starts, strict=True)]
        rows, _ = panel.grid.steps(panel.starts, np.array(last, np.int64))
        return panel.indptr[:-1] + np.where(known, np.clip(rows + 1, 0, panel.lengths), 0)


def calibrating_rows(panel: Panel, horizon: int) -> tuple[int, int]:
    """Rows at each series' end that calibrate, and rows between their origins."""
    length = int(np.median(panel.lengths))
    wanted = -(-SCORES // panel.n_series)
    most = length // SHARE
    if most < horizon:
        return (horizon if length >= 2 * horizon + LEAST_ROWS else 0), horizon
    held = min(most, horizon * max(wanted, LEAST_HORIZONS))
    origins = held - horizon + 1
    return held, max(1, min(horizon, origins // wanted, held))


def _origins(panel: Panel, cut: NDArray[np.int64], horizon: int, stride: int) -> Origins:
    parts = [np.arange(end, panel.indptr[k + 1] - horizon + 1, stride) for k, end in enumerate(cut)]
    series = np.repeat(np.arange(panel.n_series), [len(part) for part in parts])
    ends = np.concatenate(parts)
    chosen = evenly_spread(len(ends), ORIGINS)
    return Origins(series[chosen], ends[chosen])


def _place(levels: tuple[float, ...], wanted: float) -> int | None:
    return next((k for k, level in enumerate(levels) if abs(level - wanted) < 1e-9), None)
