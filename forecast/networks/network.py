"""The network: normalise -> embed segments -> recur -> decode -> head -> denormalise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from forecast.datasets.windows.crops import WindowSpec
from forecast.networks.base_forecasts import BASES
from forecast.networks.cells import RecurrentCore
from forecast.networks.decoders import DECODERS, Context, DecoderSizes, GapDecoder
from forecast.networks.heads import make_head
from forecast.networks.layers import CovariateEmbedding, FutureEffect, rows_alike
from forecast.networks.normalisers import MIN_RELATIVE_SCALE, NORMALISERS, inverse_of, running_spread
from forecast.networks.segments import PlainEmbedding, SegmentEmbedding

if TYPE_CHECKING:
    from forecast.datasets.windows.datamodule import Batch


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """The resolved settings that decide which weights a network has.

    Args:
        cell: a name in `CELLS`.
        window: the rows that a crop reads and forecasts.
        hidden_size: number of features of the core's states.
        layers: number of stacked recurrent layers.
        dropout: probability that a feature is dropped between two layers.
        normaliser: a name in `NORMALISERS`.
        memory: number of rows up to an origin that the normaliser, the base and the highway read, at most the lookback.
        base: the forecast that training starts from, a name in `BASES`.
        season_length: steps in a season, which the base repeats.
        decoder: a name in `DECODERS`.
        dilations: for each layer, the number of steps from one of its states to the next; empty means 1 for each.
        head: a name in `HEADS`.
        levels: quantile levels in (0, 1) of a quantile head.
        masked: whether the mask of the target is an input.
        static, known, past: for each covariate of the role, 0 for numbers or the size of its vocabulary, as
            `CovariateEmbedding` takes them.
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
        """Make settings from the dictionary that `dataclasses.asdict` made of them, after it went through JSON."""
        lists = {name: tuple(values[name]) for name in ("levels", "dilations", "static", "known", "past")}
        return cls(**{**values, **lists, "window": WindowSpec(**values["window"])})


class Forecasts(NamedTuple):
    """The head's outputs in the units of their origins, where value = level + scale * normalised.

    Args:
        normalised: (batch, origin, horizon, width), the head's outputs.
        level: (batch, origin, 1), in units of the target, less the series' offset.
        scale: (batch, origin, 1), in units of the target, >= 0; 0 where the history is flat.
    """

    normalised: Tensor
    level: Tensor
    scale: Tensor


class View(NamedTuple):
    """The rows before each origin in that origin's units.

    Args:
        recent: (batch, origin, memory), in units of the origin.
        level: (batch, origin, 1), in units of the target, less the series' offset.
        scale: (batch, origin, 1), in units of the target; 0 where the history is flat.
    """

    recent: Tensor
    level: Tensor
    scale: Tensor


class Read(NamedTuple):
    """The results of reading a crop, before the recurrent core runs.

    Args:
        inputs: (batch, step, feature), the core's inputs; a step is a segment.
        anchor: (batch, origin, horizon), the sum of base forecast and highway in units of the origin.
        known: (batch, origin, horizon, feature), the known covariates of each step to be forecast; None where there
            are none.
        level: (batch, origin, 1), in units of the target, less the series' offset.
        scale: (batch, origin, 1), in units of the target; 0 where the history is flat.
    """

    inputs: Tensor
    anchor: Tensor
    known: Tensor | None
    level: Tensor
    scale: Tensor


