"""A file of forecasts says where it comes from: as a user asks on the command line, and in Python."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from house import same
from typer.testing import CliRunner

import forecast as fc
from forecast.cli.app import app
from forecast.datasets.errors import DataError, ModelError
from forecast.datasets.synthetic import synthetic
from forecast.records.whence import origin
from forecast.tracking.forecasts import OF_RECORD
from forecast.tracking.journal import due


def _call(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, (words, done.output, done.exception)
    return done.stdout


@pytest.fixture(scope="module")
def place(new_store: Callable[[Path], str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with a fit, its backtest, and forecasts in files of each kind, which are all on record."""
    folder = tmp_path_factory.mktemp("whence")
    new_store(folder / ".forecast" / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        synthetic(2, 60, seed=3).to_csv("sales.csv", index=False)
        _call(
            "fit",
            "sales.csv",
            "--horizon",
            "4",
            "--quantiles",
            "0.1,0.9",
            "--model",
            "ets",
            "--experiment",
            "shop",
            "-o",
            "model",
            "-q",
        )
        _call(
            "evaluate",
            "sales.csv",
            "--horizon",
            "4",
            "--quantiles",
            "0.1,0.9",
            "--model",
            "ets",
            "--cutoffs",
            "3",
            "--experiment",
            "shop",
            "-q",
        )
        for suffix in ("csv", "parquet", "jsonl", "arrow"):
            _call("predict", "model", "sales.csv", "-o", f"next.{suffix}", "--quantiles", "0.1,0.9", "-q")
        _call("runs", "sync", "-q")
    return folder


@pytest.fixture(autouse=True)
def _inside(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl", "arrow"])
def test_every_kind_of_file_is_known(suffix: str) -> None:
    found = origin(f"next.{suffix}")
    assert (found.model, found.changed) == ("ets", False)
    assert found.data["source"] == "sales.csv"
    assert (found.data["rows"], found.data["series"]) == ("120", "2")
    assert found.asked == {"quantiles": "(0.1, 0.9)"}
    assert found.made_by["kind"] == "fit"
    fit = fc.runs(experiment="shop", kind="fit")
    assert found.made_by["run_id"] == fit["run_id"].item()
    backtest = fc.runs(experiment="shop", kind="evaluate").iloc[0]
    assert found.evaluation["run_id"] == backtest["run_id"]
    assert found.evaluation["mase"] == pytest.approx(backtest["mase"])
    assert found.evaluation["of_this_model"] is False
    assert found.own_settings["model"] == "ets"


def test_the_prediction_is_a_run_of_the_models_experiment_with_its_forecasts() -> None:
    from mlflow import MlflowClient

    found = origin("next.parquet")
    run = fc.runs(experiment="shop", kind="predict").set_index("run_id").loc[found.run_id]
    assert run["made_by"] == found.made_by["run_id"]
    assert run["record"] == found.record == pd.read_parquet("next.parquet").attrs[OF_RECORD]
    kept = MlflowClient(f"sqlite:///{Path('.forecast/mlflow.db').absolute()}").download_artifacts(
        found.run_id, "forecasts.parquet"
    )
    assert same(pd.read_parquet(kept), pd.read_parquet("next.parquet"))
    assert same(fc.load(f"runs:/{found.run_id[:8]}").predict(), fc.load("model").predict()), "it is that of the fit"


def test_a_changed_file_is_told_apart() -> None:
    Path("changed.parquet").write_bytes(Path("next.parquet").read_bytes())
    frame = pd.read_parquet("changed.parquet")
    frame.loc[0, "forecast"] += 1
    frame.to_parquet("changed.parquet")
    assert origin("changed.parquet").changed is True, "a Parquet file carries its record"
    Path("changed.csv").write_text(Path("next.csv").read_text() + "\n")
    with pytest.raises(ModelError, match=r"has no run that made changed\.csv, or it was changed since"):
        origin("changed.csv")
    with pytest.raises(DataError, match="is no file"):
        origin("nothing.csv")


def test_a_prediction_in_the_journal_is_known_while_the_store_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    _call("predict", "model", "-o", "late.csv", "-q")
    assert len(due(None)) == 1
    monkeypatch.setenv("FORECAST_TRACKING_URI", "http://127.0.0.1:1")
    found = origin("late.csv")
    assert (found.run_id, found.model, found.changed) == (None, "ets", False)
    assert "still in the journal" in _call("whence", "late.csv")
    monkeypatch.delenv("FORECAST_TRACKING_URI")
    assert origin("late.csv").run_id is not None


def test_without_tracking_there_is_no_record() -> None:
    _call("predict", "model", "-o", "off.parquet", "--no-track", "-q")
    assert OF_RECORD not in pd.read_parquet("off.parquet").attrs
    with pytest.raises(ModelError, match="has no run that made"):
        origin("off.parquet")


def test_it_is_said_in_words_and_in_json() -> None:
    text = _call("whence", "next.csv")
    for part in ("ets, made by fit", "sales.csv: 2 series, 120 rows", "quantiles (0.1, 0.9)", "at 3 cutoffs"):
        assert part in " ".join(text.split()), part
    assert max(map(len, text.splitlines())) <= 80
    found = json.loads(_call("whence", "next.csv", "--json"))
    assert (found["schema"], found["model"], found["score"]) == ("forecast/whence/v1", "ets", {})
