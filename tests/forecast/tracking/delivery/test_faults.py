"""A server that fails in any way stops no job, and in the end has every run once and whole."""

from __future__ import annotations

import importlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from faulty import Faults, serving
from typer.testing import CliRunner

import forecast as fc
from forecast.cli.app import app
from forecast.datasets.errors import TrackingError
from forecast.tracking.delivery import job as jobs
from forecast.tracking.delivery.courier import dismiss
from forecast.tracking.delivery.syncing import Synced, sync
from forecast.tracking.environment import RECORD
from forecast.tracking.journal import Entry, begin, due
from forecast.tracking.store import Store

PACKED = {"MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt", "input_example.json"}
AT_MOST = 15.0  # seconds, on a machine that is busy with other tests; MLflow alone waits for minutes


@pytest.fixture(scope="module")
def server(
    new_store: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Faults, Any]]:
    """A server's address, its faults, and a client of the database behind it; it outlives the module's tests."""
    from mlflow import MlflowClient

    importlib.import_module("matplotlib")  # where pictures are drawn anyway, a record has one
    folder = tmp_path_factory.mktemp("server")
    with serving(folder, new_store(folder / "server.db")) as (address, faults, database):
        yield address, faults, MlflowClient(database)
    dismiss()


@pytest.fixture
def healthy(server: tuple[str, Faults, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[Faults]:
    """The faults of the server, none of which is on before and after a test; a busy machine alone is none."""
    monkeypatch.setattr(jobs, "NETWORK_SECONDS", AT_MOST)
    server[1].heal()
    yield server[1]
    server[1].over.set()
    server[1].heal()


def _fit(frame: pd.DataFrame, experiment: str) -> str:
    """Fit, and return the id of the run, or that of its record."""
    run_id = fc.Forecaster(6, model="naive", experiment=experiment).fit(frame, source="sales.csv").run_id_
    assert run_id is not None
    return run_id


def _sync(address: str) -> Synced:
    store = Store.of(address)
    return sync(store.client(), store, None, seconds=float("inf"))


def _only_run(client: Any, experiment: str) -> Any:
    """The one run of an experiment, which must be whole: nothing is lost, and nothing is there twice."""
    place = client.get_experiment_by_name(experiment).experiment_id
    (run,) = client.search_runs([place])
    assert run.info.status == "FINISHED"
    assert run.data.params["model"] == "naive"
    assert run.data.metrics.keys() >= {"fit_seconds", "fit_cpu_seconds"}
    assert run.data.tags["forecast.dataset.rows"] == "240"
    (dataset,) = run.inputs.dataset_inputs
    assert dataset.dataset.name == "sales"
    (output,) = run.outputs.model_outputs
    (model,) = client.search_logged_models([place])
    assert (model.model_id, model.status.value) == (output.model_id, "READY")
    return run


def _files(address: str, run: Any) -> None:
    """Load what the server has of a run: the picture and the model."""
    from mlflow import MlflowClient

    client = MlflowClient(address)
    assert [item.path for item in client.list_artifacts(run.info.run_id)] == ["forecast.png"]
    from forecast.tracking.recall.fetching import fetched

    with fetched(f"runs:/{run.info.run_id}/naive", address) as folder:
        assert fc.load(folder).settings.model == "naive"
        fc.verify(folder)
        assert {path.name for path in folder.parents[1].iterdir()} >= PACKED


def test_a_server_that_works(
    server: tuple[str, Faults, Any], healthy: Faults, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, _, client = server
    monkeypatch.setenv("FORECAST_TRACKING_URI", address)
    run_id = _fit(frame, "works")
    run = _only_run(client, "works")
    assert run.info.run_id == run_id
    _files(address, run)
    assert not due(None)


@pytest.mark.parametrize(
    "what", ["POST runs/create", "POST logged-models", "PUT forecast.png", "POST outputs", "POST runs/update"]
)
def test_an_answer_that_is_lost_doubles_nothing(
    server: tuple[str, Faults, Any],
    healthy: Faults,
    frame: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    address, _, client = server
    monkeypatch.setenv("FORECAST_TRACKING_URI", address)
    method, _, ending = what.partition(" ")
    healthy.lose = lambda asked: asked.startswith(method) and asked.endswith(ending)
    name = f"loses {ending.replace('/', ' ')}"
    assert _fit(frame, name) == _only_run(client, name).info.run_id
    assert healthy.lost == 1
    assert not due(None)


@pytest.mark.parametrize("good", [0, 4, 12, 18])
def test_a_server_that_dies_in_the_middle(
    server: tuple[str, Faults, Any],
    healthy: Faults,
    frame: pd.DataFrame,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    good: int,
) -> None:
    address, _, client = server
    monkeypatch.setenv("FORECAST_TRACKING_URI", address)
    healthy.die = good
    name = f"dies after {good}"
    with pytest.warns(UserWarning, match=r"kept in .forecast/journal; `forecast runs sync` sends it later"):
        record = _fit(frame, name)
    (kept,) = due(None)
    assert kept.name == record
    healthy.heal()
    before = dict(os.environ)
    assert [result.record for result in _sync(address).results] == [record]
    assert (capfd.readouterr().out, dict(os.environ)) == ("", before), "other calls of MLflow go on as they did"
    run = _only_run(client, name)
    assert run.data.tags[RECORD] == record
    _files(address, run)
    assert not due(None)
    assert _sync(address).results == [], "to ask again changes nothing"
    assert fc.compare([record], tracking_uri=address)["run_id"].tolist() == [run.info.run_id]


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("good", [0, 6])
def test_a_server_that_hangs(
    server: tuple[str, Faults, Any], healthy: Faults, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, good: int
) -> None:
    """As one that was stopped with SIGSTOP: the system takes the connection, and nobody answers."""
    address, _, client = server
    monkeypatch.setenv("FORECAST_TRACKING_URI", address)
    monkeypatch.setattr(jobs, "NETWORK_SECONDS", 1.0)
    frame.to_csv("sales.csv", index=False)
    healthy.hang = good
    started = time.monotonic()
    words = ["fit", "sales.csv", "-H", "6", "-m", "naive", "--experiment", f"hangs after {good}", "-o", "model"]
    done = CliRunner().invoke(app, [*words, "--json"])
    assert time.monotonic() - started < AT_MOST
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["tracking"], found["run_id"]) == ("deferred", None)
    assert done.stderr.count("does not answer in time") == 1
    fc.verify("model")
    healthy.over.set()
    healthy.heal()
    _sync(address)
    run = _only_run(client, f"hangs after {good}")
    assert fc.load("model").run_id_ == run.data.tags[RECORD], "the model names its run, which came later"


def test_a_server_that_answers_500(server: tuple[str, Faults, Any], healthy: Faults, frame: pd.DataFrame) -> None:
    address, _, client = server
    healthy.fail = 0
    frame.to_csv("sales.csv", index=False)
    words = ["evaluate", "sales.csv", "-H", "6", "-m", "naive,drift", "--experiment", "500", "--save", "best", "--json"]
    required = CliRunner().invoke(app, [*words, "--tracking-uri", address])
    assert isinstance(required.exception, TrackingError)
    assert required.exception.exit_code == 5
    assert json.loads(required.stdout)["tracking"] == "deferred"
    fc.verify("best")
    healthy.heal()
    assert len(_sync(address).results) == 2
    runs = client.search_runs([client.get_experiment_by_name("500").experiment_id])
    assert {run.data.tags["forecast.model"] for run in runs} == {"naive", "drift"}
    assert all("mase" in run.data.metrics for run in runs)


def test_what_a_server_refuses_is_laid_aside_with_a_note_and_stops_nothing(
    server: tuple[str, Faults, Any], healthy: Faults, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, _, client = server
    monkeypatch.setenv("FORECAST_TRACKING_URI", address)
    healthy.refuse = "log-inputs"
    with pytest.warns(UserWarning, match="I will not take this; it lies in"):
        record = _fit(frame, "refused")
    assert not due(None)
    (folder,) = Path(".forecast/journal/refused").glob(record)
    assert "I will not take this" in folder.with_name(f"{record}.WHY.txt").read_text()
    place = client.get_experiment_by_name("refused").experiment_id
    assert [run.info.status for run in client.search_runs([place])] == ["FAILED"], "nothing is left open"
    healthy.heal()
    _fit(frame, "taken")
    folder.rename(folder.parents[1] / record)
    _sync(address)
    assert _only_run(client, "refused").data.tags[RECORD] == record


def test_a_port_that_nobody_answers(frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was stopped before it took the first connection."""
    with socket.create_server(("127.0.0.1", 0)) as stopped:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{stopped.getsockname()[1]}")
        started = time.monotonic()
        with pytest.warns(UserWarning, match="does not answer in time"):
            _fit(frame, "stopped")
        assert 2.9 < time.monotonic() - started < AT_MOST
    assert len(due(None)) == 1


def test_what_cannot_be_sent_now_does_not_stop_what_can(
    server: tuple[str, Faults, Any], healthy: Faults, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server whose files are out of order, and whose numbers are not."""
    address = server[0]
    monkeypatch.setenv("FORECAST_TRACKING_URI", address)
    healthy.die_at = "artifacts"
    with pytest.warns(UserWarning, match="kept in"):
        fc.evaluate(frame, 6, models="naive", experiment="files")
    plain = Entry(experiment="no files")
    plain.close("FINISHED")
    begin(plain, None)
    found = _sync(address)
    assert ([result.record for result in found.results], found.left) == ([plain.record], 1)
    assert found.problem is not None
    assert len(fc.compare(experiment="files", tracking_uri=address)) == 1, "what is there is shown"
