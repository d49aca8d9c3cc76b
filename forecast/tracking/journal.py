"""Runs kept as local files until a store can be reached; `predict` always records here, since mlflow loads slowly."""

from __future__ import annotations

import json
import os
import time
import uuid
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from forecast.tracking.store import DEFAULT_EXPERIMENT, HOME

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from forecast.tracking.store import Store

FOLDER = HOME / "journal"


@dataclass(kw_only=True)
class Entry:
    """A run as plain values.

    Args:
        experiment: name.
        run_name: name.
        tags, params: text by name.
        metrics: [name, value, step, milliseconds since 1970].
        started, ended: milliseconds since 1970.
        status: FINISHED, FAILED or KILLED.
    """

    experiment: str = DEFAULT_EXPERIMENT
    run_name: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, str] = field(default_factory=dict)
    metrics: list[tuple[str, float, int, int]] = field(default_factory=list)
    started: int = field(default_factory=lambda: int(time.time() * 1000))
    ended: int | None = None
    status: str = "FINISHED"

    def write(self) -> None:
        """Put it into the journal, whole or not at all."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        self.ended = int(time.time() * 1000)
        path = FOLDER / f"{uuid.uuid4().hex}.json"
        temporary = path.with_suffix(".part")
        temporary.write_text(json.dumps(asdict(self)))
        os.replace(temporary, path)


def forward(client: MlflowClient, store: Store) -> int:
    """Send what the journal holds to the store; each entry is taken out once it is there.

    Returns:
        How many were sent.
    """
    paths = sorted(FOLDER.glob("*.json")) if FOLDER.is_dir() else []
    for path in paths:
        taken = path.with_suffix(".sent")
        try:
            os.replace(path, taken)  # one process wins
            values: dict[str, Any] = json.loads(taken.read_text())
        except (FileNotFoundError, ValueError):
            continue
        try:
            _send(client, store, Entry(**values))
        except Exception:
            os.replace(taken, path)
            raise
        taken.unlink()
    return len(paths)


def _send(client: MlflowClient, store: Store, entry: Entry) -> None:
    from mlflow.entities import Metric, Param

    where = store.experiment_id(client, entry.experiment)
    run = client.create_run(where, start_time=entry.started, tags=entry.tags, run_name=entry.run_name)
    metrics = [Metric(name, value, at, step) for name, value, step, at in entry.metrics]
    params = [Param(name, value) for name, value in entry.params.items()]
    for first in range(0, max(len(metrics), 1), 1000):
        client.log_batch(run.info.run_id, metrics[first : first + 1000], params if not first else ())
    client.set_terminated(run.info.run_id, entry.status, end_time=entry.ended)
