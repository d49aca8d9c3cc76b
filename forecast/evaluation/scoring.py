"""Scores of forecasts that were made earlier, by this toolkit or any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.errors import MAX_LISTED_PROBLEMS, DataError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.season import season_length
from forecast.datasets.tables.columns import TIMES, Columns, find, id_names, ids_like, one_or_several
from forecast.datasets.tables.identity import numbers_among
from forecast.datasets.tables.narrowing import narrowed
from forecast.datasets.tables.result import CUTOFF, FORECAST
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.time.times import as_text, parse_times
from forecast.evaluation.accumulator import Accumulator
from forecast.evaluation.metrics import owa
from forecast.evaluation.scales import Scales

if TYPE_CHECKING:
    import pandas as pd

MODEL = "model"  # the column that names the model of each forecast


def score(
    forecasts: Any,
    actuals: Any,
    *,
    id: str | Sequence[str] | None = None,
    time: str | None = None,
    target: str | None = None,
    observed: str | None = None,
    freq: str | None = None,
    mase_season: int | None = None,
) -> dict[str, Any]:
    """Compute the metrics of forecasts that were made earlier; they equal those of `evaluate` for the same forecasts.

    Args:
        forecasts: a table with ids and time as in `actuals`, the column `forecast`, and optionally `cutoff` (time of the
            last row before the forecast), quantile columns (`q10`, in per cent), and `model`, whose values are scored
            apart. Of a forecast with a cutoff, the steps after the series' end are left out. Where `actuals` is a wide
            table, they may be wide, as `predict` returns them.
        actuals: a table with the history and the actuals of the forecasts.
        id: id column of both tables, or several; None finds it by its usual names.
        time: time column of both tables; None finds it by its usual names.
        target: target column of `actuals`; None finds it by its usual names.
        observed: boolean column of `actuals` that is False where the target was filled in; None for no such column.
        freq: pandas alias of the time grid; None finds it from the times.
        mase_season: lag of the MASE scale in steps; None takes the season length. The scale of a series comes from its
            rows up to its earliest cutoff, whichever model that is of; without a column `cutoff`, it comes from the rows
            before the series' first forecast.

    Returns:
        Metrics by name, flat means over series. If the forecasts have a column `model`: by model, such metrics, with OWA
        if one of the models is called naive2.

    Raises:
        ConfigError: if `freq` is not a frequency.
        DataError: if a column is missing, a forecast is not finite, or `actuals` lacks the series or the time of a
            forecast.
    """
    roles = Columns(id=one_or_several(id), time=time, target=target, observed=observed)
    panel = panel_from_table(actuals, roles, freq=freq)
    forecasts = narrowed(forecasts, panel.format)
    places, _ = _places(forecasts, panel, id, time)
    scales, _ = _scales(panel, places, mase_season)
    if MODEL not in forecasts.columns or MODEL in (*id_names(id, forecasts.columns), *panel.format.ids):
        return _scored(forecasts, panel, places, scales)
    models = forecasts[MODEL].astype(str).to_numpy(object)
    scores = {}
    for name in dict.fromkeys(models):
        rows = np.flatnonzero(models == name)
        scores[name] = _scored(forecasts.iloc[rows], panel, places.take(rows), scales)
    naive2 = dict(scores.get("naive2", {}))
    for metrics in scores.values():
        relative = owa(metrics, naive2)
        metrics |= {} if relative is None else {"owa": relative}
    return scores


Numbers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Arrived:
    """What the actuals that have arrived say of a model's forecasts.

    Args:
        metrics: metrics by name, flat means over series; empty where no actual has arrived.
        steps: (n,) of each forecast that was scored, its step, counted from 1 at its series' first forecast.
        left: number of forecasts whose times lie after their series' newest actual.
        newest: time of the newest actual that was scored, as text; empty where none was.
        mase_season: steps in the season of MASE's scale; None where nothing was scored.
    """

    metrics: dict[str, float]
    steps: Numbers
    left: int
    newest: str
    mase_season: int | None = None


def score_arrived(
    forecasts: Any, actuals: Any, roles: Columns, *, freq: str | None = None, mase_season: int | None = None
) -> Arrived:
    """Score the forecasts of one model whose actuals have arrived; those of later times are counted.

    Args:
        forecasts: a table as `score` takes it, of one model.
        actuals: a table with the history and the actuals so far.
        roles: columns of both tables.
        freq: pandas alias of the time grid; None finds it from the times.
        mase_season: lag of the MASE scale in steps; None takes the season length.

    Raises:
        DataError: as `score`.
    """
    panel = panel_from_table(actuals, replace(roles, static=(), known=(), past=()), freq=freq)
    forecasts = narrowed(forecasts, panel.format)
    places, is_here = _places(forecasts, panel, roles.id, roles.time, partial=True)
    rows = np.flatnonzero(is_here)
    if not len(rows):
        return Arrived(metrics={}, steps=rows, left=len(forecasts), newest="")
    first = np.full(panel.n_series, np.iinfo(np.int64).max)
    np.minimum.at(first, places.series, places.row)
    here = places.take(rows)
    scales, season = _scales(panel, places, mase_season)
    metrics = _scored(forecasts.iloc[rows], panel, here, scales)
    last = int(panel.grid.shift(panel.starts[here.series], here.row).max())
    newest = as_text(last, panel.grid.kind == "integer", panel.format.zone)
    steps = here.row - first[here.series] + 1
    left = int((~is_here).sum())
    return Arrived(metrics=metrics, steps=steps, left=left, newest=newest, mase_season=season)


@dataclass(frozen=True)
class _Places:
    """Of each forecast, (n,): its series, its row in the series, and the rows that the series has before the cutoff."""

    series: Numbers
    row: Numbers
    before: Numbers

    def take(self, rows: Numbers) -> _Places:
        """Keep the forecasts of these numbers."""
        return _Places(self.series[rows], self.row[rows], self.before[rows])


def _scales(panel: Panel, places: _Places, mase_season: int | None) -> tuple[Scales, int]:
    """Compute the scales of each series from its rows before its first cutoff, and the season of MASE's.

    A series without forecasts has no scales.
    """
    first = np.where(np.isin(np.arange(panel.n_series), places.series), panel.lengths, 0)
    np.minimum.at(first, places.series, places.before)
    history = panel.truncate(panel.indptr[:-1] + first)
    season = mase_season or season_length(history, None)[0]
    at = panel.numbers_of(history.ids)
    return Scales.of(history, season).spread(at, panel.n_series), season


def _scored(forecasts: pd.DataFrame, panel: Panel, places: _Places, scales: Scales) -> dict[str, float]:
    """Compute the metrics of one model's forecasts; quantile columns that are empty are other models'."""
    levels, names = levels_of(forecasts)
    problems = _not_finite(forecasts, [FORECAST, *names])
    if problems:
        raise DataError("the forecasts cannot be scored", problems=problems)
    scores = Accumulator(scales, 1, levels)
    last = panel.lengths[places.series] - 1
    target = panel.target[panel.indptr[places.series] + np.minimum(places.row, last)]
    actual = np.where(places.row > last, np.nan, target)[:, None]
    quantiles = forecasts[names].to_numpy(np.float64)[:, None, :] if names else None
    scores.add(places.series, actual, forecasts[FORECAST].to_numpy(np.float64)[:, None], quantiles)
    return scores.result(standardised=False)


def levels_of(forecasts: pd.DataFrame) -> tuple[tuple[float, ...], list[str]]:
    """Return the levels in (0, 1) of the quantile columns, ascending, and the columns' names."""
    columns = {}
    for name in map(str, forecasts.columns):
        try:
            level = float(name[1:]) / 100 if name.startswith("q") else 0.0
        except ValueError:
            continue
        if 0 < level < 1 and (MODEL not in forecasts.columns or forecasts[name].notna().any()):
            columns[level] = name
    return tuple(sorted(columns)), [columns[level] for level in sorted(columns)]


