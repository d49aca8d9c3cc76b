"""Memory and time of a training step do not depend on the length of series.

    python tests/benchmarks/bench_memory.py

Each case runs in a process of its own: training on 10,000 rows, and on one series of 1,000,000 rows beside 1,000 of 200
rows. Peaks are resident memory, the table included; the first case is what the libraries and the network cost. The
table is put together from Arrow's arrays: pandas makes a column of ids by way of a million Python strings, and reading
one from a file leaves behind what was decoded; either takes more memory than to train does.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
from report import Report, options
from step_clock import StepClock

import forecast as fc

STEPS, LIMIT = 200, 3
CASES = {"small": [100] * 100, "large": [1_000_000] + [200] * 1000}
SMOKE = {"small": [100] * 10, "large": [20_000] + [50] * 10}


def table(lengths: list[int]) -> pd.DataFrame:
    """Series of these lengths."""
    names = pa.array([f"s{k}" for k in range(len(lengths))])
    ids = pd.Series(names.take(pa.array(np.repeat(np.arange(len(lengths)), lengths))), dtype="str")
    times = np.concatenate([np.arange(n) for n in lengths])
    values = np.random.default_rng(0).normal(size=sum(lengths))
    return pd.DataFrame({"unique_id": ids, "ds": times, "y": values}, copy=False)


def case(lengths: list[int], steps: int) -> None:
    """Train, and print the peak in bytes, the table's size and the time of a step."""
    frame = table(lengths)
    size = int(frame.memory_usage(deep=True).sum())
    shape = {"lookback": 48, "segment": 12, "hidden_size": 32, "val_size": 0, "threads": 1, "season_length": 12}
    clock = StepClock()
    fc.Forecaster(12, model="gru", steps=steps, **shape).fit(frame, progress=clock)
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    print(json.dumps({"peak": peak, "table": size, "step_ms": clock.milliseconds}))


def main(argv: list[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("--case", choices=CASES, help="one case in this process; what the others are started with")
    given = parser.parse_args(argv)
    if given.case is not None:
        case((SMOKE if given.smoke else CASES)[given.case], 12 if given.smoke else STEPS)
        return
    small, large = (_measured(name, given.smoke) for name in CASES)
    above, ratio = (large["peak"] - small["peak"]) / large["table"], large["step_ms"] / small["step_ms"]
    report = Report(given)
    report.line(f"peak above the small case: {above:.2f} times the table's size (at most {LIMIT})", memory=above)
    report.line(f"time of a step: {ratio:.2f} times the small case's", step=ratio)
    report.close()


def _measured(name: str, smoke: bool) -> dict[str, float]:
    command = [sys.executable, __file__, "--case", name, *(["--smoke"] if smoke else [])]
    printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    measured: dict[str, float] = json.loads(printed.splitlines()[-1])
    return measured


if __name__ == "__main__":
    main(sys.argv[1:])
