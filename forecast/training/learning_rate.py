"""The learning-rate schedule: one cycle up and down, the highway's peak below the others'."""

from __future__ import annotations

import torch
from torch import Tensor

# as a fraction of the others' rate; the highway starts near where it ends, and a step of it moves the forecast much
RELATIVE_HIGHWAY_RATE = 0.3


def parameter_groups(parameters: list[Tensor], highway: Tensor, peak: float) -> list[dict[str, object]]:
    """Split the weights into two groups, each with the peak of its learning rate.

    Args:
        parameters: all weights of the network, the highway's among them.
        highway: the weights of the linear highway.
        peak: learning rate of the other weights at the top of the cycle.

    Returns:
        The groups as torch's optimisers take them, the highway's last.
    """
    rest = [parameter for parameter in parameters if parameter is not highway]
    return [{"params": rest, "lr": peak}, {"params": [highway], "lr": RELATIVE_HIGHWAY_RATE * peak}]


def one_cycle(optimiser: torch.optim.Optimizer, steps: int) -> torch.optim.lr_scheduler.OneCycleLR:
    """Make the schedule of a training run: from 1/25 of the peak up for 30% of the steps, then down to almost nothing.

    Args:
        optimiser: the optimiser; the learning rates of its groups are their peaks.
        steps: number of optimiser steps of the run.

    References:
        Smith & Topin (2018), Super-Convergence: Very Fast Training of Neural Networks Using Large Learning Rates.
    """
    peaks = [float(group["lr"]) for group in optimiser.param_groups]
    return torch.optim.lr_scheduler.OneCycleLR(optimiser, peaks, total_steps=steps + 1)
