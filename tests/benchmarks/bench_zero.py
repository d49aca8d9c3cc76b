"""Series that `ets` and `zero` forecast in a CPU second, beyond imports and fit, on one thread.

    OMP_NUM_THREADS=1 python tests/benchmarks/bench_zero.py

600 monthly series of 120 rows (18 steps), 20 hourly ones of 1,000 rows with day and week (48 steps) and 600 yearly ones of
25 rows (6 steps), all made up. The median of three rounds counts. To compare with another checkout, run it there, too.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from report import Report, cpu, options

from forecast.baselines.smoothing.bank import Smoothing
from forecast.combining.zero import Zero
from forecast.datasets.panel import Panel
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.origins import Origins

PANELS = {  # frequency, series, rows, rows in a season, horizon
    "monthly": ("MS", 600, 120, 12, 18),
    "hourly": ("h", 20, 1000, 24, 48),
    "yearly": ("YS", 600, 25, 1, 6),
}
ROUNDS = 3


def panel(freq: str, n_series: int, rows: int, season: int) -> Panel:
    """Random walks with noise, a season where there is one, and weaker weekends where rows are hours."""
    random, row = np.random.default_rng(0), np.arange(rows)
    pattern = 20 * np.sin(2 * np.pi * row / season) if season > 1 else np.zeros(rows)
    pattern += 10 * ((row // 24) % 7 < 5) if freq == "h" else 0
    walks = random.normal(size=(n_series, rows)).cumsum(axis=1) + random.normal(0, 3, (n_series, rows))
    ids = np.repeat([f"s{k:04}" for k in range(n_series)], rows)
    stamps = np.tile(pd.date_range("1990-01-01", periods=rows, freq=freq), n_series)
    table = pd.DataFrame({"unique_id": ids, "ds": stamps, "y": (100 + pattern + walks).ravel()})
    return panel_from_table(table, Columns())


def main(argv: list[str] | None = None) -> None:
    given = options(__doc__).parse_args(argv)
    report = Report(given)
    report.head("panel", "model", "series a CPU second", "fit, CPU seconds")
    for name, (freq, n_series, rows, season, horizon) in PANELS.items():
        made = panel(freq, 3 if given.smoke else n_series, rows, season)
        for kind in (Smoothing, Zero):
            model = kind(horizon, season_length=season)
            learning = cpu(lambda m=model, p=made: m.fit(p), 1)
            seconds = cpu(lambda m=model, p=made: m.predict(p, Origins.last(p)), ROUNDS)
            speed = made.n_series / seconds
            report.row(name, kind.name, f"{speed:,.0f}", f"{learning:.2f}", **{f"{name}_{kind.name}": speed})
    report.close()


if __name__ == "__main__":
    main(sys.argv[1:])
