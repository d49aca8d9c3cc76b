"""The moving average of the weights; validation scores it, and training keeps it instead of the last weights."""

from __future__ import annotations

import torch
from torch import Tensor


class AveragedWeights:
    """An exponential moving average of a module's weights, with one fused update for each optimiser step.

    Args:
        module: the module whose weights are averaged, on the device that it trains on.
        decay: weight in (0, 1) of the average so far at each update; it is smaller in the first steps.

    References:
        Polyak & Juditsky (1992), Acceleration of Stochastic Approximation by Averaging.
    """

    def __init__(self, module: torch.nn.Module, decay: float) -> None:
        self.decay = decay
        self.parameters = list(module.parameters())
        self.values = [parameter.detach().clone() for parameter in self.parameters]

    def update(self, step: int) -> None:
        """Add the weights as they are after optimiser step number `step`, counted from 1."""
        # a short memory at first, so that the start is forgotten before the average is used
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self.values, [parameter.detach() for parameter in self.parameters], 1 - decay)

    def swap(self) -> None:
        """Exchange the module's weights and the average; a second call undoes it."""
        for parameter, average in zip(self.parameters, self.values, strict=True):
            parameter.data, average.data = average.data, parameter.data

    def copy(self) -> list[Tensor]:
        """Return a copy of the average, in the order of the module's parameters."""
        return [average.clone() for average in self.values]

    def load(self, values: list[Tensor]) -> None:
        """Copy these weights, in the order of the module's parameters, into the module."""
        with torch.no_grad():
            for parameter, value in zip(self.parameters, values, strict=True):
                parameter.copy_(value)
