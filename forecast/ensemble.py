"""`auto`: several networks and the statistical forecasts, weighted by how well they did on validation origins."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from forecast.auto import Facts
from forecast.baselines.base import Baseline
from forecast.baselines.intermittent import SBA, TSB
from forecast.baselines.simple import Naive, SeasonalNaive
from forecast.baselines.theta import Theta
from forecast.blend import blend_weights
from forecast.datasets.panel import Panel
from forecast.datasets.windows import Origins
from forecast.parallel import fit_all
from forecast.progress import Progress
from forecast.protocol import Prediction
from forecast.recurrent import EPOCHS, RecurrentModel
from forecast.scales import mean_difference
from forecast.settings import Settings
from forecast.shares import in_shares

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger

CELL = "gru"
MEMBERS = {"fast": 1, "balanced": 2, "best": 8}
VARIED = 4  # members from which on they differ in more than their seed
PROBE = 0.4  # of a member's steps
LATE = 0.7  # share of training after which the best weights count as found at its end
ORIGINS = 512  # validation origins the weights are learned on, at most
ENOUGH = 8.0  # horizons in a history from which on a network is trusted more than a statistical forecast
WORTH = 6.0  # validation origins that weigh as much as the prior, where histories are short
PLENTY = 5000  # rows of all series; with fewer, long histories alone do not make a network trustworthy
LEAST_ROWS = 4  # of history before a validation origin


class RecentTheta(Theta):
    """Theta on the newest rows only: validation origins are many, and old rows weigh little."""

    longest = 1000


class Ensemble:
    """Networks that differ in their seed (many of them in lookback and loss, too), combined by the median, blended with statistical forecasts.

    A probe, trained for half as long, leaves validation rows out: on them a convex combination of it and the
    statistical forecasts is fitted, and they show after what share of training the probe was best. The members then
    learn from all rows for that share of their steps, and take the probe's weight.

    Args:
        settings: what was asked for; `members` networks, `blend` "off" leaves the statistical forecasts out.
        season_length: steps in a season.
        progress: told of each training step.
        logger: a Lightning logger for the learning curve of the probe.

    References:
        Smyl (2020), A hybrid method of exponential smoothing and recurrent neural networks, section 3.4 (ensembling).
    """

    name = "auto"

    def __init__(
        self,
        settings: Settings,
        season_length: int,
        *,
        progress: Progress | None = None,
        logger: Logger | None = None,
    ) -> None:
        self.settings, self.season_length, self.horizon = settings, season_length, settings.horizon
        self.progress, self.logger = progress, logger
        self.resolved, self.reasons = settings, dict[str, str]()
        self.history: list[dict[str, float]] = []
        self.members: list[RecurrentModel] = []
        self.others: list[Baseline] = []
        self.weights = np.ones(1)  # of the members' median, then of each statistical forecast

    @property
    def context(self) -> int | None:
        """Rows of history a forecast reads."""
        return max([member.context for member in self.members] + [other.context or 0 for other in self.others])

    def plan(self, panel: Panel) -> tuple[Settings, dict[str, str]]:
        """The settings that fitting this panel would use, and why."""
        count = MEMBERS[self.settings.preset] if self.settings.members == "auto" else int(self.settings.members)
        resolved, reasons = self._network(0).plan(panel)
        if self.settings.blend != "off":
            kind = "intermittent" if Facts.of(panel, self.horizon, self.season_length).intermittent else "on"
            resolved = replace(resolved, blend=kind if self.settings.blend == "auto" else self.settings.blend)
            reasons["blend"] = "weighted on validation origins"
        else:
            resolved = replace(resolved, blend="off")
        if self.settings.workers == "auto":
            side_by_side = self.settings.preset == "best" and resolved.device == "cpu"
            workers = min(count, len(os.sched_getaffinity(0))) if side_by_side else 1
            resolved = replace(resolved, workers=workers)
            reasons["workers"] = "a process a core with preset best, else one"
        reasons["members"] = f"preset {self.settings.preset}"
        return replace(resolved, model="auto", members=count), reasons

    def fit(self, panel: Panel) -> Ensemble:
        """Fit the probe, the weights, then the members."""
        began = time.perf_counter()
        self.resolved, self.reasons = self.plan(panel)
        self.others = self._others()
        held = int(self.resolved.val_size) or self.horizon
        count, share = int(self.resolved.members), 1.0
        histories = float(np.median(panel.lengths)) / self.horizon * min(1.0, panel.n_rows / PLENTY)
        if self.resolved.base == "last":  # nothing returns: more of the same history teaches a network little
            histories = min(histories, ENOUGH)
        prior = _prior(len(self.others), histories)
        origins = _validation(panel, held, self.horizon)
        self.history, self.weights = [], prior
        if len(origins):
            probe = self._probe(panel, held)
            self.history = [{"member": 0.0, **row} for row in probe.history]
            share = _share(probe.history)
            if self.others:
                parts = [probe, *self.others]
                self.weights = self._weigh(
                    panel, held, origins, parts, prior, WORTH * max(1.0, histories / ENOUGH) ** 2
                )
        networks = [self._network(number, share=share) for number in range(1, count + 1)]
        deadline = None if self.settings.max_seconds is None else began + self.settings.max_seconds
        self.members = fit_all(networks, panel, int(self.resolved.workers), deadline)
        for number, member in enumerate(self.members, start=1):
            self.history += [{"member": float(number), **row} for row in member.history]
        self.resolved = replace(self.resolved, steps=self.members[0].resolved.steps)
        first = self.members[0].reasons
        self.reasons |= {name: first[name] for name in ("steps", "highway") if name in first}
        if share < 1 and "steps" in self.reasons:
            self.reasons["steps"] += f", of which {share:.0%}: a probe was best by then on the validation rows"
        names = [f"{CELL} x {count}", *(other.name for other in self.others)]
        shares = ", ".join(f"{name} {weight:.2f}" for name, weight in zip(names, self.weights, strict=True))
        self.reasons["blend"] = f"weights on validation origins: {shares}"
        return self

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        """The weighted mean of the members' median and the statistical forecasts, quantile by quantile."""
        shares = self.settings.transform == "softmax"
        return in_shares(self._blended, panel, origins) if shares else self._blended(panel, origins)

    def _blended(self, panel: Panel, origins: Origins) -> Prediction:
        parts = [_median([member.predict(panel, origins) for member in self.members])] if self.weights[0] else []
        parts += [o.predict(panel, origins) for o, weight in zip(self.others, self.weights[1:], strict=True) if weight]
        weights = self.weights[self.weights > 0]
        point = sum((w * part.point for w, part in zip(weights, parts, strict=True)), np.zeros(()))
        levels = self.settings.quantiles
        if not levels:
            return Prediction(np.asarray(point))
        quantiles = np.zeros((len(origins), self.horizon, len(levels)))
        for weight, part in zip(weights, parts, strict=True):
            assert part.quantiles is not None, "every part was asked for quantiles"
            quantiles += weight * part.quantiles
        return Prediction(np.asarray(point), levels, quantiles)

    def state(self) -> dict[str, NDArray[Any]]:
        """Every member's arrays under its number, and the weights."""
        arrays = {f"{k}.{name}": a for k, member in enumerate(self.members) for name, a in member.state().items()}
        settings = json.dumps([asdict(member.resolved) for member in self.members]).encode()
        return {**arrays, "weights": self.weights, "members": np.frombuffer(settings, np.uint8).copy()}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Take back what `state` gave; nothing in it is executed."""
        listed = json.loads(state["members"].tobytes())
        self.members = [RecurrentModel(CELL, CELL, Settings.of(values), self.season_length) for values in listed]
        for number, member in enumerate(self.members):
            prefix = f"{number}."
            member.restore({k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)})
        self.weights = state["weights"]
        self.resolved = self.settings
        self.others = self._others()

    def _others(self) -> list[Baseline]:
        """The statistical forecasts of the blend; the first has half of the prior."""
        seasonal: list[type[Baseline]] = [SeasonalNaive] if self.season_length > 1 else []
        kinds: dict[str, list[type[Baseline]]] = {
            "off": [],
            "on": [RecentTheta, Naive, *seasonal],
            "intermittent": [TSB, SBA, Naive, *seasonal],
        }
        asked = {"season_length": self.season_length, "levels": self.settings.quantiles}
        return [kind(self.horizon, **asked) for kind in kinds[self.resolved.blend]]  # type: ignore[arg-type]  # by name

    def _probe(self, panel: Panel, held: int) -> RecurrentModel:
        probe = self._network(0, share=PROBE)
        probe.settings = replace(probe.settings, val_size=held)
        if probe.settings.steps != "auto":
            probe.settings = replace(probe.settings, steps=max(1, round(PROBE * probe.settings.steps)))
        return probe.fit(panel)

    def _network(self, number: int, share: float = 1.0) -> RecurrentModel:
        """The probe (0) or a member; members learn from the validation rows too, unless the user set them apart."""
        asked = replace(self.settings, model=CELL, seed=self.settings.seed + number, members="auto", blend="auto")
        asked = replace(asked, workers="auto")
        if number and asked.val_size == "auto":
            asked = replace(asked, val_size=0)
        if self.settings.max_seconds is not None and not number:
            count = MEMBERS[self.settings.preset] if self.settings.members == "auto" else int(self.settings.members)
            asked = replace(asked, max_time=f"{PROBE / (PROBE + count) * self.settings.max_seconds:.3f}s")
        asked = _varied(asked, self.resolved, number)
        logger = self.logger if number == 0 else None
        return RecurrentModel(
            CELL, CELL, asked, self.season_length, progress=self.progress, logger=logger, steps_share=share
        )

    def _weigh(
        self, panel: Panel, held: int, origins: Origins, parts: list[Any], prior: NDArray[np.float64], worth: float
    ) -> NDArray[np.float64]:
        """Weights of the probe and the statistical forecasts from origins in the last `held` rows."""
        forecasts = np.stack([part.predict(panel, origins).point for part in parts])
        rows = origins.end[:, None] + np.arange(self.horizon)
        last = panel.indptr[origins.series + 1][:, None]
        actual = np.where(rows < last, panel.target[np.minimum(rows, last - 1)], np.nan)
        scale = mean_difference(panel.truncate(panel.indptr[1:] - _kept(panel, held)), self.season_length)
        scale = np.where(np.isfinite(scale) & (scale > 0), scale, np.nan)[origins.series]
        return blend_weights(forecasts, actual, scale, prior, worth)


def _varied(asked: Settings, planned: Settings, number: int) -> Settings:
    """The settings of a member of a large ensemble: every second one differs in what it reads or minimises, where
    the user left that open, because forecasts that err differently are worth more together."""
    if not number or int(planned.members) < VARIED:
        return asked
    kind, segment, lookback = number % 4, int(planned.segment), int(planned.lookback)
    if kind == 1 and asked.loss == "auto" and planned.loss == "mixed":
        return replace(asked, loss="mae")
    if kind == 3 and asked.lookback == "auto" and lookback >= 4 * segment:
        return replace(asked, lookback=lookback // (2 * segment) * segment)
    return asked


def _prior(others: int, histories: float) -> NDArray[np.float64]:
    """Networks and the first statistical forecast, half each where series are short, which is hard to beat; the more
    horizons a history has, the more a network learns from it, and the less the other can add."""
    prior = np.zeros(1 + others)
    prior[0] = max(0.5, histories / (histories + ENOUGH)) if others else 1.0
    prior[1:2] = 1 - prior[0]
    return prior


def _share(history: list[dict[str, float]]) -> float:
    """Share of the planned training after which the validation loss was least; 1 where it was near the end."""
    losses = [row["val_loss"] for row in history if "val_loss" in row]
    share = (int(np.argmin(losses)) + 1) / max(EPOCHS, len(losses)) if losses else 1.0
    return share if share < LATE else 1.0


def _median(parts: list[Prediction]) -> Prediction:
    point = np.median([part.point for part in parts], axis=0)
    quantiles = [part.quantiles for part in parts if part.quantiles is not None]
    return Prediction(point, parts[0].levels, np.median(quantiles, axis=0) if quantiles else None)


def _kept(panel: Panel, held: int) -> NDArray[np.int64]:
    """Rows held back from each series: none where nothing would be left."""
    return np.where(panel.lengths > held + 1, held, 0)


def _validation(panel: Panel, held: int, horizon: int) -> Origins:
    """Origins a horizon apart in the last `held` rows of series with enough history, at most `ORIGINS`."""
    long = np.flatnonzero(panel.lengths >= held + LEAST_ROWS)
    back = np.arange(held, 0, -horizon)
    back = back[back >= min(horizon, held)]
    series, rows = np.repeat(long, len(back)), np.tile(back, len(long))
    chosen = np.unique(np.linspace(0, len(series) - 1, min(len(series), ORIGINS)).round().astype(np.int64))
    if not len(series):
        chosen = np.array([], np.int64)
    return Origins(series[chosen], panel.indptr[series[chosen] + 1] - rows[chosen])
