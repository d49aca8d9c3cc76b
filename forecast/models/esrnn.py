"""ES-RNN: each series is smoothed exponentially, and the coefficients are learnt together with the network."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor, nn

from forecast.datasets.panel import Panel
from forecast.models.recurrent import RecurrentModel
from forecast.networks.network import ForecastNetwork, NetworkSettings, Read
from forecast.networks.normalisers import inverse_of

SERIES_COLUMN = "the series itself"
INITIAL_LOGITS = (-0.5, -1.5)  # of the coefficients of level and season


class Smoothed(NamedTuple):
    """The states of exponential smoothing, in units of the target, less the series' offset.

    Args:
        level: (batch, row), the level after each row.
        season: (batch, row), the season at each row's place, as it was before the row was read.
        updated: (batch, row), the season at each row's place, after the row was read.
    """

    level: Tensor
    season: Tensor
    updated: Tensor


class Smoothing(nn.Module):
    """A layer that smooths level and additive season exponentially, with two coefficients for each series.

    With a season of m rows, level(t) = level(t-1) + a (y(t) - season(t-m) - level(t-1)), and season(t) = season(t-m) +
    g (y(t) - level(t) - season(t-m)). The n-th observed row weighs at least 1/n (for the season, the n-th at its
    place), so that the states start from means of the first rows: none is guessed, and no later row is read. The
    logits of a series' coefficients are the sum of common ones (`shared`) and of its own (`own`), which are 0 for a
    series that training did not see.

    Args:
        n_series: size of the vocabulary of series; place 0 stands for a series that training did not see.
        period: rows in a season; 1 means that there is no season.

    References:
        Smyl (2020), A hybrid method of exponential smoothing and recurrent neural networks for time series forecasting
        (our season is additive, not multiplicative).
    """

    def __init__(self, n_series: int, period: int) -> None:
        super().__init__()
        self.period = period
        # a saved model's arrays bear these two names
        self.shared = nn.Parameter(torch.tensor(INITIAL_LOGITS))
        self.own = nn.Embedding(n_series, 2)
        nn.init.zeros_(self.own.weight)

    def forward(self, series: Tensor, observed: Tensor, number: Tensor) -> Smoothed:
        """Smooth the series of a batch.

        Args:
            series: (batch, row), in units of the target, less the series' offset.
            observed: (batch, row), 1.0 where the value was observed, else 0.0.
            number: (batch,), the places of the series in the vocabulary.

        Returns:
            The states at every row.
        """
        coefficients = (self.shared + self.own(number.long().clamp(0, self.own.num_embeddings - 1))).sigmoid()
        rows, period = series.shape[1], self.period
        padded = nn.functional.pad(observed, (0, -rows % period)).reshape(len(series), -1, period)
        count_at_place = padded.cumsum(1).reshape(len(series), -1)[:, :rows]  # observed rows so far, at this place
        gains = []
        for count, coefficient in ((observed.cumsum(1), coefficients[:, :1]), (count_at_place, coefficients[:, 1:])):
            gains.append((observed * torch.maximum(coefficient, 1 / count.clamp_min(1.0))).unbind(1))
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
    """A network over the series less their smoothed season; training starts from the forecast of exponential smoothing.

    Args:
        settings: the settings of `ForecastNetwork`; their last static column is the series' place in the vocabulary.
    """

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__(replace(settings, static=settings.static[:-1]))
        self.settings, window = settings, settings.window
        # a season that the lookback holds only once cannot be told from a level
        has_season = settings.season_length <= window.lookback // 2
        self.smoothing = Smoothing(settings.static[-1], settings.season_length if has_season else 1)

    def read(self, values: Tensor, observed: Tensor, static: Tensor | None = None) -> Read:
        assert static is not None, "the series itself is a static column"
        window, period = self.settings.window, self.smoothing.period
        rows = slice(0, window.lookback)
        series, mask = values[:, rows, 0], observed[:, rows, 0].to(values.dtype)
        # stand-ins are smoothed, too: a state that stood still through a gap would miss the drift in them
        begun = ((mask.cumsum(1) > 0) | ~mask.any(1, keepdim=True)).to(mask.dtype)
        smoothed = self.smoothing(series, begun, static[:, -1])
        adjusted = torch.cat([series - smoothed.season, values[:, window.lookback :, 0]], 1)
        read = super().read(torch.cat([adjusted.unsqueeze(-1), values[..., 1:]], -1), observed, static[:, :-1])
        ends = torch.arange(window.first_origin, window.lookback + 1, window.segment)
        steps = torch.arange(window.horizon)
        # (origin, horizon): the newest row before the origin at the season's place of each step
        newest = ends[:, None] + steps - period * (steps // period + 1)
        season = smoothed.updated[:, newest.clamp_min(0)] * (newest >= 0).to(values)
        # the base forecast repeats the last adjusted row; smoothing repeats the level instead
        correction = (smoothed.level - adjusted[:, rows])[:, ends - 1].unsqueeze(-1) + season
        return read._replace(anchor=read.anchor + correction * inverse_of(read.scale))


class SmoothingModel(RecurrentModel):
    """A recurrent model that tells its series apart by their ids, so that each has coefficients of its own."""

    def _transformed(self, panel: Panel) -> Panel:
        panel = super()._transformed(panel)
        names = [f"series {name}" for name in panel.ids]  # an id that is a number would be read as a number
        return replace(panel, static=panel.static.assign(**{SERIES_COLUMN: names}))

    def _network(self, settings: NetworkSettings, panel: Panel | None) -> ForecastNetwork:
        return SmoothingNetwork(settings)
