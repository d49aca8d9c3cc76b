"""The table that is to be filled in has the rows that `predict` wants, and comes back from a file as it went out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pytest
from house import QUICK, same
from typer.testing import CliRunner

import forecast as fc
from forecast.cli.app import app
from forecast.datasets.errors import ConfigError, DataError

H = 4


def _table(times: object, ids: dict[str, list[str]] | None = None) -> pd.DataFrame:
    """Rows of each series at these times, with a promotion that is known ahead, a kind of day and a measurement."""
    draw = np.random.default_rng(0)
    stamps = pd.Series(times, name="ds")
    parts = (
        [
            pd.DataFrame(dict(zip(ids, names, strict=True)), index=stamps.index)
            for names in zip(*ids.values(), strict=True)
        ]
        if ids
        else [pd.DataFrame(index=stamps.index)]
    )
    rows = pd.concat([part.assign(ds=stamps) for part in parts], ignore_index=True)
    n = len(rows)
    return rows.assign(
        y=draw.normal(10, 1, n),
        promo=draw.integers(0, 2, n),
        day=draw.choice(["calm", "busy"], n),
        price=draw.normal(size=n),
    )


def _quarters() -> pd.DataFrame:
    return _table([f"{year}Q{quarter}" for year in range(2000, 2015) for quarter in range(1, 5)])


def _zoned() -> pd.DataFrame:
    """Hours that end just before clocks change, so that the offsets of the future differ."""
    return _table(
        pd.date_range("2024-03-20", "2024-03-31 00:00", freq="h", tz="Europe/Berlin"), {"unique_id": ["a", "b"]}
    )


def _several() -> pd.DataFrame:
    days = pd.date_range("2024-01-01", periods=60, freq="D")
    return _table(days, {"store": ["001", "001", "2"], "item": ["milk", "tea", "milk"]})


TABLES = {
    "one series": (lambda: _table(pd.date_range("2020-01-01", periods=60, freq="MS")), {}),
    "one id": (lambda: _table(pd.date_range("2024-01-01", periods=60, freq="D"), {"item_id": ["a", "b"]}), {}),
    "several ids": (_several, {"id": ("store", "item")}),
    "quarters": (_quarters, {}),
    "days of text": (lambda: _table(pd.date_range("2024-01-13", periods=60).strftime("%d/%m/%Y")), {}),
    "time zone": (_zoned, {}),
    "integers": (lambda: _table(np.arange(60), {"unique_id": ["a", "b"]}), {}),
}


def _fit(table: pd.DataFrame, **settings: object) -> fc.Forecaster:
    return fc.Forecaster(
        H, model="gru", known=("promo", "day"), past=("price",), **{**QUICK, "steps": 4}, **settings
    ).fit(table)


def _forecast(*words: str) -> str:
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize("kind", TABLES)
def test_a_filled_table_is_taken_as_it_is(kind: str) -> None:
    make, settings = TABLES[kind]
    table = make()
    model = _fit(table, **settings)
    blank = fc.future_frame(model)
    ids = [name for name in ("item_id", "unique_id", "store", "item") if name in table]
    assert list(blank.columns) == [*ids, "ds", "promo", "day"]
    assert len(blank) == H * (len(table[ids].drop_duplicates()) if ids else 1)
    assert blank[["promo", "day"]].isna().all(axis=None)
    filled = blank.assign(promo=1, day="busy")
    forecasts = model.predict(future=filled)
    assert same(forecasts[[*ids, "ds"]], blank[[*ids, "ds"]])

    model.save("model")
    _forecast("future", "model", "-o", "fill_me.csv", "-q")
    assert _forecast("future", "model", "-q") == Path("fill_me.csv").read_text()
    read = pd.read_csv("fill_me.csv", dtype=str)
    assert list(read.columns) == list(blank.columns)
    read.assign(promo="1", day="busy").to_csv("filled.csv", index=False)
    _forecast("predict", "model", "--future", "filled.csv", "-o", "next.parquet", "--no-track", "-q")
    assert np.array_equal(pd.read_parquet("next.parquet")["forecast"], forecasts["forecast"])


def test_newer_rows_and_other_horizons() -> None:
    table = TABLES["one id"][0]()
    cut = pd.Timestamp("2024-02-20")
    model = _fit(table[table["ds"] <= cut])
    assert fc.future_frame(model)["ds"].min() == pd.Timestamp("2024-02-21")
    newer = fc.future_frame(model, table)
    assert newer["ds"].min() == table["ds"].max() + pd.Timedelta(days=1)
    model.predict(table, future=newer.assign(promo=0, day="calm"))
    assert len(fc.future_frame(model, horizon=7)) == 14
    short = fc.future_frame(model, horizon=2).assign(promo=0, day="calm")
    assert len(model.predict(future=short, horizon=2)) == 4, "what is read is the horizon of the training"
    with pytest.raises(ConfigError, match="no number of steps"):
        fc.future_frame(model, horizon=0)


def test_cells_are_separated_as_in_the_models_table() -> None:
    table = TABLES["one id"][0]()
    table.to_csv("sales.csv", sep=";", decimal=",", index=False)
    words = ["--separator", ";", "--decimal", ",", "--known", "promo", "--steps", "4", "--hidden-size", "8"]
    _forecast("fit", "sales.csv", "-H", "4", "--model", "gru", *words, "--no-track", "-o", "model", "-q")
    blank = _forecast("future", "model", "-q")
    assert blank.splitlines()[:2] == ["item_id;ds;promo", "a;2024-03-01;"]
    Path("filled.csv").write_text(blank.replace(";\n", ";0,5\n"))
    _forecast("predict", "model", "--future", "filled.csv", "--no-track", "-q")


def test_a_model_that_knows_nothing_ahead_says_so(caplog: pytest.LogCaptureFixture) -> None:
    wide = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=30), "b": range(30), "a": range(30)}).set_index("ds")
    frame = fc.future_frame(fc.Forecaster(3, model="naive").fit(wide))
    assert "predict needs no future table" in caplog.text
    assert list(frame.columns) == ["b", "a"]
    assert list(frame.index) == list(pd.date_range("2024-01-31", periods=3))
    table = TABLES["one id"][0]()
    known = fc.future_frame(fc.Forecaster(3, model="naive", known="promo").fit(table))
    assert list(known.columns) == ["item_id", "ds"], "a baseline does not read what it is told"
    table.to_csv("sales.csv", index=False)
    done = CliRunner().invoke(app, ["future", "naive", "sales.csv", "-H", "2"])
    assert done.stdout.splitlines()[:3] == ["item_id,ds", "a,2024-03-01", "a,2024-03-02"]
    assert "predict needs no future table" in done.stderr


@pytest.mark.parametrize("kind", ["mapping", "pyarrow"])
def test_a_model_of_any_kind_of_table_writes_files(kind: str) -> None:
    days = pd.date_range("2024-01-01", periods=30)
    if kind == "mapping":
        table = {name: pd.Series(range(30), index=days) for name in ("b", "a")}
    else:
        table = pyarrow.table({"ds": days, "y": range(30)})
    fc.Forecaster(2, model="naive").fit(table).save("model")
    for command in ("predict", "future"):
        lines = _forecast(command, "model", "-q").splitlines()
        assert lines[0] == {"mapping": "ds,b,a", "pyarrow": "ds,forecast" if command == "predict" else "ds"}[kind]
        assert [line[:10] for line in lines[1:]] == ["2024-01-31", "2024-02-01"]


def test_series_without_a_history_are_the_users_to_name() -> None:
    table = TABLES["one id"][0]()
    model = fc.Forecaster(H, model="one_to_many", known="promo", steps=2, hidden_size=8).fit(table)
    with pytest.raises(ConfigError, match="series without a history"):
        fc.future_frame(model)


def test_who_forgets_the_future_is_told_how_to_get_it() -> None:
    model = _fit(TABLES["one id"][0]())
    for future in (
        None,
        fc.future_frame(model),
        fc.future_frame(model).iloc[1:],
        fc.future_frame(model)[["item_id", "ds"]],
    ):
        with pytest.raises(DataError, match="forecast future MODEL"):
            model.predict(future=future)
