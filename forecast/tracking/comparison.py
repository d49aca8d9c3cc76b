"""A leaderboard of MLflow runs."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from forecast.datasets.errors import ConfigError
from forecast.evaluation.metrics import METRICS, RELATIVE
from forecast.progress import tell
from forecast.tracking.delivery.syncing import sync
from forecast.tracking.environment import RECORD
from forecast.tracking.store import Store

if TYPE_CHECKING:
    import pandas as pd

METRIC_COLUMNS = ("mase", "smape", "owa", "mae", "rmse", "wape", "wql")


def compare(
    runs: list[str] | None = None,
    *,
    experiment: str | None = None,
    metric: str = "mase",
    tracking_uri: str | None = None,
    journal: str | None = None,
) -> pd.DataFrame:
    """Rank MLflow runs by a metric; what the journal keeps is sent before, for a second at most.

    Args:
        runs: run ids, or the ids of records that were not sent at once, or their beginnings; None takes every evaluation of the experiment.
        experiment: name of an experiment; None takes every experiment.
        metric: name of the metric that ranks the runs, the smallest value first; "mase" by default.
        tracking_uri: URI of the MLflow store; None takes the environment's, or the store in the working directory.
        journal: folder of the journal; None takes the environment's, or the one in the working directory.

    Returns:
        A row for each run, with the columns `run`, `kind`, `model`, `data`, the metrics, `fit_cpu_seconds`, `started`,
        `status` and `run_id`. Runs without the metric come last.

    Raises:
        ConfigError: if there is no such run, experiment or metric.
        TrackingError: if the store cannot be reached.
    """
    import pandas as pd

    store = Store.of(tracking_uri)
    client = store.client()
    synced = sync(client, store, journal, anyhow=tracking_uri is not None)
    if synced.left > len(synced.elsewhere):
        tell(f"{synced.left - len(synced.elsewhere)} runs are still in the journal; `forecast runs sync` sends them")
    names = {e.experiment_id: e.name for e in client.search_experiments()}
    if experiment is not None:
        names = {experiment_id: name for experiment_id, name in names.items() if name == experiment}
        if not names:
            raise ConfigError(
                f"there is no experiment {experiment!r} in {store.shown}", hint="Fit or evaluate with --experiment."
            )
    recorded = _search(client, list(names))
    if runs is not None:
        absent = [start for start in runs if not any(_is_named(run, start) for run in recorded)]
        if absent:
            raise ConfigError(f"there is no run {', '.join(absent)} in {store.shown}")
        chosen = [run for run in recorded if any(_is_named(run, start) for start in runs)]
    else:
        chosen = [run for run in recorded if run.data.tags.get("forecast.kind") == "evaluate"]
    _check_metric(metric, chosen)
    frame = pd.DataFrame([_row(run, metric) for run in chosen], columns=_columns(metric))
    return frame.sort_values(metric, kind="stable", na_position="last", ignore_index=True)


def _is_named(run: Any, start: str) -> bool:
    """Return whether a run's id, or that of its record, begins so."""
    return any(name.startswith(start) for name in (run.info.run_id, run.data.tags.get(RECORD, "")))


def _check_metric(metric: str, runs: list[Any]) -> None:
    """Refuse a metric that is neither ours nor in any of the runs: a column without values ranks nothing."""
    names = {*METRICS, *RELATIVE, *(name.removeprefix("test/") for run in runs for name in run.data.metrics)}
    if metric not in names:
        near = get_close_matches(metric, names, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(names))}."
        raise ConfigError(f"unknown metric {metric!r}", hint=hint)


def _search(client: Any, experiment_ids: list[str]) -> list[Any]:
    """Read all runs of the experiments, the newest first; the store returns them by pages."""
    runs, token = [], None
    while experiment_ids:
        page = client.search_runs(experiment_ids, order_by=["attributes.start_time DESC"], page_token=token)
        runs += list(page)
        token = page.token
        if not token:
            break
    return runs


def _columns(metric: str) -> list[str]:
    names = list(dict.fromkeys([metric, *METRIC_COLUMNS]))
    return ["run", "kind", "model", "data", *names, "fit_cpu_seconds", "started", "status", "run_id"]


def _row(run: Any, metric: str) -> dict[str, Any]:
    import pandas as pd

    tags, metrics = run.data.tags, run.data.metrics
    return {
        "run": run.info.run_name,
        "kind": tags.get("forecast.kind", ""),
        "model": tags.get("forecast.model", ""),
        "data": tags.get("forecast.source", tags.get("forecast.dataset_sha256", "")[:12]),
        # fit_seconds and its like are no test metrics, and have no prefix
        **{name: metrics.get(f"test/{name}", metrics.get(name)) for name in (*METRIC_COLUMNS, metric)},
        "fit_cpu_seconds": metrics.get("fit_cpu_seconds"),
        "started": pd.Timestamp(run.info.start_time, unit="ms"),
        "status": run.info.status,
        "run_id": run.info.run_id,
    }
