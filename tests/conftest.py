"""What several tests share."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import hypothesis
import pandas as pd
import pytest

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side; threads that wait for a core only spin

from house import QUICK

import forecast as fc
from forecast.datasets.panel import Panel
from forecast.datasets.synthetic import synthetic
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.tracking.store import Store

# Lightning reads for each trainer anew what every installed package declares: a fifth of a small fit
importlib.metadata.entry_points = cache(importlib.metadata.entry_points)
# no test is about time: on a busy machine an example may take as long as it takes
hypothesis.settings.register_profile("house", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("house")


def _forget() -> None:
    """Remove what would choose a store or a folder of data; nothing puts it back, as monkeypatch would."""
    for name in ("FORECAST_TRACKING_URI", "MLFLOW_TRACKING_URI", "FORECAST_DATA_DIR"):
        os.environ.pop(name, None)


_forget()  # of whoever runs the tests, for fixtures that are made before a test begins


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Every test works in an empty folder, with nothing in the environment, and leaves nothing there."""
    _forget()
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    _forget()  # MLflow sets one itself, and fixtures of the next module would read it


@pytest.fixture(scope="session")
def new_store(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], str]:
    """A function that puts an empty MLflow database at a path and returns its address; MLflow takes seconds to make one."""
    base = tmp_path_factory.getbasetemp()
    empty = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "empty" / "mlflow.db"
    Store.of(f"sqlite:///{empty}").client()  # one worker makes it, and the others wait for that

    def put(place: Path) -> str:
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(empty, place)
        return f"sqlite:///{place}"

    return put


@pytest.fixture
def frame() -> pd.DataFrame:
    """Three monthly series."""
    return synthetic(3, 80, seed=1)


@pytest.fixture
def panel(frame: pd.DataFrame) -> Panel:
    return panel_from_table(frame, Columns())


@pytest.fixture(scope="session")
def fitted() -> fc.Forecaster:
    """A small fitted network with quantiles."""
    return fc.Forecaster(6, model="gru", quantiles=(0.1, 0.5, 0.9), **QUICK).fit(synthetic(3, 80, seed=1))
