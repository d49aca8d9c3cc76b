"""A job's runs are sent together when its work is done and its models are on disk, and then the job goes on."""

from __future__ import annotations

import contextlib
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.datasets.errors import TrackingError
from forecast.datasets.temporary import sweep
from forecast.tracking.delivery.courier import LOCAL_SECONDS, NETWORK_SECONDS, courier, dismiss

if TYPE_CHECKING:
    from forecast.tracking.recording import RecordedRun
    from forecast.tracking.store import Store

OFF, RECORDED, DEFERRED, REFUSED, LOST = "off", "recorded", "deferred", "refused", "lost"
LATER = "`forecast runs sync` sends it later."

_current: ContextVar[Job | None] = ContextVar("forecast_job", default=None)


@dataclass
class Job:
    """The runs of a job, and what became of them.

    `status` is "off" without tracking, "recorded" if the store has every run, else "deferred", "refused" or "lost";
    `error` is what is raised where tracking is required, and `run_ids` has the ids of the runs in the store by those of
    their records.
    """

    status: str = OFF
    error: TrackingError | None = None
    run_ids: dict[str, str] = field(default_factory=dict)
    _runs: list[tuple[RecordedRun, Store, str | None]] = field(default_factory=list)

    def report(self, record: str | None) -> dict[str, Any]:
        """Return what a command says about tracking in its JSON, given the id of the record of the run that it is about."""
        return {"run_id": self.run_ids.get(record or ""), "tracking": self.status}

    def check(self) -> None:
        """Raise the error of a job that must be recorded, and is not."""
        if self.error is not None:
            raise self.error

    def prepare(self, store: Store) -> None:
        """Start the worker while there is other work; a store of this machine is opened, too, and made if need be."""
        with contextlib.suppress(OSError), courier() as worker:
            if store.is_local:
                worker.order(_order(store, None, None))

    def add(self, run: RecordedRun, store: Store, journal: str | None) -> None:
        """Take a run that is to be sent."""
        self._runs.append((run, store, journal))

    def lose(self, why: str, *, required: bool) -> None:
        """Say that a run cannot be recorded at all."""
        self._fail(LOST, why, "", required=required)

    def send(self) -> None:
        """Send the runs; what does not arrive within the time stays in the journal, and is said in a sentence."""
        left = NETWORK_SECONDS  # for all servers together
        while self._runs:
            store, journal = self._runs[0][1:]
            here = [run for run, to, _ in self._runs if to == store]
            self._runs = [line for line in self._runs if line[1] != store]
            spent = self._send(here, store, journal, LOCAL_SECONDS if store.is_local else max(0.0, left))
            left -= 0.0 if store.is_local else spent

    def _send(self, runs: list[RecordedRun], store: Store, journal: str | None, seconds: float) -> float:
        """Send the runs of one store, and return how many seconds that took, the worker's start left out."""
        waiting, refused, problem, spent = {run.entry.record: run for run in runs}, "", "", 0.0
        try:
            with courier() as worker:
                ended, limit = False, seconds if worker.ready() else 0.0
                started = time.monotonic()
                worker.order(_order(store, [run.folder for run in runs], journal, seconds))
                for answer in worker.answers(limit):
                    run = waiting.pop(str(answer.get("record")), None)
                    if run is not None and answer["run_id"]:
                        run.run_id = self.run_ids[run.entry.record] = answer["run_id"]
                    elif run is not None:
                        refused = refused or f"{answer['why']}; it lies in {answer['refused']}"
                        run.folder = Path(answer["refused"])
                        run.release()
                    problem = answer.get("problem", "") if waiting else ""
                    ended = bool(answer.keys() & {"done", "problem"})
                spent = time.monotonic() - started
                if not ended:
                    dismiss()
        except OSError as error:
            problem = f"the process that sends runs does not start: {error}"
        for folder in {run.folder.parent for run in runs}:
            sweep(folder)  # what a worker that was ended had in its hands goes back
        for run in waiting.values():
            run.release()
        if waiting:
            why = problem or f"tracking store {store.shown} does not answer in time"
            place = _shown(next(iter(waiting.values())).folder.parent)
            self._fail(DEFERRED, f"{why}; the run is kept in {place}", LATER, required=store.required)
        elif refused:
            self._fail(REFUSED, f"the run cannot be recorded: {refused}", "", required=store.required)
        elif self.status == OFF:
            self.status = RECORDED
        return spent

    def _fail(self, status: str, message: str, hint: str, *, required: bool) -> None:
        is_first, self.status = self.status in (OFF, RECORDED), status
        if required:
            self.error = self.error or TrackingError(message, hint=hint)
        elif is_first:
            warnings.warn(f"{message}; {hint}" if hint else message, stacklevel=2)


@contextmanager
def job(*, raises: bool = True) -> Iterator[Job]:
    """Gather the runs of the `with` block, and send them at its end; inside another job they are part of that one.

    Args:
        raises: whether a job that must be recorded, and is not, is an error here; otherwise `error` holds it.

    Raises:
        TrackingError: if a job that must be recorded is not.
    """
    outer = _current.get()
    if outer is not None:
        yield outer
        return
    current = Job()
    token = _current.set(current)
    try:
        yield current
    except Exception:
        current.send()  # a run that failed is a run; the error counts for more than what becomes of it
        raise
    else:
        current.send()
    finally:
        _current.reset(token)
    if raises:
        current.check()


def _order(
    store: Store, entries: list[Path] | None, journal: str | None, seconds: float = NETWORK_SECONDS
) -> dict[str, Any]:
    return {
        "uri": store.uri,
        "artifacts": None if store.artifacts is None else str(store.artifacts),
        "entries": None if entries is None else [str(folder) for folder in entries],
        "journal": journal,
        "seconds": str(max(1, round(seconds))),
        "folder": os.getcwd(),
        "environment": dict(os.environ),
    }


def _shown(folder: Path) -> str:
    """Return a folder as a user would write it."""
    return str(folder.relative_to(Path.cwd())) if folder.is_relative_to(Path.cwd()) else str(folder)
