"""Boosted trees as plain arrays, so that they are saved without pickle and predict without scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ROWS = 4096  # traversed together; keeps the node numbers in cache


@dataclass(frozen=True, eq=False)
class Trees:
    """An additive ensemble of regression trees.

    Args:
        feature, left, right: (trees, nodes) int64.
        threshold: (trees, nodes); go left where x <= threshold.
        missing_left: (trees, nodes), where NaN goes.
        leaf: (trees, nodes) bool.
        value: (trees, nodes) of the leaves.
        base: (1,) what the trees add to.
    """

    feature: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    threshold: Floats
    missing_left: NDArray[np.bool_]
    leaf: NDArray[np.bool_]
    value: Floats
    base: Floats

    @classmethod
    def of(cls, model: Any) -> Trees:
        """Read a fitted HistGradientBoostingRegressor."""
        nodes = [stage[0].nodes for stage in model._predictors]
        most = max(len(part) for part in nodes)

        def table(name: str, kind: type) -> NDArray[Any]:
            return np.stack([np.pad(part[name].astype(kind), (0, most - len(part))) for part in nodes])

        leaf = np.stack(
            [np.pad(part["is_leaf"].astype(bool), (0, most - len(part)), constant_values=True) for part in nodes]
        )
        return cls(
            feature=table("feature_idx", np.int64),
            left=table("left", np.int64),
            right=table("right", np.int64),
            threshold=table("num_threshold", np.float64),
            missing_left=table("missing_go_to_left", bool),
            leaf=leaf,
            value=table("value", np.float64),
            base=np.asarray(model._baseline_prediction, np.float64).reshape(1),
        )

    def predict(self, features: Floats) -> Floats:
        """(n,) from (n, features)."""
        parts = [self._predict(features[k : k + ROWS]) for k in range(0, len(features), ROWS)]
        return np.concatenate(parts) if parts else np.empty(0)

    def _predict(self, features: Floats) -> Floats:
        n_trees, n_nodes = self.feature.shape
        offset = np.arange(n_trees) * n_nodes
        node = np.tile(offset, (len(features), 1))
        flat = {
            name: getattr(self, name).ravel()
            for name in ("feature", "left", "right", "threshold", "missing_left", "leaf")
        }
        rows = np.arange(len(features))[:, None]
        while True:
            done = flat["leaf"][node]
            if done.all():
                break
            x = features[rows, flat["feature"][node]]
            with np.errstate(invalid="ignore"):
                left = (x <= flat["threshold"][node]) | (np.isnan(x) & flat["missing_left"][node])
            step = np.where(left, flat["left"][node], flat["right"][node]) + offset
            node = np.where(done, node, step)
        total: Floats = self.base[0] + self.value.ravel()[node].sum(axis=1)
        return total
