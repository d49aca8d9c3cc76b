"""What each input is worth: how much worse forecasts get when its values are exchanged between origins."""

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
ORIGINS = 128  # that an importance is averaged over, at most
LONGEST_HISTORY = 2000  # rows before an origin whose exchange is measured
PASTS = 16  # origins of one series


def importance(forecaster: BehindTables, data: Any, *, seed: int = 0) -> pd.DataFrame:
    """What each input is worth: how much worse forecasts get when its values are exchanged between origins.

    Lags are exchanged in blocks (the newest season, the one before, all older), moved to the level and scale of the
    history they come to, so that what is measured is their shape.

    Args:
        forecaster: fitted, of any model.
        data: a table with what came in the newest rows; they are forecast again.
        seed: of the exchange.

    Returns:
        Columns `input` (a covariate, or a block of lags), `error`, the mean absolute error with its values exchanged, in
        units of each history's mean seasonal difference, and `worth`, how much that is above the error with all in
        place; the most important first.

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

    def error(spoilt: Panel) -> float:
        return float(np.nanmean(np.abs(fitted.predict(spoilt, ends).point - actual) / scale[:, None]))

    plain, block = error(episodes), season if season > 1 else horizon
    errors = {name: error(spoilt) for name, spoilt in _spoilt(episodes, partner, horizon, scale, block)}
    frame = pd.DataFrame({"input": list(errors), "error": list(errors.values())})
    frame["worth"] = frame["error"] - plain
    return frame.sort_values("worth", ascending=False, ignore_index=True)


def _past_origins(panel: Panel, horizon: int) -> Origins:
    """Origins a horizon apart, back from each series' end, with a whole horizon after and a few rows before."""
    back = np.arange(1, PASTS + 1) * horizon
    ends = panel.indptr[1:][:, None] - back
    there = ends - panel.indptr[:-1][:, None] >= 2
    series, end = np.repeat(np.arange(panel.n_series), there.sum(axis=1)), ends[there]
    chosen = evenly_spread(len(series), ORIGINS)
    return Origins(series[chosen], end[chosen])


def _episodes(panel: Panel, origins: Origins, horizon: int) -> Panel:
    """Each origin as a series of its own: its history and the horizon after it."""
    first = np.maximum(panel.indptr[origins.series], origins.end - LONGEST_HISTORY)
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
    """A permutation that leaves none where it is."""
    order = np.random.default_rng(seed).permutation(n)
    partner = np.empty(n, np.int64)
    partner[order] = np.roll(order, 1)
    return partner


def _spoilt(
    episodes: Panel, partner: NDArray[np.int64], horizon: int, scale: Floats, block: int
) -> list[tuple[str, Panel]]:
    """The panel with one input exchanged at a time, by the input's name; `block` is the length of a block of lags."""
    blocks = ((1, block), (block + 1, 2 * block), (2 * block + 1, LONGEST_HISTORY))
    spoilt = [
        (f"lags {first}-{last}" if last < LONGEST_HISTORY else f"lags {first} and older",
         _target_exchanged(episodes, partner, horizon, scale, first, last))
        for first, last in blocks
    ]  # fmt: skip
    for number, channel in enumerate(episodes.channels[1:], start=1):
        spoilt.append((channel.name, _channel_exchanged(episodes, partner, number)))
    for name in episodes.static.columns:
        static = episodes.static.copy()
        static[name] = static[name].to_numpy()[partner]
        spoilt.append((str(name), replace(episodes, static=static)))
    return spoilt


def _aligned(episodes: Panel, partner: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows, and the rows of each one's partner that are as far from the end."""
    number = np.repeat(np.arange(episodes.n_series), episodes.lengths)
    rows = np.arange(episodes.n_rows)
    back = episodes.indptr[number + 1] - rows
    theirs = episodes.indptr[partner[number] + 1] - back
    there = theirs >= episodes.indptr[partner[number]]
    return rows[there], theirs[there]


def _channel_exchanged(episodes: Panel, partner: NDArray[np.int64], number: int) -> Panel:
    rows, theirs = _aligned(episodes, partner)
    offset = np.repeat(episodes.offset[:, number], episodes.lengths)
    values, observed = episodes.values.copy(), episodes.observed.copy()
    values[rows, number] = episodes.values[theirs, number] + offset[theirs] - offset[rows]
    observed[rows, number] = episodes.observed[theirs, number]
    return replace(episodes, values=values, observed=observed)


def _target_exchanged(
    episodes: Panel, partner: NDArray[np.int64], horizon: int, scale: Floats, first: int, last: int
) -> Panel:
    """Target rows at these lags before the origin, in the level and scale of the history they come to."""
    rows, theirs = _aligned(episodes, partner)
    number = np.repeat(np.arange(episodes.n_series), episodes.lengths)
    lag = episodes.indptr[number[rows] + 1] - horizon - rows
    rows, theirs = rows[(lag >= first) & (lag <= last)], theirs[(lag >= first) & (lag <= last)]
    known = np.where(np.isfinite(episodes.target), episodes.target, np.nan)
    history = np.arange(episodes.n_rows) < np.repeat(episodes.indptr[1:] - horizon, episodes.lengths)
    level = np.array(
        [np.nanmean(known[s:e][history[s:e]]) for s, e in zip(episodes.indptr, episodes.indptr[1:], strict=False)]
    )
    mine, yours = number[rows], number[theirs]
    target, values = episodes.target.copy(), episodes.values.copy()
    target[rows] = level[mine] + (episodes.target[theirs] - level[yours]) * scale[mine] / scale[yours]
    raw = episodes.values[theirs, 0] + episodes.offset[yours, 0]
    values[rows, 0] = level[mine] + (raw - level[yours]) * scale[mine] / scale[yours] - episodes.offset[mine, 0]
    return replace(episodes, target=target, values=values)
