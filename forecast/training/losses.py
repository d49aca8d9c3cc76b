"""What training minimises, in units of each origin's scale, so that no series outshouts the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from forecast.networks.distributions import Family

SMALLEST = 1e-12  # weight; where nothing counts, the loss is 0
UNLIKELY = 50.0  # nats beyond which a target teaches nothing but how to explode
CLAMP = 30.0  # scaled errors beyond this teach nothing but how to explode


class Scaled(NamedTuple):
    """Forecasts and targets in the units of their origins.

    Args:
        forecast: (batch, origin, horizon, width).
        target: (batch, origin, horizon).
        weight: (batch, origin, horizon), 0.0 where the target does not count.
        zero: (batch, origin, 1), where the target's own zero lies in these units.
        levels: (width,) quantile levels; empty for a point.
        median: which of the width is the point forecast.
        scale: (batch, origin, 1), of the origin in units of the target.
        family: of the forecast's parameters, where it is a distribution.
    """

    forecast: Tensor
    target: Tensor
    weight: Tensor
    zero: Tensor
    levels: Tensor
    median: int
    scale: Tensor
    family: Family | None = None

    @property
    def point(self) -> Tensor:
        """The point forecast (the median of the quantiles), (batch, origin, horizon)."""
        return self.forecast[..., self.median]

    def mean(self, loss: Tensor) -> Tensor:
        """Mean over the steps that count."""
        return (loss * self.weight).sum() / self.weight.sum().clamp_min(SMALLEST)


def mae(scaled: Scaled) -> Tensor:
    """Mean absolute scaled error."""
    return scaled.mean((scaled.point - scaled.target).abs().clamp_max(CLAMP))


def mse(scaled: Scaled) -> Tensor:
    """Mean squared scaled error."""
    return scaled.mean((scaled.point - scaled.target).square().clamp_max(CLAMP**2))


def huber(scaled: Scaled) -> Tensor:
    """Huber (1964): squared up to one scale, absolute beyond."""
    error = (scaled.point - scaled.target).abs()
    return scaled.mean(torch.where(error < 1, 0.5 * error.square(), error - 0.5).clamp_max(CLAMP))


def relative(scaled: Scaled) -> Tensor:
    """The symmetric relative error 2|f - y| / (|f| + |y|), between 0 and 2, in the target's own units."""
    forecast, target = scaled.point - scaled.zero, scaled.target - scaled.zero
    return scaled.mean(2 * (forecast - target).abs() / (forecast.abs() + target.abs()).clamp_min(1e-6))


def mixed(scaled: Scaled) -> Tensor:
    """40% mean absolute scaled error (looks like MASE), 60% symmetric relative error (looks like sMAPE)."""
    return 0.4 * mae(scaled) + 0.6 * relative(scaled)


def pinball(scaled: Scaled) -> Tensor:
    """Twice the mean quantile loss, which at the median is the absolute error.

    References:
        Koenker & Bassett (1978), Regression Quantiles, Econometrica 46(1).
    """
    error = (scaled.target.unsqueeze(-1) - scaled.forecast).clamp(-CLAMP, CLAMP)
    loss = torch.maximum(scaled.levels * error, (scaled.levels - 1) * error)
    return scaled.mean(2 * loss.mean(-1))


def nll(scaled: Scaled) -> Tensor:
    """Negative log-likelihood of the targets under the forecast distributions."""
    assert scaled.family is not None, "a distribution is asked for"
    shape = scaled.target.shape
    zero, scale = scaled.zero.expand(shape), scaled.scale.expand(shape)
    found = scaled.family.log_likelihood(scaled.forecast, scaled.target, zero, scale)
    return scaled.mean(-torch.where(scaled.weight > 0, found.clamp_min(-UNLIKELY), 0))


Loss = Callable[[Scaled], Tensor]

LOSSES: dict[str, Loss] = {
    "mae": mae,
    "mse": mse,
    "huber": huber,
    "relative": relative,
    "mixed": mixed,
    "pinball": pinball,
    "nll": nll,
}
