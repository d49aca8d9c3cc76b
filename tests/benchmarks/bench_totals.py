"""How wide totals of paths are: the 80% width of sums over series and over the horizon, over the width of the truth.

    python tests/benchmarks/bench_totals.py [--models auto,boosting,gru,theta,seasonal_naive] [--seeds 3]

Three panels of 16 daily series whose future is known in distribution: independent noise and shocks that all series
share (their ends are 0 to 9 days apart), both on a weekly pattern, and independent random walks. Behind each width
stands, in brackets, the root mean square of the errors that came, over the truth's deviation: the width that the
model's points need. Seasonal naive's is 1.41 on noise, for it repeats a noisy week, and 1.73 over two weeks of it.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
from report import Report, options

import forecast as fc

SERIES, ROWS, HORIZON, LATEST_END = 16, 300, 14, 9
COMMON, OWN = 1.5, 0.4  # standard deviations of the shocks
PANELS = ("independent", "common", "walks")
LEVELS = (0.1, 0.5, 0.9)
WIDTH = 2 * 1.2815515655446004  # of the central 80% of a standard normal distribution


def main(argv: list[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("--models", default="auto,boosting,gru,theta,seasonal_naive")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--samples", type=int, default=500)
    given = parser.parse_args(argv)
    if given.smoke:
        given.models, given.seeds, given.samples = "theta", 1, 50
    report = Report(given)
    report.head("model", "panel", "one step", "sum over series", "sum over horizon", "learnt correlation of series")
    for model in given.models.split(","):
        for panel in PANELS:
            found = [_measured(model, panel, seed, given.samples) for seed in range(given.seeds)]
            width, learnt = (np.mean([each[k] for each in found], axis=0) for k in (0, 2))
            needed = np.sqrt(np.mean([each[1] for each in found], axis=0))
            cells = [f"{a:.2f} ({b:.2f})" for a, b in zip(width, needed, strict=True)]
            numbers = {f"{model}_{panel}_series": width[1], f"{model}_{panel}_horizon": width[2]}
            report.row(model, panel, *cells, f"{learnt:.2f}", **numbers)
    report.close()


def _measured(model: str, panel: str, seed: int, samples: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Of single steps, sums over series and sums over the horizon: (3,) widths and (3,) mean squared errors, over the
    truth's; and the correlation of series that was learnt."""
    settings: dict[str, Any] = {"quantiles": LEVELS, "threads": 1, "seed": seed}
    table, future = _table(panel, seed)
    fitted = fc.Forecaster(HORIZON, model=model, **settings).fit(table)
    deviations = _true_deviations(panel)
    steps = fitted.predict().merge(future, how="left")
    steps["error"] = steps["y"] - steps["forecast"]
    paths = fitted.predict(samples=samples)
    # where the ends are ragged, only the times that every series forecasts have a total of all
    days = steps.groupby("ds")["ds"].transform("count") == SERIES
    across = fc.aggregate(paths[paths["ds"].isin(steps["ds"][days])], over="series")
    errors = (
        steps["error"].to_numpy(),
        steps[days].groupby("ds")["error"].sum().to_numpy(),
        steps.groupby("unique_id")["error"].sum().to_numpy(),
    )
    one = deviations[0][steps.groupby("unique_id").cumcount().to_numpy()]
    scales = (one, deviations[1][: len(across)], deviations[2])
    tables = (steps, across, fc.aggregate(paths, over="horizon"))
    width = [
        ((t["q90"] - t["q10"]).to_numpy() / (WIDTH * scale)).mean() for t, scale in zip(tables, scales, strict=True)
    ]
    squared = [np.square(error / scale).mean() for error, scale in zip(errors, scales, strict=True)]
    assert fitted.fitted_ is not None
    return np.array(width), np.array(squared), fitted.fitted_.dependence.series


def _table(panel: str, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Daily series of one panel, and what comes after them."""
    generator, rows = np.random.default_rng(seed), ROWS + HORIZON
    own, common = generator.normal(size=(SERIES, rows)), generator.normal(size=rows)
    week = 10 + 2 * np.sin(2 * np.pi * np.arange(rows) / 7)
    values = {"independent": week + own, "common": week + COMMON * common + OWN * own, "walks": 100 + own.cumsum(1)}
    late = generator.integers(0, LATEST_END + 1, SERIES) if panel == "common" else np.zeros(SERIES, np.int64)
    days, names = pd.date_range("2023-01-01", periods=rows), [f"s{k:02}" for k in range(SERIES)]
    every = pd.DataFrame(values[panel].T, days, names).melt(ignore_index=False, var_name="unique_id", value_name="y")
    every = every.rename_axis("ds").reset_index()
    is_past = every["ds"] < days[ROWS] - pd.to_timedelta(
        every["unique_id"].map(dict(zip(names, late, strict=True))), "D"
    )
    return every[is_past], every[~is_past]


def _true_deviations(panel: str) -> tuple[np.ndarray, np.ndarray, float]:
    """Standard deviations of what comes: of single steps and of their sums over series, by step, and over the horizon."""
    ahead = np.arange(1, LATEST_END + HORIZON + 1)
    if panel == "walks":
        return np.sqrt(ahead), np.sqrt(SERIES * ahead), float(np.sqrt((np.arange(1, HORIZON + 1) ** 2).sum()))
    common, own = (COMMON, OWN) if panel == "common" else (0.0, 1.0)
    one, all_series = np.hypot(common, own), np.sqrt((SERIES * common) ** 2 + SERIES * own**2)
    return np.full(len(ahead), one), np.full(len(ahead), all_series), float(one * np.sqrt(HORIZON))


if __name__ == "__main__":
    main(sys.argv[1:])
