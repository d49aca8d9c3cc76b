"""MLflow's pages as a browser shows them: a stranger finds the best model of each data set, and by how much it is best.

FORECAST_SCREENSHOTS=DIR keeps a picture of each page there, to be looked at.
"""

from __future__ import annotations

import html
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from house import QUICK

import forecast as fc
from forecast.datasets.synthetic import synthetic
from forecast.tracking.delivery.job import job
from forecast.tracking.store import as_current

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=20000",
    "--window-size=1600,1000",
)
MODELS = ["naive", "seasonal_naive", "drift", "theta", "ets"]
SECONDS = 60  # that a page or the server may take on a machine that has other work
pytestmark = pytest.mark.skipif(BROWSER is None, reason="there is no Chromium")


@dataclass(frozen=True)
class Pages:
    """The pages of a store: the address that `forecast ui` prints, and what the store holds."""

    view: str
    client: Any
    evaluations: list[Any]
    fit: Any

    @property
    def server(self) -> str:
        return self.view.partition("/#/")[0]

    def page(self, place: str) -> str:
        return f"{self.server}/#/{place}{'&' if '?' in place else '?'}workflowType=machine_learning"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    from mlflow import MlflowClient

    folder = tmp_path_factory.mktemp("pages")
    uri = f"sqlite:///{folder / 'runs.db'}"
    asked = {"experiment": "demand", "tracking_uri": uri}
    tables = {"air_passengers": fc.load_dataset("air_passengers")}
    tables |= {"data/shop.csv": synthetic(8, 60, seed=3), "data/web.csv": synthetic(3, 90, seed=4)}
    for source, table in tables.items():
        with job():  # ten runs are sent at its end, together
            for horizon in (6, 12):
                fc.evaluate(table, horizon, models=MODELS, quantiles=(0.1, 0.9), source=source, **asked)
    fc.Forecaster(12, model="gru", **QUICK, **asked).fit(tables["air_passengers"], source="air_passengers")
    client = MlflowClient(uri)
    runs = client.search_runs([client.get_experiment_by_name("demand").experiment_id], order_by=["metrics.skill DESC"])
    evaluations = [run for run in runs if run.data.tags["forecast.kind"] == "evaluate"]
    (fit,) = [run for run in runs if run.data.tags["forecast.kind"] == "fit"]
    client.create_registered_model("demand")
    model = fit.outputs.model_outputs[0].model_id
    with as_current(uri):
        client.create_model_version("demand", f"models:/{model}", fit.info.run_id, model_id=model)
    with _served(uri, folder) as view:
        yield Pages(view, client, evaluations, fit)


class _served:
    """`forecast ui` while the pages are looked at; it and what it starts are ended with the block."""

    def __init__(self, uri: str, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        command = [sys.executable, "-m", "forecast.cli", "ui", "--port", port, "--tracking-uri", uri]
        self.health, self.log = f"http://127.0.0.1:{port}/health", folder / "ui.log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def __enter__(self) -> str:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            try:
                urllib.request.urlopen(self.health, timeout=5).close()
                found = re.search(r"http://\S+viewStateShareKey\S+", self.log.read_text())
                assert found, "the address of the view is printed"
                return found.group()
            except OSError:
                time.sleep(0.2)
        raise AssertionError("the server does not start")

    def __exit__(self, *error: object) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(SECONDS)


def _look(address: str, name: str) -> str:
    """Open a page in the browser, and return what it is made of."""
    assert BROWSER is not None
    folder = os.environ.get("FORECAST_SCREENSHOTS")
    picture = [f"--screenshot={Path(folder).absolute() / name}.png"] if folder else []
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [BROWSER, *OPTIONS, f"--user-data-dir={profile}", *picture, "--dump-dom", address]
        return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True).stdout


def _text(page: str) -> str:
    """Return what a page shows, as text in one line."""
    without = re.sub(r"<(script|style)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", without)).split())


def test_the_view_shows_which_model_is_best_on_which_data_and_by_how_much(pages: Pages) -> None:
    page = _look(pages.view, "view")
    shown = list(dict.fromkeys(re.findall(r'row-index="\d+" row-id="([0-9a-f]{32})"', page)))
    assert len(pages.evaluations) == 30
    assert len(shown) >= 10
    best = [run.info.run_id for run in pages.evaluations]
    skills = [run.data.metrics["skill"] for run in pages.evaluations]
    assert {*shown[:5]} == {*best[:5]}, f"the best of {skills} come first"
    text = _text(page)
    assert all(column in text for column in ("skill", "mase", "mase_seasonal_naive", "coverage_80", "Duration"))
    assert "Best forecasts" in text, "the menu of views names it"
    for run in pages.evaluations[:5]:
        assert run.info.run_name in text
        assert f"{run.data.metrics['skill']}" in text
    assert pages.fit.info.run_id not in page, "only evaluations have a skill"


def test_a_run_says_what_it_is(pages: Pages) -> None:
    run = pages.evaluations[0]
    text = _text(_look(pages.page(f"experiments/{run.info.experiment_id}/runs/{run.info.run_id}"), "run"))
    assert run.info.run_name in text
    assert f"{round(100 * run.data.metrics['skill'])}% better than seasonal naive by MASE" in text
    assert f"{run.inputs.dataset_inputs[0].dataset.digest}) evaluation" in text, "what the data set was for"
    assert text.index("skill") < text.index("mase_seasonal_naive") < text.index("rmse")
    assert "hidden_size" not in text


def test_runs_are_compared_by_their_names(pages: Pages) -> None:
    two = pages.evaluations[:2]
    ids = ",".join(f'"{run.info.run_id}"' for run in two)
    place = f'compare-runs?runs=[{ids}]&experiments=["{two[0].info.experiment_id}"]'
    text = _text(_look(pages.page(place.replace('"', "%22")), "compare"))
    assert all(run.info.run_name in text for run in two)


def test_a_model_has_its_name_its_settings_and_its_scores(pages: Pages) -> None:
    run = pages.evaluations[0]
    model = run.outputs.model_outputs[0].model_id
    text = _text(_look(pages.page(f"experiments/{run.info.experiment_id}/models/{model}"), "model"))
    assert run.info.run_name in text
    assert f"{round(100 * run.data.metrics['skill'])}% better than seasonal naive" in text
    assert "season_length" in text
    assert "mase_seasonal_naive" in text


def test_a_registered_model_leads_to_its_run(pages: Pages) -> None:
    text = _text(_look(pages.page("models/demand/versions/1"), "registered"))
    assert pages.fit.info.run_name in text
    assert "Source Model : gru" in text
