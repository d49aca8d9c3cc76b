"""Artifacts of a run: a description of the data set, pictures, tables and the model."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forecast.datasets.fingerprint import panel_sha256
from forecast.datasets.tables.result import panel_to_table, result_table
from forecast.storage.saving import save
from forecast.tracking import record
from forecast.tracking.store import as_current

if TYPE_CHECKING:
    from forecast.datasets.panel import Panel
    from forecast.datasets.windows.origins import Origins
    from forecast.fitted import FittedModel
    from forecast.tracking.mlflow_run import MlflowRun

MAX_EXAMPLE_SERIES = 2


def log_dataset(run: MlflowRun, panel: Panel, source: str | None) -> None:
    """Record the data set with our own SHA-256, because MLflow's digest reads 10,000 rows and ignores time zones.

    Args:
        run: the run.
        panel: the rows that the model learnt from or was evaluated on.
        source: path of the table's file; None where the table came from memory.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    digest = panel_sha256(panel)
    entry = Dataset(
        name=Path(source).stem if source else "table",
        digest=digest[:36],
        source_type="local" if source else "memory",
        source=json.dumps({"uri": source}),
        profile=json.dumps({**record.dataset(panel), "sha256": digest}),
    )
    run.client.log_inputs(str(run.run_id), [DatasetInput(entry, [InputTag("mlflow.data.context", "training")])])


def log_figure(run: MlflowRun, fitted: FittedModel, panel: Panel, origins: Origins) -> None:
    """Store a picture of a few forecasts."""
    from forecast.insight.plotting import plot_panel, save_figure, some

    chosen = some(origins)
    figure = plot_panel(panel, chosen, fitted.predict(panel, chosen))
    run.artifact(lambda path: save_figure(figure, path), "forecast.png")


def log_memory(run: MlflowRun, fitted: FittedModel) -> None:
    """Store a network's memory profile as a table and a picture; other models have none."""
    from forecast.insight.diagnostics import plot_memory
    from forecast.insight.gradients import gradient_profile, is_profiled
    from forecast.insight.plotting import save_figure

    if not is_profiled(fitted):
        return
    profile = gradient_profile(fitted)
    log_table(run, profile, "memory_profile")
    figure = plot_memory(profile, label=fitted.settings.model)
    run.artifact(lambda path: save_figure(figure, path), "memory_profile.png")


def log_table(run: MlflowRun, frame: pd.DataFrame, name: str) -> None:
    """Store a frame as Parquet."""
    run.artifact(lambda path: frame.to_parquet(path, index=False), f"{name}.parquet")


def log_model(run: MlflowRun, fitted: FittedModel) -> None:
    """Store the model directory as a pyfunc that can be registered and served; nothing in it is code."""
    import mlflow
    from mlflow.models import Model, infer_signature

    panel, origins = _example(fitted)
    prediction = fitted.predict(panel, origins)
    example = panel_to_table(panel)
    forecasts = result_table(panel, origins, prediction.point, prediction.quantiles, prediction.levels)
    horizon = {"horizon": fitted.settings.horizon}
    with tempfile.TemporaryDirectory() as folder, as_current(run.uri), _silent():
        # MLflow would put it into its default experiment; it belongs beside its run
        experiment_id = run.client.get_run(run.run_id).info.experiment_id
        logged = run.client.create_logged_model(experiment_id, name="model", source_run_id=run.run_id)
        Model.log(
            None,
            mlflow.pyfunc,
            model_id=logged.model_id,
            run_id=run.run_id,
            loader_module="forecast.pyfunc",
            data_path=str(save(fitted, Path(folder) / "forecast")),
            signature=infer_signature(_plain(example), _plain(forecasts), params=horizon),
            input_example=(_plain(example), horizon),
            pip_requirements=[f"forecast-toolkit=={version('forecast-toolkit')}"],
        )
        run.client.finalize_logged_model(logged.model_id, "READY")


def _example(fitted: FittedModel) -> tuple[Panel, Origins]:
    """Take the newest rows of a few series and their origins; rows after an origin are the future, without a target."""
    context = fitted.context
    panel = context.take(np.arange(min(MAX_EXAMPLE_SERIES, context.n_series)))
    target, origins = panel.target.copy(), fitted.last_origins(panel)
    for begin, end in zip(origins.end, panel.indptr[1:], strict=True):
        target[begin:end] = np.nan
    return replace(panel, target=target), origins


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Turn zoned times, periods and categories into text: MLflow infers a signature of them, but fails at predict."""
    frame = frame.reset_index() if isinstance(frame.index, pd.DatetimeIndex | pd.PeriodIndex | pd.MultiIndex) else frame
    columns: dict[str, Any] = {}
    for name, column in frame.items():
        is_special = isinstance(column.dtype, pd.CategoricalDtype | pd.PeriodDtype | pd.DatetimeTZDtype)
        columns[str(name)] = column.astype("str") if is_special else column
    return pd.DataFrame(columns)


@contextmanager
def _silent() -> Iterator[None]:
    """Silence the advice that MLflow gives while it packs a model; it is for people who write MLflow code."""
    logger = logging.getLogger("mlflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(level)
