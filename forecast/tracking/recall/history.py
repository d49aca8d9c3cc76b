"""Everything that was recorded, as a frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forecast.datasets.errors import ConfigError
from forecast.tracking.comparing.boards import run_row
from forecast.tracking.comparison import recorded
from forecast.tracking.environment import FIT_RUN, RECORD
from forecast.tracking.pages.tags import KIND

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("fit", "evaluate", "predict", "score", "run", "tune")
FIRST = ["experiment", "kind", "model", "data", "horizon", "metric", "skill", "seconds", "status", "started", "run_id"]
LAST = ["run", "made_by", "record", "target", "protocol"]


def runs(
    *,
    experiment: str | None = None,
    kind: str | None = None,
    metric: str = "mase",
    tracking_uri: str | None = None,
    journal: str | None = None,
) -> pd.DataFrame:
    """List recorded runs; what the journal keeps is sent before, for a second at most.

    Args:
        experiment: name of an experiment; None takes every experiment.
        kind: "fit", "evaluate", "predict", "score" or "run"; None takes every kind.
        metric: name of the metric that is shown; "mase" by default. The metrics of runs that `compare` does not rank
            with each other cannot be compared.
        tracking_uri: URI of the MLflow store; None takes the environment's, or the store in the working directory.
        journal: folder of the journal; None takes the environment's, or the one in the working directory.

    Returns:
        A row for each run, the newest first, with the columns `experiment`, `kind`, `model`, `data`, `horizon`, the
        metric and `skill` (the share of seasonal naive's error that is gone) of evaluations, `seconds`, `status`,
        `started` (UTC), `run_id`, `run` (its name), `made_by` (id of the run whose model was used), `record`, `target`
        and `protocol`. `load(f"runs:/{run_id}")` reads the model of a run.

    Raises:
        ConfigError: if there is no such experiment or kind.
        TrackingError: if the store cannot be reached.
    """
    import pandas as pd

    if kind is not None and kind not in KINDS:
        raise ConfigError(f"there are no runs of the kind {kind!r}", hint=f"Known: {', '.join(KINDS)}.")
    found, names, _ = recorded(experiment, tracking_uri=tracking_uri, journal=journal)
    own = [run for run in found if RECORD in run.data.tags and kind in (None, run.data.tags.get(KIND))]
    rows = [{**run_row(run, metric), **_more(run, names)} for run in own]
    columns = [metric if name == "metric" else name for name in FIRST] + LAST
    return pd.DataFrame(rows, columns=columns).astype({"horizon": "Int64"})


def _more(run: Any, names: dict[str, str]) -> dict[str, Any]:
    """Return what a leaderboard has no column for."""
    tags, params = run.data.tags, run.data.params
    horizon = params.get("protocol.horizon", params.get("horizon"))
    return {
        "experiment": names.get(run.info.experiment_id, ""),
        "horizon": int(horizon) if horizon is not None and horizon.isdigit() else None,
        "made_by": tags.get(FIT_RUN, ""),
        "record": tags[RECORD],
    }
