"""The model that MLflow serves takes what the model takes, and answers what it answers, in Python and over HTTP."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pytest
from house import QUICK, ROOT, same

import forecast as fc
from forecast.tracking.artifacts import pack

H, LONGEST, QUANTILES = 4, 6, (0.1, 0.5, 0.9)
PARAMS = (None, {"horizon": 2, "quantiles": [0.25, 0.5]}, {"horizon": LONGEST}, {"quantiles": []}, {"samples": 3})


def _counts() -> pd.DataFrame:
    """Two daily series of whole numbers, one of them shorter."""
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "unique_id": np.repeat(["001", "b"], 60),
            "ds": np.tile(pd.date_range("2024-03-01", periods=60, freq="D"), 2),
            "y": draw.poisson(9, 120),
        }
    )
    return frame.iloc[:-7]


def _gaps() -> pd.Series:
    return _counts()["y"].astype("Int64").mask(_counts().index % 9 == 5)


def _wide() -> pd.DataFrame:
    return _counts().pivot(index="ds", columns="unique_id", values="y")


def _with_covariates() -> pd.DataFrame:
    """Rows whose last ones are the future: they have covariates and no target."""
    frame = _counts()
    number = frame.groupby("unique_id").cumcount()
    back = frame.groupby("unique_id").cumcount(ascending=False)
    return frame.assign(
        y=frame["y"].astype("Int64").mask(back < LONGEST),
        promo=(number % 5 == 0).astype("int8"),
        weekday=(number % 7).astype("category"),
        price=np.where(back < LONGEST, np.nan, number * 0.5),
        store=frame["unique_id"].map({"001": 1, "b": 2}).astype("category"),
    )


COVARIATES = {"model": "gru", "known": ("promo", "weekday"), "past": ("price",), "static": ("store",), **QUICK}
TABLES: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "integer counts": (_counts, {}),
    "small integers": (lambda: _counts().astype({"y": "int16"}), {}),
    "integers with gaps": (lambda: _counts().assign(y=_gaps()), {}),
    "floats with gaps": (lambda: _counts().assign(y=_gaps().astype("float32")), {}),
    "text and None": (lambda: _counts().astype({"unique_id": object}).assign(y=_gaps().astype(object)), {}),
    "time zone": (lambda: _counts().assign(ds=_counts()["ds"].dt.tz_localize("Europe/Berlin")), {}),
    "nanoseconds": (lambda: _counts().astype({"ds": "datetime64[ns]"}), {}),
    "dates as text": (lambda: _counts().assign(ds=_counts()["ds"].dt.strftime("%d/%m/%Y")), {}),
    "periods": (lambda: _counts().assign(ds=_counts()["ds"].dt.to_period("D")), {}),
    "whole numbers for times": (lambda: _counts().assign(ds=_counts().groupby("unique_id").cumcount()), {}),
    "categories": (lambda: _counts().astype({"unique_id": "category"}), {}),
    "integer ids": (lambda: _counts().assign(unique_id=_counts()["unique_id"].eq("b").astype("int32")), {}),
    "several ids": (
        lambda: _counts().assign(store=pd.Categorical(_counts()["unique_id"]), item=np.int8(7)),
        {"id": ("store", "item")},
    ),
    "other columns": (
        lambda: _counts().rename(columns={"ds": "day", "y": "sold"}).assign(note="x"),
        {"time": "day", "target": "sold"},
    ),
    "no ids": (lambda: _counts()[:60][["ds", "y"]], {}),
    "wide": (_wide, {}),
    "a time index": (lambda: _counts()[:60].set_index("ds")[["y"]], {}),
    "ids and times in the index": (lambda: _counts().set_index(["unique_id", "ds"])["y"], {}),
    "a series": (lambda: _counts()[:60].set_index("ds")["y"], {}),
    "pyarrow": (lambda: pyarrow.Table.from_pandas(_counts(), preserve_index=False), {}),
    "covariates": (_with_covariates, COVARIATES),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_served_model_answers_what_the_model_answers(name: str) -> None:
    import mlflow

    make, settings = TABLES[name]
    table = make()
    model = fc.Forecaster(H, **{"model": "drift", "quantiles": QUANTILES, **settings}).fit(table)
    assert model.fitted_ is not None
    pack(Path("served"), model.fitted_)
    served = mlflow.pyfunc.load_model("served")
    for params in PARAMS:
        asked = {name: tuple(value) if name == "quantiles" else value for name, value in (params or {}).items()}
        found, expected = served.predict(table, params=params), model.predict(table, **asked)
        if isinstance(expected, pyarrow.Table):
            assert found.equals(expected)
        else:
            assert same(found, expected)


def test_the_signature_says_what_may_be_asked_and_what_is_answered(frame: pd.DataFrame) -> None:
    from mlflow.models import ModelSignature, infer_signature

    from forecast.tracking.artifacts import signature

    table = frame.assign(count=1, small=pd.Series(1, index=frame.index, dtype="float32"), flag=True)
    table.loc[0, "y"] = float("nan")
    params = {"horizon": 6, "quantiles": [0.1, 0.9], "samples": 0}
    found = ModelSignature.from_dict(signature(table, fc.Settings(horizon=6, quantiles=(0.1, 0.9))))
    expected = infer_signature(model_output=table, params=params)
    assert (found.inputs, found.outputs, found.params) == (None, expected.outputs, expected.params)


def test_a_failure_of_ours_is_not_shown_to_whoever_asks(
    fitted: fc.Forecaster, frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from mlflow.exceptions import MlflowException

    from forecast.pyfunc import ServedModel

    served = ServedModel(str(fitted.save("model")))
    monkeypatch.setattr(served.forecaster, "predict", lambda *_, **__: {}["secret"])
    with pytest.raises(MlflowException, match="the model failed: KeyError") as caught:
        served.predict(frame)
    assert caught.value.get_http_status_code() == 500
    assert "Traceback" not in caught.value.serialize_as_json()
    assert "Traceback" in caplog.text, "it is in the server's log"


class Client:
    """What asks a served model.

    Args:
        address: address of the server.
        model: the model that is served.
    """

    def __init__(self, address: str, model: fc.Forecaster) -> None:
        self.address, self.model = address, model

    def post(self, body: bytes | str | dict[str, Any], kind: str = "application/json") -> tuple[int, str]:
        """Send a request, and return the status and the text of the answer."""
        text = json.dumps(body) if isinstance(body, dict) else body
        data = text.encode() if isinstance(text, str) else text
        request = urllib.request.Request(f"{self.address}/invocations", data, {"Content-Type": kind})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def forecasts(self, body: bytes | str | dict[str, Any], kind: str = "application/json") -> list[dict[str, Any]]:
        """Send a request that must be answered, and return the rows of the answer."""
        status, text = self.post(body, kind)
        assert status == 200, text
        rows: list[dict[str, Any]] = json.loads(text)["predictions"]
        return rows


def _printed(page: str) -> list[str]:
    """Return the lines of the block of a page that serves a model and asks it."""
    blocks = re.findall(r"^```text\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    (block,) = [block for block in blocks if "mlflow models serve" in block]
    return block.splitlines()


def _on_a_free_port() -> Callable[[str], str]:
    """Return a function that has a printed line use a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = str(free.getsockname()[1])
    return lambda line: line.replace("5001", number)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, new_store: Callable[[Path], str]) -> Iterator[Client]:
    """A client of the server that the README starts, for all tests of this file; the model is registered there."""
    from mlflow import MlflowClient

    folder = tmp_path_factory.mktemp("serving")
    model = fc.Forecaster(H, model="gru", quantiles=QUANTILES, **QUICK).fit(_air())
    assert model.fitted_ is not None
    pack(folder / "served", model.fitted_)
    registry = MlflowClient(new_store(folder / ".forecast" / "mlflow.db"))
    registry.create_registered_model("air")
    registry.create_model_version("air", str(folder / "served"))
    registry.set_registered_model_alias("air", "champion", "1")
    port = _on_a_free_port()
    serve, _ = map(port, _printed("README.md"))
    assert serve.endswith(" &")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            ["bash", "-c", serve.removesuffix(" &")],
            cwd=folder,
            env={**os.environ, "PATH": path},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait(process, port("http://127.0.0.1:5001/ping"), folder / "log")
        yield Client(port("http://127.0.0.1:5001"), model)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    """Wait until a server answers."""
    patience = time.monotonic() + 120
    while time.monotonic() < patience and process.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail(log.read_text())


