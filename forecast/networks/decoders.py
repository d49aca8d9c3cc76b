"""From the state at an origin to the steps of the horizon."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Context(NamedTuple):
    """What a decoder may read.

    Args:
        states: (batch, steps, hidden) of the core, one a segment of the crop.
        origins: the forecasts start after the last `origins` of these steps.
        anchor: (batch, origin, horizon), the base forecast and the highway, which the decoder corrects.
        known: (batch, origin, horizon, features) of the covariates known at each step; None without.
        teacher: (batch, origin, horizon), what came; training only.
        forcing: share of the decoder's steps that read what came instead of their own forecast.
    """

    states: Tensor
    origins: int
    anchor: Tensor
    known: Tensor | None = None
    teacher: Tensor | None = None
    forcing: float = 0.0

    @property
    def state(self) -> Tensor:
        """(batch, origin, hidden), the states the forecasts start from."""
        return self.states[:, -self.origins :]


@dataclass(frozen=True, kw_only=True)
class DecoderSizes:
    """What a decoder is built from.

    Args:
        hidden_size: features of a state.
        horizon: steps.
        width: numbers a step, as the head asks.
        segment: rows of a recurrent step.
        features: of the covariates known at each step.
    """

    hidden_size: int
    horizon: int
    width: int
    segment: int
    features: int = 0


class DirectDecoder(nn.Module):
    """All steps at once from the state at the origin, so that every step has seen the whole lookback.

    References:
        Ben Taieb et al. (2012), A review and comparison of strategies for multi-step ahead time series forecasting
        (the MIMO strategy).
    """

    def __init__(self, sizes: DecoderSizes) -> None:
        super().__init__()
        self.horizon, self.width = sizes.horizon, sizes.width
        self.linear = small_linear(nn.Linear(sizes.hidden_size, sizes.horizon * sizes.width))

    def forward(self, context: Context) -> Tensor:
        """(batch, origin, horizon, width)."""
        out: Tensor = self.linear(context.state).unflatten(-1, (self.horizon, self.width))
        return out


class PositionDecoder(nn.Module):
    """One GRU step from the state at the origin for each output segment, its position as the input, then one linear
    map from each of these states to the rows of its segment.

    The state's part of the gates is the same for all segments and the positions' part the same for all origins, so
    each is computed once and they are added: the result is the plain one, for a fraction of the arithmetic.

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
        self.linear = small_linear(nn.Linear(hidden_size, segment * sizes.width))

    def forward(self, context: Context) -> Tensor:
        """(batch, origin, horizon, width)."""
        cell, state = self.cell, context.state
        from_position = nn.functional.linear(self.position, cell.weight_ih, cell.bias_ih)
        from_state = nn.functional.linear(state, cell.weight_hh, cell.bias_hh).unsqueeze(-2)
        (r, z, n), (hr, hz, hn) = from_position.chunk(3, -1), from_state.chunk(3, -1)
        new = torch.tanh(n + torch.sigmoid(r + hr) * hn)
        states = torch.lerp(new, state.unsqueeze(-2).expand_as(new), torch.sigmoid(z + hz))
        return self._rows(states)

    def plain(self, context: Context) -> Tensor:
        """The same without the factorisation: the cell runs once for each origin and segment."""
        state = context.state
        parts = [
            self.cell(place.expand_as(rows), rows) for rows in state.flatten(0, 1)[None] for place in self.position
        ]
        return self._rows(torch.stack(parts, 1).reshape(*state.shape[:2], len(parts), -1))

    def _rows(self, states: Tensor) -> Tensor:
        out: Tensor = self.linear(states).flatten(-2).unflatten(-1, (-1, self.width))
        return out[..., : self.horizon, :]


