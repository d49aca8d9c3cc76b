"""The command line as a user calls it: exit codes, what stands on stdout, and remedies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from commands import Answer, run
from typer.testing import CliRunner

import forecast as fc
from forecast.cli.app import app
from forecast.datasets.synthetic import synthetic
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.readers import read_table, write_table

SMALL = ["--set", "steps=20", "--set", "hidden_size=16", "--threads", "1"]


def _run_unread(*words: str) -> Answer:
    """Run a command into a pipe whose reader has gone, so that its first write fails whatever the machine's speed."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        command = [sys.executable, "-m", "forecast.cli", *words]
        return subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    finally:
        os.close(writer)


@pytest.fixture
def sales() -> str:
    synthetic(3, 80, seed=1).to_csv("sales.csv", index=False)
    return "sales.csv"


@pytest.fixture
def model(fitted: fc.Forecaster) -> str:
    return str(fitted.save("model"))


def test_fit_predict_evaluate_compare(sales: str, new_store: Callable[[Path], str]) -> None:
    new_store(Path(".forecast/mlflow.db"))
    done = run("fit", sales, "--horizon", "6", "--model", "gru", "-o", "model", "--plot", "fit.png", *SMALL)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "model\n"
    assert done.stderr.count("training\n") == 1, "a line a stage without a terminal"
    assert Path("fit.png").read_bytes().startswith(b"\x89PNG")

    done = run("predict", "model", sales)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "unique_id,ds,forecast"
    assert len(lines) == 19
    assert len(list(Path(".forecast/journal").iterdir())) == 1

    words = ["--horizon", "6", "--model", "gru,theta", "--cutoffs", "2", "--json", "-o", "f.parquet"]
    done = run("evaluate", sales, *words, *SMALL)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["schema"] == "forecast/evaluate/v1"
    assert found["status"] == "ok"
    assert set(found["models"]) == {"gru", "theta"}
    assert found["metrics"] == min(found["models"].values(), key=lambda m: m["mase"])
    assert found["baselines"]["seasonal_naive"]["mase"] > 0
    assert found["settings"]["season_length"] == 12
    assert {"fit_seconds", "fit_cpu_seconds", "predict_seconds", "model_dir", "run_id"} <= set(found)
    scores = fc.score(pd.read_parquet("f.parquet"), pd.read_csv(sales, parse_dates=["ds"]))
    assert found["models"]["theta"]["mase"] == pytest.approx(scores["theta"]["mase"])
    assert found["tracking"] == "recorded"
    assert not list(Path(".forecast/journal").iterdir()), "the prediction was sent on"

    done = run("compare", "--json")
    runs = json.loads(done.stdout)["runs"]
    assert [run["model"] for run in runs] == sorted(("gru", "theta"), key=lambda m: found["models"][m]["mase"])
    assert runs[0]["mase"] == pytest.approx(found["metrics"]["mase"])
    shown = [CliRunner().invoke(app, words) for words in (["compare", found["run_id"][:8]], ["compare"])]
    assert [done.exit_code for done in shown] == [0, 0]
    assert runs[0]["model"] in shown[0].stdout
    assert "theta" in shown[1].stdout


