"""The learning-rate schedule: one cycle up and down, the highway's peak below the others'."""

from __future__ import annotations

import torch
from torch import Tensor

HIGHWAY_RATE = 0.3  # of the learning rate: the highway starts near where it ends, and each of its steps moves much


def parameter_groups(parameters: list[Tensor], highway: Tensor, peak: float) -> list[dict[str, object]]:
    """The weights in two groups, each with the peak of its learning rate.

    Args:
        parameters: all weights of the network.
        highway: the linear highway's, one of them.
        peak: learning rate of the others at the top of the cycle.
    """
    rest = [parameter for parameter in parameters if parameter is not highway]
    return [{"params": rest, "lr": peak}, {"params": [highway], "lr": HIGHWAY_RATE * peak}]


def one_cycle(optimiser: torch.optim.Optimizer, steps: int) -> torch.optim.lr_scheduler.OneCycleLR:
    """The schedule of a whole training run: from 1/25 of the peak up for 30% of the steps, then down to almost nothing.

    Args:
        optimiser: its groups hold the peaks.
        steps: optimiser steps of the run.

    References:
        Smith & Topin (2018), Super-Convergence.
    """
    peaks = [float(group["lr"]) for group in optimiser.param_groups]
    return torch.optim.lr_scheduler.OneCycleLR(optimiser, peaks, total_steps=steps + 1)
