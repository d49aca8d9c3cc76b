"""What is forecast instead of the target, by name, and undone in the forecast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.errors import DataError, Problem
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins
from forecast.models.shares import check_shares, in_shares, paths_in_shares
from forecast.protocol import Prediction

Floats = NDArray[np.float64]
Predict = Callable[[Panel, Origins], Prediction]
LISTED = 10  # values that are named where the map has no meaning


class Transform:
    """What is forecast instead of the target; this one is the target itself."""

    def check(self, panel: Panel) -> None:
        """Refuse, before training, series that have no meaning together."""

    def panel(self, panel: Panel) -> Panel:
        """The panel with the target mapped; every row from itself alone, so nothing leaks."""
        return panel

    def undo(self, prediction: Prediction) -> Prediction:
        """A forecast of the mapped target as one of the target."""
        return prediction

    def together(self, predict: Predict, panel: Panel, origins: Origins) -> Prediction:
        """Forecasts in units of the target, made to hang together across the series of one time.

        Args:
            predict: makes forecasts at any origins of the panel, in units of the target.
            panel: all series.
            origins: those to forecast from.
        """
        return predict(panel, origins)

    def paths(self, paths: Floats, panel: Panel, origins: Origins) -> Floats:
        """Drawn futures, (n, horizon, samples) in units of the target, made to hang together likewise."""
        return paths


@dataclass(frozen=True)
class MonotoneMap(Transform):
    """A monotone map and its inverse. Quantiles go through it as they are, and so does the point, which is a median.

    Args:
        forward: maps the target.
        inverse: maps a forecast back.
        valid: says which values have an image.
        expected: these values in words.
    """

    forward: Callable[[Floats], Floats]
    inverse: Callable[[Floats], Floats]
    valid: Callable[[Floats], NDArray[np.bool_]]
    expected: str

    def panel(self, panel: Panel) -> Panel:
        """As of `Transform`.

        Raises:
            DataError: if a value has no image.
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
        given = prediction.inverse
        inverse = None if given is None else lambda levels: self.inverse(given(levels))
        return Prediction(self.inverse(prediction.point), prediction.levels, quantiles, inverse)

    def _check_values(self, panel: Panel) -> None:
        bad = np.flatnonzero(~self.valid(panel.target) & np.isfinite(panel.target))
        if not len(bad):
            return
        series = np.searchsorted(panel.indptr, bad, side="right") - 1
        remedy = "Leave the transform out."
        problems = [
            Problem(
                series=str(panel.ids[s]), what=f"value {panel.target[row]:g}", expected=self.expected, remedy=remedy
            )
            for row, s in zip(bad[:LISTED], series, strict=False)
        ]
        raise DataError(f"{len(bad)} values cannot be transformed", problems=problems)


class Shares(MonotoneMap):
    """Shares of a whole: forecasts of all series at one time add up to one, as a softmax over the series gives."""

    def check(self, panel: Panel) -> None:
        check_shares(panel)

    def together(self, predict: Predict, panel: Panel, origins: Origins) -> Prediction:
        return in_shares(predict, panel, origins)

    def paths(self, paths: Floats, panel: Panel, origins: Origins) -> Floats:
        return paths_in_shares(paths, panel, origins)


def _softplus(x: Floats) -> Floats:
    return np.asarray(np.logaddexp(0.0, x))


def _exp(x: Floats) -> Floats:
    return np.asarray(np.exp(np.minimum(x, 700.0)))


# One line a transform; on the side of the forecast each is what the literature calls an output activation.
TRANSFORMS: dict[str, Transform] = {
    "none": Transform(),
    "log": MonotoneMap(np.log, _exp, lambda y: y > 0, "a value above 0, for its log"),
    "softplus": MonotoneMap(lambda y: y + np.log(-np.expm1(-y)), _softplus, lambda y: y > 0, "a value above 0"),
    "sigmoid": MonotoneMap(
        lambda y: np.log(y) - np.log1p(-y),
        lambda x: 1 / (1 + _exp(-x)),
        lambda y: (y > 0) & (y < 1),
        "a value in (0, 1)",
    ),
    "softmax": Shares(np.log, _exp, lambda y: (y > 0) & (y < 1), "a share in (0, 1)"),
}


def transform_named(name: str) -> Transform:
    """A transform by name; "auto" is none. Whether there is such a name is checked where a network is made."""
    return TRANSFORMS.get(name, TRANSFORMS["none"])