def _air() -> pd.DataFrame:
    return fc.load_dataset("air_passengers").astype({"y": "int64"})


def _sent() -> pd.DataFrame:
    """Two series in a table as JSON has it: dates are text, and what is missing is None."""
    air = _air().assign(ds=_air()["ds"].dt.strftime("%Y-%m-%d"))
    later = air[24:].assign(unique_id="b", y=air["y"].astype(object).mask(air.index % 9 == 5, None))
    return pd.concat([air.assign(unique_id="001"), later], ignore_index=True)


def _split(table: pd.DataFrame, **more: Any) -> dict[str, Any]:
    rows = json.loads(table.to_json(orient="split", index=False, date_format="iso"))
    return {"dataframe_split": rows, **more}


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(
        json.dumps(table.to_dict(orient="records"), default=lambda t: t.isoformat())
    )
    return rows


def test_answers_over_http_are_the_models(client: Client) -> None:
    table, model = _sent(), client.model
    records = json.loads(table.to_json(orient="records"))
    assert client.forecasts(_split(table)) == _rows(model.predict(table))
    assert client.forecasts({"dataframe_records": records}) == _rows(model.predict(table))
    columns = {name: values.tolist() for name, values in table.astype(object).where(table.notna(), None).items()}
    assert client.forecasts({"inputs": columns}) == _rows(model.predict(table))
    asked = {"horizon": 6, "quantiles": [0.25, 0.5]}
    assert client.forecasts(_split(table, params=asked)) == _rows(
        model.predict(table, horizon=6, quantiles=(0.25, 0.5))
    )
    assert client.forecasts(_split(table, params={"samples": 2})) == _rows(model.predict(table, samples=2))


