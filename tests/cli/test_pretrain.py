"""`forecast pretrain` on tables: what it reads, writes, says and refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import Result
from safetensors import safe_open
from typer.testing import CliRunner

from forecast.cli.app import app
from forecast.datasets.errors import ForecastError
from forecast.datasets.synthetic import synthetic

TINY = ("--series", "100", "--batches", "4", "--width", "8", "--hidden", "8")


def _run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def _refused(*words: str) -> ForecastError:
    """Return the error of a command, which the entry point turns into a message and an exit code."""
    error = _run(*words).exception
    assert isinstance(error, ForecastError)
    return error


def _metadata(path: str) -> dict[str, Any]:
    with safe_open(path, framework="numpy") as file:
        return dict(file.metadata())


def test_weights_of_tables_are_used(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    synthetic(2, 40, seed=1).to_csv("folder/sales.csv", index=False)
    done = _run(
        "pretrain", "folder/sales.csv", "air_passengers", "-H", "4", "--share", "1", "-o", "w.safetensors", *TINY
    )
    assert done.exit_code == 0, done.stderr
    assert done.stderr.startswith("reading sales.csv, air_passengers\n")
    assert not Path("w.safetensors.part").exists()
    facts = json.loads(_metadata("w.safetensors")["trained_on"])
    assert (facts["share"], facts["horizon"], facts["held_back"]) == (1.0, 4, 4)
    assert [(table["table"], table["series"], table["rows"]) for table in facts["tables"]] == [
        ("sales.csv", 2, 72),
        ("air_passengers", 1, 140),
    ]
    assert facts["tables"][1]["last"] == "1960-08-01"
    with_own = _run("predict", "zero", "air_passengers", "-H", "4", "--no-track", "--set", "weights=w.safetensors")
    shipped = _run("predict", "zero", "air_passengers", "-H", "4", "--no-track")
    assert with_own.exit_code == shipped.exit_code == 0
    assert len(with_own.stdout.splitlines()) == 5
    assert with_own.stdout != shipped.stdout


def test_rows_that_are_held_back_change_no_bit() -> None:
    table = synthetic(2, 40, seed=1)
    table.to_csv("one.csv", index=False)
    table.loc[table.groupby("unique_id").cumcount() >= 34, "y"] = 1e6
    table.to_csv("other.csv", index=False)
    found = []
    for data, held_back in (("one", 6), ("other", 6), ("other", 0)):
        words = ("-H", "4", "--share", "1", "--season-length", "1", "--held-back", str(held_back))
        done = _run("pretrain", f"{data}.csv", *words, "-o", "w.safetensors", *TINY)
        assert done.exit_code == 0, done.stderr
        found.append(_metadata("w.safetensors")["sha256"])
    assert found[0] == found[1]
    assert found[1] != found[2]


def test_every_table_that_is_bad_is_said_at_once() -> None:
    synthetic(2, 40, seed=1).rename(columns={"y": "sold"}).to_csv("named.csv", index=False)
    synthetic(2, 9, seed=1).to_csv("short.csv", index=False)
    synthetic(2, 40, seed=1).to_csv("good.csv", index=False)
    error = _refused("pretrain", "good.csv", "named.csv", "short.csv", "absent.csv", "-H", "4", "-o", "w.safetensors")
    assert error.exit_code == 3
    assert "3 of 4 tables cannot be learnt from" in str(error)
    assert "(in named.csv)" in str(error)
    assert "short.csv is too short: its longest series has 9 rows" in str(error)
    assert "Take a shorter --horizon" in str(error)
    assert "absent.csv does not exist" in str(error)
    assert "good.csv" not in str(error)


def test_options_that_do_not_go_together_are_said_at_once() -> None:
    error = _refused("pretrain", "--share", "0.5", "--freq", "D", "-o", "w.txt")
    assert error.exit_code == 2
    assert "cannot write to w.txt" in str(error)
    assert "--share, --freq is for tables" in str(error)
    assert "--horizon is missing" in str(_refused("pretrain", "air_passengers"))
    assert "horizon" in str(_refused("pretrain", "air_passengers", "-H", "0"))
    assert _run("pretrain", "air_passengers", "-H", "4", "--share", "1.5").exit_code == 2
