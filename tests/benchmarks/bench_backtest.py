"""CPU seconds of a backtest of 1,000 daily cutoffs on one long hourly series, after the fit and the imports.

    python tests/benchmarks/bench_backtest.py [TABLE]

A GRU of 64 units reads 168 hours in single steps and forecasts 24; it is fitted once (ten steps: what is measured is
the backtest). Forecasts, metrics and the seasonal naive beside them are all in the figure. Without a table, a synthetic
series of the same length stands in.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time

import pandas as pd

import forecast as fc
from forecast.datasets.synthetic import synthetic

DAYS, ROUNDS = 1000, 5


def main() -> None:
    table = pd.read_parquet(sys.argv[1]) if len(sys.argv) > 1 else synthetic(1, 145_000, season_length=24, freq="h")
    known = table.columns.intersection(["unique_id", "ds", "y"])
    series = table[known].tail(24 * 1400).reset_index(drop=True)
    quick = {"lookback": 168, "segment": 1, "origins": 1, "hidden_size": 64, "steps": 10, "threads": 1}
    train = series.head(24 * 400 - 24)
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        model = fc.Forecaster(24, model="gru", season_length=24, **quick).fit(train).save(f"{folder}/model")
        for _ in range(ROUNDS):
            started = time.process_time()
            result = fc.evaluate(series, 24, models=str(model), cutoffs=DAYS)
            seconds.append(time.process_time() - started)
    text = f"{result.cutoffs} cutoffs: {statistics.median(seconds):.3f} CPU s (of {ROUNDS}: {min(seconds):.3f} to {max(seconds):.3f})"
    sys.stdout.write(text + f"; the network's part {result.predict_seconds:.3f} s wall\n")


if __name__ == "__main__":
    main()