class Seq2SeqDecoder(nn.Module):
    """A GRU that begins at the encoder's state and emits a segment at a step, reading the segment before it and the
    covariates known of the one to come.

    In training the segment before is what came for a share `forcing` of the steps (drawn anew at each), else the
    decoder's own forecast; in prediction always its own.

    Args:
        sizes: of everything.
        attention: looks back at the encoder's states at each step; None does not.

    References:
        Sutskever et al. (2014), Sequence to Sequence Learning with Neural Networks; Bengio et al. (2015), Scheduled
        Sampling for Sequence Prediction with Recurrent Neural Networks.
    """

    def __init__(self, sizes: DecoderSizes, attention: Callable[[int], nn.Module] | None = None) -> None:
        super().__init__()
        self.sizes = sizes
        read = sizes.segment * (2 + sizes.features) + (sizes.hidden_size if attention else 0)
        self.cell = nn.GRUCell(read, sizes.hidden_size)
        self.attention = attention(sizes.hidden_size) if attention else None
        self.linear = small_linear(nn.Linear(sizes.hidden_size, sizes.segment * sizes.width))

    def forward(self, context: Context) -> Tensor:
        """(batch, origin, horizon, width)."""
        sizes, state = self.sizes, context.state
        batch, origins, hidden = state.shape
        n_chunks = -(-sizes.horizon // sizes.segment)
        missing = n_chunks * sizes.segment - sizes.horizon
        anchor = _chunks(nn.functional.pad(context.anchor, (0, missing)), n_chunks)
        known = None
        if context.known is not None:
            known = nn.functional.pad(context.known, (0, 0, 0, missing)).reshape(batch, origins, n_chunks, -1)
        teacher = None
        if context.teacher is not None and context.forcing > 0:
            teacher = _chunks(nn.functional.pad(context.teacher, (0, missing)), n_chunks)
        before, out = torch.zeros_like(anchor[:, :, 0]), []
        for number in range(n_chunks):
            read = [before, anchor[:, :, number]] + ([known[:, :, number]] if known is not None else [])
            if self.attention is not None:
                read.append(self.attention(state, context.states))
            flat = torch.cat(read, -1).flatten(0, 1)
            state = self.cell(flat, state.reshape(-1, hidden)).reshape(batch, origins, hidden)
            raw = self.linear(state).unflatten(-1, (sizes.segment, sizes.width))
            out.append(raw)
            before = anchor[:, :, number] + raw[..., sizes.width // 2]
            if teacher is not None and float(torch.rand(())) < context.forcing:
                before = teacher[:, :, number]
        return torch.cat(out, 2)[:, :, : sizes.horizon]


class AdditiveAttention(nn.Module):
    """Scores v tanh(W q + U k) of the states up to each origin.

    References:
        Bahdanau et al. (2015), Neural Machine Translation by Jointly Learning to Align and Translate.
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(hidden_size, hidden_size), nn.Linear(hidden_size, hidden_size, bias=False)
        self.score = nn.Linear(hidden_size, 1, bias=False)

    def forward(self, query: Tensor, states: Tensor) -> Tensor:
        """(batch, origin, hidden), (batch, step, hidden) -> (batch, origin, hidden)."""
        return self.weights(query, states) @ states

    def weights(self, query: Tensor, states: Tensor) -> Tensor:
        """(batch, origin, step), rows sum to 1; 0 after an origin."""
        met = torch.tanh(self.query(query).unsqueeze(2) + self.key(states).unsqueeze(1))
        return _up_to_origin(self.score(met).squeeze(-1))


class DotAttention(nn.Module):
    """Scores q W k of the states up to each origin.

    References:
        Luong et al. (2015), Effective Approaches to Attention-based Neural Machine Translation (the general score).
    """

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.key = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, query: Tensor, states: Tensor) -> Tensor:
        """(batch, origin, hidden), (batch, step, hidden) -> (batch, origin, hidden)."""
        return self.weights(query, states) @ states

    def weights(self, query: Tensor, states: Tensor) -> Tensor:
        """(batch, origin, step), rows sum to 1; 0 after an origin."""
        return _up_to_origin(query @ self.key(states).transpose(1, 2))


def _up_to_origin(scores: Tensor) -> Tensor:
    """Softmax over the steps that each origin has seen: the origins are the last steps."""
    origins, steps = scores.shape[1:]
    last = torch.arange(steps - origins, steps, device=scores.device)
    later = torch.arange(steps, device=scores.device) > last[:, None]
    return scores.masked_fill(later, -torch.inf).softmax(-1)


def _chunks(rows: Tensor, n: int) -> Tensor:
    return rows.reshape(*rows.shape[:-1], n, -1)


def small_linear(linear: nn.Linear) -> nn.Linear:
    """So that training starts at the base forecast and learns what it misses."""
    nn.init.normal_(linear.weight, std=0.1 * linear.in_features**-0.5)
    nn.init.zeros_(linear.bias)
    return linear


Decoder = Callable[[DecoderSizes], nn.Module]

# One line a decoder.
DECODERS: dict[str, Decoder] = {
    "direct": DirectDecoder,
    "position": PositionDecoder,
    "seq2seq": Seq2SeqDecoder,
    "attention": lambda sizes: Seq2SeqDecoder(sizes, AdditiveAttention),
    "luong": lambda sizes: Seq2SeqDecoder(sizes, DotAttention),
}
