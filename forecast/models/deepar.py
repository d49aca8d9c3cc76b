"""A network that forecasts the distribution of the next row, draws the row from it, and reads it as the newest row."""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from typing import Any, Self
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray

from forecast.datasets.errors import ConfigError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins, gather
from forecast.models.inference import threads
from forecast.models.recurrent import RecurrentModel
from forecast.networks.heads import SCALE_OF_FLAT_HISTORY, distribution_heads
from forecast.networks.network import ForecastNetwork
from forecast.protocol import Prediction
from forecast.settings import Settings

Floats = NDArray[np.float64]
N_PATHS = 200  # from which quantiles and the point are computed
ORIGINS_AT_ONCE = 16
MOST_ROWS_DRAWN = 10_000  # no weight says how many, and each costs a pass of all paths
MIN_LOOKBACK = 24  # rows, where the series have as many


class RecursiveModel(RecurrentModel):
    """A network that is trained to forecast one row at every origin; the horizon is drawn row after row.

    Args:
        name: the name by which the user chose the model.
        cell: a name in `CELLS`.
        settings: the user's settings.
        season_length: steps in a season.
        more: the other keywords of `RecurrentModel`.

    Raises:
        ConfigError: if the head forecasts no distribution, there are past covariates or a transform, or the horizon is
            longer than `MOST_ROWS_DRAWN`.

    References:
        Salinas et al. (2020), DeepAR: Probabilistic Forecasting with Autoregressive Recurrent Networks.
    """

    def __init__(self, name: str, cell: str, settings: Settings, season_length: int, **more: Any) -> None:
        super().__init__(name, cell, replace(settings, horizon=1, quantiles=()), season_length, **more)
        self.requested, self.horizon = settings, settings.horizon
        problems = []
        if settings.head not in distribution_heads():
            expected = f"one of {', '.join(distribution_heads())}"
            problems.append(Problem(what=f"head={settings.head!r} with {name}", expected=expected))
        if settings.past:
            what = f"past covariates {', '.join(settings.past)} with {name}"
            remedy = "They are unknown where it reads its own samples; use gru, or name them known."
            problems.append(Problem(what=what, expected="none", remedy=remedy))
        if settings.transform != "auto" and settings.transform != "none":
            problems.append(Problem(what=f"transform={settings.transform!r} with {name}", expected="none"))
        if settings.horizon > MOST_ROWS_DRAWN:
            what, expected = f"horizon={settings.horizon} with {name}", f"at most {MOST_ROWS_DRAWN}"
            problems.append(Problem(what=what, expected=expected, remedy="It draws row after row; use gru."))
        if problems:
            raise ConfigError(f"{name} cannot do this", problems=problems)

    @property
    def context(self) -> int:
        return int(self.resolved.lookback) + (self.horizon if self.settings.known else 0)

    def plan(self, panel: Panel) -> tuple[Settings, dict[str, str]]:
        resolved, reasons = super().plan(panel)
        return self._with_horizon(resolved), reasons

    def fit(self, panel: Panel) -> RecursiveModel:
        super().fit(panel)
        self.resolved = self._with_horizon(self.resolved)
        return self

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        super().restore(state)
        self.resolved = self.requested

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        """Forecast with the point and the quantiles of `N_PATHS` drawn futures, interpolated between them."""
        drawn = np.sort(self.paths(panel, origins, N_PATHS, self.requested.seed), axis=2)

        def inverse(levels: Floats) -> Floats:
            # the k-th smallest of n draws, k from 0, is the quantile of level (k + 0.5) / n
            place = np.clip(levels * N_PATHS - 0.5, 0, N_PATHS - 1)
            low = np.broadcast_to(np.floor(place).astype(np.int64), (*drawn.shape[:2], levels.shape[2]))
            high = np.minimum(low + 1, N_PATHS - 1)
            left, right = np.take_along_axis(drawn, low, 2), np.take_along_axis(drawn, high, 2)
            return np.asarray(left + (place - np.floor(place)) * (right - left))

        mean = self.requested.point == "mean"
        point = drawn.mean(axis=2) if mean else inverse(np.full((1, 1, 1), 0.5))[:, :, 0]
        return Prediction(point, inverse=inverse, is_mean=mean).at(self.requested.quantiles)

    def extended(self, horizon: int) -> Self:
        """Return the fitted model with another horizon: it draws row after row."""
        longer = copy(self)
        longer.horizon = horizon
        return longer

    def paths(self, panel: Panel, origins: Origins, samples: int, seed: int) -> Floats:
        """Draw futures row after row, each row from the distribution after the rows drawn before it.

        Args:
            panel: the rows.
            origins: n origins.
            samples: number of futures for each origin.
            seed: decides the random numbers, together with the series' id and the time of the origin.

        Returns:
            (n, horizon, samples) in units of the target.
        """
        assert self.network is not None, "predict before fit"
        encoded = self.encoded(panel)
        out = np.empty((len(origins), self.horizon, samples))
        with threads(int(self.resolved.threads)), torch.inference_mode():
            for start in range(0, len(origins), ORIGINS_AT_ONCE):
                part = origins[start : start + ORIGINS_AT_ONCE]
                uniform = np.stack([_uniform(panel, part, k, self.horizon, samples, seed) for k in range(len(part))])
                out[start : start + ORIGINS_AT_ONCE] = self._drawn(self.network, encoded, part, uniform)
        return out + panel.offset[origins.series, 0][:, None, None]

    def _drawn(self, network: ForecastNetwork, panel: Panel, origins: Origins, uniform: Floats) -> Floats:
        """Draw futures of a few origins.

        Args:
            network: a trained network.
            panel: the rows as the network reads them.
            origins: n origins, at most `ORIGINS_AT_ONCE`.
            uniform: (n, horizon, samples), uniform random numbers in (0, 1).

        Returns:
            (n, horizon, samples) in units of the target, less each series' offset.
        """
        n, lookback, samples = len(origins), network.settings.window.lookback, uniform.shape[2]
        # the last origin is repeated so that a pass has a fixed size: sums of another length round in another order
        number = np.minimum(np.arange(ORIGINS_AT_ONCE), n - 1)
        origins, uniform = Origins(origins.series[number], origins.end[number]), uniform[number]
        # from here on an axis holds (origin, sample) pairs: every sample is a sequence of its own
        window = gather(panel, origins, before=lookback, after=self.horizon)
        values = torch.from_numpy(window.values).repeat_interleave(samples, 0)
        observed = torch.from_numpy(window.observed).repeat_interleave(samples, 0)
        observed[:, lookback:, 0] = True  # drawn rows are read as if they had been observed
        static = torch.from_numpy(panel.static_values[origins.series]).repeat_interleave(samples, 0)
        offset = torch.from_numpy(panel.offset[origins.series, 0]).repeat_interleave(samples)[:, None]
        family = network.head.family
        assert family is not None, "checked when the model was made"
        for step in range(self.horizon):
            rows = slice(step, step + lookback + 1)
            out = network(values[:, rows], observed[:, rows], static)
            level, scale = out.level[:, -1].double(), out.scale[:, -1].double()
            safe_scale = torch.where(scale > 0, scale, SCALE_OF_FLAT_HISTORY)
            raw, zero = out.normalised[:, -1].double(), (-offset - level) / safe_scale
            parameters = [p.numpy() for p in family.parameters(raw, zero, safe_scale)]
            drawn = torch.from_numpy(family.frozen(parameters).ppf(uniform[:, step].reshape(-1, 1)))
            row = drawn - offset if family.in_target_units else level + safe_scale * drawn
            values[:, lookback + step, 0] = row[:, 0].float()
        future = values[:, lookback:, 0].double().reshape(ORIGINS_AT_ONCE, samples, self.horizon)
        return future.transpose(1, 2).numpy()[:n]

    def _decided(self, panel: Panel) -> tuple[Settings, dict[str, str]]:
        decided, why = super()._decided(panel)
        segment, lookback, memory = decided.segment, decided.lookback, decided.memory
        if segment == "auto":
            segment = 1
        if lookback == "auto":
            enough = max(MIN_LOOKBACK, self.horizon, 2 * self.season_length)
            rows = min(enough, max(1, int(np.median(panel.lengths)) - 1))
            lookback = -(-rows // segment) * segment
            why["lookback"] = f"the horizon, two seasons or {MIN_LOOKBACK} rows"
        if memory == "auto":
            memory, why["memory"] = lookback, "a scale from few rows would feed on the samples it made"
        return replace(decided, segment=segment, lookback=lookback, memory=memory), why

    def _with_horizon(self, resolved: Settings) -> Settings:
        """Restore the user's horizon and quantiles, in the place of the one row that the network is trained for."""
        return replace(resolved, horizon=self.horizon, quantiles=self.requested.quantiles)


def _uniform(panel: Panel, origins: Origins, number: int, horizon: int, samples: int, seed: int) -> Floats:
    """Draw uniform numbers, (horizon, samples), that depend on one origin only, whatever is forecast beside it."""
    series, end = origins.series[number : number + 1], origins.end[number : number + 1]
    time = panel.grid.shift(panel.starts[series], end - panel.indptr[series])[0]
    key = [seed, crc32(str(panel.ids[series[0]]).encode()), abs(int(time))]
    return np.random.default_rng(key).random((horizon, samples))
