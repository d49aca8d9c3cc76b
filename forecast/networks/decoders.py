"""Decoders, which turn the state at an origin into outputs for each step of the horizon."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from forecast.networks.layers import Narrow

SMALLEST_GAP = 1e-3  # between two quantiles where the gaps start, in units of the origin


class Context(NamedTuple):
    """What a decoder may read.

    Args:
        states: (batch, step, hidden), the core's states; a step is a segment of the crop.
        origins: number of origins; the forecasts start after the last `origins` of these steps.
        anchor: (batch, origin, horizon), the sum of base forecast and highway in units of the origin, which the
            decoder corrects.
        known: (batch, origin, horizon, feature), the known covariates of each step to be forecast; None (the default)
            where there are none.
        teacher: (batch, origin, horizon), the actual values in units of the origin; only training has them.
        forcing: probability that a decoder's step reads the actual values before it instead of the forecasts; 0 by
            default.
    """

    states: Tensor
    origins: int
    anchor: Tensor
    known: Tensor | None = None
    teacher: Tensor | None = None
    forcing: float = 0.0

    @property
    def state(self) -> Tensor:
        """Return the states that the forecasts start from, (batch, origin, hidden)."""
        return self.states[:, -self.origins :]


@dataclass(frozen=True, kw_only=True)
class DecoderSizes:
    """The sizes that a decoder is built from.

    Args:
        hidden_size: number of features of a state.
        horizon: number of steps to forecast.
        width: number of outputs for each step: those of the head that the decoder makes, its centre first.
        segment: number of rows in a recurrent step.
        features: number of features of the known covariates of a step; 0 by default.
    """

    hidden_size: int
    horizon: int
    width: int
    segment: int
    features: int = 0


class DirectDecoder(nn.Module):
    """One linear map from the state at the origin to all steps of the horizon.

    References:
        Ben Taieb et al. (2012), A review and comparison of strategies for multi-step ahead time series forecasting
        (the MIMO strategy).
    """

    def __init__(self, sizes: DecoderSizes) -> None:
        super().__init__()
        self.horizon, self.width = sizes.horizon, sizes.width
        self.linear = small_linear(Narrow(sizes.hidden_size, sizes.horizon * sizes.width))

    def forward(self, context: Context) -> Tensor:
        """Compute the outputs of every step, (batch, origin, horizon, width)."""
        out: Tensor = self.linear(context.state).unflatten(-1, (self.horizon, self.width))
        return out


class PositionDecoder(nn.Module):
    """One GRU step from the state at the origin for each segment of the horizon, then a linear map to its rows.

    The input of a GRU step is a learnt vector that stands for the segment's position in the horizon. The state's part
    of the gates is the same for all positions, and the position's part is the same for all origins. So each part is
    computed once and the two are added, for a fraction of the arithmetic of `plain`.

    References:
        Lin et al. (2023), SegRNN: Segment Recurrent Neural Network for Long-Term Time Series Forecasting (parallel
        multi-step forecasting).
    """

    def __init__(self, sizes: DecoderSizes) -> None:
        super().__init__()
        self.horizon, self.width = sizes.horizon, sizes.width
        hidden_size, segment = sizes.hidden_size, sizes.segment
        self.position = nn.Parameter(0.1 * torch.randn(-(-sizes.horizon // segment), hidden_size))
        self.cell = nn.GRUCell(hidden_size, hidden_size)
        self.linear = small_linear(Narrow(hidden_size, segment * sizes.width))

    def forward(self, context: Context) -> Tensor:
        """Compute the outputs of every step, (batch, origin, horizon, width)."""
        cell, state = self.cell, context.state
        from_position = nn.functional.linear(self.position, cell.weight_ih, cell.bias_ih)
        from_state = nn.functional.linear(state, cell.weight_hh, cell.bias_hh).unsqueeze(-2)
        (r, z, n), (hr, hz, hn) = from_position.chunk(3, -1), from_state.chunk(3, -1)
        new = torch.tanh(n + torch.sigmoid(r + hr) * hn)
        states = torch.lerp(new, state.unsqueeze(-2).expand_as(new), torch.sigmoid(z + hz))
        return self._rows(states)

    def plain(self, context: Context) -> Tensor:
        """Compute the same as `forward`, with one run of the cell for each origin and position; tests compare them."""
        state = context.state
        parts = [
            self.cell(place.expand_as(rows), rows) for rows in state.flatten(0, 1)[None] for place in self.position
        ]
        return self._rows(torch.stack(parts, 1).reshape(*state.shape[:2], len(parts), -1))

    def _rows(self, states: Tensor) -> Tensor:
        """Map (batch, origin, position, hidden) to (batch, origin, horizon, width)."""
        out: Tensor = self.linear(states).flatten(-2).unflatten(-1, (-1, self.width))
        return out[..., : self.horizon, :]


class Seq2SeqDecoder(nn.Module):
    """A GRU that begins at the encoder's state and forecasts one segment at a step.

    A step reads the segment before it, the anchor of its segment, and the known covariates of its segment. In training
    the segment before it holds the actual values with probability `Context.forcing` (drawn at each step), else the
    decoder's forecast of it; in prediction it always holds the forecast.

    Args:
        sizes: the sizes that the decoder is built from.
        attention: makes a layer, from the hidden size, that summarises the encoder's states at each step (such as
            `AdditiveAttention`); with None, the default, the decoder reads no states but the one at the origin.

    References:
        Sutskever et al. (2014), Sequence to Sequence Learning with Neural Networks; Bengio et al. (2015), Scheduled
        Sampling for Sequence Prediction with Recurrent Neural Networks.
    """

    def __init__(self, sizes: DecoderSizes, attention: Callable[[int], nn.Module] | None = None) -> None:
        super().__init__()
        self.sizes = sizes
        input_size = sizes.segment * (2 + sizes.features) + (sizes.hidden_size if attention else 0)
        self.cell = nn.GRUCell(input_size, sizes.hidden_size)
        self.attention = attention(sizes.hidden_size) if attention else None
        self.linear = small_linear(Narrow(sizes.hidden_size, sizes.segment * sizes.width))

    def forward(self, context: Context) -> Tensor:
        """Compute the outputs of every step, (batch, origin, horizon, width)."""
        sizes, state = self.sizes, context.state
        batch, origins, hidden = state.shape
        anchor = self._segments(context.anchor.unsqueeze(-1))
        known = self._segments(context.known) if context.known is not None else None
        teacher = None
        if context.teacher is not None and context.forcing > 0:
            teacher = self._segments(context.teacher.unsqueeze(-1))
        before, out = torch.zeros_like(anchor[:, :, 0]), []
        for number in range(anchor.shape[2]):
            inputs = [before, anchor[:, :, number]] + ([known[:, :, number]] if known is not None else [])
            if self.attention is not None:
                inputs.append(self.attention(state, context.states))
            flat = torch.cat(inputs, -1).flatten(0, 1)  # (batch * origin, input size): a GRUCell reads two axes
            state = self.cell(flat, state.reshape(-1, hidden)).reshape(batch, origins, hidden)
            raw = self.linear(state).unflatten(-1, (sizes.segment, sizes.width))
            out.append(raw)
            before = anchor[:, :, number] + raw[..., 0]  # the centre: a point, or the centre of a distribution
            if teacher is not None and float(torch.rand(())) < context.forcing:
                before = teacher[:, :, number]
        return torch.cat(out, 2)[:, :, : sizes.horizon]

    def _segments(self, rows: Tensor) -> Tensor:
        """Cut (batch, origin, horizon, feature) into segments, (batch, origin, segment number, rows * features).

        The last segment is filled up with zeros.
        """
        n_segments = -(-self.sizes.horizon // self.sizes.segment)
        missing = n_segments * self.sizes.segment - self.sizes.horizon
        return nn.functional.pad(rows, (0, 0, 0, missing)).reshape(*rows.shape[:2], n_segments, -1)


class AdditiveAttention(nn.Module):
    """Attention with the scores v tanh(W q + U k), where q is the decoder's state and k a state up to the origin.

    Args:
        hidden_size: number of features of a state.

    References:
        Bahdanau et al. (2015), Neural Machine Translation by Jointly Learning to Align and Translate.
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(hidden_size, hidden_size), nn.Linear(hidden_size, hidden_size, bias=False)
        self.score = Narrow(hidden_size, 1, bias=False)

    def forward(self, query: Tensor, states: Tensor) -> Tensor:
        """Average the states up to each origin by their weights.

        Args:
            query: (batch, origin, hidden), the decoder's states.
            states: (batch, step, hidden), the core's states.

        Returns:
            (batch, origin, hidden).
        """
        return self.weights(query, states) @ states

    def weights(self, query: Tensor, states: Tensor) -> Tensor:
        """Compute the weights, (batch, origin, step), which sum to 1 over the steps and are 0 after the origin."""
        combined = torch.tanh(self.query(query).unsqueeze(2) + self.key(states).unsqueeze(1))
        return _up_to_origin(self.score(combined).squeeze(-1))  # (batch, origin, step)


