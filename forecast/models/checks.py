"""Checks before a network is built or trained: settings must fit together, and there must be rows to learn from."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch

from forecast.datasets.errors import ConfigError, DataError, Problem
from forecast.datasets.panel import Panel
from forecast.models.transforms import TRANSFORMS
from forecast.networks.base_forecasts import BASES
from forecast.networks.cells import is_causal
from forecast.networks.decoders import DECODERS
from forecast.networks.heads import HEADS, Head, make_head
from forecast.networks.normalisers import NORMALISERS
from forecast.settings import MOST_BYTES_OF_WEIGHTS, Settings
from forecast.training.losses import LOSSES

CHOICES: dict[str, Mapping[str, object]] = {
    "transform": TRANSFORMS,
    "normaliser": NORMALISERS,
    "base": BASES,
    "loss": LOSSES,
    "decoder": DECODERS,
    "head": HEADS,
}


def check_choices(settings: Settings, cell: str) -> None:
    """Refuse settings that no network can have together.

    Args:
        settings: the user's settings; what is "auto" fits with everything.
        cell: a name in `CELLS`.

    Raises:
        ConfigError: if a name is unknown or settings contradict one another; it lists every problem at once.
    """
    problems = [
        Problem(what=f"{name}={getattr(settings, name)!r}", expected=f"auto or one of {', '.join(table)}")
        for name, table in CHOICES.items()
        if getattr(settings, name) not in ("auto", *table)
    ]
    if settings.head in ("auto", *HEADS):
        problems += _head_problems(settings, make_head(settings.head, settings.quantiles))
    if settings.origins not in ("auto", 1) and not is_causal(cell):
        expected = "1: this cell reads the lookback both ways, so only its last state may forecast"
        problems.append(Problem(what=f"origins={settings.origins} with {cell}", expected=expected))
    if problems:
        raise ConfigError("the network cannot be built", problems=problems)


def check_size(network: Callable[[], torch.nn.Module], resolved: Settings) -> None:
    """Refuse a network that no model directory could hold, before its weights take any memory.

    Args:
        network: makes the network.
        resolved: the settings, none of which is open.

    Raises:
        ConfigError: if its weights are too many.
    """
    try:
        with torch.device("meta"):
            weights = network().state_dict().values()
    except (NotImplementedError, RuntimeError):
        return  # a cell of the user's own may compute with its weights when it is made
    size = sum(weight.numel() * weight.element_size() for weight in weights)
    if size <= MOST_BYTES_OF_WEIGHTS:
        return
    named = ", ".join(f"{name}={getattr(resolved, name)}" for name in ("hidden_size", "layers", "memory", "horizon"))
    what, expected = f"weights of {size} bytes", f"at most {MOST_BYTES_OF_WEIGHTS}, which a model directory may hold"
    remedy = f"Lower one of {named}."
    raise ConfigError("the network is too large", problems=[Problem(what=what, expected=expected, remedy=remedy)])


def check_rows(panel: Panel) -> None:
    """Refuse a panel that a network cannot learn from.

    Raises:
        DataError: if no series has two rows.
    """
    if not (panel.lengths > 1).any():
        hint = "A network needs a row to read and a row to forecast."
        raise DataError("no series has two rows to learn from", hint=hint)


def check_targets(panel: Panel, settings: Settings) -> None:
    """Refuse targets that the head's distribution cannot give.

    Raises:
        DataError: if there is such a target; it names the first few.
    """
    family = make_head(settings.head, settings.quantiles).family
    if family is None:
        return
    count, problems = family.support.problems(panel)
    if count:
        hint = "Choose a distribution that has these values, such as normal."
        raise DataError(f"head={settings.head} cannot give every target", hint=hint, problems=problems)


def _head_problems(settings: Settings, head: Head) -> list[Problem]:
    """List where the settings contradict their head: its loss, its quantiles, or the units of its distribution."""
    problems, needed = [], head.loss
    name = "quantiles" if head.levels else settings.head
    if needed is not None and settings.loss not in ("auto", needed):
        problems.append(Problem(what=f"loss={settings.loss!r} with {name}", expected=f"{needed}, which {name} needs"))
    if needed is None and settings.loss in {make(()).loss for make in HEADS.values()}:
        expected = "a head or quantiles to go with it"
        problems.append(Problem(what=f"loss={settings.loss!r} of a point", expected=expected))
    if settings.quantiles and not head.uncertain:
        expected = "quantile, or a distribution"
        problems.append(Problem(what=f"head={settings.head!r} with quantiles", expected=expected))
    if head.family is not None and head.family.in_target_units and settings.transform not in ("auto", "none"):
        what = f"transform={settings.transform!r} with head={settings.head!r}"
        problems.append(Problem(what=what, expected="no transform"))
    return problems
