"""What MLflow's pages say of runs: names, descriptions, scores, failures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from house import QUICK
from typer.testing import CliRunner

import forecast as fc
from forecast.cli.app import app
from forecast.datasets.errors import DataError
from forecast.settings import Settings
from forecast.tracking import open_fit
from forecast.tracking.delivery.job import job
from forecast.tracking.journal import Entry, due
from forecast.tracking.pages import failures, view
from forecast.tracking.pages.names import data_name, run_name
from forecast.tracking.pages.tags import DESCRIPTION
from forecast.tracking.store import Store, as_current

LEVELS = (0.1, 0.5, 0.9)


@pytest.fixture(scope="module")
def store(new_store: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One database for the module, and a folder for what MLflow writes where it is."""
    folder = tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield new_store(folder / "runs.db")


@pytest.fixture(scope="module")
def runs(store: str) -> dict[str, Any]:
    """A fit, an evaluation of two models, and a fit that fails, by name of the model; all are sent together."""
    from mlflow import MlflowClient

    from forecast.datasets.synthetic import synthetic

    frame, asked = synthetic(3, 80, seed=1), {"experiment": "pages", "tracking_uri": store}
    diverging = {"model": "rnn_relu", "learning_rate": 1e6, "gradient_clip": 0.0, **QUICK, **asked}
    with job() as sent:
        records = {"gru": fc.Forecaster(6, model="gru", **QUICK, **asked).fit(frame, source="data/sales.csv").run_id_}
        models = ["theta", "seasonal_naive"]
        result = fc.evaluate(frame, 6, models=models, cutoffs=3, quantiles=LEVELS, source="data/sales.csv", **asked)
        records |= {name: outcome.run_id for name, outcome in result.outcomes.items()}
        with pytest.raises(fc.ForecastError, match="diverged"):
            fc.Forecaster(6, **diverging).fit(frame, source="data/sales.csv")
    client = MlflowClient(store)
    place = client.get_experiment_by_name("pages").experiment_id
    (failed,) = client.search_runs([place], "attributes.status = 'FAILED'")
    return {name: client.get_run(sent.run_ids[record]) for name, record in records.items()} | {"failed": failed}


def test_names_are_model_data_and_horizon(runs: dict[str, Any]) -> None:
    assert run_name("gru", "data/sales.csv", 28) == "gru · sales · h28"
    assert run_name("gru", None, 28) == "gru · h28"
    assert data_name("https://user:word@host/a/sales.parquet?sig=secret.key") == "sales"
    assert data_name("s3://bucket/sales/") == "sales"
    assert data_name("C:\\data\\sales.csv") == "sales"
    assert data_name("-") == "stdin"
    names = [run.info.run_name for run in runs.values()]
    assert names == [f"{model} · sales · h6" for model in ("gru", "theta", "seasonal_naive", "rnn_relu")]


def test_an_evaluation_says_how_good_it_is_and_how_to_load_it(runs: dict[str, Any]) -> None:
    run = runs["theta"]
    metrics, said = run.data.metrics, run.data.tags[DESCRIPTION]
    skill = 1 - metrics["mase"] / metrics["mase_seasonal_naive"]
    assert metrics["skill"] == pytest.approx(skill, abs=1e-4)
    side = "better" if skill > 0 else "worse"
    assert said.startswith(f"**`theta` is {abs(round(100 * skill))}% {side} than seasonal naive by MASE** on `sales`")
    assert f"MASE {metrics['mase']:.4g} ({metrics['mase_seasonal_naive']:.4g})" in said
    assert f"in the 80% interval {metrics['coverage_80']:.0%}" in said
    assert "3 series with 240 rows, 2000-01-01 to 2006-08-01, frequency MS" in said
    assert "3 cutoffs every 6 rows, 2005-02-01 to 2006-02-01, fitted once" in said
    assert "- **Model**: `theta`, " in said
    assert f'`fc.load("runs:/{run.info.run_id}")`' in said
    assert "(it knows the rows up to 2005-02-01)" in said
    assert "as good as seasonal naive" in runs["seasonal_naive"].data.tags[DESCRIPTION]


def test_headlines_are_the_first_metrics_and_references_no_charts(store: str, runs: dict[str, Any]) -> None:
    """MLflow's page of a run shows metrics in the order in which they were logged."""
    metrics = list(runs["theta"].data.metrics)
    assert metrics[:6] == ["skill", "mase", "mase_seasonal_naive", "smape", "wql", "coverage_80"]
    assert not [name for name in metrics if name.startswith(("seasonal_naive/", "naive2/", "test/"))]
    references = json.loads(runs["theta"].data.tags["forecast.baselines"])
    assert references["seasonal_naive"]["smape"] == pytest.approx(runs["seasonal_naive"].data.metrics["smape"])
    board = fc.compare(experiment="pages", metric="smape", tracking_uri=store).set_index("model")
    assert board.at["theta", "skill"] == pytest.approx(
        1 - runs["theta"].data.metrics["smape"] / references["seasonal_naive"]["smape"]
    )


