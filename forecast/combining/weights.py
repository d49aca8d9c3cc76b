"""The pretrained weights that ship with the package, and files of one's own."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.errors import ConfigError

Weights = dict[str, NDArray[np.float32]]
SHIPPED = "zero.safetensors"
MOST_BYTES = 64 << 20  # of a file of weights
FORMAT = "forecast/zero/v2"


def load_weights(path: str | None = None) -> Weights:
    """Load the weights of the combiner.

    Args:
        path: a file that `forecast pretrain` wrote; None takes those that ship with the package.

    Raises:
        ConfigError: if there is no such file, or it holds no weights of this combiner.
    """
    return shipped() if path is None else _read(Path(path))


@cache
def shipped() -> Weights:
    """Return the weights that ship with the package."""
    return _read(Path(str(files("forecast.combining"))) / SHIPPED)


def fingerprint(weights: Weights) -> str:
    """Return the SHA-256 of weights: of their names and numbers, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode() + b"\0" + np.ascontiguousarray(weights[name], "<f4").tobytes())
    return digest.hexdigest()


def _read(path: Path) -> Weights:
    from safetensors import SafetensorError, safe_open

    hint = "Name a file that `forecast pretrain` wrote, or leave `weights` out."
    if not path.is_file() or path.stat().st_size > MOST_BYTES:
        raise ConfigError(f"{path} is no file of weights", hint=hint)
    try:
        with safe_open(path, framework="numpy") as file:
            kind = (file.metadata() or {}).get("format")
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no mapping
    except (SafetensorError, OSError) as error:
        raise ConfigError(f"{path} is no file of weights: {error}", hint=hint) from error
    if kind != FORMAT:
        raise ConfigError(f"{path} holds no weights of this combiner", hint=hint)
    return weights
