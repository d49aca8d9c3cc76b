"""The moving average of the weights, which is what is validated and kept."""

from __future__ import annotations

import torch
from torch import Tensor


class AveragedWeights:
    """An exponential moving average of a module's weights; one fused update a step.

    Args:
        module: its weights are averaged.
        decay: weight of the average so far at each update, once enough steps are done.

    References:
        Polyak & Juditsky (1992), Acceleration of Stochastic Approximation by Averaging.
    """

    def __init__(self, module: torch.nn.Module, decay: float) -> None:
        self.decay = decay
        self.parameters = list(module.parameters())
        self.values = [parameter.detach().clone() for parameter in self.parameters]

    def update(self, step: int) -> None:
        """Take in the weights after optimiser step number `step`, counted from 1."""
        # a short memory at first, so that the start is forgotten before the average is used
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self.values, [parameter.detach() for parameter in self.parameters], 1 - decay)

    def swap(self) -> None:
        """The module gets the average and the average the module's weights; a second call undoes it."""
        for parameter, average in zip(self.parameters, self.values, strict=True):
            parameter.data, average.data = average.data, parameter.data

    def copy(self) -> list[Tensor]:
        """The average as it is now."""
        return [average.clone() for average in self.values]

    def load(self, values: list[Tensor]) -> None:
        """Give the module these weights."""
        with torch.no_grad():
            for parameter, value in zip(self.parameters, values, strict=True):
                parameter.copy_(value)
