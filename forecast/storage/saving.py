"""Saving a fitted model to a model directory, and loading it from there."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from forecast.architectures import ARCHITECTURES, build, register
from forecast.datasets.errors import ModelError
from forecast.datasets.panel import Panel
from forecast.datasets.strict_json import shown
from forecast.datasets.temporary import restore
from forecast.datasets.time.grid import DAY
from forecast.datasets.windows.support import Support
from forecast.fitted import FittedModel
from forecast.protocol import MEDIAN
from forecast.settings import Settings
from forecast.storage.card import card
from forecast.storage.context import check_steps, context_table, panel_config, panel_of
from forecast.storage.directory import Artifact, read, write
from forecast.storage.regular_files import reading
from forecast.uncertainty.conformal import Conformal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from forecast.networks.cell_table import CellMaker

CALIBRATION_PREFIX = "calibration."  # of arrays in the state beside the model's own


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
        "learned_from": fitted.learned_from,
        "evaluated": fitted.evaluated,
        "run_id": fitted.run_id,
        "panel": panel_config(fitted.context),
    }
    state = dict(fitted.model.state())
    if fitted.calibration is not None:
        state |= {f"{CALIBRATION_PREFIX}{name}": array for name, array in fitted.calibration.state().items()}
    content = Artifact(config=config, state=state, context=context_table(fitted.context), card=card(fitted))
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
        ModelError: if the directory is missing, damaged or of another schema, if a file of it holds what `save` cannot
            have written, or if its model is of a cell that is not known here.
    """
    directory = Path(directory)
    restore(directory)
    artifact = read(directory)
    config, season = artifact.config, int(artifact.config["season_length"])
    register(cells or {})
    name = config["settings"]["model"]
    if name not in ARCHITECTURES:
        hint = f"Pass its class, as in load(directory, cells={{{shown(name)!r}: {shown(name)}}})."
        raise ModelError(f"{directory} holds a model of the cell {shown(name)!r}, which is not known here", hint=hint)
    with reading(directory / "config.json"):
        settings = Settings.of(config["settings"])
        model, state = build(Settings.of(config["resolved"]), season), dict(artifact.state)
    with reading(directory / "model.safetensors"):
        calibration = _calibration(state, settings, season)
        model.restore(state)  # what is left are the model's own arrays
    with reading(directory / "context.parquet"):
        context = panel_of(config["panel"], artifact.context, settings.static)
        check_steps(context, settings.horizon, season)
        model.check_context(context)
    with reading(directory / "model.safetensors"):
        _check_times(calibration, context)
    return FittedModel(
        model=model,
        settings=settings,
        season_length=season,
        fills_from_season=config["fills_from_season"],
        context=context,
        reasons=config["reasons"],
        support=Support.from_json(config["support"]),
        calibration=calibration,
        learned_from=config["learned_from"],
        evaluated=config["evaluated"],
        run_id=config["run_id"],
    )


def _calibration(state: dict[str, NDArray[Any]], settings: Settings, season: int) -> Conformal | None:
    """Take the calibration's arrays out of a state; a model has them where its settings say so, and only there."""
    names = [name for name in state if name.startswith(CALIBRATION_PREFIX)]
    arrays = {name.removeprefix(CALIBRATION_PREFIX): state.pop(name) for name in names}
    if bool(arrays) != (settings.calibrate != "none"):
        raise ModelError(f"calibrate is {settings.calibrate}, but there are {len(arrays)} arrays of a calibration")
    if not arrays:
        return None
    found = Conformal.restore(arrays, season)
    levels = tuple(sorted({*settings.quantiles, MEDIAN}))
    asked = (settings.horizon, levels, settings.calibrate == "adaptive")
    if (found.scores.shape[1], found.levels, found.adaptive) != asked:
        raise ModelError("the calibration is of another horizon, other quantiles or another kind than the settings")
    return found


def _check_times(calibration: Conformal | None, context: Panel) -> None:
    """Refuse a calibration whose series are not those of the context, or end at another time: clocks move by hours."""
    if calibration is None:
        return
    last = context.grid.shift(context.starts, context.lengths - 1)
    ends = dict(zip(map(str, context.ids), last.tolist(), strict=True))
    slack = 0 if context.grid.kind == "integer" else 2 * DAY
    if calibration.trained.keys() != ends.keys():
        raise ModelError("the calibration is of other series than the context")
    if any(abs(time - ends[name]) > slack for name, time in calibration.trained.items()):
        raise ModelError("the calibration's last times are not those of the context")


def _primitive(values: dict[str, Any]) -> dict[str, Any]:
    """Turn values into what JSON reads back: tuples become lists; a value that JSON cannot write is our mistake."""
    result: dict[str, Any] = json.loads(json.dumps(values, allow_nan=False))
    return result
