"""What several tests share."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

import forecast as fc
from forecast.architectures import ARCHITECTURES
from forecast.datasets.columns import Columns
from forecast.datasets.panel import Panel
from forecast.datasets.schema import panel_from_table
from forecast.datasets.synthetic import synthetic

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"  # benchmark files, where someone has put them
MODELS = [name for name in ARCHITECTURES if name not in ("one_to_many", "aligned")]  # these two need covariates
QUICK = {"steps": 20, "hidden_size": 16, "batch_size": 8, "threads": 1}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test works in an empty folder, with nothing in the environment."""
    for name in ("FORECAST_TRACKING_URI", "MLFLOW_TRACKING_URI", "FORECAST_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


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


def shared(name: str) -> pd.DataFrame:
    """A benchmark file, or the test is skipped."""
    path = SHARED / f"{name}.parquet"
    if not path.is_file():
        pytest.skip(f"{name} is not in the folder beside the repository")
    return pd.read_parquet(path)


def same(left: pd.DataFrame, right: pd.DataFrame) -> bool:
    """Whether two frames are equal to the last bit."""
    pd.testing.assert_frame_equal(left, right, check_exact=True)
    return bool(np.array_equal(left.index, right.index))
