"""Sorted scores that count by their age: the newest say most about the next one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ScorePool:
    """The scores of one step and level. A new score weighs 1, as much as the newest of these.

    Args:
        values: (n,) scores, ascending.
        below: (n + 1,) total weight of the scores before each place; the last is the weight of all.

    References:
        Barber, Candès, Ramdas & Tibshirani (2023), Conformal prediction beyond exchangeability, section 3.
    """

    values: Floats
    below: Floats

    @classmethod
    def of(cls, values: Floats, weights: Floats) -> ScorePool:
        """Build a pool of the finite values and their weights, two arrays of one shape."""
        is_finite = np.isfinite(values)
        values, weights = values[is_finite], weights[is_finite]
        order = np.argsort(values, kind="stable")
        return cls(values[order], np.concatenate([[0.0], np.cumsum(weights[order])]))

    def quantile(self, levels: Floats) -> Floats:
        """Return the score that a new one does not exceed with the probability of each level.

        The probability is at least the level for levels from 0.5 on and at most the level below, so that a central
        interval covers at least its nominal probability. An empty pool moves nothing: it returns 0.

        Args:
            levels: (k,) in (0, 1).

        Returns:
            (k,) scores; the smallest or the largest where the pool does not reach as far as the level.
        """
        n = len(self.values)
        if not n:
            return np.zeros_like(levels)
        weight = levels * (self.below[-1] + 1)
        # sums of weights carry rounding: a weight that is reached but for that counts as reached
        slack = 1e-9 * self.below[-1]
        upper = np.searchsorted(self.below[1:], weight - slack, side="left")
        lower = np.searchsorted(self.below[1:], weight + slack, side="right") - 1
        place = np.where(levels >= 0.5, upper, lower)
        return np.asarray(self.values[np.clip(place, 0, n - 1)])

    def rank(self, values: Floats) -> Floats:
        """Return the probability, (k,), of a new score below each value; ties and the new score itself count half."""
        sides = [self.below[np.searchsorted(self.values, values, side)] for side in ("left", "right")]
        return np.asarray((sides[0] + sides[1] + 1) / (2 * self.below[-1] + 2))
