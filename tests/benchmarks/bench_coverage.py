"""How honest calibrated intervals are: coverage of the 80% interval, and its Winkler score beside seasonal naive's.

    python tests/benchmarks/bench_coverage.py FOLDER [--sets m4_hourly,...] [--models auto] [--kinds none,split,adaptive]

Every model is fitted before the first cutoff and calibrated on rows it has not seen; seasonal naive is calibrated the
same way. A row a set, model and kind: coverage, mean width and Winkler score relative to seasonal naive's with the
same calibration, points scored. Without a folder it runs on four made-up series.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
import pandas as pd
from report import MADE_UP, Report, options, table

import forecast as fc

SETS = {  # horizon, season, cutoffs, rows between them
    "m4_hourly": (48, 24, 20, 12),
    "m3_monthly": (18, 12, 20, 1),
    "gefcom2012_load": (24, 24, 60, 24),
    "walmart_stores": (9, 52, 20, 1),
    MADE_UP: (3, 12, 4, 3),
}
LEVELS = (0.1, 0.5, 0.9)


def main(argv: list[str] | None = None) -> None:
    parser = options(__doc__, folder=True)
    parser.add_argument("--sets", default=",".join(name for name in SETS if name != MADE_UP))
    parser.add_argument("--models", default="auto")
    parser.add_argument("--kinds", default="none,split,adaptive")
    given = parser.parse_args(argv)
    if given.smoke:
        given.folder, given.models, given.kinds = None, "theta", "none,adaptive"
    report = Report(given)
    report.head("set", "model", "calibrate", "coverage_80", "Winkler / seasonal naive's", "points", "CPU s")
    for name in given.sets.split(",") if given.folder else [MADE_UP]:
        frame = table(given.folder, name)
        for kind in given.kinds.split(","):
            naive = _evaluate(frame, name, "seasonal_naive", kind).metrics["winkler_80"]
            for model in given.models.split(","):
                _row(report, frame, (name, model, kind), naive)
    report.close()


def _evaluate(frame: pd.DataFrame, name: str, model: str, kind: str) -> Any:
    horizon, season, cutoffs, step = SETS[name]
    settings: dict[str, Any] = {"season_length": season, "quantiles": LEVELS, "threads": 1, "seed": 0}
    return fc.evaluate(frame, horizon, models=model, calibrate=kind, cutoffs=cutoffs, step=step, **settings)


def _row(report: Report, frame: pd.DataFrame, case: tuple[str, str, str], naive: float) -> None:
    began = time.process_time()
    result = _evaluate(frame, *case)
    seconds = time.process_time() - began
    points = int(np.isfinite(result.forecasts["y"]).sum()) if result.forecasts is not None else 0
    coverage, ratio = result.metrics["coverage_80"], result.metrics["winkler_80"] / naive
    key = "_".join(case)
    numbers = {f"{key}_coverage": coverage, f"{key}_winkler": ratio}
    report.row(*case, f"{coverage:.3f}", f"{ratio:.3f}", f"{points:,}", f"{seconds:.0f}", **numbers)


if __name__ == "__main__":
    main(sys.argv[1:])
