"""One entry goes to a store so that sending it again, from the start or from the middle, changes nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.datasets.processes import token
from forecast.tracking.environment import (
    FIT_RECORD,
    FIT_RUN,
    HEARTBEAT,
    PARENT_RECORD,
    PREDICT_RECORD,
    PREDICT_RUN,
    PROCESS,
    RECORD,
    SCORE,
)
from forecast.tracking.journal import ARTIFACTS, MLMODEL, MODEL, Entry
from forecast.tracking.pages.tags import DESCRIPTION, KIND, OF_PAGES
from forecast.tracking.recall.finding import of_record

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run

    from forecast.tracking.store import Store

MAX_METRICS_PER_CALL, MAX_PER_CALL = 800, 100  # MLflow takes 1000 of all kinds: metrics; params, and tags
PARENT = "mlflow.parentRunId"
CONTEXTS = {"fit": "training", "evaluate": "evaluation", "predict": "prediction"}  # of data sets, by kind of run
# tags by which a run names another one's record, which may be sent after it was written, and those that name its run
LINKS = {FIT_RECORD: FIT_RUN, PREDICT_RECORD: PREDICT_RUN, PARENT_RECORD: PARENT}
TRIES, SECONDS_BETWEEN = 3, 0.1
LONG = 2.0  # seconds; what took so long was no hiccup, and is not tried again at once
REFUSALS = {"INVALID_PARAMETER_VALUE", "BAD_REQUEST", "INVALID_STATE", "RESOURCE_DOES_NOT_EXIST", "ENDPOINT_NOT_FOUND"}
LATER = {401, 403, 404, 407, 408, 425, 429}  # answers that another day, or another password, may change


def send(client: MlflowClient, store: Store, entry: Entry, folder: Path) -> str:
    """Send an entry, and return the id of its run.

    MLflow's client must not retry by itself: an answer that is lost would make a second run.

    Args:
        client: client of the store.
        store: the store.
        entry: the entry.
        folder: the entry's folder.
    """
    started = time.monotonic()
    for number in range(TRIES):
        try:
            return _send(client, store, entry, folder)
        except Exception as error:
            if number == TRIES - 1 or is_refusal(error) or time.monotonic() - started > LONG:
                raise
            time.sleep(SECONDS_BETWEEN)
    raise AssertionError("the last try returns or raises")


def is_refusal(error: Exception) -> bool:
    """Return whether the store will not take this now or ever, so that to send it again is in vain."""
    answer = getattr(error, "response", None)  # of requests' errors, which uploads raise
    status = getattr(answer, "status_code", None)
    if status is not None:
        return 400 <= int(status) < 500 and int(status) not in LATER
    return getattr(error, "error_code", None) in REFUSALS


def close_refused(client: MlflowClient, entry: Entry) -> None:
    """Close as failed what a store has of an entry that it refused in the middle."""
    experiment = client.get_experiment_by_name(entry.experiment)
    for run in _found(client, [experiment.experiment_id], entry.record) if experiment else []:
        if run.info.run_id != entry.into and run.info.status == "RUNNING":
            client.set_terminated(run.info.run_id, "FAILED")


def _send(client: MlflowClient, store: Store, entry: Entry, folder: Path) -> str:
    # this process keeps the run open now, and not the one that did the work, which may be gone
    own = {PROCESS: token(), HEARTBEAT: str(int(time.time() * 1000))}
    entry.tags |= {RECORD: entry.record, **own}
    for record, tag in LINKS.items():
        if record in entry.tags:
            entry.tags |= _run_id(client, entry.tags[record], tag)
    run = _run(client, store, entry)
    run_id = str(run.info.run_id)
    ends = run_id != entry.into
    if not ends:  # the user's own run is open for as long as the user wants, whoever writes into it
        entry.tags = _for_anothers_run(entry.tags, run, own)
    if DESCRIPTION in entry.tags:  # which says how to load the run
        entry.tags[DESCRIPTION] = entry.tags[DESCRIPTION].replace(entry.record, run_id)
    model = _model(client, run, entry) if (folder / MODEL / MLMODEL).is_file() else None
    _log_values(client, run, entry, model)
    if PREDICT_RUN in entry.tags:
        _land(client, entry.tags[PREDICT_RUN], entry)
    if entry.dataset is not None:
        _log_dataset(client, run_id, entry)
    if (folder / ARTIFACTS).is_dir():
        _upload(folder / ARTIFACTS, _lister(client.list_artifacts, run_id), _logger(client, run_id))
    if model is not None:
        _log_model(client, run_id, model, folder / MODEL)
    if ends:
        client.set_terminated(run_id, entry.status, end_time=entry.ended)
        _remove_others(client, run, entry)
    return run_id


def _for_anothers_run(tags: dict[str, str], run: Run, own: Collection[str]) -> dict[str, str]:
    """Return the tags that a user's own run takes: what its page says of it stays as the user has it."""
    kept = {name for name in run.data.tags if name.startswith(OF_PAGES)}
    return {name: value for name, value in tags.items() if name not in (*own, *kept)}


