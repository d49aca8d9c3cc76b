"""The forecast that training starts from, by name: a fixed linear map of the recent rows."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def _repeat_last(memory: int, horizon: int, season_length: int) -> Tensor:
    weights = torch.zeros(memory, horizon)
    weights[-1] = 1.0
    return weights


def _repeat_season(memory: int, horizon: int, season_length: int) -> Tensor:
    if season_length > memory:
        return _repeat_last(memory, horizon, season_length)
    steps = torch.arange(horizon)
    weights = torch.zeros(memory, horizon)
    weights[memory - season_length + steps % season_length, steps] = 1.0
    return weights


def _repeat_cycle(memory: int, horizon: int, season_length: int) -> Tensor:
    """Half the last season, half the season as long ago as the memory reaches (yesterday and the same weekday)."""
    steps = torch.arange(horizon)
    weights = 0.5 * _repeat_season(memory, horizon, season_length)
    period = max(memory // season_length, 1) * season_length
    if period > memory:
        return 2 * weights
    weights[memory - period + steps % period, steps] += 0.5
    return weights


# One line a base: (memory, horizon, season length) -> (memory, horizon) weights of the recent rows, columns sum to 1.
BASES: dict[str, Callable[[int, int, int], Tensor]] = {
    "last": _repeat_last,
    "season": _repeat_season,
    "cycle": _repeat_cycle,
}
