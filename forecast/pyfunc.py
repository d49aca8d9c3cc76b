"""The door for MLflow: a model as it is served, a table in, a table out."""

from __future__ import annotations

from typing import Any

import pandas as pd

from forecast.forecaster import load


class ServedModel:
    """Forecasts for the rows it is given.

    Args:
        directory: a model directory.
    """

    def __init__(self, directory: str) -> None:
        self.forecaster = load(directory)

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Forecast the steps after each series' last row; `params` may name a shorter `horizon`."""
        given = params or {}
        horizon = given.get("horizon")
        return self.forecaster.predict(model_input, horizon=None if horizon is None else int(horizon))


def _load_pyfunc(data_path: str) -> ServedModel:
    """MLflow's door."""
    return ServedModel(data_path)
