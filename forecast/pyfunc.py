"""The model that MLflow serves: it takes a table and returns a table of forecasts."""

from __future__ import annotations

from typing import Any

import pandas as pd

from forecast.forecaster import load


class ServedModel:
    """A saved model that forecasts from the rows of each request.

    Args:
        directory: path of a model directory.

    Raises:
        ModelError: if the directory is missing, damaged or of another schema.
    """

    def __init__(self, directory: str) -> None:
        self.forecaster = load(directory)

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Forecast the steps after each series' last row.

        Args:
            model_input: a table as the model was fitted on, whose series are forecast from their last row on.
            params: `horizon` may be another number of steps than the model was trained for.

        Returns:
            A table of forecasts, as `Forecaster.predict` makes it.
        """
        horizon = (params or {}).get("horizon")
        return self.forecaster.predict(model_input, horizon=None if horizon is None else int(horizon))


def _load_pyfunc(data_path: str) -> ServedModel:
    """Load the model; MLflow calls this function by its name."""
    return ServedModel(data_path)
