"""What the scripts here share: the options `--smoke` and `--json`, and where lines and numbers go."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from forecast.datasets.synthetic import synthetic

MADE_UP = "made_up"  # the set that stands in where no folder is given


def options(description: str | None, *, folder: bool = False) -> argparse.ArgumentParser:
    """A parser that knows what every script takes.

    Args:
        description: the script's docstring.
        folder: whether it reads a folder of benchmark files; without one it runs on made-up data.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    if folder:
        parser.add_argument("folder", type=Path, nargs="?", help="benchmark files; made-up data without it")
    parser.add_argument(
        "--smoke", action="store_true", help="seconds on made-up data: it runs, the numbers mean nothing"
    )
    parser.add_argument("--json", action="store_true", help="the numbers as one object on stdout, the lines on stderr")
    return parser


def table(folder: Path | None, name: str, columns: Sequence[str] = ("unique_id", "ds", "y")) -> pd.DataFrame:
    """A benchmark file's columns, or four made-up monthly series where no folder is given."""
    if folder is None:
        return synthetic(4, 72)
    return pd.read_parquet(folder / f"{name}.parquet")[list(columns)]


def cpu(work: Callable[[], object], rounds: int) -> float:
    """Median CPU seconds of some rounds of work."""
    seconds = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return statistics.median(seconds)


class Report:
    """Lines for a person as they come, numbers for `--json` at the end.

    Args:
        given: the parsed options.
    """

    def __init__(self, given: argparse.Namespace) -> None:
        self.json, self.numbers = bool(given.json), dict[str, float]()
        self.stream = sys.stderr if given.json else sys.stdout

    def line(self, text: str, **numbers: float) -> None:
        """Print a line and keep the numbers in it."""
        self.stream.write(text + "\n")
        self.stream.flush()
        self.numbers |= {name: float(value) for name, value in numbers.items()}

    def row(self, *cells: Any, **numbers: float) -> None:
        """Print a line of a Markdown table."""
        self.line(f"| {' | '.join(map(str, cells))} |", **numbers)

    def head(self, *names: str) -> None:
        """Print a Markdown table's head."""
        self.row(*names)
        self.line("|---" * len(names) + "|")

    def close(self) -> None:
        """Print the numbers, if they were asked for."""
        if self.json:
            sys.stdout.write(json.dumps(self.numbers) + "\n")
