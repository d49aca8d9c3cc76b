"""Normalisers, which compute the units of a forecast: a level and a scale at each origin, from the rows up to it.

A value in units of the origin is (value - level) / scale. Because level and scale follow the data, scaling a series
scales its forecast, and shifting a series shifts its forecast.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

# as a fraction of the long-run spread; a calm stretch must not turn the next jump into a huge number
MIN_RELATIVE_SCALE = 0.05
STANDARD_DEVIATIONS_PER_MAD = 1.4826  # of a normal distribution; MAD is the median absolute deviation


class Normaliser(nn.Module):
    """A rule that computes level and spread from the recent rows at an origin."""

    def forward(self, recent: Tensor, observed: Tensor) -> tuple[Tensor, Tensor]:
        """Compute level and spread.

        Args:
            recent: (..., row), the values of the rows up to the origin, in units of the target.
            observed: (..., row), 1.0 where the value was observed, else 0.0.

        Returns:
            level and spread, (..., 1) each, in units of the target; the spread is 0 where all rows are equal.
        """
        return self.level(recent, observed), self.spread(recent, observed)

    def level(self, recent: Tensor, observed: Tensor) -> Tensor:
        """Compute the level, (..., 1) in units of the target; arguments as in `forward`."""
        raise NotImplementedError

    def spread(self, recent: Tensor, observed: Tensor) -> Tensor:
        """Compute the standard deviation of the recent rows, (..., 1) in units of the target."""
        squares = ((recent - _mean(recent, observed)) * observed).square().sum(-1, keepdim=True)
        return root(squares / _count(observed))


class MeanNormaliser(Normaliser):
    """Mean and standard deviation of the recent rows, for series that return to a level."""

    def level(self, recent: Tensor, observed: Tensor) -> Tensor:
        return _mean(recent, observed)


class LastNormaliser(Normaliser):
    """The last value and the standard deviation of the recent rows, for series that drift.

    References:
        Zeng et al. (2023), Are Transformers Effective for Time Series Forecasting? (NLinear).
    """

    def level(self, recent: Tensor, observed: Tensor) -> Tensor:
        return recent[..., -1:]


class RobustNormaliser(Normaliser):
    """Median and scaled median absolute deviation of the recent rows, for series with outliers.

    The spread is at least a tenth of the standard deviation; without that it would be 0 where more than half of the
    rows are equal.

    References:
        Hampel (1974), The influence curve and its role in robust estimation.
    """

    def level(self, recent: Tensor, observed: Tensor) -> Tensor:
        return _median(recent, observed)

    def spread(self, recent: Tensor, observed: Tensor) -> Tensor:
        deviation = STANDARD_DEVIATIONS_PER_MAD * _median((recent - _median(recent, observed)).abs(), observed)
        return torch.maximum(deviation, 0.1 * super().spread(recent, observed))


def running_spread(segments: Tensor, observed: Tensor) -> Tensor:
    """Compute the standard deviation of all rows from the crop's start to each segment's end.

    Args:
        segments: (batch, segment number, row), in units of the target.
        observed: (batch, segment number, row), 1.0 where the value was observed, else 0.0.

    Returns:
        (batch, segment number, 1) in units of the target. The sums are taken in float64: the variance is a small
        difference of two large ones.
    """
    values, weight = segments.double(), observed.double()
    count = weight.sum(-1).cumsum(1).clamp_min(1.0)
    mean = (values * weight).sum(-1).cumsum(1) / count
    square = (values.square() * weight).sum(-1).cumsum(1) / count
    return root((square - mean.square()).clamp_min(0.0)).to(segments.dtype).unsqueeze(-1)


def root(number: Tensor) -> Tensor:
    """Compute the square root; its slope at 0 is 0, where torch's is infinite and makes NaN of the gradients behind it."""
    return torch.where(number > 0, torch.where(number > 0, number, 1.0).sqrt(), 0.0)


def inverse_of(scale: Tensor) -> Tensor:
    """Compute 1 / scale, and 0 where the scale is 0; its slope is finite everywhere, since scales can be learnt."""
    return torch.where(scale > 0, 1 / torch.where(scale > 0, scale, 1), 0)


def _count(observed: Tensor) -> Tensor:
    """Count the observed rows, (..., 1), at least 1, so that it may divide."""
    return observed.sum(-1, keepdim=True).clamp_min(1.0)


def _mean(values: Tensor, observed: Tensor) -> Tensor:
    """Compute the mean of the observed values, (..., 1), 0 where there is none."""
    return (values * observed).sum(-1, keepdim=True) / _count(observed)


def _median(values: Tensor, observed: Tensor) -> Tensor:
    """Compute the median of the observed values, (..., 1), 0 where there is none."""
    without_missing = torch.where(observed > 0, values, torch.nan)
    return torch.nan_to_num(without_missing.nanmedian(-1, keepdim=True).values)


NORMALISERS: dict[str, type[Normaliser]] = {"mean": MeanNormaliser, "last": LastNormaliser, "robust": RobustNormaliser}
