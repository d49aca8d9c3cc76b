"""How honest calibrated intervals are: coverage of the 80% interval, and its Winkler score beside seasonal naive's.

    python tests/benchmarks/bench_coverage.py FOLDER [--sets m4_hourly,...] [--models auto] [--kinds none,split,adaptive]

Every model is fitted before the first cutoff and calibrated on rows it has not seen; seasonal naive is calibrated the
same way. A row a set, model and kind: coverage, mean width and Winkler score relative to seasonal naive's with the
same calibration, points scored.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

import forecast as fc

SETS = {  # horizon, season, cutoffs, rows between them
    "m4_hourly": (48, 24, 20, 12),
    "m3_monthly": (18, 12, 20, 1),
    "gefcom2012_load": (24, 24, 60, 24),
    "walmart_stores": (9, 52, 20, 1),
}
LEVELS = (0.1, 0.5, 0.9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", default=",".join(SETS))
    parser.add_argument("--models", default="auto")
    parser.add_argument("--kinds", default="none,split,adaptive")
    given = parser.parse_args()
    sys.stdout.write("| set | model | calibrate | coverage_80 | Winkler / seasonal naive's | points | CPU s |\n")
    sys.stdout.write("|---|---|---|---|---|---|---|\n")
    for name in given.sets.split(","):
        horizon, season, cutoffs, step = SETS[name]
        table = pd.read_parquet(given.folder / f"{name}.parquet")[["unique_id", "ds", "y"]]
        for kind in given.kinds.split(","):
            settings = {"season_length": season, "quantiles": LEVELS, "calibrate": kind, "threads": 1, "seed": 0}
            asked = {"cutoffs": cutoffs, "step": step}
            naive = fc.evaluate(table, horizon, models="seasonal_naive", **asked, **settings).metrics
            for model in given.models.split(","):
                began = time.process_time()
                result = fc.evaluate(table, horizon, models=model, **asked, **settings)
                points = int(np.isfinite(result.forecasts["y"]).sum()) if result.forecasts is not None else 0
                mine, seconds = result.metrics, time.process_time() - began
                ratio = mine["winkler_80"] / naive["winkler_80"]
                line = f"| {name} | {model} | {kind} | {mine['coverage_80']:.3f} | {ratio:.3f} | {points:,} | {seconds:.0f} |"
                sys.stdout.write(line + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
