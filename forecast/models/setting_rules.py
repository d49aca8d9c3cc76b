"""Rules, which fill in every setting that a network's user left at "auto", each with its reason.

A rule is a function of the settings and of the facts; it may use the settings whose rules stand above it in `RULES`.
The facts are measured from the training rows in `datasets/windows/facts.py`; a rule never reads a row itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from forecast.datasets.windows.facts import Facts, seasons_averaged
from forecast.settings import Settings

Choice = tuple[Any, str]
PRESET_STEPS = {"fast": 200, "balanced": 800, "best": 3000}
LONGEST_SEGMENT = 32
# over all series; with fewer rows to validate on, the weights with the least loss are the lucky ones
ENOUGH_VALIDATION_ROWS = 1000
MAX_VALIDATION_HORIZONS = 5


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """The work that one training run may take, where its caller allows less than the preset.

    Args:
        steps_share: the fraction in (0, 1] of the preset's steps; 1 by default. Steps that the user set are not
            shortened.
        seconds: wall time of the run; None (the default) leaves `max_time` as it is.
    """

    steps_share: float = 1.0
    seconds: float | None = None

    def limit(self, settings: Settings) -> tuple[Settings, dict[str, str]]:
        """Limit steps and time, and return the settings with the reason for each that changed."""
        reasons: dict[str, str] = {}
        if settings.steps == "auto" and self.steps_share < 1:
            settings = replace(settings, steps=max(1, round(self.steps_share * PRESET_STEPS[settings.preset])))
            reasons = {"steps": f"preset {settings.preset}"}
        if self.seconds is not None:
            settings = replace(settings, max_time=f"{self.seconds:.3f}s")
        return settings, reasons


NO_LIMIT = Allowance()


def resolve(settings: Settings, facts: Facts) -> tuple[Settings, dict[str, str]]:
    """Fill in every setting that is "auto" or None.

    Args:
        settings: the user's settings.
        facts: what was measured from the training rows.

    Returns:
        The settings, in which each that has a rule has a value, and the reason for each that was filled in, by name.
    """
    reasons: dict[str, str] = {}
    for name, rule in RULES.items():
        if getattr(settings, name) in ("auto", None):
            value, reason = rule(settings, facts)
            settings = replace(settings, **{name: value})
            reasons[name] = reason
    return settings, reasons


def _segment(settings: Settings, facts: Facts) -> Choice:
    season = facts.season_length
    most = max(1, min(LONGEST_SEGMENT, facts.length // 6))
    if settings.lookback != "auto":
        most = min(most, settings.lookback)
    if season > 1:
        divisor = max(d for d in range(1, season + 1) if season % d == 0 and d <= most)
        return divisor, f"the longest divisor of the season ({season}) that leaves several segments in a series"
    rows = max(1, min(most, settings.horizon, facts.length // 32))
    return rows, "no season: at most the horizon, and short enough for 32 segments in a series"


def _lookback(settings: Settings, facts: Facts) -> Choice:
    segment = int(settings.segment)
    enough = max(24 * segment, settings.horizon, facts.season_length)
    rows = max(1, min(enough, facts.length))
    return -(-rows // segment) * segment, "24 segments, the horizon or a season, whichever is longest and in the data"


def _memory(settings: Settings, facts: Facts) -> Choice:
    season, segment, lookback = facts.season_length, int(settings.segment), int(settings.lookback)
    seasons = seasons_averaged(season)
    enough = seasons * season if season > 1 else max(4, min(settings.horizon, 12))
    rows = min(-(-enough // segment) * segment, lookback)
    return rows, f"{seasons} seasons" if season > 1 else "a few rows: there is no season to average over"


def _origins(settings: Settings, facts: Facts) -> Choice:
    n_segments = int(settings.lookback) // int(settings.segment)
    n_without_origin = min(int(settings.memory) // int(settings.segment) - 1, n_segments // 3)
    return max(1, n_segments - n_without_origin), "every segment's end, once the level has something to average over"


def _transform(settings: Settings, facts: Facts) -> Choice:
    return "none", "each origin has a scale of its own, and logarithms make errors at low levels count most"


def _normaliser(settings: Settings, facts: Facts) -> Choice:
    if facts.base != "last":
        return "mean", "repeating the season beats repeating the last value on the training rows"
    return "last", "repeating the last value beats repeating the season on the training rows"


def _base(settings: Settings, facts: Facts) -> Choice:
    return facts.base, "the best on the training rows"


def _highway(settings: Settings, facts: Facts) -> Choice:
    return "ridge", "where a linear map beats the base on the last training rows"


def _decoder(settings: Settings, facts: Facts) -> Choice:
    return "direct", "one linear map"


def _hidden_size(settings: Settings, facts: Facts) -> Choice:
    size = 128 if facts.n_rows >= 100_000 else 64 if facts.n_rows >= 20_000 else 32
    return size, f"{facts.n_rows} training rows"


def _head(settings: Settings, facts: Facts) -> Choice:
    return ("quantile", "quantiles are asked for") if settings.quantiles else ("point", "no quantiles are asked for")


def _loss(settings: Settings, facts: Facts) -> Choice:
    from forecast.networks.heads import make_head  # torch

    needed = make_head(settings.head, settings.quantiles).loss
    if needed is not None:
        return needed, f"the head needs it, {settings.head}"
    if facts.intermittent:
        return "mae", "relative errors say little about intermittent demand"
    return "mixed", "scored like MASE and sMAPE"


def _steps(settings: Settings, facts: Facts) -> Choice:
    return PRESET_STEPS[settings.preset], f"preset {settings.preset}"


def _val_size(settings: Settings, facts: Facts) -> Choice:
    if facts.length < 4 * settings.horizon:
        return 0, "series are too short to spare a horizon"
    enough = max(math.ceil(ENOUGH_VALIDATION_ROWS / facts.n_series), MAX_VALIDATION_HORIZONS * settings.horizon)
    rows = max(settings.horizon, min(enough, facts.length // 8))
    most = f"{MAX_VALIDATION_HORIZONS} horizons and {ENOUGH_VALIDATION_ROWS} rows in all"
    return rows, f"a horizon, and up to {most} where an eighth of a series allows that"


def _averaging(settings: Settings, facts: Facts) -> Choice:
    memory = max(10.0, min(500.0, int(settings.steps) / 8))
    return 1 - 1 / memory, "a memory of an eighth of the steps"


def _patience(settings: Settings, facts: Facts) -> Choice:
    return 12, "of 20 validation rounds: a loss may rise while the learning rate is high"


def _batch_size(settings: Settings, facts: Facts) -> Choice:
    return 64, "crops"


def _learning_rate(settings: Settings, facts: Facts) -> Choice:
    textbook = settings.segment == 1 and settings.origins == 1
    return (2e-3 if textbook else 6e-3), "one-cycle peak"


def _threads(settings: Settings, facts: Facts) -> Choice:
    return 1, "small matrices: a second thread costs more than it brings"


def _device(settings: Settings, facts: Facts) -> Choice:
    import torch

    return ("cuda" if torch.cuda.is_available() else "cpu"), "what is there"


def _members(settings: Settings, facts: Facts) -> Choice:
    return 1, "a named network is one network"


def _workers(settings: Settings, facts: Facts) -> Choice:
    return 1, "a named network is one network"


def _blend(settings: Settings, facts: Facts) -> Choice:
    return "off", "a named network is one network"


RULES: dict[str, Callable[[Settings, Facts], Choice]] = {
    "members": _members,
    "workers": _workers,
    "blend": _blend,
    "segment": _segment,
    "lookback": _lookback,
    "memory": _memory,
    "origins": _origins,
    "transform": _transform,
    "normaliser": _normaliser,
    "base": _base,
    "highway": _highway,
    "decoder": _decoder,
    "hidden_size": _hidden_size,
    "head": _head,
    "loss": _loss,
    "val_size": _val_size,
    "steps": _steps,
    "averaging": _averaging,
    "patience": _patience,
    "batch_size": _batch_size,
    "learning_rate": _learning_rate,
    "threads": _threads,
    "device": _device,
}
