"""Counts with many zeros: quantiles, means and the randomised PIT of a count distribution, beside the usual methods.

    python tests/benchmarks/bench_counts.py FOLDER [--models gru] [--seed 0]

On car_parts (79% zeros), last 12 months; on made-up demand without a folder. WQL over the levels 0.5 to 0.99; RMSSE and
relative bias of the mean; the largest distance from uniform of the PIT at the deciles, randomised inside the jumps of a
count.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from report import Report, options

import forecast as fc
from forecast.datasets.synthetic import synthetic
from forecast.datasets.windows.history import actuals
from forecast.datasets.windows.origins import Origins

LEVELS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.99)
HORIZON = 12
USUAL = ("tsb", "sba", "croston", "boosting")


def main(argv: list[str] | None = None) -> None:
    parser = options(__doc__, folder=True)
    parser.add_argument("--models", default="gru,lstm")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(argv)
    table = _table(None if given.smoke else given.folder)
    settings: dict[str, Any] = {"season_length": 12, "threads": 1, "seed": given.seed, "quantiles": LEVELS}
    settings |= {"observed": "observed"} if "observed" in table else {}
    network = {"head": "negative_binomial", "point": "mean"} | ({"steps": 10, "hidden_size": 8} if given.smoke else {})
    names = ["gru"] if given.smoke else given.models.split(",")
    models = [(name, network) for name in names] + [(name, {}) for name in USUAL[: 1 if given.smoke else None]]
    report = Report(given)
    report.head("model", "WQL", "RMSSE", "bias of the sum", "PIT, largest distance")
    for name, more in models:
        result = fc.evaluate(table, HORIZON, models=name, cutoffs=1, **settings, **more)
        _row(report, name, result, given.seed if more else None)
    report.close()


def _table(folder: Path | None) -> pd.DataFrame:
    if folder is not None:
        return pd.read_parquet(folder / "car_parts.parquet")
    made = synthetic(6, 60)
    made["y"] = np.random.default_rng(0).poisson(0.4, len(made)).astype(float)
    return made


def _row(report: Report, name: str, result: Any, seed: int | None) -> None:
    known, metrics = result.forecasts[result.forecasts["y"].notna()], result.metrics
    numbers = {"wql": metrics["wql"], "rmsse": metrics["rmsse"]}
    numbers["bias"] = known["forecast"].sum() / known["y"].sum() - 1
    numbers |= {} if seed is None else {"pit": _pit(result, seed)}
    cells = [f"{numbers['wql']:.4f}", f"{numbers['rmsse']:.4f}", f"{numbers['bias']:+.1%}"]
    cells.append(f"{numbers['pit']:.3f}" if "pit" in numbers else "")
    report.row(name, *cells, **{f"{name}_{what}": value for what, value in numbers.items()})


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
    main(sys.argv[1:])
