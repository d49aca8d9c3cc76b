"""The combiner as it is trained: a recurrent network reads how cheap forecasts did, and weighs them step by step."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from forecast.combining.pool import NAMES
from forecast.combining.reader import LEAST_SPREAD, LEVELS, MIDDLE, N_STEP_FACTS
from forecast.combining.tokens import WIDTH
from forecast.networks.cell_table import CELLS

CELL = "gru"


class Combiner(nn.Module):
    """Weights of the forecasts at every step, a bounded correction of their mean, and quantiles around it.

    A cell of the table reads the tokens of a history's origins. For each step of the horizon a small map takes its
    state, facts about the step and where the forecasts lie relative to their median; a softmax over the forecasts that
    are available gives the mean, which moves by at most their spread. It cannot run away, and needs no unit.

    Args:
        width: size of the state.
        hidden: size of the map's hidden layers.
    """

    def __init__(self, width: int = 64, hidden: int = 96) -> None:
        super().__init__()
        n = len(NAMES)
        self.embed = nn.Sequential(nn.Linear(WIDTH, width), nn.GELU())
        self.cell = CELLS[CELL](width, width)
        self.state = nn.Linear(width, hidden)
        self.place = nn.Linear(N_STEP_FACTS + 2 * n, hidden)
        self.inner = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, n + 1 + len(LEVELS) - 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, tokens: Tensor, first: Tensor, forecasts: Tensor, available: Tensor, facts: Tensor) -> Tensor:
        """Combine the forecasts of every origin.

        Args:
            tokens: (n, origins, `WIDTH`).
            first: (n,) number of the first origin at which each history has begun.
            forecasts: (n, origins, slots, steps) in units of the errors to expect, less the level; those that are not
                available hold the median of the others.
            available: (n, origins, slots) bool.
            facts: (steps, facts) about the steps.

        Returns:
            (n, origins, steps, levels) quantiles in the same units.
        """
        embedded = self.embed(tokens)
        state = _from_first(self.cell(_from_first(embedded, first)), -first) + embedded
        around = forecasts.transpose(2, 3)  # (n, origins, steps, slots)
        off = around - around.median(dim=-1, keepdim=True).values
        place = torch.cat([facts.expand(*off.shape[:2], -1, -1), torch.tanh(off / 2), torch.tanh(off / 8)], dim=-1)
        hidden = nn.functional.gelu(self.state(state).unsqueeze(2) + self.place(place))
        out = self.out(nn.functional.gelu(self.inner(hidden)))
        return quantiles_of(out, around, available.unsqueeze(2), facts)


def _from_first(values: Tensor, by: Tensor) -> Tensor:
    """Move each sequence, (n, origins, width), to the left by a number, so that it begins with its first origin."""
    length = values.shape[1]
    places = (torch.arange(length, device=values.device) + by[:, None]) % length
    return torch.gather(values, 1, places.unsqueeze(-1).expand_as(values))


def quantiles_of(out: Tensor, around: Tensor, available: Tensor, facts: Tensor) -> Tensor:
    """Turn the map's outputs into quantiles, (n, origins, steps, levels)."""
    n = around.shape[-1]
    weights = torch.softmax(out[..., :n].masked_fill(~available, -torch.inf), dim=-1)
    mean = (weights * around).sum(-1)
    spread = ((weights * (around - mean.unsqueeze(-1)).square()).sum(-1) + LEAST_SPREAD).sqrt()
    middle = (mean + torch.tanh(out[..., n]) * spread).unsqueeze(-1)
    growth = (0.2 + 0.4 * facts[:, :1]) * (1 + spread.unsqueeze(-1) - math.sqrt(LEAST_SPREAD))
    apart = nn.functional.softplus(out[..., n + 1 :] - 0.5) * growth
    below = torch.cumsum(apart[..., :MIDDLE].flip(-1), dim=-1).flip(-1)
    above = torch.cumsum(apart[..., MIDDLE:], dim=-1)
    return torch.cat([middle - below, middle, middle + above], dim=-1)