def test_settings_are_those_that_a_model_reads(runs: dict[str, Any]) -> None:
    params = {name for name in runs["theta"].data.params if not name.startswith("protocol.")}
    assert params == {"horizon", "model", "freq", "season_length", "quantiles", "calibrate", "seed"}
    assert {"hidden_size", "lookback", "steps"} <= runs["gru"].data.params.keys()
    assert not {"members", "tune", "id", "max_time"} & runs["gru"].data.params.keys()


def test_data_sets_are_named_and_say_what_they_were_for(runs: dict[str, Any]) -> None:
    for model, context in (("gru", "training"), ("theta", "evaluation")):
        (used,) = runs[model].inputs.dataset_inputs
        assert used.dataset.name == "sales"
        assert [tag.value for tag in used.tags] == [context]
        assert json.loads(used.dataset.profile)["sha256"] == runs[model].data.tags["forecast.dataset_sha256"]


def test_a_model_has_its_name_settings_and_scores(store: str, runs: dict[str, Any]) -> None:
    from mlflow import MlflowClient

    run = runs["theta"]
    model = MlflowClient(store).get_logged_model(run.outputs.model_outputs[0].model_id)
    assert (model.name, model.params["season_length"]) == ("theta", "12")
    scores = {metric.key: metric for metric in model.metrics}
    assert scores["mase"].value == run.data.metrics["mase"]
    assert (scores["mase"].dataset_name, scores["skill"].run_id) == ("sales", run.info.run_id)
    assert model.tags[DESCRIPTION] == run.data.tags[DESCRIPTION]
    assert runs["gru"].data.metrics["train_loss"] > 0
    fit = MlflowClient(store).get_logged_model(runs["gru"].outputs.model_outputs[0].model_id)
    assert [metric.key for metric in fit.metrics] == ["fit_seconds", "fit_cpu_seconds"]


