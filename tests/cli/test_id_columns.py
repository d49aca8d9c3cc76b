"""Series that two columns name, on the command line: fitted, forecast, evaluated and scored from files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import forecast as fc
from forecast.cli.app import app
from forecast.datasets.errors import DataError

HEADER = ["store", "item", "ds", "forecast"]
QUIET = ("--no-track", "-q")


def _run(*words: str) -> str:
    return CliRunner().invoke(app, list(words), catch_exceptions=False).stdout


@pytest.fixture
def sales() -> str:
    """Four series, of which only two have the same store."""
    days = pd.date_range("2024-01-01", periods=40)
    y = np.random.default_rng(0).normal(size=(4, 40)).round(3) + 5
    pairs = [("01", "milk"), ("02", "milk"), ("01", "a|b"), ("10", "tea")]
    parts = [pd.DataFrame({"store": s, "item": i, "ds": days, "y": y[k]}) for k, (s, i) in enumerate(pairs)]
    pd.concat(parts).sample(frac=1, random_state=0).to_csv("sales.csv", index=False)
    return "sales.csv"


def test_fit_predict_evaluate_and_score(sales: str) -> None:
    _run("fit", sales, "--id", "store,item", "-H", "3", "-m", "naive", "-o", "model", *QUIET)
    _run("predict", "model", "-o", "own.csv", *QUIET)
    _run("predict", "model", sales, "-o", "again.csv", *QUIET)
    assert Path("own.csv").read_text() == Path("again.csv").read_text()
    found = pd.read_csv("own.csv", dtype={"store": "str"})
    assert list(found.columns) == HEADER
    assert list(zip(found["store"], found["item"], strict=True))[::3] == [
        ("01", "a|b"),
        ("01", "milk"),
        ("02", "milk"),
        ("10", "tea"),
    ]
    words = ("evaluate", sales, "--id", "store,item", "-H", "3", "-m", "naive", "--cutoffs", "2", "-o", "back.csv")
    report = json.loads(_run(*words, "--json", *QUIET))
    assert report["series"] == 4
    back, actual = (pd.read_csv(name, dtype={"store": "str"}) for name in ("back.csv", sales))
    assert list(back.columns) == ["store", "item", "ds", "cutoff", "forecast", "y"]
    assert fc.score(back, actual, id="store,item")["mae"] == pytest.approx(report["metrics"]["mae"])


def test_a_model_directory_is_evaluated_on_the_columns_that_it_names(sales: str) -> None:
    """No option has to name them again; `01` stays `01`."""
    table = pd.read_csv(sales, dtype={"store": "str"})
    table[table["ds"] < "2024-02-01"].to_csv("early.csv", index=False)
    _run("fit", "early.csv", "--id", "store,item", "-H", "3", "-m", "naive", "-o", "model", *QUIET)
    words = ("evaluate", sales, "-H", "3", "-m", "model,drift", "--from", "2024-02-01", "-o", "back.csv")
    assert json.loads(_run(*words, "--json", *QUIET))["series"] == 4
    assert sorted(set(pd.read_csv("back.csv", dtype="str")["store"])) == ["01", "02", "10"]


def test_a_model_directory_reads_and_writes_the_separator_of_its_table(sales: str) -> None:
    pd.read_csv(sales, dtype={"store": "str"}).to_csv("sheet.csv", index=False, sep=";", decimal=",")
    words = (
        "--id",
        "store,item",
        "--separator",
        ";",
        "--decimal",
        ",",
        "-H",
        "3",
        "-m",
        "naive",
        "-o",
        "model",
        *QUIET,
    )
    _run("fit", "sheet.csv", *words)
    lines = _run("predict", "model", "sheet.csv", *QUIET).splitlines()
    assert lines[0] == ";".join(HEADER)
    assert lines[1].startswith("01;a|b;2024-02-10;")
    assert "," in lines[1]


@pytest.mark.parametrize("way", ["--id", "--set", "toml text", "toml list", "json"])
def test_the_columns_are_named_in_every_way(sales: str, way: str) -> None:
    Path("text.toml").write_text('id = "store,item"\n')
    Path("list.toml").write_text('id = ["store", "item"]\n')
    Path("list.json").write_text('{"id": ["store", "item"]}')
    words = {
        "--id": ["--id", "store,item"],
        "--set": ["--set", "id=store,item"],
        "toml text": ["-c", "text.toml"],
        "toml list": ["-c", "list.toml"],
        "json": ["-c", "list.json"],
    }[way]
    _run("fit", sales, *words, "-H", "2", "-m", "naive", "-o", "model", *QUIET)
    assert _run("predict", "model", *QUIET).splitlines()[0] == ",".join(HEADER)
    assert _run("predict", "model", sales, *QUIET).count("\n") == 9


def test_doubled_times_name_the_option_that_helps(sales: str) -> None:
    for words in ([], ["--id", "store"]):
        with pytest.raises(DataError, match="name the columns that tell series apart: --id store,item"):
            _run("check", sales, *words)
    assert json.loads(_run("check", sales, "--id", "store,item", "--json"))["series"] == 4


def test_a_blank_part_of_a_file_is_named(sales: str) -> None:
    Path("gap.csv").write_text(Path(sales).read_text().replace(",tea,", ",,", 1))
    with pytest.raises(DataError, match="has no item, which is a part of its id"):
        _run("check", "gap.csv", "--id", "store,item")


def test_a_file_may_have_its_ids_in_an_index(sales: str) -> None:
    table = pd.read_csv(sales, parse_dates=["ds"]).set_index(["store", "item", "ds"])
    table.to_parquet("sales.parquet")
    _run("fit", "sales.parquet", "-H", "2", "-m", "naive", "-o", "model", *QUIET)
    _run("predict", "model", "sales.parquet", "-o", "own.parquet", *QUIET)
    assert list(pd.read_parquet("own.parquet").columns) == HEADER
