"""Models by their address in MLflow: models:/NAME@ALIAS, models:/NAME/VERSION, runs:/ID/model."""

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
    """The model directory behind an address, for as long as the block lasts.

    Our own loader reads it, never MLflow's, so nothing in it is executed.
    """
    store = Store.of(tracking_uri)
    store.client()
    import mlflow
    from mlflow.exceptions import MlflowException

    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    with tempfile.TemporaryDirectory() as folder, as_current(store.uri):
        try:
            place = Path(mlflow.artifacts.download_artifacts(address, dst_path=folder, tracking_uri=store.uri))
        except (MlflowException, OSError) as error:
            hint = "`forecast ui` shows what is registered."
            raise ModelError(f"there is no model {address}: {error}", hint=hint) from error
        found = next((path.parent for path in place.rglob("MANIFEST.json")), None)
        if found is None:
            raise ModelError(f"{address} is not a model of this toolkit", hint="Fit one with tracking on.")
        yield found
