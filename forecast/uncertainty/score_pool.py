"""Sorted scores that count by their age: the newest say most about the next one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
SCORES_IN_A_TAIL = 10  # a level whose own tail holds fewer borrows those of its mirror image; ten are right to a third


def effective_number(weights: Floats) -> float:
    """Return how many scores of equal weight say as much as these (Kish 1965); 0 where none weighs anything."""
    squares = float(np.square(weights).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


def mirror_share(level: float, effective: Floats | float) -> Floats:
    """Return the weight that a level gives to its mirror image's scores, next to 1 for its own.

    It is 1 where there are no own scores and falls to 0 where the own tail is expected to hold `SCORES_IN_A_TAIL`:
    errors are taken to be symmetric only as long as too little is known of the level's own side.

    Args:
        level: quantile level in (0, 1).
        effective: effective number of the level's own scores, a number or an array.
    """
    tail = min(level, 1 - level)
    return np.clip(1 - np.asarray(effective) * tail / SCORES_IN_A_TAIL, 0, 1)


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

    @property
    def mean(self) -> float:
        """Return the weighted mean of the scores and a new one that is taken to be 0."""
        return float((self.values * np.diff(self.below)).sum() / (self.below[-1] + 1))

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


def quantile_by_row(values: Floats, weights: Floats, level: float) -> Floats:
    """Return for each row what `ScorePool.quantile` would, (n,), NaN for a row without a value.

    Args:
        values: (n, k) values, NaN where there is none.
        weights: (n, k) weight of each value; 0 leaves it out.
        level: in (0, 1).
    """
    used = np.isfinite(values) & (weights > 0)
    values, weights = np.where(used, values, np.nan), np.where(used, weights, 0.0)
    order = np.argsort(values, axis=1, kind="stable")  # NaN stands last
    total = np.cumsum(np.take_along_axis(weights, order, axis=1), axis=1)
    weight, slack = level * (total[:, -1:] + 1), 1e-9 * total[:, -1:]
    place = (total < weight - slack).sum(axis=1) if level >= 0.5 else (total <= weight + slack).sum(axis=1) - 1
    place = np.clip(place, 0, np.maximum(used.sum(axis=1) - 1, 0))
    return np.asarray(np.take_along_axis(np.take_along_axis(values, order, axis=1), place[:, None], axis=1)[:, 0])
