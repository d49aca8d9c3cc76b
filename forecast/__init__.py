"""Time-series forecasting around recurrent networks: fit, predict, evaluate, compare."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecast.datasets.catalog import list_datasets as list_datasets
    from forecast.datasets.catalog import load_dataset as load_dataset
    from forecast.datasets.errors import ForecastError as ForecastError
    from forecast.datasets.tables.totals import rolling as rolling
    from forecast.evaluation.metrics import Metric as Metric
    from forecast.evaluation.result import Evaluation as Evaluation
    from forecast.evaluation.scoring import score as score
    from forecast.evaluator import evaluate as evaluate
    from forecast.forecaster import Forecaster as Forecaster
    from forecast.forecaster import load as load
    from forecast.future_rows import future_frame as future_frame
    from forecast.insight.explanation import explain as explain
    from forecast.insight.gradients import memory_profile as memory_profile
    from forecast.insight.permutation import importance as importance
    from forecast.records.winners import best as best
    from forecast.settings import Settings as Settings
    from forecast.storage.directory import verify as verify
    from forecast.tracking.comparison import compare as compare
    from forecast.tracking.recall.history import runs as runs
    from forecast.uncertainty.paths import aggregate as aggregate
    from forecast.uncertainty.paths import crps as crps

# The public names and where they live; a name is imported when it is first used, so that `import forecast` is free.
_HOMES = {
    "Evaluation": "forecast.evaluation.result",
    "ForecastError": "forecast.datasets.errors",
    "Forecaster": "forecast.forecaster",
    "Metric": "forecast.evaluation.metrics",
    "Settings": "forecast.settings",
    "aggregate": "forecast.uncertainty.paths",
    "best": "forecast.records.winners",
    "compare": "forecast.tracking.comparison",
    "crps": "forecast.uncertainty.paths",
    "evaluate": "forecast.evaluator",
    "explain": "forecast.insight.explanation",
    "future_frame": "forecast.future_rows",
    "importance": "forecast.insight.permutation",
    "list_datasets": "forecast.datasets.catalog",
    "load": "forecast.forecaster",
    "load_dataset": "forecast.datasets.catalog",
    "memory_profile": "forecast.insight.gradients",
    "rolling": "forecast.datasets.tables.totals",
    "runs": "forecast.tracking.recall.history",
    "score": "forecast.evaluation.scoring",
    "verify": "forecast.storage.directory",
}

__all__ = [  # resolved by __getattr__
    "Evaluation",
    "ForecastError",
    "Forecaster",
    "Metric",
    "Settings",
    "aggregate",
    "best",
    "compare",
    "crps",
    "evaluate",
    "explain",
    "future_frame",
    "importance",
    "list_datasets",
    "load",
    "load_dataset",
    "memory_profile",
    "rolling",
    "runs",
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
