"""Saving a fitted model to a model directory, and loading it from there."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from forecast.architectures import ARCHITECTURES, build, register
from forecast.datasets.errors import ModelError
from forecast.datasets.panel import Channel, Panel
from forecast.datasets.tables.columns import TableFormat
from forecast.datasets.temporary import restore
from forecast.datasets.time.grid import Grid
from forecast.datasets.windows.support import Support
from forecast.fitted import FittedModel
from forecast.settings import Settings
from forecast.storage.directory import Artifact, read, write
from forecast.uncertainty.conformal import Conformal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forecast.networks.cell_table import CellMaker

CALIBRATION_PREFIX = "calibration."  # of arrays in the state beside the model's own
SERIES_COLUMN = "__series__"  # of the context: the number of the series that a row belongs to


def save(fitted: FittedModel, directory: Path, *, overwrite: bool = False) -> Path:
    """Write a fitted model to a model directory.

    Args:
        fitted: the model.
        directory: path of the directory; its parents are made.
        overwrite: whether an existing model directory is replaced; False by default.

    Returns:
        The path.

    Raises:
        ModelError: if the path exists and may not be overwritten.
    """
    config = {
        "version": version("forecast-toolkit"),
        "settings": _primitive(asdict(fitted.settings)),
        "resolved": _primitive(asdict(fitted.resolved)),
        "reasons": fitted.reasons,
        "season_length": fitted.season_length,
        "fills_from_season": fitted.fills_from_season,
        "support": fitted.support.to_json(),
        "run_id": fitted.run_id,
        "panel": _panel_config(fitted.context),
    }
    state = dict(fitted.model.state())
    if fitted.calibration is not None:
        state |= {f"{CALIBRATION_PREFIX}{name}": array for name, array in fitted.calibration.state().items()}
    content = Artifact(config=config, state=state, context=_context_table(fitted.context))
    write(directory, content, overwrite=overwrite)
    return directory


def load(directory: str | Path, *, cells: Mapping[str, CellMaker] | None = None) -> FittedModel:
    """Read a model directory; nothing in it is executed.

    Args:
        directory: path of a directory that `save` wrote.
        cells: by name, the classes of the user's own cells, which the directory does not hold; None for none.

    Returns:
        A fitted model whose forecasts are those of the saved one, to the last bit.

    Raises:
        ModelError: if the directory is missing, damaged or of another schema, or its model is of a cell that is not
            known here.
    """
    restore(Path(directory))
    artifact = read(Path(directory))
    config, season = artifact.config, int(artifact.config["season_length"])
    register(cells or {})
    name = config["settings"]["model"]
    if name not in ARCHITECTURES:
        hint = f"Pass its class, as in load(directory, cells={{{name!r}: {name}}})."
        raise ModelError(f"{directory} holds a model of the cell {name!r}, which is not known here", hint=hint)
    model, state = build(Settings.of(config["resolved"]), season), dict(artifact.state)
    prefixed = [name for name in state if name.startswith(CALIBRATION_PREFIX)]
    calibration = {name.removeprefix(CALIBRATION_PREFIX): state.pop(name) for name in prefixed}
    model.restore(state)  # what is left are the model's own arrays
    return FittedModel(
        model=model,
        settings=Settings.of(config["settings"]),
        season_length=season,
        fills_from_season=config["fills_from_season"],
        context=_panel(config["panel"], artifact.context),
        reasons=config["reasons"],
        support=Support.from_json(config["support"]),
        calibration=Conformal.restore(calibration, season) if calibration else None,
        run_id=config["run_id"],
    )


def _panel_config(panel: Panel) -> dict[str, Any]:
    return {
        "grid": panel.grid.to_json(),
        "format": panel.format.to_json(),
        "channels": [asdict(channel) for channel in panel.channels],
        "notes": list(panel.notes),
    }


def _context_table(panel: Panel) -> pa.Table:
    """Lay a panel out as columns; facts about a series repeat on its rows, which Parquet packs to almost nothing."""
    series = np.repeat(np.arange(panel.n_series), panel.lengths)
    columns: dict[str, Any] = {
        SERIES_COLUMN: series,
        "id": panel.ids[series],
        "start": panel.starts[series],
        "target": panel.target,
    }
    for number in range(len(panel.channels)):
        columns[f"value_{number}"] = panel.values[:, number]
        columns[f"observed_{number}"] = panel.observed[:, number]
        columns[f"offset_{number}"] = panel.offset[series, number]
    for name in panel.static.columns:
        columns[f"static_{name}"] = panel.static[name].to_numpy()[series]
    return pa.table(columns)


def _panel(config: dict[str, Any], table: pa.Table) -> Panel:
    """Build the panel that `_panel_config` and `_context_table` describe."""

    def column(name: str) -> Any:
        return table[name].to_numpy()

    channels = tuple(
        Channel(**{**c, "categories": c.get("categories") and tuple(c["categories"])}) for c in config["channels"]
    )
    series = column(SERIES_COLUMN)
    first = np.flatnonzero(np.diff(series, prepend=-1))
    numbers = range(len(channels))
    static = {n.removeprefix("static_"): column(n)[first] for n in table.column_names if n.startswith("static_")}
    return Panel(
        values=np.stack([column(f"value_{k}") for k in numbers], axis=1),
        observed=np.stack([column(f"observed_{k}") for k in numbers], axis=1),
        offset=np.stack([column(f"offset_{k}")[first] for k in numbers], axis=1),
        target=column("target"),
        indptr=np.append(first, len(series)).astype(np.int64),
        ids=column("id")[first].astype(object),
        starts=column("start")[first],
        grid=Grid.from_json(config["grid"]),
        channels=channels,
        static=pd.DataFrame(static, index=range(len(first))),
        format=TableFormat.from_json(config["format"]),
        notes=tuple(config["notes"]),
    )


def _primitive(values: dict[str, Any]) -> dict[str, Any]:
    """Turn values into what JSON reads back: tuples become lists; a value that JSON cannot write is our mistake."""
    result: dict[str, Any] = json.loads(json.dumps(values, allow_nan=False))
    return result
