"""Sorted scores that count by their age: the newest say most about what comes next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ScorePool:
    """Scores of one step and level; a new score weighs 1, as much as the newest of these.

    Args:
        values: (n,) ascending.
        below: (n + 1,) weight of the scores before each place, and of all of them.

    References:
        Barber, Candès, Ramdas & Tibshirani (2023), Conformal prediction beyond exchangeability, section 3.
    """

    values: Floats
    below: Floats

    @classmethod
    def of(cls, values: Floats, weights: Floats) -> ScorePool:
        """A pool of the finite values."""
        known = np.isfinite(values)
        values, weights = values[known], weights[known]
        order = np.argsort(values, kind="stable")
        return cls(values[order], np.concatenate([[0.0], np.cumsum(weights[order])]))

    def quantile(self, levels: Floats) -> Floats:
        """The score that a new one is below with the probability asked for, at least above the middle, at most below."""
        n = len(self.values)
        if not n:
            return np.zeros_like(levels)
        wanted = levels * (self.below[-1] + 1)
        # sums of weights carry rounding: what is reached but for that is reached
        slack = 1e-9 * self.below[-1]
        reached = np.searchsorted(self.below[1:], wanted - slack, side="left")
        passed = np.searchsorted(self.below[1:], wanted + slack, side="right") - 1
        place = np.where(levels >= 0.5, reached, passed)
        return np.asarray(self.values[np.clip(place, 0, n - 1)])

    def rank(self, values: Floats) -> Floats:
        """The probability of a new score below each value, ties and the new score itself counted half."""
        sides = [self.below[np.searchsorted(self.values, values, side)] for side in ("left", "right")]
        return np.asarray((sides[0] + sides[1] + 1) / (2 * self.below[-1] + 2))