class DotAttention(nn.Module):
    """Attention with the scores q W k, where q is the decoder's state and k a state up to the origin.

    Args:
        hidden_size: number of features of a state.

    References:
        Luong et al. (2015), Effective Approaches to Attention-based Neural Machine Translation (the general score).
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.key = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, query: Tensor, states: Tensor) -> Tensor:
        """Average the states up to each origin by their weights.

        Args:
            query: (batch, origin, hidden), the decoder's states.
            states: (batch, step, hidden), the core's states.

        Returns:
            (batch, origin, hidden).
        """
        return self.weights(query, states) @ states

    def weights(self, query: Tensor, states: Tensor) -> Tensor:
        """Compute the weights, (batch, origin, step), which sum to 1 over the steps and are 0 after the origin."""
        return _up_to_origin(query @ self.key(states).transpose(1, 2))


def _up_to_origin(scores: Tensor) -> Tensor:
    """Take the softmax over the steps up to each origin; the origins are the last steps.

    Args:
        scores: (batch, origin, step).

    Returns:
        (batch, origin, step), weights that sum to 1 over the steps and are 0 after the origin.
    """
    origins, steps = scores.shape[1:]
    last = torch.arange(steps - origins, steps, device=scores.device)
    later = torch.arange(steps, device=scores.device) > last[:, None]
    return scores.masked_fill(later, -torch.inf).softmax(-1)


class GapDecoder(nn.Module):
    """A map from the state at the origin to the gaps between a step's quantiles, which leaves the state alone.

    The state comes detached, and the weights are drawn beside everybody else's random numbers: the median of a network
    with quantiles is that of the same network without them.

    Args:
        hidden_size: number of features of a state.
        horizon: number of steps to forecast; 1 where each step has a state of its own.
        levels: quantile levels in (0, 1), ascending, with 0.5 among them.
        features: number of features of the known covariates of a step; 0 by default.
    """

    def __init__(self, hidden_size: int, horizon: int, levels: tuple[float, ...], features: int = 0) -> None:
        super().__init__()
        self.shape = (horizon, len(levels) - 1)
        with torch.random.fork_rng(devices=[]):
            self.linear = small_linear(Narrow(hidden_size, horizon * self.shape[1]))
            self.known = small_linear(Narrow(features, self.shape[1], bias=False)) if features else None
        self.requires_grad_(False)  # they are fitted when the rest is

    @torch.no_grad()
    def start_at(self, quantiles: Tensor) -> None:
        """Set the gaps to those between quantiles, (horizon, levels), in units of the origin."""
        gaps = quantiles.diff(dim=-1).clamp_min(SMALLEST_GAP).double()
        self.linear.bias.copy_(gaps.expm1().log().flatten())

    def forward(self, state: Tensor, known: Tensor | None) -> Tensor:
        """Compute the gaps before they are made positive.

        Args:
            state: (..., hidden), the states that forecasts start from.
            known: (..., horizon, feature), the known covariates of each step; None where there are none.

        Returns:
            (..., horizon, levels - 1).
        """
        raw: Tensor = self.linear(state.detach()).unflatten(-1, self.shape)
        return raw if self.known is None or known is None else raw + self.known(known.detach())


def small_linear(linear: nn.Linear) -> nn.Linear:
    """Give a linear layer small weights, in place, so that training starts near the base forecast; return the layer."""
    nn.init.normal_(linear.weight, std=0.1 * linear.in_features**-0.5)
    if linear.bias is not None:
        nn.init.zeros_(linear.bias)
    return linear


Decoder = Callable[[DecoderSizes], nn.Module]

# Each line makes a decoder from its sizes.
DECODERS: dict[str, Decoder] = {
    "direct": DirectDecoder,
    "position": PositionDecoder,
    "seq2seq": Seq2SeqDecoder,
    "attention": lambda sizes: Seq2SeqDecoder(sizes, AdditiveAttention),
    "luong": lambda sizes: Seq2SeqDecoder(sizes, DotAttention),
}
