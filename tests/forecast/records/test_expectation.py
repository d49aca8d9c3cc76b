"""What a score is compared with is of the same steps, the same season, and from older rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from commands import run
from typer.testing import CliRunner

import forecast as fc
from forecast.cli.app import app
from forecast.datasets.synthetic import synthetic

STEPS = 4
HELD_BACK = 6
NAMES = ("--experiment", "shop", "-q")
GRU = ("--model", "gru", "--set", "steps=2", "--set", "hidden_size=4", "--known", "promo")


def _call(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, (words, done.output, done.exception)
    return done.stdout


def _score(*words: str) -> dict[str, Any]:
    found = json.loads(_call("score", *words, "--json"))
    assert isinstance(found, dict)
    return found


@pytest.fixture(autouse=True)
def _place(new_store: Callable[[Path], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with a store, the whole table and its beginning."""
    monkeypatch.chdir(tmp_path)
    new_store(tmp_path / ".forecast" / "mlflow.db")
    table = synthetic(2, 66, seed=3).assign(promo=lambda t: (t.groupby("unique_id").cumcount() % 5 == 0).astype(int))
    table.to_csv("all.csv", index=False)
    table.groupby("unique_id").head(66 - HELD_BACK).to_csv("then.csv", index=False)
    table.groupby("unique_id").tail(HELD_BACK).drop(columns="y").to_csv("future.csv", index=False)


def test_mase_is_scaled_by_the_season_of_the_backtest() -> None:
    rules = ("--horizon", str(STEPS), "--model", "theta", "--season-length", "3", *NAMES)
    _call("fit", "then.csv", *rules, "-o", "model")
    _call("evaluate", "then.csv", *rules, "--cutoffs", "3")
    _call("predict", "model", "-o", "next.csv", "-q")
    found = _score("next.csv", "all.csv")
    by_hand = fc.score(pd.read_csv("next.csv"), pd.read_csv("all.csv"), mase_season=3)
    assert found["metrics"]["mase"] == pytest.approx(by_hand["mase"])
    assert found["metrics"]["drift"] == pytest.approx(by_hand["mase"] / found["expected"]["metrics"]["mase"])
    other = _score("next.csv", "all.csv", "--mase-season", "5")
    assert "mase" not in other["expected"]["metrics"], "MASEs of different seasons are not compared"
    assert other["judged_by"] == "smape"


@pytest.mark.parametrize("gap", [0, 2])
def test_steps_that_no_backtest_scored_are_not_compared(gap: int) -> None:
    common = ("--horizon", str(STEPS), "--model", "theta", *NAMES)
    _call("run", "then.csv", *common, "--cutoffs", "2", "--gap", str(gap), "--save", "model", "-o", "next.csv")
    if not gap:
        assert _score("next.csv", "all.csv")["metrics"]["drift"] > 0
        _call("predict", "model", "--horizon", "6", "-o", "next.csv", "-q")
    found = _score("next.csv", "all.csv")
    assert "drift" not in found["metrics"]
    assert not found["expected"]["metrics"]
    text = " ".join(_call("score", "next.csv", "all.csv").split())
    assert f"is of the steps {gap + 1} to {gap + 4}, and forecasts of other steps were scored here" in text


def test_the_record_of_a_forecast_is_of_the_rows_before_it() -> None:
    _call("fit", "then.csv", "--horizon", str(HELD_BACK), *GRU, *NAMES, "-o", "model")
    _call("predict", "model", "--future", "future.csv", "-o", "next.csv", "-q")
    known = json.loads(_call("whence", "next.csv", "--json"))
    rows = {name: known["data"][name] for name in ("series", "rows", "last")}
    then = pd.read_csv("then.csv")
    assert rows == {"series": "2", "rows": str(len(then)), "last": then["ds"].max()}
    _call(
        "run",
        "then.csv",
        "--horizon",
        str(HELD_BACK),
        *GRU,
        "--future",
        "future.csv",
        "--cutoffs",
        "1",
        "-o",
        "b.csv",
        *NAMES,
    )
    assert json.loads(_call("whence", "b.csv", "--json"))["data"]["last"] == then["ds"].max()


def test_churn_is_not_against_another_model_of_the_same_rows() -> None:
    common = ("--horizon", str(STEPS), *NAMES)
    _call("fit", "then.csv", *common, *GRU, "-o", "gru")
    _call("fit", "then.csv", *common, "--model", "theta", "-o", "theta")
    _call("predict", "gru", "--future", "future.csv", "-o", "other.csv", "-q")
    _call("predict", "theta", "-o", "next.csv", "-q")
    assert "churn" not in _score("next.csv", "all.csv")["metrics"]


@pytest.mark.parametrize("levels", [(), ("--quantiles", "0.1,0.9")])
def test_the_churn_of_wide_forecasts_is_that_of_long_ones(levels: tuple[str, ...]) -> None:
    found = []
    for wide in (False, True):
        roles = ("--wide", "true") if wide else ()
        for name in ("then", "all"):
            table = pd.read_csv(f"{name}.csv")[["unique_id", "ds", "y"]]
            form = table.pivot(index="ds", columns="unique_id", values="y").reset_index() if wide else table
            form.iloc[: len(form) if name == "all" else None].to_csv(f"{name}-{wide}.csv", index=False)
        common = ("--horizon", "8", "--model", "theta", *levels, *roles, "--experiment", f"{wide}", "-q")
        _call("fit", f"then-{wide}.csv", *common, "-o", f"model-{wide}")
        _call("predict", f"model-{wide}", "-o", "first.csv", "-q")
        _call("predict", f"model-{wide}", f"all-{wide}.csv", "-o", "next.csv", "-q")
        found.append(_score("next.csv", f"all-{wide}.csv", *roles)["metrics"]["churn"])
    assert found[0] == pytest.approx(found[1])


def test_times_are_those_of_the_users_zone() -> None:
    table = synthetic(1, 60, seed=1, freq="h")
    table["ds"] = table["ds"].dt.tz_localize("Europe/Oslo")
    table.to_parquet("zoned.parquet")
    table[:-STEPS].to_parquet("before.parquet")
    _call("fit", "before.parquet", "--horizon", str(STEPS), "--model", "theta", *NAMES, "-o", "model")
    _call("predict", "model", "-o", "next.parquet", "-q")
    known = json.loads(_call("whence", "next.parquet", "--json"))["data"]
    assert [known["first"], known["last"]] == [_local(table["ds"].iloc[at]) for at in (0, -STEPS - 1)]
    assert _score("next.parquet", "zoned.parquet")["newest"] == _local(table["ds"].iloc[-1])


def _local(time: pd.Timestamp) -> str:
    return str(time.date()) if time == time.normalize() else f"{time:%Y-%m-%d %H:%M:%S}"


def test_predict_finds_a_model_in_the_journal_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORECAST_TRACKING_URI", "http://127.0.0.1:1")
    common = ("--horizon", str(STEPS), "--model", "theta", *NAMES, "--journal", "mine")
    assert run("fit", "then.csv", *common, "-o", "model").returncode == 0
    (entry,) = Path("mine").iterdir()
    expected = _call("predict", "model", "-q", "--no-track")
    assert _call("predict", f"runs:/{entry.name[:8]}", "--journal", "mine", "-q", "--no-track") == expected
    assert fc.load(f"runs:/{entry.name}", journal="mine").settings.model == "theta"
