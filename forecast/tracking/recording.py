"""A run is recorded on disk while the work goes on; the job that it belongs to sends it afterwards."""

from __future__ import annotations

import math
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.datasets.ending import if_ended
from forecast.datasets.fingerprint import described, panel_sha256
from forecast.settings import Settings
from forecast.tracking import record
from forecast.tracking.comparing.results import Results
from forecast.tracking.delivery.job import job
from forecast.tracking.environment import FIT_RECORD, PARENT_RECORD, environment, process
from forecast.tracking.journal import ARTIFACTS, MODEL, Entry, add_curve, begin
from forecast.tracking.pages import descriptions, failures
from forecast.tracking.pages.names import run_name
from forecast.tracking.pages.tags import DESCRIPTION, KIND
from forecast.tracking.run import Run
from forecast.tracking.store import DEFAULT_EXPERIMENT, Store

if TYPE_CHECKING:
    import pandas as pd

    from forecast.datasets.panel import Panel
    from forecast.datasets.windows.origins import Origins
    from forecast.evaluation.backtest import EvaluationProtocol
    from forecast.evaluation.result import Outcome
    from forecast.fitted import FittedModel
    from forecast.tracking.logger import RunLogger

GRADIENTS = "FORECAST_TRACK_GRADIENTS"  # an environment variable; the norms are a chart for each part of the network


@contextmanager
def open_run(
    kind: str,
    settings: Settings,
    name: str,
    source: str | None = None,
    *,
    child: bool = False,
    parent: str | None = None,
    later: bool = False,
) -> Iterator[Run]:
    """Open a run that is closed with the block's outcome, and sent when the job ends.

    Args:
        kind: "fit", "evaluate" or "run".
        settings: the user's settings, with experiment, run name and store.
        name: name of the model.
        source: address of the table; None where it came from memory.
        child: whether it is one of several, which become children of the user's own run, where there is one.
        parent: id of the record of the job's run that this one is a part of; None where there is none.
        later: whether a run for the store in the working directory is left in the journal for the next command.

    Raises:
        TrackingError: if the settings name a store that cannot be one.
    """
    store, into = _destination(settings)
    entry = _entry(kind, settings, name, source)
    entry.store, entry.into, entry.child = store.named, into, child or parent is not None
    entry.tags |= {} if parent is None else {PARENT_RECORD: parent}
    at_once = not (later and store.is_default)
    with job() as current:
        if at_once:
            current.prepare(store)
        try:
            run = RecordedRun(entry, begin(entry, settings.journal), required=store.required)
        except OSError as error:
            current.lose(f"the run is not recorded, since nothing can be written: {error}", required=store.required)
            yield Run()
            return
        if at_once:
            current.add(run, store, settings.journal)
        status = "FINISHED"
        try:
            with if_ended(lambda: run.close("KILLED")):
                yield run
        except Exception as error:
            status = "FAILED"
            run.fail(error)
            raise
        except BaseException:  # Ctrl-C, SIGTERM
            status = "KILLED"
            raise
        finally:
            run.close(status)
            if not at_once:
                run.release()


def _entry(kind: str, settings: Settings, name: str, source: str | None) -> Entry:
    """Make the entry of a run that has just begun; its settings are those that were asked for, should it fail."""
    return Entry(
        experiment=settings.experiment or DEFAULT_EXPERIMENT,
        run_name=settings.run_name or run_name(kind if kind == "run" else name, source, settings.horizon),
        tags={**record.opened(kind, name, source), **environment(), **process()},
        params={**record.params(settings), "model": name},
        held=True,
    )


def _destination(settings: Settings) -> tuple[Store, str | None]:
    """Return the store that a run goes to, and the user's own run in it that is active, if one is."""
    required = settings.tracking == "required"
    mlflow = sys.modules.get("mlflow")  # who has not imported it has no active run
    active = mlflow.active_run() if mlflow is not None else None
    if mlflow is not None and active is not None:
        return Store.of_mlflow(mlflow.get_tracking_uri(), required=required), str(active.info.run_id)
    if "mlflow.pytorch" in sys.modules and not sys.modules["mlflow.utils.autologging_utils"].autologging_is_disabled(
        "pytorch"
    ):
        warnings.warn("mlflow.pytorch.autolog is on and makes a second run of every fit; turn it off", stacklevel=6)
    return Store.of(settings.tracking_uri, required=required), None


def _with_gradients() -> bool:
    return os.environ.get(GRADIENTS, "").lower() in ("1", "true", "yes", "on")


