"""Broken tables: each is refused at once, with what is wrong, where, and what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.datasets.errors import ConfigError, DataError
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.readers import read_table

DAYS = pd.date_range("2024-01-01", periods=30)
TABLE = pd.DataFrame({"unique_id": np.repeat(["a", "b"], 30), "ds": np.tile(DAYS, 2), "y": np.arange(60.0)})
TEXT = TABLE.assign(ds=TABLE["ds"].dt.strftime("%Y-%m-%d"))
WIDE = TABLE.pivot(index="ds", columns="unique_id", values="y")
SHOPS = TABLE.rename(columns={"unique_id": "item"}).assign(store=np.tile(np.repeat([2, 1], 15), 2))
SHOPS = SHOPS.assign(ds=np.tile(DAYS[:15], 4))
MONTHS = pd.DataFrame({"ds": pd.date_range("1980-01-01", periods=336, freq="MS"), "y": 1.0})


def _with(column: str, row: int, value: Any, table: pd.DataFrame = TABLE) -> pd.DataFrame:
    """The table with another value in one row."""
    return table.assign(**{column: table[column].astype(object).where(table.index != row, value)})


def _at(row: int, time: str, table: pd.DataFrame = TABLE) -> pd.DataFrame:
    return table.assign(ds=table["ds"].where(table.index != row, pd.Timestamp(time)))


# by name: the table, its options, what is named, and what is advised
TABLES: dict[str, tuple[Any, dict[str, Any], str, str]] = {
    "target and known": (TABLE, {"known": ("y",)}, "it is target and a covariate", "Name it once"),
    "id and target": (TABLE, {"id": "y"}, "it is id and target", "Name it once"),
    "ids with blanks": (_with("unique_id", 3, "a "), {}, "'a' and 'a ' differ only by blanks", "alike"),
    "no id": (_with("unique_id", 4, None), {}, "row 5 has no id", "Give it one"),
    "no time": (_at(4, "NaT"), {}, "row 5 has no time", "Give it one"),
    "blank time": (_with("ds", 4, " ", TEXT), {}, "row 5 has no time", "Give it one"),
    "zone in a few rows": (_with("ds", 7, "2024-01-08T00:00:00Z", TEXT), {}, "row 8", "alike"),
    "zone in most rows": (_with("ds", 7, "2024-01-08T00:00:00", TEXT.assign(ds=TEXT["ds"] + "T00:00:00Z")), {}, "row 8", "alike"),
    "no such day": (_with("ds", 3, "2024-02-31", TEXT), {}, "row 4 holds '2024-02-31'", "--date-format"),
    "day of no year": (_with("ds", 3, "0000-00-00", TEXT), {}, "row 4 holds '0000-00-00'", "--date-format"),
    "other way of writing": (
        _with("ds", 3, "2024-01-04", TABLE.assign(ds=TABLE["ds"].dt.strftime("%d.%m.%Y"))), {}, "row 4", "as in the other rows",
    ),
    "no way of writing": (TEXT.assign(ds="1. Januar 2024"), {}, "1. Januar 2024", "--date-format"),
    "another way than said": (TEXT, {"date_format": "%d/%m/%Y"}, "row 1 holds '2024-01-01'", "%d/%m/%Y"),
    "two ways": (MONTHS.assign(ds=MONTHS["ds"].dt.strftime("%d/%m/%Y")), {}, "no row decides", "--date-format %m/%d/%Y"),
    "dates as numbers": (MONTHS.assign(ds=MONTHS["ds"].dt.strftime("%Y%m%d").astype(int)), {}, "look like dates", "--date-format %Y%m%d"),
    "half times": (TABLE.assign(ds=np.tile(np.arange(30) + 0.5, 2)), {}, "not whole", "whole numbers"),
    "one odd month": (_at(5, "1980-06-03", MONTHS), {}, "1980-06-03", "steps of MS"),
    "odd first month": (_at(0, "1980-01-09", MONTHS), {}, "1980-01-09", "steps of MS"),
    "odd hour": (_at(9, "2024-01-10 03:00"), {}, "2024-01-10 03:00:00", "steps of D"),
    "odd first hour": (_at(0, "2024-01-01 03:00"), {}, "2024-01-01 03:00:00", "steps of D"),
    "mistyped year": (_at(59, "2204-01-30"), {}, "2204-01-30", "Mend the time"),
    "mistyped first year": (_at(0, "1024-01-01"), {}, "2024-01-02", "Mend the time"),
    "jitter": (
        TABLE.assign(ds=TABLE["ds"] + pd.to_timedelta(np.random.default_rng(0).integers(0, 59, 60), unit="s")), {}, "no step", "Round",
    ),
    "two frequencies": (
        pd.concat([TABLE, MONTHS.head(30).assign(unique_id="c")], ignore_index=True), {}, "series 'c'", "one frequency at a time",
    ),
    "same time twice": (pd.concat([TABLE, TABLE.iloc[[3]]]), {}, "2024-01-04", "Keep one row"),
    "one time only": (TABLE.assign(ds=DAYS[0]), {}, "58 problems", "Keep one row"),
    "wide with a name twice": (WIDE.set_axis(["a", "a"], axis=1), {}, "several rows", "Keep one row"),
    "wide with rows twice": (pd.concat([WIDE, WIDE]), {}, "several rows", "Keep one row"),
    "wide with text": (WIDE.assign(c="x"), {}, "series 'c'", "Write a number"),
    "columns of levels": (TABLE.pivot(index="ds", columns="unique_id", values=["y"]), {}, "several levels", "one name"),
    "target twice": (pd.concat([TABLE, TABLE[["y"]]], axis=1), {}, "['y', 'y']", "--target"),
    "no target": (TABLE.drop(columns="y"), {}, "no target column", "--target"),
    "no time column": (TABLE.drop(columns="ds"), {}, "no time column", "--time"),
    "mistyped covariate": (TABLE.assign(price=1.0), {"known": ("prise",)}, "prise", "Did you mean 'price'"),
    "text": (_with("y", 7, "many"), {}, "'many'", "Write a number"),
    "decimal comma": (_with("y", 7, "1.234,5"), {}, "'1.234,5'", "Write a number"),
    "percent": (TABLE.assign(y=TABLE["y"].astype(str) + "%"), {}, "60 problems", "Write a number"),
    "infinite": (TABLE.assign(y=TABLE["y"].where(TABLE.index != 7, np.inf)), {}, "2024-01-08", "Write a number"),
    "too large": (TABLE.assign(y=1e308), {}, "below 1e30", "Write a number"),
    "dates as target": (TABLE.assign(y=TABLE["ds"]), {}, "datetime64", "numbers"),
    "complex target": (TABLE.assign(y=TABLE["y"] + 1j), {}, "complex", "numbers"),
    "no value in a series": (TABLE.assign(y=TABLE["y"].mask(TABLE["unique_id"] == "b")), {}, "series 'b'", "--on-empty skip"),
    "no value at all": (TABLE.assign(y=np.nan), {}, "2 problems", "--on-empty skip"),
    "mask of words": (TABLE.assign(seen="yes"), {"observed": "seen"}, "'seen'", "True or False"),
    "static that changes": (TABLE.assign(shop=np.arange(60)), {"static": ("shop",)}, "series 'a'", "known= or past="),
    "covariate of names and numbers": (TABLE.assign(p=["x", *["1"] * 59]), {"known": ("p",)}, "'x'", "Write a number"),
    "infinite covariate": (TABLE.assign(p=np.inf), {"past": ("p",)}, "column 'p'", "Write a number"),
    "no rows": (TABLE.head(0), {}, "no rows", "two rows"),
    "one row": (TABLE.head(1), {}, "frequency cannot be found", "--freq"),
    "ids of two kinds": (_with("unique_id", 3, 1, TABLE.replace({"unique_id": {"b": "1"}})), {}, "the id '1' is a number in", "alike"),
    "id named as forecasts": (TABLE.rename(columns={"unique_id": "forecast"}), {"id": "forecast"}, "forecasts have a column", "Rename it"),
    "part named as quantiles": (SHOPS.rename(columns={"item": "q10"}), {"id": "store,q10"}, "column 'q10'", "Rename it"),
    "no part of an id": (_with("item", 4, None, SHOPS), {"id": "store,item"}, "row 5 has no item", "Give it one"),
    "mistyped part": (SHOPS, {"id": ("store", "itm")}, "column 'itm'", "Did you mean 'item'"),
    "part and covariate": (SHOPS, {"id": ("store", "item"), "known": ("item",)}, "it is id and a covariate", "Name it once"),
    "part and time": (SHOPS, {"id": "store,ds"}, "it is id and time", "Name it once"),
    "parts with blanks": (_with("item", 3, "a ", SHOPS), {"id": "store,item"}, "'a' and 'a ' differ only by blanks", "alike"),
    "a part too few": (SHOPS, {"id": "item"}, "30 problems", "apart: --id item,store (id='item,store')"),
    "no id named": (SHOPS, {}, "45 problems", "apart: --id item,store (id='item,store')"),
    "one id not named": (SHOPS[SHOPS["store"] == 1], {}, "15 problems", "apart: --id item (id='item')"),
    "several levels without times": (SHOPS.set_index(["store", "item"]), {}, "one of them holds times", "reset_index"),
    "a list": ([1, 2, 3], {}, "not list", "DataFrame"),
    "absent rows": (TABLE.drop(index=[4, 5]), {"on_gap": "refuse"}, "2024-01-04", "--on-gap"),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_broken_table_says_what_is_wrong_and_what_to_do(name: str) -> None:
    table, options, named, advice = TABLES[name]
    with pytest.raises(DataError) as caught:
        fc.Forecaster(3, model="naive", **options).fit(table)
    assert named in str(caught.value)
    assert advice in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 6, "many rows with one cause are one cause"
    causes = caught.value.as_dict()["causes"]
    assert sum(cause["count"] for cause in causes) == len(caught.value.problems)


ROWS = TEXT.to_csv(index=False)
FILES: dict[str, tuple[bytes, str, str]] = {
    "cut off": (ROWS[:-14].encode(), "row 60 holds", "as in the other rows"),
    "a cell too many": ((ROWS + "a,b,2024-02-10,3\n").encode(), "saw 4", "damaged"),
    "semicolons": (ROWS.replace(",", ";").encode(), "';'", "--separator ';'"),
    "pipes": (ROWS.replace(",", "|").encode(), "'|'", "--separator '|'"),
    "tabs": (ROWS.replace(",", "\t").encode(), "'tab'", "--separator 'tab'"),
    "no header": (ROWS.split("\n", 1)[1].encode(), "seems to be a row", "Write a header"),
    "a title": (f"Report\n\n{ROWS}".encode(), "more cells than its first line", "Remove lines"),
    "a sum": (f"{ROWS}Total,,1770\n".encode(), "row 61 has no time", "remove the row"),
    "Latin-1": (ROWS.replace("a,", "ä,").encode("latin-1"), "not written in UTF-8", "Save it as UTF-8"),
    "UTF-16": (ROWS.encode("utf-16"), "not written in UTF-8", "Save it as UTF-8"),
    "bytes": (bytes(range(256)) * 20, "not written in UTF-8", "Save it as UTF-8"),
    "a header only": (b"unique_id,ds,y\n", "no rows", "two rows"),
    "nothing": (b"", "is empty", "Write a header"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_broken_file_says_what_is_wrong_and_what_to_do(name: str) -> None:
    content, named, advice = FILES[name]
    Path("broken.csv").write_bytes(content)
    with pytest.raises(DataError) as caught:
        fc.Forecaster(3, model="naive").fit(read_table("broken.csv"))
    assert named in str(caught.value)
    assert advice in str(caught.value)


def test_what_a_spreadsheet_wrote_is_suspected_at_once_and_read_at_the_second_try() -> None:
    months = pd.date_range("2020-01-01", periods=36, freq="MS")
    values = np.random.default_rng(0).normal(1000, 100, (36, 3)).round(2)
    sheet = pd.DataFrame(values, columns=["Nord", "Süd", "Ost"])
    sheet.insert(0, "Datum", months.strftime("%d/%m/%Y"))
    sheet.to_csv("sheet.csv", sep=";", decimal=",", index=False, encoding="utf-8-sig")
    with pytest.raises(DataError) as caught:
        read_table("sheet.csv")
    remedies = " ".join(str(problem.remedy) for problem in caught.value.problems)
    for option in (
        "--separator ';'",
        "--decimal ','",
        "--wide true",
        "--date-format %d/%m/%Y or --date-format %m/%d/%Y",
    ):
        assert option in remedies
    options: dict[str, Any] = {"separator": ";", "decimal": ",", "wide": True, "date_format": "%d/%m/%Y"}
    found = fc.Forecaster(2, model="naive", **options).fit(read_table("sheet.csv", Columns(**options))).predict()
    assert list(found.columns) == ["Datum", "Nord", "Süd", "Ost"]
    assert found["Datum"].tolist() == ["01/01/2023", "01/02/2023"]
    np.testing.assert_allclose(found[["Nord", "Süd", "Ost"]].to_numpy()[0], values[-1])


@pytest.mark.parametrize("row", ["a,2024-02-10,3,4,5", "a,2024-02-10"])
def test_a_file_with_columns_that_nobody_reads_is_read_as_strictly(row: str) -> None:
    """Only what has a role is read, and a row of too many cells is refused all the same."""
    lines = [f"{line},{number}" for number, line in enumerate(ROWS.splitlines())]
    Path("more.csv").write_text("\n".join(lines) + "\n\n")
    table = read_table("more.csv")
    assert list(table.columns) == ["unique_id", "ds", "y"]
    assert "columns not used: 0" in fc.Forecaster(3, model="naive").fit(table).notes_
    Path("broken.csv").write_text("\n".join([*lines, row]) + "\n")
    if row.endswith("5"):
        with pytest.raises(DataError, match="saw 5"):
            read_table("broken.csv")
    else:
        assert read_table("broken.csv")["y"].isna().sum() == 1, "a missing cell has no value"


def test_a_folder_of_parts_is_a_table() -> None:
    Path("parts").mkdir()
    for number, part in TABLE.groupby("unique_id"):
        part.to_parquet(f"parts/{number}.parquet", index=False)
    assert read_table("parts").equals(TABLE)


def test_a_covariate_that_is_named_twice_is_refused_before_any_table_is_read() -> None:
    with pytest.raises(ConfigError, match="'price' is named twice"):
        fc.Forecaster(3, model="gru", known=("price",), past=("price",))


def test_ids_that_may_be_mistakes_are_noted() -> None:
    ids = TABLE["unique_id"].replace({"a": "nan"}).where(TABLE.index != 59, "B")
    notes = fc.Forecaster(3, model="naive").fit(TABLE.assign(unique_id=ids)).notes_
    assert "ids that look like missing ones: 'nan'" in notes
    assert "ids that differ only by capitals: 'B', 'b'" in notes


@pytest.mark.parametrize("odd", ["categorical", "nullable", "dates", "float ids", "decimals", "periods", "booleans"])
def test_odd_but_valid_tables_are_read(odd: str) -> None:
    table = {
        "categorical": lambda: TABLE.astype({"unique_id": "category"}),
        "nullable": TABLE.convert_dtypes,
        "dates": lambda: TABLE.assign(ds=TABLE["ds"].dt.date),
        "float ids": lambda: TABLE.assign(unique_id=TABLE["unique_id"].map({"a": 1.0, "b": 2.5})),
        "decimals": lambda: TABLE.assign(y=TABLE["y"].astype(str)),
        "periods": lambda: WIDE.to_period("D"),
        "booleans": lambda: TABLE.assign(y=TABLE["y"] > 5),
    }[odd]()
    found = fc.Forecaster(3, model="naive").fit(table).predict()
    assert len(found) == (3 if odd == "periods" else 6)
