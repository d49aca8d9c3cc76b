"""Pictures of forecasts: each shows the history, the forecast, its interval, and the actuals where they exist."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.errors import ConfigError
from forecast.datasets.panel import Panel
from forecast.datasets.temporary import beside
from forecast.datasets.windows.origins import Origins, evenly_spread
from forecast.protocol import Prediction

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from forecast.evaluation.result import Evaluation

MAX_SERIES = 6
HORIZONS_OF_HISTORY, MIN_ROWS_OF_HISTORY = 3, 36  # the longer of the two is shown
HISTORY_COLOUR, FORECAST_COLOUR = "#444444", "#0b6fb8"
SUFFIXES = (".png", ".svg", ".pdf")


def some(origins: Origins, most: int = MAX_SERIES) -> Origins:
    """Choose at most `most` of the origins, spread evenly over them."""
    chosen = evenly_spread(len(origins), most)
    return Origins(origins.series[chosen], origins.end[chosen])


def plot_panel(panel: Panel, origins: Origins, prediction: Prediction, *, title: str = "") -> Figure:
    """Draw one small picture for each origin.

    Args:
        panel: the rows before the origins, and the actuals after them where there are any.
        origins: n origins; each gets a picture, so n should be small (see `some`).
        prediction: (n, horizon) forecasts at those origins, with quantiles for an interval.
        title: title of the whole figure; it has none by default.
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


def plot_evaluation(evaluation: Evaluation, *, max_series: int = MAX_SERIES) -> Figure:
    """Draw the best model's forecasts at the last cutoff, of at most `max_series` series."""
    chosen = some(evaluation.last_origins, max_series)
    panel = evaluation.panel.with_roles(evaluation.fitted.settings.columns)
    prediction = evaluation.fitted.predict(panel, chosen)
    return plot_panel(panel, chosen, prediction, title=evaluation.summary)


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a picture; after an interruption the file is the old one or the new one, never half of one.

    Raises:
        ConfigError: if the name does not end in .png, .svg or .pdf.
    """
    path = Path(path)
    check_picture(path)
    with beside(path, suffix=path.suffix) as temporary:
        figure.savefig(temporary)
        temporary.chmod(0o644)
        os.replace(temporary, path)
    return path


def check_picture(path: Path) -> None:
    """Refuse a file name that no picture can have, before any work is done.

    Raises:
        ConfigError: if the name does not end in .png, .svg or .pdf.
    """
    if path.suffix not in SUFFIXES:
        raise ConfigError(f"cannot draw to {path}", hint=f"Use a name ending in {', '.join(SUFFIXES)}.")


def _draw(axes: Axes, panel: Panel, origin: Origins, number: int, prediction: Prediction) -> None:
    series, end = int(origin.series[0]), int(origin.end[0])
    horizon = prediction.point.shape[1]
    first = max(int(panel.indptr[series]), end - max(HORIZONS_OF_HISTORY * horizon, MIN_ROWS_OF_HISTORY))
    last = min(int(panel.indptr[series + 1]), end + horizon)
    past, ahead = np.arange(first, end), np.arange(end, end + horizon)
    axes.plot(_times(panel, series, past), panel.target[past], color=HISTORY_COLOUR, lw=1, label="history")
    times, point = _times(panel, series, ahead), prediction.point[number]
    if prediction.quantiles is not None:
        low, high = prediction.quantiles[number][:, 0], prediction.quantiles[number][:, -1]
        percent = 100 * (prediction.levels[-1] - prediction.levels[0])
        axes.fill_between(times, low, high, color=FORECAST_COLOUR, alpha=0.2, lw=0, label=f"{percent:.3g}% interval")
    marker = "o" if horizon == 1 else None  # one point has no line
    axes.plot(times, point, color=FORECAST_COLOUR, lw=1.6, marker=marker, label="forecast")
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
    """Return the times of flat rows of a series; rows after its end are counted on along the grid."""
    times = panel.grid.shift(panel.starts[series], rows - panel.indptr[series])
    return times if panel.grid.kind == "integer" else times.astype("datetime64[us]")


def _date_axis(axes: Axes) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=7)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
