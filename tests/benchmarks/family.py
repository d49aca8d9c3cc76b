"""Every architecture on a few sets: accuracy, time and parameters in one table.

    python tests/benchmarks/family.py FOLDER [--sets m4_hourly,m3_monthly,gefcom2012_load] [--models ...] [--preset balanced]

MASE over seasonal naive's, CPU seconds of the fit, weights; the same settings for all, as resolved from the data. The
last column is what an optimiser step costs, in those of the first model.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from accuracy import JOBS
from step_clock import StepClock

import forecast as fc
from forecast.architectures import ARCHITECTURES
from forecast.models.recurrent import RecurrentModel

SKIPPED = ("one_to_many", "aligned", "auto")  # of a kind of their own, and the ensemble


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", default="m4_hourly,m3_monthly,gefcom2012_load")
    networks = [name for name, line in ARCHITECTURES.items() if line.kind == "network" and name not in SKIPPED]
    parser.add_argument("--models", default=",".join(networks))
    parser.add_argument("--preset", default="balanced")
    given = parser.parse_args()
    names = given.sets.split(",")
    sys.stdout.write(f"| model | {' | '.join(names)} | geometric mean | step |\n{'|---' * (len(names) + 3)}|\n")
    first: list[float] = []
    for model in given.models.split(","):
        cells, ratios, steps = [], [], []
        for name in names:
            ratio, step, text = _one(model, name, given.folder, given.preset)
            ratios.append(ratio)
            steps.append(step)
            cells.append(text)
        first = first or steps
        mean, cost = (float(np.exp(np.mean(np.log(part)))) for part in (ratios, np.divide(steps, first)))
        sys.stdout.write(f"| {model} | {' | '.join(cells)} | {mean:.3f} | {cost:.1f} |\n")
        sys.stdout.flush()


def _one(model: str, name: str, folder: Path, preset: str) -> tuple[float, float, str]:
    job = JOBS[name]
    table = pd.read_parquet(folder / f"{job.file}.parquet")[["unique_id", "ds", "y"]]
    settings = {"season_length": job.season, "threads": 1, "seed": 0, "preset": preset}
    clock = StepClock()
    result = fc.evaluate(table, job.horizon, models=model, cutoffs=job.cutoffs, progress=clock, **settings)
    fitted = result.fitted.model
    weights = 0
    if isinstance(fitted, RecurrentModel) and fitted.network is not None:
        weights = sum(p.numel() for p in fitted.network.parameters())
    ratio = result.metrics["mase"] / result.baselines["seasonal_naive"]["mase"]
    seconds = result.outcomes[model].fit_cpu_seconds
    return ratio, clock.milliseconds, f"{ratio:.3f}, {seconds:.0f} s, {weights / 1000:.0f}k"


if __name__ == "__main__":
    main()
