"""Any recorded run is a model: addresses, what they find, and what is said where they find nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from house import same

import forecast as fc
from forecast.datasets.errors import ConfigError, ModelError
from forecast.datasets.synthetic import synthetic
from forecast.tracking.environment import FIT_RECORD, FIT_RUN, RECORD
from forecast.tracking.recall.addresses import ModelAddress, RunAddress, is_address, parsed
from forecast.tracking.recall.lineage import evaluation_of, maker_of


class Recorded:
    """A store with a fit, its evaluation, an evaluation of two models, and a registered model with two versions."""

    def __init__(self, folder: Path, uri: str) -> None:
        import mlflow

        from forecast.tracking.store import as_current

        self.uri, self.frame = uri, synthetic(3, 80, seed=5)
        asked = {"tracking_uri": self.uri, "journal": str(folder / "journal")}
        early = self.frame.groupby("unique_id", sort=False).head(60)
        self.model = fc.Forecaster(6, model="ets", experiment="first", **asked).fit(early, source="early.csv")
        self.directory = self.model.save(folder / "saved")
        self.own = fc.evaluate(self.frame, 6, models=[self.directory], cutoffs=2, experiment="first", **asked)
        names = ["theta", "naive"]
        self.two = fc.evaluate(self.frame, 6, models=names, cutoffs=2, experiment="second", source="f.csv", **asked)
        self.run_id = str(self.model.run_id_)
        with as_current(self.uri):
            for model_id in (self.model_id(self.run_id), self.model_id(str(self.two.run_id))):
                mlflow.register_model(f"models:/{model_id}", "sales")
        self.client.set_registered_model_alias("sales", "champion", "1")

    @property
    def client(self) -> Any:
        from mlflow import MlflowClient

        return MlflowClient(self.uri)

    def model_id(self, run_id: str) -> str:
        return str(self.client.get_run(run_id).outputs.model_outputs[0].model_id)


@pytest.fixture(scope="module")
def recorded(new_store: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    folder = tmp_path_factory.mktemp("recorded")
    return Recorded(folder, new_store(folder / "runs.db"))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("runs:/45fa", RunAddress(start="45fa")),
        ("runs:/45fa2030/model", RunAddress(start="45fa2030", name="model")),
        ("models:/sales@champion", ModelAddress(name="sales", alias="champion")),
        ("models:/a@b@c", ModelAddress(name="a@b", alias="c")),
        ("models:/sales/3", ModelAddress(name="sales", version="3")),
        ("models:/sales", ModelAddress(name="sales")),
        (f"models:/m-{'0' * 32}", ModelAddress(logged=f"m-{'0' * 32}")),
    ],
)
def test_addresses_are_read(text: str, place: RunAddress | ModelAddress) -> None:
    assert is_address(text)
    assert parsed(text) == place


@pytest.mark.parametrize(
    "text", ["runs:/", "runs:/45f", "runs:/xyz1", "models:/", "models:/@x", "models:/x@", "models:/a/b"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ModelError, match="is no address of a model"):
        fc.load(text)


def test_a_run_is_a_model(recorded: Recorded) -> None:
    record = recorded.client.get_run(recorded.run_id).data.tags[RECORD]
    expected = recorded.model.predict()
    registered = ["models:/sales@champion", "models:/sales/1", f"models:/{recorded.model_id(recorded.run_id)}"]
    for address in [
        f"runs:/{recorded.run_id[:8]}",
        f"runs:/{recorded.run_id}/model",
        f"runs:/{record[:8]}",
        *registered,
    ]:
        loaded = fc.load(address, tracking_uri=recorded.uri)
        assert same(loaded.predict(), expected), address
        assert loaded.run_id_ == record


def test_what_is_not_there_is_said_with_what_is(recorded: Recorded) -> None:
    for address, message in {
        "runs:/00000000": "there is no run 00000000 in",
        "models:/sales@none": "has the versions 1, 2 and the aliases champion",
        "models:/sales/9": "has the versions 1, 2",
        "models:/other": "Registered: sales",
        "models:/sales": "has 2 versions: which one is open\nWrite models:/sales@champion",
    }.items():
        with pytest.raises(ModelError, match=message):
            fc.load(address, tracking_uri=recorded.uri)


def test_an_ambiguous_beginning_is_refused(recorded: Recorded) -> None:
    client = recorded.client
    place = client.create_experiment("alike")
    for end in ("1", "2"):
        client.create_run(place, tags={RECORD: f"abcd{end * 28}"}, run_name=f"run {end}")
    with pytest.raises(ModelError, match=r"several runs begin with abcd: \w{8} \(run \d\), .*\nWrite more letters"):
        fc.load("runs:/abcd", tracking_uri=recorded.uri)
    with pytest.raises(ModelError, match=r"\(run 1\) holds no model: its status is RUNNING"):
        fc.load("runs:/abcd1", tracking_uri=recorded.uri)


def test_evaluate_and_compare_take_addresses(recorded: Recorded) -> None:
    addresses = ["models:/sales@champion", f"runs:/{recorded.run_id[:8]}"]
    result = fc.evaluate(recorded.frame, 6, models=addresses, cutoffs=2, tracking="off", tracking_uri=recorded.uri)
    assert list(result.models) == ["sales@champion", f"ets@{recorded.run_id[:8]}"]
    assert result.models["sales@champion"] == recorded.own.metrics, "the weights are those of the directory"
    both = [f"runs:/{recorded.two.outcomes['naive'].run_id[:8]}", str(recorded.two.outcomes["theta"].run_id)]
    board = fc.compare(both, tracking_uri=recorded.uri)
    assert set(board["model"]) == {"naive", "theta"}
    assert "model" in board.attrs["settings"]
    own = fc.compare(["models:/sales@champion"], tracking_uri=recorded.uri)
    assert own["run_id"].tolist() == [recorded.own.run_id], "of a registered model, the evaluation of it"
    with pytest.raises(ModelError, match="there is no run 12345678"):
        fc.compare(["12345678"], tracking_uri=recorded.uri)


def test_runs_know_the_fit_whose_model_they_used(recorded: Recorded) -> None:
    client = recorded.client
    run = client.get_run(recorded.own.run_id)
    fit = client.get_run(recorded.run_id)
    assert run.data.tags[FIT_RUN] == recorded.run_id
    assert run.data.tags[FIT_RECORD] in (recorded.run_id, fit.data.tags[RECORD])
    found = maker_of(client, run)
    assert found is not None
    assert found.info.run_id == recorded.run_id
    evaluation = evaluation_of(client, fit)
    assert evaluation is not None
    assert evaluation.info.run_id == recorded.own.run_id
    theta = client.get_run(recorded.two.run_id)
    assert FIT_RUN not in theta.data.tags, "an evaluation that fits is its own model's maker"
    assert fc.load(f"runs:/{theta.info.run_id}", tracking_uri=recorded.uri).run_id_ == theta.data.tags[RECORD]


def test_runs_are_a_frame_and_the_best_is_a_model(recorded: Recorded) -> None:
    frame = fc.runs(tracking_uri=recorded.uri)
    known = frame[frame["experiment"].isin(["first", "second"])]
    assert sorted(known["kind"]) == ["evaluate", "evaluate", "evaluate", "fit"]
    assert known["started"].is_monotonic_decreasing
    evaluated = known[known["run_id"] == recorded.own.run_id].iloc[0]
    assert evaluated["made_by"] == recorded.run_id
    assert evaluated["mase"] == pytest.approx(recorded.own.metrics["mase"])
    assert (evaluated["horizon"], evaluated["status"]) == (6, "FINISHED")
    some = fc.runs(experiment="second", kind="evaluate", metric="wape", tracking_uri=recorded.uri)
    assert set(some["model"]) == {"naive", "theta"}
    assert some.set_index("model")["wape"].to_dict() == pytest.approx(
        {name: metrics["wape"] for name, metrics in recorded.two.models.items()}
    )
    best = fc.best("second", tracking_uri=recorded.uri)
    assert best.settings.model == recorded.two.best
    assert best.context.lengths.max() < 80, "it learnt from the rows before the first cutoff"
    assert same(best.predict(recorded.frame), fc.Forecaster.over(recorded.two.fitted).predict(recorded.frame))
    with pytest.raises(ConfigError, match="there is no experiment 'third'"):
        fc.best("third", tracking_uri=recorded.uri)
    with pytest.raises(ConfigError, match="no runs of the kind 'fits'"):
        fc.runs(kind="fits", tracking_uri=recorded.uri)


def test_the_best_of_several_leaderboards_is_that_of_the_newest(
    recorded: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    late = fc.evaluate(recorded.frame, 4, models="drift", experiment="third", tracking_uri=recorded.uri)
    fc.evaluate(recorded.frame, 3, models="naive", experiment="third", tracking_uri=recorded.uri)
    assert fc.best("third", tracking_uri=recorded.uri).settings.model == "naive"
    assert "2 leaderboards cannot be ranked together; naive is the best of the newest" in caplog.text
    assert late.best == "drift"


def test_a_run_that_is_still_in_the_journal_is_a_model(frame: pd.DataFrame) -> None:
    dead = {"tracking_uri": None, "experiment": "later"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FORECAST_TRACKING_URI", "http://127.0.0.1:1")
        with pytest.warns(UserWarning, match="kept in .forecast/journal"):
            model = fc.Forecaster(6, model="theta", **dead).fit(frame)
        assert model.run_id_ is not None
        loaded = fc.load(f"runs:/{model.run_id_[:8]}")
    assert same(loaded.predict(), model.predict())
