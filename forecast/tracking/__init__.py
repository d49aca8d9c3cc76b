"""MLflow tracking: every fit and every evaluation is a run. Mlflow is not imported before a run begins."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING

from forecast.datasets.errors import ForecastError
from forecast.settings import Settings

if TYPE_CHECKING:
    from forecast.tracking.run import Run

URI_VARIABLES = ("FORECAST_TRACKING_URI", "MLFLOW_TRACKING_URI")
_parent: ContextVar[str | None] = ContextVar("forecast_parent", default=None)  # id of a job's own record
_override: ContextVar[bool | None] = ContextVar("forecast_tracking", default=None)


@contextmanager
def tracking(on: bool) -> Iterator[None]:
    """Turn tracking on or off inside a `with` block, whatever the settings and the environment say."""
    token = _override.set(on)
    try:
        yield
    finally:
        _override.reset(token)


def is_on(settings: Settings) -> bool:
    """Return whether fits and evaluations are tracked.

    Settings that turn it off do so everywhere. Inside `tracking(on)` they are as it says. Elsewhere they are where the
    settings require it or name an experiment or a store, an environment variable names a store, or an MLflow run is
    active.
    """
    if settings.tracking == "off":
        return False
    override = _override.get()
    if override is not None:
        return override
    by_settings = settings.tracking == "required" or not (settings.experiment is settings.tracking_uri is None)
    return by_settings or any(os.environ.get(name) for name in URI_VARIABLES) or _active_run()


@contextmanager
def open_fit(settings: Settings, source: str | None = None) -> Iterator[Run]:
    """Open the run of a fit; where tracking is off, it is a run that records nothing."""
    with _open("fit", settings, settings.model, source) as run:
        yield run


@contextmanager
def open_evaluation(
    settings: Settings, name: str, source: str | None = None, *, several: bool = False
) -> Iterator[Run]:
    """Open the run of one model's evaluation, which may be one of several; without tracking it records nothing."""
    with _open("evaluate", settings, name, source, child=several) as run:
        yield run


@contextmanager
def open_job(settings: Settings, name: str, source: str | None) -> Iterator[Run]:
    """Open the run of a job; the runs that are opened inside the `with` block become its children."""
    with _open("run", settings, name, source, child=True) as run:
        token = _parent.set(run.record)
        try:
            yield run
        finally:
            _parent.reset(token)


@contextmanager
def refusals_recorded(kind: str, settings: Settings, name: str, source: str | None = None) -> Iterator[None]:
    """Leave a failed run where work that is to be tracked is refused before it has one, such as a broken table.

    For the store in the working directory it waits in the journal for the next command, so that a slip of the pen is
    answered at once. Inside a job it is the job's run that says so.

    Args:
        kind: "fit" or "evaluate".
        settings: settings of the model.
        name: name of the model, or of several.
        source: address of the table; None where it came from memory.
    """
    try:
        yield
    except ForecastError as error:
        if _parent.get() is not None:
            raise
        with suppress(ForecastError), _open(kind, settings, name, source, later=True):
            raise error
        raise


@contextmanager
def _open(
    kind: str, settings: Settings, name: str, source: str | None, *, child: bool = False, later: bool = False
) -> Iterator[Run]:
    from forecast.tracking.run import Run

    if not is_on(settings):
        yield Run()
        return
    from forecast.tracking.recording import open_run

    with open_run(kind, settings, name, source, child=child, parent=_parent.get(), later=later) as run:
        yield run


def _active_run() -> bool:
    mlflow = sys.modules.get("mlflow")  # who has not imported it has no active run
    return mlflow is not None and mlflow.active_run() is not None
