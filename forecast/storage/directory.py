"""Model directories are written whole or not at all and checked before they are read; nothing in them is executed.

config.json         has a versioned schema and holds JSON primitives only
model.safetensors   holds the weights
context.parquet     holds the newest training rows, which `predict` without data forecasts from
MANIFEST.json       holds the SHA-256 of each file
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import safetensors.numpy
from numpy.typing import NDArray

from forecast.datasets.errors import ModelError
from forecast.datasets.temporary import beside, restore
from forecast.storage.swapping import swap

SCHEMA = "forecast/model/v1"
FILES = ("config.json", "model.safetensors", "context.parquet")
MANIFEST = "MANIFEST.json"


@dataclass(frozen=True, kw_only=True, eq=False)
class Artifact:
    """The content of a model directory.

    Args:
        config: settings and facts about the panel, as JSON primitives.
        state: the model's arrays by name.
        context: the newest training rows.
    """

    config: dict[str, Any]
    state: Mapping[str, NDArray[Any]]
    context: pa.Table


def write(directory: Path, artifact: Artifact, *, overwrite: bool) -> None:
    """Write a model directory; an interruption at any moment leaves the old one or the new one, never half of one.

    Args:
        directory: path of the directory; its parents are made.
        artifact: the content.
        overwrite: whether an existing model directory is replaced.

    Raises:
        ModelError: if the path exists and may not be overwritten.
    """
    directory = Path(directory)
    check_free(directory, overwrite=overwrite)
    with beside(directory, folder=True) as fresh:
        _write_files(fresh, artifact)
        fresh.chmod(0o755)
        swap(fresh, directory)


def check_free(directory: Path, *, overwrite: bool) -> None:
    """Refuse a path that a model cannot be written to, before any work is done.

    Args:
        directory: the path.
        overwrite: whether an existing model directory may be replaced; nothing else ever is.

    Raises:
        ModelError: if the path exists and may not be overwritten.
    """
    restore(Path(directory))
    if not os.path.lexists(directory):
        return
    if not overwrite:
        raise ModelError(f"{directory} exists", hint="Choose another directory, or pass overwrite (--overwrite).")
    if not (Path(directory) / MANIFEST).exists() and (not Path(directory).is_dir() or any(Path(directory).iterdir())):
        raise ModelError(
            f"{directory} is not a model directory", hint="Only a model directory is overwritten; choose another."
        )


def read(directory: Path) -> Artifact:
    """Check and read a model directory.

    Raises:
        ModelError: if it is missing, incomplete, changed since it was written, or of another schema.
    """
    content = verify(directory)
    config = json.loads(content["config.json"])
    if config.get("schema") != SCHEMA:
        schema = config.get("schema")
        raise ModelError(
            f"{directory} has schema {schema!r}, this version reads {SCHEMA!r}", hint="Fit the model again."
        )
    try:
        state = safetensors.numpy.load(content["model.safetensors"])
        context = pq.read_table(io.BytesIO(content["context.parquet"]))
    except Exception as error:  # the manifest matched, so the file was already unreadable when it was written
        raise ModelError(f"{directory} cannot be read: {error}", hint="Fit the model again.") from error
    return Artifact(config=config, state=state, context=context)


def verify(directory: Path) -> dict[str, bytes]:
    """Read the bytes of each file by its name, and compare them with the manifest.

    Raises:
        ModelError: if the directory or its manifest is missing, or a file is missing or changed.
    """
    directory = Path(directory)
    if not directory.is_dir():
        kind = "is a file, not a model directory" if directory.exists() else "does not exist"
        raise ModelError(f"model {directory} {kind}", hint="`forecast fit DATA --horizon H -o DIR` makes one.")
    try:
        manifest = json.loads((directory / MANIFEST).read_text())["sha256"]
        expected = {name: str(manifest[name]) for name in FILES}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{directory} has no readable {MANIFEST}", hint="It is not a model directory, or it is damaged."
        ) from error
    content = {name: _bytes(directory / name) for name in FILES}
    changed = [name for name in FILES if hashlib.sha256(content[name]).hexdigest() != expected[name]]
    if changed:
        hint = "The directory was changed or damaged after it was written; restore it or fit again."
        raise ModelError(f"{directory}: {', '.join(changed)} does not match {MANIFEST}", hint=hint)
    return content


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read: {error.strerror}", hint="Restore the directory or fit again."
        ) from error


def _write_files(directory: Path, artifact: Artifact) -> None:
    """Write every file and force it to disk."""
    table = io.BytesIO()
    pq.write_table(artifact.context, table, compression="zstd")
    state = {name: np.ascontiguousarray(value) for name, value in artifact.state.items()}
    content = {
        "config.json": json.dumps({"schema": SCHEMA, **artifact.config}, indent=1, allow_nan=False).encode(),
        "model.safetensors": safetensors.numpy.save(state),
        "context.parquet": table.getvalue(),
    }
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    content[MANIFEST] = json.dumps({"sha256": hashes}, indent=1).encode()
    for name, data in content.items():
        with open(directory / name, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
