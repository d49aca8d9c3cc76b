"""Model `zero`: the contracts of a baseline, its weights, and what it costs to start."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import contracts
import numpy as np
import pandas as pd
import pytest
from commands import run

import forecast as fc
from forecast.combining.weights import fingerprint, load_weights, shipped
from forecast.combining.zero import Zero
from forecast.datasets.errors import ConfigError, DataError, ModelError
from forecast.datasets.panel import Panel
from forecast.datasets.synthetic import synthetic
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.origins import Origins

LEVELS = (0.1, 0.5, 0.9)


def _panel(n: int = 5, rows: int = 70, seed: int = 3) -> Panel:
    return panel_from_table(synthetic(n, rows, seed=seed), Columns())


def test_contract() -> None:
    contracts.check_baseline(Zero)


@pytest.mark.parametrize("seed", range(3))
def test_units_change_nothing(seed: int) -> None:
    table = synthetic(3, 60, seed=seed)
    larger = table.assign(y=1000 * table["y"])
    found, thousand = (fc.Forecaster(6, model="zero").fit(t).predict() for t in (table, larger))
    np.testing.assert_allclose(1000 * found["forecast"], thousand["forecast"], rtol=1e-3)


def test_company_changes_no_bit() -> None:
    panel = _panel(9)
    model = Zero(6, season_length=7, levels=LEVELS).fit(panel)
    every = model.predict(panel, Origins.last(panel))
    for part in (slice(2, 3), slice(1, 8)):
        some = model.predict(panel, Origins.last(panel)[part])
        assert np.array_equal(some.point, every.point[part])
        assert np.array_equal(some.quantiles, every.quantiles[part])


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 9, 30])
def test_histories_of_any_length(rows: int) -> None:
    values = np.random.default_rng(rows).normal(50, 5, rows)
    table = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2020-01-31", periods=rows, freq="ME"), "y": values})
    found = fc.Forecaster(14, model="zero", freq="ME", quantiles=LEVELS).fit(table).predict()
    assert np.isfinite(found[["forecast", "q10", "q90"]]).all(axis=None)
    assert (found["q10"] <= found["q90"]).all()
    assert found["forecast"].between(values.min() - 40, values.max() + 40).all()


@pytest.mark.parametrize("value", [7.0, 0.0, -1e9, 1e-6, 0.1])
def test_a_flat_history_goes_on_flat(value: float) -> None:
    table = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2000-01-01", periods=60, freq="MS"), "y": value})
    table = pd.concat([table, synthetic(2, 60, seed=1)])
    found = fc.Forecaster(14, model="zero", quantiles=LEVELS).fit(table).predict()
    flat = found[found["unique_id"] == "a"]
    assert (flat[["forecast", "q10", "q90"]] == value).all(axis=None)


def test_a_pattern_is_seen() -> None:
    days = np.arange(140)
    y = 100 + 30 * np.isin(days % 7, (5, 6)) + np.random.default_rng(0).normal(0, 2, 140)
    table = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("2024-01-01", periods=140), "y": y})
    found = fc.Forecaster(14, model="zero").fit(table.iloc[:-14]).predict()
    assert np.abs(found["forecast"].to_numpy() - y[-14:]).mean() < 4


def test_explain_says_what_a_forecast_is_made_of(tmp_path: Path) -> None:
    table = synthetic(3, 60, seed=1)
    model = fc.Forecaster(6, model="zero").fit(table)
    names = table["unique_id"].unique()
    found = fc.explain(model, series=[names[1]])
    assert set(found.table["series"]) == {names[1]}
    np.testing.assert_allclose(found.table.groupby("step")["weight"].sum(), 1, rtol=1e-5)
    assert found.words.startswith(f"{names[1]}: ")
    heaviest = found.table.groupby("forecast")["weight"].mean().idxmax()
    assert heaviest in found.words
    figure = found.plot()
    figure.savefig(tmp_path / "weights.png")
    assert (tmp_path / "weights.png").stat().st_size > 5000
    every = fc.explain(model)
    pd.testing.assert_frame_equal(
        every.table[every.table["series"] == names[1]].reset_index(drop=True), found.table, check_exact=True
    )
    with pytest.raises(ConfigError, match="theta"):
        fc.explain(fc.Forecaster(6, model="theta").fit(table))
    with pytest.raises(DataError, match="nobody"):
        fc.explain(model, series=["nobody"])


def test_a_saved_model_holds_the_weights_it_used(tmp_path: Path) -> None:
    panel = _panel()
    state = Zero(6, season_length=7, levels=LEVELS).fit(panel).state()
    held = {name.removeprefix("weights."): array for name, array in state.items() if name.startswith("weights.")}
    assert fingerprint(held) == fingerprint(shipped())
    again = Zero(6, season_length=7, levels=LEVELS)
    again.restore(state)
    for name, array in (("slot_errors", np.ones((2, 2))), ("weights.out.bias", np.zeros(3, np.float32))):
        with pytest.raises(ModelError, match=name):
            Zero(6, season_length=7).restore({**state, name: array})
    with pytest.raises(ModelError, match=r"weights\.embed"):
        Zero(6, season_length=7).restore({k: v for k, v in state.items() if "embed" not in k})


def test_weights_of_ones_own(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    weights = {name: np.zeros_like(array) for name, array in shipped().items()}
    save_file(weights, tmp_path / "own.safetensors", metadata={"format": "forecast/zero/v2"})
    table = synthetic(3, 60, seed=1)
    own = fc.Forecaster(6, model="zero", weights=str(tmp_path / "own.safetensors")).fit(table)
    assert not np.allclose(own.predict()["forecast"], fc.Forecaster(6, model="zero").fit(table).predict()["forecast"])
    save_file(weights, tmp_path / "other.safetensors")
    (tmp_path / "text.safetensors").write_text("no weights")
    for name in ("other.safetensors", "text.safetensors", "none.safetensors"):
        with pytest.raises(ConfigError, match=name):
            load_weights(str(tmp_path / name))


def test_the_shipped_weights_are_small_and_say_what_they_are() -> None:
    from safetensors import safe_open

    path = Path(fc.__file__).parent / "combining" / "zero.safetensors"
    assert path.stat().st_size < 2_000_000
    with safe_open(path, framework="numpy") as file:
        card = file.metadata()
    assert card["sha256"] == fingerprint(shipped())
    assert json.loads(card["recipe"])["series"] > 0


def test_predict_needs_no_directory_and_nothing_heavy(tmp_path: Path) -> None:
    synthetic(3, 60, seed=1).to_csv(tmp_path / "sales.csv", index=False)
    code = (
        "import sys; sys.argv = ['forecast', 'predict', 'zero', 'sales.csv', '--horizon', '7', '--no-track', '--quantiles', "
        "'0.1,0.5,0.9', '-o', 'next.csv']\n"
        "from forecast.cli.app import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "heavy = {'torch', 'pytorch_lightning', 'sklearn', 'mlflow'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    found = pd.read_csv(tmp_path / "next.csv")
    assert len(found) == 21
    assert list(found.columns) == ["unique_id", "ds", "forecast", "q10", "q50", "q90"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["zero"], 2, "needs DATA"),
        (["zero", "sales.csv"], 2, "needs --horizon"),
        (["zerro", "sales.csv", "-H", "7"], 4, "Did you mean 'zero'?"),
        (["model", "sales.csv", "--id", "unique_id"], 2, "--id is for models that are named"),
        (["zero", "sales.csv", "-H", "7", "--target", "sold"], 3, "sold"),
    ],
)
def test_what_a_named_model_needs(words: list[str], code: int, said: str, tmp_path: Path) -> None:
    synthetic(1, 30, seed=1).to_csv(tmp_path / "sales.csv", index=False)
    done = run("predict", *words)
    assert done.returncode == code
    assert said in done.stderr
