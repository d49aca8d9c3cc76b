"""Memory and time of a training step do not depend on the length of series.

Each case runs in a process of its own: training on 10,000 rows, and on one series of 1,000,000 rows beside 1,000 of
200 rows. Peaks are resident memory; the first case is what the libraries and the network cost.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

STEPS = 200


def case(kind: str) -> None:
    """Train, and print the peak, the table's size and the time of a step."""
    import numpy as np
    import pandas as pd
    from step_clock import StepClock

    import forecast as fc

    lengths = [100] * 100 if kind == "small" else [1_000_000] + [200] * 1000
    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "unique_id": np.repeat(np.array([f"s{k}" for k in range(len(lengths))]), lengths),
            "ds": np.concatenate([np.arange(n) for n in lengths]),
            "y": random.normal(size=sum(lengths)).astype(np.float64),
        }
    )
    size = int(table.memory_usage(deep=True).sum())
    asked = {"lookback": 48, "segment": 12, "hidden_size": 32, "val_size": 0, "threads": 1, "season_length": 12}
    model = fc.Forecaster(12, model="gru", steps=STEPS, **asked)
    clock, started = StepClock(), time.process_time()
    model.fit(table, progress=clock)
    whole = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"peak": peak, "table": size, "fit_cpu_seconds": whole, "step_ms": clock.milliseconds}))


def main() -> None:
    """Both cases, side by side."""
    found = {}
    for kind in ("small", "large"):
        answer = subprocess.run([sys.executable, __file__, kind], capture_output=True, text=True, check=True)
        found[kind] = json.loads(answer.stdout.splitlines()[-1])
    above = (found["large"]["peak"] - found["small"]["peak"]) / found["large"]["table"]
    ratio = found["large"]["step_ms"] / found["small"]["step_ms"]
    print(f"peak above the small case: {above:.2f} times the table's size (at most 3)")
    print(f"time of a step: {ratio:.2f} times the small case's")


if len(sys.argv) > 1:
    case(sys.argv[1])
else:
    main()
