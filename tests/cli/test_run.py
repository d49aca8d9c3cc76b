"""`forecast run` as a nightly job calls it: what it writes, what it leaves alone, and the codes it ends with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import Result
from house import same
from typer.testing import CliRunner

import forecast as fc
from forecast.cli.app import app
from forecast.datasets.errors import ForecastError
from forecast.datasets.synthetic import synthetic

PLAIN = ("--horizon", "6", "--model", "theta,naive", "--cutoffs", "3", "--no-track", "-q")
OUT = (*PLAIN, "-o", "next.parquet", "--save", "model")
NEVER = ("--require", "mase<0.001*seasonal_naive")
SMALL = ("--steps", "20", "--hidden-size", "8", "--batch-size", "4", "--threads", "1")


def _run(*words: str) -> Result:
    return CliRunner().invoke(app, ["run", *words])


def _done(*words: str) -> dict[str, Any]:
    done = _run(*words, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _refused(*words: str) -> ForecastError:
    """Return the error of a command, which the entry point turns into a message and an exit code."""
    error = _run(*words).exception
    assert isinstance(error, ForecastError), error
    return error


def _content(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def _written(path: str) -> pd.DataFrame:
    """The forecasts of a file; times come back as they were in the table, as text."""
    frame = pd.read_parquet(path) if path.endswith(".parquet") else pd.read_csv(path)
    return frame.assign(ds=pd.to_datetime(frame["ds"]).astype("datetime64[us]"))


@pytest.fixture
def sales() -> pd.DataFrame:
    table = synthetic(2, 60, seed=1)
    table.to_csv("sales.csv", index=False)
    return table


@pytest.fixture
def champion(sales: pd.DataFrame) -> dict[str, bytes]:
    """Yesterday's model, which knows a row less."""
    yesterday = sales[sales["ds"] < sales["ds"].max()]
    fc.Forecaster(6, model="drift").fit(yesterday).save("model")
    return _content("model")


def test_a_job_is_one_tree_of_runs(sales: pd.DataFrame) -> None:
    found = _done("sales.csv", *OUT[:6], *OUT[7:], "--require", "mase<naive", "--run-name", "night")
    assert (found["schema"], found["status"], found["tracking"]) == ("forecast/run/v1", "ok", "recorded")
    assert found["model"] == found["source"] == "theta"
    assert found["forecasts_scored"] == 2 * 2 * 6
    assert [chosen["cutoff"] for chosen in found["chosen_by_cutoff"]] == [1, 2]
    card = Path("model/card.md").read_text()
    assert f"MASE {found['metrics']['mase']:.4g}" in card, "the score of the choice, not the best one"
    assert "the choice among theta, naive, fitted on older rows" in card
    assert found["models"]["theta"]["mase"] < found["metrics"]["mase"] < found["models"]["naive"]["mase"], (
        "as it was chosen"
    )
    assert same(_written("next.parquet"), fc.Forecaster(6, model="theta").fit(sales).predict())
    assert same(_written("next.parquet"), fc.load("model").predict().assign(ds=_written("next.parquet")["ds"]))
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{Path('.forecast/mlflow.db').resolve()}")
    job = client.get_run(found["run_id"])
    assert (job.data.tags["forecast.kind"], job.data.tags["forecast.exit_code"], job.info.status) == (
        "run",
        "0",
        "FINISHED",
    )
    assert job.data.metrics["mase"] == pytest.approx(found["metrics"]["mase"])
    assert job.data.tags["forecast.model"] == "theta"
    assert [item.path for item in client.list_artifacts(found["run_id"])] == ["job.toml"]
    children = client.search_runs([job.info.experiment_id], f"tags.`mlflow.parentRunId` = '{found['run_id']}'")
    kinds = sorted(run.data.tags["forecast.kind"] for run in children)
    assert kinds == ["evaluate", "evaluate", "fit", "predict"]
    assert same(fc.load(f"runs:/{found['run_id'][:8]}").predict(), fc.load("model").predict()), (
        "the job's run is its model"
    )
    address = f"runs:/{found['run_id'][:8]}"
    missed = (*PLAIN, "-o", "again.parquet", *NEVER, "--on-fail", "champion", "--champion", address)
    assert _refused("sales.csv", *missed).exit_code == 6
    assert same(_written("again.parquet").drop(columns="source"), _written("next.parquet"))
    assert "theta" in CliRunner().invoke(app, ["whence", "next.parquet"]).stdout, "a file says where it comes from"
    assert fc.load("model").run_id_ in {run.data.tags["forecast.record"] for run in children}


