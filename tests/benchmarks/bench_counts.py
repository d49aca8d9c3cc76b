"""Counts with many zeros: quantiles, means and the randomised PIT of a count distribution, beside the usual methods.

    python tests/benchmarks/bench_counts.py FOLDER [--models gru] [--seed 0]

On car_parts (79% zeros), last 12 months. WQL over the levels 0.5 to 0.99; RMSSE and relative bias of the mean; the
largest distance from uniform of the PIT at the deciles, randomised inside the jumps of a count.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import forecast as fc
from forecast.datasets.windows.history import actuals
from forecast.datasets.windows.origins import Origins

LEVELS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.99)
HORIZON = 12


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", default="gru,lstm")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    table = pd.read_parquet(given.folder / "car_parts.parquet")
    settings: dict[str, Any] = {"season_length": 12, "threads": 1, "seed": given.seed, "quantiles": LEVELS}
    settings |= {"observed": "observed"} if "observed" in table else {}
    asked = [(name, {"head": "negative_binomial", "point": "mean"}) for name in given.models.split(",")]
    asked += [(name, {}) for name in ("tsb", "sba", "croston", "boosting")]
    sys.stdout.write("| model | WQL | RMSSE | bias of the sum | PIT, largest distance |\n|---|---|---|---|---|\n")
    for name, own in asked:
        result = fc.evaluate(table, HORIZON, models=name, cutoffs=1, **settings, **own)
        frame = result.forecasts
        assert frame is not None
        known = frame[frame["y"].notna()]
        bias = known["forecast"].sum() / known["y"].sum() - 1
        pit = _pit(result, given.seed) if own else float("nan")
        metrics = result.metrics
        sys.stdout.write(f"| {name} | {metrics['wql']:.4f} | {metrics['rmsse']:.4f} | {bias:+.1%} | {pit:.3f} |\n")
        sys.stdout.flush()


def _pit(result: Any, seed: int) -> float:
    """Largest distance of the randomised PIT from uniform at the deciles."""
    panel, fitted = result.panel, result.fitted
    origins = Origins(np.arange(panel.n_series), panel.indptr[1:] - HORIZON)
    prediction = fitted.predict(panel, origins)
    grid = np.linspace(0.0005, 0.9995, 1000)
    values, actual = prediction.values(grid[None, None]), actuals(panel, origins, HORIZON)
    low, high = (values < actual[:, :, None]).mean(axis=2), (values <= actual[:, :, None]).mean(axis=2)
    chance = np.random.default_rng(seed).random(actual.shape)
    pit = (low + chance * (high - low))[np.isfinite(actual)]
    deciles = np.arange(0.1, 1.0, 0.1)
    return float(np.abs((pit[:, None] <= deciles).mean(axis=0) - deciles).max())


if __name__ == "__main__":
    main()