def test_stdin_and_stdout(model: str) -> None:
    table = synthetic(2, 40, seed=2).assign(unique_id=lambda t: "00" + t["unique_id"].str[1:])
    for text in (table.to_csv(index=False), table.to_json(orient="records", lines=True, date_format="iso")):
        done = run("predict", model, "-", "--horizon", "2", "--quantiles", "0.9", "-q", stdin=text)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[0] == "unique_id,ds,forecast,q90"
        assert [line.split(",")[0] for line in done.stdout.splitlines()[1:]] == ["000"] * 2 + ["001"] * 2


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl", "arrow"])
def test_every_kind_of_file(model: str, suffix: str) -> None:
    write_table(synthetic(2, 40, seed=2), f"rows.{suffix}")
    done = run("predict", model, f"rows.{suffix}", "-o", f"out.{suffix}", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == len(read_table(f"out.{suffix}")) == 12


@pytest.mark.parametrize("out", ["-", "forecasts.csv"])
@pytest.mark.parametrize("wide", [True, False])
def test_forecasts_are_written_with_the_separator_and_the_decimals_of_the_table(out: str, wide: bool) -> None:
    table = synthetic(2, 40, seed=2)
    table = table.pivot(index="ds", columns="unique_id", values="y").reset_index() if wide else table
    table.to_csv("rows.csv", index=False, sep=";", decimal=",")
    words = ["--separator", ";", "--decimal", ",", "--wide", str(wide).lower(), "--no-track"]
    done = run("fit", "rows.csv", "--horizon", "2", "--model", "drift", "-o", "model", "--quantiles", "0.9", *words)
    assert done.returncode == 0, done.stderr
    done = run("predict", "model", "rows.csv", "-o", out, "-q")
    assert done.returncode == 0, done.stderr
    Path("found.csv").write_text(done.stdout if out == "-" else Path(out).read_text())
    found = read_table("found.csv", Columns(separator=";", decimal=",", wide=wide))
    expected = fc.load("model").predict()
    if wide:
        expected = expected.set_axis([".".join(filter(None, name)) for name in expected.columns], axis=1)
    pd.testing.assert_frame_equal(found.astype({"ds": expected["ds"].dtype}), expected, check_dtype=False)


def test_dry_run_shows_the_settings(sales: str) -> None:
    done = run("fit", sales, "--horizon", "6", "--dry-run", "--json")
    found = json.loads(done.stdout)["settings"]
    assert found["season_length"] == 12
    assert not Path(".forecast").exists()


def test_config_file_and_set(sales: str) -> None:
    Path("c.toml").write_text('horizon = 6\nmodel = "lstm"\nlearning_rate = 1e-3\nsteps = 99\n')
    done = run("fit", sales, "-c", "c.toml", "--set", "steps=44", "--dry-run", "--json", "--seed", "5")
    found = json.loads(done.stdout)["settings"]
    assert (found["horizon"], found["model"], found["learning_rate"]) == (6, "lstm", 1e-3)
    assert (found["steps"], found["seed"]) == (44, 5)


def _problems(*words: str) -> list[str]:
    done = run("fit", "sales.csv", "--json", *words)
    assert done.returncode == 2, done.stderr
    error = json.loads(done.stderr.splitlines()[-1])["error"]
    return [f"{problem['what']}: {problem['expected']}" for problem in error["problems"]]


def test_every_wrong_setting_is_named_with_its_place(sales: str) -> None:
    Path("c.yaml").write_text("horizon: 3\nlearning_rat: 0.1\nlayers: [2]\nsteps: 1e3\n")
    assert _problems("-c", "c.yaml", "--set", "hiden_size=3", "--set", "dropout=2", "--threads", "two") == [
        "unknown setting 'learning_rat': 'learning_rate'?",
        "unknown setting 'hiden_size': 'hidden_size'?",
        "layers=[2] (c.yaml): a whole number of at least 1 and at most 256",
        "steps='1e3' (c.yaml): a whole number of at least 1 and at most 1000000000, or auto",
        "dropout=2.0 (--set): a number of at least 0 and below 1",
        "threads='two' (--threads): a whole number of at least 1 and at most 4096, or auto",
    ]
    assert _problems("-H", "0", "--quantiles", "0.9,0.1") == [
        "horizon=0 (--horizon): a whole number of at least 1 and at most 100000",
        "quantiles=(0.9, 0.1): ascending levels without repeats",
    ]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("hidden_size", "64", 64),
        ("learning_rate", "1e-3", 1e-3),
        ("dilations", "1", [1]),
        ("calibrate", "none", "none"),
    ],
)
def test_options_assignments_and_files_say_the_same(sales: str, name: str, text: str, value: object) -> None:
    Path("c.json").write_text(json.dumps({"horizon": 3, name: text}))
    typed = [f"--{name.replace('_', '-')}", text]
    for words in (["-H", "3", *typed], ["-H", "3", "--set", f"{name}={text}"], ["-c", "c.json"]):
        done = run("fit", sales, "--model", "gru", "--dry-run", "--json", *words)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["settings"][name] == value


def _bad_file(name: str, text: str) -> str:
    Path(name).write_text(text)
    return name