def _run(client: MlflowClient, store: Store, entry: Entry) -> Run:
    """Find the entry's run, which an earlier try may have made, or create it."""
    tags = dict(entry.tags)
    if entry.into is None and PARENT in tags:  # a tree is in one experiment
        experiment_id = client.get_run(tags[PARENT]).info.experiment_id
    elif entry.into is None:
        experiment_id = store.experiment_id(client, entry.experiment)
    else:
        own = client.get_run(entry.into)
        if not entry.child and own.data.tags.get(RECORD) in (None, entry.record):
            return own
        experiment_id = own.info.experiment_id
        tags.setdefault(PARENT, entry.into)  # params cannot change: each has its own run
    found = _found(client, [experiment_id], entry.record)
    if found:
        return found[0]
    return client.create_run(experiment_id, start_time=entry.started, tags=tags, run_name=entry.run_name)


def _found(client: MlflowClient, experiment_ids: list[str], record: str) -> list[Run]:
    """Return the runs of a record, the first one first."""
    query = f"tags.`{RECORD}` = '{record}'"
    found = client.search_runs(experiment_ids, query, order_by=["attributes.start_time ASC"], max_results=10)
    return sorted(found, key=lambda run: str(run.info.run_id))  # the same order for all who look


def _run_id(client: MlflowClient, record: str, tag: str) -> dict[str, str]:
    """Return a tag with the id of a run, given that or the id of its record, if the store has it."""
    found = of_record(client, record)
    return {tag: str(found.info.run_id)} if found is not None else {}


def _remove_others(client: MlflowClient, run: Run, entry: Entry) -> None:
    """Remove the second run that a server made of a request that it answered after we had gone."""
    for other in _found(client, [run.info.experiment_id], entry.record):
        if other.info.run_id not in (run.info.run_id, entry.into):
            client.delete_run(other.info.run_id)


def _log_values(client: MlflowClient, run: Run, entry: Entry, model: LoggedModel | None) -> None:
    """Log tags, params and metrics; a store keeps one of several equal ones. Scores are logged as the model's, too."""
    from mlflow.entities import Metric, Param, RunTag

    run_id, known = str(run.info.run_id), run.data.params
    # in the user's own run a param of the same name may have another value, and cannot change
    params = {f"forecast.{n}" if known.get(n, v) != v else n: v for n, v in entry.params.items()}
    tags = {name: value for name, value in entry.tags.items() if run.data.tags.get(name) != value}
    metrics = [
        Metric(name, value, at, step, **_owner(name, step, model, entry)) for name, value, step, at in entry.metrics
    ]
    for some_metrics, some_params, some_tags in zip_longest(
        _parts(metrics, MAX_METRICS_PER_CALL),
        _parts([Param(name, value) for name, value in params.items()], MAX_PER_CALL),
        _parts([RunTag(name, value) for name, value in tags.items()], MAX_PER_CALL),
        fillvalue=(),
    ):
        client.log_batch(run_id, some_metrics, some_params, some_tags)


