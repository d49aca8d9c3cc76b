"""Losses, which training minimises.

Errors are in units of each origin, so that no series outweighs the others; `relative` is a ratio, and `nll` is in nats.
Every loss maps a `Scaled` to a scalar that is lower for a better forecast; only `nll` may be negative.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from forecast.networks.distributions import Family

MIN_TOTAL_WEIGHT = 1e-12  # makes the loss 0 where no target counts
MIN_LOG_LIKELIHOOD = -50.0  # in nats; a less likely target is an outlier, whose gradient would explode
MAX_SCALED_ERROR = 30.0  # in units of the origin; a larger error is an outlier, whose gradient would explode


class Scaled(NamedTuple):
    """Forecasts and targets in the units of their origins.

    Args:
        forecast: (batch, origin, horizon, width), the head's outputs.
        target: (batch, origin, horizon).
        weight: (batch, origin, horizon), >= 0, and 0 where the target does not count.
        zero: (batch, origin, 1), the target's zero in units of the origin.
        levels: (width,) quantile levels in (0, 1); empty where the outputs are not quantiles.
        median: index of the output that is the point forecast.
        scale: (batch, origin, 1), the scale of the origin in units of the target, > 0.
        family: the distribution whose parameters the outputs are; None (the default) where there is none.
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
        """Return the point forecast (the median, where there are quantiles), (batch, origin, horizon)."""
        return self.forecast[..., self.median]

    def mean(self, loss: Tensor) -> Tensor:
        """Compute the weighted mean of (batch, origin, horizon), a scalar."""
        return (loss * self.weight).sum() / self.weight.sum().clamp_min(MIN_TOTAL_WEIGHT)


def mae(scaled: Scaled) -> Tensor:
    """Compute the mean absolute error in units of the origins."""
    return scaled.mean((scaled.point - scaled.target).abs().clamp_max(MAX_SCALED_ERROR))


def mse(scaled: Scaled) -> Tensor:
    """Compute the mean squared error in units of the origins."""
    return scaled.mean((scaled.point - scaled.target).square().clamp_max(MAX_SCALED_ERROR**2))


def huber(scaled: Scaled) -> Tensor:
    """Compute the mean of a loss that is squared up to an error of one scale, and absolute beyond.

    References:
        Huber (1964), Robust Estimation of a Location Parameter.
    """
    error = (scaled.point - scaled.target).abs()
    return scaled.mean(torch.where(error < 1, 0.5 * error.square(), error - 0.5).clamp_max(MAX_SCALED_ERROR))


def relative(scaled: Scaled) -> Tensor:
    """Compute the mean symmetric relative error 2|f - y| / (|f| + |y|), between 0 and 2; f and y keep their zero."""
    forecast, target = scaled.point - scaled.zero, scaled.target - scaled.zero
    return scaled.mean(2 * (forecast - target).abs() / (forecast.abs() + target.abs()).clamp_min(1e-6))


def mixed(scaled: Scaled) -> Tensor:
    """Compute 0.4 `mae` (which resembles MASE) + 0.6 `relative` (which resembles sMAPE)."""
    return 0.4 * mae(scaled) + 0.6 * relative(scaled)


def pinball(scaled: Scaled) -> Tensor:
    """Compute twice the mean loss of the quantiles beside the median, in units of the origins.

    References:
        Koenker & Bassett (1978), Regression Quantiles, Econometrica 46(1).
    """
    error = (scaled.target.unsqueeze(-1) - scaled.forecast).clamp(-MAX_SCALED_ERROR, MAX_SCALED_ERROR)
    loss = torch.maximum(scaled.levels * error, (scaled.levels - 1) * error)
    beside = torch.cat([loss[..., : scaled.median], loss[..., scaled.median + 1 :]], -1)
    return scaled.mean(2 * beside.mean(-1))


def nll(scaled: Scaled) -> Tensor:
    """Compute the mean negative log-likelihood of the targets under the forecast distributions, in nats."""
    assert scaled.family is not None, "this loss goes with a head that forecasts a distribution"
    shape = scaled.target.shape
    zero, scale = scaled.zero.expand(shape), scaled.scale.expand(shape)
    log_likelihood = scaled.family.log_likelihood(scaled.forecast, scaled.target, zero, scale)
    return scaled.mean(-torch.where(scaled.weight > 0, log_likelihood.clamp_min(MIN_LOG_LIKELIHOOD), 0))


Loss = Callable[[Scaled], Tensor]

LOSSES: dict[str, Loss] = {
    "mae": mae,
    "mse": mse,
    "huber": huber,
    "relative": relative,
    "mixed": mixed,
    "nll": nll,
}
