"""Distributions by name: a torch distribution to learn with, scipy's quantile function to forecast with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributions

Floats = NDArray[np.float64]
SHARPNESS = 4.0  # of the bend at zero of a positive mean: at a quarter of a scale it is nearly straight
SMALLEST = 1e-3  # spread, in the units it is measured in
EDGE = 1e-4  # how near a share may come to 0 and 1


@dataclass(frozen=True)
class Family:
    """A family of distributions.

    Args:
        width: parameters, the centre first.
        own_units: whether it lives in the units of the target (counts, shares, positive values) instead of those of
            the origin.
        torch: (parameters) -> torch distribution, the centre as it comes out of `centre`.
        scipy: the same numbers -> (name in scipy.stats, its keywords).
        valid: which targets it can give.
        expected: these targets in words.
        centre: of a family in the target's own units: any number -> a valid mean.
        observed: targets as the density takes them.
    """

    width: int
    own_units: bool
    torch: Callable[[list[Tensor]], distributions.Distribution]
    scipy: Callable[[list[Floats]], tuple[str, dict[str, Any]]]
    valid: Callable[[Floats], NDArray[np.bool_]]
    expected: str = "a number"
    centre: Callable[[Tensor], Tensor] = lambda c: c
    observed: Callable[[Tensor], Tensor] = lambda y: y

    def parameters(self, raw: Tensor, zero: Tensor, scale: Tensor) -> list[Tensor]:
        """The distribution's own parameters.

        Args:
            raw: (..., width) of the head, the centre in units of the origin.
            zero: (...), where the target's zero lies in these units.
            scale: (...), of the origin.
        """
        rest = [torch.nn.functional.softplus(part) for part in raw[..., 1:].unbind(-1)]
        centre = raw[..., 0]
        if not self.own_units:
            return [centre, *rest]
        # bent in units of the origin, so that what is near zero is the same share of every series
        return [
            self.centre(centre - zero) * scale if self.centre is _positive else self.centre((centre - zero) * scale),
            *rest,
        ]

    def log_likelihood(self, raw: Tensor, target: Tensor, zero: Tensor, scale: Tensor) -> Tensor:
        """Of each target in units of its origin; (...)."""
        own = self.observed((target - zero) * scale) if self.own_units else target
        density: Tensor = self.torch(self.parameters(raw, zero, scale)).log_prob(own)
        return density

    def frozen(self, parameters: list[Floats]) -> Any:
        """scipy's distribution with these parameters."""
        import scipy.stats  # a second to import, and only needed for quantiles

        name, keywords = self.scipy(parameters)
        return getattr(scipy.stats, name)(**keywords)


def _positive(centre: Tensor) -> Tensor:
    return torch.nn.functional.softplus(SHARPNESS * centre) / SHARPNESS + 1e-6


def _share(centre: Tensor) -> Tensor:
    """About the centre itself in the middle, bent so that it stays between 0 and 1."""
    return torch.sigmoid(4 * (centre - 0.5)).clamp(EDGE, 1 - EDGE)


def _whole(values: Floats) -> NDArray[np.bool_]:
    return (values >= 0) & (values == np.round(values))


def _negative_binomial(mean: Tensor, dispersion: Tensor) -> distributions.Distribution:
    count = 1 / (dispersion + SMALLEST)
    return distributions.NegativeBinomial(count, logits=(mean / count).log(), validate_args=False)


def _nbinom(mean: Floats, dispersion: Floats) -> tuple[str, dict[str, Any]]:
    count = 1 / (dispersion + SMALLEST)
    return "nbinom", {"n": count, "p": count / (count + mean)}


# One line a family.
FAMILIES: dict[str, Family] = {
    "normal": Family(
        2, False, lambda p: distributions.Normal(p[0], p[1] + SMALLEST, validate_args=False),
        lambda p: ("norm", {"loc": p[0], "scale": p[1] + SMALLEST}), np.isfinite,
    ),
    "student_t": Family(
        3, False, lambda p: distributions.StudentT(2 + p[2] + SMALLEST, p[0], p[1] + SMALLEST, validate_args=False),
        lambda p: ("t", {"df": 2 + p[2] + SMALLEST, "loc": p[0], "scale": p[1] + SMALLEST}), np.isfinite,
    ),
    "lognormal": Family(
        2, True, lambda p: distributions.LogNormal(p[0].log(), p[1] + SMALLEST, validate_args=False),
        lambda p: ("lognorm", {"s": p[1] + SMALLEST, "scale": p[0]}), lambda y: y > 0, "a value above 0", _positive,
        lambda y: y.clamp_min(1e-9),
    ),
    "poisson": Family(
        1, True, lambda p: distributions.Poisson(p[0], validate_args=False), lambda p: ("poisson", {"mu": p[0]}),
        _whole, "a count: 0, 1, 2, ...", _positive, lambda y: y.round().clamp_min(0),
    ),
    "negative_binomial": Family(
        2, True, lambda p: _negative_binomial(*p), lambda p: _nbinom(*p), _whole, "a count: 0, 1, 2, ...", _positive,
        lambda y: y.round().clamp_min(0),
    ),
    "beta": Family(
        2, True, lambda p: distributions.Beta(p[0] * _sharp(p[1]), (1 - p[0]) * _sharp(p[1]), validate_args=False),
        lambda p: ("beta", {"a": p[0] * _sharp(p[1]), "b": (1 - p[0]) * _sharp(p[1])}),
        lambda y: (y >= 0) & (y <= 1), "a share between 0 and 1", _share, lambda y: y.clamp(EDGE, 1 - EDGE),
    ),
}  # fmt: skip


def _sharp(raw: Any) -> Any:
    """Concentration of a beta distribution: at least 1, and 10 where training starts."""
    return 1 + 13 * raw
