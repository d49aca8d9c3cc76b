"""Heads, which say what a step's outputs are: a point, quantiles that cannot cross, or parameters of a distribution."""

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
SCALE_OF_FLAT_HISTORY = 1e-9


class Outputs(NamedTuple):
    """The network's outputs at n origins.

    Args:
        normalised: (n, horizon, width) float32, the head's outputs in units of the origin.
        level: (n, 1) float64, the level of the origin in units of the target, less the series' offset.
        scale: (n, 1) float64, the scale of the origin in units of the target; 0 where the history is flat.
        offset: (n, 1) float64, the value that the panel subtracted from the series.
    """

    normalised: NDArray[np.float32]
    level: Floats
    scale: Floats
    offset: Floats


class Head(nn.Module):
    """The last layer, which has no weights and turns the decoder's outputs into forecasts.

    Attributes:
        width: number of outputs for each step; 1 by default.
        gaps: number of gaps between quantiles among them, which a `GapDecoder` makes; 0 by default.
        median: index of the output that is the point forecast; 0 by default.
        levels: quantile levels of the outputs; empty (the default) where they are not quantiles.
        loss: the loss that the head needs, a name in `LOSSES`; None (the default) where the setting `loss` decides.
        family: the distribution whose parameters the outputs are; None (the default) where there is no distribution.
        uncertain: whether forecasts have quantiles; False by default.
    """

    width = 1
    gaps = 0
    median = 0
    levels: tuple[float, ...] = ()
    loss: str | None = None
    family: Family | None = None
    uncertain = False

    def forward(self, raw: Tensor, anchor: Tensor) -> Tensor:
        """Turn the decoder's corrections of the anchor into outputs in units of the origin.

        Args:
            raw: (..., horizon, width), the decoder's outputs, of which the first is the correction; gaps are the last.
            anchor: (..., horizon), the sum of base forecast and highway in units of the origin.

        Returns:
            (..., horizon, width); what is not a value (a spread, a dispersion) stays as the decoder gave it.
        """
        raise NotImplementedError

    def prediction(self, outputs: Outputs, *, mean: bool = False) -> Prediction:
        """Turn outputs into forecasts in units of the target.

        Args:
            outputs: the network's outputs at n origins.
            mean: whether the point is the mean of the distribution; else (the default), and for a head without a
                distribution, it is the median.

        Returns:
            Forecasts at the n origins, with quantiles or a quantile function where the head is uncertain.
        """
        level, scale, offset = (part[..., None] for part in outputs[1:])
        # float64 from here, so that a level of 1e9 keeps its digits
        forecast = outputs.normalised.astype(np.float64) * scale + level + offset
        point = forecast[:, :, self.median]
        return Prediction(point, self.levels, forecast) if self.levels else Prediction(point)


class PointHead(Head):
    """A head whose only output is the point forecast."""

    def forward(self, raw: Tensor, anchor: Tensor) -> Tensor:
        return raw + anchor.unsqueeze(-1)


class QuantileHead(Head):
    """A head whose outputs are a median and positive gaps outwards from it, so that quantiles cannot cross.

    The median is trained as a point is, by the loss that the settings name; the quantiles around it learn by the
    pinball loss, and do not move it.

    Args:
        levels: quantile levels in (0, 1), in any order; 0.5 is added where it is missing.

    References:
        Gasthaus et al. (2019), Probabilistic Forecasting with Spline Quantile Function RNNs (monotone by increments);
        Wen et al. (2017), A Multi-Horizon Quantile Recurrent Forecaster.
    """

    def __init__(self, levels: tuple[float, ...]) -> None:
        super().__init__()
        self.levels, self.uncertain = tuple(sorted({*levels, 0.5})), bool(levels)
        self.width, self.median = len(self.levels), self.levels.index(0.5)
        self.gaps = self.width - 1

    def forward(self, raw: Tensor, anchor: Tensor) -> Tensor:
        centre = raw[..., :1] + anchor.unsqueeze(-1)
        # contiguous: torch computes some elements of a strided view in another way, by where they lie, and a forecast's
        # last bit would depend on the place of its series in a block
        gaps = nn.functional.softplus(raw[..., 1:].contiguous())
        above = centre.detach() + gaps[..., self.median :].cumsum(-1)
        below = centre.detach() - gaps[..., : self.median].flip(-1).cumsum(-1).flip(-1)
        return torch.cat([below, centre, above], -1)


class DistributionHead(Head):
    """A head whose outputs are the parameters of a distribution; its centre is a correction of the anchor.

    Args:
        family: the family of distributions.

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
        """Turn outputs into forecasts; arguments and result are those of `Head.prediction`.

        The distribution after a flat history is concentrated at its level.
        """
        family, offset = self.family, outputs.offset
        scale = np.where(outputs.scale > 0, outputs.scale, SCALE_OF_FLAT_HISTORY)
        zero = (-offset - outputs.level) / scale
        raw = (torch.from_numpy(part) for part in (outputs.normalised.astype(np.float64), zero, scale))
        shape = outputs.normalised.shape[:2]
        parameters = [np.broadcast_to(part.numpy(), shape) for part in family.parameters(*raw)]
        # value in units of the target = start + unit * value of the distribution
        target_units = (np.zeros((1, 1)), np.ones((1, 1)))
        start, unit = target_units if family.in_target_units else (outputs.level + offset, scale)

        def inverse(levels: Floats) -> Floats:
            values = family.frozen([part[:, :, None] for part in parameters]).ppf(levels)
            return np.asarray(start[:, :, None] + unit[:, :, None] * values)

        if mean:
            point = start + unit * np.asarray(family.frozen(parameters).mean())
            return Prediction(point, inverse=inverse, is_mean=True)
        return Prediction(inverse(np.full((1, 1, 1), 0.5))[:, :, 0], inverse=inverse)


HeadMaker = Callable[[tuple[float, ...]], Head]


def _of(family: type[Family]) -> HeadMaker:
    """Return a function that makes the head of a family; quantile levels do not matter to it."""
    return lambda levels: DistributionHead(family())


# Each line makes a head from the quantile levels that the user set.
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
    """Make a head by its name.

    Args:
        name: a name in `HEADS`, or "auto", which is "quantile" where there are levels, else "point".
        levels: the quantile levels that the user set, in (0, 1); they may be empty.
    """
    if name == "auto":
        name = "quantile" if levels else "point"
    return HEADS[name](levels)


def distribution_heads() -> dict[str, Family]:
    """Return the family of each head that forecasts a distribution, by the head's name."""
    families = {name: make(()).family for name, make in HEADS.items()}
    return {name: family for name, family in families.items() if family is not None}
