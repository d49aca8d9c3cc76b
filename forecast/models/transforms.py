"""Transforms by name: the network forecasts the transformed target, and the transform is undone in the forecast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.errors import DataError
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins
from forecast.datasets.windows.support import ANY, POSITIVE, SHARE, Support
from forecast.models.shares import check_shares, in_shares, paths_in_shares
from forecast.protocol import Prediction

Floats = NDArray[np.float64]
Predict = Callable[[Panel, Origins], Prediction]
SMALLEST_SHARE = 1e-6  # shares of 0 and 1 are real, but have no finite logarithm: they count as this far from it


class Transform:
    """A map of the target and its inverse; this one leaves the target as it is.

    Attributes:
        support: the values that the target can take; any number by default.
    """

    support = ANY

    def check(self, panel: Panel) -> None:
        """Refuse, before training, series that cannot be transformed together.

        Raises:
            DataError: if the series of a panel do not fit together; here it is never raised.
        """

    def panel(self, panel: Panel) -> Panel:
        """Map the target of a panel; each row is computed from itself alone, so that no later row leaks."""
        return panel

    def undo(self, prediction: Prediction) -> Prediction:
        """Turn a forecast of the mapped target into a forecast of the target."""
        return prediction

    def together(self, predict: Predict, panel: Panel, origins: Origins) -> Prediction:
        """Forecast, and make the forecasts of all series at one time consistent with one another.

        Args:
            predict: forecasts at any origins of the panel, in units of the target.
            panel: the rows of all series.
            origins: n origins.

        Returns:
            Forecasts at the n origins, in units of the target.
        """
        return predict(panel, origins)

    def paths(self, paths: Floats, panel: Panel, origins: Origins) -> Floats:
        """Make drawn futures, (n, horizon, samples) in units of the target, consistent in the same way."""
        return paths


@dataclass(frozen=True)
class MonotoneMap(Transform):
    """A monotone map of single values; it maps quantiles to quantiles, and so the median to the median.

    Args:
        forward: maps targets, an array of any shape.
        inverse: maps forecasts back, an array of any shape.
        support: the values that `forward` can map, and that `inverse` returns.
    """

    forward: Callable[[Floats], Floats]
    inverse: Callable[[Floats], Floats]
    support: Support

    def panel(self, panel: Panel) -> Panel:
        """Map the target of a panel.

        Raises:
            DataError: if a target cannot be mapped; it names the first few.
        """
        self._check_values(panel)
        target = self.forward(panel.target)
        # the panel's own rule: a missing value repeats the last one before it, less the series' first
        filled = self.forward(panel.values[:, 0].astype(np.float64) + np.repeat(panel.offset[:, 0], panel.lengths))
        filled = np.where(np.isnan(target), filled, target)
        offset, values = panel.offset.copy(), panel.values.copy()
        offset[:, 0] = self.forward(panel.offset[:, 0])
        values[:, 0] = filled - np.repeat(offset[:, 0], panel.lengths)
        return replace(panel, target=target, offset=offset, values=values)

    def undo(self, prediction: Prediction) -> Prediction:
        quantiles = None if prediction.quantiles is None else self.inverse(prediction.quantiles)
        # between and beyond the quantiles, values are interpolated before they are mapped back
        inverse = (lambda levels: self.inverse(prediction.values(levels))) if prediction.uncertain else None
        return Prediction(self.inverse(prediction.point), prediction.levels, quantiles, inverse)

    def _check_values(self, panel: Panel) -> None:
        count, problems = self.support.problems(panel, remedy="Leave the transform out.")
        if count:
            raise DataError(f"{count} values cannot be transformed", problems=problems)


class Shares(MonotoneMap):
    """A transform of shares of a whole: the forecasts of all series at one time add up to 1, as after a softmax."""

    def check(self, panel: Panel) -> None:
        check_shares(panel)

    def together(self, predict: Predict, panel: Panel, origins: Origins) -> Prediction:
        return in_shares(predict, panel, origins)

    def paths(self, paths: Floats, panel: Panel, origins: Origins) -> Floats:
        return paths_in_shares(paths, panel, origins)


def _logit(y: Floats) -> Floats:
    inside = np.clip(y, SMALLEST_SHARE, 1 - SMALLEST_SHARE)
    return np.asarray(np.log(inside) - np.log1p(-inside))


def _softplus(x: Floats) -> Floats:
    return np.asarray(np.logaddexp(0.0, x))


def _exp(x: Floats) -> Floats:
    return np.asarray(np.exp(np.minimum(x, 700.0)))


# The literature calls the inverse of each an output activation.
TRANSFORMS: dict[str, Transform] = {
    "none": Transform(),
    "log": MonotoneMap(np.log, _exp, POSITIVE),
    "softplus": MonotoneMap(lambda y: y + np.log(-np.expm1(-y)), _softplus, POSITIVE),
    "sigmoid": MonotoneMap(_logit, lambda x: 1 / (1 + _exp(-x)), SHARE),
    "softmax": Shares(lambda y: np.log(np.maximum(y, SMALLEST_SHARE)), _exp, SHARE),
}


def transform_named(name: str) -> Transform:
    """Return a transform by its name; "auto" means none.

    An unknown name means none, too: `check_choices` refuses it before training.
    """
    return TRANSFORMS.get(name, TRANSFORMS["none"])
