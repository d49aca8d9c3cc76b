"""Baselines are models that every network must beat, and need no torch; a new one is a class and an entry of `BASELINES`."""

from __future__ import annotations

from forecast.baselines.base import Baseline
from forecast.baselines.boosting import Boosting
from forecast.baselines.intermittent import SBA, TSB, Croston
from forecast.baselines.simple import Drift, Naive, SeasonalNaive
from forecast.baselines.smoothing.bank import Smoothing
from forecast.baselines.theta import Naive2, Theta

BASELINES: dict[str, type[Baseline]] = {
    baseline.name: baseline
    for baseline in (Naive, SeasonalNaive, Drift, Naive2, Theta, Smoothing, Croston, SBA, TSB, Boosting)
}
