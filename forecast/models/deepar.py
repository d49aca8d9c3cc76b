"""One step at a time: a network that forecasts the next row's distribution and reads what is drawn from it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray

from forecast.datasets.errors import ConfigError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins, gather
from forecast.models.inference import threads
from forecast.models.recurrent import RecurrentModel
from forecast.networks.heads import distribution_heads
from forecast.networks.network import ForecastNetwork
from forecast.protocol import Prediction
from forecast.settings import Settings

Floats = NDArray[np.float64]
SAMPLES = 200  # paths that quantiles and the point are taken from
TOGETHER = 16  # origins in one forward pass
SHORTEST = 24  # rows read where the season is shorter


class RecursiveModel(RecurrentModel):
    """A network trained to forecast one row, at every origin; the horizon is drawn row after row.

    References:
        Salinas et al. (2020), DeepAR: Probabilistic Forecasting with Autoregressive Recurrent Networks.
    """

    def __init__(self, name: str, cell: str, settings: Settings, season_length: int, **more: Any) -> None:
        super().__init__(name, cell, replace(settings, horizon=1, quantiles=()), season_length, **more)
        self.requested, self.horizon = settings, settings.horizon
        problems = []
        if settings.head not in distribution_heads():
            wanted = f"one of {', '.join(distribution_heads())}"
            problems.append(Problem(what=f"head={settings.head!r} with {name}", expected=wanted))
        if settings.past:
            what = f"past covariates {', '.join(settings.past)} with {name}"
            remedy = "They are unknown where it reads its own samples; use gru, or name them known."
            problems.append(Problem(what=what, expected="none", remedy=remedy))
        if settings.transform != "auto" and settings.transform != "none":
            problems.append(Problem(what=f"transform={settings.transform!r} with {name}", expected="none"))
        if problems:
            raise ConfigError(f"{name} cannot do this", problems=problems)

    @property
    def context(self) -> int:
        return int(self.resolved.lookback) + (self.horizon if self.settings.known else 0)

    def plan(self, panel: Panel) -> tuple[Settings, dict[str, str]]:
        resolved, reasons = super().plan(panel)
        return self._whole(resolved), reasons

    def fit(self, panel: Panel) -> RecursiveModel:
        super().fit(panel)
        self.resolved = self._whole(self.resolved)
        return self

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        super().restore(state)
        self.resolved = self.requested

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        """Point and quantiles of `SAMPLES` paths."""
        drawn = np.sort(self.paths(panel, origins, SAMPLES, self.requested.seed), axis=2)

        def inverse(levels: Floats) -> Floats:
            place = np.clip(levels * SAMPLES - 0.5, 0, SAMPLES - 1)
            low = np.broadcast_to(np.floor(place).astype(np.int64), (*drawn.shape[:2], levels.shape[2]))
            high = np.minimum(low + 1, SAMPLES - 1)
            left, right = np.take_along_axis(drawn, low, 2), np.take_along_axis(drawn, high, 2)
            return np.asarray(left + (place - np.floor(place)) * (right - left))

        point = drawn.mean(axis=2) if self.requested.point == "mean" else inverse(np.full((1, 1, 1), 0.5))[:, :, 0]
        return Prediction(point, inverse=inverse).at(self.requested.quantiles)

    def paths(self, panel: Panel, origins: Origins, samples: int, seed: int) -> Floats:
        """Futures drawn row after row, each row from the distribution after the rows drawn before it.

        Returns:
            (n, horizon, samples) in units of the target.
        """
        assert self.network is not None, "predict before fit"
        encoded = self.encoded(panel)
        out = np.empty((len(origins), self.horizon, samples))
        with threads(int(self.resolved.threads)), torch.inference_mode():
            for start in range(0, len(origins), TOGETHER):
                part = origins[start : start + TOGETHER]
                chance = np.stack([_chance(panel, part, k, self.horizon, samples, seed) for k in range(len(part))])
                out[start : start + TOGETHER] = self._drawn(self.network, encoded, part, chance)
        return out + panel.offset[origins.series, 0][:, None, None]

    def _drawn(self, network: ForecastNetwork, panel: Panel, origins: Origins, chance: Floats) -> Floats:
        """(n, horizon, samples) less each series' offset; `chance` are uniform numbers of that shape."""
        n, lookback, samples = len(origins), network.settings.window.lookback, chance.shape[2]
        # always as many origins together: sums of another length are rounded in another order
        number = np.minimum(np.arange(TOGETHER), n - 1)
        origins, chance = Origins(origins.series[number], origins.end[number]), chance[number]
        window = gather(panel, origins, before=lookback, after=self.horizon)
        values = torch.from_numpy(window.values).repeat_interleave(samples, 0)
        observed = torch.from_numpy(window.observed).repeat_interleave(samples, 0)
        observed[:, lookback:, 0] = True
        static = torch.from_numpy(panel.static_values[origins.series]).repeat_interleave(samples, 0)
        offset = torch.from_numpy(panel.offset[origins.series, 0]).repeat_interleave(samples)[:, None]
        family = network.head.family
        assert family is not None, "checked when the model was made"
        for step in range(self.horizon):
            rows = slice(step, step + lookback + 1)
            out = network(values[:, rows], observed[:, rows], static)
            level, scale = out.level[:, -1].double(), out.scale[:, -1].double()
            safe = torch.where(scale > 0, scale, 1e-9)
            raw, zero = out.normalised[:, -1].double(), (-offset - level) / safe
            parameters = [p.numpy() for p in family.parameters(raw, zero, safe)]
            drawn = torch.from_numpy(family.frozen(parameters).ppf(chance[:, step].reshape(-1, 1)))
            own = drawn - offset if family.in_target_units else level + safe * drawn
            values[:, lookback + step, 0] = own[:, 0].float()
        future = values[:, lookback:, 0].double().reshape(TOGETHER, samples, self.horizon)
        return future.transpose(1, 2).numpy()[:n]

    def _decided(self, panel: Panel) -> tuple[Settings, dict[str, str]]:
        decided, why = super()._decided(panel)
        segment, lookback, memory = decided.segment, decided.lookback, decided.memory
        if segment == "auto":
            segment = 1
        if lookback == "auto":
            wanted = max(SHORTEST, self.horizon, 2 * self.season_length)
            rows = min(wanted, max(1, int(np.median(panel.lengths)) - 1))
            lookback = -(-rows // segment) * segment
            why["lookback"] = f"the horizon, two seasons or {SHORTEST} rows"
        if memory == "auto":
            memory, why["memory"] = lookback, "a scale from few rows would feed on the samples it made"
        return replace(decided, segment=segment, lookback=lookback, memory=memory), why

    def _whole(self, resolved: Settings) -> Settings:
        return replace(resolved, horizon=self.horizon, quantiles=self.requested.quantiles)


def _chance(panel: Panel, origins: Origins, number: int, horizon: int, samples: int, seed: int) -> Floats:
    """Uniform numbers (horizon, samples) that belong to one origin, whatever is forecast beside it."""
    series, end = origins.series[number : number + 1], origins.end[number : number + 1]
    time = panel.grid.shift(panel.starts[series], end - panel.indptr[series])[0]
    key = [seed, crc32(str(panel.ids[series[0]]).encode()), abs(int(time))]
    return np.random.default_rng(key).random((horizon, samples))
