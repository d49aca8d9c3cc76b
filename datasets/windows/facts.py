"""Facts say what the training rows look like; they are measured once, before any rule decides anything.

Facts are the number, length and spread of the series and what repeats in them; they never hold a name, and never a row
after the cutoff. The rules that read them stand in `models/setting_rules.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from forecast.datasets.panel import Panel
from forecast.datasets.windows.history import mean_difference

MAX_STEPS_COMPARED = 8  # of the horizon, spread evenly: base forecasts are compared there
MIN_DEMAND_INTERVAL = 1.32  # mean steps between two demands from which on demand is intermittent


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The facts of the training rows that the rules may read.

    Args:
        n_series: number of series.
        n_rows: number of rows of all series together.
        length: median number of a series' rows.
        season_length: steps in a season; 1 means none.
        base: name of the base forecast with the least error on the training rows: "last", "season" or "cycle".
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
        """Measure the training rows.

        Args:
            panel: the training rows.
            horizon: steps to forecast.
            season_length: steps in a season; 1 means none.
        """
        length = int(np.median(panel.lengths)) if panel.n_series else 0
        return cls(
            n_series=panel.n_series,
            n_rows=panel.n_rows,
            length=length,
            season_length=season_length,
            base=best_base(panel, horizon, season_length),
            intermittent=is_intermittent(panel),
        )


def seasons_averaged(season_length: int) -> int:
    """Return the number of seasons that a level is averaged over: a week where a season is a day, else three."""
    return 7 if season_length >= 24 and season_length % 24 == 0 else 3


def best_base(panel: Panel, horizon: int, season_length: int) -> str:
    """Return the name of the base forecast with the least absolute error on the training rows.

    A series' error counts relative to that of its last value, and the median series decides.

    Args:
        panel: the training rows.
        horizon: steps to forecast.
        season_length: steps in a season; 1 means none.

    Returns:
        "last" (the last value), "season" (the last season) or "cycle" (half the last season, half one a week further
        back).
    """
    if season_length <= 1:
        return "last"
    periods: dict[str, tuple[int, ...]] = {"last": (1,), "season": (season_length,)}
    if seasons_averaged(season_length) == 7:
        periods["cycle"] = (season_length, 7 * season_length)
    errors = {name: np.zeros(panel.n_series) for name in periods}
    for step in np.unique(np.linspace(1, horizon, MAX_STEPS_COMPARED).round().astype(int)).tolist():
        for name, lengths in periods.items():
            lags = tuple(step if name == "last" else length * math.ceil(step / length) for length in lengths)
            errors[name] += mean_difference(panel, *lags)
    comparable = np.isfinite(errors["season"]) & (errors["last"] + errors["season"] > 0)
    if not comparable.any():
        return "last"
    divisor = np.maximum(errors["last"][comparable], 1e-300)
    ratio = {name: np.nanmedian(error[comparable] / divisor) for name, error in errors.items()}
    return min(ratio, key=lambda name: ratio[name] if np.isfinite(ratio[name]) else math.inf)


def is_intermittent(panel: Panel) -> bool:
    """Return whether most series have no negative values and fewer than one demand in 1.32 steps."""
    observed = np.isfinite(panel.target)
    starts = panel.indptr[:-1][panel.lengths > 0]
    if not len(starts):
        return False
    zeros = np.add.reduceat(observed & (panel.target == 0), starts, dtype=np.int64)
    negatives = np.add.reduceat(observed & (panel.target < 0), starts, dtype=np.int64)
    share = zeros / np.maximum(np.add.reduceat(observed, starts, dtype=np.int64), 1)
    return bool(np.median(np.where(negatives == 0, share, 0)) > 1 - 1 / MIN_DEMAND_INTERVAL)
