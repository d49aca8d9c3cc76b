"""Where a file of forecasts comes from: the model, the data, the settings, and how good it was."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.datasets.declarations import defaults
from forecast.datasets.errors import ModelError, TrackingError
from forecast.settings import Settings
from forecast.tracking.comparing.boards import run_row
from forecast.tracking.delivery.syncing import sync
from forecast.tracking.environment import SCORE
from forecast.tracking.forecasts import ASKED, OUTPUT_SHA256, file_sha256
from forecast.tracking.pages.tags import KIND
from forecast.tracking.recall.finding import SHOWN
from forecast.tracking.recall.forecast_files import check_file, entry_of_file, maker_of_file
from forecast.tracking.recall.lineage import evaluation_of, is_of_same_model, maker_of
from forecast.tracking.record import DATASET_SHA256, MODEL, SOURCE, TRACKING_SETTINGS
from forecast.tracking.store import Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

DATASET = "forecast.dataset."


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a file of forecasts comes from.

    Args:
        file: the file.
        changed: whether it was changed since it was written; None where that is not on record.
        made: time at which the prediction was made, UTC.
        run_id: id of its run in MLflow; None while it is in the journal.
        record: id of its record.
        model: name of the model.
        made_by: the run whose model it is, by what is shown of it; empty where that is not on record.
        data: the rows that it was forecast from, by what is shown of them.
        asked: what was asked of the model, as text by name.
        settings: the settings that the model used, as text by name.
        evaluation: the backtest of the model that is on record; empty where there is none.
        score: metrics that actuals gave the forecasts, by name; empty until `forecast score`.
    """

    file: str
    changed: bool | None
    made: datetime
    run_id: str | None
    record: str
    model: str
    made_by: dict[str, Any] = field(default_factory=dict)
    data: dict[str, str] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    evaluation: dict[str, Any] = field(default_factory=dict)
    score: dict[str, float] = field(default_factory=dict)

    @property
    def own_settings(self) -> dict[str, str]:
        """Return the settings that are not the defaults; columns are among them, tracking is not."""
        usual = {name: str(value) for name, value in defaults(Settings).items()}
        return {n: v for n, v in self.settings.items() if n in usual and v != usual[n] and n not in TRACKING_SETTINGS}


def origin(file: str | Path, *, tracking_uri: str | None = None, journal: str | None = None) -> Origin:
    """Tell where a file of forecasts comes from; what the journal keeps is sent before, for a second at most.

    Args:
        file: file that `forecast predict` wrote. A .parquet file carries the id of its record; others are known by their
            bytes, and so as long as nobody changes them.
        tracking_uri: URI of the MLflow store; None takes the environment's, or the store in the working directory.
        journal: folder of the journal; None takes the environment's, or the one in the working directory.

    Raises:
        DataError: if there is no such file.
        ModelError: if nothing is on record about it.
        TrackingError: if the store cannot be reached, and the journal does not know the file.
    """
    path = Path(file)
    check_file(path)
    store = Store.of(tracking_uri)
    try:
        client = store.client()
        sync(client, store, journal, anyhow=tracking_uri is not None)
        return _of_run(client, path, store)
    except (ModelError, TrackingError):
        kept = entry_of_file(path, journal)
        if kept is None:
            raise
        return Origin(**_facts(path, kept.tags, kept.params, kept.started), run_id=None)


def _of_run(client: MlflowClient, path: Path, store: Store) -> Origin:
    run = maker_of_file(client, path, store=store.shown)
    maker, evaluation = maker_of(client, run), evaluation_of(client, run)
    metrics = run.data.metrics
    found: dict[str, Any] = {"run_id": run.info.run_id}
    if maker is not None and maker.info.run_id != run.info.run_id:
        about = maker.data.tags
        found["made_by"] = {"run_id": maker.info.run_id, "kind": about.get(KIND, ""), **_data(about)}
    if evaluation is not None:
        row = run_row(evaluation, "mase")
        kept = {name: row[name] for name in ("run_id", "mase", "skill", "horizon", "cutoffs", "coverage", "interval")}
        found["evaluation"] = {**kept, "of_this_model": is_of_same_model(client, run, evaluation)}
    found["score"] = {name.removeprefix(SCORE): v for name, v in metrics.items() if name.startswith(SCORE)}
    return Origin(**_facts(path, run.data.tags, run.data.params, run.info.start_time), **found)


def _facts(path: Path, tags: dict[str, str], params: dict[str, str], started: int) -> dict[str, Any]:
    """Return what a record says by itself."""
    sha256 = tags.get(OUTPUT_SHA256)
    return {
        "file": str(path),
        "changed": None if sha256 is None else sha256 != file_sha256(path),
        "made": datetime.fromtimestamp(started / 1000, UTC),
        "record": tags["forecast.record"],
        "model": tags.get(MODEL, ""),
        "data": _data(tags),
        "asked": {name.removeprefix(ASKED): value for name, value in params.items() if name.startswith(ASKED)},
        "settings": {name: value for name, value in params.items() if "." not in name},
    }


def _data(tags: dict[str, str]) -> dict[str, str]:
    source = {"source": tags[SOURCE]} if SOURCE in tags else {}
    about = {name.removeprefix(DATASET): value for name, value in tags.items() if name.startswith(DATASET)}
    return {**source, **about, "sha256": tags.get(DATASET_SHA256, "")[: 2 * SHOWN]}
