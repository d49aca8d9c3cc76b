"""Permutation importance: an input is worth what the error grows by when its values are exchanged between origins."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.errors import DataError
from forecast.datasets.panel import Panel
from forecast.datasets.windows.history import actuals, scale_before
from forecast.datasets.windows.origins import Origins, evenly_spread
from forecast.fitted import BehindTables, fitted_of

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
MAX_ORIGINS = 128  # over all series; an importance is their average
MAX_ORIGINS_PER_SERIES = 16
MAX_HISTORY_ROWS = 2000  # before an origin


def importance(forecaster: BehindTables, data: Any, *, seed: int = 0) -> pd.DataFrame:
    """Measure what each input is worth to the forecasts of a fitted model.

    The values of one input at a time are exchanged between the origins of past forecasts, and the error is compared
    with the error without the exchange. Lags of the target are exchanged in blocks (the newest season, the season
    before it, all older rows). They are moved to the level and the scale of the history that they replace, so that
    the exchange tells the worth of their shape.

    Args:
        forecaster: a fitted forecaster of any model.
        data: a table that the model can forecast from; its newest rows are forecast again as the actuals.
        seed: seed of the exchange; the same seed exchanges the same origins.

    Returns:
        A row for each input, the most important first. `input` names a covariate, a static column or a block of lags.
        `error` is the mean absolute error with its values exchanged, in units of each history's mean seasonal
        difference. `worth` is `error` less the error without an exchange, in the same unit; it is negative where the
        exchange happened to help.

    Raises:
        DataError: if there are not two forecasts to exchange inputs between.

    References:
        Breiman (2001), Random Forests; Fisher, Rudin & Dominici (2019), All Models are Wrong, but Many are Useful.
    """
    import pandas as pd

    fitted, panel = fitted_of(forecaster), forecaster.panel(data)
    horizon, season = fitted.settings.horizon, fitted.season_length
    origins = _past_origins(panel, horizon)
    if len(origins) < 2:
        raise DataError("there are not two forecasts to exchange inputs between", hint="Give longer or more series.")
    episodes = _episodes(panel, origins, horizon)
    ends = Origins(np.arange(len(origins)), episodes.indptr[1:] - horizon)
    actual, scale = actuals(episodes, ends, horizon), scale_before(episodes, ends, season)
    partner = _partners(len(origins), seed)

    def error(read: Panel) -> float:
        return float(np.nanmean(np.abs(fitted.predict(read, ends).point - actual) / scale[:, None]))

    error_in_place, block = error(episodes), season if season > 1 else horizon
    errors = {name: error(exchanged) for name, exchanged in _exchanged(episodes, partner, horizon, scale, block)}
    frame = pd.DataFrame({"input": list(errors), "error": list(errors.values())})
    frame["worth"] = frame["error"] - error_in_place
    return frame.sort_values("worth", ascending=False, ignore_index=True)


def _past_origins(panel: Panel, horizon: int) -> Origins:
    """Choose origins a horizon apart, back from each series' end, with a whole horizon after and two rows before."""
    back = np.arange(1, MAX_ORIGINS_PER_SERIES + 1) * horizon
    ends = panel.indptr[1:][:, None] - back
    has_history = ends - panel.indptr[:-1][:, None] >= 2
    series, end = np.repeat(np.arange(panel.n_series), has_history.sum(axis=1)), ends[has_history]
    chosen = evenly_spread(len(series), MAX_ORIGINS)
    return Origins(series[chosen], end[chosen])


def _episodes(panel: Panel, origins: Origins, horizon: int) -> Panel:
    """Build a panel with a series for each origin, an episode, which holds its history and the horizon after it."""
    first = np.maximum(panel.indptr[origins.series], origins.end - MAX_HISTORY_ROWS)
    lengths = origins.end + horizon - first
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    rows = np.arange(indptr[-1]) + np.repeat(first - indptr[:-1], lengths)
    steps = first - panel.indptr[origins.series]
    return replace(
        panel,
        values=panel.values[rows],
        observed=panel.observed[rows],
        target=panel.target[rows],
        offset=panel.offset[origins.series],
        indptr=indptr,
        ids=np.array([f"{number:06}" for number in range(len(origins))], object),
        starts=panel.grid.shift(panel.starts[origins.series], steps),
        static=panel.static.iloc[origins.series].reset_index(drop=True),
    )


