"""Covariates reach the network by their roles, and nothing after a cutoff reaches a forecast made at it."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from commands import run
from house import QUICK, same

import forecast as fc
from forecast.datasets.errors import DataError
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.encoding import categories_of, is_categorical, vocabulary_codes
from forecast.datasets.tables.result import panel_to_table
from forecast.datasets.tables.schema import panel_from_table
from forecast.networks.cell_table import CELLS
from forecast.tracking.journal import due

H = 6
ROLES = {"known": ["promo", "day"], "past": ["price"], "static": ["store", "size"]}
LEARNING = {"steps": 300, "hidden_size": 16, "batch_size": 16, "threads": 1, "val_size": 0}


@pytest.fixture
def sales() -> pd.DataFrame:
    """Two stores whose sales follow a promotion of the same day, a kind of day, and yesterday's price."""
    generator = np.random.default_rng(0)
    parts = []
    for number, store in enumerate(("north", "south")):
        promo, price = generator.integers(0, 2, 240), generator.normal(size=240)
        day = generator.choice(["calm", "busy"], 240)
        y = 50 + 10 * promo + 8 * (day == "busy") + 5 * np.roll(price, 1) + generator.normal(0, 0.5, 240)
        times = pd.date_range("2024-01-01", periods=240, freq="D")
        columns = {"unique_id": store, "ds": times, "y": y, "promo": promo, "day": day, "price": price}
        parts.append(pd.DataFrame({**columns, "store": store, "size": 10.0 + number}))
    return pd.concat(parts, ignore_index=True)


