"""What "auto" means: every setting left open is filled in from the training rows, with its reason.

Each rule is one function of the settings and of what the rows look like; a rule may use what stands above it in
`RULES`. Rules see the number, length and spread of the series and their season, never a name, never a row after the
cutoff.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forecast.datasets.panel import Panel
from forecast.datasets.windows.history import mean_difference
from forecast.settings import Settings

Choice = tuple[Any, str]
STEPS = {"fast": 200, "balanced": 800, "best": 3000}
LONGEST_SEGMENT = 32
VALIDATED = 1000  # rows that tell good weights from lucky ones
VALIDATED_HORIZONS = 5
PROBES = 8  # steps of the horizon at which the base forecasts are compared


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the rules may know of the training rows.

    Args:
        n_series: how many series.
        n_rows: rows of all of them.
        length: median rows of a series.
        season_length: steps in a season.
        base: the best of the base forecasts on the training rows.
        intermittent: whether most series have no negative values and fewer than one demand in 1.32 steps.

    References:
        Syntetos, Boylan & Croston (2005), On the categorization of demand patterns (the limit of 1.32).
    """

    n_series: int
    n_rows: int
    length: int
    season_length: int
    base: str
    intermittent: bool

    @classmethod
    def of(cls, panel: Panel, horizon: int, season_length: int) -> Facts:
        length = int(np.median(panel.lengths)) if panel.n_series else 0
        return cls(
            n_series=panel.n_series,
            n_rows=panel.n_rows,
            length=length,
            season_length=season_length,
            base=_best_base(panel, horizon, season_length),
            intermittent=_is_intermittent(panel),
        )


def resolve(settings: Settings, facts: Facts) -> tuple[Settings, dict[str, str]]:
    """Fill in what is "auto".

    Returns:
        The settings without any "auto", and for each setting filled in, why.
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
    wanted = max(24 * segment, settings.horizon, facts.season_length)
    rows = max(1, min(wanted, facts.length))
    return -(-rows // segment) * segment, "24 segments, the horizon or a season, whichever is longest and in the data"


def _memory(settings: Settings, facts: Facts) -> Choice:
    season, segment, lookback = facts.season_length, int(settings.segment), int(settings.lookback)
    seasons = _seasons(season)
    wanted = seasons * season if season > 1 else max(4, min(settings.horizon, 12))
    rows = min(-(-wanted // segment) * segment, lookback)
    return rows, f"{seasons} seasons" if season > 1 else "a few rows: there is no season to average over"


def _origins(settings: Settings, facts: Facts) -> Choice:
    n_segments = int(settings.lookback) // int(settings.segment)
    warm = min(int(settings.memory) // int(settings.segment) - 1, n_segments // 3)
    return max(1, n_segments - warm), "every segment's end, once the level has something to average over"


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
    return STEPS[settings.preset], f"preset {settings.preset}"


def _val_size(settings: Settings, facts: Facts) -> Choice:
    if facts.length < 4 * settings.horizon:
        return 0, "series are too short to spare a horizon"
    enough = max(math.ceil(VALIDATED / facts.n_series), VALIDATED_HORIZONS * settings.horizon)
    rows = max(settings.horizon, min(enough, facts.length // 8))
    wanted = f"{VALIDATED_HORIZONS} horizons and {VALIDATED} rows in all"
    return rows, f"a horizon, and up to {wanted} where an eighth of a series allows that"


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


def _seasons(season_length: int) -> int:
    """Seasons worth remembering: a week where a season is a day, else three."""
    return 7 if season_length >= 24 and season_length % 24 == 0 else 3


def _best_base(panel: Panel, horizon: int, season_length: int) -> str:
    """The base forecast with the least absolute error on the training rows, over all series, each by its own scale."""
    if season_length <= 1:
        return "last"
    periods: dict[str, tuple[int, ...]] = {"last": (1,), "season": (season_length,)}
    if _seasons(season_length) == 7:
        periods["cycle"] = (season_length, 7 * season_length)
    errors = {name: np.zeros(panel.n_series) for name in periods}
    for step in np.unique(np.linspace(1, horizon, PROBES).round().astype(int)).tolist():
        for name, lengths in periods.items():
            lags = tuple(step if name == "last" else length * math.ceil(step / length) for length in lengths)
            errors[name] += mean_difference(panel, *lags)
    known = np.isfinite(errors["season"]) & (errors["last"] + errors["season"] > 0)
    if not known.any():
        return "last"
    ratio = {
        name: np.nanmedian(error[known] / np.maximum(errors["last"][known], 1e-300)) for name, error in errors.items()
    }
    return min(ratio, key=lambda name: ratio[name] if np.isfinite(ratio[name]) else math.inf)


def _is_intermittent(panel: Panel) -> bool:
    known = np.isfinite(panel.target)
    starts = panel.indptr[:-1][panel.lengths > 0]
    if not len(starts):
        return False
    zeros = np.add.reduceat(known & (panel.target == 0), starts, dtype=np.int64)
    negatives = np.add.reduceat(known & (panel.target < 0), starts, dtype=np.int64)
    share = zeros / np.maximum(np.add.reduceat(known, starts, dtype=np.int64), 1)
    return bool(np.median(np.where(negatives == 0, share, 0)) > 1 - 1 / 1.32)
