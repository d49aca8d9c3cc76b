"""The combiner as it is trained: a recurrent network reads how cheap forecasts did, and weighs them step by step."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from forecast.combining.joiners import JOINERS, N_JOINER_FACTS, SHARE
from forecast.combining.pool import NAMES
from forecast.combining.reader import LEAST_SPREAD, LEVELS, MIDDLE, N_STEP_FACTS
from forecast.combining.tokens import WIDTH
from forecast.networks.cell_table import CELLS

CELL = "gru"


class TorchJoined(NamedTuple):
    """The joiners as tensors, (n, origins, joiners, ...); `forecast.combining.joiners.Joined` says what they are."""

    forecasts: Tensor
    available: Tensor
    facts: Tensor


class Joining(nn.Module):
    """The head of the joiners: what each weighs beside the whole pool, a fixed share until it is tuned, or trained on tables."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        n = len(JOINERS)
        self.hidden = nn.Parameter(torch.zeros(n, hidden))
        self.facts = nn.Parameter(torch.zeros(n, N_JOINER_FACTS))
        self.bias = nn.Parameter(torch.full((n,), math.log(SHARE / (1 - SHARE))))

    def forward(self, hidden: Tensor, facts: Tensor) -> Tensor:
        """Return logits over that of the pool, (n, origins, steps, joiners)."""
        of_facts = (facts * self.facts).sum(-1) + self.bias  # (n, origins, joiners)
        return nn.functional.linear(hidden, self.hidden) + of_facts.unsqueeze(2)


class Combiner(nn.Module):
    """Weights of the forecasts at every step, a bounded correction of their mean, and quantiles around it.

    A cell of the table reads the tokens of a history's origins. For each step of the horizon a small map takes its
    state, facts about the step and where the forecasts lie relative to their median; a softmax over the forecasts that
    are available gives the mean, which moves by at most their spread. It cannot run away, and needs no unit. Joiners
    enter beside the pool; the pretrained weights have the same shapes with them and without.

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
        self.join = Joining(hidden)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(
        self,
        tokens: Tensor,
        first: Tensor,
        forecasts: Tensor,
        available: Tensor,
        facts: Tensor,
        joined: TorchJoined | None = None,
    ) -> Tensor:
        """Combine the forecasts of every origin.

        Args:
            tokens: (n, origins, `WIDTH`).
            first: (n,) number of the first origin at which each history has begun.
            forecasts: (n, origins, slots, steps) in units of the errors to expect, less the level; those that are not
                available hold the median of the others.
            available: (n, origins, slots) bool.
            facts: (steps, facts) about the steps.
            joined: the joiners; None for none.

        Returns:
            (n, origins, steps, levels) quantiles in the same units.
        """
        embedded = self.embed(tokens)
        state = _from_first(self.cell(_from_first(embedded, first)), -first) + embedded
        around = forecasts.transpose(2, 3)  # (n, origins, steps, slots)
        off = around - around.median(dim=-1, keepdim=True).values
        place = torch.cat([facts.expand(*off.shape[:2], -1, -1), torch.tanh(off / 2), torch.tanh(off / 8)], dim=-1)
        hidden = nn.functional.gelu(self.state(state).unsqueeze(2) + self.place(place))
        inner = nn.functional.gelu(self.inner(hidden))
        out, n = self.out(inner), len(NAMES)
        logits = out[..., :n].masked_fill(~available.unsqueeze(2), -torch.inf)
        if joined is not None:
            beside = torch.logsumexp(logits, dim=-1, keepdim=True) + self.join(inner, joined.facts)
            beside = beside.masked_fill(~joined.available.unsqueeze(2), -torch.inf)
            logits = torch.cat([logits, beside], dim=-1)
            around = torch.cat([around, joined.forecasts.transpose(2, 3)], dim=-1)
        return quantiles_of(torch.softmax(logits, dim=-1), out[..., n:], around, facts)


def _from_first(values: Tensor, by: Tensor) -> Tensor:
    """Move each sequence, (n, origins, width), to the left by a number, so that it begins with its first origin."""
    length = values.shape[1]
    places = (torch.arange(length, device=values.device) + by[:, None]) % length
    return torch.gather(values, 1, places.unsqueeze(-1).expand_as(values))


def quantiles_of(weights: Tensor, out: Tensor, around: Tensor, facts: Tensor) -> Tensor:
    """Turn the weights of the forecasts and the map's other outputs into quantiles, (n, origins, steps, levels)."""
    mean = (weights * around).sum(-1)
    spread = ((weights * (around - mean.unsqueeze(-1)).square()).sum(-1) + LEAST_SPREAD).sqrt()
    middle = (mean + torch.tanh(out[..., 0]) * spread).unsqueeze(-1)
    growth = (0.2 + 0.4 * facts[:, :1]) * (1 + spread.unsqueeze(-1) - math.sqrt(LEAST_SPREAD))
    apart = nn.functional.softplus(out[..., 1:] - 0.5) * growth
    below = torch.cumsum(apart[..., :MIDDLE].flip(-1), dim=-1).flip(-1)
    above = torch.cumsum(apart[..., MIDDLE:], dim=-1)
    return torch.cat([middle - below, middle, middle + above], dim=-1)
