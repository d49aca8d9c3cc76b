"""A store that fails costs no model and no rows, and one that was killed while it was made is made anew."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from house import QUICK

import forecast as fc
from forecast.datasets.errors import TrackingError
from forecast.datasets.temporary import aside
from forecast.tracking.journal import FOLDER, Entry, forward
from forecast.tracking.logger import SECONDS_BETWEEN_SENDS, RunLogger
from forecast.tracking.mlflow_run import MlflowRun
from forecast.tracking.store import Store

STORE = "sqlite:///runs.db"


def test_the_model_is_written_before_it_is_recorded(frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MlflowRun, "param", _refuse)
    forecaster = fc.Forecaster(6, model="naive", tracking_uri=STORE)
    with pytest.raises(TrackingError, match="out of order"):
        forecaster.fit(frame, output="model")
    pd.testing.assert_frame_equal(fc.load("model").predict(), forecaster.predict())


def test_an_output_that_is_there_is_refused_before_the_work(frame: pd.DataFrame, fitted: fc.Forecaster) -> None:
    fitted.save("model")
    forecaster = fc.Forecaster(6, model="naive")
    with pytest.raises(fc.ForecastError, match="exists"):
        forecaster.fit(frame, output="model")
    assert forecaster.fitted_ is None
    forecaster.fit(frame, output="model", overwrite=True)
    assert fc.load("model").settings.model == "naive"


def test_a_store_that_fails_while_a_network_learns_does_not_stop_it(
    frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MlflowRun, "send", _refuse)
    monkeypatch.setattr("forecast.tracking.logger.SECONDS_BETWEEN_SENDS", 0.0)
    forecaster = fc.Forecaster(6, model="gru", tracking_uri=STORE, **QUICK)
    with pytest.raises(TrackingError, match="out of order"), pytest.warns(UserWarning, match="could not be closed"):
        forecaster.fit(frame, output="model")
    fc.verify("model")


def test_rows_that_cannot_be_sent_are_kept_for_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, float, int, int]] = []
    answers = iter([ConnectionError("down")])

    def send(rows: list[tuple[str, float, int, int]]) -> None:
        error = next(answers, None)
        if error is not None:
            raise error
        sent.extend(rows)

    logger = RunLogger(send, "run")
    later = time.monotonic() + SECONDS_BETWEEN_SENDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    logger.log_metrics({"train_loss": 1.0}, step=1)
    logger.log_metrics({"train_loss": 0.5}, step=2)
    assert not sent
    logger.save()
    assert [(value, step) for _, value, step, _ in sent] == [(1.0, 1), (0.5, 2)]


def test_a_store_that_was_killed_while_it_was_made_is_made_anew() -> None:
    code = f"from forecast.tracking.store import Store; Store.of({STORE!r}).client()"
    process = subprocess.Popen([sys.executable, "-c", code])
    while not [path for path in Path().rglob("*.db") if path.stat().st_size > 100_000]:
        assert process.poll() is None, "it was ready before it was seen in the making"
        time.sleep(0.005)
    process.kill()
    process.wait()
    assert not Path("runs.db").exists(), "it is whole or absent"
    Store.of(STORE).client().create_experiment("works")
    assert {path.name for path in Path().iterdir()} == {"runs.db", "runs.lock"}


def test_an_entry_that_a_dead_process_was_sending_is_sent() -> None:
    Entry(experiment="later", run_name="gone").write()
    (path,) = FOLDER.iterdir()
    code = f"from forecast.datasets.temporary import aside; print(aside(__import__('pathlib').Path({str(path)!r})))"
    claimed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    path.rename(claimed)
    assert aside(path) != Path(claimed)
    store = Store.of(STORE)
    assert forward(store.client(), store) == 1
    assert not list(FOLDER.iterdir())


def _refuse(run: MlflowRun, *values: object) -> None:
    """Answer as MLflow's client does when its server is out of order."""
    from mlflow.exceptions import MlflowException

    raise MlflowException("out of order")