def _places(
    forecasts: pd.DataFrame, panel: Panel, id: str | Sequence[str] | None, time: str | None, *, partial: bool = False
) -> tuple[_Places, NDArray[np.bool_]]:
    """Find the place of each forecast among the actuals, and whether it has one there.

    Args:
        forecasts: the forecasts.
        panel: the actuals.
        id: id columns; None finds them.
        time: time column; None finds it.
        partial: whether forecasts after their series' end are left out in any case, and not only beside others of the
            same cutoff; False by default.
    """
    columns = [str(name) for name in forecasts.columns]
    id_columns, problems = ids_like(panel.format, columns, id)
    usual_time = panel.format.time if panel.format.time in columns else None
    time_column, time_problems = find(time or usual_time, TIMES, columns, "time", needed=True)
    problems = [*problems, *time_problems]
    if FORECAST not in columns:
        problems.append(Problem(what="there is no forecast column", column=FORECAST, remedy="Name it `forecast`."))
    if problems:
        raise DataError("the forecasts do not have the columns they need", problems=problems)
    series, ids = numbers_among(forecasts, id_columns, panel)
    if (series < 0).any():
        known = set(panel.ids)
        unknown = [name for name in ids.text if name not in known]
        problems = [Problem(series=name, what="the actuals do not have this series") for name in unknown]
        problems = [*problems[:MAX_LISTED_PROBLEMS], *ids.problems]
        raise DataError("there are forecasts without actuals", problems=problems)
    row, exact = _steps(forecasts, str(time_column), panel, series)
    has_actual = exact & (row >= 0) & (row < panel.lengths[series])
    before, is_left_out = row, np.zeros(len(row), bool)  # the smallest row of a series is its first forecast
    if CUTOFF in columns:
        before = np.maximum(_steps(forecasts, CUTOFF, panel, series)[0] + 1, 0)
        origins, origin = np.unique(np.stack([series, before]), axis=1, return_inverse=True)
        is_scored = np.bincount(origin.ravel(), has_actual, origins.shape[1]) > 0  # (origins,)
        is_left_out = exact & (row >= panel.lengths[series]) & is_scored[origin.ravel()]
    if partial:
        is_left_out = exact & (row >= panel.lengths[series])
    absent = np.flatnonzero(~has_actual & ~is_left_out)
    if len(absent):
        raise _without_actuals(forecasts, str(time_column), panel, series, absent)
    return _Places(series, row, before), has_actual