class RecordedRun(Run):
    """A run that writes to its entry of the journal.

    What cannot be written, because a disk is full, is left out, and said once.

    Args:
        entry: the entry.
        folder: the entry's folder.
        required: whether a run that does not reach its store is an error.
    """

    def __init__(self, entry: Entry, folder: Path, *, required: bool) -> None:
        self.entry, self.folder, self.required = entry, folder, required
        self.record = entry.record
        self._curve: RunLogger | None = None
        self._results = Results(folder)
        self._complained = self._closed = False

    def logger(self) -> RunLogger:
        """Return a Lightning logger for the learning curve."""
        from forecast.tracking.logger import RunLogger

        self._flush()
        self._curve = RunLogger(
            lambda rows: add_curve(self.folder, rows), self.entry.record, gradients=_with_gradients()
        )
        return self._curve

    def record_fit(self, fitted: FittedModel, panel: Panel, source: str | None) -> None:
        data = self._record(fitted, panel, source, record.fit_metrics(fitted))
        name, seconds = self.entry.tags[record.MODEL], fitted.fit_seconds
        self._describe(descriptions.of_fit(name, fitted.settings, data, source, seconds, self.entry.record))
        self._record_files(fitted, panel, fitted.last_origins(panel), seconds)

    def add_forecasts(self, frame: pd.DataFrame) -> None:
        self._write(lambda: self._results.add(frame))

    def record_evaluation(
        self, outcome: Outcome, panel: Panel, protocol: EvaluationProtocol, source: str | None
    ) -> None:
        data = self._record(outcome.fitted, panel, source, record.evaluation_metrics(outcome))
        self.entry.tags |= record.identities(panel, protocol) | record.references(outcome.baselines)
        self.entry.params |= record.rules(panel, protocol)
        naive, rules = outcome.baselines.get(record.NAIVE, {}), protocol.described(panel)
        scores = (outcome.metrics, naive, rules, described(outcome.fitted.context)["last"])
        about = (outcome.name, outcome.fitted.settings, data, source)
        self._describe(descriptions.of_evaluation(*about, *scores, self.entry.record))
        self._write(lambda: self._results.keep(outcome, panel, self._artifacts()))
        origins = protocol.cutoffs[-1].origins
        self._record_files(outcome.fitted, panel, origins, outcome.fit_seconds + outcome.predict_seconds)

    def record_job(
        self,
        *,
        params: Mapping[str, str] | None = None,
        metrics: Mapping[str, float] | None = None,
        tags: Mapping[str, str] | None = None,
        files: Mapping[str, str] | None = None,
        failed: bool = False,
    ) -> None:
        now = int(time.time() * 1000)
        self.entry.params |= params or {}
        self.entry.tags |= tags or {}
        self.entry.metrics += [(name, v, 0, now) for name, v in (metrics or {}).items() if math.isfinite(v)]
        for name, text in (files or {}).items():
            self._write(partial(_write_text, self._artifacts() / name, text))
        if failed:
            self.close("FAILED")

    def fail(self, error: Exception) -> None:
        """Record why the work failed."""
        tags, found = self.entry.tags, failures.tags(error)
        tags |= found
        self._describe(descriptions.of_failure(tags[KIND], tags[record.MODEL], tags.get(record.SOURCE), found))

    def close(self, status: str) -> None:
        """Write the entry with the status FINISHED, FAILED or KILLED."""
        if self._closed:
            return
        self._flush()
        self._write(self._results.close)
        self.entry.close(status)
        self._write(lambda: self.entry.write(self.folder))
        self._closed = True

    def release(self) -> None:
        """Leave the entry to whoever sends it."""
        self.entry.held = False
        if self.folder.is_dir():  # the store may have it, and only the answer was lost
            self._write(lambda: self.entry.write(self.folder))

    def _flush(self) -> None:
        if self._curve is not None:
            self._write(self._curve.save)

    def _record(
        self, fitted: FittedModel, panel: Panel, source: str | None, metrics: list[record.Row]
    ) -> dict[str, Any]:
        """Take settings, tags and metrics, and return the description of the data."""
        now, sha256, data = int(time.time() * 1000), panel_sha256(panel), described(panel)
        entry = self.entry
        entry.params = record.params(fitted.resolved)
        entry.tags |= record.tags(fitted, sha256)
        if fitted.run_id not in (None, entry.record):
            entry.tags[FIT_RECORD] = str(fitted.run_id)
        entry.tags |= {f"forecast.dataset.{name}": str(value) for name, value in data.items()}
        entry.metrics += [(name, value, step, now) for name, value, step in metrics]
        entry.dataset = record.dataset_input(panel, sha256, source)
        return data

    def _describe(self, text: str) -> None:
        self.entry.tags[DESCRIPTION] = text

    def _record_files(self, fitted: FittedModel, panel: Panel, origins: Origins, seconds: float) -> None:
        from forecast.tracking.artifacts import draw, is_cheap, pack

        self._write(lambda: pack(self.folder / MODEL, fitted))
        if is_cheap(seconds):
            self._write(lambda: draw(self._artifacts(), fitted, panel, origins))

    def _artifacts(self) -> Path:
        place = self.folder / ARTIFACTS
        place.mkdir(exist_ok=True)
        return place

    def _write(self, write: Callable[[], object]) -> None:
        """Write something; the record is never a reason for the work to fail."""
        try:
            write()
        except Exception as error:
            if not self._complained:
                warnings.warn(f"the record of this run is not whole: {error}", stacklevel=2)
            self._complained = True


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
