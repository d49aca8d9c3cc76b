"""Seeing inside: how far back a forecast depends on its input, and what each input is worth."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from forecast.datasets.errors import ConfigError, DataError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.windows.history import actuals, scale_before
from forecast.datasets.windows.origins import Origins, evenly_spread, gather

if TYPE_CHECKING:
    import pandas as pd

    from forecast.forecaster import Forecaster
    from forecast.models.recurrent import RecurrentModel

Floats = NDArray[np.float64]
ORIGINS = 128  # that a profile or an importance is averaged over, at most
STEPS = 8  # of the horizon whose gradients are taken
LONGEST = 2000  # rows of history that an importance is measured on
PASTS = 16  # origins of one series


def memory_profile(forecaster: Forecaster) -> pd.DataFrame:
    """How much each step of the lookback moves the forecast: the norm of the gradient by lag, averaged over origins.

    Only what passes through the recurrent core counts: the linear highway and the base forecast, which read the
    newest rows directly, are left out, so that a core that forgets is seen to forget.

    Args:
        forecaster: fitted, of a network (of `auto`, its first member).

    Returns:
        Columns `lag`, the rows from the origin back to the newest row of each recurrent step (1 is the newest), and
        `norm`, the size of the gradient of the whole horizon's forecast.

    Raises:
        ConfigError: if the model has no gradient (a baseline).

    References:
        Pascanu et al. (2013), On the difficulty of training recurrent neural networks.
    """
    import pandas as pd

    model = _network(forecaster)
    assert model.network is not None
    network, window, panel = model.network, model.network.settings.window, model.encoded(forecaster.context)
    ahead = window.horizon if network.settings.known else 0
    chosen = evenly_spread(panel.n_series, ORIGINS)
    origins = Origins(chosen, np.maximum(panel.indptr[chosen + 1] - ahead, panel.indptr[chosen] + 1))
    rows = gather(panel, origins, before=window.lookback, after=ahead)
    static = torch.from_numpy(panel.static_values[origins.series])
    read = network.read(torch.from_numpy(rows.values), torch.from_numpy(rows.observed), static)
    inputs = read.inputs.detach().requires_grad_()
    forecast = network.correct(inputs, read)[:, -1, :, network.head.median]
    total = torch.zeros(inputs.shape[:2])
    steps = evenly_spread(forecast.shape[1], STEPS)
    for step in forecast[:, torch.from_numpy(steps)].unbind(1):
        [slope] = torch.autograd.grad(step.sum(), inputs, retain_graph=True)
        total += slope.square().sum(-1)
    norm = total.sqrt().mean(0).flip(0).double().numpy()
    return pd.DataFrame({"lag": np.arange(len(norm)) * window.segment + 1, "norm": norm})


def importance(forecaster: Forecaster, data: Any, *, seed: int = 0) -> pd.DataFrame:
    """What each input is worth: how much worse forecasts get when its values are exchanged between origins.

    Lags are exchanged in blocks (the newest season, the one before, all older), moved to the level and scale of the
    history they come to, so that what is measured is their shape.

    Args:
        forecaster: fitted, of any model.
        data: a table with what came in the newest rows; they are forecast again.
        seed: of the exchange.

    Returns:
        Columns `input` (a covariate, or a block of lags), `mase` with its values exchanged, and `worth`, by how much
        that is above the MASE with all in place; the most important first. The scale is each history's own.

    Raises:
        DataError: if there are not two forecasts to exchange inputs between.

    References:
        Breiman (2001), Random Forests; Fisher, Rudin & Dominici (2019), All Models are Wrong, but Many are Useful.
    """
    import pandas as pd

    panel, horizon = forecaster.panel(data), forecaster.settings.horizon
    origins = _past_origins(panel, horizon)
    if len(origins) < 2:
        raise DataError("there are not two forecasts to exchange inputs between", hint="Give longer or more series.")
    episodes = _episodes(panel, origins, horizon)
    ends = Origins(np.arange(len(origins)), episodes.indptr[1:] - horizon)
    actual, scale = actuals(episodes, ends, horizon), scale_before(episodes, ends, forecaster.season_length_)
    partner = _partners(len(origins), seed)

    def mase(spoilt: Panel) -> float:
        error = np.abs(forecaster.predict_panel(spoilt, ends).point - actual) / scale[:, None]
        return float(np.nanmean(error))

    plain = mase(episodes)
    found = {name: mase(spoilt) for name, spoilt in _spoilt(episodes, partner, horizon, scale, forecaster)}
    frame = pd.DataFrame({"input": list(found), "mase": list(found.values())})
    frame["worth"] = frame["mase"] - plain
    return frame.sort_values("worth", ascending=False, ignore_index=True)


def is_profiled(forecaster: Forecaster) -> bool:
    """Whether the model has a recurrent core that reads the target's history."""
    return _core_model(forecaster) is not None


def _network(forecaster: Forecaster) -> RecurrentModel:
    model = _core_model(forecaster)
    if model is None:
        expected = "a network that reads the target's history, such as gru or lstm"
        problem = Problem(what=f"the model is {forecaster.settings.model}", expected=expected)
        raise ConfigError("there is no gradient to look at", problems=[problem])
    return model


def _core_model(forecaster: Forecaster) -> RecurrentModel | None:
    from forecast.automatic.ensemble import Ensemble
    from forecast.models.recurrent import RecurrentModel
    from forecast.networks.network import ForecastNetwork

    model = forecaster.model_
    if isinstance(model, Ensemble):
        model = model.members[0]
    found = isinstance(model, RecurrentModel) and isinstance(model.network, ForecastNetwork)
    return model if found else None  # type: ignore[return-value]  # just looked


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
    first = np.maximum(panel.indptr[origins.series], origins.end - LONGEST)
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
    episodes: Panel, partner: NDArray[np.int64], horizon: int, scale: Floats, forecaster: Forecaster
) -> list[tuple[str, Panel]]:
    """The panel with one input exchanged at a time, by the input's name."""
    season = forecaster.season_length_ if forecaster.season_length_ > 1 else horizon
    blocks = ((1, season), (season + 1, 2 * season), (2 * season + 1, LONGEST))
    spoilt = [
        (f"lags {first}-{last}" if last < LONGEST else f"lags {first} and older",
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
