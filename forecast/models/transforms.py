"""What is forecast instead of the target, by name: a monotone map, undone in the forecast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.errors import DataError, Problem
from forecast.datasets.panel import Panel
from forecast.protocol import Prediction

Floats = NDArray[np.float64]
LISTED = 10  # values that are named where the map has no meaning


@dataclass(frozen=True)
class Transform:
    """A monotone map and its inverse. Quantiles go through it as they are, and so does the point, which is a median.

    Args:
        forward: of the target.
        inverse: of a forecast.
        valid: which values the map has a meaning for.
        expected: these values in words.
    """

    forward: Callable[[Floats], Floats]
    inverse: Callable[[Floats], Floats]
    valid: Callable[[Floats], NDArray[np.bool_]]
    expected: str

    def panel(self, panel: Panel) -> Panel:
        """The panel with the target mapped; every row from itself alone, so nothing leaks.

        Raises:
            DataError: if a value has no image.
        """
        self._check(panel)
        target = self.forward(panel.target)
        # the panel's own rule: a missing value repeats the last one before it, less the series' first
        filled = self.forward(panel.values[:, 0].astype(np.float64) + np.repeat(panel.offset[:, 0], panel.lengths))
        filled = np.where(np.isnan(target), filled, target)
        offset, values = panel.offset.copy(), panel.values.copy()
        offset[:, 0] = self.forward(panel.offset[:, 0])
        values[:, 0] = filled - np.repeat(offset[:, 0], panel.lengths)
        return replace(panel, target=target, offset=offset, values=values)

    def undo(self, prediction: Prediction) -> Prediction:
        """A forecast of the mapped target as one of the target."""
        quantiles = None if prediction.quantiles is None else self.inverse(prediction.quantiles)
        given = prediction.inverse
        inverse = None if given is None else lambda levels: self.inverse(given(levels))
        return Prediction(self.inverse(prediction.point), prediction.levels, quantiles, inverse)

    def _check(self, panel: Panel) -> None:
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


def _softplus(x: Floats) -> Floats:
    return np.asarray(np.logaddexp(0.0, x))


def _exp(x: Floats) -> Floats:
    return np.asarray(np.exp(np.minimum(x, 700.0)))


# One line a transform; on the side of the forecast each is what the literature calls an output activation. Of a softmax
# this is the exponential; `forecast.shares` divides by the sum.
TRANSFORMS: dict[str, Transform | None] = {
    "none": None,
    "log": Transform(np.log, _exp, lambda y: y > 0, "a value above 0, for its log"),
    "softplus": Transform(lambda y: y + np.log(-np.expm1(-y)), _softplus, lambda y: y > 0, "a value above 0"),
    "sigmoid": Transform(
        lambda y: np.log(y) - np.log1p(-y),
        lambda x: 1 / (1 + _exp(-x)),
        lambda y: (y > 0) & (y < 1),
        "a value in (0, 1)",
    ),
    "softmax": Transform(np.log, _exp, lambda y: (y > 0) & (y < 1), "a share in (0, 1)"),
}
