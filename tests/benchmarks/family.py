"""Every architecture on a few sets: accuracy, time and parameters in one table.

    python tests/benchmarks/family.py FOLDER [--sets m4_hourly,m3_monthly,gefcom2012_load] [--models ...] [--preset balanced]

MASE over seasonal naive's, CPU seconds of the fit, weights; the same settings for all, as resolved from the data. The
last column is what an optimiser step costs, in those of the first model.
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from accuracy import JOBS, Job
from report import MADE_UP, Report, options, table
from step_clock import StepClock

import forecast as fc
from forecast.architectures import ARCHITECTURES
from forecast.models.recurrent import RecurrentModel

SKIPPED = ("one_to_many", "aligned", "auto")  # of a kind of their own, and the ensemble


def main(argv: list[str] | None = None) -> None:
    parser = options(__doc__, folder=True)
    parser.add_argument("--sets", default="m4_hourly,m3_monthly,gefcom2012_load")
    networks = [name for name, line in ARCHITECTURES.items() if line.kind == "network" and name not in SKIPPED]
    parser.add_argument("--models", default=",".join(networks))
    parser.add_argument("--preset", default="balanced")
    given = parser.parse_args(argv)
    settings: dict[str, Any] = {"preset": given.preset}
    if given.smoke:
        given.folder, given.models, settings = None, "gru,lstm", {"steps": 8, "hidden_size": 8}
    names = given.sets.split(",") if given.folder else [MADE_UP]
    jobs = {name: JOBS.get(name, Job(MADE_UP, 6, 12)) for name in names}
    report, first = Report(given), list[float]()
    report.head("model", *names, "geometric mean", "step")
    for model in given.models.split(","):
        runs = [_one(model, job, table(given.folder, job.file), settings) for job in jobs.values()]
        first = first or [run.step for run in runs]
        mean = float(np.exp(np.mean(np.log([run.ratio for run in runs]))))
        cost = float(np.exp(np.mean(np.log([run.step / step for run, step in zip(runs, first, strict=True)]))))
        numbers = {f"family_{model}": mean, f"step_{model}": cost}
        report.row(model, *(run.text for run in runs), f"{mean:.3f}", f"{cost:.1f}", **numbers)
    report.close()


class Run(NamedTuple):
    """What one model gave on one set: MASE over seasonal naive's, milliseconds a step, and both in words."""

    ratio: float
    step: float
    text: str


def _one(model: str, job: Job, frame: pd.DataFrame, more: dict[str, Any]) -> Run:
    settings = {"season_length": job.season, "threads": 1, "seed": 0, **more}
    clock = StepClock()
    result = fc.evaluate(frame, job.horizon, models=model, cutoffs=job.cutoffs, progress=clock, **settings)
    fitted = result.fitted.model
    weights = 0
    if isinstance(fitted, RecurrentModel) and fitted.network is not None:
        weights = sum(p.numel() for p in fitted.network.parameters())
    ratio = result.metrics["mase"] / result.baselines["seasonal_naive"]["mase"]
    seconds = result.outcomes[model].fit_cpu_seconds
    return Run(ratio, clock.milliseconds, f"{ratio:.3f}, {seconds:.0f} s, {weights / 1000:.0f}k")


if __name__ == "__main__":
    main(sys.argv[1:])
