"""Models that are read by their address in MLflow: models:/NAME@ALIAS, models:/NAME/VERSION, runs:/ID/model."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forecast.datasets.errors import ModelError
from forecast.tracking.store import Store, as_current

SCHEMES = ("models:/", "runs:/")


@contextmanager
def fetched(address: str, tracking_uri: str | None = None) -> Iterator[Path]:
    """Download the model directory behind an address; it is deleted at the end of the `with` block.

    It is read by our own loader and never by MLflow's, so that nothing in it is executed.

    Args:
        address: models:/NAME@ALIAS, models:/NAME/VERSION or runs:/ID/model.
        tracking_uri: URI of the MLflow store; None takes the environment's, or the store in the working directory.

    Raises:
        ModelError: if there is no such model, or it is not one of this toolkit.
        TrackingError: if the store cannot be reached.
    """
    store = Store.of(tracking_uri)
    store.client()
    import mlflow
    from mlflow.exceptions import MlflowException

    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    with tempfile.TemporaryDirectory() as folder, as_current(store.uri):
        try:
            download = Path(mlflow.artifacts.download_artifacts(address, dst_path=folder, tracking_uri=store.uri))
        except (MlflowException, OSError) as error:
            hint = "`forecast ui` shows what is registered."
            raise ModelError(f"there is no model {address}: {error}", hint=hint) from error
        directory = next((path.parent for path in download.rglob("MANIFEST.json")), None)
        if directory is None:
            raise ModelError(f"{address} is not a model of this toolkit", hint="Fit one with tracking on.")
        yield directory