def test_a_missed_gate_leaves_everything_of_yesterday_alone(champion: dict[str, bytes]) -> None:
    Path("next.parquet").write_text("yesterday's")
    error = _refused("sales.csv", *OUT, *NEVER)
    assert error.exit_code == 6
    assert "the choice among theta, naive does not meet" in error.message
    assert _content("model") == champion
    assert Path("next.parquet").read_text() == "yesterday's"


def test_the_champion_forecasts_todays_rows(champion: dict[str, bytes], sales: pd.DataFrame) -> None:
    assert _refused("sales.csv", *OUT, *NEVER, "--on-fail", "champion").exit_code == 6
    found = _written("next.parquet")
    assert set(found.pop("source")) == {"champion"}
    assert same(found, fc.load("model").predict(sales))
    assert found["ds"].min() > sales["ds"].max(), "not from yesterday's rows"
    assert _content("model") == champion
    _done("sales.csv", *OUT, "--on-fail", "champion")
    assert set(pd.read_parquet("next.parquet")["source"]) == {"theta"}, "the same columns every night"
    assert fc.load("model").settings.model == "theta", "replaced, since everything is met"


@pytest.mark.parametrize("fallback", ["seasonal_naive", "champion"])
def test_seasonal_naive_forecasts_where_there_is_no_champion(fallback: str, sales: pd.DataFrame) -> None:
    done = _run(
        "sales.csv", *PLAIN[:-1], "-o", "next.parquet", "--save", "model", *NEVER, "--on-fail", fallback, "--json"
    )
    assert isinstance(done.exception, ForecastError)
    report = json.loads(done.stdout)
    assert (report["status"], report["source"], report["model_dir"]) == ("failed", "seasonal_naive", None)
    assert report["missed"][0].startswith("mase is ")
    found = _written("next.parquet")
    assert set(found.pop("source")) == {"seasonal_naive"}
    assert same(found, fc.Forecaster(6, model="seasonal_naive").fit(sales).predict())
    assert not Path("model").exists()
    assert ("the champion cannot forecast" in done.stderr) == (fallback == "champion")


def test_work_that_fails_ends_with_a_forecast(sales: pd.DataFrame) -> None:
    broken = (
        "--horizon",
        "6",
        "--model",
        "gru",
        "--cutoffs",
        "1",
        "--no-track",
        "-q",
        *SMALL,
        "--learning-rate",
        "1e30",
    )
    assert _refused("sales.csv", *broken, "-o", "next.csv").exit_code == 1
    assert not Path("next.csv").exists()
    error = _refused("sales.csv", *broken, "-o", "next.csv", "--on-fail", "seasonal_naive")
    assert error.exit_code == 6
    assert "today's models cannot be used" in error.message
    assert set(pd.read_csv("next.csv")["source"]) == {"seasonal_naive"}


def test_a_broken_table_changes_nothing(champion: dict[str, bytes], sales: pd.DataFrame) -> None:
    Path("next.parquet").write_text("yesterday's")
    rows = sales.astype({"y": str})
    rows.loc[3, "y"] = "many"
    pd.concat([rows, rows.tail(1)]).to_csv("sales.csv", index=False)
    error = _refused("sales.csv", *OUT, "--on-fail", "champion")
    assert error.exit_code == 3
    assert len(error.problems) >= 2, "all of them at once"
    assert _content("model") == champion
    assert Path("next.parquet").read_text() == "yesterday's"


def test_a_job_file_is_the_job(sales: pd.DataFrame) -> None:
    words = ("sales.csv", *OUT, "--require", "mase<naive", "--quantiles", "0.1,0.9", "--set", "seed=3")
    text = _run(*words, "--dry-run").stdout
    Path("job.toml").write_text(text)
    assert not Path("model").exists()
    written = tomllib.loads(text)
    assert written["settings"] == {"horizon": 6, "quantiles": [0.1, 0.9], "tracking": "off", "seed": 3}
    assert written["model"] == ["theta", "naive"]
    forecasts = []
    for command in (words, ("-c", "job.toml", "-q"), ("-c", "job.toml", "-q")):
        assert _run(*command).exit_code == 0
        forecasts.append(Path("next.parquet").read_bytes())
    assert len(set(forecasts)) == 1
    assert _run("-c", "job.toml", "--dry-run", "--no-track").stdout == text, "it is read as it was written"
    again = ("-c", "job.toml", "-q", "--model", "naive", "--horizon", "2", "--require", "mase<9")
    assert _done(*again)["model"] == "naive", "options win"


