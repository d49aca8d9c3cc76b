"""The pandas door: promises about bits, manners and messages."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from house import MODELS, QUICK, same

import forecast as fc
from forecast.datasets.errors import ConfigError, DataError, ModelError, RunError
from forecast.datasets.synthetic import random_walks, synthetic

LEVELS = (0.1, 0.5, 0.9)


@pytest.mark.parametrize("model", MODELS)
def test_contract_of_every_model(model: str, frame: pd.DataFrame) -> None:
    made = fc.Forecaster(6, model=model, quantiles=LEVELS, **QUICK).fit(frame)
    found = made.predict()
    assert list(found.columns) == ["unique_id", "ds", "forecast", "q10", "q50", "q90"]
    assert len(found) == 18
    assert found["ds"].min() == pd.Timestamp("2006-09-01")
    assert np.isfinite(found[["forecast", "q10", "q90"]]).all(axis=None)
    assert (found["q10"] <= found["q50"]).all()
    assert (found["q50"] <= found["q90"]).all()
    made.save("model")
    loaded = fc.load("model")
    assert same(loaded.predict(), found)
    assert same(loaded.predict(frame), found), "the context is all a forecast reads"
    assert loaded.resolved_ == made.resolved_


def test_two_runs_are_the_same_bits(frame: pd.DataFrame) -> None:
    first, second = (fc.Forecaster(6, model="lstm", seed=3, **QUICK).fit(frame) for _ in range(2))
    assert same(first.predict(), second.predict())
    assert same(first.history_.drop(columns="seconds"), second.history_.drop(columns="seconds"))
    other = fc.Forecaster(6, model="lstm", seed=4, **QUICK).fit(frame)
    assert not np.array_equal(other.predict()["forecast"], first.predict()["forecast"])


@pytest.mark.parametrize("model", ["gru", "theta"])
def test_a_second_fit_starts_afresh(model: str) -> None:
    daily, weekly = synthetic(2, 120, freq="D", season_length=7, seed=1), synthetic(2, 110, freq="W", seed=2)
    weekly = weekly.rename(columns={"unique_id": "item_id", "ds": "date", "y": "value"})
    twice = fc.Forecaster(6, model=model, **QUICK).fit(daily)
    assert same(twice.plan(weekly), fc.Forecaster(6, model=model, **QUICK).plan(weekly))
    twice.fit(weekly)
    once = fc.Forecaster(6, model=model, **QUICK).fit(weekly)
    assert same(twice.predict(), once.predict())
    assert twice.resolved_ == once.resolved_
    with pytest.raises(DataError, match="W-SUN"):
        twice.predict(daily)


def test_a_failed_second_fit_leaves_the_first_model(frame: pd.DataFrame) -> None:
    made = fc.Forecaster(6, model="gru", **QUICK).fit(frame)
    before = made.predict()
    with pytest.raises(DataError, match="no target column"):
        made.fit(frame.drop(columns="y"))
    with pytest.raises(DataError, match="two rows"):
        made.fit(frame.groupby("unique_id").head(1))
    assert same(made.predict(), before)


def test_order_of_rows_and_series_changes_nothing(frame: pd.DataFrame) -> None:
    plain = fc.Forecaster(6, model="gru", **QUICK).fit(frame).predict()
    mixed = fc.Forecaster(6, model="gru", **QUICK).fit(frame.sample(frac=1, random_state=1)).predict()
    assert same(plain, mixed)


def test_nobodys_random_state_is_touched(frame: pd.DataFrame) -> None:
    torch.manual_seed(11)
    np.random.seed(11)  # noqa: NPY002  # the global state is what is looked at
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), torch.get_num_threads()  # noqa: NPY002
    fc.Forecaster(6, model="gru", **QUICK).fit(frame).predict()
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])  # noqa: NPY002
    assert torch.get_num_threads() == before[2]


def test_scaling_and_shifting_a_series(fitted: fc.Forecaster) -> None:
    table = synthetic(1, 60, seed=9)
    plain = fitted.predict(table)["forecast"].to_numpy()
    scaled = fitted.predict(table.assign(y=1000 * table["y"]))["forecast"].to_numpy()
    shifted = fitted.predict(table.assign(y=table["y"] + 500))["forecast"].to_numpy()
    assert scaled == pytest.approx(1000 * plain, rel=1e-5)
    assert shifted == pytest.approx(plain + 500, rel=1e-5)


def test_a_random_walk_is_forecast_like_naive() -> None:
    table = random_walks(60, 120, seed=2)
    result = fc.evaluate(table, 1, models=["gru", "naive"], cutoffs=20, step=1, seed=0, threads=1, steps=200)
    assert result.models["gru"]["mae"] <= 1.03 * result.models["naive"]["mae"]


def test_other_series_and_newer_rows(fitted: fc.Forecaster) -> None:
    other = synthetic(2, 30, seed=7).assign(unique_id=lambda t: "new " + t["unique_id"])
    found = fitted.predict(other, horizon=2, quantiles=(0.9,))
    assert list(found.columns) == ["unique_id", "ds", "forecast", "q90"]
    assert found["unique_id"].tolist() == ["new s0"] * 2 + ["new s1"] * 2


def test_dress_comes_back() -> None:
    stamps = pd.period_range("2015-01", periods=60, freq="M", name="month")
    series = pd.Series(np.arange(60.0), index=stamps, name="sales")
    found = fc.Forecaster(3, model="drift").fit(series).predict()
    assert list(found.index.astype(str)) == ["2020-01", "2020-02", "2020-03"]
    wide = pd.DataFrame({"a": np.arange(60.0), "b": 1.0}, index=stamps.to_timestamp())
    found = fc.Forecaster(3, model="naive").fit(wide).predict()
    assert list(found.columns) == ["a", "b"]
    assert found["a"].tolist() == [59, 59, 59]


def test_history_and_reasons(fitted: fc.Forecaster) -> None:
    assert list(fitted.history_.columns[:3]) == ["epoch", "step", "train_loss"]
    assert fitted.history_["step"].iloc[-1] <= fitted.resolved_.steps
    assert "auto" not in {str(getattr(fitted.resolved_, name)) for name in fc.Settings.names()}
    assert fitted.reasons_["lookback"]


def test_scikit_learns_manners() -> None:
    from sklearn.base import clone

    model = fc.Forecaster(6, model="lstm", quantiles=[0.1, 0.9])
    assert clone(model).get_params() == model.get_params()
    assert repr(model) == "Forecaster(6, model='lstm', quantiles=[0.1, 0.9])"
    assert model.set_params(horizon=3).settings.horizon == 3
    with pytest.raises(ModelError, match="not fitted"):
        model.predict()


def test_plan_trains_nothing(frame: pd.DataFrame) -> None:
    plan = fc.Forecaster(6, model="gru").plan(frame).set_index("setting")
    assert plan.loc["season_length", "value"] == 12
    assert "auto" not in {str(value) for value in plan["value"]}


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"horizon": 0}, "horizon=0"),
        ({"model": "grru"}, "'gru'"),
        ({"hiden_size": 3}, "'hidden_size'"),
        ({"quantiles": (0.9, 0.1)}, "ascending"),
        ({"quantiles": (1.2,)}, "probability"),
        ({"dropout": 1.5}, "below 1"),
        ({"max_time": "soon"}, "90s"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_wrong_settings_are_named(wrong: dict[str, object], word: str) -> None:
    with pytest.raises(ConfigError, match=word):
        fc.Forecaster(**{"horizon": 6, **wrong})  # type: ignore[arg-type]


def test_what_the_model_was_not_trained_for(fitted: fc.Forecaster, frame: pd.DataFrame) -> None:
    with pytest.raises(ConfigError, match="horizon=0"):
        fitted.predict(horizon=0)
    with pytest.raises(ConfigError, match=r"quantile level 1\.3"):
        fitted.predict(quantiles=(1.3,))
    with pytest.raises(ConfigError, match="not trained for quantiles"):
        fc.Forecaster(6, model="gru", **QUICK).fit(frame).predict(quantiles=(0.3,))
    with pytest.raises(ConfigError, match="normaliser='median'"):
        fc.Forecaster(6, model="gru", normaliser="median").fit(frame)


def test_one_row_a_series_is_not_enough() -> None:
    table = pd.DataFrame({"unique_id": ["a", "b"], "ds": [1, 1], "y": [1.0, 2.0]})
    with pytest.raises(DataError, match="two rows"):
        fc.Forecaster(2, model="gru").fit(table)


def test_a_diverging_loss_says_what_to_try(frame: pd.DataFrame) -> None:
    with pytest.raises(RunError, match="smaller learning_rate"):
        fc.Forecaster(6, model="rnn_relu", learning_rate=1e6, gradient_clip=0.0, **QUICK).fit(frame)


def test_max_time_plans_fewer_steps(frame: pd.DataFrame) -> None:
    made = fc.Forecaster(6, model="gru", max_time="1s", hidden_size=16, steps=100_000, val_size=0).fit(frame)
    assert made.resolved_.steps < 100_000
    assert "max_time" in made.reasons_["steps"]
    assert made.history_["step"].iloc[-1] == made.resolved_.steps


@pytest.mark.parametrize("model", ["auto", "gru"])
def test_one_panel_of_everything(model: str) -> None:
    """Short, constant, zero, negative, tiny, huge and trending series beside each other."""
    random = np.random.default_rng(0)
    noise = random.normal(size=90)
    wave = np.sin(np.arange(90) / 12 * 2 * np.pi)
    kinds = {
        "short": np.array([3.0, 4.0, 3.5]),
        "one": np.array([7.0]),
        "constant": np.full(90, 42.0),
        "zeros": np.where(random.random(90) < 0.8, 0, 5.0),
        "all_zero": np.zeros(90),
        "negative": -50 + 5 * wave + noise,
        "tiny": 1e-6 * (3 + wave + 0.1 * noise),
        "huge": 1e9 * (3 + wave + 0.1 * noise),
        "trend": 10 * np.arange(90) + noise,
        "jump": np.where(np.arange(90) < 60, 1.0, 1e6) + noise,
    }
    table = pd.concat(
        [
            pd.DataFrame({"unique_id": name, "ds": pd.date_range("2010-01-01", periods=len(y), freq="MS"), "y": y})
            for name, y in kinds.items()
        ]
    )
    found = fc.Forecaster(12, model=model, **{**QUICK, "steps": 60}).fit(table).predict().groupby("unique_id")
    for name, y in kinds.items():
        forecast = found.get_group(name)["forecast"].to_numpy()
        reach = y.max() - y.min() + 1e-3 * abs(y[-1])
        assert np.isfinite(forecast).all(), name
        assert (np.abs(forecast - y[-1]) <= 2 * reach + 1e-12).all(), f"{name} explodes"


@pytest.mark.parametrize("kind", ["constant", "short", "gaps"])
def test_awkward_series(kind: str) -> None:
    table = synthetic(2, 40, seed=4)
    if kind == "constant":
        table["y"] = 5.0
    elif kind == "short":
        table = table[(table["unique_id"] == "s0") | (table.groupby("unique_id").cumcount() < 2)]
    else:
        table = table.drop(index=[7, 8, 9, 33, 60])
    found = fc.Forecaster(4, model="gru", **QUICK).fit(table).predict()
    assert np.isfinite(found["forecast"]).all()
    if kind == "constant":
        assert found["forecast"].to_numpy() == pytest.approx(5.0, abs=1e-3)
