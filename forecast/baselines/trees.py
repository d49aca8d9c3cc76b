"""Boosted trees are kept as plain arrays, so that they are saved without pickle and predict without scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.errors import ModelError
from forecast.datasets.saved_arrays import REMEDY, Expected, check_arrays

Floats = NDArray[np.float64]
ROWS_AT_ONCE = 64  # their comparisons with every split stay in the cache
MAX_LEAVES = 32  # of a tree: each is a bit of a uint32
ALL_LEAVES = np.uint32(0xFFFFFFFF)


@dataclass(frozen=True, eq=False)
class Trees:
    """An additive ensemble of regression trees, kept as its splits.

    All splits are compared with x, and no path is followed: a split that sends x to the right rules out the leaves on its
    left, and of the leaves of a tree that no split rules out, x falls into the leftmost.

    Args:
        feature: (trees, splits) number of the feature that each split compares.
        threshold: (trees, splits) threshold of each split; x goes left where it is not greater.
        missing_left: (trees, splits) whether NaN goes left, too.
        kept: (trees, splits) uint32, the leaves that are not on a split's left, a bit for each leaf from the left.
        value: (trees, leaves) value of each leaf.
        base: (1,) number that the trees' values are added to.

    References:
        Lucchese et al. (2015), QuickScorer: a fast algorithm to rank documents with additive ensembles of regression
        trees.
    """

    feature: NDArray[np.int64]
    threshold: Floats
    missing_left: NDArray[np.bool_]
    kept: NDArray[np.uint32]
    value: Floats
    base: Floats

    @classmethod
    def of(cls, model: Any) -> Trees:
        """Read a fitted HistGradientBoostingRegressor whose trees have at most 32 leaves."""
        feature, threshold, missing_left, kept, value = map(
            np.stack, zip(*(_read(stage[0].nodes) for stage in model._predictors), strict=True)
        )
        base = np.asarray(model._baseline_prediction, np.float64).reshape(1)
        return cls(feature, threshold, missing_left, kept, value, base)

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]], most_trees: int, n_features: int) -> Trees:
        """Take back the fields of saved trees, by name.

        Args:
            arrays: the fields.
            most_trees: how many trees there may be.
            n_features: number of features that splits may compare.

        Raises:
            ModelError: if the arrays are no such trees.
        """
        splits = (None, MAX_LEAVES - 1)
        check_arrays(
            arrays,
            {
                "feature": Expected(np.int64, splits, least=0, most=n_features - 1),
                "threshold": Expected(np.float64, splits, finite=False),  # where NaN parts from numbers, it is infinite
                "missing_left": Expected(np.bool_, splits),
                "kept": Expected(np.uint32, splits),
                "value": Expected(np.float64, (None, MAX_LEAVES)),
                "base": Expected(np.float64, (1,)),
            },
        )
        trees = cls(**arrays)
        if len({len(array) for name, array in arrays.items() if name != "base"}) > 1:
            raise ModelError("the arrays of the trees have several lengths", hint=REMEDY)
        if not 1 <= len(trees.value) <= most_trees:
            raise ModelError(f"there are {len(trees.value)} trees, not 1 to {most_trees}", hint=REMEDY)
        if not np.bitwise_and.reduce(trees.kept, axis=1).all():  # what no split at all rules out is a leaf of its tree
            raise ModelError("a tree of the model has no last leaf", hint=REMEDY)
        return trees

    def predict(self, features: Floats) -> Floats:
        """Predict (n,) values from (n, features) features, NaN where missing."""
        columns = np.ascontiguousarray(features.T)
        parts = [self._predict(columns[:, k : k + ROWS_AT_ONCE]) for k in range(0, len(features), ROWS_AT_ONCE)]
        return np.concatenate(parts) if parts else np.empty(0)

    def _predict(self, columns: Floats) -> Floats:
        """Predict the values of a few rows, (rows,), from (features, rows)."""
        x = columns[self.feature]  # (trees, splits, rows)
        left = x <= self.threshold[:, :, None]
        if np.isnan(columns).any():
            left |= np.isnan(x) & self.missing_left[:, :, None]
        possible = np.bitwise_and.reduce(np.where(left, ALL_LEAVES, self.kept[:, :, None]), axis=1)  # (trees, rows)
        # x & -x leaves the lowest bit, whose logarithm is its number
        leftmost = np.log2((possible & (~possible + np.uint32(1))).astype(np.float64)).astype(np.int64)
        values = np.take_along_axis(self.value, leftmost, axis=1)
        # one after the other: numpy's own sum adds in an order that depends on how many rows are predicted together
        return np.asarray(self.base + np.cumsum(values, axis=0)[-1])


def _read(nodes: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Return the splits of one tree (feature, threshold, missing_left, kept) and the values of its leaves.

    Every tree gets the same number of splits; those that it lacks rule nothing out.
    """
    feature, threshold = np.zeros(MAX_LEAVES - 1, np.int64), np.zeros(MAX_LEAVES - 1)
    missing_left, kept = np.zeros(MAX_LEAVES - 1, bool), np.full(MAX_LEAVES - 1, ALL_LEAVES)
    value, n_splits, n_leaves = np.zeros(MAX_LEAVES), 0, 0

    def walk(number: int) -> None:
        nonlocal n_splits, n_leaves
        node = nodes[number]
        if node["is_leaf"]:
            value[n_leaves] = node["value"]
            n_leaves += 1
            return
        split, leftmost = n_splits, n_leaves
        n_splits += 1
        feature[split], threshold[split] = node["feature_idx"], node["num_threshold"]
        missing_left[split] = node["missing_go_to_left"]
        walk(int(node["left"]))
        kept[split] = int(ALL_LEAVES) & ~((1 << n_leaves) - (1 << leftmost))
        walk(int(node["right"]))

    walk(0)
    return feature, threshold, missing_left, kept, value
