"""The model `auto`: networks, statistical forecasts and boosted trees, weighted by how they did on validation rows."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from forecast.automatic.blend import Blend, Committee, Part
from forecast.automatic.companions import TRUSTED, choose_blend, companions, fit_companion
from forecast.automatic.members import (
    PROBE,
    Kind,
    NetworkPlan,
    count_members,
    kinds_of_networks,
    member_settings,
    members_of_kinds,
    network_settings,
)
from forecast.automatic.parallel import cpu_count, fit_all
from forecast.automatic.probing import fit_probes, probe_plan, probe_seconds, useful_share
from forecast.automatic.short_history import horizons_of_history, prior_weights, prior_worth
from forecast.automatic.validation import Validation
from forecast.automatic.weighing import blend_weights
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins
from forecast.models.recurrent import RecurrentModel
from forecast.models.transforms import transform_named
from forecast.progress import Progress
from forecast.protocol import Model, Prediction
from forecast.settings import Settings

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger

Floats = NDArray[np.float64]


class Ensemble:
    """Networks that differ in their seed (many of them in lookback and loss, too), combined by the median, blended with
    statistical forecasts and, where histories are short, with boosted trees.

    A probe, trained for less long, leaves validation rows out: on them a convex combination of it and the other
    forecasts is fitted, and they show after what share of training the probe was best. The members then learn from all
    rows for that share of their steps, and take the probe's weight.

    Args:
        settings: as the user gave them; `members` networks, `blend` "off" leaves the other forecasts out.
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
        self.cpu_seconds_elsewhere = 0.0
        self.blend: Blend | None = None

    @classmethod
    def make(
        cls,
        settings: Settings,
        season_length: int,
        *,
        cell: str = Committee.name,
        progress: Progress | None = None,
        logger: Logger | None = None,
    ) -> Self:
        """The model that the settings name; its networks always have the same cell."""
        return cls(settings, season_length, progress=progress, logger=logger)

    @property
    def uncertain(self) -> bool:
        """Whether forecasts have quantiles."""
        return bool(self.settings.quantiles)

    def plan(self, panel: Panel) -> tuple[Settings, dict[str, str]]:
        """The settings that fitting this panel would use, and why."""
        one = network_settings(self.settings, Kind(origins=self.settings.origins), PROBE, {})
        network, reasons = NetworkPlan(settings=one, season_length=self.season_length).build().plan(panel)
        members = count_members(self.settings)
        workers = _count_workers(self.settings, members, network.device)
        blend, reasons["blend"] = choose_blend(self.settings, panel, network.base)
        if self.settings.members == "auto":
            reasons["members"] = f"preset {self.settings.preset}"
        if self.settings.workers == "auto":
            reasons["workers"] = "a process a core with preset best, else one"
        return replace(
            network, model=self.name, seed=self.settings.seed, members=members, workers=workers, blend=blend
        ), reasons

    def fit(self, panel: Panel) -> Ensemble:
        """Plan, probe, weigh, then fit on all rows what has weight."""
        began = time.perf_counter()
        deadline = None if self.settings.max_seconds is None else began + self.settings.max_seconds
        self.resolved, self.reasons = self.plan(panel)
        kinds = kinds_of_networks(self.settings, self.resolved, panel)
        validation = self._validation(panel)
        probes = self._probes(kinds, validation)
        weights = self._weights(kinds, probes, validation)
        counts, weights[: len(kinds)] = members_of_kinds(int(self.resolved.members), weights[: len(kinds)])
        others = self._companions(panel, weights[len(kinds) :])
        shares = [useful_share(probe.history) for probe in probes] or [1.0] * len(kinds)
        committees = self._committees(panel, kinds, counts, shares, deadline)
        self.blend = Blend.of([*committees, *others], weights)
        self.history = _curves(probes, self.members)
        self._report(kinds, counts, shares, weights)
        return self

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        """The weighted mean of the committees' medians and the companions, quantile by quantile."""
        assert self.blend is not None, "predict before fit"
        return transform_named(self.settings.transform).together(self.blend.predict, panel, origins)

    @property
    def members(self) -> list[RecurrentModel]:
        """The fitted networks."""
        assert self.blend is not None, "members before fit"
        return [member for part in self.blend.parts if isinstance(part, Committee) for member in part.members]

    @property
    def context(self) -> int | None:
        """Rows of history a forecast reads; None reads all."""
        assert self.blend is not None, "context before fit"
        return self.blend.context

    def state(self) -> dict[str, NDArray[Any]]:
        """What was learnt, as arrays."""
        assert self.blend is not None, "state before fit"
        return self.blend.state()

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Take back what `state` gave; nothing in it is executed."""
        self.resolved = self.settings
        self.blend = Blend.restore(state, self.settings, self.season_length)

    def check_context(self, panel: Panel) -> None:
        """Refuse rows that a part of the blend cannot forecast from."""
        assert self.blend is not None, "check before restore"
        self.blend.check_context(panel)

    def _validation(self, panel: Panel) -> Validation:
        held = int(self.resolved.val_size) or self.horizon
        return Validation(panel=panel, held=held, horizon=self.horizon, season_length=self.season_length)

    def _probes(self, kinds: Sequence[Kind], validation: Validation) -> list[RecurrentModel]:
        """A fitted probe of each kind; none where every series is too short to validate."""
        if not len(validation.origins):
            return []
        plans = [probe_plan(self.settings, self.season_length, kind, validation.held) for kind in kinds]
        seconds = probe_seconds(self.settings, len(plans))
        return fit_probes(plans, validation.panel, seconds, progress=self.progress, logger=self.logger)

    def _weights(self, kinds: Sequence[Kind], probes: list[RecurrentModel], validation: Validation) -> Floats:
        """Weights of the kinds of networks, then of the companions; the prior where nothing can be validated."""
        others = companions(self.resolved, self.season_length, levels=())
        horizons = horizons_of_history(validation.panel, self.horizon, self.resolved.base)
        prior = prior_weights(len(kinds), len(others), TRUSTED[self.resolved.blend], horizons)
        if not probes or len(prior) == 1:
            return prior
        threads = int(self.resolved.threads)
        models: list[Model] = [*probes, *(fit_companion(other, validation.earlier, threads) for other in others)]
        return blend_weights(
            validation.forecasts(models), validation.actual, validation.scale, prior, prior_worth(horizons)
        )

    def _companions(self, panel: Panel, weights: Floats) -> list[Part | None]:
        """The companions that have weight, fitted on all rows; None in the place of each other one."""
        others = companions(self.resolved, self.season_length, levels=self.settings.quantiles)
        threads = int(self.resolved.threads)
        pairs = zip(others, weights, strict=True)
        return [fit_companion(other, panel, threads) if weight else None for other, weight in pairs]

    def _committees(
        self, panel: Panel, kinds: Sequence[Kind], counts: list[int], shares: list[float], deadline: float | None
    ) -> list[Part | None]:
        """The members of each kind, fitted on all rows; None in the place of a kind without members.

        Members are kept where they have no weight: what looks inside the model looks at its networks.
        """
        listed = [number for number, count in enumerate(counts) for _ in range(count)]
        plans = [
            NetworkPlan(
                settings=member_settings(self.settings, self.resolved, kinds[of_kind], number),
                season_length=self.season_length,
                steps_share=shares[of_kind],
            )
            for number, of_kind in enumerate(listed, start=1)
        ]
        workers = int(self.resolved.workers)
        members, self.cpu_seconds_elsewhere = fit_all(plans, panel, workers, deadline=deadline, progress=self.progress)
        starts = np.cumsum([0, *counts])
        return [
            Committee(tuple(members[start : start + count])) if count else None
            for start, count in zip(starts, counts, strict=False)
        ]

    def _report(self, kinds: Sequence[Kind], counts: list[int], shares: list[float], weights: Floats) -> None:
        """Say what became of the settings that were open."""
        first = self.members[0]
        self.resolved = replace(self.resolved, steps=first.resolved.steps)
        self.reasons |= {name: first.reasons[name] for name in ("steps", "highway") if name in first.reasons}
        share = next(share for share, count in zip(shares, counts, strict=True) if count)
        if share < 1 and "steps" in self.reasons:
            self.reasons["steps"] += f", of which {share:.0%}: a probe was best by then on the validation rows"
        labels = [f"{Committee.name} x {count}{kind.note}" for kind, count in zip(kinds, counts, strict=True)]
        labels += [other.name for other in companions(self.resolved, self.season_length, levels=())]
        weighed = ", ".join(f"{label} {weight:.2f}" for label, weight in zip(labels, weights, strict=True) if weight)
        self.reasons["blend"] = f"weights on validation origins: {weighed}"


def _count_workers(settings: Settings, members: int, device: str) -> int:
    """Processes that train the members: as many as the user wants, else one a core where there is much to train."""
    if settings.workers != "auto":
        return int(settings.workers)
    return min(members, cpu_count()) if settings.preset == "best" and device == "cpu" else 1


def _curves(probes: list[RecurrentModel], members: list[RecurrentModel]) -> list[dict[str, float]]:
    """The learning curves one after another; probes have numbers from 0 down, members from 1 up."""
    numbered = [(-number, probe) for number, probe in enumerate(probes)]
    numbered += list(enumerate(members, start=1))
    return [{"member": float(number), **row} for number, network in numbered for row in network.history]
