"""Pictures that judge a model: the rows that its network remembers, and whether its quantiles are calibrated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forecast.datasets.errors import ConfigError
from forecast.datasets.tables.result import quantile_column
from forecast.insight.plotting import FORECAST_COLOUR, HISTORY_COLOUR

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def calibration_frame(forecasts: pd.DataFrame, target: str, levels: tuple[float, ...]) -> pd.DataFrame:
    """Count how often the actual lay at or below each quantile.

    Args:
        forecasts: a table of forecasts with quantile columns, the actual under the target's name, and a column `model`
            where there are several; rows without an actual are left out.
        target: name of the target's column.
        levels: quantile levels in (0, 1) that have a column.

    Returns:
        A row for each model and level: `model` (where there are several), `level`, `observed`, the share of actuals at
        or below the quantile (0 to 1), and `points`, the number of actuals. Calibrated quantiles have `observed` near
        `level`. For counts `observed` lies above it, because many actuals equal a quantile.
    """
    import pandas as pd

    scored = forecasts[forecasts[target].notna()]
    models = scored["model"].unique() if "model" in scored else [None]
    rows = []
    for model in models:
        part = scored if model is None else scored[scored["model"] == model]
        for level in levels:
            observed = float((part[target] <= part[quantile_column(level)]).mean())
            row = {"level": level, "observed": observed, "points": len(part)}
            rows.append(row if model is None else {"model": model, **row})
    return pd.DataFrame(rows)


def plot_calibration(frame: pd.DataFrame) -> Figure:
    """Draw the observed share against the level; calibrated quantiles lie on the diagonal.

    Args:
        frame: a table as `calibration_frame` returns it.

    Raises:
        ConfigError: if the table has no rows.
    """
    from matplotlib.figure import Figure

    if not len(frame):
        raise ConfigError("there are no quantiles to draw", hint="Evaluate with quantiles= (--quantiles).")
    figure = Figure(figsize=(4.8, 4.8), layout="constrained", dpi=120)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="#bbbbbb", lw=0.8)
    groups = frame.groupby("model", sort=False) if "model" in frame else [("observed", frame)]
    for name, part in groups:
        axes.plot(part["level"], part["observed"], "o-", lw=1.4, label=str(name))
    axes.set(xlabel="level", ylabel="share at or below the quantile", xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def plot_memory(profile: pd.DataFrame, *, label: str = "") -> Figure:
    """Draw the table of `memory_profile` on a logarithmic scale, where a vanishing gradient is a line that falls.

    Args:
        profile: columns `lag` and `norm`.
        label: title of the picture; it has none by default.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 3.4), layout="constrained", dpi=120)
    axes = figure.subplots()
    norm = np.maximum(profile["norm"].to_numpy(), 1e-12)
    axes.semilogy(profile["lag"], norm, color=FORECAST_COLOUR, lw=1.6, marker="." if len(norm) < 60 else None)
    axes.set(xlabel="lag in rows", ylabel="gradient of the forecast", title=label)
    axes.title.set_color(HISTORY_COLOUR)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
