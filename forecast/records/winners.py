"""The best of what was recorded, as a model."""

from __future__ import annotations

from forecast.datasets.errors import ConfigError
from forecast.forecaster import Forecaster, load
from forecast.progress import tell
from forecast.tracking.comparing.boards import tables
from forecast.tracking.comparison import compare


def best(
    experiment: str | None = None,
    *,
    metric: str = "mase",
    tracking_uri: str | None = None,
    journal: str | None = None,
) -> Forecaster:
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
    return load(f"runs:/{first['run_id']}", tracking_uri=tracking_uri, journal=journal)
