"""From the state at an origin to the steps of the horizon."""

from __future__ import annotations

from torch import Tensor, nn


class DirectDecoder(nn.Module):
    """All steps at once from the state at the origin, so that every step has seen the whole lookback.

    Args:
        hidden_size: features of the state.
        horizon: steps.
        width: numbers a step, as the head asks.

    References:
        Ben Taieb et al. (2012), A review and comparison of strategies for multi-step ahead time series forecasting
        (the MIMO strategy).
    """

    def __init__(self, hidden_size: int, horizon: int, width: int) -> None:
        super().__init__()
        self.horizon, self.width = horizon, width
        self.linear = nn.Linear(hidden_size, horizon * width)
        # small, so that training starts at the base forecast and learns what it misses
        nn.init.normal_(self.linear.weight, std=0.1 * hidden_size**-0.5)
        nn.init.zeros_(self.linear.bias)

    def forward(self, state: Tensor) -> Tensor:
        """(batch, origin, hidden) -> (batch, origin, horizon, width)."""
        out: Tensor = self.linear(state).unflatten(-1, (self.horizon, self.width))
        return out


DECODERS: dict[str, type[DirectDecoder]] = {"direct": DirectDecoder}
