"""Reading a million rows of twenty columns, of which four are used: from file to panel, beside pandas' reading of the four.

    python tests/benchmarks/bench_reading.py

Seconds are of CPU. The peak of memory is that of a process of its own above what its imports take, in sizes of the table
of the four columns.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.dataset  # what pandas imports when it first reads a file
import pyarrow.parquet  # noqa: F401  # as above
from report import Report, cpu, options

from forecast.datasets.panel import Panel
from forecast.datasets.profile import profile
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.readers import read_encoded
from forecast.datasets.tables.schema import panel_from_table

USED = ["unique_id", "ds", "y", "price"]
COLUMNS = Columns(known=("price",))
MOST_MEMORY = 3  # sizes of the table


def table(n_series: int, rows: int) -> pd.DataFrame:
    """Hourly series with times as text, and sixteen columns that nobody reads."""
    random, n = np.random.default_rng(0), n_series * rows
    hours = pd.date_range("2020-01-01", periods=rows, freq="h").strftime("%Y-%m-%d %H:%M:%S")
    ids = np.repeat([f"s{k:04}" for k in range(n_series)], rows)
    columns = {"unique_id": ids, "ds": np.tile(hours, n_series)}
    numbers = {name: random.normal(size=n).round(3) for name in ("y", "price", *(f"x{k}" for k in range(16)))}
    return pd.DataFrame({**columns, **numbers})


def whole(path: Path) -> Panel:
    """From file to panel."""
    return panel_from_table(read_encoded(path, COLUMNS), COLUMNS)


def peak() -> int:
    """The most bytes that this process had resident; rusage would count those of the process that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def memory(path: Path) -> int:
    """The bytes that a fresh process needs from file to panel."""
    command = [sys.executable, __file__, "--peak", str(path)]
    return int(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def main(argv: list[str] | None = None) -> None:
    parser = options(__doc__)
    parser.add_argument("--peak", type=Path, help="print the memory that this file needs; what a fresh process is for")
    given = parser.parse_args(argv)
    if given.peak is not None:
        base = peak()
        whole(given.peak)
        sys.stdout.write(f"{peak() - base}\n")
        return
    n_series, rows, rounds = (10, 50, 1) if given.smoke else (1000, 1000, 5)
    frame, report = table(n_series, rows), Report(given)
    with tempfile.TemporaryDirectory() as folder:
        csv, parquet = Path(folder, "table.csv"), Path(folder, "table.parquet")
        frame.to_csv(csv, index=False)
        frame.to_parquet(parquet, index=False)
        read: dict[Path, Callable[[], pd.DataFrame]] = {
            csv: lambda: pd.read_csv(csv, usecols=USED, dtype={"unique_id": "str"}),
            parquet: lambda: pd.read_parquet(parquet, columns=USED),
        }
        size = int(read[parquet]().memory_usage(deep=True).sum())
        for path, pandas in read.items():
            kind = path.suffix[1:]
            bare, ours, sizes = cpu(pandas, rounds), cpu(lambda path=path: whole(path), rounds), memory(path) / size
            text = f"{kind}: pandas reads the four columns in {bare:.2f} s of CPU, the panel stands after {ours:.2f}"
            report.line(f"{text}, {ours / bare:.2f} times", **{f"{kind}_ratio": ours / bare})
            text = f"{kind}: the peak of memory is {sizes:.2f} times the four columns' (at most {MOST_MEMORY})"
            report.line(text, **{f"{kind}_memory": sizes})
        panel = whole(parquet)
        seconds = cpu(lambda: profile(panel), rounds)
        report.line(f"what `check` says beyond that: {seconds:.2f} s", check_seconds=seconds)
    report.close()


if __name__ == "__main__":
    main(sys.argv[1:])
