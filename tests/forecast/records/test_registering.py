"""Recorded models are registered with their card, and an alias wants an evaluation on record."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from house import same
from typer.testing import CliRunner

import forecast as fc
from forecast.cli.app import app
from forecast.datasets.errors import ConfigError, GateError, ModelError
from forecast.datasets.synthetic import synthetic
from forecast.records.registering import promote, register

FRAME = synthetic(2, 60, seed=3)


@pytest.fixture
def store(new_store: Callable[[Path], str], tmp_path: Path) -> str:
    return new_store(tmp_path / "runs.db")


def _client(store: str) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(store)


def test_a_model_is_registered_with_its_card_and_promoted_when_it_was_evaluated(store: str, tmp_path: Path) -> None:
    asked = {"tracking_uri": store, "experiment": "shop"}
    early = FRAME.groupby("unique_id", sort=False).head(48)
    model = fc.Forecaster(4, model="theta", **asked).fit(early, source="early.csv")
    address = f"runs:/{str(model.run_id_)[:8]}"
    first = register(address, "sales", tracking_uri=store)
    assert (first.address, first.is_new, first.evaluation) == ("models:/sales/1", True, "")
    assert same(fc.load("models:/sales/1", tracking_uri=store).predict(), model.predict())
    again = register(str(model.save(tmp_path / "saved")), "sales", tracking_uri=store)
    assert (again.address, again.is_new) == ("models:/sales/1", False), "the directory of the same model"
    with pytest.raises(GateError, match=r"no evaluation of models:/sales/1 is on record\n.*forecast evaluate"):
        promote("models:/sales/1", tracking_uri=store)

    mine = fc.evaluate(FRAME, 4, models="models:/sales/1", cutoffs=2, **asked)
    version = promote("models:/sales", tracking_uri=store)
    assert version.aliases == ("champion",)
    assert "this very model" in version.evaluation
    assert f"MASE {mine.metrics['mase']:.4g}" in version.evaluation

    other = fc.evaluate(FRAME, 4, models="ets", cutoffs=2, **asked)
    second = register(f"runs:/{other.run_id}", "sales", alias="champion", tracking_uri=store)
    assert (second.address, second.aliases) == ("models:/sales/2", ("champion",))
    change = other.metrics["mase"] / mine.metrics["mase"] - 1
    told = f"its mase is {abs(change):.1%} {'worse' if change > 0 else 'better'} than that of version 1"
    assert second.against.startswith(told)
    assert fc.load("models:/sales@champion", tracking_uri=store).settings.model == "ets"

    stored = _client(store).get_model_version("sales", "2")
    assert stored.description.startswith("# ets, 4 steps ahead")
    assert "## How good it is" in stored.description
    assert f"MASE {other.metrics['mase']:.4g}" in stored.description
    assert stored.tags["forecast.mase"] == f"{other.metrics['mase']:.4g}"


def test_what_cannot_be_registered_or_promoted(store: str, tmp_path: Path) -> None:
    unknown = fc.Forecaster(4, model="theta").fit(FRAME).save(tmp_path / "untracked")
    with pytest.raises(ModelError, match="has no run that made"):
        register(str(unknown), "sales", tracking_uri=store)
    with pytest.raises(ConfigError, match="cannot be a model's name"):
        register("runs:/12345678", "sales/eu", tracking_uri=store)
    with pytest.raises(ModelError, match="there is no run 12345678"):
        register("runs:/12345678", "sales", tracking_uri=store)
    for address in ("runs:/12345678", "sales", str(unknown)):
        with pytest.raises(ModelError, match="is no version of a registered model"):
            promote(address, tracking_uri=store)
    with pytest.raises(ModelError, match="there is no model models:/sales/1"):
        promote("models:/sales/1", tracking_uri=store)


def test_the_card_says_what_is_known(tmp_path: Path) -> None:
    model = fc.Forecaster(4, model="theta", quantiles=(0.1, 0.9)).fit(FRAME)
    card = (model.save(tmp_path / "fitted") / "card.md").read_text()
    for part in (
        "# theta, 4 steps ahead",
        "- 2 series with 120 rows in all, 2000-01-01 to 2004-12-01, frequency MS, season of 12 rows",
        "- target `y`, time `ds`, id `unique_id`",
        "It was not evaluated when it was written.",
        "- It forecasts the quantiles 0.1, 0.9, not calibrated.",
        "- `season_length`: 12 (usual for frequency MS)",
    ):
        assert part in card, part
    assert "hidden_size" not in card, "theta has none"
    result = fc.evaluate(FRAME, 4, models=["theta"], cutoffs=3, quantiles=(0.1, 0.9))
    best = fc.Forecaster.over(result.fitted)
    card = (best.save(tmp_path / "evaluated") / "card.md").read_text()
    mase, naive = result.metrics["mase"], result.baselines["seasonal_naive"]["mase"]
    told = f"3 cutoffs, 4 steps ahead, MASE {mase:.4g}, {abs(1 - mase / naive):.0%} better than seasonal naive, "
    assert told in card
    assert f"{result.metrics['coverage_80']:.0%} of the actuals in the 80% interval." in card
    again = fc.load(tmp_path / "evaluated")
    assert (again.save(tmp_path / "copy") / "card.md").read_text() == card, "a loaded model knows it, too"


def test_as_a_user_calls_it(store: str) -> None:
    asked = ["--tracking-uri", store]
    result = fc.evaluate(FRAME, 4, models="theta", cutoffs=2, tracking_uri=store, experiment="shop")
    words = ["models", "register", f"runs:/{str(result.run_id)[:8]}", "sales", *asked]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert done.stdout == "models:/sales/1\n", "MLflow's own remarks are not among it"
    done = CliRunner().invoke(app, ["models", "promote", "models:/sales/1", "--alias", "live", "--json", *asked])
    found = json.loads(done.stdout)
    assert (found["schema"], found["address"], found["aliases"]) == ("forecast/version/v1", "models:/sales/1", ["live"])
    done = CliRunner().invoke(app, ["predict", "models:/sales@live", "--horizon", "1", "--no-track", *asked])
    assert done.exit_code == 0, done.output
    assert len(done.stdout.splitlines()) == 3