ROWS = "ds,y\n" + "".join(f"2020-01-{day:02},{day}\n" for day in range(1, 31))
BAD_TABLES = {
    "missing column": (ROWS.replace("ds,y", "ds,z"), "no target column"),
    "duplicates": (ROWS + "2020-01-07,1\n", "2020-01-07"),
    "text in the target": (ROWS.replace(",9\n", ",many\n"), "'many' is not a finite number"),
    "infinite": (ROWS.replace(",9\n", ",inf\n"), "finite"),
    "mixed frequency": (
        "unique_id,ds,y\n"
        + "".join(f"a,2020-01-{day:02},1\n" for day in range(1, 31))
        + "".join(f"b,2020-{m:02}-01,1\n" for m in range(1, 10)),
        '"series": "b"',
    ),
    "empty": ("", "is empty"),
    "no rows": ("ds,y\n", "no rows"),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_bad_tables(name: str) -> None:
    text, word = BAD_TABLES[name]
    done = run("fit", _bad_file("bad.csv", text), "--horizon", "3", "--no-track", "--json")
    assert done.returncode == 3
    error = json.loads(done.stderr.splitlines()[-1])["error"]
    assert error["code"] == "data"
    assert word in json.dumps(error)
    assert done.stdout == ""
    assert not Path(".forecast").exists(), "nothing is half-written"


def test_unsorted_rows_are_no_error() -> None:
    lines = ROWS.splitlines()
    mixed = "\n".join([lines[0], *lines[:0:-1]]) + "\n"
    for name, text in (("a.csv", ROWS), ("b.csv", mixed)):
        assert run("fit", _bad_file(name, text), "-H", "3", "-m", "drift", "-o", name[0], "--no-track").returncode == 0
    assert run("predict", "a").stdout == run("predict", "b").stdout


def test_several_problems_in_one_report() -> None:
    text = ROWS.replace(",9\n", ",many\n").replace(",12\n", ",-inf\n")
    done = run("check", _bad_file("bad.csv", text), "--json")
    problems = json.loads(done.stderr.splitlines()[-1])["error"]["problems"]
    assert [problem["time"] for problem in problems] == ["2020-01-09", "2020-01-12"]
    assert all(problem["remedy"] and problem["expected"] and problem["column"] == "y" for problem in problems)


USAGE = {
    "horizon 0": (["fit", "sales.csv", "--horizon", "0"], 2, "horizon=0"),
    "no horizon": (["fit", "sales.csv"], 2, "horizon"),
    "long horizon": (["evaluate", "sales.csv", "--horizon", "500"], 3, "longer than every series"),
    "unknown model": (["fit", "sales.csv", "-H", "3", "--model", "grru"], 2, "Did you mean 'gru'"),
    "unknown setting": (["fit", "sales.csv", "-H", "3", "--set", "hiden_size=3"], 2, "'hidden_size'"),
    "unknown key in the file": (["fit", "sales.csv", "-c", "c.toml"], 2, "'learning_rate'"),
    "unknown option": (["fit", "sales.csv", "--horizn", "3"], 2, "--horiz"),
    "unknown command": (["fitt"], 2, "fitt"),
    "no file": (["fit", "nowhere.csv", "-H", "3"], 3, "does not exist"),
    "no model": (["predict", "nowhere"], 4, "does not exist"),
    "two things on stdout": (["evaluate", "sales.csv", "-H", "3", "--json", "-o", "-"], 2, "stdout"),
    "a gate not met": (
        ["evaluate", "sales.csv", "-H", "3", "-m", "naive", "--require", "mase<=0.01", "--no-track"],
        6,
        "<= 0.01",
    ),
    "a gate not understood": (["evaluate", "sales.csv", "-H", "3", "--require", "mase=1"], 2, "mase<=0.9"),
    "a gate on no metric": (["evaluate", "nowhere.csv", "-H", "3", "--require", "masee<1"], 2, "Did you mean 'mase'"),
    "a gate on no model": (["evaluate", "nowhere.csv", "-H", "3", "--require", "mase<thta"], 2, "no model 'thta'"),
    "tracking required": (
        ["fit", "sales.csv", "-H", "3", "-m", "naive", "--tracking-uri", "http://127.0.0.1:9"],
        5,
        "answer",
    ),
}


@pytest.mark.parametrize("name", USAGE)
def test_exit_codes(name: str, sales: str) -> None:
    Path("c.toml").write_text("horizon = 3\nlearning_rat = 0.1\n")
    words, code, text = USAGE[name]
    done = run(*words)
    assert done.returncode == code, done.stderr
    assert text in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error[") + done.stderr.count('{"error"') == 1


def test_damaged_models_end_with_4(model: str) -> None:
    path = Path(model) / "model.safetensors"
    whole = path.read_bytes()
    for damaged in (whole[:-1] + bytes([whole[-1] ^ 1]), whole[:-100], b"\x80\x04K\x01."):
        path.write_bytes(damaged)
        done = run("predict", model)
        assert done.returncode == 4
        assert "does not match MANIFEST.json" in done.stderr
    assert run("models", "verify", model).returncode == 4


def test_verbose_shows_the_traceback() -> None:
    assert "Traceback" in run("fit", "nowhere.csv", "-H", "3", "-v").stderr


def test_what_is_there_is_not_overwritten(sales: str, model: str) -> None:
    assert run("fit", sales, "-H", "3", "-m", "naive", "-o", model, "--no-track").returncode == 4
    assert run("fit", sales, "-H", "3", "-m", "naive", "-o", model, "--no-track", "--overwrite").returncode == 0


@pytest.mark.parametrize(
    "words", [["datasets", "list"], ["datasets", "show", "nyc_taxi"], ["models", "list"], ["models", "show", "theta"]]
)
def test_catalogues(words: list[str]) -> None:
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0
    found = CliRunner().invoke(app, [*words, "--json"])
    assert json.loads(found.stdout)["status"] == "ok"


def test_check_and_doctor(sales: str) -> None:
    done = run("check", sales, "--json")
    found = json.loads(done.stdout)
    assert (found["series"], found["rows"], found["freq"], found["season_length"]) == (3, 240, "MS", 12)
    done = run("doctor", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "ok"


def test_help_names_every_command() -> None:
    shown = run("--help").stdout
    for name in (
        "fit",
        "evaluate",
        "predict",
        "compare",
        "check",
        "datasets",
        "models",
        "settings",
        "runs",
        "ui",
        "doctor",
    ):
        assert f"\n  {name} " in shown
        assert run(name, "--help").returncode == 0


@pytest.mark.parametrize(
    "words",
    [("datasets", "list"), ("settings",), ("settings", "--markdown"), ("settings", "--json"), ("fit", "--help")],
)
def test_a_reader_who_has_seen_enough_is_no_error(words: tuple[str, ...]) -> None:
    done = _run_unread(*words)
    assert done.returncode == 0
    assert done.stderr == ""


def test_forecasts_that_nobody_reads_to_the_end_are_no_error(model: str, sales: str) -> None:
    done = _run_unread("predict", model, sales)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
