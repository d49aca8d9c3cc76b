"""The commands do the same around their work: they read the table, choose the tracking and show progress."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.cli import output
from forecast.cli.stages import stages
from forecast.datasets.errors import ConfigError
from forecast.progress import doing

if TYPE_CHECKING:
    import pandas as pd

    from forecast.progress import Progress


@contextmanager
def session(*, quiet: bool, track: bool) -> Iterator[None]:
    """Turn tracking and remarks on or off while the work is done, and show each warning and each stage in one line.

    What any package writes to the system's temporary folder meanwhile is removed at the end, however that comes.

    Args:
        quiet: whether remarks are silenced.
        track: whether runs are recorded in MLflow.
    """
    from forecast.datasets.temporary import own_tempdir
    from forecast.tracking import tracking

    output.QUIET = quiet
    with warnings.catch_warnings(), _notes(), stages(quiet=quiet), own_tempdir():
        warnings.showwarning = lambda message, *place, **more: output.say(f"note: {message}")
        with tracking(track):
            yield


@contextmanager
def _notes() -> Iterator[None]:
    """Show what the library tells its user in the manner of the command line."""
    logger, handler = logging.getLogger("forecast"), logging.Handler()
    handler.emit = lambda record: output.say(f"note: {record.getMessage()}")  # type: ignore[method-assign]
    before, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = before


def read(data: str, values: dict[str, Any]) -> pd.DataFrame:
    """Read the table that DATA names.

    Args:
        data: a file, a data set by name, or - for stdin.
        values: values of `Settings`; those that say what a table is are read.
    """
    from dataclasses import fields

    from forecast.datasets.catalog import catalog, load_dataset
    from forecast.datasets.tables.columns import Columns
    from forecast.datasets.tables.readers import read_encoded

    doing(f"reading {'stdin' if data == '-' else data}")
    if data != "-" and not Path(data).exists() and data in catalog():
        return load_dataset(data)
    given = {field.name: values[field.name] for field in fields(Columns) if values.get(field.name) is not None}
    return read_encoded(data, Columns(**given))


def progress(quiet: bool) -> Progress:
    """Show the progress as a bar on a terminal, and as lines elsewhere."""
    from forecast.progress import progress_for

    return progress_for(lines=True, quiet=quiet)


def refuse_mixed_output(as_json: bool, out: str | None) -> None:
    """Refuse to write both the forecasts and the JSON object to stdout.

    Raises:
        ConfigError: if both would go there.
    """
    if as_json and out == "-":
        raise ConfigError("--json and -o - both write to stdout", hint="Give -o a file name.")


def remarks(notes: tuple[str, ...]) -> None:
    """Print the notes on irregularities of a table that are left as they are."""
    for note in notes:
        output.say(f"note: {note}")
