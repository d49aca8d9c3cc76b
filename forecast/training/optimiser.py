"""The optimiser, which takes the network from a batch's loss to its next weights in one call."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from forecast.networks.network import ForecastNetwork
from forecast.training.learning_rate import one_cycle, parameter_groups


class Optimiser:
    """AdamW under a one-cycle schedule, with the gradient's norm clipped.

    Args:
        network: the network whose weights are trained, on the device that it trains on.
        steps: number of optimiser steps of the whole run, which the schedule needs.
        learning_rate: peak of the schedule.
        weight_decay: AdamW's decoupled decay.
        gradient_clip: largest norm of the gradient; 0 does not clip.
        measure_every: number of steps between two measurements of the gradient.

    Attributes:
        steps: number of steps taken so far.
        gradients: norm of the gradient of each part of the network, when it was last measured.

    References:
        Loshchilov & Hutter (2019), Decoupled Weight Decay Regularization; Pascanu et al. (2013), On the difficulty of
        training recurrent neural networks (clipping by the norm).
    """

    def __init__(
        self,
        network: ForecastNetwork,
        *,
        steps: int,
        learning_rate: float,
        weight_decay: float,
        gradient_clip: float,
        measure_every: int,
    ) -> None:
        self.network, self.gradient_clip, self.measure_every = network, gradient_clip, measure_every
        weights: list[Tensor] = [weight for weight in network.parameters() if weight.requires_grad]
        groups = parameter_groups(weights, network.highway.weight, learning_rate)
        self.adamw = torch.optim.AdamW(groups, learning_rate, weight_decay=weight_decay, fused=True)
        self.schedule = one_cycle(self.adamw, steps)
        self.weights: list[Tensor] = [weight for group in self.adamw.param_groups for weight in group["params"]]
        self.steps = 0
        self.gradients: dict[str, float] = {}

    @property
    def learning_rate(self) -> float:
        """Return the learning rate of the next step, of all weights but the highway's."""
        return float(self.adamw.param_groups[0]["lr"])

    def step(self, loss: Tensor) -> None:
        """Move every weight once.

        Args:
            loss: the loss of a batch, a scalar.
        """
        for weight in self.weights:
            weight.grad = None
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.steps += 1
        if self.steps % self.measure_every == 0:
            self.gradients = gradient_norms(self.network)
        if self.gradient_clip:
            clip([weight.grad for weight in self.weights if weight.grad is not None], self.gradient_clip)
        self.adamw.step()
        self.schedule.step()


@torch.no_grad()
def clip(gradients: list[Tensor], largest: float) -> None:
    """Scale the gradients so that their common norm is at most `largest`.

    The arithmetic is that of `torch.nn.utils.clip_grad_norm_`, which first sorts the gradients by device at every step.

    Args:
        gradients: the gradients, scaled in place.
        largest: the largest norm that is left as it is.
    """
    norm = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    torch._foreach_mul_(gradients, (largest / (norm + 1e-6)).clamp(max=1.0))


def gradient_norms(network: torch.nn.Module) -> dict[str, float]:
    """Compute the norm of the gradient of each part of the network, by name; each layer of the core is a part."""
    squares: dict[str, float] = {}
    for name, parameter in network.named_parameters():
        if parameter.grad is None:
            continue
        parts = name.split(".")
        part = f"gradient/core.{parts[2]}" if parts[0] == "core" and len(parts) > 2 else f"gradient/{parts[0]}"
        squares[part] = squares.get(part, 0.0) + float(parameter.grad.square().sum())
    return {name: math.sqrt(square) for name, square in squares.items()}
