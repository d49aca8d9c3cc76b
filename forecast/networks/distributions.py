"""Families of distributions: training uses torch's densities, forecasting uses scipy's quantile functions.

A new one is a class here and a line in `HEADS` (`forecast/networks/heads.py`), which makes a head of that name.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributions

from forecast.datasets.windows.support import ANY, COUNTS, POSITIVE, SHARE

Floats = NDArray[np.float64]
SOFTPLUS_SHARPNESS = 4.0  # beyond a quarter of a scale above zero, the softplus of a centre is nearly straight
MIN_SPREAD = 1e-3  # in the units of the distribution's parameter
MIN_PROPORTION = 1e-4  # a beta distribution has no density at 0 and at 1


class Family:
    """A family of distributions, whose parameters a head forecasts.

    Attributes:
        width: number of parameters; the centre (a mean, median or location) is the first; 2 by default.
        in_target_units: whether the distribution is one of the target in its own units (counts, proportions, positive
            values); else (the default) it is one of the target in units of the origin.
        bends_before_scaling: whether `centre` is applied to a centre in units of the origin, so that "near zero" means
            the same fraction of the scale for every series; else (the default) it is applied in target units. It
            concerns only a family in target units.
        support: the targets that the family can give; any number by default.
    """

    width = 2
    in_target_units = False
    bends_before_scaling = False
    support = ANY

    def torch(self, parameters: list[Tensor]) -> distributions.Distribution:
        """Make torch's distribution from parameters as `parameters` returns them."""
        raise NotImplementedError

    def scipy(self, parameters: list[Floats]) -> tuple[str, dict[str, Any]]:
        """Return the name of the same distribution in `scipy.stats`, and the keywords that make it."""
        raise NotImplementedError

    def centre(self, number: Tensor) -> Tensor:
        """Map any number to a valid centre of a family in target units."""
        return number

    def observed(self, targets: Tensor) -> Tensor:
        """Move targets in target units to where the density is defined (to whole numbers, away from an edge)."""
        return targets

    def parameters(self, raw: Tensor, zero: Tensor, scale: Tensor) -> list[Tensor]:
        """Compute the parameters of the distribution from the head's outputs.

        Args:
            raw: (..., width), the head's outputs; the centre is in units of the origin.
            zero: (...), the target's zero in units of the origin.
            scale: (...), the scale of the origin in units of the target.

        Returns:
            `width` tensors of shape (...); the centre is in target units where the family is, else in units of the
            origin, and every other parameter is positive.
        """
        rest = [torch.nn.functional.softplus(part.contiguous()) for part in raw[..., 1:].unbind(-1)]
        if not self.in_target_units:
            return [raw[..., 0], *rest]
        centre = raw[..., 0] - zero
        return [self.centre(centre) * scale if self.bends_before_scaling else self.centre(centre * scale), *rest]

    def log_likelihood(self, raw: Tensor, target: Tensor, zero: Tensor, scale: Tensor) -> Tensor:
        """Compute the log-likelihood of each target, in nats.

        Args:
            raw: (..., width), the head's outputs; the centre is in units of the origin.
            target: (...), the actual values in units of the origin.
            zero: (...), the target's zero in units of the origin.
            scale: (...), the scale of the origin in units of the target.

        Returns:
            (...), the logarithm of the density (of the probability, for counts) at the target.
        """
        values = self.observed((target - zero) * scale) if self.in_target_units else target
        density: Tensor = self.torch(self.parameters(raw, zero, scale)).log_prob(values)
        return density

    def frozen(self, parameters: list[Floats]) -> Any:
        """Make scipy's distribution from parameters as `parameters` returns them, as arrays."""
        import scipy.stats  # a second to import, and only needed for quantiles

        name, keywords = self.scipy(parameters)
        return getattr(scipy.stats, name)(**keywords)


class Normal(Family):
    """The normal distribution; its parameters are the mean and the standard deviation."""

    def torch(self, parameters: list[Tensor]) -> distributions.Distribution:
        mean, spread = parameters
        return distributions.Normal(mean, spread + MIN_SPREAD, validate_args=False)

    def scipy(self, parameters: list[Floats]) -> tuple[str, dict[str, Any]]:
        mean, spread = parameters
        return "norm", {"loc": mean, "scale": spread + MIN_SPREAD}


