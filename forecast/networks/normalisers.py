"""What a forecast is measured in: a level and a scale at each origin, from the rows up to it and no later.

Each normaliser is affine and invertible: normalised = (value - level) / scale. Because both move with the data,
scaling a series scales its forecast, and shifting a series shifts it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SPREAD_FLOOR = 0.05  # of the long-run spread: a calm stretch must not turn the next jump into a huge number
CONSISTENT = 1.4826  # a normal distribution's standard deviation in median absolute deviations


class Normaliser(nn.Module):
    """Level and scale from the recent rows at an origin."""

    def forward(self, recent: Tensor, observed: Tensor) -> tuple[Tensor, Tensor]:
        """Level and spread.

        Args:
            recent: (..., rows), the rows up to the origin, units of the series.
            observed: (..., rows), 1.0 where the value is known.

        Returns:
            level and spread, (..., 1) each; the spread is 0 where all rows are equal.
        """
        return self.level(recent, observed), self.spread(recent, observed)

    def level(self, recent: Tensor, observed: Tensor) -> Tensor:
        raise NotImplementedError

    def spread(self, recent: Tensor, observed: Tensor) -> Tensor:
        """Standard deviation around the mean of the recent rows."""
        count = observed.sum(-1, keepdim=True).clamp_min(1.0)
        mean = (recent * observed).sum(-1, keepdim=True) / count
        return (((recent - mean) * observed).square().sum(-1, keepdim=True) / count).sqrt()


class MeanNormaliser(Normaliser):
    """Mean and standard deviation of the recent rows: for series that return to a level."""

    def level(self, recent: Tensor, observed: Tensor) -> Tensor:
        count = observed.sum(-1, keepdim=True).clamp_min(1.0)
        return (recent * observed).sum(-1, keepdim=True) / count


class LastNormaliser(Normaliser):
    """The last value and the deviation of the recent rows: for series that drift.

    References:
        Zeng et al. (2023), Are Transformers Effective for Time Series Forecasting? (NLinear).
    """

    def level(self, recent: Tensor, observed: Tensor) -> Tensor:
        return recent[..., -1:]


class RobustNormaliser(Normaliser):
    """Median and scaled median absolute deviation of the recent rows: for series with outliers.

    Where more than half of the rows are equal, a tenth of the standard deviation takes the deviation's place.

    References:
        Hampel (1974), The influence curve and its role in robust estimation.
    """

    def level(self, recent: Tensor, observed: Tensor) -> Tensor:
        return _median(recent, observed)

    def spread(self, recent: Tensor, observed: Tensor) -> Tensor:
        deviation = CONSISTENT * _median((recent - _median(recent, observed)).abs(), observed)
        return torch.maximum(deviation, 0.1 * super().spread(recent, observed))


def running_spread(segments: Tensor, observed: Tensor) -> Tensor:
    """Standard deviation of all rows up to each segment's end, (batch, segments, 1); float64 inside, sums cancel."""
    values, weight = segments.double(), observed.double()
    count = weight.sum(-1).cumsum(1).clamp_min(1.0)
    mean = (values * weight).sum(-1).cumsum(1) / count
    square = (values.square() * weight).sum(-1).cumsum(1) / count
    return (square - mean.square()).clamp_min(0.0).sqrt().to(segments.dtype).unsqueeze(-1)


def _median(values: Tensor, observed: Tensor) -> Tensor:
    known = torch.where(observed > 0, values, torch.nan)
    return torch.nan_to_num(known.nanmedian(-1, keepdim=True).values)


NORMALISERS: dict[str, type[Normaliser]] = {"mean": MeanNormaliser, "last": LastNormaliser, "robust": RobustNormaliser}
