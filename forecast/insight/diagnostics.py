"""Pictures that look inside: what a network remembers, and how honest its quantiles are."""

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
    """How often the actual lay at or below each quantile.

    Args:
        forecasts: with quantile columns and the actual under the target's name.
        target: that name.
        levels: of the quantiles.

    Returns:
        Columns `model` (where there are several), `level`, `observed` and `points`; `observed` near `level` is honest.
        Of counts it lies above, since many actuals are equal to a quantile.
    """
    import pandas as pd

    known = forecasts[forecasts[target].notna()]
    models = known["model"].unique() if "model" in known else [None]
    rows = []
    for model in models:
        part = known if model is None else known[known["model"] == model]
        for level in levels:
            share = float((part[target] <= part[quantile_column(level)]).mean())
            row = {"level": level, "observed": share, "points": len(part)}
            rows.append(row if model is None else {"model": model, **row})
    return pd.DataFrame(rows)


def plot_calibration(frame: pd.DataFrame) -> Figure:
    """Observed share against level; the diagonal is honest."""
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
    """The profile of `memory_profile` on a logarithmic scale: a vanishing gradient is a line that falls."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 3.4), layout="constrained", dpi=120)
    axes = figure.subplots()
    norm = np.maximum(profile["norm"].to_numpy(), 1e-12)
    axes.semilogy(profile["lag"], norm, color=FORECAST_COLOUR, lw=1.6, marker="." if len(norm) < 60 else None)
    axes.set(xlabel="lag in rows", ylabel="gradient of the forecast", title=label)
    axes.title.set_color(HISTORY_COLOUR)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
