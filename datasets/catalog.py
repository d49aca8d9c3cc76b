"""Named data sets: some ship with the package, and benchmarks are read from a local folder."""

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
        name: the name that `load_dataset` takes.
        what: one sentence about the data.
        series: number of series.
        rows: number of rows of all series.
        freq: pandas alias of the time grid.
        season_length: steps in a season, as the field takes it; text where it varies.
        horizon: steps that the field forecasts; text where there are several.
        protocol: one sentence about the usual way to score it.
        source: the publisher of the data, or its address.
        licence: name of the data's licence.
        bundled: whether the file ships with the package.
        sha256: hash of a file that does not ship with the package.
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
    """Return every data set of the catalogue by name, the bundled ones first."""
    text = (files("forecast.datasets.bundled") / "catalog.json").read_text(encoding="utf-8")
    return {values["name"]: Dataset(**values) for values in json.loads(text)}


def list_datasets() -> pd.DataFrame:
    """Return the catalogue as a frame.

    Returns:
        A row for each data set: the fields of `Dataset`, and `available`, whether its file is at hand.
    """
    import pandas as pd

    return pd.DataFrame([{**asdict(entry), "available": _path(entry) is not None} for entry in catalog().values()])


def describe(name: str) -> Dataset:
    """Return one line of the catalogue.

    Raises:
        ConfigError: if it has no data set of that name.
    """
    entries = catalog()
    if name in entries:
        return entries[name]
    similar = get_close_matches(name, entries, n=1)
    hint = f"Did you mean {similar[0]!r}? " if similar else ""
    raise ConfigError(f"unknown data set {name!r}", hint=f"{hint}`forecast datasets list` shows them all.")


def load_dataset(name: str) -> pd.DataFrame:
    """Read a data set as a long frame.

    Args:
        name: name of a data set of `list_datasets`. Benchmarks are read from the folder that the environment variable
            FORECAST_DATA_DIR names.

    Returns:
        A table with the columns unique_id, ds and y, and covariates where the set has any.

    Raises:
        ConfigError: if the catalogue has no data set of that name.
        DataError: if the file is missing, or its hash is not the one in the catalogue.
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
    """Return the path of the data set's file; None where it is not at hand."""
    if entry.bundled:
        return Path(str(files("forecast.datasets.bundled") / f"{entry.name}.parquet"))
    folder = os.environ.get(FOLDER_VARIABLE)
    path = Path(folder) / f"{entry.name}.parquet" if folder else None
    return path if path is not None and path.is_file() else None