def _steps(forecasts: pd.DataFrame, column: str, panel: Panel, series: Numbers) -> tuple[Numbers, NDArray[np.bool_]]:
    """Find the row of each time of a column in its series, counted from 0, and whether the time is on the grid."""
    times, problems = parse_times(forecasts[column], column)
    if times is None or problems:
        raise DataError("the forecasts' times cannot be read", problems=problems)
    return panel.grid.steps(panel.starts[series], times.on(panel.grid))


def _without_actuals(forecasts: pd.DataFrame, column: str, panel: Panel, series: Numbers, absent: Numbers) -> DataError:
    """Build the error that names the forecasts of these numbers, which have no actual."""
    listed = absent[:MAX_LISTED_PROBLEMS]
    times, _ = parse_times(forecasts[column].iloc[listed], column)
    assert times is not None, "they have been read before"
    texts = [as_text(int(value), times.integer) for value in times.on(panel.grid)]
    problems = [
        Problem(series=str(panel.ids[series[k]]), time=text, what="no actual at this time")
        for k, text in zip(listed, texts, strict=True)
    ]
    return DataError("there are forecasts without actuals", problems=problems)


def _not_finite(forecasts: pd.DataFrame, names: list[str]) -> list[Problem]:
    problems = []
    for name in names:
        bad = np.flatnonzero(~np.isfinite(forecasts[name].to_numpy(np.float64)))
        problems += [Problem(column=name, what=f"row {k + 1} is not finite") for k in bad[:MAX_LISTED_PROBLEMS]]
    return problems