def test_the_rules_are_those_of_evaluate(sales: pd.DataFrame) -> None:
    rules = ("--refit", "2", "--step", "3", "--gap", "1", "--metrics", "smape,mae", "--metric", "mae")
    done = _run("sales.csv", *PLAIN, *rules, "--cutoffs", "4", "-o", "-")
    assert done.exit_code == 0, done.output
    assert len(done.stdout.splitlines()) == 1 + 2 * (6 + 1), "the forecasts alone, those of the gap among them"
    found = _done("sales.csv", *PLAIN, *rules, "--cutoffs", "4", "--json")
    expected = fc.evaluate(
        sales, 6, models=["theta", "naive"], cutoffs=4, refit=2, step=3, gap=1, metrics=["smape", "mae"]
    ).by_cutoff
    scored = expected[(expected["cutoff"] > 0) & (expected["model"] == "theta")]
    assert found["models"]["theta"]["mae"] == pytest.approx(scored["mae"].mean())
    assert found["metric"] == "mae"
    assert set(found["metrics"]) == {"smape", "mae"}


def test_a_model_may_have_settings_of_its_own(sales: pd.DataFrame) -> None:
    Path("job.toml").write_text(
        'data = "sales.csv"\nmodel = ["theta", "gru"]\ncutoffs = 2\nmetric = "mae"\noutput = "next.csv"\n'
        '[settings]\nhorizon = 3\ntracking = "off"\nthreads = 1\n'
        "[models.gru]\nsteps = 20\nhidden-size = 8\nbatch_size = 4\n"
    )
    found = _done("-c", "job.toml", "-q")
    expected = fc.evaluate(
        sales, 3, models=[fc.Forecaster(3, model="gru", steps=20, hidden_size=8, batch_size=4, threads=1)], cutoffs=2
    ).by_cutoff
    assert found["models"]["gru"]["mae"] == pytest.approx(expected["mae"].iloc[1])
    text = _run("-c", "job.toml", "--dry-run").stdout
    assert tomllib.loads(text)["models"] == {"gru": {"steps": 20, "hidden_size": 8, "batch_size": 4}}
    typed = tomllib.loads(_run("-c", "job.toml", "--dry-run", "--steps", "9", "--set", "hidden_size=7").stdout)
    assert (typed["settings"]["steps"], typed["settings"]["hidden_size"]) == (9, 7)
    assert typed["models"] == {"gru": {"batch_size": 4}}, "what is typed holds for every model"
    Path("job.toml").write_text(
        text.replace("hidden_size = 8", "hidden_size = 0").replace('models."gru"', "models.gur")
    )
    problems = "\n".join(map(str, _refused("-c", "job.toml").problems))
    assert "[models.gur]; expected a model of the job by name: theta, gru" in problems
    assert "hidden_size=0 ([models.gur])" in problems
    Path("job.toml").write_text(text.replace("steps = 20", "horizon = 20"))
    assert "horizon ([models.gru])" in str(_refused("-c", "job.toml"))


def test_everything_that_is_wrong_with_a_job_file_is_said_at_once() -> None:
    Path("job.toml").write_text(
        'data = "sales.csv"\ncutofs = 3\nhorizon = 6\nstep = 0\non_fail = "champion"\nrefit = "often"\n'
        '[settings]\nhorizn = 6\nhidden_size = "big"\nmodel = "gru"\n[replay]\nsteps = [0]\n'
    )
    problems = "\n".join(map(str, _refused("-c", "job.toml").problems))
    for what in ("'cutofs'; expected 'cutoffs'?", "'horizon' is a setting of models", "step=0 (job.toml)",
                 "'horizn'; expected 'horizon'?", "hidden_size='big' (job.toml)", "'model' is no setting of models",
                 "steps = [0]"):  # fmt: skip
        assert what in problems
    for words, what in [
        (("--set", "model=gru"), "--set model; expected the option --model"),
        (("--refit", "often"), "refit='often'"),
        (("--on-fail", "champion"), "on_fail='champion' knows of no champion"),
        (("--champion", "old"), "champion='old'"),
    ]:
        assert what in "\n".join(map(str, _refused("sales.csv", "--horizon", "6", *words).problems))
    assert "DATA is missing" in "\n".join(map(str, _refused("--horizon", "6").problems))