def test_files_are_answered_too(client: Client) -> None:
    table = _air().assign(ds=_air()["ds"].dt.tz_localize("Europe/Berlin"))
    file = BytesIO()
    table.to_parquet(file)
    found = client.forecasts(file.getvalue(), "application/vnd.apache.parquet")
    assert found == _rows(client.model.predict(table))
    wide = _sent().assign(ds=pd.to_datetime(_sent()["ds"])).pivot(index="ds", columns="unique_id", values="y")
    wide.astype("float64").to_period("M").to_parquet(file := BytesIO())
    found = client.forecasts(file.getvalue(), "application/vnd.apache.parquet")
    assert list(found[0]) == [
        "ds",
        *(f"{name}.{column}" for name in ("001", "b") for column in ("forecast", "q10", "q50", "q90")),
    ]
    assert [row["ds"] for row in found] == ["1961-01", "1961-02", "1961-03", "1961-04"]
    expected = client.model.predict(wide.astype("float64"))
    assert [row["b.q10"] for row in found] == expected["b", "q10"].tolist()
    named = _sent().assign(unique_id="shop " + _sent()["unique_id"])
    found = client.forecasts(named.to_csv(index=False), "text/csv")
    assert found == _rows(client.model.predict(named))


def test_requests_at_once_are_answered_one_by_one(client: Client) -> None:
    tables = [_sent().assign(y=lambda t, k=k: t["y"] + k) for k in range(8)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda table: client.forecasts(_split(table)), tables))
    assert found == [_rows(client.model.predict(table)) for table in tables]


