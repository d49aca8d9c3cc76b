"""Runs that are still open although nobody works on them any more are closed."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import TYPE_CHECKING

from forecast.tracking.environment import HEARTBEAT, PROCESS, RECORD, is_dead

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

AT_ONCE = 100


def reap(
    client: MlflowClient,
    *,
    kept: Collection[str] = (),
    older_than: float | None = None,
    until: float = float("inf"),
) -> int:
    """Mark runs as KILLED whose process is gone.

    Args:
        client: client of the store.
        kept: records that are still in a journal, whose runs are closed when they are sent.
        older_than: seconds; of other machines, whose processes cannot be asked, the runs are closed that gave no sign of
            life for so long. None leaves them alone.
        until: time of `time.monotonic` at which to stop.

    Returns:
        The number of runs closed.
    """
    places = [experiment.experiment_id for experiment in client.search_experiments()]
    closed, token = 0, None
    while places and time.monotonic() < until:
        query = "attributes.status = 'RUNNING'"
        page = client.search_runs(places, query, max_results=AT_ONCE, page_token=token)
        for run in page:
            if time.monotonic() >= until:
                return closed
            if run.data.tags.get(RECORD) not in kept and _is_over(run, older_than):
                client.set_terminated(run.info.run_id, "KILLED")
                closed += 1
        token = page.token
        if not token:
            break
    return closed


def _is_over(run: Run, older_than: float | None) -> bool:
    tags = run.data.tags
    if is_dead(tags):
        return True
    if older_than is None or PROCESS not in tags:  # not ours, or one that its user keeps open
        return False
    beat = tags.get(HEARTBEAT, "")
    last = int(beat) if beat.isdecimal() else run.info.start_time
    return time.time() * 1000 - last > older_than * 1000
