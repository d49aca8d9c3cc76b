"""Pictures of forecasts: history, forecast, intervals, and what came."""

from __future__ import annotations

import math
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.errors import ConfigError
from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins, evenly_spread
from forecast.protocol import Prediction

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from forecast.evaluation.result import Evaluation

MOST_SERIES = 6
HISTORY = 3  # horizons of history shown, at least a season's worth of rows
LEAST_HISTORY = 36
HISTORY_COLOUR, FORECAST_COLOUR = "#444444", "#0b6fb8"
SUFFIXES = (".png", ".svg", ".pdf")


def some(origins: Origins, most: int = MOST_SERIES) -> Origins:
    """At most `most` origins, spread evenly over the series."""
    chosen = evenly_spread(len(origins), most)
    return Origins(origins.series[chosen], origins.end[chosen])


def plot_panel(panel: Panel, origins: Origins, prediction: Prediction, *, title: str = "") -> Figure:
    """A small picture for each origin.

    Args:
        panel: history, and what came after the origins where it is known.
        origins: a few.
        prediction: forecasts at those origins.
        title: of the whole.
    """
    from matplotlib.figure import Figure

    n = len(origins)
    n_columns = min(n, 2 if n <= 4 else 3)
    n_rows = math.ceil(n / n_columns)
    figure = Figure(
        figsize=(max(9.0, 5.2 * n_columns) if n > 1 else 9.0, 3.1 * n_rows + 0.7), layout="constrained", dpi=120
    )
    grid = figure.subplots(n_rows, n_columns, squeeze=False)
    for number, axes in enumerate(grid.ravel()):
        if number < n:
            _draw(axes, panel, origins[number : number + 1], number, prediction)
        else:
            axes.set_axis_off()
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def plot_evaluation(evaluation: Evaluation, *, max_series: int = MOST_SERIES) -> Figure:
    """The best model's forecasts at the last cutoff."""
    chosen = some(evaluation.last_origins, max_series)
    prediction = evaluation.fitted.predict(evaluation.panel, chosen)
    return plot_panel(evaluation.panel, chosen, prediction, title=evaluation.summary)


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a picture, whole or not at all.

    Raises:
        ConfigError: if the name does not end in .png, .svg or .pdf.
    """
    path = Path(path)
    check_picture(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(suffix=path.suffix, prefix=".", dir=path.parent)
    os.close(handle)
    try:
        figure.savefig(temporary)
        Path(temporary).chmod(0o644)
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return path


def check_picture(path: Path) -> None:
    """Refuse a name that no picture can have, before any work is done."""
    if path.suffix not in SUFFIXES:
        raise ConfigError(f"cannot draw to {path}", hint=f"Use a name ending in {', '.join(SUFFIXES)}.")


def _draw(axes: Axes, panel: Panel, origin: Origins, number: int, prediction: Prediction) -> None:
    series, end = int(origin.series[0]), int(origin.end[0])
    horizon = prediction.point.shape[1]
    first = max(int(panel.indptr[series]), end - max(HISTORY * horizon, LEAST_HISTORY))
    last = min(int(panel.indptr[series + 1]), end + horizon)
    past, ahead = np.arange(first, end), np.arange(end, end + horizon)
    axes.plot(_times(panel, series, past), panel.target[past], color=HISTORY_COLOUR, lw=1, label="history")
    when, point = _times(panel, series, ahead), prediction.point[number]
    if prediction.quantiles is not None:
        low, high = prediction.quantiles[number][:, 0], prediction.quantiles[number][:, -1]
        share = 100 * (prediction.levels[-1] - prediction.levels[0])
        axes.fill_between(when, low, high, color=FORECAST_COLOUR, alpha=0.2, lw=0, label=f"{share:.3g}% interval")
    marker = "o" if horizon == 1 else None
    axes.plot(when, point, color=FORECAST_COLOUR, lw=1.6, marker=marker, label="forecast")
    if last > end:
        rows = np.arange(end, last)
        axes.plot(_times(panel, series, rows), panel.target[rows], color=HISTORY_COLOUR, lw=1, ls=":", label="actual")
    axes.axvline(_times(panel, series, past[-1:])[0], color="#bbbbbb", lw=0.8, zorder=0)
    axes.set_title(str(panel.ids[series]), fontsize=9, loc="left")
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    if panel.grid.kind != "integer":
        _date_axis(axes)


def _times(panel: Panel, series: int, rows: NDArray[np.int64]) -> Any:
    times = panel.grid.shift(panel.starts[series], rows - panel.indptr[series])
    return times if panel.grid.kind == "integer" else times.astype("datetime64[us]")


def _date_axis(axes: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
