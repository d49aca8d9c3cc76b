"""Model directories are written whole or not at all and checked before they are read; nothing in them is executed.

config.json         has a versioned schema and holds JSON primitives only
model.safetensors   holds the weights
context.parquet     holds the newest training rows, which `predict` without data forecasts from
card.md             says in words what the model is, for people
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
from forecast.datasets.strict_json import read_json, shown
from forecast.datasets.temporary import beside, restore
from forecast.settings import MOST_BYTES_OF_WEIGHTS
from forecast.storage.config import check_config
from forecast.storage.context import read_context
from forecast.storage.regular_files import read_regular, reading
from forecast.storage.swapping import swap
from forecast.storage.tensors import read_tensors

SCHEMA = "forecast/model/v1"
FILES = ("config.json", "model.safetensors", "context.parquet", "card.md")
MANIFEST = "MANIFEST.json"
MOST_BYTES = {  # of each file: many times what the largest models have
    "config.json": 32 * 2**20,
    "model.safetensors": MOST_BYTES_OF_WEIGHTS,
    "context.parquet": 2**30,
    "card.md": 2**22,
    MANIFEST: 2**16,
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Artifact:
    """The content of a model directory.

    Args:
        config: settings and facts about the panel, as JSON primitives.
        state: the model's arrays by name.
        context: the newest training rows.
        card: the model card.
    """

    config: dict[str, Any]
    state: Mapping[str, NDArray[Any]]
    context: pa.Table
    card: str


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
        ModelError: if it is missing, incomplete, changed since it was written, or of another schema, or if a file holds
            what `write` cannot have written.
    """
    directory = Path(directory)
    content = verify(directory)
    config_path = directory / "config.json"
    with reading(config_path):
        config = read_json(content["config.json"])
    schema = config.get("schema") if isinstance(config, dict) else None
    if schema != SCHEMA:
        what = f"has schema {shown(schema)!r}, this version reads {SCHEMA!r}"
        raise ModelError(f"{config_path} {what}", hint="Fit the model again.")
    with reading(config_path):
        check_config(config)
    with reading(directory / "model.safetensors"):
        state = read_tensors(content["model.safetensors"])
    with reading(directory / "context.parquet"):
        channels, static = config["panel"]["channels"], config["settings"]["static"]
        context = read_context(content["context.parquet"], len(channels), static)
    with reading(directory / "card.md"):
        card = content["card.md"].decode()
        if not (card.startswith("# ") and card.endswith("\n")):
            raise ValueError("it is no model card")
    return Artifact(config=config, state=state, context=context, card=card)


def verify(directory: Path) -> dict[str, bytes]:
    """Read the bytes of each file by its name, and compare them with the manifest.

    Raises:
        ModelError: if the directory or its manifest is missing, if a file is missing, changed, too large, or no regular
            file, or if there is a file that the manifest does not name.
    """
    directory = Path(directory)
    if not directory.is_dir():
        kind = "is a file, not a model directory" if directory.exists() else "does not exist"
        raise ModelError(f"model {directory} {kind}", hint="`forecast fit DATA --horizon H -o DIR` makes one.")
    expected = _manifest(directory)
    _check_names(directory)
    content = {name: read_regular(directory / name, MOST_BYTES[name]) for name in FILES}
    changed = [name for name in FILES if hashlib.sha256(content[name]).hexdigest() != expected[name]]
    if changed:
        hint = "The directory was changed or damaged after it was written; restore it or fit again."
        raise ModelError(f"{directory}: {', '.join(changed)} does not match {MANIFEST}", hint=hint)
    return content


def _manifest(directory: Path) -> dict[str, str]:
    """Read the hash of each file by its name."""
    path = directory / MANIFEST
    if not os.path.lexists(path):
        raise ModelError(f"{directory} has no {MANIFEST}", hint="It is not a model directory, or it is damaged.")
    data = read_regular(path, MOST_BYTES[MANIFEST])
    with reading(path):
        manifest = read_json(data)
        hashes = manifest.get("sha256") if isinstance(manifest, dict) and len(manifest) == 1 else None
        if not isinstance(hashes, dict) or hashes.keys() != set(FILES):
            raise ValueError(f"it does not name exactly {', '.join(FILES)}")
        if not all(isinstance(value, str) for value in hashes.values()):
            raise ValueError("a hash in it is no text")
    return hashes


def _check_names(directory: Path) -> None:
    """Refuse a directory with a file that nobody vouches for; hidden ones are the work of desktops and file systems."""
    known = {*FILES, MANIFEST}
    unknown = [name for name in os.listdir(directory) if name not in known and not name.startswith(".")]
    if unknown:
        hint = f"A model directory holds {', '.join(sorted(known))} only; move the other files away."
        raise ModelError(f"{directory / min(unknown)}".replace("\n", "?") + " is no file of a model", hint=hint)


def _write_files(directory: Path, artifact: Artifact) -> None:
    """Write every file and force it to disk."""
    table = io.BytesIO()
    pq.write_table(artifact.context, table, compression="zstd")
    state = {name: np.ascontiguousarray(value) for name, value in artifact.state.items()}
    content = {
        "config.json": json.dumps({"schema": SCHEMA, **artifact.config}, indent=1, allow_nan=False).encode(),
        "model.safetensors": safetensors.numpy.save(state),
        "context.parquet": table.getvalue(),
        "card.md": artifact.card.encode(),
    }
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    content[MANIFEST] = json.dumps({"sha256": hashes}, indent=1).encode()
    for name, data in content.items():
        with open(directory / name, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
