"""The best run of a table against each other one, forecast by forecast: may the difference be chance?"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forecast.datasets.tables.result import CUTOFF, FORECAST
from forecast.evaluation.metrics import Floats, Points, metrics_for
from forecast.evaluation.scoring import levels_of
from forecast.evaluation.significance import diebold_mariano, holm, wilcoxon
from forecast.tracking.comparing.boards import distance, tables
from forecast.tracking.comparing.results import BY_SERIES, FORECASTS

if TYPE_CHECKING:
    Read = Callable[[str, str], pd.DataFrame | None]

MOST_TESTED = 10  # runs of a table, from the best one on: tables of each are read for it
LEVEL = 0.05
NO_LOSS = ("bias", "coverage", "width")  # of one forecast, less of them is not better
COLUMNS, EMPTY = ("behind", "share", "p", "alone", "verdict"), (math.nan, math.nan, math.nan, math.nan, "")


@dataclass(frozen=True)
class _Test:
    """The best run against another.

    Args:
        share: share of the series on which the best run is better; NaN where they cannot be matched.
        p: two-sided p-value, not yet corrected: over the series by Wilcoxon's signed ranks, or of the only one by
            Diebold and Mariano.
        each: (series,) p-values of Diebold and Mariano, corrected after Holm, signed by who is better.
        series: number of series.
    """

    share: float = math.nan
    p: float = math.nan
    each: Floats = field(default_factory=lambda: np.empty(0))
    series: int = 0

    @property
    def alone(self) -> float:
        """Return the number of series on which the best run is better, each by itself; NaN where none can be tested."""
        is_tested = np.isfinite(self.each)
        return float(((self.each < LEVEL) & ~np.signbit(self.each)).sum()) if is_tested.any() else math.nan


def with_tests(frame: pd.DataFrame, metric: str, read: Read) -> pd.DataFrame:
    """Add what the paired tests say of the best run of each table and the others.

    Args:
        frame: leaderboards.
        metric: metric that ranks them.
        read: it reads a table of a run.

    Returns:
        The frame with the columns `behind` (share by which a run's metric is worse than the best one's), `share` (of the
        series on which the best run is better), `p` (corrected after Holm for the runs of the table), `alone` (number of
        series on which the best run is better by Diebold and Mariano, at 5%, corrected for the series), and `verdict`, a
        sentence. They are empty for the best run itself, runs without a rank, and those from the eleventh on.
    """
    found: dict[Any, tuple[Any, ...]] = {}
    for table in tables(frame):
        ranked = table[table["rank"].notna()].head(MOST_TESTED)
        best, others = ranked.head(1), ranked.iloc[1:]
        tests = [_tested(best.iloc[0], other, metric, read) for _, other in others.iterrows()]
        corrected = holm([test.p for test in tests])
        for place, test, p in zip(others.index, tests, corrected, strict=True):
            size = distance(metric, float(others[metric].loc[place]))
            behind = 1 - distance(metric, best[metric].iloc[0]) / size if size > 0 else math.nan
            names = str(best["model"].iloc[0]), str(others["model"].loc[place])
            found[place] = (behind, test.share, p, test.alone, _sentence(*names, behind, test, p))
    columns = {
        name: [found[row][k] if row in found else EMPTY[k] for row in frame.index] for k, name in enumerate(COLUMNS)
    }
    return frame.assign(**columns)


def _tested(best: pd.Series, other: pd.Series, metric: str, read: Read) -> _Test:
    of_series = [read(str(row["run_id"]), BY_SERIES) for row in (best, other)]
    if any(table is None or metric not in table for table in of_series):
        return _Test()
    first, second = (table.set_index("series")[metric].map(lambda v: distance(metric, v)) for table in of_series)  # type: ignore[union-attr]  # None has returned
    difference = (first - second.reindex(first.index)).to_numpy(np.float64)
    known = difference[np.isfinite(difference)]
    if not len(known):
        return _Test()
    p = _by_series(best, other, metric, read)
    overall = wilcoxon(known) if len(known) > 1 else float(np.abs(p[0])) if len(p) == 1 else math.nan
    return _Test(float((known < 0).mean()), overall, p, len(known))


def _by_series(best: pd.Series, other: pd.Series, metric: str, read: Read) -> Floats:
    """Return the p-values of Diebold and Mariano, (series,), negative where the other run is better.

    The loss at a cutoff is the mean over the steps. Neighbouring cutoffs are correlated where the rows between the older
    one and its last forecast reach past the newer one.
    """
    losses = [_losses(read(str(row["run_id"]), FORECASTS), metric) for row in (best, other)]
    if losses[0] is None or losses[1] is None or not losses[0].index.equals(losses[1].index):
        return np.empty(0)
    by_cutoff = losses[0] - losses[1]
    number = by_cutoff.groupby(level=0, sort=False).cumcount()
    series = by_cutoff.index.get_level_values(0)
    difference = np.full((int(series.max()) + 1, int(number.max()) + 1), np.nan)
    difference[series, number] = by_cutoff
    reach = int(best["horizon"]) + int(best["gap"])
    overlap = 1 if pd.isna(best["step"]) else -(-reach // int(best["step"]))
    p = np.array(holm(list(diebold_mariano(difference, overlap))))
    total = np.nansum(difference, axis=1)
    return np.where(total > 0, -p, p)


def _losses(forecasts: pd.DataFrame | None, metric: str) -> pd.Series | None:
    """Return the mean loss by number of the series and cutoff; None where the metric is no loss of a forecast."""
    if forecasts is None or metric.partition("_")[0] in NO_LOSS:
        return None
    levels, names = levels_of(forecasts)
    found = metrics_for(levels).get(metric)
    if found is None or found.needs == "scale='train'":
        return None
    keys = list(forecasts.columns[: forecasts.columns.get_loc(CUTOFF)])[:-1]  # what stands before time and cutoff
    ones = np.ones((len(forecasts), 1))  # a series' own scale changes no p-value of it
    quantiles = forecasts[names].to_numpy(np.float64)[:, None, :] if names else None
    actual, point = (forecasts[[name]].to_numpy(np.float64) for name in (forecasts.columns[-1], FORECAST))
    loss = found.terms(Points(actual, point, levels, quantiles, ones, ones, ones))[:, 0]
    series = forecasts.groupby(keys, sort=False, dropna=False).ngroup() if keys else 0
    return pd.Series(loss).groupby([pd.Series(series, index=forecasts.index), forecasts[CUTOFF]], sort=False).mean()


def _sentence(best: str, other: str, behind: float, test: _Test, p: float) -> str:
    if not math.isfinite(p):
        return f"{best} and {other}: too few series and cutoffs to tell" if test.series else ""
    if p >= LEVEL:
        return f"{best} and {other}: no difference that could not be chance, {chance(p)}"
    far = "less than 1%" if behind < 0.005 else f"{behind:.0%}"
    where = ""
    if test.series > 1:
        only = "but only on" if test.share < 0.5 else "on"  # the mean and most of the series disagree
        own = f" (on {test.alone:.0f} of {test.series} by themselves)" if test.alone > 0 else ""
        where = f", {only} {test.share:.0%} of series{own}"
    return f"{best} is better than {other} by {far}{where}, {chance(p)}"


def chance(p: float) -> str:
    """Return a p-value as text: p = .003, p < .001."""
    return (
        "p < .001" if p < 0.001 else "p = 1" if p > 0.995 else f"p = {p:.{3 if p < 0.1 else 2}f}".replace("0.", ".", 1)
    )
