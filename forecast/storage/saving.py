"""Between a fitted model and a model directory."""

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
from forecast.datasets.time.grid import Grid
from forecast.fitted import FittedModel
from forecast.settings import Settings
from forecast.storage.directory import Artifact, read, write
from forecast.uncertainty.conformal import Conformal
from forecast.uncertainty.paths import Dependence

CALIBRATION, STEPS, ACROSS = "calibration.", "dependence.steps", "dependence.series"
if TYPE_CHECKING:
    from collections.abc import Mapping

    from forecast.networks.cell_table import CellMaker

SERIES = "__series__"  # index of the series a context row belongs to


def save(fitted: FittedModel, directory: Path, *, overwrite: bool = False) -> Path:
    """Write a fitted model.

    Raises:
        ModelError: if the directory exists and `overwrite` is False.
    """
    config = {
        "version": version("forecast-toolkit"),
        "settings": _primitive(asdict(fitted.settings)),
        "resolved": _primitive(asdict(fitted.resolved)),
        "reasons": fitted.reasons,
        "season_length": fitted.season_length,
        "run_id": fitted.run_id,
        "panel": _panel_config(fitted.context),
    }
    state = dict(fitted.model.state())
    if fitted.calibration is not None:
        state |= {f"{CALIBRATION}{name}": array for name, array in fitted.calibration.state().items()}
    if fitted.dependence is not None:
        state[STEPS], state[ACROSS] = fitted.dependence.steps, np.array([fitted.dependence.series])
    content = Artifact(config=config, state=state, context=_context_table(fitted.context))
    write(directory, content, overwrite=overwrite)
    return directory


def load(directory: str | Path, *, cells: Mapping[str, CellMaker] | None = None) -> FittedModel:
    """Read a model directory; nothing in it is executed.

    Args:
        directory: as written by `save`.
        cells: classes of your own cells by name, which the directory does not hold.

    Returns:
        A fitted model whose forecasts are those of the saved one, to the last bit.

    Raises:
        ModelError: if the directory is missing, damaged or of another schema.
    """
    artifact = read(Path(directory))
    config, season = artifact.config, int(artifact.config["season_length"])
    register(cells or {})
    name = config["settings"]["model"]
    if name not in ARCHITECTURES:
        hint = f"Pass its class, as in load(directory, cells={{{name!r}: {name}}})."
        raise ModelError(f"{directory} holds a model of the cell {name!r}, which is not known here", hint=hint)
    model, state = build(Settings.of(config["resolved"]), season), dict(artifact.state)
    calibration = {k.removeprefix(CALIBRATION): state.pop(k) for k in list(state) if k.startswith(CALIBRATION)}
    dependence = [state.pop(key) for key in (STEPS, ACROSS) if key in state]
    model.restore(state)
    return FittedModel(
        model=model,
        settings=Settings.of(config["settings"]),
        season_length=season,
        context=_panel(config["panel"], artifact.context),
        reasons=config["reasons"],
        calibration=Conformal.restore(calibration, season) if calibration else None,
        dependence=Dependence(dependence[0], float(dependence[1][0])) if dependence else None,
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
    """Rows as columns; what belongs to a series is repeated on its rows, which Parquet packs to almost nothing."""
    series = np.repeat(np.arange(panel.n_series), panel.lengths)
    columns: dict[str, Any] = {
        SERIES: series,
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
    def column(name: str) -> Any:
        return table[name].to_numpy()

    channels = tuple(
        Channel(**{**c, "categories": c.get("categories") and tuple(c["categories"])}) for c in config["channels"]
    )
    series = column(SERIES)
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
    """JSON's own kinds only: tuples become lists, and anything else is our mistake, found here."""
    result: dict[str, Any] = json.loads(json.dumps(values, allow_nan=False))
    return result
