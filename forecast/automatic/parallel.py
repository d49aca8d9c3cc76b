"""Networks that do not need each other, trained side by side in processes."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from forecast.datasets.panel import Panel
from forecast.models.recurrent import RecurrentModel
from forecast.settings import Settings

LEAST_SECONDS = 0.1  # for a model that begins after the deadline
Result = tuple[dict[str, NDArray[Any]], Settings, dict[str, str], list[dict[str, float]]]


def fit_all(
    models: list[RecurrentModel], panel: Panel, workers: int, deadline: float | None = None
) -> list[RecurrentModel]:
    """Fit each model on the panel, `workers` at a time; the result is the same for any number of workers.

    Args:
        models: unfitted.
        panel: the training rows.
        workers: processes.
        deadline: on the clock of `time.perf_counter`, when all shall be done: each model plans for its share of what
            is left when it begins.
    """
    workers = min(workers, len(models))
    if workers <= 1:
        return [_in_time(model, deadline, len(models) - number).fit(panel) for number, model in enumerate(models)]
    models = [_in_time(model, deadline, -(-len(models) // workers)) for model in models]
    from joblib import Parallel, delayed  # type: ignore[import-untyped]  # comes with scikit-learn; its processes need no guard in the user's script

    tasks = [
        delayed(_fit)(model.cell, model.settings, model.season_length, model.steps_share, panel) for model in models
    ]
    for model, result in zip(models, Parallel(n_jobs=workers, return_as="generator")(tasks), strict=True):
        state, resolved, reasons, history = result
        model.restore(state)
        model.resolved, model.reasons, model.history = resolved, reasons, history
    return models


def _in_time(model: RecurrentModel, deadline: float | None, rounds: int) -> RecurrentModel:
    if deadline is not None:
        left = max((deadline - time.perf_counter()) / rounds, LEAST_SECONDS)
        model.settings = replace(model.settings, max_time=f"{left:.3f}s")
    return model


def _fit(cell: str, settings: Settings, season_length: int, share: float, panel: Panel) -> Result:
    model = RecurrentModel(cell, cell, settings, season_length, steps_share=share).fit(panel)
    return model.state(), model.resolved, model.reasons, model.history
