"""What a run keeps beside numbers: the data set's description, a picture, tables, the model."""

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

EXAMPLE_SERIES = 2


def log_dataset(run: MlflowRun, panel: Panel, source: str | None) -> None:
    """The data set with our own SHA-256: MLflow's digest reads 10,000 rows and ignores time zones."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    digest = panel_sha256(panel)
    about = Dataset(
        name=Path(source).stem if source else "table",
        digest=digest[:36],
        source_type="local" if source else "memory",
        source=json.dumps({"uri": source}),
        profile=json.dumps({**record.dataset(panel), "sha256": digest}),
    )
    run.client.log_inputs(str(run.run_id), [DatasetInput(about, [InputTag("mlflow.data.context", "training")])])


def log_figure(run: MlflowRun, fitted: FittedModel, panel: Panel, origins: Origins) -> None:
    """The picture of a few forecasts."""
    from forecast.insight.plotting import plot_panel, save_figure, some

    chosen = some(origins)
    figure = plot_panel(panel, chosen, fitted.predict(panel, chosen))
    run.artifact(lambda path: save_figure(figure, path), "forecast.png")


def log_memory(run: MlflowRun, fitted: FittedModel) -> None:
    """How far back a network remembers, as a table and a picture; nothing of other models."""
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
    """A frame as Parquet."""
    run.artifact(lambda path: frame.to_parquet(path, index=False), f"{name}.parquet")


def log_model(run: MlflowRun, fitted: FittedModel) -> None:
    """The model directory as a pyfunc that can be registered and served; nothing in it is code."""
    import mlflow
    from mlflow.models import Model, infer_signature

    panel, origins = _example(fitted)
    prediction = fitted.predict(panel, origins)
    example = panel_to_table(panel)
    answer = result_table(panel, origins, prediction.point, prediction.quantiles, prediction.levels)
    horizon = {"horizon": fitted.settings.horizon}
    with tempfile.TemporaryDirectory() as folder, as_current(run.uri), _silent():
        # MLflow would put it into its default experiment; it belongs beside its run
        where = run.client.get_run(run.run_id).info.experiment_id
        made = run.client.create_logged_model(where, name="model", source_run_id=run.run_id)
        Model.log(
            None,
            mlflow.pyfunc,
            model_id=made.model_id,
            run_id=run.run_id,
            loader_module="forecast.pyfunc",
            data_path=str(save(fitted, Path(folder) / "forecast")),
            signature=infer_signature(_plain(example), _plain(answer), params=horizon),
            input_example=(_plain(example), horizon),
            pip_requirements=[f"forecast-toolkit=={version('forecast-toolkit')}"],
        )
        run.client.finalize_logged_model(made.model_id, "READY")


def _example(fitted: FittedModel) -> tuple[Panel, Origins]:
    """The newest rows of a few series, the last ones without a target where these are the future, and the origins."""
    context = fitted.context
    few = context.take(np.arange(min(EXAMPLE_SERIES, context.n_series)))
    target, origins = few.target.copy(), fitted.last_origins(few)
    for begin, end in zip(origins.end, few.indptr[1:], strict=True):
        target[begin:end] = np.nan
    return replace(few, target=target), origins


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Types an MLflow signature holds on to: zones and categories pass inference and fail at predict."""
    frame = frame.reset_index() if isinstance(frame.index, pd.DatetimeIndex | pd.PeriodIndex) else frame
    columns: dict[str, Any] = {}
    for name, column in frame.items():
        simple = isinstance(column.dtype, pd.CategoricalDtype | pd.PeriodDtype | pd.DatetimeTZDtype)
        columns[str(name)] = column.astype("str") if simple else column
    return pd.DataFrame(columns)


@contextmanager
def _silent() -> Iterator[None]:
    """MLflow's advice while it packs a model is for people who write MLflow code."""
    logger = logging.getLogger("mlflow")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logger.setLevel(before)
