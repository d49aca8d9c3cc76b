"""Support: the values that a target can take, which every point, quantile and path of its forecast respects."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.errors import Problem
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
FEWEST_VALUES = 8  # observed ones, from which whole numbers or recurring zeros are no chance
FEWEST_ZEROS = 3  # that recur
MAX_SERIES_NAMED = 5  # in a note
MAX_VALUES_NAMED = 10  # in an error


@dataclass(frozen=True, kw_only=True)
class Support:
    """The values that a target can take.

    Args:
        lower: the least value; minus infinity, the default, where there is none.
        upper: the greatest value; infinity, the default, where there is none.
        is_open: whether `lower` itself is excluded, as a logarithm excludes zero; False by default.
        whole: whether only whole numbers are possible; False by default.
        inferred: whether it was read from the training rows, so that newer rows can disprove it; False by default.
    """

    lower: float = -np.inf
    upper: float = np.inf
    is_open: bool = False
    whole: bool = False
    inferred: bool = False

    @property
    def words(self) -> str:
        """Return the phrase that names the values."""
        if self.whole and self.lower == 0 and self.upper == np.inf:
            return "a count: 0, 1, 2, ..."
        kind = "a whole number" if self.whole else "a number"
        if np.isfinite(self.lower) and np.isfinite(self.upper):
            return f"{kind} from {self.lower:g} to {self.upper:g}"
        if np.isfinite(self.lower):
            return f"{kind} above {self.lower:g}" if self.is_open else f"{kind} of at least {self.lower:g}"
        return f"{kind} of at most {self.upper:g}" if np.isfinite(self.upper) else kind

    def contains(self, values: Floats) -> Bools:
        """Return which values are possible, a mask of their shape; NaN is not."""
        above = values > self.lower if self.is_open else values >= self.lower
        inside = above & (values <= self.upper) & np.isfinite(values)
        return np.asarray(inside & (values == np.round(values)) if self.whole else inside)

    def within(self, lower: float | None, upper: float | None) -> Support:
        """Return this support with the user's bounds in the place of its own; None keeps the one that there is."""
        if lower is None and upper is None:
            return self
        return replace(
            self,
            lower=self.lower if lower is None else lower,
            upper=self.upper if upper is None else upper,
            is_open=self.is_open and lower is None,
            inferred=False,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the support as JSON primitives; a bound that there is not is None."""
        return {name: None if isinstance(v, float) and np.isinf(v) else v for name, v in asdict(self).items()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Support:
        """Return the support that `to_json` described."""
        return cls(**{name: value for name, value in values.items() if value is not None})

    def at(self, panel: Panel, origins: Origins) -> Bounds:
        """Return the bounds of each origin's forecast.

        Where the support was inferred, a value before the origin that it does not contain widens it for this series:
        what has been can be again.

        Args:
            panel: the rows; those before each origin are read.
            origins: n origins.
        """
        n = len(origins)
        bounds = (np.full(n, self.lower), np.full(n, self.upper), np.full(n, self.whole))
        outside = np.isfinite(panel.target) & ~self.contains(panel.target)
        if not self.inferred or not outside.any():
            return Bounds(*bounds, is_open=self.is_open)
        low, high = panel.target < self.lower, panel.target > self.upper
        broken = outside & (panel.target != np.round(panel.target))
        for bound, rows, wide in zip(bounds, (low, high, broken), (-np.inf, np.inf, False), strict=True):
            before = np.concatenate([[0], np.cumsum(rows)])
            bound[before[origins.end] > before[panel.indptr[origins.series]]] = wide
        return Bounds(*bounds, is_open=self.is_open)

    def note(self, panel: Panel, origins: Origins) -> str | None:
        """Say which series' forecasts have wider bounds than the training rows had; None where there are none."""
        if not self.inferred:
            return None
        bounds = self.at(panel, origins)
        wider = (bounds.lower < self.lower) | (bounds.upper > self.upper) | (bounds.whole < self.whole)
        if not wider.any():
            return None
        names = np.unique(origins.series[wider])
        listed = ", ".join(repr(str(panel.ids[name])) for name in names[:MAX_SERIES_NAMED])
        more = f" and {len(names) - MAX_SERIES_NAMED} more" if len(names) > MAX_SERIES_NAMED else ""
        return (
            f"every target of the training rows was {self.words}; newer rows of {listed}{more} are not, and so their "
            "forecasts need not be"
        )

    def problems(self, panel: Panel, *, remedy: str | None = None) -> tuple[int, list[Problem]]:
        """List observed targets that are not possible.

        Args:
            panel: the rows.
            remedy: a sentence that says what the user can do; None (the default) says nothing.

        Returns:
            The number of such targets, and the first `MAX_VALUES_NAMED` of them as problems.
        """
        rows = np.flatnonzero(~self.contains(panel.target) & np.isfinite(panel.target))
        named = rows[:MAX_VALUES_NAMED]
        series = np.searchsorted(panel.indptr, named, side="right") - 1
        problems = [
            Problem(series=str(panel.ids[s]), what=f"value {panel.target[row]:g}", expected=self.words, remedy=remedy)
            for row, s in zip(named, series, strict=True)
        ]
        return len(rows), problems


@dataclass(frozen=True, eq=False)
class Bounds:
    """The support of each of n forecasts.

    Args:
        lower: (n,) least values.
        upper: (n,) greatest values.
        whole: (n,) whether only whole numbers are possible.
        is_open: whether the least values themselves are excluded.
    """

    lower: Floats
    upper: Floats
    whole: Bools
    is_open: bool

    def hold(self, values: Floats, *, rounded: bool = True) -> Floats:
        """Move values to the nearest possible ones.

        Args:
            values: (n, ...) in units of the target.
            rounded: whether values become whole where only whole numbers are possible; a mean need not be one.
        """
        shape = (-1,) + (1,) * (values.ndim - 1)
        if rounded and self.whole.any():
            values = np.where(self.whole.reshape(shape), np.floor(values + 0.5), values)
        if np.isneginf(self.lower).all() and np.isposinf(self.upper).all():
            return np.array(values)
        least = np.nextafter(self.lower, np.inf) if self.is_open else self.lower
        return np.clip(values, least.reshape(shape), self.upper.reshape(shape))

    def beside(self, median: Floats, quantiles: Floats, side: Floats) -> Floats:
        """Keep possible quantiles on their sides of the median, which is the 0.5 quantile itself.

        Args:
            median: (n, horizon) point forecasts; where only whole numbers are possible, a rate may lie between two.
            quantiles: (n, horizon, levels), as `hold` returns them.
            side: (levels,) below 0 for levels below the median's, above 0 for those above it.
        """
        whole = self.whole[:, None]
        below = np.where(whole, np.floor(median), median)[:, :, None]
        above = np.where(whole, np.ceil(median), median)[:, :, None]
        beside = np.where(side < 0, np.minimum(quantiles, below), np.maximum(quantiles, above))
        return np.where(side == 0, median[:, :, None], beside)


ANY = Support()
POSITIVE = Support(lower=0.0, is_open=True)
COUNTS = Support(lower=0.0, whole=True)
SHARE = Support(lower=0.0, upper=1.0)


def inferred_support(panel: Panel) -> tuple[Support, str]:
    """Read the support from the training rows; only counts and values that are never negative are recognised.

    That a value was positive in the past says nothing: a temperature of a summer is. Zeros that recur beside no
    negative value say that there is nothing below them.

    Args:
        panel: the training rows.

    Returns:
        The support, and the reason in words.
    """
    observed = panel.target[np.isfinite(panel.target)]
    if len(observed) < FEWEST_VALUES or observed.min() < 0:
        return ANY, "any number: " + ("there are negative values" if len(observed) >= FEWEST_VALUES else "few values")
    if (observed == np.round(observed)).all():
        return replace(COUNTS, inferred=True), "counts: every value is a whole number, and none is negative"
    if (observed == 0).sum() >= FEWEST_ZEROS:
        return Support(lower=0.0, inferred=True), "not negative: zeros recur, and no value is negative"
    return ANY, "any number: no zero recurs that would say that there is nothing below"
