"""The run of a job, and those below it: in a store, in a user's own run, and when they are sent later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from forecast.datasets.errors import DataError, GateError
from forecast.datasets.synthetic import synthetic
from forecast.jobs.checking import candidates_of
from forecast.jobs.declared import Job, Order
from forecast.jobs.nightly import Hands
from forecast.jobs.tracked import run_tracked
from forecast.tracking.delivery.job import job
from forecast.tracking.delivery.syncing import sync
from forecast.tracking.journal import Entry, begin
from forecast.tracking.store import Store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """One database for the module; making one takes seconds."""
    return Store.of(f"sqlite:///{tmp_path_factory.mktemp('store') / 'runs.db'}")


@pytest.fixture(scope="module")
def client(store: Store) -> Any:
    return store.client()


def _order(experiment: str | None, store: Store | None, **keys: Any) -> Order:
    settings: dict[str, Any] = {"horizon": 3}
    settings |= {} if store is None else {"experiment": experiment, "tracking_uri": store.uri}
    return Order(job=Job(data="sales.csv", model=("theta", "naive"), cutoffs=2, **keys), settings=settings)


def _run(order: Order, *, missed: GateError | None = None, broken: bool = False) -> str | None:
    table = synthetic(1, 40, seed=1).assign(y=lambda t: "many" if broken else t["y"])
    hands = Hands(read=lambda address, columns: table, judge=lambda choice: missed)
    with job() as tracked:
        _, record = run_tracked(order, candidates_of(order), hands)
    return tracked.run_ids[record or ""]


def _below(client: Any, experiment_id: str, run_id: str) -> list[str]:
    found = client.search_runs([experiment_id], f"tags.`mlflow.parentRunId` = '{run_id}'")
    return sorted(run.data.tags["forecast.kind"] for run in found)


def test_what_became_of_a_job_is_recorded(client: Any, store: Store) -> None:
    order = _order("nights", store, require=("mase<0.001",), output="next.csv", on_fail="seasonal_naive")
    run_id = _run(order, missed=GateError("it is not good enough"))
    run = client.get_run(run_id)
    tags, params = run.data.tags, run.data.params
    assert run.info.status == "FAILED"
    assert (tags["forecast.exit_code"], tags["forecast.gate"]) == ("6", "missed")
    assert tags["forecast.error"] == "it is not good enough"
    assert "it is not good enough" in tags["mlflow.note.content"]
    assert run.info.run_name == "run · sales · h3"
    assert tags["forecast.made_by"] == "seasonal_naive"
    assert tags["forecast.chosen"] == "2003-01-01: naive"
    assert (params["model"], params["require"], params["horizon"]) == ("theta, naive", "mase<0.001", "3")
    assert "tracking_uri" not in params
    assert run.data.metrics["forecasts_scored"] == 3
    assert {"skill", "mase", "mase_seasonal_naive"} <= run.data.metrics.keys()
    assert _below(client, run.info.experiment_id, run_id) == ["evaluate", "evaluate", "fit", "predict"]


def test_a_refused_table_leaves_a_run(client: Any, store: Store) -> None:
    with pytest.raises(DataError):
        _run(_order("refused", store), broken=True)
    experiment = client.get_experiment_by_name("refused").experiment_id
    (run,) = client.search_runs([experiment])
    assert (run.info.status, run.data.tags["forecast.exit_code"]) == ("FAILED", "3")
    assert "many" in run.data.tags["forecast.error"]
    assert run.data.params["model"] == "theta, naive"
    assert [item.path for item in client.list_artifacts(run.info.run_id)] == ["job.toml"]


def test_in_a_users_own_run_the_job_hangs_below_it(client: Any, store: Store) -> None:
    import mlflow

    from forecast.tracking.store import as_current

    place = store.experiment_id(client, "own")
    with as_current(store.uri), mlflow.start_run(experiment_id=place) as own:
        run_id = _run(_order(None, None))
    assert _below(client, own.info.experiment_id, own.info.run_id) == ["run"]
    assert _below(client, own.info.experiment_id, str(run_id)) == ["evaluate", "evaluate", "fit", "predict"]
    assert client.get_run(own.info.run_id).data.params == {}


def test_a_tree_that_is_sent_later_is_whole(client: Any, store: Store) -> None:
    parent = Entry(experiment="later")
    parent.close("FINISHED")
    below = Entry(experiment="later", tags={"forecast.parent_record": parent.record}, started=parent.started + 1)
    below.close("FINISHED")
    for entry in (below, parent):
        begin(entry, None)
    results = {one.record: one.run_id for one in sync(client, store, None).results}
    run = client.get_run(results[below.record])
    assert run.data.tags["mlflow.parentRunId"] == results[parent.record]
    assert not list(Path(".forecast/journal").iterdir())
