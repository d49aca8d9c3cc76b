"""From the state at an origin to the steps of the horizon."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class DirectDecoder(nn.Module):
    """All steps at once from the state at the origin, so that every step has seen the whole lookback.

    Args:
        hidden_size: features of the state.
        horizon: steps.
        width: numbers a step, as the head asks.
        segment: rows of a recurrent step; not used.

    References:
        Ben Taieb et al. (2012), A review and comparison of strategies for multi-step ahead time series forecasting
        (the MIMO strategy).
    """

    def __init__(self, hidden_size: int, horizon: int, width: int, segment: int) -> None:
        super().__init__()
        self.horizon, self.width = horizon, width
        self.linear = _small(nn.Linear(hidden_size, horizon * width))

    def forward(self, state: Tensor) -> Tensor:
        """(batch, origin, hidden) -> (batch, origin, horizon, width)."""
        out: Tensor = self.linear(state).unflatten(-1, (self.horizon, self.width))
        return out


class PositionDecoder(nn.Module):
    """One GRU step from the state at the origin for each output segment, its position as the input, then one linear
    map from each of these states to the rows of its segment.

    The state's part of the gates is the same for all segments and the positions' part the same for all origins, so
    each is computed once and they are added: the result is the plain one, for a fraction of the arithmetic.

    Args:
        hidden_size: features of the state.
        horizon: steps.
        width: numbers a step, as the head asks.
        segment: rows of an output segment.

    References:
        Lin et al. (2023), SegRNN: Segment Recurrent Neural Network for Long-Term Time Series Forecasting (parallel
        multi-step forecasting).
    """

    def __init__(self, hidden_size: int, horizon: int, width: int, segment: int) -> None:
        super().__init__()
        self.horizon, self.width = horizon, width
        self.position = nn.Parameter(0.1 * torch.randn(-(-horizon // segment), hidden_size))
        self.cell = nn.GRUCell(hidden_size, hidden_size)
        self.linear = _small(nn.Linear(hidden_size, segment * width))

    def forward(self, state: Tensor) -> Tensor:
        """(batch, origin, hidden) -> (batch, origin, horizon, width)."""
        cell = self.cell
        from_position = nn.functional.linear(self.position, cell.weight_ih, cell.bias_ih)
        from_state = nn.functional.linear(state, cell.weight_hh, cell.bias_hh).unsqueeze(-2)
        (r, z, n), (hr, hz, hn) = from_position.chunk(3, -1), from_state.chunk(3, -1)
        new = torch.tanh(n + torch.sigmoid(r + hr) * hn)
        states = torch.lerp(new, state.unsqueeze(-2).expand_as(new), torch.sigmoid(z + hz))
        return self._rows(states)

    def plain(self, state: Tensor) -> Tensor:
        """The same without the factorisation: the cell runs once for each origin and segment."""
        parts = [
            self.cell(place.expand_as(rows), rows) for rows in state.flatten(0, 1)[None] for place in self.position
        ]
        return self._rows(torch.stack(parts, 1).reshape(*state.shape[:2], len(parts), -1))

    def _rows(self, states: Tensor) -> Tensor:
        out: Tensor = self.linear(states).flatten(-2).unflatten(-1, (-1, self.width))
        return out[..., : self.horizon, :]


def _small(linear: nn.Linear) -> nn.Linear:
    """So that training starts at the base forecast and learns what it misses."""
    nn.init.normal_(linear.weight, std=0.1 * linear.in_features**-0.5)
    nn.init.zeros_(linear.bias)
    return linear


Decoder = Callable[[int, int, int, int], nn.Module]

# One line a decoder: (hidden size, horizon, width, segment) -> a module.
DECODERS: dict[str, Decoder] = {"direct": DirectDecoder, "position": PositionDecoder}
