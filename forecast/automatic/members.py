"""Members: the networks of `auto`, of one kind or two, each with settings and a seed of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from forecast.automatic.short_history import spares_first_rows
from forecast.datasets.panel import Panel
from forecast.models.recurrent import RecurrentModel
from forecast.models.setting_rules import Allowance
from forecast.progress import Progress
from forecast.settings import Auto, Settings

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger

CELL = "gru"
MEMBERS = {"fast": 1, "balanced": 2, "best": 8}
LEAST_MEMBERS_THAT_VARY = 4  # fewer differ in their seed only
SEED_STRIDE = 1009  # seeds from one of the user's to the next: more than `auto` has networks
PROBE = 0  # the number of every kind's probe; members count from 1


@dataclass(frozen=True, kw_only=True)
class Kind:
    """Networks that train forecasts at the same number of origins in a crop.

    Args:
        origins: forecasts trained in one crop.
        note: what reasons say of it, after the number of its members.
    """

    origins: int | Auto
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class NetworkPlan:
    """One network that is to be trained: a probe or a member.

    Args:
        settings: its settings, fixed from here on.
        season_length: steps in a season.
        steps_share: the share of the preset's steps it trains for.
    """

    settings: Settings
    season_length: int
    steps_share: float = 1.0

    def build(
        self, seconds: float | None = None, *, progress: Progress | None = None, logger: Logger | None = None
    ) -> RecurrentModel:
        """The unfitted network.

        Args:
            seconds: wall time that its training may take; None leaves `max_time` as it is.
            progress: told of each training step.
            logger: a Lightning logger for the learning curve.
        """
        allowance = Allowance(steps_share=self.steps_share, seconds=seconds)
        return RecurrentModel(
            CELL, CELL, self.settings, self.season_length, progress=progress, logger=logger, allowance=allowance
        )


def count_members(settings: Settings) -> int:
    """Networks in the ensemble: as many as the user wants, or as the preset has."""
    return MEMBERS[settings.preset] if settings.members == "auto" else int(settings.members)


def kinds_of_networks(settings: Settings, planned: Settings, panel: Panel) -> list[Kind]:
    """The kinds of networks: with forecasts at most segments' ends of a crop, and at those of its last third only.

    The first kind sees more origins, some with little context, which helps where the signal is weak; the second is
    better where the signal is strong. The validation rows decide. There is one kind where histories are short, because
    the second would leave too many of the rows out, and where nothing returns, because signals are weak there.

    Args:
        settings: as the user gave them.
        planned: the same with nothing left open.
        panel: the training rows.
    """
    first = Kind(origins=settings.origins)
    fewer = max(1, int(planned.lookback) // int(planned.segment) // 3)
    is_open = settings.origins == "auto" and int(planned.members) > 1 and fewer < int(planned.origins)
    if is_open and planned.base != "last" and spares_first_rows(panel, int(planned.lookback)):
        return [first, Kind(origins=fewer, note=" of few origins")]
    return [first]


def network_settings(settings: Settings, kind: Kind, number: int, changes: dict[str, Any]) -> Settings:
    """The settings of one network of `auto`.

    Args:
        settings: as the user gave them.
        kind: the network's kind.
        number: `PROBE`, or the member's number from 1.
        changes: what else is another than the user's.
    """
    alone = {"model": CELL, "members": 1, "workers": 1, "blend": "off"}
    return replace(
        settings, **{**alone, "seed": network_seed(settings.seed, number), "origins": kind.origins, **changes}
    )


def network_seed(seed: int, number: int) -> int:
    """The seed of one network of `auto`: no network of one seed is a network of another.

    Were they `seed + number`, the second member of seed 0 would be the first of seed 1, and forecasts of several seeds
    would differ less than chance does.

    Args:
        seed: the user's seed.
        number: `PROBE`, or the member's number from 1; below `SEED_STRIDE`.

    Returns:
        A seed of torch and numpy, below 2^63.
    """
    return (seed * SEED_STRIDE + number) % 2**63


def member_settings(settings: Settings, planned: Settings, kind: Kind, number: int) -> Settings:
    """The settings of a member, which learns from the validation rows too, unless the user fixed `val_size`.

    Args:
        settings: as the user gave them.
        planned: the same with nothing left open.
        kind: the member's kind.
        number: the member's number from 1.
    """
    all_rows = {"val_size": 0} if settings.val_size == "auto" else {}
    return network_settings(settings, kind, number, {**all_rows, **_variation(settings, planned, number)})


def _variation(settings: Settings, planned: Settings, number: int) -> dict[str, Any]:
    """Every second member of a large ensemble differs in what it reads or minimises, where the user left that open,
    because forecasts that err differently are worth more together."""
    if int(planned.members) < LEAST_MEMBERS_THAT_VARY:
        return {}
    turn, segment, lookback = number % 4, int(planned.segment), int(planned.lookback)
    if turn == 1 and settings.loss == "auto" and planned.loss == "mixed":
        return {"loss": "mae"}
    if turn == 3 and settings.lookback == "auto" and lookback >= 4 * segment:
        return {"lookback": lookback // (2 * segment) * segment}
    return {}


def members_of_kinds(members: int, weights: NDArray[np.float64]) -> tuple[list[int], NDArray[np.float64]]:
    """Members of each kind by the kinds' weights; a kind without members gives its weight to the other.

    Args:
        members: networks in all.
        weights: (kinds,), of one kind or two; where both are 0, the first kind has all members.

    Returns:
        The members of each kind, and the (kinds,) weights that are left.
    """
    total = float(weights.sum())
    second = round(members * float(weights[1]) / total) if len(weights) == 2 and total else 0
    if len(weights) == 2 and 0 < second < members:
        return [members - second, second], weights
    if second:
        return [0, members], np.array([0.0, total])
    return [members, 0][: len(weights)], np.array([total, 0.0])[: len(weights)]