def test_gradients_are_recorded_on_request(
    store: str, runs: dict[str, Any], frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kept() -> list[str]:
        settings = {"model": "gru", "experiment": "slopes", "tracking": "optional", **QUICK}
        monkeypatch.setenv("FORECAST_TRACKING_URI", "http://127.0.0.1:9")
        with pytest.warns(UserWarning, match="kept in"):
            fc.Forecaster(6, **settings).fit(frame)
        return [name for name, *_ in Entry.read(due(None)[-1]).metrics if name.startswith("gradient/")]

    assert kept() == []
    monkeypatch.setenv("FORECAST_TRACK_GRADIENTS", "1")
    assert "gradient/highway" in kept()


def test_a_failure_says_why(runs: dict[str, Any]) -> None:
    run = runs["failed"]
    tags = run.data.tags
    assert (tags["forecast.exit_code"], tags["forecast.source"]) == ("1", "data/sales.csv")
    assert tags["forecast.error"].startswith("training diverged")
    assert tags["forecast.hint"].startswith("Try a smaller learning_rate")
    assert tags[DESCRIPTION].startswith("**The fit of `rnn_relu` on `sales` failed** with exit code 1.")
    assert tags["forecast.error"] in tags[DESCRIPTION]
    assert (run.data.params["model"], run.data.params["learning_rate"]) == ("rnn_relu", "1000000.0")


def test_no_password_is_in_a_failure() -> None:
    error = DataError("https://me:word@host/x.csv cannot be read", hint="Ask https://me:word@host.")
    assert "word" not in str(failures.tags(error))
    assert failures.tags(OSError("disk full")) == {"forecast.exit_code": "1", "forecast.error": "OSError: disk full"}
    assert len(failures.tags(DataError("x" * 10_000))["forecast.error"]) < 5000


def test_a_refused_table_leaves_a_run(store: str, runs: dict[str, Any], frame: pd.DataFrame) -> None:
    from mlflow import MlflowClient

    asked = {"experiment": "refused", "tracking_uri": store}
    broken = frame.assign(y="x")
    with pytest.raises(DataError, match="problems"):
        fc.Forecaster(6, model="gru", **asked).fit(broken, source="sales.csv")
    with pytest.raises(DataError, match="longer than every series"):
        fc.evaluate(frame, 600, models=["theta", "naive"], source="sales.csv", **asked)
    client = MlflowClient(store)
    found = client.search_runs([client.get_experiment_by_name("refused").experiment_id])
    names = {run.info.run_name: (run.info.status, run.data.tags["forecast.exit_code"]) for run in found}
    assert names == {"gru · sales · h6": ("FAILED", "3"), "theta, naive · sales · h600": ("FAILED", "3")}


def test_a_refused_command_leaves_a_run_for_the_next_one_to_send(elsewhere: Path) -> None:
    def refused(*words: str) -> list[Entry]:
        CliRunner().invoke(app, list(words))
        return [Entry.read(place) for place in due(None)]

    (entry,) = refused("fit", "nowhere.csv", "-H", "6", "-m", "gru", "-q")
    assert (entry.run_name, entry.status, entry.held) == ("gru · nowhere · h6", "FAILED", False)
    assert entry.tags["forecast.error"] == "nowhere.csv does not exist"
    Path("bad.csv").write_text("ds,y\n2020-01-01,x\n")
    entries = refused("evaluate", "bad.csv", "-H", "6", "-m", "theta,naive", "-q")
    assert [entry.run_name for entry in entries] == ["gru · nowhere · h6", "theta, naive · bad · h6"]
    assert len(refused("fit", "bad.csv", "-H", "6", "--no-track", "-q")) == 2
    assert len(refused("fit", "bad.csv", "-H", "0", "-q")) == 2, "a usage error comes before any work"
    assert not Path(".forecast/mlflow.db").exists()


def test_a_users_own_run_keeps_its_name_and_its_description(
    store: str, runs: dict[str, Any], frame: pd.DataFrame
) -> None:
    import mlflow

    with as_current(store):
        mlflow.set_experiment("own")
        with mlflow.start_run(run_name="mine", description="what I say"):
            run_id = fc.Forecaster(6, model="naive").fit(frame).run_id_
        with mlflow.start_run(run_name="bare"):
            bare = fc.Forecaster(6, model="naive").fit(frame).run_id_
    own, other = (mlflow.MlflowClient(store).get_run(one) for one in (run_id, bare))
    assert (own.info.run_name, own.data.tags[DESCRIPTION]) == ("mine", "what I say")
    assert "forecast fit" not in own.data.tags["mlflow.source.name"]
    assert other.info.run_name == "bare"
    assert other.data.tags[DESCRIPTION].startswith("**`naive` fitted**")


def test_the_view_is_there_once_and_a_users_stays(store: str, runs: dict[str, Any]) -> None:
    opened = Store.of(store)
    client = opened.client()
    tag = client.get_experiment_by_name("pages").tags[view.TAG]
    state = json.loads(json.loads(tag)["state"])
    assert (state["searchFilter"], state["orderByKey"], state["orderByAsc"]) == (
        "tags.`forecast.kind` = 'evaluate'",
        "metrics.`skill`",
        False,
    )
    older = client.create_experiment("older")
    opened.experiment_id(client, "older")
    assert client.get_experiment(older).tags[view.TAG]
    client.set_experiment_tag(older, view.TAG, "{}")
    opened.experiment_id(client, "older")
    assert client.get_experiment(older).tags[view.TAG] == "{}"


def test_of_a_server_the_view_is_on_the_servers_address(
    store: str, runs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Store.of(store).client()
    monkeypatch.setattr(Store, "client", lambda self: client)
    said = CliRunner().invoke(app, ["ui", "--tracking-uri", "https://me:word@mlflow.example/base/"])
    newest = max(client.search_runs([e.experiment_id for e in client.search_experiments()], view.FILTER), key=_started)
    place = newest.info.experiment_id
    expected = f"https://mlflow.example/base/#/experiments/{place}/runs?viewStateShareKey=forecast"
    assert said.output.strip().splitlines()[-1] == f"{expected}&workflowType=machine_learning"
    assert said.exit_code == 0


def _started(run: Any) -> int:
    return int(run.info.start_time)


def test_a_run_that_is_killed_has_its_settings(elsewhere: Path) -> None:
    asked = Settings(horizon=6, model="theta", experiment="killed")
    with pytest.raises(KeyboardInterrupt), open_fit(asked, "sales.csv"):
        raise KeyboardInterrupt
    (entry,) = [Entry.read(path.parent) for path in Path(".forecast/journal").glob("*/run.json")]
    assert (entry.status, entry.run_name, entry.params["model"]) == ("KILLED", "theta · sales · h6", "theta")
    assert "forecast.error" not in entry.tags
