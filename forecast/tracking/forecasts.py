"""A prediction is recorded in the journal: what was forecast, by which model, from which rows, and into which file."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.datasets.fingerprint import described, panel_sha256
from forecast.tracking import record
from forecast.tracking.comparing.results import FORECASTS, PREVIEW, ROWS_SHOWN, plain
from forecast.tracking.environment import FIT_RECORD, process, toolkit
from forecast.tracking.journal import ARTIFACTS, Entry, begin
from forecast.tracking.pages.descriptions import of_prediction
from forecast.tracking.pages.names import run_name
from forecast.tracking.pages.tags import DESCRIPTION
from forecast.tracking.store import DEFAULT_EXPERIMENT, Store

if TYPE_CHECKING:
    import pandas as pd

    from forecast.datasets.panel import Panel
    from forecast.fitted import FittedModel

KIND = "predict"
OUTPUT, OUTPUT_SHA256 = "forecast.output", "forecast.output_sha256"
OF_RECORD = "forecast.record"  # the fact by which a file of forecasts names the record of its making
ASKED = "predict."  # before the params of what was asked of the model
ROWS_KEPT = 1_000_000


def new_record() -> str:
    """Return the id of a record that is yet to be written, so that the forecast's file can carry it."""
    return uuid.uuid4().hex


@dataclass(frozen=True, kw_only=True)
class Forecasts:
    """Forecasts as they were made.

    Args:
        record: id of the record.
        fitted: the model.
        panel: the rows that it forecast from.
        frame: the long table of forecasts, as pandas.
        source: address of those rows; None for the model's own.
        output: the file that the forecasts are in; None for stdout or memory.
        asked: what was asked of the model by name, such as the horizon; what is None is left out.
        seconds: wall seconds that it took.
    """

    record: str
    fitted: FittedModel
    panel: Panel
    frame: pd.DataFrame
    source: str | None
    output: Path | None
    asked: dict[str, Any]
    seconds: float


def record_forecasts(
    made: Forecasts,
    *,
    experiment: str | None = None,
    tracking_uri: str | None = None,
    journal: str | None = None,
    tags: dict[str, str] | None = None,
) -> Path:
    """Write the record of a prediction to the journal; the next command that knows MLflow sends it.

    Args:
        made: the forecasts.
        experiment: name of the experiment; None takes that of the model.
        tracking_uri: URI of the MLflow store that it is meant for; None takes the usual one.
        journal: folder of the journal; None takes the usual one.
        tags: further tags; None for none.

    Returns:
        The folder of the entry.

    Raises:
        OSError: if nothing can be written.
        TrackingError: if the address can be no store.
    """
    fitted, settings = made.fitted, made.fitted.settings
    sha256, data = panel_sha256(made.panel), described(made.panel)
    steps = made.asked.get("horizon") or settings.horizon
    entry = Entry(
        record=made.record,
        experiment=experiment or settings.experiment or DEFAULT_EXPERIMENT,
        run_name=run_name(settings.model, made.source, steps, KIND),
        tags={**record.opened(KIND, settings.model, made.source), **toolkit(), **process()},
        params=record.params(fitted.resolved) | {f"{ASKED}{n}": str(v) for n, v in made.asked.items() if v is not None},
        dataset=record.dataset_input(made.panel, sha256, made.source),
        store=Store.of(tracking_uri).named,
    )
    entry.started -= round(1000 * made.seconds)
    entry.tags |= record.tags(fitted, sha256)
    entry.tags |= {f"forecast.dataset.{name}": str(value) for name, value in data.items()} | (tags or {})
    file = None if made.output is None else str(made.output)
    entry.tags[DESCRIPTION] = of_prediction(settings, data, made.source, steps, file, fitted.run_id)
    if fitted.run_id is not None:
        entry.tags[FIT_RECORD] = fitted.run_id
    if made.output is not None:
        entry.tags |= {OUTPUT: str(made.output), OUTPUT_SHA256: file_sha256(made.output)}
    entry.metrics = [
        ("rows", float(len(made.frame)), 0, entry.started),
        ("predict_seconds", made.seconds, 0, entry.started),
    ]
    entry.close("FINISHED")
    return begin(entry, journal, lambda folder: _keep(made.frame, folder / ARTIFACTS))


def file_sha256(path: Path) -> str:
    """Hash a file's bytes to 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _keep(frame: pd.DataFrame, folder: Path) -> None:
    """Write the forecasts, unless they are very many, and the first of them as MLflow shows them."""
    folder.mkdir()
    table = plain(frame)
    table.head(ROWS_SHOWN).to_csv(folder / PREVIEW, index=False)
    if len(table) <= ROWS_KEPT:
        table.to_parquet(folder / FORECASTS, index=False)