def test_the_example_that_is_packed_with_the_model_works(client: Client, tmp_path: Path) -> None:
    assert client.model.fitted_ is not None
    pack(tmp_path / "served", client.model.fitted_)
    body = (tmp_path / "served" / "serving_input_example.json").read_text()
    assert len(client.forecasts(body)) == H


def _asked(line: str, address: str) -> Any:
    """Run a line of a page with curl, and return the forecasts that it prints."""
    line = line.replace("http://127.0.0.1:5001", address)
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["predictions"]


def test_the_lines_of_the_pages_work_as_printed(client: Client) -> None:
    air, model = fc.load_dataset("air_passengers"), client.model
    _, readme = _printed("README.md")
    _, _, csv, with_parameters = _printed("docs/platform.md")
    page = (ROOT / "docs" / "platform.md").read_text(encoding="utf-8")
    (write,) = [block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "air.json" in block]
    exec(write, {"air": air})
    read = pd.read_csv("air.csv")
    assert _asked(readme, client.address) == _asked(csv, client.address) == _rows(model.predict(read))
    found = _asked(with_parameters, client.address)
    assert [row["ds"] for row in found] == ["1961-01-01T00:00:00", "1961-02-01T00:00:00"], "as the page says"
    assert [row["forecast"] for row in found] == model.predict(air, horizon=2)["forecast"].tolist()


def _with(**values: Any) -> pd.DataFrame:
    """A table with a mistake in a row."""
    table = _sent().astype(object)
    for name, value in values.items():
        table.loc[5, name] = value
    return table


BAD: dict[str, tuple[Any, list[str]]] = {
    "missing columns": (_split(_sent()[["unique_id"]]), ["no time column", "no target column"]),
    "text in the target": (_split(_with(y="many")), ["'many' is not a finite number"]),
    "several mistakes": (_split(_with(y="many", ds="soon")), ["'many' is not a finite number", "'soon'"]),
    "rows twice": (_split(pd.concat([_sent(), _sent()[:2]])), ["1949-01-01", "the time stands in several rows"]),
    "no rows": (_split(_sent()[:0]), ["the table has no rows"]),
    "no table": ({"inputs": [1, 2]}, ["a table is expected"]),
    "horizon 0": (_split(_sent(), params={"horizon": 0}), ["horizon=0", "at least 1"]),
    "two parameters": (
        _split(_sent(), params={"horizon": 10**9, "quantiles": [2.0]}),
        ["horizon=1000000000", "quantile level 2.0"],
    ),
    "samples": (_split(_sent(), params={"samples": -1}), ["samples=-1"]),
    "unknown parameters": (_split(_sent(), params={"horizn": 3}), ["['horizn']", "horizon, quantiles, samples"]),
    "text for a number": (_split(_sent(), params={"horizon": "six"}), ["horizon", "six"]),
    "not JSON": ("unique_id,ds,y\n", ["valid JSON"]),
    "JSON of something else": ({"rows": []}, ["dataframe_split"]),
    "nothing": ("", ["valid JSON"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_requests_get_400_and_every_problem(client: Client, name: str) -> None:
    body, said = BAD[name]
    status, text = client.post(body)
    answer = json.loads(text)
    assert status == 400, text
    for words in said:
        assert words in answer["message"]
    assert not [key for key in answer if "trace" in key]
    assert "Traceback" not in text
    assert 'File "' not in text


def test_problems_can_be_read_by_programs(client: Client) -> None:
    error = json.loads(client.post(BAD["several mistakes"][0])[1])["error"]
    assert error["code"] == "data"
    assert {problem["column"] for problem in error["problems"]} == {"y", "ds"}
    assert client.post(_split(_sent()))[0] == 200, "what one request did wrong is not held against the next"
