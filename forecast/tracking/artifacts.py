"""Files of a run: pictures, tables and the model, as they lie in the journal."""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forecast.datasets.tables.readers import flat
from forecast.datasets.tables.result import panel_to_table, result_table
from forecast.storage.saving import save
from forecast.tracking.journal import MLMODEL

if TYPE_CHECKING:
    from forecast.datasets.panel import Panel
    from forecast.datasets.windows.origins import Origins
    from forecast.fitted import FittedModel
    from forecast.settings import Settings

MAX_EXAMPLE_SERIES = 2
NO_SAMPLES = 0  # MLflow wants a number for what a request leaves out
SECONDS_WORTH_A_PICTURE = 60.0  # matplotlib takes about one to load and to draw with
COLUMN_KINDS = {"M": "datetime", "b": "boolean", "f4": "float", "f8": "double", "i4": "integer", "i8": "long"}


def is_cheap(seconds: float) -> bool:
    """Return whether a picture costs little beside work of so many seconds, or because pictures are drawn anyway."""
    return seconds >= SECONDS_WORTH_A_PICTURE or "matplotlib" in sys.modules


def draw(folder: Path, fitted: FittedModel, panel: Panel, origins: Origins) -> None:
    """Draw a few forecasts into forecast.png."""
    from forecast.insight.plotting import plot_panel, save_figure, some

    chosen = some(origins)
    save_figure(plot_panel(panel, chosen, fitted.predict(panel, chosen)), folder / "forecast.png")


def pack(folder: Path, fitted: FittedModel) -> None:
    """Write the model as an MLflow pyfunc that can be registered and served; nothing in it is code.

    MLflow would write the same files, and take 2 s to load for it; its ids are filled in when the model is sent.

    Args:
        folder: the folder, which is made.
        fitted: the model.
    """
    panel, origins = _example(fitted)
    prediction = fitted.predict(panel, origins)
    example = _plain(panel_to_table(panel))
    forecasts = _plain(result_table(panel, origins, prediction.point, prediction.quantiles, prediction.levels))
    horizon, mlflow, python = fitted.settings.horizon, version("mlflow"), platform.python_version()
    wanted = [f"mlflow=={mlflow}", f"forecast-toolkit=={version('forecast-toolkit')}"]
    save(fitted, folder / "data" / "forecast")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    rows = json.loads(example.to_json(orient="split", index=False, date_format="iso", date_unit="us"))
    conda = [f"python={python}", "pip", {"pip": wanted}]
    files: dict[str, Any] = {  # MLflow reads YAML, of which JSON is a part
        "requirements.txt": "\n".join(wanted),
        "conda.yaml": {"name": "mlflow-env", "channels": ["conda-forge"], "dependencies": conda},
        "python_env.yaml": {"python": python, "build_dependencies": ["pip"], "dependencies": ["-r requirements.txt"]},
        "input_example.json": {"inputs": rows, "params": {"horizon": horizon}},
        "serving_input_example.json": {"dataframe_split": rows, "params": {"horizon": horizon}},
        MLMODEL: {
            "flavors": {"python_function": _flavor(python)},
            "mlflow_version": mlflow,
            "model_size_bytes": size,
            "saved_input_example_info": {
                "artifact_path": "input_example.json",
                "pandas_orient": "split",
                "params": "true",
                "serving_input_path": "serving_input_example.json",
                "type": "dataframe",
            },
            "signature": signature(forecasts, fitted.settings),
            "utc_time_created": str(datetime.now(UTC).replace(tzinfo=None)),
        },
    }
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content, indent=1)
        (folder / name).write_text(text, encoding="utf-8")


def _flavor(python: str) -> dict[str, Any]:
    return {
        "code": None,
        "data": "data/forecast",
        "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
        "loader_module": "forecast.pyfunc",
        "python_version": python,
        "streamable": False,
    }


def signature(forecasts: pd.DataFrame, settings: Settings) -> dict[str, str | None]:
    """Return MLflow's signature of a model: what its forecasts look like, and the parameters that a request may have.

    It says nothing about the input. MLflow refuses or changes columns that are not of the declared type, integer counts
    where floats are declared, zoned times, categories and gaps in integers among them; the model itself reads them all,
    and says what is wrong with a table.

    Args:
        forecasts: a table of forecasts.
        settings: the model's settings, whose horizon and quantiles stand for those that a request does not name.
    """
    params = [
        {"name": "horizon", "default": settings.horizon, "shape": None, "type": "long"},
        {"name": "quantiles", "default": list(settings.quantiles), "shape": [-1], "type": "double"},
        {"name": "samples", "default": NO_SAMPLES, "shape": None, "type": "long"},
    ]
    return {"inputs": None, "outputs": _schema(forecasts), "params": json.dumps(params)}


def _schema(frame: pd.DataFrame) -> str:
    def kind(column: pd.Series[Any]) -> str:
        dtype = getattr(column.dtype, "numpy_dtype", column.dtype)  # of Int64 and the like
        name = COLUMN_KINDS.get(dtype.kind) or COLUMN_KINDS.get(f"{dtype.kind}{getattr(dtype, 'itemsize', '')}")
        return name or ("long" if dtype.kind in "iu" else "string")

    columns = [(str(name), column) for name, column in frame.items()]
    return json.dumps(
        [{"type": kind(column), "name": name, "required": bool(column.notna().all())} for name, column in columns]
    )


def _example(fitted: FittedModel) -> tuple[Panel, Origins]:
    """Take the newest rows of a few series and their origins; rows after an origin are the future, without a target.

    Whatever library the table was of, the example is one of pandas.
    """
    context = fitted.context
    panel = context.take(np.arange(min(MAX_EXAMPLE_SERIES, context.n_series)))
    target, origins = panel.target.copy(), fitted.last_origins(panel)
    for begin, end in zip(origins.end, panel.indptr[1:], strict=True):
        target[begin:end] = np.nan
    return replace(panel, target=target, format=replace(panel.format, library="pandas")), origins


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Turn zoned times, periods and categories into text: MLflow infers a signature of them, but fails at predict."""
    frame = flat(frame)
    columns: dict[str, Any] = {}
    for name, column in frame.items():
        is_special = isinstance(column.dtype, pd.CategoricalDtype | pd.PeriodDtype | pd.DatetimeTZDtype)
        columns[str(name)] = column.astype("str") if is_special else column
    return pd.DataFrame(columns)
