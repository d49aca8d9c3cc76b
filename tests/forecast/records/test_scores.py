"""Actuals arrive: partly, wholly, twice, while the store is away; what was expected, and how far forecasts moved."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

import forecast as fc
from forecast.cli.app import app
from forecast.datasets.errors import ConfigError, DataError, GateError
from forecast.datasets.synthetic import synthetic
from forecast.records.expectation import change
from forecast.tracking.journal import due

STEPS = 4


def _invoke(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def _call(*words: str) -> str:
    done = _invoke(*words)
    assert done.exit_code == 0, (words, done.output, done.exception)
    return done.stdout


def _json(*words: str) -> dict[str, Any]:
    found = json.loads(_call(*words, "--json"))
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def place(new_store: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with tables as they grow, a backtest on record, and two forecasts, the second from newer rows."""
    folder = tmp_path_factory.mktemp("scores")
    frame = synthetic(2, 64, seed=3)
    new_store(folder / ".forecast" / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for rows in (58, 60, 62, 64):
            frame.groupby("unique_id", sort=False).head(rows).to_csv(f"{rows}.csv", index=False)
        common = ["--horizon", str(STEPS), "--model", "ets", "--quantiles", "0.1,0.9", "--experiment", "shop", "-q"]
        _call("fit", "58.csv", *common, "-o", "model")
        _call("evaluate", "58.csv", *common, "--cutoffs", "3")
        _call("predict", "model", "58.csv", "-o", "first.csv", "-q")
        _call("predict", "model", "60.csv", "-o", "next.parquet", "-q")
        _call("predict", "model", "60.csv", "-o", "next.csv", "-q")
        _call("runs", "sync", "-q")
    return folder


@pytest.fixture(autouse=True)
def _inside(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


def _history(run_id: str, name: str) -> list[tuple[int, float]]:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{Path('.forecast/mlflow.db').absolute()}")
    return [(point.step, point.value) for point in client.get_metric_history(run_id, name)]


def _errors(file: str, rows: int) -> pd.DataFrame:
    """Join forecasts and actuals by hand."""
    table = pd.read_csv(f"{rows}.csv")
    return pd.read_parquet(file).merge(table, on=["unique_id", "ds"])


def test_metrics_are_those_of_the_steps_that_have_arrived() -> None:
    none = _json("score", "next.parquet", "60.csv")
    assert (none["scored"], none["left"], none["newest"]) == (0, 2 * STEPS, "")
    assert set(none["metrics"]) <= {"churn"}
    for rows, scored in ((62, 4), (64, 8)):
        found = _json("score", "next.parquet", f"{rows}.csv")
        assert (found["scored"], found["left"]) == (scored, 8 - scored)
        both = _errors("next.parquet", rows)
        assert found["newest"] == both["ds"].max()
        expected = (both["forecast"] - both["y"]).abs().groupby(both["unique_id"]).mean().mean()
        assert found["metrics"]["mae"] == pytest.approx(expected)
    whole = fc.score(pd.read_parquet("next.parquet"), pd.read_csv("64.csv"))
    assert {name: found["metrics"][name] for name in whole} == pytest.approx(whole)


def test_they_land_on_the_run_that_made_the_forecast_and_repeating_it_changes_nothing() -> None:
    partial, whole = (_json("score", "next.parquet", rows) for rows in ("62.csv", "64.csv"))
    before = fc.runs(experiment="shop")
    again = _json("score", "next.parquet", "64.csv")
    assert again == whole
    after = fc.runs(experiment="shop")
    assert sorted(after["run_id"]) == sorted(before["run_id"])
    assert _history(whole["run_id"], "score/mae") == [
        (4, pytest.approx(partial["metrics"]["mae"])),
        (8, pytest.approx(whole["metrics"]["mae"])),
    ]
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{Path('.forecast/mlflow.db').absolute()}")
    mine = [client.get_run(run_id) for run_id in after[after["kind"] == "score"]["run_id"]]
    mine = [run for run in mine if run.data.tags["forecast.predict_run_id"] == whole["run_id"]]
    assert sorted(run.data.params["score.steps"] for run in mine) == ["4", "8"]
    fit = fc.runs(experiment="shop", kind="fit")["run_id"].item()
    assert {run.data.tags["forecast.fit_run_id"] for run in mine} == {fit}, "fit -> predict -> score"


def test_the_drift_is_against_the_same_steps_of_the_backtest() -> None:
    backtest = fc.evaluate(pd.read_csv("58.csv", parse_dates=["ds"]), STEPS, models="ets", cutoffs=3)
    by_step = backtest.by_horizon.set_index("step")["mase"]
    found = _json("score", "next.parquet", "62.csv")
    expected = by_step.loc[[1, 2]].mean()
    assert found["expected"]["metrics"]["mase"] == pytest.approx(expected)
    assert found["metrics"]["drift"] == pytest.approx(found["metrics"]["mase"] / expected)
    assert found["judged_by"] == "mase"
    text = _call("score", "next.parquet", "62.csv")
    assert "4 of 8 forecasts have an actual" in text
    assert "times what the backtest had at these steps" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 80


def test_the_churn_is_against_the_forecast_from_older_rows() -> None:
    found = _json("score", "next.parquet", "62.csv")
    first, now = pd.read_csv("first.csv"), pd.read_parquet("next.parquet")
    both = now.merge(first, on=["unique_id", "ds"])
    assert len(both) == 4
    new, old = both["forecast_x"], both["forecast_y"]
    assert found["metrics"]["churn"] == pytest.approx((200 * (new - old).abs() / (new.abs() + old.abs())).mean())
    older = fc.runs(experiment="shop", kind="predict").set_index("run_id").loc[found["previous"]]
    assert older["data"] == "58.csv"


def test_change_of_forecasts_by_hand() -> None:
    now = pd.DataFrame({"id": ["a", "a", "b"], "t": [1, 2, 1], "forecast": [3.0, 0.0, 5.0]})
    then = pd.DataFrame({"id": ["a", "a", "c"], "t": [1, 2, 1], "forecast": [1.0, 0.0, 9.0]})
    assert change(now, then) == pytest.approx((200 * 2 / 4 + 0) / 2)
    assert change(now, now) == 0
    assert math.isnan(change(now, then.assign(t=9)))
    assert math.isnan(change(now, then.rename(columns={"id": "other"})))


@pytest.mark.parametrize(
    ("condition", "code"),
    [("drift<100", 0), ("drift<0.0001", 6), ("mase<100*backtest", 0), ("churn<0.0001", 6), ("mae<0", 6)],
)
def test_conditions_gate(condition: str, code: int) -> None:
    done = _invoke("score", "next.parquet", "64.csv", "--require", condition)
    assert isinstance(done.exception, GateError) == (code == 6)
    assert "forecasts have an actual" in done.stdout, "the result is printed all the same"


def test_conditions_that_cannot_be_are_refused_before_a_table_is_read() -> None:
    done = _invoke("score", "next.parquet", "nowhere.csv", "--require", "drft<1", "--require", "mase<theta")
    assert isinstance(done.exception, ConfigError)
    assert [problem.what for problem in done.exception.problems] == [
        "'drft<1': there is no metric 'drft'",
        "'mase<theta': there is no 'theta' here",
    ]


def test_a_condition_is_not_met_while_nothing_has_arrived() -> None:
    done = _invoke("score", "next.parquet", "60.csv", "--require", "mase<100")
    assert isinstance(done.exception, GateError)
    assert "mase is not defined here" in str(done.exception)


def test_a_file_of_csv_is_known_by_its_bytes_and_one_of_others_is_scored_without_a_record() -> None:
    assert _json("score", "next.csv", "62.csv")["tracking"] == "recorded"
    pd.read_csv("next.csv").assign(forecast=lambda t: t["forecast"] + 1).to_csv("foreign.csv", index=False)
    found = _json("score", "foreign.csv", "62.csv")
    assert (found["tracking"], found["run_id"], found["scored"]) == ("unknown", None, 4)
    assert _json("score", "next.csv", "62.csv", "--no-track")["tracking"] == "off"


def test_while_the_store_is_away_scores_wait_in_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    _call("predict", "model", "60.csv", "-o", "late.parquet", "-q")
    monkeypatch.setenv("FORECAST_TRACKING_URI", "http://127.0.0.1:1")
    found = _json("score", "late.parquet", "62.csv")
    assert (found["tracking"], found["scored"]) == ("deferred", 4)
    assert _json("score", "late.parquet", "62.csv")["metrics"] == found["metrics"]
    assert len(due(None)) == 2, "the prediction, and its scores once"
    monkeypatch.delenv("FORECAST_TRACKING_URI")
    _call("runs", "sync", "--tracking-uri", "sqlite:///.forecast/mlflow.db", "-q")
    record = found["record"]
    run = fc.runs(experiment="shop", kind="predict").set_index("record").loc[record]
    assert _history(run["run_id"], "score/mae") == [(4, pytest.approx(found["metrics"]["mae"]))]


def test_bad_input() -> None:
    for words, kind, message in (
        (("nothing.csv", "62.csv"), DataError, "is no file"),
        (("62.csv", "62.csv"), DataError, "forecast"),
        (("next.csv", "nothing.csv"), DataError, "does not exist"),
    ):
        done = _invoke("score", *words)
        assert isinstance(done.exception, kind), done.output
        assert message in str(done.exception)
    two = pd.read_csv("next.csv").assign(model=np.repeat(["a", "b"], STEPS))
    two.to_csv("two.csv", index=False)
    assert isinstance(_invoke("score", "two.csv", "62.csv").exception, ConfigError)
