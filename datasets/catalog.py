"""Named data sets: four that ship with the package, and benchmarks found in a local folder."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forecast.datasets.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pandas as pd

FOLDER_VARIABLE = "FORECAST_DATA_DIR"


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A line of the catalogue.

    Args:
        name: what to ask for.
        what: one sentence.
        series, rows: how many.
        freq: of the grid.
        season_length: steps in a season, as usually taken; text where it varies.
        horizon: as usually forecast; text where there are several.
        protocol: how it is usually scored.
        source: where the data comes from.
        licence: of the data.
        bundled: whether it ships with the package.
        sha256: of the file, where it does not ship.
    """

    name: str
    what: str
    series: int
    rows: int
    freq: str
    season_length: Any
    horizon: Any
    protocol: str = ""
    source: str
    licence: str
    bundled: bool = False
    sha256: str = ""


def catalog() -> dict[str, Dataset]:
    """Every known data set by name, the bundled ones first."""
    text = (files("forecast.datasets.bundled") / "catalog.json").read_text(encoding="utf-8")
    return {values["name"]: Dataset(**values) for values in json.loads(text)}


def list_datasets() -> pd.DataFrame:
    """The catalogue as a frame: name, what, series, rows, freq, season_length, horizon, available..."""
    import pandas as pd

    return pd.DataFrame([{**asdict(entry), "available": _path(entry) is not None} for entry in catalog().values()])


def describe(name: str) -> Dataset:
    """One line of the catalogue.

    Raises:
        ConfigError: if there is none of that name.
    """
    known = catalog()
    if name in known:
        return known[name]
    near = get_close_matches(name, known, n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    raise ConfigError(f"unknown data set {name!r}", hint=f"{hint}`forecast datasets list` shows them all.")


def load_dataset(name: str) -> pd.DataFrame:
    """A data set as a long frame.

    Args:
        name: from `list_datasets`. Benchmarks are read from the folder that FORECAST_DATA_DIR names.

    Raises:
        ConfigError: if there is none of that name.
        DataError: if its file is not there, or is not the one the catalogue knows.
    """
    import pandas as pd

    entry = describe(name)
    path = _path(entry)
    if path is None:
        hint = f"Put {name}.parquet (from {entry.source}) into a folder and set {FOLDER_VARIABLE} to it."
        raise DataError(f"data set {name!r} does not ship with the package", hint=hint)
    if entry.sha256 and hashlib.sha256(path.read_bytes()).hexdigest() != entry.sha256:
        raise DataError(
            f"{path} is not the file the catalogue knows", hint="Its SHA-256 differs; read it by its path instead."
        )
    return pd.read_parquet(path)


def _path(entry: Dataset) -> Path | None:
    if entry.bundled:
        return Path(str(files("forecast.datasets.bundled") / f"{entry.name}.parquet"))
    folder = os.environ.get(FOLDER_VARIABLE)
    path = Path(folder) / f"{entry.name}.parquet" if folder else None
    return path if path is not None and path.is_file() else None
