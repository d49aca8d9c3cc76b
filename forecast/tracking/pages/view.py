"""The view that an experiment's page opens on: evaluations only, the most skilful first.

MLflow keeps a shared view of an experiment's runs as a tag of the experiment, and takes its key in the page's address.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from forecast.tracking.pages.tags import KIND, RULE

if TYPE_CHECKING:
    from mlflow import MlflowClient

KEY, NAME = "forecast", "Best forecasts"
TAG = f"mlflow.sharedViewState.{KEY}"
# columns with their widths in pixels, from left to right; those without a dot MLflow always shows
COLUMNS = {
    "attributes.`Run Name`": 270,
    "runDateAndNestInfo": 130,  # when it was made
    "metrics.`skill`": 80,
    "metrics.`mase`": 80,
    "metrics.`mase_seasonal_naive`": 155,
    "metrics.`coverage_80`": 110,
    "metrics.`coverage_90`": 110,
    "metrics.`coverage_95`": 110,
    "duration": 90,
    "params.`model`": 120,
    "attributes.`Dataset`": 250,
    f"params.`{RULE}horizon`": 130,
}
FILTER = f"tags.`{KIND}` = 'evaluate'"
STATE: dict[str, Any] = {
    "searchFilter": FILTER,
    "orderByKey": "metrics.`skill`",
    "orderByAsc": False,
    "startTime": "ALL",
    "lifecycleFilter": "Active",
    "datasetsFilter": [],
    "selectedColumns": [name for name in COLUMNS if "." in name],
    "columnOrder": list(COLUMNS),
    "columnWidths": COLUMNS,
}


def tags() -> dict[str, str]:
    """Return the tags of a new experiment."""
    return {TAG: _view()}


def show(client: MlflowClient, experiment: Any) -> None:
    """Give an experiment the view, unless it has one under this name, which its user may have changed."""
    if TAG not in experiment.tags:
        client.set_experiment_tag(experiment.experiment_id, TAG, _view())


def address(server: str, experiment_id: str) -> str:
    """Return the address of an experiment's view on a server."""
    return (
        f"{server.rstrip('/')}/#/experiments/{experiment_id}/runs?viewStateShareKey={KEY}&workflowType=machine_learning"
    )


def _view() -> str:
    """Return the view under its name in the menu of views."""
    named = {"name": NAME, "createdAt": int(time.time() * 1000), "state": json.dumps(STATE)}
    return json.dumps({**named, **STATE})  # versions of MLflow whose views have no names read the state itself
