"""Series that several columns name: they are joined without loss, ordered by their parts, and parts again on the way out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from house import QUICK, same
from hypothesis import given, settings
from hypothesis import strategies as st

import forecast as fc
from forecast.datasets.errors import ConfigError, DataError
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.identity import joined, parts_of
from forecast.datasets.tables.readers import read_encoded, read_table
from forecast.datasets.tables.result import panel_to_table
from forecast.datasets.tables.schema import panel_from_table
from forecast.settings import Settings

DAYS = pd.date_range("2024-01-01", periods=40, freq="D")
PAIRS = [(10, "milk"), (9, "tea"), (9, "milk"), (100, "tea")]
ORDER = [(9, "milk"), (9, "tea"), (10, "milk"), (100, "tea")]
BOTH = ("store", "item")


def _sales(pairs: Any = PAIRS) -> pd.DataFrame:
    y = np.random.default_rng(0).normal(size=(len(pairs), len(DAYS))) + 5
    parts = [pd.DataFrame({"store": s, "item": i, "ds": DAYS, "y": y[k]}) for k, (s, i) in enumerate(pairs)]
    return pd.concat(parts, ignore_index=True)


def _naive(table: Any, **options: Any) -> fc.Forecaster:
    return fc.Forecaster(2, model="naive", **options).fit(table)


def _pairs(frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(frame[list(BOTH)].drop_duplicates().itertuples(index=False, name=None))


@given(st.lists(st.lists(st.text(alphabet="a|\\,\n", max_size=4), min_size=2, max_size=2), min_size=1, max_size=9))
def test_parts_are_joined_without_loss(rows: list[list[str]]) -> None:
    texts = [joined(row) for row in rows]
    assert [list(row) for row in zip(*parts_of(texts, 2), strict=True)] == rows
    assert len(set(texts)) == len({tuple(row) for row in rows}), "other parts never give the same text"


def test_an_id_of_other_parts_is_refused() -> None:
    with pytest.raises(ValueError, match="do not have 2 parts"):
        parts_of(["a|b", "a|b|c"], 2)


@pytest.mark.parametrize("id", [BOTH, list(BOTH), "store,item", "store, item"])
def test_the_columns_may_be_named_in_any_way_and_come_back(id: Any) -> None:
    found = _naive(_sales(), id=id).predict()
    assert list(found.columns) == ["store", "item", "ds", "forecast"]
    assert _pairs(found) == ORDER, "by the first part, and whole numbers as numbers"
    assert found[list(BOTH)].dtypes.equals(_sales()[list(BOTH)].dtypes)


def test_a_column_whose_own_name_has_a_comma_is_one_name() -> None:
    table = _sales().rename(columns={"item": "store,item"}).drop(columns="store")
    table["store,item"] = np.repeat(["a", "b", "c", "d"], len(DAYS))
    assert list(_naive(table, id="store,item").predict().columns) == ["store,item", "ds", "forecast"]


def test_the_setting_goes_through_text_and_json() -> None:
    for id in (BOTH, list(BOTH)):
        made = Settings(horizon=1, id=id)  # type: ignore[arg-type]  # what a settings file gives
        assert made.id == BOTH
        assert Settings.of(json.loads(json.dumps({"horizon": 1, "id": made.id}))) == made
    assert Settings(horizon=1, id=("store",)).id == "store"
    assert Settings(horizon=1, id="store,item").id == "store,item"
    with pytest.raises(ConfigError, match="expected a text or several, or none"):
        Settings(horizon=1, id=("store", 3))  # type: ignore[arg-type]


def test_several_columns_are_as_good_as_one_to_the_last_bit() -> None:
    table = _sales([("b", "y"), ("a", "y"), ("a", "x"), ("b", "x")])
    one = table.assign(unique_id=table["store"] + "|" + table["item"]).drop(columns=list(BOTH))
    options: dict[str, Any] = {**QUICK, "model": "gru", "quantiles": (0.1, 0.9)}
    several, single = fc.Forecaster(3, id=BOTH, **options).fit(table), fc.Forecaster(3, **options).fit(one)
    for samples in (None, 5):
        found, expected = several.predict(samples=samples), single.predict(samples=samples)
        assert same(found.drop(columns=list(BOTH)), expected.drop(columns="unique_id"))
        assert (found["store"] + "|" + found["item"]).tolist() == expected["unique_id"].tolist()
    loaded = fc.load(several.save("model"))
    assert same(loaded.predict(), several.predict())
    assert same(loaded.predict(table.sample(frac=1, random_state=0)), several.predict())


def test_paths_totals_and_panels_have_the_parts() -> None:
    model = _naive(_sales(), id=BOTH, quantiles=(0.1, 0.9))
    paths = model.predict(samples=5)
    assert list(paths.columns) == ["store", "item", "ds", "sample", "forecast"]
    assert _pairs(fc.aggregate(paths)) == ORDER
    assert fc.aggregate(paths, over="series")["ds"].tolist() == [*paths["ds"].unique()]
    weekly = fc.rolling(_sales(), 7, id=["store", "item"])
    assert _pairs(weekly) == ORDER
    expected = _sales().sort_values([*BOTH, "ds"], ignore_index=True)
    assert same(panel_to_table(panel_from_table(_sales(), Columns(id=BOTH))), expected)


def test_an_index_may_hold_several_ids_and_the_times() -> None:
    expected = _naive(_sales(), id=BOTH).predict()
    for levels in (["store", "item", "ds"], ["ds", "store", "item"]):
        indexed = _sales().set_index(levels)["y"]
        model = _naive(indexed)
        found = model.predict()
        assert found.index.names == levels
        assert same(found.reset_index()[expected.columns], expected)
        assert same(fc.load(model.save("model", overwrite=True)).predict(indexed), found)
    unnamed = _sales().set_index([*BOTH, "ds"])["y"].rename_axis([None, None, None])
    assert _naive(unnamed).predict().index.names == ["level_0", "level_1", "ds"]
    assert _naive(unnamed, id=BOTH).predict().index.names == [*BOTH, "ds"]


def test_an_evaluation_names_the_parts() -> None:
    result = fc.evaluate(_sales(), 2, models=["naive", "drift"], id=BOTH, cutoffs=2)
    assert result.forecasts is not None
    assert list(result.forecasts.columns) == ["model", "store", "item", "ds", "cutoff", "forecast", "y"]
    assert list(result.by_series.columns[:4]) == ["series", "store", "item", "smape"]
    assert _pairs(result.by_series) == ORDER
    stores = result.by("store").query("model == 'naive'").set_index("store")["mae"]
    nine = result.by_series.query("model == 'naive' and store == 9")["mae"]
    assert stores[9] == pytest.approx(nine.mean())
    scores = fc.score(result.forecasts, _sales(), id=BOTH)
    assert scores["naive"]["mae"] == pytest.approx(result.models["naive"]["mae"])
    fresh = _naive(_sales().set_index([*BOTH, "ds"])).predict()
    later = pd.concat([_sales(), _sales().assign(ds=lambda t: t["ds"] + pd.Timedelta(days=40))])
    assert fc.score(fresh, later, id="store,item") == fc.score(fresh.reset_index(), later, id=BOTH)
    with pytest.raises(DataError, match=r"series '9\|tee': the actuals do not have this series"):
        fc.score(result.forecasts.replace({"item": {"tea": "tee"}}).query("store == 9"), _sales(), id=BOTH)


def test_parts_have_other_names_than_the_columns_of_results() -> None:
    table = _sales().rename(columns={"item": "model"})
    one = fc.evaluate(table, 2, models="naive", id=("store", "model"))
    assert list(one.by_series.columns[:3]) == ["series", "store", "smape"], "the column model names models there"
    assert one.forecasts is not None
    assert fc.score(one.forecasts, table, id=("store", "model"))["mae"] == pytest.approx(one.metrics["mae"])
    with pytest.raises(DataError, match="column 'model': the forecasts of an evaluation have a column of this name"):
        fc.evaluate(table, 2, models=["naive", "drift"], id=("store", "model"))
    with pytest.raises(DataError, match="column 'cutoff': the forecasts of an evaluation"):
        fc.evaluate(table.rename(columns={"model": "cutoff"}), 2, models="naive", id=("store", "cutoff"))
    samples = _naive(table.rename(columns={"model": "sample"}), id=("store", "sample"), quantiles=(0.1, 0.9))
    with pytest.raises(DataError, match="column 'sample': paths have a column of this name"):
        samples.predict(samples=3)


def test_a_table_of_pyarrow_comes_back_as_one() -> None:
    found = _naive(pa.Table.from_pandas(_sales()), id=BOTH).predict()
    assert isinstance(found, pa.Table)
    assert found.column_names == ["store", "item", "ds", "forecast"]
    assert found.schema.field("store").type == pa.int64()
    assert _pairs(found.to_pandas()) == ORDER


def test_models_may_be_told_of_the_parts_in_either_way() -> None:
    models = [fc.Forecaster(2, model="naive", id=BOTH), fc.Forecaster(2, model="drift", id="store,item")]
    assert len(fc.evaluate(_sales(), 2, models=models).models) == 2


def test_the_future_has_the_parts() -> None:
    table = _sales().assign(price=np.random.default_rng(1).normal(size=160))
    ahead = pd.date_range("2024-02-10", periods=2)
    future = pd.concat([pd.DataFrame({"store": s, "item": i, "ds": ahead, "price": 1.0}) for s, i in PAIRS])
    model = fc.Forecaster(2, id=BOTH, model="gru", known=("price",), **{**QUICK, "steps": 2}).fit(table)
    found = model.predict(future=future.sample(frac=1, random_state=0))
    assert _pairs(found) == ORDER
    assert same(model.predict(future=future.set_index(["ds", "item", "store"])), found)
    assert same(model.predict(future=pa.Table.from_pandas(future, preserve_index=False)), found)
    with pytest.raises(DataError, match=r"column 'item': the id column does not exist\. Did you mean 'items'"):
        model.predict(future=future.rename(columns={"item": "items"}))
    with pytest.raises(DataError, match=r"series '9\|milk'.*2 of 2 rows are missing"):
        model.predict(future=future.query("store != 9 or item != 'milk'"))


def test_rows_of_one_time_are_merged_by_all_parts() -> None:
    table = pd.concat([_sales(), _sales().tail(1).assign(y=100.0)], ignore_index=True)
    model = _naive(table, id=BOTH, on_duplicate="last")
    assert model.predict()["forecast"].iloc[-1] == 100.0
    assert "2 rows of the same series and time are merged to 1" in model.notes_[0]


def test_notes_name_the_part() -> None:
    table = _sales([("a", "nan"), ("A", "x"), ("b", "x")])
    notes = _naive(table, id=BOTH).notes_
    assert "ids that look like missing ones in item: 'nan'" in notes
    assert "ids that differ only by capitals in store: 'A', 'a'" in notes


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_is_read_with_all_parts_and_no_more(kind: str) -> None:
    table = _sales([("01", "NA"), ("01", "b"), ("1", "b")]).assign(other=1, city="x")
    table.to_csv("sales.csv", index=False)
    table.to_parquet("sales.parquet", index=False)
    found = read_table(f"sales.{kind}", Columns(id="store,item"))
    assert list(found.columns) == ["store", "item", "ds", "y"]
    assert _pairs(found) == [("01", "NA"), ("01", "b"), ("1", "b")], "parts are text, as one id is"
    assert "columns not used: other, city" in _naive(found, id=BOTH).notes_


@pytest.mark.parametrize("read", [read_table, read_encoded])
@pytest.mark.parametrize("kind", ["csv", "parquet", "frame"])
@pytest.mark.parametrize(
    ("id", "advice"),
    [(None, "--id store,item (id='store,item')"), ("store", "--id store,item (id='store,item')")],
)
def test_doubled_times_name_the_columns_that_tell_series_apart(
    kind: str, read: Any, id: str | None, advice: str
) -> None:
    """They are found in a file, too, from which only the columns with a role are read."""
    table = _sales([*PAIRS, (100, "milk")]).assign(weekday=DAYS.day_name().tolist() * 5, row=range(200))
    table.to_csv("sales.csv", index=False)
    table.to_parquet("sales.parquet", index=False)
    found = table if kind == "frame" else read(f"sales.{kind}", Columns(id=id))
    with pytest.raises(DataError) as caught:
        _naive(found, id=id)
    assert f"or name the columns that tell series apart: {advice}." in str(caught.value)
    assert _naive(read_table("sales.csv", Columns(id="store,item")), id="store,item")


@pytest.mark.parametrize("case", ["one row twice", "rows counted", "holes", "two rows by chance"])
def test_no_columns_are_named_that_tell_no_series_apart(case: str) -> None:
    table = {
        "one row twice": lambda: pd.concat([_sales(PAIRS[:1]), _sales(PAIRS[:1]).tail(1)]),
        "rows counted": lambda: _sales().drop(columns=list(BOTH)).assign(row=[f"r{k}" for k in range(160)]),
        "holes": lambda: _sales().drop(columns="store").assign(item=lambda t: t["item"].where(t.index != 3)),
        "two rows by chance": lambda: pd.concat(
            [_sales(PAIRS[:1]).assign(promo=0), _sales(PAIRS[:1]).tail(1).assign(promo=1)]
        ),
    }[case]()
    with pytest.raises(DataError) as caught:
        _naive(table)
    assert "name the id column with id= (--id)" in str(caught.value)


def test_a_file_that_changed_meanwhile_names_no_columns() -> None:
    _sales().to_csv("sales.csv", index=False)
    found = read_table("sales.csv")
    Path("sales.csv").write_text("ds,y\n2024-01-01,1\n")
    with pytest.raises(DataError, match=r"name the id column with id= \(--id\)"):
        _naive(found)


TEXT = st.text(alphabet="ab|\\, 1", min_size=1, max_size=3).map(lambda text: f".{text}.")
PARTS = {
    "text": TEXT,
    "object": TEXT,
    "category": TEXT,
    "int64": st.integers(-200, 200),
    "Int64": st.integers(-200, 200),
    "bool": st.booleans(),
    "datetime64[us]": st.sampled_from(list(DAYS)),
}


@settings(max_examples=40, deadline=None)
@given(data=st.data(), kinds=st.tuples(*[st.sampled_from(list(PARTS))] * 2), form=st.sampled_from(["long", "index"]))
def test_any_two_columns_name_series(data: Any, kinds: tuple[str, str], form: str) -> None:
    """Parts come back with their values, dtypes and order, and no forecast differs from that under one id."""
    pairs = data.draw(
        st.lists(
            st.tuples(*(PARTS[kind] for kind in kinds)), min_size=1, max_size=5, unique_by=lambda p: tuple(map(str, p))
        )
    )
    dtypes = {name: "str" if kind == "text" else kind for name, kind in zip(BOTH, kinds, strict=True)}
    table = _sales(pairs).astype(dtypes)
    found = _naive(table, id=BOTH).predict()
    is_number = [kind.lower() == "int64" for kind in kinds]
    order = sorted(pairs, key=lambda p: [v if n else str(v) for v, n in zip(p, is_number, strict=True)])
    assert _pairs(found) == order
    kept = {name: "str" if dtype == "object" else dtype for name, dtype in dtypes.items()}
    assert {name: str(found[name].dtype) for name in BOTH} == kept
    assert same(_naive(table.sample(frac=1, random_state=0), id=BOTH).predict(), found)
    text = [joined([str(v) for v in row]) for row in table[list(BOTH)].itertuples(index=False)]
    one = _naive(table.assign(unique_id=text)).predict().set_index("unique_id")["forecast"]
    for key, own in zip(order, found["forecast"].to_numpy().reshape(-1, 2), strict=True):
        assert one[joined([str(v) for v in key])].tolist() == own.tolist()
    if form == "index" and "datetime64[us]" not in kinds:
        indexed = _naive(table.set_index([*BOTH, "ds"])).predict().reset_index()
        assert np.array_equal(indexed["forecast"], found["forecast"])