def _land(client: MlflowClient, run_id: str, entry: Entry) -> None:
    """Log the scores of a prediction on its own run, too; its page shows then how good it was in the end."""
    from mlflow.entities import Metric

    rows = [Metric(f"{SCORE}{name}", value, at, step) for name, value, step, at in entry.metrics]
    client.log_batch(run_id, metrics=rows)


def _owner(name: str, step: int, model: LoggedModel | None, entry: Entry) -> dict[str, str]:
    """Say which model and data set a score is of; curves, over steps or under a heading, are of the run alone."""
    if model is None or step or "/" in name:
        return {}
    data = entry.dataset or {}
    named = {"dataset_name": data["name"], "dataset_digest": data["digest"]} if data else {}
    return {"model_id": str(model.model_id), **named}


def _log_dataset(client: MlflowClient, run_id: str, entry: Entry) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    assert entry.dataset is not None
    context = CONTEXTS.get(entry.tags.get(KIND, ""), "training")
    client.log_inputs(run_id, [DatasetInput(Dataset(**entry.dataset), [InputTag("mlflow.data.context", context)])])


def _log_model(client: MlflowClient, run_id: str, model: LoggedModel, folder: Path) -> None:
    """Store the packed model beside its run, and link the two; each step is left out where it is done."""
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus

    if model.status != LoggedModelStatus.READY:
        packed = json.loads((folder / MLMODEL).read_text(encoding="utf-8"))
        ids = {"model_id": model.model_id, "model_uuid": model.model_id, "run_id": run_id}
        packed |= {**ids, "artifact_path": model.artifact_location}
        (folder / MLMODEL).write_text(json.dumps(packed, indent=1), encoding="utf-8")
        listed = _lister(client.list_logged_model_artifacts, model.model_id)
        _upload(folder, listed, lambda path, place: _log_model_file(client, model.model_id, path, place))
    outputs = client.get_run(run_id).outputs
    if model.model_id not in [output.model_id for output in (outputs.model_outputs if outputs else [])]:
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 0)])
    if model.status != LoggedModelStatus.READY:
        client.finalize_logged_model(model.model_id, "READY")


def _model(client: MlflowClient, run: Run, entry: Entry) -> LoggedModel:
    """Find the entry's model, which an earlier try may have made, or create it, under the name of its architecture."""
    experiment_id, run_id = run.info.experiment_id, str(run.info.run_id)
    query = f"source_run_id = '{run_id}' AND tags.`{RECORD}` = '{entry.record}'"
    found = client.search_logged_models([experiment_id], query)
    if found:
        return found[0]
    tags = {name: entry.tags[name] for name in (RECORD, DESCRIPTION) if name in entry.tags}
    name = entry.params.get("model", "model")
    return client.create_logged_model(experiment_id, name, run_id, tags=tags, params=entry.params)


def _log_model_file(client: MlflowClient, model_id: str, path: Path, place: str | None) -> None:
    client.log_model_artifact(model_id, str(path), place)


def _lister(listing: Callable[..., Any], owner: str) -> Callable[[str | None], dict[str, int]]:
    """Return a function that gives the sizes of the files that a folder of a run or model has in the store."""
    return lambda place: {item.path.rpartition("/")[2]: int(item.file_size or -1) for item in listing(owner, place)}


def _logger(client: MlflowClient, run_id: str) -> Callable[[Path, str | None], None]:
    return lambda path, place: client.log_artifact(run_id, str(path), place)


def _upload(
    folder: Path, sizes: Callable[[str | None], dict[str, int]], log: Callable[[Path, str | None], None]
) -> None:
    """Send the files of a folder that the store does not have, or has only in part."""
    for place in [folder, *sorted(path for path in folder.rglob("*") if path.is_dir())]:
        inside = None if place == folder else place.relative_to(folder).as_posix()
        files = sorted(path for path in place.iterdir() if path.is_file())
        there = sizes(inside) if files else {}
        for path in files:
            if there.get(path.name) != path.stat().st_size:
                log(path, inside)


def _parts(values: list[Any], size: int) -> Iterator[list[Any]]:
    for first in range(0, len(values), size):
        yield values[first : first + size]
