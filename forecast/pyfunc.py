"""The model that MLflow serves: it takes a table and returns a table of forecasts."""

from __future__ import annotations

import logging
import os
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import pandas as pd

from forecast.datasets.errors import ConfigError, DataError, ForecastError, Problem
from forecast.datasets.tables.readers import flat
from forecast.forecaster import load
from forecast.settings import Settings

if TYPE_CHECKING:
    from mlflow.exceptions import MlflowException

PARAMS = ("horizon", "quantiles", "samples")
IS_SERVER = "_MLFLOW_IS_IN_SERVING_ENVIRONMENT"  # an environment variable that MLflow's scoring server sets
CHECKS = "mlflow.models.utils"  # the logger of MLflow's checks
WARNING = "Unrecognized params"  # how MLflow begins to say which parameters it keeps from the model

_warning: ContextVar[str | None] = ContextVar("forecast_unknown_params", default=None)
_log = logging.getLogger(__name__)


class ServedModel:
    """A saved model that forecasts from the rows of each request.

    Args:
        directory: path of a model directory.

    Raises:
        ModelError: if the directory is missing, damaged or of another schema.
    """

    def __init__(self, directory: str) -> None:
        self.forecaster = load(directory)
        checks = logging.getLogger(CHECKS)
        if _remember_warning not in checks.filters:
            checks.addFilter(_remember_warning)

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """Forecast the steps after each series' last row.

        Args:
            model_input: a table as `Forecaster.predict` takes it, whose series are forecast from their last row on. Rows
                without a target at the end of a series are the future, where the model knows covariates.
            params: `horizon`, `quantiles` and `samples` of `Forecaster.predict`; those that are not there are as the model
                was trained, and `samples=0` draws no paths.

        Returns:
            The table that `Forecaster.predict` returns; on a server, whose JSON knows neither an index nor periods, these
            are columns and text.

        Raises:
            MlflowException: with the message, the hint and the problems of the `ForecastError`, which are in the answer of
                MLflow's server, too; its status is 400 where the request is to blame and 500 where the model is.
        """
        try:
            _refuse_unknown_params()
            return self._forecast(model_input, **(params or {}))
        except ForecastError as error:
            raise _as_mlflow_says_it(error) from error
        except Exception as error:  # MLflow would send the traceback to whoever asked
            _log.exception("the model failed")
            raise _as_mlflow_says_it(ForecastError(f"the model failed: {type(error).__name__}: {error}")) from error

    def _forecast(
        self, table: Any, *, horizon: int | None = None, quantiles: list[float] | None = None, samples: int = 0
    ) -> Any:
        trained = self.forecaster.settings
        steps = trained.horizon if horizon is None else horizon
        levels = trained.quantiles if quantiles is None else tuple(map(float, quantiles))
        Settings.of({"horizon": steps, "quantiles": levels})  # nobody waits for a million steps of a server
        answer = self.forecaster.predict(table, horizon=steps, quantiles=levels, samples=samples or None)
        return _for_json(answer) if _is_server() else answer


def _load_pyfunc(data_path: str) -> ServedModel:
    """Load the model; MLflow calls this function by its name."""
    return ServedModel(data_path)


def _is_server() -> bool:
    return os.environ.get(IS_SERVER) == "true"


def _for_json(answer: Any) -> pd.DataFrame:
    frame = flat(answer)
    return frame.astype({name: "str" for name, dtype in frame.dtypes.items() if isinstance(dtype, pd.PeriodDtype)})


def _remember_warning(record: logging.LogRecord) -> bool:
    """Remember that MLflow leaves out parameters; each request to the server has a context of its own."""
    if record.getMessage().startswith(WARNING):
        _warning.set(record.getMessage())
    return True


def _refuse_unknown_params() -> None:
    """Refuse a request with parameters that there are not: its sender does not read the server's log, where MLflow says it.

    Raises:
        ConfigError: if there were such parameters.
    """
    warning = _warning.get()
    _warning.set(None)
    if warning is not None and _is_server():
        problem = Problem(what=warning.partition(" are ignored")[0], expected=", ".join(PARAMS))
        raise ConfigError("the request has parameters that there are not", problems=[problem])


def _as_mlflow_says_it(error: ForecastError) -> MlflowException:
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import INTERNAL_ERROR, INVALID_PARAMETER_VALUE

    code = INVALID_PARAMETER_VALUE if isinstance(error, ConfigError | DataError) else INTERNAL_ERROR
    return MlflowException(str(error), error_code=code, error=error.as_dict())
