"""Transforms by name: the network forecasts the transformed target, and the transform is undone in the forecast."""

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
MAX_VALUES_NAMED = 10  # in an error message


class Transform:
    """A map of the target and its inverse; this one leaves the target as it is."""

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
        valid: returns which values `forward` can map, a mask of the array's shape.
        expected: a phrase that names these values.
    """

    forward: Callable[[Floats], Floats]
    inverse: Callable[[Floats], Floats]
    valid: Callable[[Floats], NDArray[np.bool_]]
    expected: str

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
        quantile_function = prediction.inverse
        inverse = None if quantile_function is None else lambda levels: self.inverse(quantile_function(levels))
        return Prediction(self.inverse(prediction.point), prediction.levels, quantiles, inverse)

    def _check_values(self, panel: Panel) -> None:
        rows = impossible_rows(panel, self.valid)
        if len(rows):
            problems = value_problems(panel, rows, expected=self.expected, remedy="Leave the transform out.")
            raise DataError(f"{len(rows)} values cannot be transformed", problems=problems)


class Shares(MonotoneMap):
    """A transform of shares of a whole: the forecasts of all series at one time add up to 1, as after a softmax."""

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


def impossible_rows(panel: Panel, valid: Callable[[Floats], NDArray[np.bool_]]) -> NDArray[np.int64]:
    """Find the rows whose target was observed but is not a valid value, as flat row numbers, ascending.

    Args:
        panel: the rows.
        valid: returns which values are valid, a mask of the array's shape.
    """
    return np.flatnonzero(~valid(panel.target) & np.isfinite(panel.target))


def value_problems(panel: Panel, rows: NDArray[np.int64], *, expected: str, remedy: str | None = None) -> list[Problem]:
    """Describe the targets of the first `MAX_VALUES_NAMED` of some rows as problems, with the series of each.

    Args:
        panel: the rows.
        rows: flat row numbers.
        expected: a phrase that names the valid values.
        remedy: a sentence that says what the user can do; None (the default) says nothing.
    """
    rows = rows[:MAX_VALUES_NAMED]
    series = np.searchsorted(panel.indptr, rows, side="right") - 1
    return [
        Problem(series=str(panel.ids[s]), what=f"value {panel.target[row]:g}", expected=expected, remedy=remedy)
        for row, s in zip(rows, series, strict=True)
    ]


# The literature calls the inverse of each an output activation.
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
    """Return a transform by its name; "auto" means none.

    An unknown name means none, too: `check_choices` refuses it before training.
    """
    return TRANSFORMS.get(name, TRANSFORMS["none"])
