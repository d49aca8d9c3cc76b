"""MLflow runs as a leaderboard."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from forecast.datasets.errors import ConfigError
from forecast.evaluation.metrics import METRICS, RELATIVE
from forecast.tracking.journal import forward
from forecast.tracking.mlflow_run import close_dead_runs
from forecast.tracking.store import Store

if TYPE_CHECKING:
    import pandas as pd

SHOWN = ("mase", "smape", "owa", "mae", "rmse", "wape", "wql")


def compare(
    runs: list[str] | None = None,
    *,
    experiment: str | None = None,
    metric: str = "mase",
    tracking_uri: str | None = None,
) -> pd.DataFrame:
    """MLflow runs as a leaderboard.

    Args:
        runs: run ids (a unique beginning will do); None takes every evaluation of the experiment.
        experiment: its name; None takes every experiment.
        metric: what to rank by, ascending.
        tracking_uri: MLflow store; None takes the environment's, or the one in the working directory.

    Returns:
        run, kind, model, data, the metrics, fit_cpu_seconds, started, status, run_id.

    Raises:
        ConfigError: if there is no such run, experiment or metric.
        TrackingError: if the store cannot be reached.
    """
    import pandas as pd

    store = Store.of(tracking_uri)
    client = store.client()
    forward(client, store)
    close_dead_runs(client)
    places = {e.experiment_id: e.name for e in client.search_experiments()}
    if experiment is not None:
        places = {number: name for number, name in places.items() if name == experiment}
        if not places:
            raise ConfigError(
                f"there is no experiment {experiment!r} in {store.uri}", hint="Fit or evaluate with --experiment."
            )
    found = _search(client, list(places))
    if runs is not None:
        lost = [asked for asked in runs if not any(run.info.run_id.startswith(asked) for run in found)]
        if lost:
            raise ConfigError(f"there is no run {', '.join(lost)} in {store.uri}")
        found = [run for run in found if any(run.info.run_id.startswith(asked) for asked in runs)]
    else:
        found = [run for run in found if run.data.tags.get("forecast.kind") == "evaluate"]
    _check_metric(metric, found)
    frame = pd.DataFrame([_row(run, metric) for run in found], columns=_columns(metric))
    return frame.sort_values(metric, kind="stable", na_position="last", ignore_index=True)


def _check_metric(metric: str, runs: list[Any]) -> None:
    """Refuse a metric that is neither ours nor in any of the runs: a column without values ranks nothing."""
    names = {*METRICS, *RELATIVE, *(name.removeprefix("test/") for run in runs for name in run.data.metrics)}
    if metric not in names:
        near = get_close_matches(metric, names, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(names))}."
        raise ConfigError(f"unknown metric {metric!r}", hint=hint)


def _search(client: Any, places: list[str]) -> list[Any]:
    found, token = [], None
    while places:
        page = client.search_runs(places, order_by=["attributes.start_time DESC"], page_token=token)
        found += list(page)
        token = page.token
        if not token:
            break
    return found


def _columns(metric: str) -> list[str]:
    names = list(dict.fromkeys([metric, *SHOWN]))
    return ["run", "kind", "model", "data", *names, "fit_cpu_seconds", "started", "status", "run_id"]


def _row(run: Any, metric: str) -> dict[str, Any]:
    import pandas as pd

    tags, metrics = run.data.tags, run.data.metrics
    return {
        "run": run.info.run_name,
        "kind": tags.get("forecast.kind", ""),
        "model": tags.get("forecast.model", ""),
        "data": tags.get("forecast.source", tags.get("forecast.dataset_sha256", "")[:12]),
        **{name: metrics.get(f"test/{name}", metrics.get(name)) for name in (*SHOWN, metric)},
        "fit_cpu_seconds": metrics.get("fit_cpu_seconds"),
        "started": pd.Timestamp(run.info.start_time, unit="ms"),
        "status": run.info.status,
        "run_id": run.info.run_id,
    }
