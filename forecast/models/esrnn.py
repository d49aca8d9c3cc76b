"""ES-RNN: exponential smoothing of each series, its coefficients learnt together with the network."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from forecast.datasets.panel import Panel
from forecast.models.recurrent import RecurrentModel
from forecast.networks.network import ForecastNetwork, NetworkSettings, Read

SERIES = "the series itself"  # a static column of names that the model adds
SHARED = (-0.5, -1.5)  # logits of the coefficients of level and season before training


class Smoothed(NamedTuple):
    """States of exponential smoothing, in units of the series less its offset.

    Args:
        level: (batch, rows) after each row.
        season: (batch, rows), the season of each row as it was known before it.
        updated: (batch, rows), the same after it.
    """

    level: Tensor
    season: Tensor
    updated: Tensor


class Smoothing(nn.Module):
    """Level and additive season by exponential smoothing, with coefficients of each series.

    level(t) = level(t-1) + a (y(t) - season(t-m) - level(t-1)); season(t) = season(t-m) + g (y(t) - level(t) -
    season(t-m)). The first rows of a history, of a season's place and after a gap weigh 1/n until that is less than the
    learnt coefficient, so that no state is guessed and no later row is read. A series that training did not see has
    the coefficients all share.

    Args:
        n_series: places of the vocabulary of series, 0 the unknown one.
        period: rows in a season; 1 has none.

    References:
        Smyl (2020), A hybrid method of exponential smoothing and recurrent neural networks for time series forecasting.
    """

    def __init__(self, n_series: int, period: int) -> None:
        super().__init__()
        self.period = period
        self.shared = nn.Parameter(torch.tensor(SHARED))
        self.own = nn.Embedding(n_series, 2)
        nn.init.zeros_(self.own.weight)

    def forward(self, series: Tensor, observed: Tensor, number: Tensor) -> Smoothed:
        """(batch, rows), (batch, rows) in {0, 1}, (batch,) places of the series in the vocabulary."""
        wanted = (self.shared + self.own(number.long().clamp(0, self.own.num_embeddings - 1))).sigmoid()
        rows, period = series.shape[1], self.period
        padded = nn.functional.pad(observed, (0, -rows % period)).reshape(len(series), -1, period)
        met = padded.cumsum(1).reshape(len(series), -1)[:, :rows]  # observed rows at this place of the season so far
        gains = []
        for count, own in ((observed.cumsum(1), wanted[:, :1]), (met, wanted[:, 1:])):
            gains.append((observed * torch.maximum(own, 1 / count.clamp_min(1.0))).unbind(1))
        level = torch.zeros_like(series[:, 0])
        seasons = [level] * period
        levels, before, after = [], [], []
        for row, (value, a, g) in enumerate(zip(series.unbind(1), *gains, strict=True)):
            season = seasons[row % period]
            level = torch.lerp(level, value - season, a)
            if period > 1:
                seasons[row % period] = torch.lerp(season, value - level, g)
            levels.append(level)
            before.append(season)
            after.append(seasons[row % period])
        return Smoothed(*(torch.stack(states, 1) for states in (levels, before, after)))


class SmoothingNetwork(ForecastNetwork):
    """The network over the series less their smoothed season; it starts from the forecast of exponential smoothing.

    Args:
        settings: as of `ForecastNetwork`; the last static column is the series itself.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__(replace(settings, static=settings.static[:-1]))
        self.settings, window = settings, settings.window
        seen = settings.season_length <= window.lookback // 2  # a season met once cannot be told from a level
        self.smoothing = Smoothing(settings.static[-1], settings.season_length if seen else 1)

    def read(self, values: Tensor, observed: Tensor, static: Tensor | None = None) -> Read:
        assert static is not None, "the series itself is a static column"
        window, period = self.settings.window, self.smoothing.period
        rows = slice(0, window.lookback)
        series, mask = values[:, rows, 0], observed[:, rows, 0].to(values.dtype)
        smoothed = self.smoothing(series, mask, static[:, -1])
        adjusted = torch.cat([series - smoothed.season, values[:, window.lookback :, 0]], 1)
        read = super().read(torch.cat([adjusted.unsqueeze(-1), values[..., 1:]], -1), observed, static[:, :-1])
        ends = torch.arange(window.first_origin, window.lookback + 1, window.segment)
        steps = torch.arange(window.horizon)
        same = ends[:, None] + steps - period * (steps // period + 1)  # the newest row at this place of the season
        season = smoothed.updated[:, same.clamp_min(0)] * (same >= 0).to(values)
        # the base forecast repeats the last adjusted row; smoothing repeats the level instead
        correction = (smoothed.level - adjusted[:, rows])[:, ends - 1].unsqueeze(-1) + season
        return read._replace(anchor=read.anchor + correction * torch.where(read.scale > 0, 1 / read.scale, 0))


class SmoothingModel(RecurrentModel):
    """A recurrent model that knows its series by name."""

    def _transformed(self, panel: Panel) -> Panel:
        panel = super()._transformed(panel)
        names = [f"series {name}" for name in panel.ids]  # a number would not be taken for a name
        return replace(panel, static=panel.static.assign(**{SERIES: names}))

    def _network(self, settings: NetworkSettings, panel: Panel | None) -> ForecastNetwork:
        return SmoothingNetwork(settings)
