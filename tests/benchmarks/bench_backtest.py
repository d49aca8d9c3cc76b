"""CPU seconds of a backtest of 1,000 daily cutoffs on one long hourly series, after the fit and the imports.

    python tests/benchmarks/bench_backtest.py [--table FILE]

A GRU of 64 units reads 168 hours in single steps and forecasts 24; it is fitted once (ten steps: what is measured is
the backtest). Forecasts, metrics and the seasonal naive beside them are all in the figure. Without a table, a synthetic
series of the same length stands in.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
from report import Report, options

import forecast as fc
from forecast.datasets.synthetic import synthetic

DAYS, ROUNDS = 1000, 5
MODEL = {"lookback": 168, "segment": 1, "origins": 1, "hidden_size": 64, "steps": 10, "threads": 1}


def main(argv: list[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("--table", type=Path, help="a long hourly series")
    given = parser.parse_args(argv)
    days, rounds = (20, 1) if given.smoke else (DAYS, ROUNDS)
    model = MODEL | ({"hidden_size": 8, "lookback": 24} if given.smoke else {})
    series, train = _series(given.table, days)
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        saved = fc.Forecaster(24, model="gru", season_length=24, **model).fit(train).save(f"{folder}/model")
        for _ in range(rounds):
            started = time.process_time()
            result = fc.evaluate(series, 24, models=str(saved), cutoffs=days)
            seconds.append(time.process_time() - started)
    report, whole, network = Report(given), statistics.median(seconds), result.predict_seconds
    text = f"{result.cutoffs} cutoffs: {whole:.3f} CPU s (of {rounds}: {min(seconds):.3f} to {max(seconds):.3f})"
    report.line(f"{text}; the network's part {network:.3f} s wall", backtest_seconds=whole, network_seconds=network)
    report.close()


def _series(path: Path | None, days: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows that are forecast, with 400 days before the first cutoff, and those the model is fitted on."""
    table = pd.read_parquet(path) if path else synthetic(1, 24 * (days + 400), season_length=24, freq="h")
    known = table.columns.intersection(["unique_id", "ds", "y"])
    series = table[known].tail(24 * (days + 400)).reset_index(drop=True)
    return series, series.head(24 * 400 - 24)


if __name__ == "__main__":
    main(sys.argv[1:])
