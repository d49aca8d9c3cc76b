"""Models every network must beat, one line each in `BASELINES`; none of them needs torch."""

from __future__ import annotations

from forecast.baselines.base import Baseline
from forecast.baselines.boosting import Boosting
from forecast.baselines.intermittent import SBA, TSB, Croston
from forecast.baselines.simple import Drift, Naive, SeasonalNaive
from forecast.baselines.theta import Naive2, Theta

BASELINES: dict[str, type[Baseline]] = {
    "naive": Naive,
    "seasonal_naive": SeasonalNaive,
    "drift": Drift,
    "naive2": Naive2,
    "theta": Theta,
    "croston": Croston,
    "sba": SBA,
    "tsb": TSB,
    "boosting": Boosting,
}
