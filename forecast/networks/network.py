"""The network: normalise -> embed segments -> recur -> decode -> head -> denormalise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from forecast.datasets.windows.crops import WindowSpec
from forecast.networks.bases import BASES
from forecast.networks.cells import RecurrentCore
from forecast.networks.covariate_layers import CovariateEmbedding, FutureEffect
from forecast.networks.decoders import DECODERS, Context, DecoderSizes
from forecast.networks.heads import make_head
from forecast.networks.normalisers import NORMALISERS, SPREAD_FLOOR, running_spread
from forecast.networks.segments import PlainEmbedding, SegmentEmbedding

if TYPE_CHECKING:
    from forecast.datasets.windows.datamodule import Batch


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """Everything that shapes the weights, resolved.

    Args:
        cell: a name in `CELLS`.
        window: rows read and forecast.
        hidden_size: width of the core.
        layers: stacked recurrent layers.
        dropout: between layers.
        normaliser: a name in `NORMALISERS`.
        memory: rows up to an origin that the normaliser and the highway read, at most the lookback.
        base: a name in `BASES`, the forecast training starts from.
        season_length: of the base.
        decoder: a name in `DECODERS`.
        dilations: of each layer; empty is 1 everywhere.
        head: a name in `HEADS`.
        levels: quantile levels of a quantile head.
        masked: whether the observed mask is an input.
        static, known, past: sizes of the covariates, a number each, as of `CovariateEmbedding`.
    """

    cell: str
    window: WindowSpec
    hidden_size: int
    layers: int
    dropout: float
    normaliser: str
    memory: int
    base: str
    season_length: int
    decoder: str = "direct"
    dilations: tuple[int, ...] = ()
    head: str = "point"
    levels: tuple[float, ...] = ()
    masked: bool = False
    static: tuple[int, ...] = ()
    known: tuple[int, ...] = ()
    past: tuple[int, ...] = ()

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> NetworkSettings:
        """From what `dataclasses.asdict` made, written as JSON and read again."""
        lists = {name: tuple(values[name]) for name in ("levels", "dilations", "static", "known", "past")}
        return cls(**{**values, **lists, "window": WindowSpec(**values["window"])})


class Forecasts(NamedTuple):
    """Forecasts in the units of their origins: value = level + scale * normalised.

    Args:
        normalised: (batch, origin, horizon, width).
        level: (batch, origin, 1), in units of the series less its offset.
        scale: (batch, origin, 1), > 0, in units of the series.
    """

    normalised: Tensor
    level: Tensor
    scale: Tensor


class View(NamedTuple):
    """The rows before each origin in that origin's units.

    Args:
        recent: (batch, origin, memory), normalised.
        level: (batch, origin, 1).
        scale: (batch, origin, 1), 0 where a history is flat.
    """

    recent: Tensor
    level: Tensor
    scale: Tensor


class Read(NamedTuple):
    """What stands before the recurrent core.

    Args:
        inputs: (batch, steps, features) of the core.
        anchor: (batch, origin, horizon), base forecast and highway in units of the origin.
        known: (batch, origin, horizon, features) of the covariates known at each step; None without.
        level, scale: (batch, origin, 1).
    """

    inputs: Tensor
    anchor: Tensor
    known: Tensor | None
    level: Tensor
    scale: Tensor


class ForecastNetwork(nn.Module):
    """A recurrent network that reads segments once and forecasts at every origin of the crop.

    Beside the recurrent path runs a linear highway from the recent rows to the horizon (zero at first) on top of a
    fixed base forecast, so that training starts from a sane forecast and the core learns what it misses.
    """

    base: Tensor

    def __init__(self, settings: NetworkSettings) -> None:
        super().__init__()
        self.settings, window = settings, settings.window
        self.streaming = window.origins > 1
        self.normaliser = NORMALISERS[settings.normaliser]()
        self.static = CovariateEmbedding(settings.static, masked=False) if settings.static else None
        self.known = CovariateEmbedding(settings.known, masked=True) if settings.known else None
        self.past = CovariateEmbedding(settings.past, masked=True) if settings.past else None
        self.embedding = _embedding(settings, streaming=self.streaming, extra=self._extra())
        width, layers = settings.hidden_size, settings.layers
        sizes = (self.embedding.output_size, width, layers, settings.dropout, settings.dilations)
        self.core = RecurrentCore(settings.cell, *sizes)
        self.head = make_head(settings.head, settings.levels)
        self.decoder = DECODERS[settings.decoder](
            DecoderSizes(
                hidden_size=width,
                horizon=window.horizon,
                width=self.head.width,
                segment=window.segment,
                features=self.known.output_size if self.known else 0,
            )
        )
        self.future = FutureEffect(width, self.known.output_size, self.head.width) if self.known else None
        self.highway = nn.Linear(settings.memory, window.horizon, bias=False)
        nn.init.zeros_(self.highway.weight)
        self.register_buffer("base", BASES[settings.base](settings.memory, window.horizon, settings.season_length))

    def forward(
        self,
        values: Tensor,
        observed: Tensor,
        static: Tensor | None = None,
        *,
        teacher: Tensor | None = None,
        forcing: float = 0.0,
    ) -> Forecasts:
        """Forecast at every origin of the crops.

        Args:
            values: (batch, rows, channels), target in channel 0, then known and past covariates; rows are the
                lookback, and the horizon behind it where covariates are known. Of the horizon only these are read.
            observed: (batch, rows, channels) bool.
            static: (batch, static columns).
            teacher: (batch, origin, horizon), what came, for a decoder that may read it in training.
            forcing: share of the decoder's steps that do.
        """
        read = self.read(values, observed, static)
        raw = self.correct(read.inputs, read, teacher=teacher, forcing=forcing)
        return Forecasts(self.head(raw, read.anchor), read.level, read.scale)

    def read(self, values: Tensor, observed: Tensor, static: Tensor | None = None) -> Read:
        """What stands before the core: its inputs, and the units and base forecast of each origin."""
        window = self.settings.window
        history = slice(0, window.lookback)
        series, mask = values[:, history, 0], observed[:, history, 0].to(values.dtype)
        recent, level, scale, inverse = self._units(series, mask)
        shape = (len(values), window.n_segments, window.segment)
        extra = self._covariates(values[:, history], observed[:, history], static)
        inputs = self.embedding(series.reshape(shape), mask.reshape(shape), level, inverse, extra)
        recent, level, scale, inverse = (t[:, -window.origins :] for t in (recent, level, scale, inverse))
        anchor = ((recent - level) * inverse) @ (self.base + self.highway.weight.T)
        known = None
        if self.known is not None:
            rows = self._known(values[:, window.first_origin :], observed[:, window.first_origin :])
            known = rows.unfold(1, window.horizon, window.segment).transpose(-1, -2)
        return Read(inputs, anchor, known, level, scale)

    def correct(self, inputs: Tensor, read: Read, *, teacher: Tensor | None = None, forcing: float = 0.0) -> Tensor:
        """What core and decoder add to the anchor, (batch, origin, horizon, width), from the core's inputs on."""
        came = None
        if teacher is not None:
            inverse = torch.where(read.scale > 0, 1 / read.scale, 0)
            came = torch.where((inverse > 0) & teacher.isfinite(), (teacher - read.level) * inverse, read.anchor)
        window = self.settings.window
        context = Context(self.core(inputs), window.origins, read.anchor, read.known, came, forcing)
        raw: Tensor = self.decoder(context)
        if read.known is not None and self.future is not None:
            raw = raw + self.future(context.state, read.known)
        return raw

    def view(self, values: Tensor, observed: Tensor) -> View:
        """What the highway reads at every origin of the crops; arguments as of `forward`."""
        history = slice(0, self.settings.window.lookback)
        units = self._units(values[:, history, 0], observed[:, history, 0].to(values.dtype))
        recent, level, scale, inverse = (t[:, -self.settings.window.origins :] for t in units)
        return View((recent - level) * inverse, level, scale)

    def targets(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The rows after every origin of the crops and whether they count: (batch, origin, horizon), twice."""
        window = self.settings.window
        future = slice(window.first_origin, None)
        target = batch.values[:, future, 0].unfold(1, window.horizon, window.segment)
        weight = batch.scored[:, future].unfold(1, window.horizon, window.segment)
        # an origin before the series' first observed row has nothing to forecast from
        rows = batch.observed[:, : window.lookback, 0]
        if window.origins == 1:
            return target, weight & rows.any(1).view(-1, 1, 1)
        known = rows.cumsum(1)[:, window.first_origin - 1 :: window.segment] > 0
        return target, weight & known.unsqueeze(-1)

    def _extra(self) -> int:
        """Features a segment has beside the target's."""
        rows = sum(part.output_size for part in (self.known, self.past) if part is not None)
        return rows * self.settings.window.segment + (self.static.output_size if self.static is not None else 0)

    def _covariates(self, values: Tensor, observed: Tensor, static: Tensor | None) -> Tensor | None:
        """Covariates of each segment of the lookback, (batch, segments, features); None without any."""
        window, parts = self.settings.window, []
        if self.known is not None:
            parts.append(self._known(values, observed))
        if self.past is not None:
            first = 1 + len(self.settings.known)
            parts.append(self.past(values[:, :, first:], observed[:, :, first:]))
        rows = [part.reshape(len(values), window.n_segments, -1) for part in parts]
        if self.static is not None:
            assert static is not None, "a network with static covariates reads them"
            rows.append(self.static(static).unsqueeze(1).expand(-1, window.n_segments, -1))
        return torch.cat(rows, -1) if rows else None

    def _known(self, values: Tensor, observed: Tensor) -> Tensor:
        assert self.known is not None
        columns = slice(1, 1 + len(self.settings.known))
        features: Tensor = self.known(values[:, :, columns], observed[:, :, columns])
        return features

    def _units(self, series: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Recent rows, level, scale and 1 / scale at each segment's end (at the crop's end, with one origin)."""
        recent, recent_mask = self._recent(series), self._recent(mask, outside=0.0)
        level, scale = self.normaliser(recent, recent_mask)
        if self.streaming:
            shape = (len(series), self.settings.window.n_segments, self.settings.window.segment)
            spread = running_spread(series.reshape(shape), mask.reshape(shape))
            scale = torch.maximum(scale, SPREAD_FLOOR * spread)
        # a flat history has no units: its inputs are 0, and its forecast is its level
        return recent, level, scale, torch.where(scale > 0, 1 / scale, 0)

    def _recent(self, rows: Tensor, outside: float | None = None) -> Tensor:
        """The last `memory` rows at each segment's end (at the crop's end, with one origin): (batch, ends, memory)."""
        memory, segment = self.settings.memory, self.settings.window.segment
        if not self.streaming:
            return rows[:, None, -memory:]
        before = rows[:, :1] if outside is None else torch.full_like(rows[:, :1], outside)
        return torch.cat([before.expand(-1, memory - segment), rows], 1).unfold(1, memory, segment)


def _embedding(settings: NetworkSettings, *, streaming: bool, extra: int) -> PlainEmbedding | SegmentEmbedding:
    if settings.window.segment == 1 and not streaming:
        return PlainEmbedding(masked=settings.masked, extra=extra)
    sizes = (settings.window.segment, settings.hidden_size)
    return SegmentEmbedding(*sizes, streaming=streaming, masked=settings.masked, extra=extra)
