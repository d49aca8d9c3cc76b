"""A run in MLflow is created before the work and closed whatever happens to the work."""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.datasets.ending import if_ended
from forecast.datasets.errors import TrackingError
from forecast.datasets.fingerprint import panel_sha256
from forecast.settings import Settings
from forecast.tracking import record
from forecast.tracking.environment import environment, is_dead, process
from forecast.tracking.journal import MAX_METRICS_PER_CALL, Entry, forward
from forecast.tracking.run import Run
from forecast.tracking.store import DEFAULT_EXPERIMENT, Store

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from forecast.datasets.panel import Panel
    from forecast.datasets.windows.origins import Origins
    from forecast.evaluation.result import Outcome
    from forecast.fitted import FittedModel
    from forecast.tracking.logger import RunLogger

Rows = list[tuple[str, float, int, int]]


@contextmanager
def open_run(kind: str, settings: Settings, name: str) -> Iterator[Run]:
    """Open a run that is closed with the block's outcome.

    A store that cannot be reached is an error only where the settings name it; else the run goes to the journal.

    Args:
        kind: "fit" or "evaluate".
        settings: the user's settings, with experiment, run name and store.
        name: name of the model.

    Raises:
        TrackingError: if the store that the settings name cannot be used.
    """
    experiment = settings.experiment or DEFAULT_EXPERIMENT
    tags = {"forecast.kind": kind, "forecast.model": name, **environment(), **process()}
    run_name = settings.run_name or name
    try:
        store = Store.of(settings.tracking_uri)
        client = store.client()
        run = _begin(client, store, experiment, run_name, tags)
        forward(client, store)
    except TrackingError as error:
        if settings.tracking_uri is not None:
            raise
        warnings.warn(f"{error.message}; the run is kept in .forecast/journal and sent later", stacklevel=4)
        run = JournalRun(Entry(experiment=experiment, run_name=run_name, tags=tags))
    status = "FINISHED"
    try:
        with if_ended(lambda: run.close("KILLED"), slow=True):
            yield run
    except Exception:
        status = "FAILED"
        raise
    except BaseException:  # Ctrl-C, SIGTERM
        status = "KILLED"
        raise
    finally:
        run.close(status)


class JournalRun(Run):
    """A run that keeps names and numbers in the local journal; it stores no figures, tables and models.

    Args:
        entry: the entry that is filled, and written when the run closes.
    """

    _curve: RunLogger | None = None

    def __init__(self, entry: Entry) -> None:
        self.entry = entry

    def logger(self) -> RunLogger:
        """Return a Lightning logger for the learning curve."""
        from forecast.tracking.logger import RunLogger

        self.flush()
        self._curve = RunLogger(self.send, str(self.run_id or "journal"))
        return self._curve

    def flush(self) -> None:
        """Send the buffered rest of the learning curve."""
        if self._curve is not None:
            self._curve.save()

    def record_fit(self, fitted: FittedModel, panel: Panel, source: str | None) -> None:
        self._record(fitted, panel, source, record.fit_metrics(fitted))

    def record_evaluation(self, outcome: Outcome, panel: Panel, origins: Origins, source: str | None) -> None:
        metrics = record.evaluation_metrics(outcome, outcome.baselines)
        self._record(outcome.fitted, panel, source, metrics)

    def close(self, status: str) -> None:
        """Write the entry with the status FINISHED, FAILED or KILLED."""
        self.flush()
        self.entry.status = status
        self.entry.write()

    def send(self, rows: Rows) -> None:
        """Record rows of metrics."""
        self.entry.metrics += rows

    def tag(self, tags: dict[str, str]) -> None:
        """Record tags."""
        self.entry.tags |= tags

    def param(self, params: dict[str, str]) -> None:
        """Record parameters."""
        self.entry.params |= params

    def _record(self, fitted: FittedModel, panel: Panel, source: str | None, metrics: list[record.Row]) -> None:
        now = int(time.time() * 1000)
        self.param(record.params(fitted))
        self.tag(record.tags(fitted, panel_sha256(panel), source))
        self.tag({f"forecast.dataset.{name}": str(value) for name, value in record.dataset(panel).items()})
        self.send([(name, value, step, now) for name, value, step in metrics])


