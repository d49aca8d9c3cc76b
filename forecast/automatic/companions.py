"""Companions: the pretrained, statistical and boosted forecasts that stand beside the networks in a blend."""

from __future__ import annotations

from dataclasses import replace

from forecast.automatic.short_history import horizons_of_history, trees_join
from forecast.baselines.base import Baseline
from forecast.baselines.boosting import Boosting
from forecast.baselines.intermittent import SBA, TSB
from forecast.baselines.simple import Naive, SeasonalNaive
from forecast.combining.zero import Zero
from forecast.datasets.panel import Panel
from forecast.datasets.windows.facts import is_intermittent
from forecast.progress import doing
from forecast.settings import Settings

SECONDS_THAT_ALLOW_TREES = 60.0  # of max_time
COMPANIONS: dict[str, tuple[type[Baseline], ...]] = {  # by `blend`, the trusted ones first
    "off": (),
    "on": (Zero, Naive, SeasonalNaive),
    "boosted": (Zero, Boosting, Naive, SeasonalNaive),
    "intermittent": (TSB, SBA, Naive, SeasonalNaive),
}
TRUSTED = {"off": 0, "on": 1, "boosted": 2, "intermittent": 1}  # as good as networks before anything is validated


def choose_blend(settings: Settings, panel: Panel, base: str) -> tuple[str, str]:
    """Which companions stand beside the networks, and why.

    Args:
        settings: as the user gave them; `blend` is obeyed unless it is "auto".
        panel: the training rows.
        base: the best base forecast of these rows.

    Returns:
        A key of `COMPANIONS`, and the reason.
    """
    if settings.blend != "auto":
        return settings.blend, "set by the user"
    if is_intermittent(panel):
        return "intermittent", "demand is intermittent; weighted on validation origins"
    seconds = settings.max_seconds
    hurried = settings.preset == "fast" or (seconds is not None and seconds < SECONDS_THAT_ALLOW_TREES)
    if hurried or not trees_join(panel.n_rows, horizons_of_history(panel, settings.horizon, base)):
        return "on", "weighted on validation origins"
    return "boosted", "there is little history, where trees are strong; weighted on validation origins"


def companions(settings: Settings, season_length: int, *, levels: tuple[float, ...]) -> list[Baseline]:
    """The unfitted companions of a resolved `blend`, the trusted ones first; seasonal naive needs a season.

    Args:
        settings: `blend` resolved.
        season_length: steps in a season.
        levels: quantile levels in (0, 1) to forecast beside the point.
    """
    kinds = [kind for kind in COMPANIONS[settings.blend] if season_length > 1 or kind is not SeasonalNaive]
    asked = replace(settings, quantiles=levels)
    return [kind.make(asked, season_length) for kind in kinds]


def fit_companion(companion: Baseline, panel: Panel, threads: int) -> Baseline:
    """Fit on the panel with so many threads."""
    from threadpoolctl import threadpool_limits

    doing(f"fitting {companion.name}")
    with threadpool_limits(threads):
        return companion.fit(panel)