class ForecastNetwork(nn.Module):
    """A recurrent network that reads each segment of a crop once and forecasts at every origin of the crop.

    A forecast is the sum of a fixed base forecast, a linear highway from the recent rows (zero at first), and the
    recurrent path. So training starts from a sane forecast, and the core learns what that misses.

    Args:
        settings: the resolved settings that decide which weights the network has.

    References:
        Wen et al. (2017), A Multi-Horizon Quantile Recurrent Forecaster (forking sequences: a forecast at every origin
        of a crop).
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
                width=self.head.width - self.head.gaps,
                segment=window.segment,
                features=self.known.output_size if self.known else 0,
            )
        )
        self.future = (
            FutureEffect(width, self.known.output_size, self.head.width - self.head.gaps) if self.known else None
        )
        self.highway = nn.Linear(settings.memory, window.horizon, bias=False)
        nn.init.zeros_(self.highway.weight)
        features = self.known.output_size if self.known else 0
        self.gaps = GapDecoder(width, window.horizon, self.head.levels, features) if self.head.gaps else None
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
            values: (batch, row, channel), the target (less the series' offset) in channel 0, then known and past
                covariates. The rows are the lookback, and the horizon behind it where there are known covariates; only
                these are read of the horizon.
            observed: (batch, row, channel) bool, False where a value is missing.
            static: (batch, column), the static covariates; None (the default) where there are none.
            teacher: (batch, origin, horizon), the actual values in units of the target, NaN where they do not count;
                only training has them, for a decoder that reads them.
            forcing: probability that a decoder's step reads the actual values before it instead of the forecasts; 0 by
                default.

        Returns:
            The forecasts at every origin.
        """
        read = self.read(values, observed, static)
        raw = self.correct(read.inputs, read, teacher=teacher, forcing=forcing)
        return Forecasts(self.head(raw, read.anchor), read.level, read.scale)

    def read(self, values: Tensor, observed: Tensor, static: Tensor | None = None) -> Read:
        """Compute the core's inputs, and the units and the anchor of each origin; arguments as in `forward`."""
        window = self.settings.window
        history = slice(0, window.lookback)
        series, mask = values[:, history, 0], observed[:, history, 0].to(values.dtype)
        recent, level, scale, inverse = self._units(series, mask)
        shape = (len(values), window.n_segments, window.segment)
        extra = self._covariates(values[:, history], observed[:, history], static)
        inputs = self.embedding(series.reshape(shape), mask.reshape(shape), level, inverse, extra)
        # units at every segment's end become units at every origin: the origins are the last segments' ends
        recent, level, scale, inverse = (t[:, -window.origins :] for t in (recent, level, scale, inverse))
        scaled, weight = (recent - level) * inverse, self.base + self.highway.weight.T
        anchor = scaled @ weight if self.training else rows_alike(scaled, weight)
        known = None
        if self.known is not None:
            rows = self._known(values[:, window.first_origin :], observed[:, window.first_origin :])
            # (batch, row, feature) -> (batch, origin, horizon, feature)
            known = rows.unfold(1, window.horizon, window.segment).transpose(-1, -2)
        return Read(inputs, anchor, known, level, scale)

    def correct(self, inputs: Tensor, read: Read, *, teacher: Tensor | None = None, forcing: float = 0.0) -> Tensor:
        """Compute what the core and the decoder add to the anchor.

        Args:
            inputs: (batch, step, feature), the core's inputs; `insight` varies them apart from what else was read.
            read: the results of reading the crop.
            teacher: (batch, origin, horizon), the actual values in units of the target, as in `forward`.
            forcing: probability that a decoder's step reads the actual values, as in `forward`.

        Returns:
            (batch, origin, horizon, width) in units of the origin, the correction of the point first.
        """
        scaled_teacher = None
        if teacher is not None:
            inverse = inverse_of(read.scale)
            usable = (inverse > 0) & teacher.isfinite()
            scaled_teacher = torch.where(usable, (teacher - read.level) * inverse, read.anchor)
        window = self.settings.window
        context = Context(self.core(inputs), window.origins, read.anchor, read.known, scaled_teacher, forcing)
        raw: Tensor = self.decoder(context)
        if read.known is not None and self.future is not None:
            raw = raw + self.future(context.state, read.known)
        return raw if self.gaps is None else torch.cat([raw, self.gaps(context.state, read.known)], -1)

    def view(self, values: Tensor, observed: Tensor) -> View:
        """Compute what the highway reads at every origin of the crops; arguments as in `forward`."""
        history = slice(0, self.settings.window.lookback)
        units = self._units(values[:, history, 0], observed[:, history, 0].to(values.dtype))
        recent, level, scale, inverse = (t[:, -self.settings.window.origins :] for t in units)
        return View((recent - level) * inverse, level, scale)

    def targets(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the rows after every origin of the crops, and which of them count.

        Args:
            batch: crops with the horizon behind them.

        Returns:
            targets in their units, less the series' offset, and a mask of those that count, (batch, origin, horizon)
            each. A target counts where the batch scores it and the crop holds an observed row up to the origin.
        """
        window = self.settings.window
        future = slice(window.first_origin, None)
        target = batch.values[:, future, 0].unfold(1, window.horizon, window.segment)
        weight = batch.scored[:, future].unfold(1, window.horizon, window.segment)
        # an origin before the series' first observed row has nothing to forecast from
        rows = batch.observed[:, : window.lookback, 0]
        if window.origins == 1:
            return target, weight & rows.any(1).view(-1, 1, 1)
        has_history = rows.cumsum(1)[:, window.first_origin - 1 :: window.segment] > 0  # (batch, origin)
        return target, weight & has_history.unsqueeze(-1)

    def _extra(self) -> int:
        """Count the features of a segment's covariates."""
        rows = sum(part.output_size for part in (self.known, self.past) if part is not None)
        return rows * self.settings.window.segment + (self.static.output_size if self.static is not None else 0)

    def _covariates(self, values: Tensor, observed: Tensor, static: Tensor | None) -> Tensor | None:
        """Compute each segment's covariates over the lookback, (batch, segment number, feature); None without any."""
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
        """Embed the known covariates of each row: (batch, row, channel) to (batch, row, feature)."""
        assert self.known is not None
        columns = slice(1, 1 + len(self.settings.known))
        features: Tensor = self.known(values[:, :, columns], observed[:, :, columns])
        return features

    def _units(self, series: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Compute the recent rows and the units at each segment's end (at the crop's end only, with one origin).

        Args:
            series: (batch, row), the target over the lookback.
            mask: (batch, row), 1.0 where it was observed, else 0.0.

        Returns:
            recent rows (batch, end, memory), level, scale and 1 / scale, each (batch, end, 1).
        """
        recent, recent_mask = self._recent(series), self._recent(mask, outside=0.0)
        level, scale = self.normaliser(recent, recent_mask)
        if self.streaming:
            shape = (len(series), self.settings.window.n_segments, self.settings.window.segment)
            spread = running_spread(series.reshape(shape), mask.reshape(shape))
            scale = torch.maximum(scale, MIN_RELATIVE_SCALE * spread)
        # a flat history has no units: its inputs are 0, and its forecast is its level
        return recent, level, scale, inverse_of(scale)

    def _recent(self, rows: Tensor, outside: float | None = None) -> Tensor:
        """Return the last `memory` rows at each segment's end (at the crop's end only, with one origin).

        Args:
            rows: (batch, row), over the lookback.
            outside: the value of rows before the crop; None (the default) repeats the crop's first row.

        Returns:
            (batch, end, memory).
        """
        memory, segment = self.settings.memory, self.settings.window.segment
        if not self.streaming:
            return rows[:, None, -memory:]
        before = rows[:, :1] if outside is None else torch.full_like(rows[:, :1], outside)
        return torch.cat([before.expand(-1, memory - segment), rows], 1).unfold(1, memory, segment)


def _embedding(settings: NetworkSettings, *, streaming: bool, extra: int) -> PlainEmbedding | SegmentEmbedding:
    """Make the embedding: none with weights where a segment is one row and a crop has one origin."""
    if settings.window.segment == 1 and not streaming:
        return PlainEmbedding(masked=settings.masked, extra=extra)
    sizes = (settings.window.segment, settings.hidden_size)
    return SegmentEmbedding(*sizes, streaming=streaming, masked=settings.masked, extra=extra)
