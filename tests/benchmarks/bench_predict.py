"""What forecasting costs beside the network: 20,000 series of 100 rows, one series, and the commands' start-up."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

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


def cpu(work: Callable[[], object], rounds: int) -> float:
    """Median CPU seconds."""
    found = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        found.append(time.process_time() - started)
    return statistics.median(found)


def children(command: list[str], rounds: int = 5) -> float:
    """Median CPU seconds of a command."""
    found = []
    for _ in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(found)


def bare_forward(model: fc.Forecaster, frame: pd.DataFrame) -> float:
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

    return cpu(forward, 5)


def main() -> None:
    """One line each."""
    torch.set_num_threads(1)
    many, one = table(20_000), table(1)
    made = fc.Forecaster(HORIZON, model="gru", hidden_size=64, lookback=LOOKBACK, threads=1, steps=20).fit(
        many[:100_000]
    )
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        made.save("model")
        model = fc.load("model")
        model.predict(one)
        for name, frame, rounds in (("20,000 series", many, 5), ("one series", one, 50)):
            whole, forward = cpu(lambda frame=frame: model.predict(frame), rounds), bare_forward(model, frame)
            print(f"{name}: {whole * 1e3:8.1f} ms of CPU, the forward pass alone {forward * 1e3:8.1f} ms,", end=" ")
            print(f"the rest {(whole - forward) * 1e3:8.1f} ms", flush=True)
        many[:20_000].to_csv("data.csv", index=False)
        command = [str(Path(sys.executable).parent / "forecast")]
        print(f"forecast --help: {children([*command, '--help']):.2f} s of CPU (at most 0.3)")
        words = ["predict", "model", "data.csv", "-o", "out.csv", "-q"]
        print(f"forecast predict model data.csv: {children([*command, *words]):.2f} s of CPU (at most 3.5)")


main()
