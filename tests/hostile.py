"""What the tests of hostile model directories share: models to corrupt, and what a refusal must be."""

from __future__ import annotations

import hashlib
import json
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import safetensors.numpy

import forecast as fc
from forecast.datasets.errors import ModelError
from forecast.datasets.synthetic import synthetic
from forecast.storage.directory import FILES, MANIFEST

CONFIG, TENSORS, CONTEXT, CARD = FILES
MOST_GROWTH = 300 * 2**20  # bytes of memory, whatever a directory says it holds
LEVELS = (0.1, 0.9)
MODELS: dict[str, dict[str, Any]] = {
    "gru": {"known": ("price",), "static": ("shop",)},
    "auto": {"members": 2, "blend": "boosted"},
    "theta": {},
    "boosting": {},
    "deepar": {},
    "calibrated": {"model": "gru", "calibrate": "adaptive"},
}


def table() -> pd.DataFrame:
    """Three series with a covariate of names and a static column."""
    rows = synthetic(3, 80, seed=1)
    names = sorted(rows["unique_id"].unique())
    rows["price"] = np.random.default_rng(0).choice(["low", "high"], len(rows))
    return rows.assign(shop=rows["unique_id"].map({name: f"shop {k}" for k, name in enumerate(names)}))


def peak() -> int:
    """The most bytes of memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def sign(directory: Path) -> None:
    """Write the manifest that the files have by now."""
    hashes = {name: hashlib.sha256((directory / name).read_bytes()).hexdigest() for name in FILES}
    (directory / MANIFEST).write_text(json.dumps({"sha256": hashes}))


def refused(directory: Path, name: str) -> ModelError:
    """Loading ends in an error of one line that names the file, says what to do, and is none of memory."""
    before = peak()
    with pytest.raises(ModelError, match=name.replace(".", r"\.")) as caught:
        fc.load(directory)
    assert peak() - before < MOST_GROWTH
    error = caught.value
    assert error.exit_code == 4
    assert "\n" not in error.message
    assert error.message.isprintable()
    assert len(error.message) < 600
    assert error.hint
    assert "alloc" not in error.message.lower()
    assert "Memory" not in error.message
    return error


def at_place(config: Any, place: str) -> tuple[Any, Any]:
    """The object or list that a place such as panel.channels.0.name lies in, and its key there."""
    *path, last = [int(key) if key.isdigit() else key for key in place.split(".")]
    for key in path:
        config = config[key]
    return config, int(last) if isinstance(last, int) else last


def change_config(directory: Path, change: Callable[[Any], None]) -> None:
    path = directory / CONFIG
    config = json.loads(path.read_text())
    change(config)
    path.write_text(json.dumps(config))
    sign(directory)


def change_tensors(directory: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = directory / TENSORS
    state = safetensors.numpy.load(path.read_bytes())
    change(state)
    path.write_bytes(safetensors.numpy.save({name: np.ascontiguousarray(array) for name, array in state.items()}))
    sign(directory)


def change_context(directory: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    path = directory / CONTEXT
    pq.write_table(change(pq.read_table(path)), path, compression="zstd")
    sign(directory)


def with_column(table: pa.Table, name: str, values: Any) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values))
