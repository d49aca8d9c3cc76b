"""What comes back has the form that went in: kind, order, names, dtypes, and text of the same form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from house import QUICK, same
from hypothesis import given, settings
from hypothesis import strategies as st

import forecast as fc
from forecast.datasets.errors import DataError

DAYS = pd.date_range("2024-01-01", periods=40, freq="D")


def _long(ids: tuple[Any, ...] = ("b", "a", "10")) -> pd.DataFrame:
    y = np.random.default_rng(0).normal(size=len(ids) * len(DAYS))
    return pd.DataFrame({"unique_id": np.repeat(ids, len(DAYS)), "ds": np.tile(DAYS, len(ids)), "y": y})


def _wide() -> pd.DataFrame:
    wide = _long().pivot(index="ds", columns="unique_id", values="y")[["b", "a", "10"]].rename_axis(columns="shop")
    return wide.set_index(pd.DatetimeIndex(wide.index, freq="D"))


def _forecast(table: Any, **options: Any) -> Any:
    return fc.Forecaster(2, model="naive", **options).fit(table).predict()


def test_a_wide_table_keeps_its_columns_names_and_frequency() -> None:
    found = _forecast(_wide())
    assert list(found.columns) == ["b", "a", "10"]
    assert (found.columns.name, found.index.name, found.index.freq) == ("shop", "ds", pd.offsets.Day())
    levels = _forecast(_wide(), quantiles=(0.1, 0.9))
    assert list(levels.columns) == [(name, value) for name in ("b", "a", "10") for value in ("forecast", "q10", "q90")]
    saved = fc.Forecaster(2, model="naive").fit(_wide())
    assert same(fc.load(saved.save("saved")).predict(), found)


def test_a_wide_table_may_have_its_times_in_a_column() -> None:
    found = _forecast(_wide().reset_index(), wide=True)
    assert list(found.columns) == ["ds", "b", "a", "10"]
    assert np.array_equal(found[["b", "a", "10"]], _forecast(_wide()))
    first = _forecast(_wide().reset_index(names="Tag"), wide=True)
    assert list(first.columns) == ["Tag", "b", "a", "10"]


def test_labels_of_a_wide_table_may_be_numbers() -> None:
    wide = _wide().set_axis([10, 9, 100], axis=1)
    assert list(_forecast(wide).columns) == [10, 9, 100]


def test_ids_and_times_may_be_the_index() -> None:
    found = _forecast(_long().set_index(["unique_id", "ds"])["y"])
    assert found.index.names == ["unique_id", "ds"]
    assert same(found.reset_index(), _forecast(_long()))
    with pytest.raises(DataError, match="one of them holds times"):
        _forecast(_long().assign(shop="x", day=range(120)).set_index(["unique_id", "shop", "day"])["y"])


def test_a_mapping_of_series_gives_one() -> None:
    found = _forecast({name: _wide()[name] for name in _wide()})
    assert list(found) == ["b", "a", "10"]
    assert found["a"].index.equals(_forecast(_wide()).index)


def test_tables_of_other_libraries_come_back_as_such() -> None:
    found = _forecast(pa.Table.from_pandas(_long()))
    assert isinstance(found, pa.Table)
    assert found.to_pandas()["forecast"].equals(_forecast(_long())["forecast"])
    polars = pytest.importorskip("polars")
    lazy = polars.from_pandas(_long()).lazy()
    assert isinstance(_forecast(lazy), polars.DataFrame)


def test_the_future_takes_the_same_kinds() -> None:
    table = _long().assign(price=np.random.default_rng(1).normal(size=120))
    days = pd.date_range("2024-02-10", periods=2)
    future = pd.DataFrame({"unique_id": np.repeat(["b", "a", "10"], 2), "ds": np.tile(days, 3), "price": 1.0})
    settings: dict[str, Any] = {**QUICK, "steps": 2, "model": "gru", "known": ("price",)}
    model = fc.Forecaster(2, **settings).fit(table)
    found = model.predict(future=future)
    assert same(model.predict(future=future.set_index(["unique_id", "ds"])), found)
    assert same(model.predict(future=future.to_dict("list")), found)
    assert same(model.predict(future=pa.Table.from_pandas(future)), found)
    one = fc.Forecaster(2, **settings).fit(table[table["unique_id"] == "a"].drop(columns="unique_id"))
    ahead = future[future["unique_id"] == "a"].drop(columns="unique_id")
    assert same(one.predict(future=ahead.set_index("ds")), one.predict(future=ahead))


def test_whole_numbers_as_ids_are_in_the_order_of_numbers() -> None:
    found = _forecast(_long((10, 9, 100)))
    assert found["unique_id"].unique().tolist() == [9, 10, 100]
    scores = fc.evaluate(_long((10, 9, 100)), 2, models="naive")
    alone = fc.evaluate(_long((10, 9, 100)).query("unique_id == 9"), 2, models="naive")
    assert scores.metrics["mae"] != alone.metrics["mae"]
    nine = scores.forecasts[scores.forecasts["unique_id"] == 9]
    assert (nine["forecast"] - nine["y"]).abs().mean() == pytest.approx(alone.metrics["mae"])


FORMS = (
    "%Y-%m-%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%Y/%m/%d",
    "%Y%m%d",
    "%d %b %Y",
    "%B %d, %Y",
    "%Y-%m-%d %H:%M",
)


@pytest.mark.parametrize("form", FORMS)
def test_dates_that_are_text_come_back_as_such_text(form: str) -> None:
    found = _forecast(_long().assign(ds=lambda t: t["ds"].dt.strftime(form)))
    assert found["ds"].tolist() == _forecast(_long())["ds"].dt.strftime(form).tolist()
    assert np.array_equal(found["forecast"], _forecast(_long())["forecast"])


def test_dates_that_can_be_read_in_two_ways_are_asked_for() -> None:
    months = pd.date_range("2024-01-01", periods=12, freq="MS")
    table = pd.DataFrame({"ds": months.strftime("%d/%m/%Y"), "y": np.arange(12.0)})
    with pytest.raises(DataError, match="--date-format %d/%m/%Y or --date-format %m/%d/%Y"):
        _forecast(table)
    assert _forecast(table, date_format="%d/%m/%Y")["ds"].tolist() == ["01/01/2025", "01/02/2025"]
    assert _forecast(table, date_format="%m/%d/%Y")["ds"].tolist() == ["01/13/2024", "01/14/2024"]
    numbers = table.assign(ds=months.strftime("%Y%m%d").astype("int64"))
    with pytest.raises(DataError, match="--date-format %Y%m%d"):
        _forecast(numbers)
    assert _forecast(numbers, date_format="%Y%m%d")["ds"].tolist() == [20250101, 20250201]


def test_rows_of_one_time_are_merged_where_that_is_wanted() -> None:
    table = pd.concat([_long(), _long().tail(1).assign(y=100.0)], ignore_index=True)
    with pytest.raises(DataError, match="several rows"):
        _forecast(table)
    last = _long()["y"].iloc[-1]
    for rule, expected in (("first", last), ("last", 100.0), ("mean", (last + 100) / 2), ("sum", last + 100)):
        model = fc.Forecaster(2, model="naive", on_duplicate=rule).fit(table)
        assert model.predict()["forecast"].iloc[0] == pytest.approx(expected)
        assert "2 rows of the same series and time are merged to 1" in model.notes_[0]


def test_absent_rows_are_what_the_user_says() -> None:
    table = _long().drop(index=[5, 6, 50])
    model = fc.Forecaster(2, model="naive", on_gap="zero").fit(table)
    assert "3 rows are absent on the grid; they count as 0" in model.notes_
    panel = model.panel(table)
    assert (panel.target[panel.indptr[2] :][5:7] == 0).all(), "b is the last of 10, a and b"
    with pytest.raises(DataError, match="--on-gap") as caught:
        _forecast(table, on_gap="refuse")
    assert [problem.what for problem in caught.value.problems] == [
        "1 rows are absent after it",
        "2 rows are absent after it",
    ]


@settings(max_examples=25, deadline=None)
@given(
    freq=st.sampled_from(["h", "15min", "D", "W-SUN", "MS", "QE", "B", "1"]),
    zone=st.sampled_from([None, "Europe/Berlin", "America/New_York"]),
    lengths=st.lists(st.integers(14, 30), min_size=1, max_size=4),
    kind=st.sampled_from(["long", "index", "wide", "arrow", "parts"]),
    ids=st.sampled_from([("b", "a", "10", "ü"), (10, 9, 2, 100)]),
    seed=st.integers(0, 999),
)
def test_any_table_goes_on_where_it_ends(
    freq: str, zone: str | None, lengths: list[int], kind: str, ids: tuple[Any, ...], seed: int
) -> None:
    """Stamps continue the grid, kind and order come back, and neither the order of rows nor company changes a bit."""
    random = np.random.default_rng(seed)
    if freq == "1":
        times: Any = pd.Series(np.arange(40))
    else:
        times = pd.Series(pd.date_range("2024-02-20", periods=40, freq=freq, tz=zone))
    parts = [
        pd.DataFrame({"unique_id": ids[k], "ds": times[:rows], "y": random.normal(size=rows)})
        for k, rows in enumerate(lengths)
    ]
    inner = [part.drop(index=random.choice(np.arange(2, len(part) - 1), 2)) for part in parts]
    table = pd.concat(inner, ignore_index=True)
    found = _forecast(table)
    for part in parts:
        own = found[found["unique_id"] == part["unique_id"].iloc[0]].reset_index(drop=True)
        assert own["ds"].tolist() == times[len(part) : len(part) + 2].tolist()
    assert same(_forecast(table.sample(frac=1, random_state=seed)), found)
    if kind == "parts":
        several = _forecast(table.assign(shop="x"), id=["shop", "unique_id"])
        assert several.pop("shop").tolist() == ["x"] * len(found)
        assert same(several, found)
        return
    if freq == "1" or kind == "long" or (kind == "arrow" and zone is not None):
        alone = _forecast(inner[0])
        assert same(alone, found[found["unique_id"] == ids[0]].reset_index(drop=True))
        return
    if kind == "index":
        assert same(_forecast(table.set_index(["ds", "unique_id"])).reset_index()[found.columns], found)
    elif kind == "arrow":
        assert np.array_equal(_forecast(pa.Table.from_pandas(table)).to_pandas()["forecast"], found["forecast"])
    else:
        wide = table.pivot(index="ds", columns="unique_id", values="y")[[part["unique_id"].iloc[0] for part in parts]]
        assert list(_forecast(wide).columns) == list(wide.columns)
