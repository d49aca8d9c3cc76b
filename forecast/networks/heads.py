"""What the numbers of a step mean: a point, quantiles that cannot cross, or the parameters of a distribution."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from forecast.networks.distributions import FAMILIES


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


class DistributionHead(nn.Module):
    """The parameters of a distribution, its centre a correction of the anchor.

    Args:
        family: a name in `FAMILIES`.

    References:
        Salinas et al. (2020), DeepAR: Probabilistic Forecasting with Autoregressive Recurrent Networks.
    """

    levels: tuple[float, ...] = ()
    median = 0

    def __init__(self, family: str) -> None:
        super().__init__()
        self.family = FAMILIES[family]
        self.width = self.family.width

    def forward(self, raw: Tensor, anchor: Tensor) -> Tensor:
        """(..., horizon, width) + (..., horizon) -> (..., horizon, width), the centre first."""
        return torch.cat([raw[..., :1] + anchor.unsqueeze(-1), raw[..., 1:]], -1)


Head = PointHead | QuantileHead | DistributionHead
HEADS = ("point", "quantile", *FAMILIES)


def make_head(name: str, levels: tuple[float, ...]) -> Head:
    """A head by name; a quantile head has the median among its levels."""
    if name in FAMILIES:
        return DistributionHead(name)
    return QuantileHead(tuple(sorted({*levels, 0.5}))) if name == "quantile" else PointHead()
