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

from forecast.datasets.addresses import masked, whole, without_password
from forecast.datasets.errors import TrackingError
from forecast.datasets.temporary import beside
from forecast.tracking import URI_VARIABLES
from forecast.tracking.pages import view

if TYPE_CHECKING:
    from mlflow import MlflowClient

HOME = Path(".forecast")  # in the working directory
DEFAULT_EXPERIMENT = "forecast"
SQLITE = "sqlite:///"
OTHERWISE = "name another store with --tracking-uri (tracking_uri=); jobs run without one with --no-track."
PREFLIGHT_SECONDS = 2.0
LONGEST_REASON = 200  # characters of another package's message
# MLflow asks again for minutes, and a request whose answer was lost would be done twice
QUIET_AND_SHORT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}


@contextmanager
def quiet_and_short() -> Iterator[None]:
    """Have MLflow print nothing and ask once; in a notebook its other calls go on as the user has set them up."""
    before = {name: os.environ.get(name) for name in QUIET_AND_SHORT}
    os.environ.update(QUIET_AND_SHORT)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


def brief(error: BaseException) -> str:
    """Return another package's error message as part of a sentence: its first line, without passwords."""
    text = masked(next(iter(str(error).splitlines()), "") or type(error).__name__).rstrip(". ")
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]}..."


def _in_environment() -> str | None:
    return next((os.environ[name] for name in URI_VARIABLES if os.environ.get(name)), None)


@dataclass(frozen=True, kw_only=True)
class Store:
    """A tracking store.

    Args:
        uri: as MLflow takes it, with the password that may be in it.
        artifacts: folder of the artifacts, None where the server decides.
        required: whether a store that cannot be used is an error; otherwise the run stays in the journal.
        is_default: whether nobody named it.
    """

    uri: str
    artifacts: Path | None = None
    required: bool = False
    is_default: bool = False

    @classmethod
    def of(cls, asked: str | None, *, required: bool = False) -> Store:
        """--tracking-uri, FORECAST_TRACKING_URI, MLFLOW_TRACKING_URI, or a database in the working directory.

        Raises:
            TrackingError: if what is asked for is a folder; one that the environment names does not open later.
        """
        named = whole(asked) if asked else _in_environment()
        if named is None:
            home = HOME.absolute()
            return cls(
                uri=f"sqlite:///{home / 'mlflow.db'}", artifacts=home / "artifacts", required=required, is_default=True
            )
        required = required or asked is not None
        if named.startswith(SQLITE):
            database = Path(named.removeprefix(SQLITE)).absolute()
            return cls(uri=f"{SQLITE}{database}", artifacts=database.parent / "artifacts", required=required)
        store = cls(uri=named, required=required)
        if asked:
            store.refuse_folder()
        return store

    @classmethod
    def of_mlflow(cls, uri: str, *, required: bool = False) -> Store:
        """Return the store that MLflow itself uses in this process."""
        if uri.startswith(SQLITE):
            uri = f"{SQLITE}{Path(uri.removeprefix(SQLITE)).absolute()}"
        return cls(uri=uri, required=required)

    @property
    def shown(self) -> str:
        """Return the address without password."""
        return without_password(self.uri)

    @property
    def named(self) -> str | None:
        """Return what a record remembers of its store: the address without password, None where nobody named one."""
        return None if self.is_default else self.shown

    @property
    def is_local(self) -> bool:
        """Return whether the store is a file of this machine, which no network can make wait."""
        return self.uri.startswith(SQLITE)

    def refuse_folder(self) -> None:
        """Raise a TrackingError if the address is a folder, which MLflow no longer writes to."""
        if self.uri.startswith("file:") or ("://" not in self.uri and self.uri != "databricks"):
            hint = (
                "MLflow no longer writes to folders; use sqlite:///runs.db (`mlflow migrate-filestore` moves old runs)."
            )
            raise TrackingError(f"tracking store {self.uri!r} is a folder", hint=hint)

    def client(self) -> MlflowClient:
        """Connect.

        Raises:
            TrackingError: if the store cannot be reached.
        """
        self.refuse_folder()
        self.preflight()
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        import logging

        for name in ("alembic", "mlflow.store.db.utils"):  # they report every table of a fresh database
            logging.getLogger(name).setLevel(logging.WARNING)
        from mlflow import MlflowClient

        try:
            with quiet_and_short(), self.lock():
                self._create()
                client = MlflowClient(self.uri)
                client.search_experiments(max_results=1)
            return client
        except Exception as error:  # MLflow's own, its database's, the network's, the file system's
            hint = f"Check the address, or {OTHERWISE}"
            raise TrackingError(f"tracking store {self.shown}: {brief(error)}", hint=hint) from error

    def experiment_id(self, client: MlflowClient, name: str) -> str:
        """The experiment's id; it is created on first use, and its page has a view of the best evaluations."""
        found = client.get_experiment_by_name(name)
        if found is not None:
            view.show(client, found)
            return str(found.experiment_id)
        with self.lock():
            found = client.get_experiment_by_name(name)
            if found is not None:
                return str(found.experiment_id)
            place = None if self.artifacts is None else (self.artifacts / name.replace("/", "_")).as_uri()
            return str(client.create_experiment(name, artifact_location=place, tags=view.tags()))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One process at a time: several that create one sqlite store at once break it."""
        if not self.is_local:
            yield
            return
        path = Path(self.uri.removeprefix(SQLITE))
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.with_suffix(".lock")):
            yield

    def _create(self) -> None:
        """Make the database of a store that has none yet, whole or not at all.

        MLflow makes the tables one after another, and can go on neither with some of them nor with half of a change.
        """
        if not self.is_local:
            return
        database = Path(self.uri.removeprefix(SQLITE))
        if database.exists():
            return
        from mlflow.tracking._tracking_service.utils import _get_store

        with beside(database, folder=True) as folder:
            fresh = folder / database.name
            made = _get_store(f"{SQLITE}{fresh}")
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
                f"tracking server {self.shown} does not answer: {error}", hint=f"Start it, or {OTHERWISE}"
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
