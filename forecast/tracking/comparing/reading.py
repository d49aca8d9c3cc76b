"""The tables of recorded runs are read back, each once."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from forecast.tracking.store import quiet_and_short

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient


def reader(client: MlflowClient) -> Callable[[str, str], pd.DataFrame | None]:
    """Return a function that reads a table of a run, given the run's id and the file's name; None where it has none."""

    @cache
    def read(run_id: str, name: str) -> pd.DataFrame | None:
        import pandas as pd

        with quiet_and_short(), TemporaryDirectory() as folder:
            try:
                return pd.read_parquet(Path(client.download_artifacts(run_id, name, folder)))
            except Exception:  # MLflow's, the network's, the file system's: a run without it is shown without it
                return None

    return read
