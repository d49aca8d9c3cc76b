"""MLflow tracking: every fit and every evaluation is a run. Nothing here imports mlflow until a run begins."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from forecast.settings import Settings

if TYPE_CHECKING:
    from forecast.tracking.run import Run

URI_VARIABLES = ("FORECAST_TRACKING_URI", "MLFLOW_TRACKING_URI")
_wanted: ContextVar[bool | None] = ContextVar("forecast_tracking", default=None)


@contextmanager
def tracking(on: bool) -> Iterator[None]:
    """Turn tracking on or off for what is done inside, whatever the settings and the environment say."""
    token = _wanted.set(on)
    try:
        yield
    finally:
        _wanted.reset(token)


def is_on(settings: Settings) -> bool:
    """Whether a run is wanted: asked for here, by the settings, the environment or an active MLflow run."""
    wanted = _wanted.get()
    if wanted is not None:
        return wanted
    asked = settings.experiment is not None or settings.tracking_uri is not None
    return asked or any(os.environ.get(name) for name in URI_VARIABLES) or _active_run()


@contextmanager
def open_fit(settings: Settings) -> Iterator[Run]:
    """The run of a fit; one that records nothing where tracking is off."""
    with _open("fit", settings, settings.model) as run:
        yield run


@contextmanager
def open_evaluation(settings: Settings, name: str) -> Iterator[Run]:
    """The run of one model's evaluation."""
    with _open("evaluate", settings, name) as run:
        yield run


@contextmanager
def _open(kind: str, settings: Settings, name: str) -> Iterator[Run]:
    from forecast.tracking.run import Run

    if not is_on(settings):
        yield Run()
        return
    from forecast.tracking.mlflow_run import open_run

    with open_run(kind, settings, name) as run:
        yield run


def _active_run() -> bool:
    mlflow = sys.modules.get("mlflow")
    return mlflow is not None and mlflow.active_run() is not None
