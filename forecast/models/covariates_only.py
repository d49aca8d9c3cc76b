"""Forecasts from covariates alone, for new series without a history and for rows whose target is not measured."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from forecast.datasets.errors import ConfigError, Problem
from forecast.datasets.panel import Channel, Panel
from forecast.datasets.windows.origins import Origins
from forecast.models.recurrent import RecurrentModel
from forecast.networks.cells import RecurrentCore
from forecast.networks.decoders import GapDecoder, small_linear
from forecast.networks.heads import make_head
from forecast.networks.layers import CovariateEmbedding, Narrow
from forecast.networks.network import ForecastNetwork, Forecasts, NetworkSettings
from forecast.settings import Settings

if TYPE_CHECKING:
    from forecast.datasets.windows.datamodule import Batch

AGE_COLUMN = "steps since the series began"
LOG_AGE_UNIT = 5.0  # an age enters as log(1 + steps) / 5, which is of the size of a standardised number


class CovariateNetwork(nn.Module):
    """A recurrent network over the rows of the known covariates, each beside the static ones; the target is not read.

    Args:
        settings: the resolved settings that decide which weights the network has; the lookback of their window is the
            number of rows before the first one that is forecast.
        warm: whether the rows of the lookback are read.
        mean: mean of the training targets, in units of the target; 0 by default. It is the level of every forecast.
        deviation: standard deviation of the training targets, in units of the target; 1 by default. It is the scale of
            every forecast.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, settings: NetworkSettings, *, warm: bool, mean: float = 0.0, deviation: float = 1.0) -> None:
        super().__init__()
        self.settings, self.warm = settings, warm
        self.static = CovariateEmbedding(settings.static, masked=False) if settings.static else None
        self.known = CovariateEmbedding(settings.known, masked=True) if settings.known else None
        width = sum(part.output_size for part in (self.static, self.known) if part is not None)
        hidden = settings.hidden_size
        self.enter = nn.Sequential(nn.Linear(width, hidden), nn.GELU())
        self.core = RecurrentCore(settings.cell, hidden, hidden, settings.layers, settings.dropout, settings.dilations)
        self.head = make_head(settings.head, settings.levels)
        self.linear = small_linear(Narrow(hidden, self.head.width - self.head.gaps))
        self.highway = nn.Linear(1, 1, bias=False)  # there is no history for it to read
        self.gaps = GapDecoder(hidden, 1, self.head.levels) if self.head.gaps else None
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("deviation", torch.tensor(deviation))

    def forward(
        self,
        values: Tensor,
        observed: Tensor,
        static: Tensor | None = None,
        *,
        teacher: Tensor | None = None,
        forcing: float = 0.0,
    ) -> Forecasts:
        """Forecast at the one origin of each crop; arguments and result are those of `ForecastNetwork.forward`."""
        window, rows = self.settings.window, []
        first = 0 if self.warm else window.lookback
        n_rows = window.lookback + window.horizon - first
        if self.known is not None:
            columns = slice(1, 1 + len(self.settings.known))
            rows.append(self.known(values[:, first:, columns], observed[:, first:, columns]))
        if self.static is not None:
            assert static is not None, "a network with static covariates reads them"
            rows.append(self.static(static).unsqueeze(1).expand(-1, n_rows, -1))
        state = self.core(self.enter(torch.cat(rows, -1)))[:, -window.horizon :]
        raw = self.linear(state).unsqueeze(1)
        if self.gaps is not None:
            raw = torch.cat([raw, self.gaps(state, None).squeeze(-2).unsqueeze(1)], -1)
        level = self.mean.expand(len(values), 1, 1)
        return Forecasts(self.head(raw, torch.zeros_like(raw[..., 0])), level, self.deviation.expand_as(level))

    def targets(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the rows after the origin of each crop and which of them count, (batch, 1, horizon) each.

        Unlike in `ForecastNetwork`, a row counts without any observed row before it.
        """
        after = slice(self.settings.window.lookback, None)
        return batch.values[:, after, 0].unsqueeze(1), batch.scored[:, after].unsqueeze(1)


class ColdStartModel(RecurrentModel):
    """A model that forecasts a whole horizon of a series that has not begun, from its static and known covariates.

    Args:
        name: the name by which the user chose the model.
        cell: a name in `CELLS`.
        settings: the user's settings.
        season_length: steps in a season.
        more: the other keywords of `RecurrentModel`.

    Raises:
        ConfigError: if there are past covariates, or neither static nor known ones.
    """

    warm = False

    def __init__(self, name: str, cell: str, settings: Settings, season_length: int, **more: Any) -> None:
        lookback = 1 if settings.lookback == "auto" and not self.warm else settings.lookback
        settings = replace(settings, lookback=lookback, segment=1, origins=1, memory=1)
        settings = replace(settings, highway="zero", base="last", normaliser="mean")
        if settings.loss == "auto" and settings.head in ("auto", "point", "quantile"):
            settings = replace(settings, loss="mae")  # relative errors matter little before a series has a level
        super().__init__(name, cell, settings, season_length, **more)
        problems = []
        if settings.past:
            what = f"past covariates {', '.join(settings.past)} with {name}"
            problems.append(Problem(what=what, expected="static and known ones", remedy="Use gru, which reads them."))
        if not settings.known and not settings.static:
            remedy = "Name them with known= or static= (--known, --static)."
            problems.append(Problem(what=f"{name} without covariates", expected="static or known ones", remedy=remedy))
        if problems:
            raise ConfigError(f"{name} cannot do this", problems=problems)

    def _read(self, panel: Panel) -> Panel:
        """Encode the panel, and change it in three ways.

        Targets are no longer less their series' offset, the age of the series becomes one more known covariate, and an
        empty row stands before each series, so that its first row can be forecast, too.
        """
        encoded = self.covariates.encode(panel)
        values, offset = encoded.values.astype(np.float64), encoded.offset.copy()
        values[:, 0] += np.repeat(offset[:, 0], encoded.lengths)
        offset[:, 0] = 0.0
        age = np.log1p(np.arange(panel.n_rows) - np.repeat(panel.indptr[:-1], panel.lengths)) / LOG_AGE_UNIT
        place = 1 + len(panel.numbers("known"))  # behind the other known covariates
        first = panel.indptr[:-1]
        return replace(
            encoded,
            values=np.insert(np.insert(values, place, age, axis=1), first, 0.0, axis=0).astype(np.float32),
            observed=np.insert(np.insert(encoded.observed, place, True, axis=1), first, False, axis=0),
            target=np.insert(panel.target, first, np.nan),
            offset=np.insert(offset, place, 0.0, axis=1),
            indptr=panel.indptr + np.arange(panel.n_series + 1),
            channels=(*panel.channels[:place], Channel(name=AGE_COLUMN, role="known"), *panel.channels[place:]),
        )

    def _origins(self, origins: Origins) -> Origins:
        # an empty row stands before each series up to this one
        return Origins(origins.series, origins.end + origins.series + 1)

    def _shape(self, panel: Panel | None) -> NetworkSettings:
        plain = super()._shape(panel)
        return replace(plain, known=(*plain.known, 0))

    def _network(self, settings: NetworkSettings, panel: Panel | None) -> ForecastNetwork:
        if panel is None:
            return CovariateNetwork(settings, warm=self.warm)  # type: ignore[return-value]  # the same interface
        targets = panel.values[panel.observed[:, 0], 0]
        units = {"mean": float(targets.mean()), "deviation": float(targets.std()) or 1.0}
        return CovariateNetwork(settings, warm=self.warm, **units)  # type: ignore[return-value]


class AlignedModel(ColdStartModel):
    """A model that estimates the target of each row from the covariates of the rows up to it."""

    warm = True
