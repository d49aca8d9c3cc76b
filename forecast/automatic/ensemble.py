"""`auto`: several networks, statistical forecasts and boosted trees, weighted by how well they did on validation origins."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from forecast.automatic.parallel import fit_all
from forecast.automatic.weighing import ENOUGH, blend_weights, members_of_kinds, prior_weights
from forecast.baselines.base import Baseline
from forecast.baselines.boosting import Boosting
from forecast.baselines.intermittent import SBA, TSB
from forecast.baselines.simple import Naive, SeasonalNaive
from forecast.baselines.theta import Theta
from forecast.datasets.panel import Panel
from forecast.datasets.windows.history import actuals, ends_without_newest, mean_difference
from forecast.datasets.windows.origins import Origins, evenly_spread
from forecast.models.open_settings import Facts
from forecast.models.recurrent import RecurrentModel
from forecast.models.transforms import transform_named
from forecast.progress import Progress
from forecast.protocol import Prediction
from forecast.settings import Settings
from forecast.training.settings import EPOCHS

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger

CELL = "gru"
MEMBERS = {"fast": 1, "balanced": 2, "best": 8}
VARIED = 4  # members from which on they differ in more than their seed
PROBE = 0.4  # of a member's steps
LATE = 0.7  # share of training after which the best weights count as found at its end
ORIGINS = 512  # validation origins the weights are learned on, at most
WORTH = 6.0  # validation origins that weigh as much as the prior, where histories are short
PLENTY = 5000  # rows of all series; with fewer, long histories alone do not make a network trustworthy
LEAST_TAUGHT = 200  # rows that trees learn from
LONG = 4  # lookbacks in a history that can do without its first rows as origins
CHEAP = 20_000  # rows that trees learn from in no time
HURRY = 60.0  # seconds of max_time below which there is no boosting
GOLDEN = 0.382  # of a season, or a horizon, from one validation origin's phase to the next one's; the golden ratio spreads them
LEAST_ROWS = 4  # of history before a validation origin


class RecentTheta(Theta):
    """Theta on the newest rows only: validation origins are many, and old rows weigh little."""

    longest = 1000


class Ensemble:
    """Networks that differ in their seed (many of them in lookback and loss, too), combined by the median, blended with statistical forecasts and, where histories are short, with boosted trees.

    A probe, trained for less long, leaves validation rows out: on them a convex combination of it and the
    other forecasts is fitted, and they show after what share of training the probe was best. The members then
    learn from all rows for that share of their steps, and take the probe's weight.

    Args:
        settings: what was asked for; `members` networks, `blend` "off" leaves the others out.
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
        self.counts = [1]  # members of each kind
        self.weights = np.ones(1)  # of each kind's median, then of each other forecast

    @classmethod
    def make(
        cls,
        settings: Settings,
        season_length: int,
        *,
        cell: str = CELL,
        progress: Progress | None = None,
        logger: Logger | None = None,
    ) -> Self:
        """As of `RecurrentModel`; the cell is always `CELL`."""
        return cls(settings, season_length, progress=progress, logger=logger)

    @property
    def context(self) -> int | None:
        """Rows of history a forecast reads."""
        return max([member.context for member in self.members] + [other.context or 0 for other in self.others])

    @property
    def uncertain(self) -> bool:
        """Whether forecasts have quantiles."""
        return bool(self.settings.quantiles)

    def plan(self, panel: Panel) -> tuple[Settings, dict[str, str]]:
        """The settings that fitting this panel would use, and why."""
        count = MEMBERS[self.settings.preset] if self.settings.members == "auto" else int(self.settings.members)
        resolved, reasons = self._network(0).plan(panel)
        blend, reasons["blend"] = self._blend(panel, resolved)
        resolved = replace(resolved, blend=blend)
        if self.settings.workers == "auto":
            side_by_side = self.settings.preset == "best" and resolved.device == "cpu"
            workers = min(count, len(os.sched_getaffinity(0))) if side_by_side else 1
            resolved = replace(resolved, workers=workers)
            reasons["workers"] = "a process a core with preset best, else one"
        reasons["members"] = f"preset {self.settings.preset}"
        return replace(resolved, model="auto", members=count), reasons

    def fit(self, panel: Panel) -> Ensemble:
        """Fit the probes, the weights, then the members."""
        began = time.perf_counter()
        self.resolved, self.reasons = self.plan(panel)
        self.history = []
        self.others = self._others(self.settings.quantiles)
        kinds = self._kinds(panel)
        shares, self.weights = self._learn(panel, kinds)
        for other, weight in zip(self.others, self.weights[len(kinds) :], strict=True):
            if weight:
                self._fitted(other, panel)
        self.counts = members_of_kinds(int(self.resolved.members), self.weights[: len(kinds)])
        listed = [kind for kind, count in enumerate(self.counts) for _ in range(count)]
        networks = [self._network(number, kinds[k], share=shares[k]) for number, k in enumerate(listed, start=1)]
        deadline = None if self.settings.max_seconds is None else began + self.settings.max_seconds
        self.members = fit_all(networks, panel, int(self.resolved.workers), deadline)
        for number, member in enumerate(self.members, start=1):
            self.history += [{"member": float(number), **row} for row in member.history]
        self._report(kinds, shares[listed[0]])
        return self

    def _learn(self, panel: Panel, kinds: list[dict[str, Any]]) -> tuple[list[float], NDArray[np.float64]]:
        """From probes that have not seen the validation rows: the share of training after which each kind of network
        was best, and the weights of the kinds and of the other forecasts."""
        held = int(self.resolved.val_size) or self.horizon
        histories = self._histories(panel, self.resolved)
        prior = prior_weights(len(kinds), len(self.others), self._trusted, histories)
        origins = _validation(panel, held, self.horizon, self.season_length)
        if not len(origins):
            return [1.0] * len(kinds), prior
        probes = [self._probe(panel, held, kind) for kind in kinds]
        for number, probe in enumerate(probes):
            self.history += [{"member": float(-number), **row} for row in probe.history]
        shares = [_share(probe.history) for probe in probes]
        if len(prior) == 1:
            return shares, prior
        early = panel.truncate(ends_without_newest(panel, held))
        parts = [*probes, *(self._fitted(other, early) for other in self._others(()))]
        worth = WORTH * max(1.0, histories / ENOUGH) ** 0.5
        return shares, self._weigh(panel, held, origins, parts, prior, worth)

    def _report(self, kinds: list[dict[str, Any]], share: float) -> None:
        """Say what came of the settings that were open."""
        self.resolved = replace(self.resolved, steps=self.members[0].resolved.steps)
        first = self.members[0].reasons
        self.reasons |= {name: first[name] for name in ("steps", "highway") if name in first}
        if share < 1 and "steps" in self.reasons:
            self.reasons["steps"] += f", of which {share:.0%}: a probe was best by then on the validation rows"
        names = [
            f"{CELL} x {n}" + (" of few origins" if kind else "") for kind, n in zip(kinds, self.counts, strict=True)
        ]
        names += [other.name for other in self.others]
        weighed = ", ".join(f"{name} {weight:.2f}" for name, weight in zip(names, self.weights, strict=True) if weight)
        self.reasons["blend"] = f"weights on validation origins: {weighed}"

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        """The weighted mean of the members' median and the statistical forecasts, quantile by quantile."""
        return transform_named(self.settings.transform).together(self._blended, panel, origins)

    def _blended(self, panel: Panel, origins: Origins) -> Prediction:
        members, parts = iter(self.members), []
        for count, weight in zip(self.counts, self.weights[: len(self.counts)], strict=True):
            own = list(islice(members, count))
            parts += [_median([member.predict(panel, origins) for member in own])] if weight else []
        others = zip(self.others, self.weights[len(self.counts) :], strict=True)
        parts += [other.predict(panel, origins) for other, weight in others if weight]
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
        for other, weight in zip(self.others, self.weights[len(self.counts) :], strict=True):
            arrays |= {f"{other.name}.{name}": a for name, a in other.state().items()} if weight else {}
        own = {"weights": self.weights, "counts": np.array(self.counts)}
        return {**arrays, **own, "members": np.frombuffer(settings, np.uint8).copy()}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Take back what `state` gave; nothing in it is executed."""
        listed = json.loads(state["members"].tobytes())
        self.members = [RecurrentModel(CELL, CELL, Settings.of(values), self.season_length) for values in listed]
        for number, member in enumerate(self.members):
            member.restore(_under(f"{number}.", state))
        self.weights, self.counts = state["weights"], state["counts"].tolist()
        self.resolved = self.settings
        self.others = self._others(self.settings.quantiles)
        for other, weight in zip(self.others, self.weights[len(self.counts) :], strict=True):
            if weight:
                other.restore(_under(f"{other.name}.", state))

    def _blend(self, panel: Panel, resolved: Settings) -> tuple[str, str]:
        """What stands beside the networks, and why."""
        asked = self.settings
        if asked.blend != "auto":
            return asked.blend, "asked for"
        if Facts.of(panel, self.horizon, self.season_length).intermittent:
            return "intermittent", "demand is intermittent; weighted on validation origins"
        hurried = asked.preset == "fast" or (asked.max_seconds or HURRY) < HURRY
        short = self._histories(panel, resolved) <= 1.5 * ENOUGH or panel.n_rows <= CHEAP
        if hurried or not short or panel.n_rows < LEAST_TAUGHT:
            return "on", "weighted on validation origins"
        return "boosted", "there is little history, where trees are strong; weighted on validation origins"

    def _histories(self, panel: Panel, resolved: Settings) -> float:
        """Horizons in a history, as far as they teach a network anything."""
        found = float(np.median(panel.lengths)) / self.horizon * min(1.0, panel.n_rows / PLENTY)
        # where nothing returns, more of the same history teaches little
        return min(found, ENOUGH) if resolved.base == "last" else found

    @property
    def _trusted(self) -> int:
        """How many of the other forecasts are as good as networks before anything is known."""
        return {"off": 0, "boosted": 2}.get(self.resolved.blend, 1)

    def _others(self, levels: tuple[float, ...]) -> list[Baseline]:
        """The other forecasts of the blend, those that share the prior first."""
        seasonal: list[type[Baseline]] = [SeasonalNaive] if self.season_length > 1 else []
        kinds: dict[str, list[type[Baseline]]] = {
            "off": [],
            "on": [RecentTheta, Naive, *seasonal],
            "boosted": [RecentTheta, Boosting, Naive, *seasonal],
            "intermittent": [TSB, SBA, Naive, *seasonal],
        }
        asked: dict[str, Any] = {"season_length": self.season_length, "levels": levels, "seed": self.settings.seed}
        return [kind(self.horizon, **asked) for kind in kinds[self.resolved.blend]]

    def _fitted(self, other: Baseline, panel: Panel) -> Baseline:
        from threadpoolctl import threadpool_limits

        with threadpool_limits(int(self.resolved.threads)):
            return other.fit(panel)

    def _kinds(self, panel: Panel) -> list[dict[str, Any]]:
        """The kinds of networks: with forecasts at most segments' ends of a crop, and at its last third's only.

        The first see more origins, some with little context, which helps where the signal is weak; the second are
        better where it is strong. The validation rows decide. There is one kind where histories are short, because
        the second would leave too many of the rows out, and where nothing returns, because signals are weak there.
        """
        n_segments = int(self.resolved.lookback) // int(self.resolved.segment)
        fewer, long = max(1, n_segments // 3), np.median(panel.lengths) >= LONG * int(self.resolved.lookback)
        may = self.settings.origins == "auto" and int(self.resolved.members) > 1 and self.resolved.base != "last"
        return [{}, {"origins": fewer}] if may and long and fewer < int(self.resolved.origins) else [{}]

    def _probe(self, panel: Panel, held: int, kind: dict[str, Any]) -> RecurrentModel:
        probe = self._network(0, kind, share=PROBE)
        probe.settings = replace(probe.settings, val_size=held)
        if probe.settings.steps != "auto":
            probe.settings = replace(probe.settings, steps=max(1, round(PROBE * probe.settings.steps)))
        return probe.fit(panel)

    def _network(self, number: int, kind: dict[str, Any] | None = None, share: float = 1.0) -> RecurrentModel:
        """A probe (0) or a member; members learn from the validation rows too, unless the user set them apart."""
        asked = replace(self.settings, model=CELL, seed=self.settings.seed + number, members="auto", blend="auto")
        asked = replace(asked, workers="auto")
        if number and asked.val_size == "auto":
            asked = replace(asked, val_size=0)
        if self.settings.max_seconds is not None and not number:
            count = MEMBERS[self.settings.preset] if self.settings.members == "auto" else int(self.settings.members)
            probes = min(2, count)
            asked = replace(asked, max_time=f"{PROBE / (probes * PROBE + count) * self.settings.max_seconds:.3f}s")
        asked = replace(_varied(asked, self.resolved, number), **(kind or {}))
        logger = self.logger if number == 0 and not kind else None
        return RecurrentModel(
            CELL, CELL, asked, self.season_length, progress=self.progress, logger=logger, steps_share=share
        )

    def _weigh(
        self, panel: Panel, held: int, origins: Origins, parts: list[Any], prior: NDArray[np.float64], worth: float
    ) -> NDArray[np.float64]:
        """Weights of the probe and the statistical forecasts from origins in the last `held` rows."""
        forecasts = np.stack([part.predict(panel, origins).point for part in parts])
        actual = actuals(panel, origins, self.horizon)
        scale = mean_difference(panel.truncate(ends_without_newest(panel, held)), self.season_length)
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


def _under(prefix: str, state: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The arrays whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}


def _share(history: list[dict[str, float]]) -> float:
    """Share of the planned training after which the validation loss was least; 1 where it was near the end."""
    losses = [row["val_loss"] for row in history if "val_loss" in row]
    share = (int(np.argmin(losses)) + 1) / max(EPOCHS, len(losses)) if losses else 1.0
    return share if share < LATE else 1.0


def _median(parts: list[Prediction]) -> Prediction:
    point = np.median([part.point for part in parts], axis=0)
    quantiles = [part.quantiles for part in parts if part.quantiles is not None]
    return Prediction(point, parts[0].levels, np.median(quantiles, axis=0) if quantiles else None)


def _validation(panel: Panel, held: int, horizon: int, season_length: int) -> Origins:
    """Origins about a horizon apart in the last `held` rows of series with enough history, at most `ORIGINS`.

    They come at all phases of a season that a horizon holds: what is best at midnight may be the worst at noon, and nothing in the data
    says when forecasts will be asked for.
    """
    long = np.flatnonzero(panel.lengths >= held + LEAST_ROWS)
    least = min(horizon, held)
    back = np.arange(held, 0, -horizon)
    back = back[back >= least]
    series, rows = np.repeat(long, len(back)), np.tile(back, len(long))
    # at most a horizon: further, and the newest rows would be all that a long season leaves
    phase = (np.arange(len(rows)) * GOLDEN % 1 * min(season_length, horizon)).astype(np.int64)
    rows = np.maximum(rows - phase, least)
    chosen = evenly_spread(len(series), ORIGINS)
    return Origins(series[chosen], panel.indptr[series[chosen] + 1] - rows[chosen])