class MlflowRun(JournalRun):
    """A run that writes to the store at once.

    Args:
        client: client of the store.
        uri: URI of the store.
        run_id: id of the run.
        ends_run: whether closing ends the run in the store; the user ends a run that was active before.
    """

    def __init__(self, client: MlflowClient, uri: str, run_id: str, *, ends_run: bool) -> None:
        self.client, self.uri, self.run_id, self.ends_run = client, uri, run_id, ends_run

    def record_fit(self, fitted: FittedModel, panel: Panel, source: str | None) -> None:
        from forecast.tracking.artifacts import log_dataset, log_figure, log_memory, log_model

        with self._reached():
            super().record_fit(fitted, panel, source)
            log_dataset(self, panel, source)
            log_figure(self, fitted, panel, fitted.last_origins(panel))
            log_memory(self, fitted)
            log_model(self, fitted)

    def record_evaluation(self, outcome: Outcome, panel: Panel, origins: Origins, source: str | None) -> None:
        from forecast.tracking.artifacts import log_dataset, log_figure, log_model, log_table

        with self._reached():
            super().record_evaluation(outcome, panel, origins, source)
            log_dataset(self, panel, source)
            log_figure(self, outcome.fitted, panel, origins)
            log_table(self, outcome.scores.by_series(panel), "metrics_by_series")
            log_model(self, outcome.fitted)

    def close(self, status: str) -> None:
        try:
            with self._reached():
                self.flush()
                if self.ends_run:
                    self.client.set_terminated(self.run_id, status)
        except TrackingError as error:  # the work's own outcome, which may be an error, counts for more
            warnings.warn(f"the run could not be closed: {error.message}", stacklevel=2)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Ask a server whether it is there before anything is sent, and say in our words what fails.

        Raises:
            TrackingError: if the store does not answer, or refuses what is sent.
        """
        from mlflow.exceptions import MlflowException

        Store(uri=self.uri, artifacts=None, required=False).preflight()
        try:
            yield
        except MlflowException as error:
            hint = "What was fitted is not lost: a model directory that was asked for is written before."
            raise TrackingError(f"tracking store {self.uri}: {error}", hint=hint) from error

    def send(self, rows: Rows) -> None:
        from mlflow.entities import Metric

        Store(uri=self.uri, artifacts=None, required=False).preflight()  # while the network learns
        metrics = [Metric(name, value, at, step) for name, value, step, at in rows]
        for first in range(0, len(metrics), MAX_METRICS_PER_CALL):
            self.client.log_batch(str(self.run_id), metrics[first : first + MAX_METRICS_PER_CALL])

    def tag(self, tags: dict[str, str]) -> None:
        from mlflow.entities import RunTag

        self.client.log_batch(str(self.run_id), tags=[RunTag(name, value) for name, value in tags.items()])

    def param(self, params: dict[str, str]) -> None:
        from mlflow.entities import Param

        self.client.log_batch(str(self.run_id), params=[Param(name, value) for name, value in params.items()])

    def artifact(self, write: Any, name: str) -> None:
        """Store a file of this name that `write(path)` writes."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            write(path)
            self.client.log_artifact(str(self.run_id), str(path))


def _begin(client: MlflowClient, store: Store, experiment: str, run_name: str, tags: dict[str, str]) -> JournalRun:
    import mlflow

    active = mlflow.active_run()
    if active is not None:  # the user's run keeps its store and its name, and the user ends it
        run = MlflowRun(mlflow.MlflowClient(), mlflow.get_tracking_uri(), active.info.run_id, ends_run=False)
        run.tag(tags)
        return run
    if "mlflow.pytorch" in sys.modules and mlflow.utils.autologging_utils.autologging_is_disabled("pytorch") is False:
        warnings.warn("mlflow.pytorch.autolog is on and makes a second run of every fit; turn it off", stacklevel=6)
    experiment_id = store.experiment_id(client, experiment)
    close_dead_runs(client)
    created = client.create_run(experiment_id, run_name=run_name, tags=tags)
    return MlflowRun(client, store.uri, created.info.run_id, ends_run=True)


def close_dead_runs(client: MlflowClient) -> None:
    """Mark as KILLED the runs whose process was killed before it could close them."""
    experiment_ids = [experiment.experiment_id for experiment in client.search_experiments()]
    for run in client.search_runs(experiment_ids, "attributes.status = 'RUNNING'", max_results=100):
        if is_dead(run.data.tags):
            client.set_terminated(run.info.run_id, "KILLED")
