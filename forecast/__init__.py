"""Time-series forecasting around recurrent networks: fit, predict, evaluate, compare."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecast.artifact import verify as verify
    from forecast.backtest import evaluate as evaluate
    from forecast.datasets.catalog import list_datasets as list_datasets
    from forecast.datasets.catalog import load_dataset as load_dataset
    from forecast.datasets.errors import ForecastError as ForecastError
    from forecast.datasets.rolling import rolling as rolling
    from forecast.evaluation import Evaluation as Evaluation
    from forecast.explain import importance as importance
    from forecast.explain import memory_profile as memory_profile
    from forecast.forecaster import Forecaster as Forecaster
    from forecast.leaderboard import compare as compare
    from forecast.paths import aggregate as aggregate
    from forecast.paths import crps as crps
    from forecast.saving import load as load
    from forecast.scoring import score as score
    from forecast.settings import Settings as Settings

# The public names and where they live; a name is imported when it is first used, so that `import forecast` is free.
_HOMES = {
    "Evaluation": "forecast.evaluation",
    "ForecastError": "forecast.datasets.errors",
    "Forecaster": "forecast.forecaster",
    "Settings": "forecast.settings",
    "aggregate": "forecast.paths",
    "compare": "forecast.leaderboard",
    "crps": "forecast.paths",
    "evaluate": "forecast.backtest",
    "importance": "forecast.explain",
    "list_datasets": "forecast.datasets.catalog",
    "load": "forecast.saving",
    "load_dataset": "forecast.datasets.catalog",
    "memory_profile": "forecast.explain",
    "rolling": "forecast.datasets.rolling",
    "score": "forecast.scoring",
    "verify": "forecast.artifact",
}

__all__ = [  # resolved by __getattr__
    "Evaluation",
    "ForecastError",
    "Forecaster",
    "Settings",
    "aggregate",
    "compare",
    "crps",
    "evaluate",
    "importance",
    "list_datasets",
    "load",
    "load_dataset",
    "memory_profile",
    "rolling",
    "score",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
