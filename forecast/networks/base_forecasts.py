"""The forecast that training starts from, by name: a fixed linear map of the recent rows.

A base is called with `memory` (the number of recent rows that it reads), `horizon` and `season_length`, all in steps.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def _repeat_last(memory: int, horizon: int, season_length: int) -> Tensor:
    """Repeat the newest row at every step."""
    weights = torch.zeros(memory, horizon)
    weights[-1] = 1.0
    return weights


def _repeat_season(memory: int, horizon: int, season_length: int) -> Tensor:
    """Repeat the newest season; where the memory is shorter than a season, repeat the newest row."""
    if season_length > memory:
        return _repeat_last(memory, horizon, season_length)
    steps = torch.arange(horizon)
    weights = torch.zeros(memory, horizon)
    weights[memory - season_length + steps % season_length, steps] = 1.0
    return weights


def _repeat_cycle(memory: int, horizon: int, season_length: int) -> Tensor:
    """Average the newest season and the oldest one in the memory.

    With hourly data and a memory of a week these are yesterday and the same weekday of the week before.
    """
    steps = torch.arange(horizon)
    weights = 0.5 * _repeat_season(memory, horizon, season_length)
    period = max(memory // season_length, 1) * season_length  # whole seasons, so that both rows have the same place
    if period > memory:
        return 2 * weights
    weights[memory - period + steps % period, steps] += 0.5
    return weights


# Each line maps (memory, horizon, season length) to weights of the recent rows, (memory, horizon); a column sums to 1.
BASES: dict[str, Callable[[int, int, int], Tensor]] = {
    "last": _repeat_last,
    "season": _repeat_season,
    "cycle": _repeat_cycle,
}
