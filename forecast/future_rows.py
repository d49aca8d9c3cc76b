"""The table that `predict` takes as `future`, before anybody has filled in what is known ahead."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from forecast.architectures import architecture
from forecast.datasets.errors import ConfigError
from forecast.datasets.tables.future import blank_future
from forecast.fitted import fitted_of
from forecast.forecaster import Forecaster, load
from forecast.progress import tell


def future_frame(model: Forecaster | str | Path, data: Any = None, *, horizon: int | None = None) -> Any:
    """Lay out the rows and columns that `predict` wants as `future`, with the known covariates still blank.

    Args:
        model: a fitted forecaster, or its model directory.
        data: newer rows, or other series, as they will be given to `predict`; None goes on from the rows that the model
            was fitted on.
        horizon: steps to forecast; None takes those that the model was trained for. A model with known covariates reads
            as many as it was trained for, even where fewer are asked for.

    Returns:
        The ids and the next times of each series, and an empty column for each known covariate, in the form of the
        training table. Static and past columns are not in it. The columns stand without covariates where the model
        reads none of the future: then `predict` needs no `future`, which is said on stderr.

    Raises:
        ModelError: if the model is not fitted.
        DataError: with every problem of a table.
        ConfigError: if there is no step to forecast, or the model forecasts series without a history, whose rows are
            the user's to name.

    Example:
        >>> future = future_frame(model)  # doctest: +SKIP
        >>> model.predict(future=future.assign(promo=0))  # doctest: +SKIP
    """
    forecaster = model if isinstance(model, Forecaster) else load(model)
    fitted = fitted_of(forecaster)
    settings = fitted.settings
    if architecture(settings.model).cold:
        columns = ", ".join(("an id", "a time", *settings.known, *settings.static))
        hint = f"Write a row for each series and step, with {columns}."
        raise ConfigError(f"{settings.model} forecasts series without a history: nothing says which rows", hint=hint)
    steps = settings.horizon if horizon is None else horizon
    if steps < 1:
        raise ConfigError(f"horizon={steps} is no number of steps", hint="Ask for at least 1.")
    panel = fitted.context if data is None else forecaster.panel(data)
    if fitted.reads_the_future(panel):
        return blank_future(panel, max(steps, settings.horizon))
    tell(f"{settings.model} reads no covariates of the future: predict needs no future table")
    return blank_future(panel.with_roles(replace(settings.columns, known=())), steps)
