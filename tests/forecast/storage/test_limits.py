"""What is not loaded is not fitted: each limit stands in one place, and both doors keep it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from commands import run
from house import QUICK

import forecast as fc
from forecast.datasets.declarations import Range, declarations
from forecast.datasets.errors import ConfigError, ModelError
from forecast.datasets.synthetic import synthetic
from forecast.models.deepar import MOST_ROWS_DRAWN
from forecast.settings import MOST_BYTES_OF_WEIGHTS, Settings
from forecast.storage.directory import FILES, MANIFEST, MOST_BYTES

MOST = {
    name: int(line.values.most)
    for name, line in declarations(Settings).items()
    if isinstance(line.values, Range) and int in line.kinds and line.values.most < float("inf")
}
SIZES = {"horizon", "season_length", "lookback", "segment", "origins", "memory", "hidden_size", "layers", "members",
         "threads", "batch_size", "steps", "workers", "val_size", "patience"}  # fmt: skip


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    quick: dict[str, Any] = {**QUICK, "steps": 2, "model": "gru"}
    return fc.Forecaster(3, **quick).fit(synthetic(2, 60)).save(tmp_path_factory.mktemp("models") / "gru")


def _changed(directory: Path, name: str, value: int) -> None:
    """Write another value of a setting into a model directory, and sign it."""
    path = directory / "config.json"
    config = json.loads(path.read_text())
    for part in ("settings", "resolved"):
        config[part][name] = value
    if name in config:
        config[name] = value
    path.write_text(json.dumps(config))
    hashes = {file: hashlib.sha256((directory / file).read_bytes()).hexdigest() for file in FILES}
    (directory / MANIFEST).write_text(json.dumps({"sha256": hashes}))


def test_every_size_has_a_limit() -> None:
    assert set(MOST) == SIZES


@pytest.mark.parametrize("name", sorted(SIZES))
def test_a_setting_beyond_its_limit_is_neither_fitted_nor_loaded(name: str, saved: Path, tmp_path: Path) -> None:
    given = {"horizon": 3, name: MOST[name] + 1}
    with pytest.raises(ConfigError, match=f"{name}={MOST[name] + 1}.*at most {MOST[name]}"):
        fc.Forecaster(**given).fit(synthetic(2, 60))
    directory = tmp_path / "copy"
    directory.mkdir()
    for file in (*FILES, MANIFEST):
        (directory / file).write_bytes((saved / file).read_bytes())
    _changed(directory, name, MOST[name] + 1)
    with pytest.raises(ModelError, match=f"config.json.*{name}|{name}(.|\n)*config.json"):
        fc.load(directory)


def test_the_command_line_ends_with_the_code_of_bad_settings() -> None:
    done = run("fit", "air_passengers", "--horizon", "100001", "--no-track")
    assert done.returncode == 2
    assert "horizon=100001" in done.stderr
    assert "at most 100000" in done.stderr
    assert not Path(".forecast").exists(), "nothing was trained"


def test_deepar_draws_no_more_rows_than_it_would_when_it_is_loaded() -> None:
    with pytest.raises(ConfigError, match=f"horizon={MOST_ROWS_DRAWN + 1} with deepar.*at most {MOST_ROWS_DRAWN}"):
        fc.Forecaster(MOST_ROWS_DRAWN + 1, model="deepar").fit(synthetic(2, 60))


def test_weights_that_no_file_may_hold_are_refused_before_they_take_memory() -> None:
    assert MOST_BYTES["model.safetensors"] == MOST_BYTES_OF_WEIGHTS
    with pytest.raises(ConfigError, match="Lower one of hidden_size=65536") as caught:
        fc.Forecaster(3, model="gru", hidden_size=65_536, layers=256).fit(synthetic(2, 60))
    assert str(MOST_BYTES_OF_WEIGHTS) in str(caught.value)