def _partners(n: int, seed: int) -> NDArray[np.int64]:
    """Give each origin another one to exchange with: a single random cycle, so that none is its own partner."""
    order = np.random.default_rng(seed).permutation(n)
    partner = np.empty(n, np.int64)
    partner[order] = np.roll(order, 1)
    return partner


def _exchanged(
    episodes: Panel, partner: NDArray[np.int64], horizon: int, scale: Floats, block: int
) -> list[tuple[str, Panel]]:
    """List each input's name with the panel in which it alone is exchanged; a block of lags has `block` rows."""
    blocks = ((1, block), (block + 1, 2 * block), (2 * block + 1, MAX_HISTORY_ROWS))
    exchanged = [
        (f"lags {first}-{last}" if last < MAX_HISTORY_ROWS else f"lags {first} and older",
         _target_exchanged(episodes, partner, horizon, scale, first, last))
        for first, last in blocks
    ]  # fmt: skip
    for number, channel in enumerate(episodes.channels[1:], start=1):
        exchanged.append((channel.name, _channel_exchanged(episodes, partner, number)))
    for name in episodes.static.columns:
        static = episodes.static.copy()
        static[name] = static[name].to_numpy()[partner]
        exchanged.append((str(name), replace(episodes, static=static)))
    return exchanged


def _aligned(episodes: Panel, partner: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pair each flat row with the row of its episode's partner that is as far from the end.

    Rows that are further from the end than the partner is long have no pair and are left out.
    """
    number = np.repeat(np.arange(episodes.n_series), episodes.lengths)
    rows = np.arange(episodes.n_rows)
    back = episodes.indptr[number + 1] - rows
    sources = episodes.indptr[partner[number] + 1] - back
    has_source = sources >= episodes.indptr[partner[number]]
    return rows[has_source], sources[has_source]


def _channel_exchanged(episodes: Panel, partner: NDArray[np.int64], number: int) -> Panel:
    """Exchange the values of a covariate; they stay what they are in the user's units."""
    rows, sources = _aligned(episodes, partner)
    offset = np.repeat(episodes.offset[:, number], episodes.lengths)
    values, observed = episodes.values.copy(), episodes.observed.copy()
    # values stand less their series' offset, so another series' value takes its own offset along
    values[rows, number] = episodes.values[sources, number] + offset[sources] - offset[rows]
    observed[rows, number] = episodes.observed[sources, number]
    return replace(episodes, values=values, observed=observed)


def _target_exchanged(
    episodes: Panel, partner: NDArray[np.int64], horizon: int, scale: Floats, first: int, last: int
) -> Panel:
    """Exchange the targets from lag `first` to `last` before the origin, moved to the level and scale of the history.

    The level is the mean of the history, and `scale` (n,) is its mean seasonal difference.
    """
    rows, sources = _aligned(episodes, partner)
    number = np.repeat(np.arange(episodes.n_series), episodes.lengths)
    lag = episodes.indptr[number[rows] + 1] - horizon - rows
    in_block = (lag >= first) & (lag <= last)
    rows, sources = rows[in_block], sources[in_block]
    finite = np.where(np.isfinite(episodes.target), episodes.target, np.nan)
    is_history = np.arange(episodes.n_rows) < np.repeat(episodes.indptr[1:] - horizon, episodes.lengths)
    level = np.array(
        [np.nanmean(finite[s:e][is_history[s:e]]) for s, e in zip(episodes.indptr, episodes.indptr[1:], strict=False)]
    )
    to, by = number[rows], number[sources]  # the episode that is changed, and its partner
    target, values = episodes.target.copy(), episodes.values.copy()
    target[rows] = level[to] + (episodes.target[sources] - level[by]) * scale[to] / scale[by]
    raw = episodes.values[sources, 0] + episodes.offset[by, 0]
    values[rows, 0] = level[to] + (raw - level[by]) * scale[to] / scale[by] - episodes.offset[to, 0]
    return replace(episodes, target=target, values=values)