class StudentT(Family):
    """Student's t distribution; its parameters are location, scale, and degrees of freedom.

    The degrees of freedom are above 2, so that there is a variance.
    """

    width = 3

    def torch(self, parameters: list[Tensor]) -> distributions.Distribution:
        location, spread, freedom = parameters
        return distributions.StudentT(2 + freedom + MIN_SPREAD, location, spread + MIN_SPREAD, validate_args=False)

    def scipy(self, parameters: list[Floats]) -> tuple[str, dict[str, Any]]:
        location, spread, freedom = parameters
        return "t", {"df": 2 + freedom + MIN_SPREAD, "loc": location, "scale": spread + MIN_SPREAD}


class PositiveFamily(Family):
    """A family of values above zero; its centre is the network's output, bent near zero so that it stays positive."""

    in_target_units = True
    bends_before_scaling = True

    def centre(self, number: Tensor) -> Tensor:
        return torch.nn.functional.softplus(SOFTPLUS_SHARPNESS * number) / SOFTPLUS_SHARPNESS + 1e-6


class LogNormal(PositiveFamily):
    """The log-normal distribution; its parameters are the median and the standard deviation of the logarithm."""

    support = POSITIVE

    def torch(self, parameters: list[Tensor]) -> distributions.Distribution:
        median, spread = parameters
        return distributions.LogNormal(median.log(), spread + MIN_SPREAD, validate_args=False)

    def scipy(self, parameters: list[Floats]) -> tuple[str, dict[str, Any]]:
        median, spread = parameters
        return "lognorm", {"s": spread + MIN_SPREAD, "scale": median}

    def observed(self, targets: Tensor) -> Tensor:
        return targets.clamp_min(1e-9)


class CountFamily(PositiveFamily):
    """A family of whole numbers from 0."""

    support = COUNTS

    def observed(self, targets: Tensor) -> Tensor:
        return targets.round().clamp_min(0)


class Poisson(CountFamily):
    """The Poisson distribution; its parameter is the mean."""

    width = 1

    def torch(self, parameters: list[Tensor]) -> distributions.Distribution:
        return distributions.Poisson(parameters[0], validate_args=False)

    def scipy(self, parameters: list[Floats]) -> tuple[str, dict[str, Any]]:
        return "poisson", {"mu": parameters[0]}


class NegativeBinomial(CountFamily):
    """The negative binomial distribution; its parameters are the mean and the dispersion.

    The variance is mean + dispersion * mean squared.
    """

    def torch(self, parameters: list[Tensor]) -> distributions.Distribution:
        mean, dispersion = parameters
        count = 1 / (dispersion + MIN_SPREAD)
        return distributions.NegativeBinomial(count, logits=(mean / count).log(), validate_args=False)

    def scipy(self, parameters: list[Floats]) -> tuple[str, dict[str, Any]]:
        mean, dispersion = parameters
        count = 1 / (dispersion + MIN_SPREAD)
        return "nbinom", {"n": count, "p": count / (count + mean)}


class Beta(Family):
    """The beta distribution of a proportion; its parameters are the mean and the concentration before its offset."""

    in_target_units = True
    support = SHARE

    def torch(self, parameters: list[Tensor]) -> distributions.Distribution:
        mean, raw = parameters
        # one concentration for both would sum its gradients in another order, and change the last bit of a forecast
        return distributions.Beta(mean * _concentration(raw), (1 - mean) * _concentration(raw), validate_args=False)

    def scipy(self, parameters: list[Floats]) -> tuple[str, dict[str, Any]]:
        mean, raw = parameters
        return "beta", {"a": mean * _concentration(raw), "b": (1 - mean) * _concentration(raw)}

    def centre(self, number: Tensor) -> Tensor:
        """Map any number to a mean between 0 and 1; near 0.5 the mean is about the number itself."""
        return torch.sigmoid(4 * (number - 0.5)).clamp(MIN_PROPORTION, 1 - MIN_PROPORTION)

    def observed(self, targets: Tensor) -> Tensor:
        return targets.clamp(MIN_PROPORTION, 1 - MIN_PROPORTION)


def _concentration(raw: Any) -> Any:
    """Compute the concentration of a beta distribution, which is at least 1, and 10 where training starts."""
    return 1 + 13 * raw
