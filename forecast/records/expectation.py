"""What was to be expected of a forecast: its model's backtest, and the forecast before it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.datasets.tables.result import FORECAST
from forecast.tracking.comparing.results import BY_CUTOFF, BY_HORIZON, FORECASTS
from forecast.tracking.forecasts import KIND
from forecast.tracking.recall.finding import search
from forecast.tracking.recall.lineage import evaluation_of

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from numpy.typing import NDArray

    Read = Callable[[str, str], pd.DataFrame | None]

JUDGED_BY = ("mase", "smape", "mae")  # the first that the actuals and the backtest both have tells the drift
DATASET = "forecast.dataset_sha256"


@dataclass(frozen=True, kw_only=True)
class Backtest:
    """The backtest that is on record of a model.

    Args:
        run_id: id of its run.
        metrics: metrics by name over the steps that have arrived, each weighted by how often it has.
        by_cutoff: by metric, its values at the cutoffs, which show how much is chance.
    """

    run_id: str
    metrics: dict[str, float]
    by_cutoff: dict[str, list[float]] = field(default_factory=dict)


def backtest_of(client: MlflowClient, run: Run, steps: NDArray[np.int64], read: Read) -> Backtest | None:
    """Return the backtest of the model that made a prediction; None where there is none on record.

    Args:
        client: client of the store.
        run: run of the prediction.
        steps: (n,) of each forecast that was scored, its step, counted from 1.
        read: it reads a table of a run.
    """
    found = evaluation_of(client, run)
    if found is None:
        return None
    run_id = str(found.info.run_id)
    metrics = {name.removeprefix("test/"): value for name, value in found.data.metrics.items()}
    by_step, by_cutoff = read(run_id, BY_HORIZON), read(run_id, BY_CUTOFF)
    if by_step is not None:
        metrics |= _over(by_step, steps)
    known = {} if by_cutoff is None else {n: by_cutoff[n].tolist() for n in JUDGED_BY if n in by_cutoff}
    return Backtest(run_id=run_id, metrics=metrics, by_cutoff=known)


def _over(by_step: pd.DataFrame, steps: NDArray[np.int64]) -> dict[str, float]:
    """Return metrics over some steps, each weighted by how often it occurs; none where a step was not backtested."""
    weights = np.bincount(steps, minlength=len(by_step) + 1)[1:].astype(float)
    if len(weights) > len(by_step):
        return {}
    table = by_step.drop(columns="step").to_numpy(np.float64)
    values = (np.where(weights[:, None] > 0, table, 0.0) * weights[:, None]).sum(axis=0) / weights.sum()
    return {str(n): float(v) for n, v in zip(by_step.columns[1:], values, strict=True) if math.isfinite(v)}


def drift(metrics: dict[str, float], expected: dict[str, float]) -> tuple[str, float] | None:
    """Return the metric that tells the drift, and how many times as large it is as was expected; None where none does."""
    for name in JUDGED_BY:
        here, there = metrics.get(name, math.nan), expected.get(name, math.nan)
        if math.isfinite(here) and math.isfinite(there) and there > 0:
            return name, here / there
    return None


def churn_of(client: MlflowClient, run: Run, read: Read) -> tuple[str, float] | None:
    """Return the id of the prediction before, from older rows, and how far this one has moved away from it.

    The churn is the symmetric mean absolute percentage change of the forecasts of the same series and times, 0 to 200:
    Van Belle, Crevits and Verbeke (2023), "Improving forecast stability using deep learning". A pair of zeros has none.

    Args:
        client: client of the store.
        run: run of the prediction.
        read: it reads a table of a run.
    """
    now = read(run.info.run_id, FORECASTS)
    if now is None or FORECAST not in now.columns:
        return None
    older = f"tags.`forecast.kind` = '{KIND}' AND attributes.start_time < {run.info.start_time}"
    other_rows = f"tags.`{DATASET}` != '{run.data.tags.get(DATASET, '')}'"
    for before in search(client, [run.info.experiment_id], f"{older} AND {other_rows}"):
        then = read(before.info.run_id, FORECASTS)
        value = math.nan if then is None else change(now, then)
        if math.isfinite(value):
            return str(before.info.run_id), value
    return None


def change(now: pd.DataFrame, then: pd.DataFrame) -> float:
    """Return the symmetric mean absolute percentage change of one table of forecasts against another.

    Args:
        now: a long table of forecasts.
        then: another one.

    Returns:
        The mean over what both forecast, 0 to 200; NaN where they have no series and time in common.
    """
    keys = [name for name in now.columns[: now.columns.get_loc(FORECAST)] if name != "cutoff"]
    if (
        not keys
        or not {*keys, FORECAST} <= set(then.columns)
        or now.duplicated(keys).any()
        or then.duplicated(keys).any()
    ):
        return math.nan
    both = _text(now, keys).merge(_text(then, keys), on=keys, suffixes=("", "_then"))
    if not len(both):
        return math.nan
    new, old = (both[name].to_numpy(np.float64) for name in (FORECAST, f"{FORECAST}_then"))
    size = np.abs(new) + np.abs(old)
    return float(np.mean(np.divide(200 * np.abs(new - old), size, out=np.zeros_like(size), where=size > 0)))


def _text(frame: pd.DataFrame, keys: list[Any]) -> pd.DataFrame:
    """Return keys and forecasts, with the keys as text: tables that were read apart may hold them as other types."""
    return frame[[*keys, FORECAST]].astype(dict.fromkeys(keys, str))
