"""Models and runs side by side."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from forecast.datasets.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

RANKING = ("mase", "smape")  # the first that is defined ranks models
SHOWN = ("mase", "smape", "owa", "mae", "rmse", "wape", "wql")


def ranked(models: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Names of the models, best first.

    Args:
        models: metrics of each model, lower being better.

    Returns:
        Names by MASE; by sMAPE where MASE is not defined for any model; else by the first metric there is. A model
        whose metric is not defined comes last.
    """
    names = dict.fromkeys((*RANKING, *(name for metrics in models.values() for name in metrics)))

    def scores(metric: str) -> list[float]:
        return [metrics.get(metric, math.nan) for metrics in models.values()]

    key = next((name for name in names if not all(map(math.isnan, scores(name)))), RANKING[0])
    score = {model: math.inf if math.isnan(x) else x for model, x in zip(models, scores(key), strict=True)}
    return sorted(models, key=score.__getitem__)


def leaderboard_frame(models: dict[str, dict[str, float]]) -> pd.DataFrame:
    """A row a model, the best first."""
    import pandas as pd

    names = list(models)
    frame = pd.DataFrame([{"model": name, **metrics} for name, metrics in models.items()])
    return frame.iloc[[names.index(name) for name in ranked(models)]].reset_index(drop=True)


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
        ConfigError: if there is no such run or experiment.
        TrackingError: if the store cannot be reached.
    """
    import pandas as pd

    from forecast.tracking.journal import forward
    from forecast.tracking.mlflow_run import close_dead_runs
    from forecast.tracking.store import Store

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
    frame = pd.DataFrame([_row(run, metric) for run in found], columns=_columns(metric))
    return frame.sort_values(metric, kind="stable", na_position="last", ignore_index=True)


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
