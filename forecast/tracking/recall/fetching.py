"""A recorded model is fetched as a model directory, from the journal or from the store."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from forecast.datasets.errors import ModelError
from forecast.tracking.environment import FIT_RECORD, FIT_RUN
from forecast.tracking.journal import MODEL, RECORD, REFUSED, journals
from forecast.tracking.recall.addresses import ModelAddress, RunAddress, is_address, parsed
from forecast.tracking.recall.finding import SHOWN, of_record, one_run, registered
from forecast.tracking.store import Store, as_current, brief, quiet_and_short

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlflow import MlflowClient
    from mlflow.entities import Run

    from forecast.fitted import FittedModel
    from forecast.networks.cell_table import CellMaker

PACKED = Path(MODEL) / "data" / "forecast"  # the model directory inside an entry of the journal
MANIFEST = "MANIFEST.json"
WITHOUT = "A fit and an evaluation hold models; `forecast runs list` (fc.runs()) lists them."


@contextmanager
def fetched(address: str, tracking_uri: str | None = None, journal: str | None = None) -> Iterator[Path]:
    """Download the model directory behind an address; it is deleted at the end of the `with` block.

    It is read by our own loader and never by MLflow's, so that nothing in it is executed. A run that is still in the
    journal is found there, without a store.

    Args:
        address: runs:/ID, with the first letters of the id of a run or of its record, models:/NAME@ALIAS or
            models:/NAME/VERSION. Of a run of a prediction, it is the model that predicted.
        tracking_uri: URI of the MLflow store; None takes the environment's, or the store in the working directory.
        journal: folder of the journal; None takes the environment's, or the one in the working directory.

    Raises:
        ModelError: if there is no such model, the address fits several, or it is not one of this toolkit.
        TrackingError: if the store cannot be reached.
    """
    place = parsed(address)
    kept = _kept(place.start, journal) if isinstance(place, RunAddress) else None
    if kept is not None:
        yield kept
        return
    store = Store.of(tracking_uri)
    with quiet_and_short(), tempfile.TemporaryDirectory() as folder:
        uri = _uri(store.client(), place, store)
        yield _directory(uri, address, Path(folder), store)


def load(
    model: str | Path,
    *,
    cells: Mapping[str, CellMaker] | None = None,
    tracking_uri: str | None = None,
    journal: str | None = None,
) -> FittedModel:
    """Read a model from its directory, or from the address of a recorded one.

    Args:
        model: a model directory, or an address as `fetched` takes it.
        cells: classes of the user's own cells by name; None if there are none.
        tracking_uri: URI of the MLflow store; None takes the usual one.
        journal: folder of the journal; None takes the usual one.

    Raises:
        ModelError: if there is no such model, or its directory is damaged or of another schema.
        TrackingError: if the store cannot be reached.
    """
    from forecast.storage.saving import load as read

    if not is_address(model):
        return read(model, cells=cells)
    with fetched(str(model), tracking_uri, journal) as directory:
        return read(directory, cells=cells)


def _uri(client: MlflowClient, place: RunAddress | ModelAddress, store: Store) -> str:
    """Return MLflow's own URI of the model."""
    if isinstance(place, RunAddress):
        return f"models:/{model_of(client, one_run(client, place.start, store=store.shown), place.name)}"
    if place.logged is not None:
        return f"models:/{place.logged}"
    version = registered(client, place)
    return f"models:/{version.name}/{version.version}"


def model_of(client: MlflowClient, run: Run, name: str | None = None) -> str:
    """Return the id of a run's model, or of the model that a run without one has used."""
    ids = [output.model_id for output in (run.outputs.model_outputs if run.outputs else [])]
    label = f"run {run.info.run_id[:SHOWN]} ({run.info.run_name})"
    if len(ids) > 1 and name is not None:
        ids = [key for key in ids if client.get_logged_model(key).name == name]
    if len(ids) > 1:
        raise ModelError(
            f"{label} holds {len(ids)} models", hint=f"Write {', '.join(f'models:/{key}' for key in ids)}."
        )
    if ids:
        return ids[0]
    tags = run.data.tags
    used = tags.get(FIT_RUN) or tags.get(FIT_RECORD)
    source = None if used is None else of_record(client, used)
    if source is not None and source.info.run_id != run.info.run_id:
        return model_of(client, source)
    raise ModelError(f"{label} holds no model: its status is {run.info.status}", hint=WITHOUT)


def _directory(uri: str, address: str, folder: Path, store: Store) -> Path:
    """Download a model into a folder, and return the model directory in it."""
    import mlflow
    from mlflow.exceptions import MlflowException

    with as_current(store.uri):
        try:
            place = Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(folder), tracking_uri=store.uri))
        except (MlflowException, OSError) as error:
            raise ModelError(f"{address} cannot be fetched from {store.shown}: {brief(error)}") from error
    directory = next((path.parent for path in place.rglob(MANIFEST)), None)
    if directory is None:
        raise ModelError(f"{address} is not a model of this toolkit", hint="Fit one with tracking on.")
    return directory


def _kept(start: str, journal: str | None) -> Path | None:
    """Return the model directory of the one entry in the journals whose record begins so; None where there is none."""
    found: dict[str, Path] = {}
    for folder in journals(journal):
        for place in (folder, folder / REFUSED):
            names = os.listdir(place) if place.is_dir() else []
            entries = [place / name for name in names if RECORD.fullmatch(name) and name.startswith(start)]
            found |= {entry.name: entry / PACKED for entry in entries if (entry / PACKED / MANIFEST).is_file()}
    return next(iter(found.values())) if len(found) == 1 else None
