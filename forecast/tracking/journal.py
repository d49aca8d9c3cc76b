"""The journal keeps runs as local files until a store can be reached; `predict` always records here, since mlflow loads
slowly."""

from __future__ import annotations

import json
import os
import time
import uuid
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from forecast.datasets.temporary import aside, beside, put_back, sweep
from forecast.tracking.store import DEFAULT_EXPERIMENT, HOME

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from forecast.tracking.store import Store

FOLDER = HOME / "journal"
MAX_METRICS_PER_CALL = 1000  # MLflow's own limit


@dataclass(kw_only=True)
class Entry:
    """A run as plain values.

    Args:
        experiment: name of the experiment.
        run_name: name of the run.
        tags: text by name.
        params: text by name.
        metrics: rows of (name, value, step, milliseconds since 1970).
        started: milliseconds since 1970.
        ended: milliseconds since 1970; None until the entry is written.
        status: "FINISHED", "FAILED" or "KILLED".
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
        """Write the entry to the journal, whole or not at all."""
        self.ended = int(time.time() * 1000)
        path = FOLDER / f"{uuid.uuid4().hex}.json"
        with beside(path) as temporary:
            temporary.write_text(json.dumps(asdict(self)))
            os.replace(temporary, path)


def forward(client: MlflowClient, store: Store) -> int:
    """Send the journal's entries to the store; each is removed once the store has it.

    One that a dead process was about to send is sent again.

    Returns:
        The number of entries.
    """
    sweep(FOLDER)
    paths = sorted(FOLDER.glob("*.json")) if FOLDER.is_dir() else []
    for path in paths:
        claimed = aside(path)
        try:
            os.replace(path, claimed)  # of several processes, one succeeds
            values: dict[str, Any] = json.loads(claimed.read_text())
        except (FileNotFoundError, ValueError):
            continue
        try:
            _send(client, store, Entry(**values))
        except Exception:
            put_back(claimed, path)
            raise
        claimed.unlink()
    return len(paths)


def _send(client: MlflowClient, store: Store, entry: Entry) -> None:
    from mlflow.entities import Metric, Param

    experiment_id = store.experiment_id(client, entry.experiment)
    run = client.create_run(experiment_id, start_time=entry.started, tags=entry.tags, run_name=entry.run_name)
    metrics = [Metric(name, value, at, step) for name, value, step, at in entry.metrics]
    params = [Param(name, value) for name, value in entry.params.items()]
    for first in range(0, max(len(metrics), 1), MAX_METRICS_PER_CALL):
        client.log_batch(run.info.run_id, metrics[first : first + MAX_METRICS_PER_CALL], params if not first else ())
    client.set_terminated(run.info.run_id, entry.status, end_time=entry.ended)
