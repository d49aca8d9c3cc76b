"""Model directories for the tests of this folder to corrupt."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile import LEVELS, MODELS, table
from house import QUICK

import forecast as fc


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model directory of each kind of model."""
    folder, quick = tmp_path_factory.mktemp("models"), {**QUICK, "steps": 3}
    made = {}
    for name, more in MODELS.items():
        model = fc.Forecaster(6, **{"model": name, "quantiles": LEVELS, **quick, **more})
        made[name] = model.fit(table()).save(folder / name)
    return made


@pytest.fixture
def copy(saved: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """A function that copies a model directory, for a test to corrupt."""
    return lambda name: Path(shutil.copytree(saved[name], tmp_path / name))
