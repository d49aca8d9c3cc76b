"""A store that fails costs no model and no rows, and one that was killed while it was made is made anew."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import forecast as fc
from forecast.datasets.errors import TrackingError
from forecast.tracking.journal import due
from forecast.tracking.logger import SECONDS_BETWEEN_SENDS, RunLogger
from forecast.tracking.store import Store

STORE = "sqlite:///runs.db"


def test_the_model_is_written_before_it_is_recorded(frame: pd.DataFrame) -> None:
    forecaster = fc.Forecaster(6, model="naive", tracking_uri="http://127.0.0.1:9")
    with pytest.raises(TrackingError, match="does not answer"):
        forecaster.fit(frame, output="model")
    pd.testing.assert_frame_equal(fc.load("model").predict(), forecaster.predict())
    assert [folder.name for folder in due(None)] == [fc.load("model").run_id_]


def test_an_output_that_is_there_is_refused_before_the_work(frame: pd.DataFrame, fitted: fc.Forecaster) -> None:
    fitted.save("model")
    forecaster = fc.Forecaster(6, model="naive")
    with pytest.raises(fc.ForecastError, match="exists"):
        forecaster.fit(frame, output="model")
    assert forecaster.fitted_ is None
    forecaster.fit(frame, output="model", overwrite=True)
    assert fc.load("model").settings.model == "naive"


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
