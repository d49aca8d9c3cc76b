"""The commands print tables, JSON and errors with these functions: data goes to stdout, everything else to stderr."""

from __future__ import annotations

import json
import math
import sys
import traceback
from collections.abc import Container, Iterable, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

from forecast.cli.columns import laid_out, terminal_width
from forecast.datasets.errors import ForecastError
from forecast.progress import doing

if TYPE_CHECKING:
    import pandas as pd

QUIET = False  # set by -q for this process


def say(text: str) -> None:
    """Print a remark for people on stderr; -q silences it."""
    doing("")
    if QUIET:
        return
    if sys.stderr.isatty():  # a terminal would break words; a log is searched line by line
        text = fill(text, terminal_width(), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    print(text, file=sys.stderr)


def show(text: str) -> None:
    """Print a text on stdout."""
    print(text)


def show_json(values: dict[str, Any]) -> None:
    """Print exactly one JSON object on stdout; numbers that are not finite become null."""
    doing("")
    print(json.dumps(_finite(values), default=str, allow_nan=False))


def show_error(error: ForecastError, *, as_json: bool = False, verbose: bool = False) -> None:
    """Print an error on stderr.

    Args:
        error: the error.
        as_json: whether it is printed as one JSON object.
        verbose: whether the traceback comes first.
    """
    if verbose:
        traceback.print_exception(error, file=sys.stderr)
    if as_json:
        print(json.dumps({"error": error.as_dict()}, default=str), file=sys.stderr)
        return
    print(f"error[{error.code}]: {error}", file=sys.stderr)


def show_frame(frame: pd.DataFrame, *, max_rows: int = 40) -> None:
    """Print a frame as a table on stdout; columns without any value are left out.

    Args:
        frame: the frame.
        max_rows: rows that are printed; 40 by default. The others are counted on stderr.
    """
    kept = frame.loc[:, frame.notna().any()] if len(frame) else frame
    numbers = {str(name) for name in kept.columns if kept[name].dtype.kind in "if"}
    rows = [[cell(value) for value in row] for row in kept.head(max_rows).itertuples(index=False)]
    show_rows([str(name) for name in kept.columns], rows, numbers=numbers)
    if len(frame) > max_rows:
        say(f"{len(frame) - max_rows} more rows")


def show_rows(names: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Container[str] = ()) -> None:
    """Print rows as a table on stdout, without pandas, that is as wide as the terminal, and 80 letters in a pipe.

    Args:
        names: headings of the columns.
        rows: cells as text.
        numbers: columns that hold numbers, which are aligned at the right.
    """
    doing("")
    for line in laid_out(names, rows, terminal_width(), numbers=numbers):
        print(line)


def cell(value: Any) -> str:
    """Return the text of a cell: numbers have four digits, or all before the point, and a missing one is blank."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return str(value)


def _finite(value: Any) -> Any:
    """Return a value as JSON takes it, with None for numbers that are not finite."""
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if hasattr(value, "item"):  # numpy's scalars
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
