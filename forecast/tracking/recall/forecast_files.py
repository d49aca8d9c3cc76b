"""The run that made a file of forecasts is found by what the file carries, or by its bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from forecast.datasets.errors import DataError, ModelError
from forecast.tracking.environment import RECORD
from forecast.tracking.forecasts import KIND, OF_RECORD, OUTPUT, OUTPUT_SHA256, file_sha256
from forecast.tracking.journal import Entry, due
from forecast.tracking.recall.finding import of_record, places, search

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

ATTRS = b"PANDAS_ATTRS"  # where pandas keeps the facts of a frame in a Parquet file
HINT = "Forecasts are recorded by `forecast predict -o FILE` and `forecast run`, unless --no-track is given."


def check_file(path: Path) -> None:
    """Refuse a path that is no file.

    Raises:
        DataError: if it is none.
    """
    if not path.is_file():
        raise DataError(f"{path} is no file", hint="Name a file that `forecast predict -o FILE` wrote.")


def carried_record(path: Path) -> str | None:
    """Return the id of the record that a Parquet file of forecasts carries; None for other files."""
    if path.suffix != ".parquet":
        return None
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        facts = json.loads((pq.read_schema(path).metadata or {}).get(ATTRS, b"{}"))
    except (pa.ArrowException, ValueError):
        return None
    found = facts.get(OF_RECORD) if isinstance(facts, dict) else None
    return found if isinstance(found, str) else None


def maker_of_file(client: MlflowClient, path: Path, *, store: str) -> Run:
    """Return the run of the prediction that wrote a file.

    Args:
        client: client of the store.
        path: the file.
        store: the store's address, as a message shows it.

    Raises:
        ModelError: if the store knows none.
    """
    record = carried_record(path)
    found = None if record is None else of_record(client, record)
    if found is None:
        query = f"tags.`forecast.kind` = '{KIND}' AND tags.`{OUTPUT_SHA256}` = '{file_sha256(path)}'"
        alike = search(client, places(client), query)  # two predictions may have written the same bytes
        found = next((run for run in alike if _name(run) == path.name), alike[0] if alike else None)
    if found is None:
        where = f"{store} has no run that made {path}"
        what = where if record is not None else f"{where}, or it was changed since: it carries no record"
        raise ModelError(what, hint=HINT)
    return found


def _name(run: Run) -> str:
    """Return the name of the file that a prediction wrote."""
    return Path(run.data.tags.get(OUTPUT, "")).name


def entry_of_file(path: Path, journal: str | None) -> Entry | None:
    """Return the record of the prediction that wrote a file, while it is still in the journal; None if it is not."""
    record, sha256 = carried_record(path), file_sha256(path)
    for place in due(journal):
        try:
            entry = Entry.read(place)
        except (ValueError, TypeError, OSError):
            continue
        if entry.record == record or entry.tags.get(OUTPUT_SHA256) == sha256:
            entry.tags.setdefault(RECORD, entry.record)
            return entry
    return None
