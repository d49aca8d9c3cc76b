"""What forecasting costs beside the network: 20,000 series of 100 rows, one series, and the commands' start-up.

python tests/benchmarks/bench_predict.py
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from report import Report, cpu, options

import forecast as fc
from forecast.datasets.windows.origins import Origins, gather
from forecast.models.inference import ORIGINS_PER_PASS as BATCH

HORIZON, LOOKBACK = 14, 28


def table(n_series: int) -> pd.DataFrame:
    """Daily series of 100 rows."""
    values = np.random.default_rng(0).normal(size=(n_series, 100)).cumsum(axis=1) + 100
    ids = np.repeat(np.array([f"item_{k:05}" for k in range(n_series)]), 100)
    stamps = np.tile(pd.date_range("2024-01-01", periods=100), n_series)
    return pd.DataFrame({"unique_id": ids, "ds": stamps, "y": values.ravel()})


def children(command: list[str], rounds: int, folder: Path) -> float:
    """Median CPU seconds of a command."""
    seconds = []
    for _ in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(seconds)


def bare_forward(model: fc.Forecaster, frame: pd.DataFrame, rounds: int) -> float:
    """CPU seconds of the network alone, on windows that are ready."""
    panel = model.panel(frame)
    window = gather(panel, Origins.last(panel), before=int(model.resolved_.lookback))
    network = model.model_.network  # type: ignore[union-attr]  # a RecurrentModel
    parts = [
        (torch.from_numpy(window.values[k : k + BATCH]), torch.from_numpy(window.observed[k : k + BATCH]))
        for k in range(0, len(window.values), BATCH)
    ]

    def forward() -> None:
        with torch.inference_mode():
            for values, observed in parts:
                network(values, observed)

    return cpu(forward, rounds)


def main(argv: list[str] | None = None) -> None:
    given = options(__doc__).parse_args(argv)
    n_series, rounds, often = (50, 1, 1) if given.smoke else (20_000, 5, 50)
    torch.set_num_threads(1)
    many, one, report = table(n_series), table(1), Report(given)
    settings = {"hidden_size": 64, "lookback": LOOKBACK, "threads": 1, "steps": 20}
    made = fc.Forecaster(HORIZON, model="gru", **settings).fit(many[:100_000])
    with tempfile.TemporaryDirectory() as folder:
        model = fc.load(made.save(Path(folder, "model")))
        model.predict(one)
        cases = {"many": (f"{n_series:,} series", many, rounds), "one": ("one series", one, often)}
        for key, (name, frame, n) in cases.items():
            whole = 1e3 * cpu(lambda frame=frame: model.predict(frame), n)
            forward = 1e3 * bare_forward(model, frame, rounds)
            text = f"{name}: {whole:8.1f} ms of CPU, the forward pass alone {forward:8.1f} ms,"
            numbers = {f"{key}_ms": whole, f"{key}_forward_ms": forward, f"{key}_rest_ms": whole - forward}
            report.line(f"{text} the rest {whole - forward:8.1f} ms", **numbers)
        many[:20_000].to_csv(Path(folder, "data.csv"), index=False)
        _commands(report, Path(folder), rounds)
    report.close()


def _commands(report: Report, folder: Path, rounds: int) -> None:
    """CPU seconds of two commands, imports included."""
    command = [sys.executable, "-m", "forecast.cli"]
    seconds = children([*command, "--help"], rounds, folder)
    report.line(f"forecast --help: {seconds:.2f} s of CPU (at most 0.3)", help_seconds=seconds)
    words = ["predict", "model", "data.csv", "-o", "out.csv", "-q"]
    seconds = children([*command, *words], rounds, folder)
    report.line(f"forecast predict model data.csv: {seconds:.2f} s of CPU (at most 3.5)", predict_seconds=seconds)


if __name__ == "__main__":
    main(sys.argv[1:])
