"""What missing values cost: errors with a tenth to two fifths of the rows missing, and with the newest ones missing.

    python tests/benchmarks/robustness.py FOLDER [--sets m4_hourly,melbourne_pedestrians] [--models naive,...,auto]
        [--shares 0.1,0.2,0.4] [--series 40] [--rows 800] [--seeds 3] [--only rows|ends] [--beside CHECKOUT]

Rows: of each series the values of a share of its rows are taken out, single rows or blocks of a season, anywhere before
the last horizon, which is forecast and scored whole. A cell is the median series' MASE beside that of the complete table;
its scale comes from the complete rows. Ends: of one of six weekly or trending series the newest 1, 3 or 7 (12) values are taken
out; a cell is the error beside that of a forecast from the last observed row that far ahead, the median over seeds, and
1.5 is the limit of the contract. With `--beside`, the code of another checkout is measured too, and each cell is
"before > now". Without a folder the rows are made up.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from report import MADE_UP, Report, options
from report import table as read

import forecast as fc
from forecast.datasets.errors import RunError

MODELS = "naive,seasonal_naive,drift,naive2,theta,tsb,boosting,gru,lstm,segrnn,esrnn,deepar,auto"
SETS = {"m4_hourly": (48, 24), "melbourne_pedestrians": (24, 24), MADE_UP: (6, 12)}  # horizon, season
SMOKE: dict[str, Any] = {"steps": 4, "hidden_size": 8}
ENDS = {"weekly": (1, 3, 7), "trend": (3, 12)}
ROWS, HORIZON, HIT = 200, 7, "s2"
Numbers = dict[str, float]


def main(argv: list[str] | None = None) -> None:
    given = _options().parse_args(argv)
    if given.smoke:
        given.folder, given.models, given.shares, given.seeds = None, "naive,gru", "0.2", 1
    report = Report(given)
    now = dict(_measured(given, report if given.beside is None else None))
    if given.beside is not None:
        before = _of_checkout(given)
        report.head("case", "model", "before", "now")
        for name, value in now.items():
            case, _, model = name.rpartition("/")
            report.row(case, model, f"{before.get(name, np.nan):.2f}", f"{value:.2f}", **{name: value})
    report.close()


def _options() -> argparse.ArgumentParser:
    parser = options(__doc__, folder=True)
    parser.add_argument("--sets", default="m4_hourly,melbourne_pedestrians")
    parser.add_argument("--models", default=MODELS)
    parser.add_argument("--shares", default="0.1,0.2,0.4")
    parser.add_argument("--series", type=int, default=40, help="of a set, spread evenly over its ids")
    parser.add_argument("--rows", type=int, default=800, help="newest rows of each series")
    parser.add_argument("--seeds", type=int, default=3, help="draws of the made-up panels")
    parser.add_argument("--only", choices=("rows", "ends"))
    parser.add_argument("--beside", help="another checkout, whose code is measured too")
    return parser


def _measured(given: argparse.Namespace, report: Report | None) -> Iterator[tuple[str, float]]:
    """Every number by its name, case/model; printed as it comes."""
    extra = SMOKE if given.smoke else {"preset": "fast"}
    for model in given.models.split(","):
        settings = {"model": model, "threads": 1, "seed": 0, **extra}
        numbers: Numbers = {}
        if given.only != "ends":
            for name in given.sets.split(",") if given.folder else [MADE_UP]:
                numbers |= _rows(name, given, settings)
        if given.only != "rows":
            numbers |= _ends(given.seeds, settings)
        if report is not None:
            if model == given.models.split(",")[0]:
                report.head("model", *numbers)
            named = {f"{case}/{model}": value for case, value in numbers.items()}
            report.row(model, *(f"{value:.2f}" for value in numbers.values()), **named)
        yield from ((f"{case}/{model}", value) for case, value in numbers.items())


def _rows(name: str, given: argparse.Namespace, settings: dict[str, Any]) -> Numbers:
    """The median series' MASE with rows missing, beside that of the complete table."""
    horizon, season = SETS[name]
    table = _sample(read(given.folder, name), given.series, given.rows)
    newest = table.groupby("unique_id").cumcount(ascending=False) < horizon
    past, future = table[~newest].reset_index(drop=True), table[newest]
    scale = past.groupby("unique_id")["y"].apply(lambda y: (y - y.shift(season)).abs().mean())

    def mase(frame: pd.DataFrame) -> float:
        try:
            found = fc.Forecaster(horizon, season_length=season, **settings).fit(frame).predict()
        except RunError:  # another checkout's forecast may not be finite
            return float("inf")
        both = future.merge(found, on=["unique_id", "ds"])
        error = (both["forecast"] - both["y"]).abs().groupby(both["unique_id"]).mean()
        return float((error / scale).median())

    whole = mase(past)
    numbers = {f"{name}, complete": whole}
    for share in map(float, given.shares.split(",")):
        for kind, length in (("single", 1), ("blocks", season)):
            holed = past.assign(y=past["y"].mask(_holes(past, share, length)))
            numbers[f"{name}, {share:.0%} {kind}"] = mase(holed) / whole
    return numbers


