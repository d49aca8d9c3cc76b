"""Model directories: whole, checked, and never executed."""

from __future__ import annotations

import json
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import forecast as fc
from forecast.datasets.errors import ModelError
from forecast.storage.directory import FILES, MANIFEST


@pytest.fixture
def directory(fitted: fc.Forecaster) -> Path:
    return fitted.save("model")


def test_files(directory: Path) -> None:
    assert {path.name for path in directory.iterdir()} == {*FILES, MANIFEST}
    config = json.loads((directory / "config.json").read_text())
    assert config["schema"] == "forecast/model/v1"
    assert config["settings"]["horizon"] == 6
    assert set(fc.verify(directory)) == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_is_found(directory: Path, name: str) -> None:
    path = directory / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match=name):
        fc.load(directory)


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_a_truncated_or_absent_file_is_found(directory: Path, name: str) -> None:
    path = directory / name
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ModelError):
        fc.load(directory)
    path.unlink()
    with pytest.raises(ModelError):
        fc.load(directory)


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (open, ("exploded",)) if False else (Path.touch, (Path("exploded"),))  # type: ignore[return-value]


def test_a_pickle_in_its_place_is_not_executed(directory: Path) -> None:
    (directory / "model.safetensors").write_bytes(pickle.dumps(_Bomb()))
    with pytest.raises(ModelError):
        fc.load(directory)
    assert not Path("exploded").exists()


def test_what_is_there_is_not_replaced(fitted: fc.Forecaster, directory: Path) -> None:
    with pytest.raises(ModelError, match="exists"):
        fitted.save(directory)
    fitted.save(directory, overwrite=True)
    Path("letters").mkdir()
    Path("letters/one.txt").write_text("dear")
    with pytest.raises(ModelError, match="not a model directory"):
        fitted.save("letters", overwrite=True)
    assert Path("letters/one.txt").read_text() == "dear"


def test_no_model(fitted: fc.Forecaster) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        fc.load("nowhere")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_fit_leaves_nothing_behind(number: int, code: int, new_store: Callable[[Path], str]) -> None:
    new_store(Path(".forecast/mlflow.db"))
    process = _training()
    process.send_signal(number)
    assert process.wait(timeout=60) == code
    left = [path for path in Path.cwd().rglob("*") if "model" in path.name and ".forecast" not in path.parts]
    assert left == []
    runs = fc.compare(experiment="forecast", metric="mase")
    assert len(runs) == 0, "no evaluation was made"
    assert _statuses() == ["KILLED"]


def test_a_killed_fit_is_not_shown_as_running_for_ever(new_store: Callable[[Path], str]) -> None:
    new_store(Path(".forecast/mlflow.db"))
    process = _training()
    process.kill()
    process.wait(timeout=60)
    time.sleep(0.1)
    fc.compare()
    assert _statuses() == ["KILLED"]
    assert not Path("model").exists()


def _training() -> subprocess.Popen[str]:
    """A fit that trains. Whoever runs the tests in the background has Ctrl-C switched off for all
    they start, and Python leaves it so; the fit gets it back."""
    fit = ["forecast.cli", "fit", "nyc_taxi", "--horizon", "48", "--model", "gru", "-o", "model", "--threads", "1"]
    fit += ["--set", "steps=2000", "--set", "val_size=0"]
    start = "import runpy, signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"
    start += "; sys.argv = sys.argv[1:]; runpy.run_module('forecast.cli', run_name='__main__')"
    process = subprocess.Popen([sys.executable, "-c", start, *fit], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = iter(process.stderr.readline, "")
    assert any(line.startswith("training") for line in said), "it ended before it trained"
    return process


def _statuses() -> list[str]:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{Path('.forecast/mlflow.db').resolve()}")
    places = [experiment.experiment_id for experiment in client.search_experiments()]
    return [run.info.status for run in client.search_runs(places)]
