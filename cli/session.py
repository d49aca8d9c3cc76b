"""What fit and evaluate do around the work: read the table, choose the tracking, show progress."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.cli import output
from forecast.datasets.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from forecast.progress import Progress


@contextmanager
def session(*, quiet: bool, track: bool) -> Iterator[None]:
    """Tracking on or off, remarks shown or not, warnings as one line each."""
    from forecast.tracking import tracking

    output.QUIET = quiet
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *place, **more: output.say(f"note: {message}")
        with tracking(track):
            yield


def read(data: str, values: dict[str, Any]) -> pd.DataFrame:
    """The table behind DATA: a file, stdin, or a data set by name."""
    from forecast.datasets.catalog import catalog, load_dataset
    from forecast.datasets.tables.readers import read_table

    if data != "-" and not Path(data).exists() and data in catalog():
        return load_dataset(data)
    identity = values.get("id")
    return read_table(data, ids=(identity,) if identity else ())


def progress(quiet: bool) -> Progress:
    """A bar on a terminal, a line an epoch elsewhere."""
    from forecast.progress import progress_for

    return progress_for(lines=True, quiet=quiet)


def refuse_mixed_output(as_json: bool, out: str | None) -> None:
    """Two things cannot both have stdout."""
    if as_json and out == "-":
        raise ConfigError("--json and -o - both write to stdout", hint="Give -o a file name.")


def remarks(notes: tuple[str, ...]) -> None:
    """What was found in the table and left as it is, once."""
    for note in notes:
        output.say(f"note: {note}")
