"""Reading a million rows of twenty columns, of which four are used: from file to panel, beside pandas' reading of the four.

python tests/benchmarks/bench_reading.py
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from report import Report, cpu, options

from forecast.datasets.profile import profile
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.readers import read_table
from forecast.datasets.tables.schema import panel_from_table

USED = ["unique_id", "ds", "y", "price"]
COLUMNS = Columns(known=("price",))


def table(n_series: int, rows: int) -> pd.DataFrame:
    """Hourly series with times as text, and sixteen columns that nobody reads."""
    random, n = np.random.default_rng(0), n_series * rows
    hours = pd.date_range("2020-01-01", periods=rows, freq="h").strftime("%Y-%m-%d %H:%M:%S")
    ids = np.repeat([f"s{k:04}" for k in range(n_series)], rows)
    columns = {"unique_id": ids, "ds": np.tile(hours, n_series)}
    numbers = {name: random.normal(size=n).round(3) for name in ("y", "price", *(f"x{k}" for k in range(16)))}
    return pd.DataFrame({**columns, **numbers})


def main(argv: list[str] | None = None) -> None:
    given = options(__doc__).parse_args(argv)
    n_series, rows, rounds = (10, 50, 1) if given.smoke else (1000, 1000, 5)
    frame, report = table(n_series, rows), Report(given)
    with tempfile.TemporaryDirectory() as folder:
        csv, parquet = Path(folder, "table.csv"), Path(folder, "table.parquet")
        frame.to_csv(csv, index=False)
        frame.to_parquet(parquet, index=False)
        read: dict[Path, Callable[[], object]] = {
            csv: lambda: pd.read_csv(csv, usecols=USED, dtype={"unique_id": "str"}),
            parquet: lambda: pd.read_parquet(parquet, columns=USED),
        }
        for path, pandas in read.items():
            kind = path.suffix[1:]
            bare = cpu(pandas, rounds)
            whole = cpu(lambda path=path: panel_from_table(read_table(path, COLUMNS), COLUMNS), rounds)
            text = f"{kind}: pandas reads the four columns in {bare:.2f} s of CPU, the panel stands after {whole:.2f}"
            report.line(f"{text}, {whole / bare:.2f} times", **{f"{kind}_ratio": whole / bare})
        panel = panel_from_table(read_table(parquet, COLUMNS), COLUMNS)
        seconds = cpu(lambda: profile(panel), rounds)
        report.line(f"what `check` says beyond that: {seconds:.2f} s", check_seconds=seconds)
    report.close()


if __name__ == "__main__":
    main(sys.argv[1:])