def _sample(table: pd.DataFrame, series: int, rows: int) -> pd.DataFrame:
    ids = np.sort(table["unique_id"].unique())
    chosen = ids[np.unique(np.linspace(0, len(ids) - 1, series).round().astype(int))]
    table = table[table["unique_id"].isin(chosen)].sort_values(["unique_id", "ds"])
    return table.groupby("unique_id").tail(rows).reset_index(drop=True)


def _holes(table: pd.DataFrame, share: float, length: int) -> np.ndarray[Any, Any]:
    """Which rows are taken out: of each series, stretches of this length, none of them its first row."""
    random, holes = np.random.default_rng(0), []
    for rows in table.groupby("unique_id", sort=False).size():
        stretches = random.random(-(-rows // length)) < share
        holes.append(np.repeat(stretches, length)[:rows] & (np.arange(rows) > 0))
    return np.concatenate(holes)


def _ends(seeds: int, settings: dict[str, Any]) -> Numbers:
    """The error with the newest values of one series missing, beside that of as long a horizon; medians over the seeds."""
    numbers: Numbers = {}
    for kind, counts in ENDS.items():
        season = 7 if kind == "weekly" else 1
        for count in counts:
            late, longer = [], []
            for seed in range(seeds):
                table = _panel(kind, seed)
                future = table["step"] >= ROWS
                past, actual = table[~future], table.loc[future & (table["unique_id"] == HIT), "y"].to_numpy()
                hit = (past["unique_id"] == HIT) & (past["step"] >= ROWS - count)
                late.append(_error(past.assign(y=past["y"].mask(hit)), actual, HORIZON, season, settings))
                cut = past[past["step"] < ROWS - count]
                longer.append(_error(cut, actual, HORIZON + count, season, settings))
            numbers[f"{kind}, newest {count}"] = float(np.median(late) / np.median(longer))
    return numbers


def _panel(kind: str, seed: int) -> pd.DataFrame:
    """Six series of a level, little noise and a weekly wave or a trend."""
    random, step = np.random.default_rng(seed), np.arange(ROWS + HORIZON)
    parts = []
    for k in range(6):
        shape = 3 * np.sin(2 * np.pi * (step + k) / 7) if kind == "weekly" else 0.05 * (k + 1) * step
        y = 10 + k + shape + 0.05 * random.standard_normal(len(step))
        days = pd.date_range("2022-01-01", periods=len(step))
        parts.append(pd.DataFrame({"unique_id": f"s{k}", "ds": days, "y": y, "step": step}))
    return pd.concat(parts, ignore_index=True)


def _error(
    table: pd.DataFrame, actual: np.ndarray[Any, Any], horizon: int, season: int, settings: dict[str, Any]
) -> float:
    model = fc.Forecaster(horizon, season_length=season, **settings).fit(table.drop(columns="step"))
    found = model.predict()
    point = found.loc[found["unique_id"] == HIT, "forecast"].to_numpy()[-HORIZON:]
    return float(np.abs(point - actual).mean())


def _of_checkout(given: argparse.Namespace) -> Numbers:
    """The numbers of another checkout's code, by this script."""
    words = [
        sys.executable,
        os.path.abspath(__file__),
        "--json",
        *([str(given.folder.resolve())] if given.folder else []),
    ]
    for name in ("sets", "models", "shares", "series", "rows", "seeds"):
        words += [f"--{name}", str(getattr(given, name))]
    words += ["--only", given.only] if given.only else []
    with tempfile.TemporaryDirectory() as folder:  # away from this checkout, whose code must not be found first
        environment = {**os.environ, "PYTHONPATH": os.path.abspath(given.beside)}
        done = subprocess.run(words, stdout=subprocess.PIPE, text=True, cwd=folder, env=environment, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main(sys.argv[1:])
