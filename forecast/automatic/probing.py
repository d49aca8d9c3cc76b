"""Probing: a network of each kind, trained for less long, leaves the validation rows out and shows what they tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.automatic.members import PROBE, Kind, NetworkPlan, count_members, network_settings
from forecast.datasets.panel import Panel
from forecast.models.recurrent import RecurrentModel
from forecast.progress import Progress, named
from forecast.settings import Settings
from forecast.training.settings import EPOCHS

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger

PROBE_SHARE = 0.4  # of a member's steps
LATEST_SHARE_THAT_SHORTENS = 0.7  # of a probe's training: best weights after that are counted as its end


def probe_plan(settings: Settings, season_length: int, kind: Kind, held: int) -> NetworkPlan:
    """A probe of one kind.

    Args:
        settings: as the user gave them.
        season_length: steps in a season.
        kind: the kind of network that it stands for.
        held: rows at each series' end that it leaves out.
    """
    changes: dict[str, Any] = {"val_size": held}
    if settings.steps != "auto":
        changes["steps"] = max(1, round(PROBE_SHARE * settings.steps))
    own = network_settings(settings, kind, PROBE, changes)
    return NetworkPlan(settings=own, season_length=season_length, steps_share=PROBE_SHARE)


def fit_probes(
    plans: Sequence[NetworkPlan],
    panel: Panel,
    seconds: float | None,
    *,
    progress: Progress | None = None,
    logger: Logger | None = None,
) -> list[RecurrentModel]:
    """Train the probes one after another.

    Args:
        plans: a probe of each kind.
        panel: the training rows; each probe leaves its `val_size` out.
        seconds: wall time of each.
        progress: told of each training step.
        logger: a Lightning logger for the learning curve of the first.
    """
    loggers = [logger] + [None] * len(plans)
    fitted = []
    for number, (plan, own) in enumerate(zip(plans, loggers, strict=False), start=1):
        shown = named(progress, f"probing {number} of {len(plans)}" if len(plans) > 1 else "probing")
        fitted.append(plan.build(seconds, progress=shown, logger=own).fit(panel))
    return fitted


def probe_seconds(settings: Settings, probes: int) -> float | None:
    """The wall time of each probe, None where there is no limit: a probe takes a probe's share of a member's time."""
    if settings.max_seconds is None:
        return None
    return PROBE_SHARE / (probes * PROBE_SHARE + count_members(settings)) * settings.max_seconds


def useful_share(history: Sequence[Mapping[str, float]]) -> float:
    """The share of the planned training after which the validation loss was least; 1 where that was near the end.

    Args:
        history: a probe's learning curve, a row an epoch.
    """
    losses = [row["val_loss"] for row in history if "val_loss" in row]
    if not losses:
        return 1.0
    share = (int(np.argmin(losses)) + 1) / max(EPOCHS, len(losses))
    return share if share < LATEST_SHARE_THAT_SHORTENS else 1.0
