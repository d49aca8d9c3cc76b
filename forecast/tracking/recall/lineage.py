"""What belongs together in a store: the run that made a model, its evaluation, and what was forecast with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecast.tracking.environment import FIT_RECORD, FIT_RUN, RECORD
from forecast.tracking.pages.tags import KIND
from forecast.tracking.recall.finding import newest, of_record, places
from forecast.tracking.record import CONFIG_SHA256, SOURCE

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

EVALUATED = f"tags.`{KIND}` = 'evaluate' AND attributes.status = 'FINISHED'"


def maker_of(client: MlflowClient, run: Run) -> Run | None:
    """Return the run that made the model of a run: the run itself if it fitted one; None where that is not on record."""
    used = run.data.tags.get(FIT_RUN) or run.data.tags.get(FIT_RECORD)
    if used is not None:
        return of_record(client, used)
    return run if run.data.tags.get(KIND) in ("fit", "evaluate") else None


def evaluation_of(client: MlflowClient, run: Run) -> Run | None:
    """Return the evaluation that tells how good a run's model is; None where there is none on record.

    It is, in this order: the run itself, the newest evaluation of the very same model, and the newest finished one of
    the same settings on the table of the same name in the same experiment, whose model was fitted on older rows.
    """
    if run.data.tags.get(KIND) == "evaluate":
        return run
    maker = maker_of(client, run)
    if maker is None or maker.data.tags.get(KIND) == "evaluate":
        return maker
    ids = [maker.info.run_id, maker.data.tags.get(RECORD, "")]
    queries = [f"tags.`{name}` = '{value}'" for name in (FIT_RUN, FIT_RECORD) for value in ids if value]
    for query in queries:
        found = newest(client, places(client), f"{EVALUATED} AND {query}")
        if found is not None:
            return found
    tags = maker.data.tags
    if CONFIG_SHA256 not in tags or SOURCE not in tags:
        return None
    alike = f"tags.`{CONFIG_SHA256}` = '{tags[CONFIG_SHA256]}' AND tags.`{SOURCE}` = '{tags[SOURCE]}'"
    return newest(client, [maker.info.experiment_id], f"{EVALUATED} AND {alike}") if "'" not in tags[SOURCE] else None


def is_of_same_model(client: MlflowClient, run: Run, evaluation: Run) -> bool:
    """Return whether an evaluation scored the very model of a run, and not one of the same settings."""
    makers = [maker_of(client, one) for one in (run, evaluation)]
    return makers[0] is not None and makers[1] is not None and makers[0].info.run_id == makers[1].info.run_id
