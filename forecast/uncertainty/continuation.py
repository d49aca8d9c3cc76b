"""Beyond the trained horizon: a model goes on block by block, each block reading the medians of those before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.panel import Panel
from forecast.datasets.tables.future import lengthened
from forecast.datasets.windows.origins import Origins
from forecast.protocol import MEDIAN, Prediction

Floats = NDArray[np.float64]
Predict = Callable[[Panel, Origins], Prediction]


def continued(predict: Predict, panel: Panel, origins: Origins, steps: int, levels: tuple[float, ...]) -> Prediction:
    """Forecast more steps than a model was trained for.

    The first block is the model's own forecast. Those after it read the medians before them as if they had been
    observed, so that their own quantiles say nothing of how uncertain these are. What the interval had grown by from a
    block's first step to its last is therefore carried on, as independent errors add up: the interval of a random walk
    goes on to grow with the root of the step, and that of noise around a level stays as it is.

    Args:
        predict: it forecasts a block at any origins; the blocks of all origins have the same length.
        panel: the rows; with known covariates, also those of the steps to forecast.
        origins: n origins, at most one of each series.
        steps: number of steps.
        levels: quantile levels in (0, 1), ascending, to forecast beside the point; none gives a point forecast.

    Returns:
        (n, steps) forecasts.
    """
    assert len(np.unique(origins.series)) == len(origins), "a series goes on from one origin"
    if not panel.numbers("known"):
        panel, origins = _with_room(panel, origins, steps)
    all_levels = tuple(sorted({*levels, MEDIAN})) if levels else ()
    blocks: list[Prediction] = []
    done = 0
    while done < steps:
        block = predict(panel, Origins(origins.series, origins.end + done)).at(all_levels)
        blocks.append(_widened(block, blocks[-1]) if blocks and levels else block)
        panel = _with_medians(panel, Origins(origins.series, origins.end + done), block.point)
        done += block.point.shape[1]
    point = np.concatenate([block.point for block in blocks], axis=1)
    quantiles = np.concatenate([block.quantiles for block in blocks], axis=1) if levels else None
    return Prediction(point, all_levels, quantiles, is_mean=blocks[0].is_mean).steps(slice(steps))


def _widened(block: Prediction, before: Prediction) -> Prediction:
    """Add what the interval before a block had grown by to the block's quantiles, on each side of the point."""
    assert block.quantiles is not None, "there are levels"
    assert before.quantiles is not None, "there are levels"
    reached = (before.quantiles - before.point[:, :, None])[:, -1:]  # (n, 1, levels)
    own = block.quantiles - block.point[:, :, None]
    carried = np.maximum(reached**2 - own[:, :1] ** 2, 0.0)
    quantiles = block.point[:, :, None] + np.sign(own) * np.sqrt(own**2 + carried)
    return replace(block, quantiles=quantiles, inverse=None)


def _with_room(panel: Panel, origins: Origins, steps: int) -> tuple[Panel, Origins]:
    """Cut each series at its origin, and append empty rows for the steps; series without an origin end as they do."""
    ends = panel.indptr[1:].copy()
    ends[origins.series] = origins.end
    longer = lengthened(panel.truncate(ends), steps)  # no series is cut to nothing: an origin has a row before it
    return longer, Origins(origins.series, longer.indptr[origins.series + 1] - steps)


def _with_medians(panel: Panel, origins: Origins, point: Floats) -> Panel:
    """Write the forecasts, (n, horizon), into the rows after their origins, as far as there are rows."""
    rows = origins.end[:, None] + np.arange(point.shape[1])
    inside = rows < panel.indptr[origins.series + 1][:, None]
    at, series = rows[inside], np.broadcast_to(origins.series[:, None], rows.shape)[inside]
    values, observed, target = panel.values.copy(), panel.observed.copy(), panel.target.copy()
    target[at] = point[inside]
    values[at, 0] = (point[inside] - panel.offset[series, 0]).astype(np.float32)
    observed[at, 0] = True
    last = np.broadcast_to(origins.end[:, None] - 1, rows.shape)[inside]
    for number in panel.numbers("past"):
        values[at, number], observed[at, number] = panel.values[last, number], False
    return replace(panel, values=values, observed=observed, target=target)
