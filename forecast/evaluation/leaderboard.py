"""The table that ranks models, and the rule that it ranks by."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

RANKING = ("mase", "smape")  # the first that is defined ranks models


def ranked(models: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Rank models by MASE, by sMAPE where no model has a MASE, else by the first metric that any model has.

    Args:
        models: by model, its metrics by name; of the ranking metric, lower is better.

    Returns:
        Names of the models, the best first. A model whose metric is not defined comes last.
    """
    key = ranking_metric(models)
    values = {model: metrics.get(key, math.nan) for model, metrics in models.items()}
    return sorted(models, key=lambda model: math.inf if math.isnan(values[model]) else values[model])


def ranking_metric(models: Mapping[str, Mapping[str, float]]) -> str:
    """Return the metric that `ranked` ranks these models by."""
    names = dict.fromkeys((*RANKING, *(name for metrics in models.values() for name in metrics)))

    def is_defined(name: str) -> bool:
        return any(not math.isnan(metrics.get(name, math.nan)) for metrics in models.values())

    return next(filter(is_defined, names), RANKING[0])


def leaderboard_frame(models: dict[str, dict[str, float]], reads: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Lay the metrics out as a table, in the order of `ranked`.

    Args:
        models: by model, its metrics by name.
        reads: by model, the covariates that it read, as text; None where no model has covariates.

    Returns:
        A row for each model, the best first: `model`, a column for each metric, and `reads` where it is given.
    """
    import pandas as pd

    names = list(models)
    frame = pd.DataFrame([{"model": name, **metrics} for name, metrics in models.items()])
    if reads is not None:
        frame["reads"] = [reads.get(name, "") for name in names]
    return frame.iloc[[names.index(name) for name in ranked(models)]].reset_index(drop=True)
