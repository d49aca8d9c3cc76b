"""The wheel: one top-level name, the data inside, and it works where the repository is not."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from house import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    subprocess.run(["git", "clone", "--quiet", "--shared", str(ROOT), str(source)], check=True)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(folder), str(source)], check=True)
    return next(folder.glob("*.whl"))


def test_only_top_level_name(wheel: Path) -> None:
    names = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"forecast"}


def test_data_and_types_are_inside(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "forecast/py.typed" in names
    assert "forecast/datasets/bundled/catalog.json" in names
    assert sum(name.startswith("forecast/datasets/bundled/") and name.endswith(".parquet") for name in names) >= 4


def test_wheel_works_without_the_repository(wheel: Path, tmp_path: Path) -> None:
    place = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(place)
    code = "import forecast as fc, forecast.cli.app; print(len(fc.load_dataset('air_passengers')), fc.__file__)"
    environment = {"PYTHONPATH": str(place), "PATH": ""}
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    rows, origin = answer.stdout.split()
    assert rows == "144"
    assert origin.startswith(str(place))
