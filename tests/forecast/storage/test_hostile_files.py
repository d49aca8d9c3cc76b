"""Hostile model directories: whoever wrote them signed them, too, so that only the strict reader stands in their way.

Every corruption is a `ModelError` of one line that names the file, and costs no memory to speak of.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile import (
    CONTEXT,
    FILES,
    MODELS,
    TENSORS,
    change_config,
    change_tensors,
    refused,
    sign,
)
from house import same
from typer.testing import CliRunner

import forecast as fc
from forecast.cli.app import app
from forecast.datasets.errors import ModelError
from forecast.pyfunc import _load_pyfunc
from forecast.storage.directory import MANIFEST


def _link(path: Path) -> None:
    target = path.with_name(f".{path.name}")
    target.write_bytes(path.read_bytes() if path.exists() else b"")
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def _link_to_a_device(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


def _pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40] if path.exists() else b"half")


def _noise(path: Path) -> None:
    path.write_bytes(np.random.default_rng(1).bytes(5000))


def _sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 20 * 2**30)


@pytest.mark.parametrize("place", [*FILES, MANIFEST, "notes.txt"])
@pytest.mark.parametrize("way", [_link, _link_to_a_device, _pipe, _folder, _empty, _cut, _noise, _sparse])
def test_only_the_regular_files_of_a_model_are_read(
    copy: Callable[[str], Path], way: Callable[[Path], None], place: str
) -> None:
    directory = copy("theta")
    way(directory / place)
    if way in (_empty, _cut, _noise) and place in FILES:
        sign(directory)
    refused(directory, place)


def test_a_link_to_the_directory_and_hidden_files_are_no_offence(copy: Callable[[str], Path], tmp_path: Path) -> None:
    directory = copy("theta")
    (directory / ".DS_Store").write_bytes(b"a desktop")
    (tmp_path / "newest").symlink_to(directory)
    assert same(fc.load(tmp_path / "newest").predict(), fc.load(directory).predict())


@pytest.mark.parametrize(
    "manifest",
    [
        "[]",
        '{"sha256": []}',
        '{"sha256": {"config.json": 1}}',
        '{"sha256": {}, "more": 1}',
        '{"sha256": {"../x": "0"}}',
    ],
)
def test_a_manifest_names_exactly_the_files(copy: Callable[[str], Path], manifest: str) -> None:
    directory = copy("theta")
    (directory / MANIFEST).write_text(manifest)
    refused(directory, MANIFEST)


@pytest.mark.parametrize("model", ["gru", "calibrated"])
def test_a_calibration_goes_with_its_settings(copy: Callable[[str], Path], model: str) -> None:
    directory = copy(model)

    def change(config: Any) -> None:
        for part in ("settings", "resolved"):
            config[part]["calibrate"] = "split" if model == "gru" else "none"

    change_config(directory, change)
    assert "calibrat" in refused(directory, TENSORS).message


def test_every_door_has_the_strict_reader(copy: Callable[[str], Path]) -> None:
    directory = copy("theta")
    change_tensors(directory, lambda state: state.update(horizon=np.array([7])))
    with pytest.raises(ModelError, match=TENSORS):
        _load_pyfunc(str(directory))
    ended = CliRunner().invoke(app, ["predict", str(directory)])
    assert isinstance(ended.exception, ModelError)  # of which `main` makes the exit code 4
    assert TENSORS in str(ended.exception)
    _pipe(directory / CONTEXT)
    with pytest.raises(ModelError, match=CONTEXT):
        fc.verify(directory)


@pytest.mark.parametrize("model", MODELS)
def test_what_was_saved_is_read(saved: dict[str, Path], model: str) -> None:
    first, second = (fc.load(saved[model]) for _ in range(2))
    panel = first.context
    origins = first._fitted.last_origins(panel)
    found = first._fitted.predict(panel, origins)
    assert np.isfinite(found.point).all()
    assert np.array_equal(found.point, second._fitted.predict(panel, origins).point)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("seed", range(10))
def test_noise_in_a_signed_file_is_refused_or_read(copy: Callable[[str], Path], name: str, seed: int) -> None:
    """Whether a byte may be another one is not for the manifest to say, but no byte ends in anything else."""
    directory, rng = copy("gru"), np.random.default_rng(seed)
    content = bytearray((directory / name).read_bytes())
    for place in rng.integers(0, len(content), 3):
        content[place] = rng.integers(256)
    (directory / name).write_bytes(content)
    sign(directory)
    with suppress(ModelError):
        loaded = fc.load(directory)
        assert np.isfinite(loaded.context.values).all()
