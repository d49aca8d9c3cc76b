"""Everything that was recorded as a frame, and the best of it as a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forecast.datasets.errors import ConfigError
from forecast.progress import tell
from forecast.tracking.comparing.boards import run_row, tables
from forecast.tracking.comparison import compare, recorded
from forecast.tracking.environment import FIT_RUN, RECORD

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
    own = [run for run in found if RECORD in run.data.tags and kind in (None, run.data.tags.get("forecast.kind"))]
    rows = [{**run_row(run, metric), **_more(run, names)} for run in own]
    columns = [metric if name == "metric" else name for name in FIRST] + LAST
    return pd.DataFrame(rows, columns=columns).astype({"horizon": "Int64"})


def best(
    experiment: str | None = None,
    *,
    metric: str = "mase",
    tracking_uri: str | None = None,
    journal: str | None = None,
) -> Any:
    """Load the model of the best recorded evaluation.

    Only evaluations of the same data under the same protocol are ranked with each other. Where there are several such
    leaderboards, the model is the best of the newest one, which is said.

    Args:
        experiment: name of an experiment; None takes every experiment.
        metric: name of the metric that ranks the runs; "mase" by default.
        tracking_uri: URI of the MLflow store; None takes the environment's, or the store in the working directory.
        journal: folder of the journal; None takes the environment's, or the one in the working directory.

    Returns:
        A fitted `Forecaster`. It learnt from the rows before the first cutoff of its evaluation; its `settings` fit anew
        on all rows with `Forecaster.of(model.settings).fit(data)`.

    Raises:
        ConfigError: if there is no such experiment or metric, or no evaluation that has it.
        TrackingError: if the store cannot be reached.

    Example:
        >>> best("sales", metric="wql").predict(df)  # doctest: +SKIP
    """
    from forecast.forecaster import load

    frame = compare(experiment=experiment, metric=metric, paired=False, tracking_uri=tracking_uri, journal=journal)
    boards = [table for table in tables(frame) if table["rank"].notna().any()]
    if not boards:
        where = "is recorded" if experiment is None else f"of the experiment {experiment!r} is recorded"
        raise ConfigError(f"no evaluation with {metric} {where}", hint="`evaluate` with experiment= records one.")
    first = boards[0].iloc[0].to_dict()
    if len(boards) > 1:
        where = f"{first['data']}, horizon {first['horizon']}, {first['cutoffs']} cutoffs"
        tell(
            f"{len(boards)} leaderboards cannot be ranked together; {first['model']} is the best of the newest: {where}"
        )
    return load(f"runs:/{first['run_id']}", tracking_uri=tracking_uri)


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
