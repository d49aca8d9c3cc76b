"""What the numbers of a step mean: a point, or quantiles that cannot cross."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class PointHead(nn.Module):
    """One number a step."""

    levels: tuple[float, ...] = ()
    width = 1
    median = 0

    def forward(self, raw: Tensor, anchor: Tensor) -> Tensor:
        """The step's correction of the anchor, (..., horizon, 1) + (..., horizon) -> (..., horizon, 1)."""
        return raw + anchor.unsqueeze(-1)


class QuantileHead(nn.Module):
    """Quantiles as a median and positive gaps outwards from it, so that they cannot cross.

    Args:
        levels: probabilities in (0, 1), ascending; 0.5 among them.

    References:
        Gasthaus et al. (2019), Probabilistic Forecasting with Spline Quantile Function RNNs (monotone by increments);
        Wen et al. (2017), A Multi-Horizon Quantile Recurrent Forecaster.
    """

    def __init__(self, levels: tuple[float, ...]) -> None:
        super().__init__()
        self.levels, self.width = levels, len(levels)
        self.median = levels.index(0.5)

    def forward(self, raw: Tensor, anchor: Tensor) -> Tensor:
        """(..., horizon, levels) + (..., horizon) -> ascending (..., horizon, levels)."""
        centre = raw[..., self.median : self.median + 1] + anchor.unsqueeze(-1)
        gaps = nn.functional.softplus(raw)
        above = centre + gaps[..., self.median + 1 :].cumsum(-1)
        below = centre - gaps[..., : self.median].flip(-1).cumsum(-1).flip(-1)
        return torch.cat([below, centre, above], -1)


Head = PointHead | QuantileHead


def make_head(levels: tuple[float, ...]) -> Head:
    """A point head without levels, a quantile head (the median among its levels) with some."""
    return QuantileHead(tuple(sorted({*levels, 0.5}))) if levels else PointHead()
