"""What a forecast of the combiner is made of: the weights of cheap forecasts, and their past errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.combining.joiners import SLOT_WORDS
from forecast.combining.zero import Zero
from forecast.datasets.errors import ConfigError, DataError, Problem
from forecast.datasets.windows.origins import Origins
from forecast.fitted import BehindTables, fitted_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

MOST_NAMED = 5  # forecasts in the words of a series
LEAST_NAMED = 0.05  # weight of a forecast that is named
MOST_DRAWN = 6  # series


@dataclass(frozen=True, eq=False)
class Explanation:
    """What forecasts are made of.

    Args:
        table: a row for each series, step and forecast of the pool that has a weight: `series`, `step` (from 1),
            `forecast` in words, `weight` (they sum to 1 over the forecasts), and `past_error`, its mean absolute error
            at earlier origins in units of the errors to expect; NaN where it is not known.
    """

    table: pd.DataFrame

    @property
    def words(self) -> str:
        """Return a line for each series with its heaviest forecasts, their weights averaged over the steps."""
        means = self.table.groupby(["series", "forecast"], sort=False)["weight"].sum().reset_index()
        steps = self.table["step"].max()
        lines = []
        for series, part in means.groupby("series", sort=False):
            heavy = part.assign(weight=part["weight"] / steps).sort_values("weight", ascending=False, kind="stable")
            named = heavy[heavy["weight"] >= LEAST_NAMED].head(MOST_NAMED)
            named = named if len(named) else heavy.head(1)
            said = [f"{name} {weight:.2f}" for name, weight in zip(named["forecast"], named["weight"], strict=True)]
            lines.append(f"{series}: {', '.join(said)}")
        return "\n".join(lines)

    def plot(self) -> Figure:
        """Draw the weights over the horizon as stacked areas, of the first six series."""
        from matplotlib.figure import Figure

        names = list(self.table["series"].unique()[:MOST_DRAWN])
        figure = Figure(figsize=(9, 2.4 * len(names) + 0.6), layout="constrained")
        every = figure.subplots(len(names), 1, squeeze=False, sharex=True)[:, 0]
        heaviest = self.table.groupby("forecast")["weight"].sum().sort_values(ascending=False).index[:8]
        for axes, name in zip(every, names, strict=True):
            part = self.table[self.table["series"] == name].pivot(index="step", columns="forecast", values="weight")
            shown = [forecast for forecast in heaviest if forecast in part]
            rest = 1 - part[shown].sum(axis=1)
            colours = [f"C{list(heaviest).index(forecast)}" for forecast in shown]
            stacked = [*(part[forecast].fillna(0.0) for forecast in shown), rest]
            axes.stackplot(part.index, *stacked, labels=[*shown, "others"], colors=[*colours, "0.8"])
            axes.set(title=str(name), ylabel="weight", ylim=(0, 1), xlim=(1, max(part.index.max(), 2)))
        every[-1].set_xlabel("step")
        figure.legend(*every[0].get_legend_handles_labels(), loc="outside right upper", fontsize=8)
        return figure


def explain(forecaster: BehindTables, data: Any = None, *, series: Sequence[str] | None = None) -> Explanation:
    """Say what the newest forecasts of model `zero` are made of.

    Args:
        forecaster: a fitted forecaster of model `zero`.
        data: a table to forecast from; None, the default, forecasts from the training rows.
        series: ids of the series to explain; None, the default, for all.

    Raises:
        ConfigError: if the model combines no forecasts.
        DataError: if there is no such series.
    """
    import pandas as pd

    fitted = fitted_of(forecaster)
    model = fitted.model
    if not isinstance(model, Zero):
        hint = "Use `importance` to see what its inputs are worth."
        raise ConfigError(f"{fitted.settings.model} does not combine forecasts of a pool, as zero does", hint=hint)
    panel = fitted.context if data is None else forecaster.panel(data)
    ids = [str(name) for name in panel.ids]
    wanted = ids if series is None else [str(name) for name in series]
    unknown = [Problem(series=name, what="there is no such series") for name in wanted if name not in set(ids)]
    if unknown:
        raise DataError("a series is not in the table", problems=unknown)
    numbers = np.array([ids.index(name) for name in wanted], np.int64)
    weights, errors = model.explained(panel, Origins(numbers, panel.indptr[numbers + 1]))
    number, step, slot = np.nonzero(weights > 0)
    said = np.array(SLOT_WORDS, object)
    return Explanation(
        pd.DataFrame(
            {
                "series": np.array(wanted, object)[number],
                "step": step + 1,
                "forecast": said[slot],
                "weight": weights[number, step, slot],
                "past_error": errors[number, slot],
            }
        )
    )