def _split(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    last = table["ds"].max() - pd.Timedelta(days=H)
    return table[table["ds"] <= last], table[table["ds"] > last]


def test_known_covariates_explain_what_they_explain(sales: pd.DataFrame) -> None:
    settings = {"horizon": H, "models": "gru", "cutoffs": 4, **LEARNING}
    without = fc.evaluate(sales, **settings).metrics["mae"]
    with_them = fc.evaluate(sales, **settings, known=["promo", "day"]).metrics["mae"]
    assert with_them < 0.75 * without, "two of the three causes are known"


def test_a_past_covariate_tells_the_next_step(sales: pd.DataFrame) -> None:
    settings = {"horizon": 1, "models": "gru", "cutoffs": 24, "known": ["promo", "day"], "segment": 1, **LEARNING}
    without = fc.evaluate(sales, **settings).metrics["mae"]
    with_it = fc.evaluate(sales, **settings, past=["price"]).metrics["mae"]
    assert with_it < 0.7 * without


@pytest.mark.parametrize("cell", [*CELLS, "auto"])
def test_contract(cell: str, sales: pd.DataFrame) -> None:
    history, future = _split(sales)
    model = fc.Forecaster(H, model=cell, quantiles=(0.1, 0.9), **ROLES, **QUICK).fit(history)
    found = model.predict(future=future)
    assert len(found) == 2 * H
    assert (found["q10"] <= found["q90"]).all()
    model.save("model")
    assert same(fc.load("model").predict(future=future), found)
    rows = pd.concat([history, future.assign(y=np.nan)])
    assert same(model.predict(rows), found), "rows without a target are the future"
    assert not model.predict(future=future.assign(promo=1 - future["promo"])).equals(found), "the future is read"


def test_nothing_after_a_cutoff_reaches_its_forecast(sales: pd.DataFrame) -> None:
    settings = {"horizon": H, "models": "gru", **ROLES, **QUICK}
    cutoff = sales["ds"].max() - pd.Timedelta(days=36)
    first = cutoff + pd.Timedelta(days=1)
    options = {"start": first, "end": cutoff + pd.Timedelta(days=H)}
    plain = fc.evaluate(sales, **settings, **options).forecasts
    spoilt = sales.copy()
    spoilt.loc[spoilt["ds"] > cutoff, ["y", "price"]] = 1e9
    spoilt.loc[spoilt["ds"] > cutoff + pd.Timedelta(days=H), "promo"] = 1e9
    spoilt.loc[spoilt["ds"] > cutoff + pd.Timedelta(days=H), "day"] = "a kind of its own"
    again = fc.evaluate(spoilt, **settings, **options).forecasts
    assert same(plain[["forecast"]], again[["forecast"]])
    then, later = sales[sales["ds"] <= cutoff], sales[sales["ds"] > cutoff]
    asked = {k: v for k, v in settings.items() if k not in ("models", "horizon")}
    fitted = fc.Forecaster(H, model="gru", **asked).fit(then)
    assert np.array_equal(fitted.predict(future=later)["forecast"], plain["forecast"])


def test_the_future_must_be_there(sales: pd.DataFrame) -> None:
    history, future = _split(sales)
    model = fc.Forecaster(H, model="gru", **ROLES, **QUICK).fit(history)
    with pytest.raises(DataError, match="0 of the 6 rows") as caught:
        model.predict()
    assert len(caught.value.problems) == 2
    with pytest.raises(DataError, match="2 of 6 rows are missing") as caught:
        model.predict(future=future.iloc[:-2])
    assert [problem.series for problem in caught.value.problems] == ["south"]
    holes = future.copy()
    holes["promo"] = holes["promo"].astype(float)
    holes.loc[holes.index[0], "promo"] = np.nan
    with pytest.raises(DataError, match="is not known") as caught:
        model.predict(future=holes)
    assert caught.value.problems[0].column == "promo"
    with pytest.raises(DataError, match="does not exist") as caught:
        model.predict(future=future.drop(columns=["day"]))
    with pytest.raises(DataError, match="several rows"):
        model.predict(future=pd.concat([future, future.tail(1)]))
    with pytest.raises(DataError, match="names") as caught:
        model.predict(pd.concat([history.assign(promo="yes"), future.assign(promo="no", y=np.nan)]))
    assert caught.value.problems[0].column == "promo"


def test_an_unknown_level_is_no_other_level(sales: pd.DataFrame) -> None:
    history, future = _split(sales)
    model = fc.Forecaster(H, model="gru", known=["day"], **QUICK).fit(history)
    strange = model.predict(future=future.assign(day="never seen"))
    stranger = model.predict(future=future.assign(day="nor this"))
    assert same(strange, stranger)
    assert not strange.equals(model.predict(future=future.assign(day="busy")))


def test_names_and_codes(sales: pd.DataFrame) -> None:
    assert is_categorical(sales["day"])
    assert not is_categorical(sales["promo"])
    assert not is_categorical(sales["promo"].astype(str))
    codes, names = categories_of(pd.Series(["b", None, "a", " ", "b"]))
    assert names == ("a", "b")
    np.testing.assert_array_equal(codes, [1, np.nan, 0, np.nan, 1])
    assert list(vocabulary_codes(("a", "c"), ("a", "b"))) == [1, 0]
    panel = panel_from_table(sales, Columns(known=("promo", "day"), past=("price",), static=("store", "size")))
    back = panel_to_table(panel)
    assert list(back["day"]) == list(sales["day"])


def test_tracked_and_on_the_command_line(sales: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    history, future = _split(sales)
    monkeypatch.setenv("FORECAST_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.warns(UserWarning, match="kept in .forecast/journal"):
        fc.Forecaster(H, model="gru", quantiles=(0.1, 0.9), **ROLES, **QUICK).fit(history)
    (record,) = due(None)
    example = json.loads((record / "model" / "input_example.json").read_text())["inputs"]
    assert {"promo", "day", "price", "store", "size"} <= set(example["columns"])
    history.to_csv("history.csv", index=False)
    future.drop(columns="y").to_csv("future.csv", index=False)
    names = ["--known", "promo,day", "--past", "price", "--static", "store,size", "--set", "steps=20"]
    words = [
        "fit",
        "history.csv",
        "--horizon",
        str(H),
        "--model",
        "gru",
        "-o",
        "model",
        "--no-track",
        "--plot",
        "a.png",
    ]
    done = run(*words, *names, "--head", "normal", "-q")
    assert done.returncode == 0, done.stderr
    words = ["predict", "model", "--future", "future.csv", "--quantiles", "0.1,0.9", "--plot", "b.png", "-o", "f.csv"]
    done = run(*words)
    assert done.returncode == 0, done.stderr
    assert list(pd.read_csv("f.csv").columns) == ["unique_id", "ds", "forecast", "q10", "q90"]
    done = run("predict", "model", "--samples", "7")
    assert done.returncode == 3, "the future is missing"
    assert "rows after the last target" in done.stderr
    done = run("predict", "model", "--future", "future.csv", "--samples", "7")
    assert len(done.stdout.splitlines()) == 1 + 2 * H * 7
