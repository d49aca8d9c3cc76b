"""Distributions: torch's to learn with, scipy's quantile function to forecast with.

A new one is a class here and a line in `HEADS` (`forecast/networks/heads.py`), which makes a head of that name.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributions

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
SHARPNESS = 4.0  # of the bend at zero of a positive mean: at a quarter of a scale it is nearly straight
SMALLEST = 1e-3  # spread, in the units it is measured in
EDGE = 1e-4  # how near a share may come to 0 and 1


class Family:
    """A family of distributions, whose parameters a head forecasts.

    Attributes:
        width: number of parameters, the centre first.
        in_target_units: whether it lives in the units of the target (counts, shares, positive values) instead of those
            of the origin.
        bends_before_scaling: of a family in target units: whether `centre` bends the centre while that is in units of
            the origin, so that what is near zero is the same share of every series; else it bends it in target units.
        expected: the targets it can give, in words.
    """

    width = 2
    in_target_units = False
    bends_before_scaling = False
    expected = "a number"

    def torch(self, parameters: list[Tensor]) -> distributions.Distribution:
        """torch's distribution with these parameters, as `parameters` makes them."""
        raise NotImplementedError

    def scipy(self, parameters: list[Floats]) -> tuple[str, dict[str, Any]]:
        """The same distribution in `scipy.stats`: its name and its keywords."""
        raise NotImplementedError

    def valid(self, targets: Floats) -> Bools:
        """Which targets it can give."""
        return np.isfinite(targets)

    def centre(self, number: Tensor) -> Tensor:
        """A valid mean from any number; of a family in target units."""
        return number

    def observed(self, targets: Tensor) -> Tensor:
        """Targets as the density takes them."""
        return targets

    def parameters(self, raw: Tensor, zero: Tensor, scale: Tensor) -> list[Tensor]:
        """The parameters of the distribution from what the head says.

        Args:
            raw: (..., width) of the head, the centre in units of the origin.
            zero: (...), where the target's zero lies in these units.
            scale: (...), of the origin.
        """
        rest = [torch.nn.functional.softplus(part) for part in raw[..., 1:].unbind(-1)]
        if not self.in_target_units:
            return [raw[..., 0], *rest]
        centre = raw[..., 0] - zero
        return [self.centre(centre) * scale if self.bends_before_scaling else self.centre(centre * scale), *rest]

    def log_likelihood(self, raw: Tensor, target: Tensor, zero: Tensor, scale: Tensor) -> Tensor:
        """Log-likelihood of each target in units of its origin, (...)."""
        values = self.observed((target - zero) * scale) if self.in_target_units else target
        density: Tensor = self.torch(self.parameters(raw, zero, scale)).log_prob(values)
        return density

    def frozen(self, parameters: list[Floats]) -> Any:
        """scipy's distribution with these parameters."""
        import scipy.stats  # a second to import, and only needed for quantiles

        name, keywords = self.scipy(parameters)
        return getattr(scipy.stats, name)(**keywords)


class Normal(Family):
    """Mean and standard deviation."""

    def torch(self, parameters: list[Tensor]) -> distributions.Distribution:
        mean, spread = parameters
        return distributions.Normal(mean, spread + SMALLEST, validate_args=False)

    def scipy(self, parameters: list[Floats]) -> tuple[str, dict[str, Any]]:
        mean, spread = parameters
        return "norm", {"loc": mean, "scale": spread + SMALLEST}


class StudentT(Family):
    """Location, scale, and degrees of freedom above 2, so that there is a variance."""

    width = 3

    def torch(self, parameters: list[Tensor]) -> distributions.Distribution:
        location, spread, freedom = parameters
        return distributions.StudentT(2 + freedom + SMALLEST, location, spread + SMALLEST, validate_args=False)

    def scipy(self, parameters: list[Floats]) -> tuple[str, dict[str, Any]]:
        location, spread, freedom = parameters
        return "t", {"df": 2 + freedom + SMALLEST, "loc": location, "scale": spread + SMALLEST}


class PositiveFamily(Family):
    """What lives above zero: its centre is straight, and bent near zero so that it stays positive."""

    in_target_units = True
    bends_before_scaling = True

    def centre(self, number: Tensor) -> Tensor:
        return torch.nn.functional.softplus(SHARPNESS * number) / SHARPNESS + 1e-6


class LogNormal(PositiveFamily):
    """Median, and the standard deviation of the logarithm."""

    expected = "a value above 0"

    def torch(self, parameters: list[Tensor]) -> distributions.Distribution:
        median, spread = parameters
        return distributions.LogNormal(median.log(), spread + SMALLEST, validate_args=False)

    def scipy(self, parameters: list[Floats]) -> tuple[str, dict[str, Any]]:
        median, spread = parameters
        return "lognorm", {"s": spread + SMALLEST, "scale": median}

    def valid(self, targets: Floats) -> Bools:
        return np.asarray(targets > 0)

    def observed(self, targets: Tensor) -> Tensor:
        return targets.clamp_min(1e-9)


class CountFamily(PositiveFamily):
    """Whole numbers from 0."""

    expected = "a count: 0, 1, 2, ..."

    def valid(self, targets: Floats) -> Bools:
        return np.asarray((targets >= 0) & (targets == np.round(targets)))

    def observed(self, targets: Tensor) -> Tensor:
        return targets.round().clamp_min(0)


class Poisson(CountFamily):
    """Mean."""

    width = 1

    def torch(self, parameters: list[Tensor]) -> distributions.Distribution:
        return distributions.Poisson(parameters[0], validate_args=False)

    def scipy(self, parameters: list[Floats]) -> tuple[str, dict[str, Any]]:
        return "poisson", {"mu": parameters[0]}


class NegativeBinomial(CountFamily):
    """Mean and dispersion: the variance is mean + dispersion * mean squared."""

    def torch(self, parameters: list[Tensor]) -> distributions.Distribution:
        mean, dispersion = parameters
        count = 1 / (dispersion + SMALLEST)
        return distributions.NegativeBinomial(count, logits=(mean / count).log(), validate_args=False)

    def scipy(self, parameters: list[Floats]) -> tuple[str, dict[str, Any]]:
        mean, dispersion = parameters
        count = 1 / (dispersion + SMALLEST)
        return "nbinom", {"n": count, "p": count / (count + mean)}


class Beta(Family):
    """Mean and concentration of a share."""

    in_target_units = True
    expected = "a share between 0 and 1"

    def torch(self, parameters: list[Tensor]) -> distributions.Distribution:
        mean, raw = parameters
        # the sharpness twice, so that gradients are summed in the order they always were
        return distributions.Beta(mean * _sharp(raw), (1 - mean) * _sharp(raw), validate_args=False)

    def scipy(self, parameters: list[Floats]) -> tuple[str, dict[str, Any]]:
        mean, raw = parameters
        return "beta", {"a": mean * _sharp(raw), "b": (1 - mean) * _sharp(raw)}

    def valid(self, targets: Floats) -> Bools:
        return np.asarray((targets >= 0) & (targets <= 1))

    def centre(self, number: Tensor) -> Tensor:
        """About the number itself in the middle, bent so that it stays between 0 and 1."""
        return torch.sigmoid(4 * (number - 0.5)).clamp(EDGE, 1 - EDGE)

    def observed(self, targets: Tensor) -> Tensor:
        return targets.clamp(EDGE, 1 - EDGE)


def _sharp(raw: Any) -> Any:
    """Concentration of a beta distribution: at least 1, and 10 where training starts."""
    return 1 + 13 * raw