def test_what_needs_no_table_is_refused_before_it_is_read() -> None:
    for words in (
        ("--require", "mase<thta"),
        ("--metric", "masee"),
        ("--cutoffs", "1"),
        ("--metrics", "smape", "--metric", "mase"),
        ("--model", "one_to_many"),
        ("-o", "next.xls"),
    ):
        assert _refused("nothing.csv", *PLAIN, *words).exit_code == 2


def test_passwords_are_not_written(sales: pd.DataFrame) -> None:
    address = "https://me:secret@host.example/store"
    text = _run("sales.csv", *PLAIN, "--tracking-uri", address, "--dry-run").stdout
    assert 'tracking_uri = "https://host.example/store"' in text


def test_a_limited_time_is_replayed(sales: pd.DataFrame) -> None:
    words = (
        "sales.csv",
        "--horizon",
        "3",
        "--model",
        "gru,naive",
        "--cutoffs",
        "2",
        "--no-track",
        "-q",
        "--max-time",
        "0.5s",
    )
    found = _done(*words, *SMALL, "--set", "steps=400", "-o", "next.parquet", "--lock", "job.lock.toml")
    first = Path("next.parquet").read_bytes()
    steps = found["replay"]["steps"]
    assert len(steps) == 1 + (found["model"] == "gru"), "the backtest's, and that of all rows"
    assert tomllib.loads(Path("job.lock.toml").read_text())["replay"] == {"steps": steps}
    again = _done("-c", "job.lock.toml", "-q")
    assert Path("next.parquet").read_bytes() == first
    assert again["replay"] == found["replay"]
    Path("job.lock.toml").write_text(Path("job.lock.toml").read_text().replace(f"steps = {steps}", "steps = [7, 7]"))
    assert _done("-c", "job.lock.toml", "-q")["replay"] == {"steps": [7, 7][: len(steps)]}


def test_the_future_stands_in_the_table_or_beside_it() -> None:
    table = synthetic(2, 50, seed=1)
    table["promo"] = (table["ds"].dt.month % 3 == 0).astype(float)
    ahead = table.groupby("unique_id").tail(3).drop(columns="y")
    history = table.drop(index=ahead.index)
    history.to_csv("history.csv", index=False)
    ahead.to_csv("ahead.csv", index=False)
    pd.concat([history, ahead]).to_csv("both.csv", index=False)
    words = ("--horizon", "3", "--model", "gru", "--known", "promo", "--cutoffs", "1", "--no-track", "-q", *SMALL)
    error = _refused("history.csv", *words, "-o", "next.csv")
    assert (error.exit_code, error.message) == (3, "the known covariates of the future are not complete")
    for name, place in (("beside", ("history.csv", "--future", "ahead.csv")), ("within", ("both.csv",))):
        _done(*place, *words, "-o", f"{name}.csv", "--save", name)
    assert Path("beside.csv").read_text() == Path("within.csv").read_text()
    for name in ("model.safetensors", "context.parquet"):
        assert _content("beside")[name] == _content("within")[name]
    expected = fc.Forecaster(3, model="gru", known=["promo"], steps=20, hidden_size=8, batch_size=4, threads=1)
    assert same(_written("beside.csv"), expected.fit(history).predict(future=ahead))
    missed = ("--require", "mase<0.001", "--on-fail", "champion", "--save", "within")
    assert (
        _refused(
            "both.csv", *words[:3], "theta,naive", *words[6:], "--cutoffs", "2", "-o", "old.csv", *missed
        ).exit_code
        == 6
    )
    assert same(_written("old.csv").drop(columns="source"), expected.predict(future=ahead))


WORKING = """
import forecast.jobs.nightly as nightly
forecast = nightly.forecast
def slowly(*words):
    made = forecast(*words)
    print("ready", flush=True)
    import time
    time.sleep(20)
    return made
nightly.forecast = slowly
from forecast.cli.app import main
main()
"""


def test_an_interruption_leaves_everything_of_yesterday_alone(champion: dict[str, bytes]) -> None:
    begin = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    command = [sys.executable, "-c", begin + WORKING, "run", "sales.csv", *OUT]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ})
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 130
    process.communicate()
    assert _content("model") == champion
    assert not [path.name for path in Path().iterdir() if path.name not in ("model", "sales.csv")]
