"""Where runs are kept, and how to get at it without waiting for a server that is down."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from forecast.datasets.errors import TrackingError
from forecast.datasets.temporary import beside
from forecast.tracking import URI_VARIABLES

if TYPE_CHECKING:
    from mlflow import MlflowClient

HOME = Path(".forecast")  # in the working directory
DEFAULT_EXPERIMENT = "forecast"
PREFLIGHT_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Store:
    """A tracking store.

    Args:
        uri: as MLflow takes it.
        artifacts: folder of the artifacts, None where the server decides.
        required: whether a store that cannot be used is an error; otherwise the run goes to the local journal.
    """

    uri: str
    artifacts: Path | None
    required: bool

    @classmethod
    def of(cls, asked: str | None) -> Store:
        """--tracking-uri, FORECAST_TRACKING_URI, MLFLOW_TRACKING_URI, or a database in the working directory."""
        named = asked or next((os.environ[name] for name in URI_VARIABLES if os.environ.get(name)), None)
        if named is None:
            home = HOME.resolve()
            return cls(uri=f"sqlite:///{home / 'mlflow.db'}", artifacts=home / "artifacts", required=False)
        if named.startswith("sqlite:///"):
            database = Path(named.removeprefix("sqlite:///")).resolve()
            artifacts = database.parent / "artifacts"
            return cls(uri=f"sqlite:///{database}", artifacts=artifacts, required=asked is not None)
        if "://" not in named or named.startswith("file:"):
            hint = (
                "MLflow no longer writes to folders; use sqlite:///runs.db (`mlflow migrate-filestore` moves old runs)."
            )
            raise TrackingError(f"tracking store {named!r} is a folder", hint=hint)
        return cls(uri=named, artifacts=None, required=asked is not None)

    def client(self) -> MlflowClient:
        """Connect.

        Raises:
            TrackingError: if the store cannot be reached.
        """
        self.preflight()
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        import logging

        for name in ("alembic", "mlflow.store.db.utils"):  # they report every table of a fresh database
            logging.getLogger(name).setLevel(logging.WARNING)
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        try:
            with self.lock():
                self._create()
                client = MlflowClient(self.uri)
                client.search_experiments(max_results=1)
            return client
        except (MlflowException, OSError) as error:
            raise TrackingError(
                f"tracking store {self.uri}: {error}", hint="Check the address, or use --no-track."
            ) from error

    def experiment_id(self, client: MlflowClient, name: str) -> str:
        """The experiment's id; it is created on first use."""
        with self.lock():
            found = client.get_experiment_by_name(name)
            if found is not None:
                return str(found.experiment_id)
            place = None if self.artifacts is None else (self.artifacts / name.replace("/", "_")).as_uri()
            return str(client.create_experiment(name, artifact_location=place))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One process at a time: several that create one sqlite store at once break it."""
        if not self.uri.startswith("sqlite:///"):
            yield
            return
        path = Path(self.uri.removeprefix("sqlite:///"))
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.with_suffix(".lock")):
            yield

    def _create(self) -> None:
        """Make the database of a store that has none yet, whole or not at all.

        MLflow makes the tables one after another, and can go on neither with some of them nor with half of a change.
        """
        if not self.uri.startswith("sqlite:///"):
            return
        database = Path(self.uri.removeprefix("sqlite:///"))
        if database.exists():
            return
        from mlflow.tracking._tracking_service.utils import _get_store

        with beside(database, folder=True) as folder:
            fresh = folder / database.name
            made = _get_store(f"sqlite:///{fresh}")
            made.search_experiments(max_results=1)
            made.engine.dispose()
            os.replace(fresh, database)

    def preflight(self) -> None:
        """Ask a server whether it is there: MLflow waits minutes for one that is not, and a socket tells in no time.

        Raises:
            TrackingError: if it does not answer.
        """
        address = urlsplit(self.uri)
        if address.scheme not in ("http", "https") or address.hostname is None:
            return
        port = address.port or {"http": 80, "https": 443}[address.scheme]
        try:
            socket.create_connection((address.hostname, port), timeout=PREFLIGHT_SECONDS).close()
        except OSError as error:
            raise TrackingError(
                f"tracking server {self.uri} does not answer: {error}", hint="Start it, or use --no-track."
            ) from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock file; the system lets go of it if this process dies."""
    with open(path, "w") as file:
        if sys.platform == "win32":  # which has no fcntl
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
            try:
                yield
            finally:
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
            yield


@contextmanager
def as_current(uri: str) -> Iterator[None]:
    """MLflow's model API knows only a global store, which it also writes to the environment; both are put back."""
    from mlflow.tracking._tracking_service.utils import _use_tracking_uri

    variable = "MLFLOW_TRACKING_URI"
    before = os.environ.get(variable)
    try:
        with _use_tracking_uri(uri):
            yield
    finally:
        os.environ.pop(variable, None)
        if before is not None:
            os.environ[variable] = before
