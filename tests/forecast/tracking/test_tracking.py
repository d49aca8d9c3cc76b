"""MLflow: what a run holds, that it is closed, and that the work never depends on it."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from house import QUICK, same

import forecast as fc
from forecast.datasets.errors import ConfigError, TrackingError
from forecast.datasets.fingerprint import panel_sha256
from forecast.tracking.delivery.syncing import sync
from forecast.tracking.journal import due
from forecast.tracking.recall.fetching import fetched
from forecast.tracking.store import Store


@pytest.fixture(scope="module")
def store(new_store: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """One database for the module."""
    return new_store(tmp_path_factory.mktemp("store") / "runs.db")


def _client(store: str) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(store)


def _place(store: str, experiment: str) -> str:
    return str(_client(store).get_experiment_by_name(experiment).experiment_id)


def test_a_fit_is_a_run(store: str, frame: pd.DataFrame) -> None:
    importlib.import_module("matplotlib")  # where pictures are drawn anyway, a run has one
    asked = {"experiment": "fits", "run_name": "first", "tracking_uri": store}
    model = fc.Forecaster(6, model="gru", **asked, **QUICK).fit(frame, source="sales.csv")
    run = _client(store).get_run(model.run_id_)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "first"
    assert run.data.params["hidden_size"] == "16"
    assert run.data.params["lookback"] == str(model.resolved_.lookback)
    tags = run.data.tags
    assert tags["forecast.kind"] == "fit"
    assert tags["forecast.dataset_sha256"] == panel_sha256(model.panel(frame))
    assert (tags["forecast.dataset.rows"], tags["forecast.dataset.series"], tags["forecast.dataset.freq"]) == (
        "240",
        "3",
        "MS",
    )
    assert "torch " in tags["forecast.packages"]
    curve = _client(store).get_metric_history(model.run_id_, "train_loss")
    assert [point.value for point in curve] == pytest.approx(model.history_["train_loss"].tolist())
    assert run.inputs.dataset_inputs[0].dataset.name == "sales"
    assert [item.path for item in _client(store).list_artifacts(model.run_id_)] == ["forecast.png"]


def test_the_model_can_be_served_and_loaded(store: str, frame: pd.DataFrame) -> None:
    import mlflow

    from forecast.tracking.store import as_current

    model = fc.Forecaster(6, model="gru", experiment="fits", tracking_uri=store, **QUICK).fit(frame)
    address = f"runs:/{model.run_id_}/gru"
    with as_current(store):
        served = mlflow.pyfunc.load_model(address)
        assert [column.name for column in served.metadata.signature.outputs] == ["unique_id", "ds", "forecast"]
        assert [param.name for param in served.metadata.signature.params] == ["horizon", "quantiles", "samples"]
        assert served.metadata.saved_input_example_info
        found = served.predict(frame, params={"horizon": 2})
        mlflow.register_model(address, "sales")
        _client(store).set_registered_model_alias("sales", "best", 1)
    assert same(found, model.predict(frame, horizon=2))
    with fetched("models:/sales@best", store) as directory:
        assert same(fc.load(directory).predict(), model.predict())


def test_an_evaluation_is_a_run_for_each_model(store: str, frame: pd.DataFrame) -> None:
    asked = {"experiment": "evaluations", "tracking_uri": store}
    result = fc.evaluate(frame, 6, models=["theta", "naive"], cutoffs=3, **asked)
    client = _client(store)
    run = client.get_run(result.outcomes["naive"].run_id)
    mase, of_naive = result.models["naive"]["mase"], result.baselines["seasonal_naive"]["mase"]
    assert run.data.metrics["mase"] == pytest.approx(mase)
    assert run.data.metrics["mase_seasonal_naive"] == pytest.approx(of_naive, abs=5e-5)
    assert run.data.metrics["skill"] == pytest.approx(1 - mase / of_naive, abs=5e-5)
    by_horizon = client.get_metric_history(run.info.run_id, "by_horizon/mae")
    assert [point.step for point in by_horizon] == [1, 2, 3, 4, 5, 6]
    assert [p.step for p in client.get_metric_history(run.info.run_id, "by_cutoff/mae")] == [0, 1, 2]
    board = fc.compare(experiment="evaluations", tracking_uri=store)
    assert board["model"].tolist() == sorted(result.models, key=lambda name: result.models[name]["mase"])
    some = fc.compare([run.info.run_id[:10]], tracking_uri=store, metric="smape")
    assert some["model"].tolist() == ["naive"]
    with pytest.raises(ConfigError, match="no experiment"):
        fc.compare(experiment="nowhere", tracking_uri=store)
    with pytest.raises(ConfigError, match="unknown metric 'mese'"):
        fc.compare(experiment="evaluations", tracking_uri=store, metric="mese")


def test_a_failed_fit_is_marked_failed(store: str, frame: pd.DataFrame) -> None:
    bad = {"learning_rate": 1e6, "gradient_clip": 0.0, "experiment": "failures", "tracking_uri": store}
    with pytest.raises(fc.ForecastError):
        fc.Forecaster(6, model="rnn_relu", **bad, **QUICK).fit(frame)
    client = _client(store)
    place = client.get_experiment_by_name("failures").experiment_id
    assert [run.info.status for run in client.search_runs([place])] == ["FAILED"]


def test_off_unless_asked(frame: pd.DataFrame) -> None:
    model = fc.Forecaster(6, model="naive").fit(frame)
    assert model.run_id_ is None
    assert fc.Forecaster(6, model="naive", experiment="asked", tracking="off").fit(frame).run_id_ is None
    assert not Path(".forecast").exists()


def test_in_the_users_own_run_one_model_writes_into_it_and_others_are_its_children(
    store: str, frame: pd.DataFrame
) -> None:
    import mlflow

    from forecast.tracking.store import as_current

    client = _client(store)
    with as_current(store):
        mlflow.set_experiment("mine")
        with mlflow.start_run() as run:
            mlflow.log_param("model", "mine")
            first = fc.Forecaster(6, model="naive").fit(frame)
            others = [fc.Forecaster(6, model="drift", seed=seed).fit(frame) for seed in (0, 1)]
            assert mlflow.active_run().info.run_id == first.run_id_ == run.info.run_id
            assert client.get_run(run.info.run_id).info.status == "RUNNING"
        with mlflow.start_run() as several:
            result = fc.evaluate(frame, 6, models=["naive", "drift"])
    own = client.get_run(run.info.run_id)
    assert "forecast.process" not in own.data.tags, "it is the user who ends it"
    assert (own.info.status, own.data.params["model"], own.data.params["forecast.model"]) == (
        "FINISHED",
        "mine",
        "naive",
    )
    for parent, run_ids in (
        (run, [other.run_id_ for other in others]),
        (several, [outcome.run_id for outcome in result.outcomes.values()]),
    ):
        children = client.search_runs([_place(store, "mine")], f"tags.mlflow.parentRunId = '{parent.info.run_id}'")
        assert {child.info.run_id for child in children} == set(run_ids)
        assert {child.info.status for child in children} == {"FINISHED"}
    assert not client.get_run(several.info.run_id).data.params


def test_a_deferred_record_is_whole(store: str, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORECAST_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.warns(UserWarning, match="kept in .forecast/journal"):
        model = fc.Forecaster(6, model="gru", experiment="later", **QUICK).fit(frame, source="sales.csv")
    with pytest.warns(UserWarning, match="kept in .forecast/journal"):
        fc.evaluate(frame, 6, models="naive", experiment="later")
    assert len(due(None)) == 2
    place = Store.of(store)
    assert len(sync(place.client(), place, None, anyhow=True, seconds=60.0).results) == 2
    board = fc.compare(experiment="later", tracking_uri=store)
    assert board["model"].tolist() == ["naive"]
    assert board["mase"].notna().all()
    assert not due(None)
    (run,) = _client(store).search_runs([_place(store, "later")], "tags.`forecast.kind` = 'fit'")
    assert run.data.params["hidden_size"] == "16"
    curve = _client(store).get_metric_history(run.info.run_id, "train_loss")
    assert [point.value for point in curve] == pytest.approx(model.history_["train_loss"].tolist())
    assert run.inputs.dataset_inputs[0].dataset.name == "sales"
    with fetched(f"runs:/{run.info.run_id}/gru", store) as directory:
        assert same(fc.load(directory).predict(), model.predict())


def test_a_store_that_was_asked_for_must_work(frame: pd.DataFrame) -> None:
    with pytest.raises(TrackingError, match="does not answer"):
        fc.Forecaster(6, model="naive", tracking_uri="http://127.0.0.1:9").fit(frame)
    with pytest.raises(TrackingError, match="migrate-filestore"):
        fc.Forecaster(6, model="naive", tracking_uri="./mlruns").fit(frame)


def test_tracking_loads_where_the_system_has_no_fcntl() -> None:
    code = "import sys; sys.modules['fcntl'] = None; import forecast.tracking.store, forecast.tracking.comparison"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_lock_lets_one_process_in_at_a_time() -> None:
    held = Store.of("sqlite:///runs.db")
    other = "from forecast.tracking.store import Store\nwith Store.of('sqlite:///runs.db').lock(): print('in')"
    with held.lock():
        waiting = subprocess.Popen([sys.executable, "-c", other], stdout=subprocess.PIPE, text=True)
        with pytest.raises(subprocess.TimeoutExpired, match="timed out"):
            waiting.wait(2)
    assert waiting.communicate(timeout=30)[0] == "in\n"
