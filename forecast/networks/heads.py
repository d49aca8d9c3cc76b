"""What the numbers of a step mean: a point, quantiles that cannot cross, or the parameters of a distribution."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from forecast.networks.distributions import Beta, Family, LogNormal, NegativeBinomial, Normal, Poisson, StudentT
from forecast.protocol import Prediction

Floats = NDArray[np.float64]
FLAT = 1e-9  # scale of a history that has none


class Outputs(NamedTuple):
    """What the network says at one origin of each of n series.

    Args:
        normalised: (n, horizon, width) of the head, in units of the origin.
        level: (n, 1) of the origin, in units of the series less its offset.
        scale: (n, 1) of the origin, in units of the series.
        offset: (n, 1) of the series.
    """

    normalised: NDArray[np.float32]
    level: Floats
    scale: Floats
    offset: Floats


class Head(nn.Module):
    """The last layer: from the decoder's numbers to forecasts; it has no weights.

    Attributes:
        width: numbers a step.
        median: which of them is the point forecast.
        levels: quantile levels of the numbers; empty where they are no quantiles.
        loss: the name in `LOSSES` that it needs; None where the setting `loss` decides.
        family: the distribution whose parameters the numbers are; None where they are none.
        uncertain: whether forecasts have quantiles.
    """

    width = 1
    median = 0
    levels: tuple[float, ...] = ()
    loss: str | None = None
    family: Family | None = None
    uncertain = False

    def forward(self, raw: Tensor, anchor: Tensor) -> Tensor:
        """Numbers in units of the origin, from the decoder's corrections of the anchor.

        Args:
            raw: (..., horizon, width) of the decoder.
            anchor: (..., horizon), the base forecast and the highway.

        Returns:
            (..., horizon, width).
        """
        raise NotImplementedError

    def prediction(self, outputs: Outputs, *, mean: bool = False) -> Prediction:
        """Forecasts in units of the target.

        Args:
            outputs: the network's, at n origins.
            mean: the point is the mean of the distribution, not its median, where there is one.
        """
        level, scale, offset = (part[..., None] for part in outputs[1:])
        # float64 from here, so that a level of 1e9 keeps its digits
        forecast = outputs.normalised.astype(np.float64) * scale + level + offset
        point = forecast[:, :, self.median]
        return Prediction(point, self.levels, forecast) if self.levels else Prediction(point)


class PointHead(Head):
    """One number a step."""

    def forward(self, raw: Tensor, anchor: Tensor) -> Tensor:
        return raw + anchor.unsqueeze(-1)


class QuantileHead(Head):
    """Quantiles as a median and positive gaps outwards from it, so that they cannot cross.

    Args:
        levels: probabilities in (0, 1); 0.5 is added where it is missing.

    References:
        Gasthaus et al. (2019), Probabilistic Forecasting with Spline Quantile Function RNNs (monotone by increments);
        Wen et al. (2017), A Multi-Horizon Quantile Recurrent Forecaster.
    """

    loss = "pinball"

    def __init__(self, levels: tuple[float, ...]) -> None:
        super().__init__()
        self.levels, self.uncertain = tuple(sorted({*levels, 0.5})), bool(levels)
        self.width, self.median = len(self.levels), self.levels.index(0.5)

    def forward(self, raw: Tensor, anchor: Tensor) -> Tensor:
        centre = raw[..., self.median : self.median + 1] + anchor.unsqueeze(-1)
        gaps = nn.functional.softplus(raw)
        above = centre + gaps[..., self.median + 1 :].cumsum(-1)
        below = centre - gaps[..., : self.median].flip(-1).cumsum(-1).flip(-1)
        return torch.cat([below, centre, above], -1)


class DistributionHead(Head):
    """The parameters of a distribution, its centre a correction of the anchor.

    Args:
        family: the distribution.

    References:
        Salinas et al. (2020), DeepAR: Probabilistic Forecasting with Autoregressive Recurrent Networks.
    """

    loss = "nll"
    uncertain = True
    family: Family

    def __init__(self, family: Family) -> None:
        super().__init__()
        self.family, self.width = family, family.width

    def forward(self, raw: Tensor, anchor: Tensor) -> Tensor:
        return torch.cat([raw[..., :1] + anchor.unsqueeze(-1), raw[..., 1:]], -1)

    def prediction(self, outputs: Outputs, *, mean: bool = False) -> Prediction:
        """A flat history has no spread: its distribution is its level."""
        family, offset = self.family, outputs.offset
        scale = np.where(outputs.scale > 0, outputs.scale, FLAT)
        zero = (-offset - outputs.level) / scale
        raw = (torch.from_numpy(part) for part in (outputs.normalised.astype(np.float64), zero, scale))
        shape = outputs.normalised.shape[:2]
        parameters = [np.broadcast_to(part.numpy(), shape) for part in family.parameters(*raw)]
        plain = (np.zeros((1, 1)), np.ones((1, 1)))
        start, unit = plain if family.in_target_units else (outputs.level + offset, scale)

        def inverse(levels: Floats) -> Floats:
            values = family.frozen([part[:, :, None] for part in parameters]).ppf(levels)
            return np.asarray(start[:, :, None] + unit[:, :, None] * values)

        if mean:
            return Prediction(start + unit * np.asarray(family.frozen(parameters).mean()), inverse=inverse)
        return Prediction(inverse(np.full((1, 1, 1), 0.5))[:, :, 0], inverse=inverse)


HeadMaker = Callable[[tuple[float, ...]], Head]


def _of(family: type[Family]) -> HeadMaker:
    return lambda levels: DistributionHead(family())


# One line a head: the quantile levels asked for -> a head.
HEADS: dict[str, HeadMaker] = {
    "point": lambda levels: PointHead(),
    "quantile": QuantileHead,
    "normal": _of(Normal),
    "student_t": _of(StudentT),
    "lognormal": _of(LogNormal),
    "poisson": _of(Poisson),
    "negative_binomial": _of(NegativeBinomial),
    "beta": _of(Beta),
}


def make_head(name: str, levels: tuple[float, ...]) -> Head:
    """A head by name, "auto" being quantiles where there are levels, else a point."""
    if name == "auto":
        name = "quantile" if levels else "point"
    return HEADS[name](levels)


def distribution_heads() -> dict[str, Family]:
    """The heads that forecast a distribution, by name."""
    families = {name: make(()).family for name, make in HEADS.items()}
    return {name: family for name, family in families.items() if family is not None}
