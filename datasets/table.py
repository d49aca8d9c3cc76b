"""A panel as the long table it came from."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.panel import Panel
from forecast.datasets.result import give_ids, give_times


def panel_to_table(panel: Panel) -> pd.DataFrame:
    """Id (where the table had one), time, target, covariates and static columns; missing values are NaN."""
    series = np.repeat(np.arange(panel.n_series), panel.lengths)
    steps = np.arange(panel.n_rows) - np.repeat(panel.indptr[:-1], panel.lengths)
    fmt = panel.format
    columns = {fmt.id: give_ids(panel, series)} if fmt.id is not None else {}
    columns[fmt.time] = give_times(panel, panel.grid.shift(panel.starts[series], steps))
    columns[fmt.target] = panel.target
    for number, channel in enumerate(panel.channels[1:], start=1):
        values = np.where(panel.observed[:, number], panel.values[:, number] + panel.offset[series, number], np.nan)
        columns[channel.name] = values if channel.categories is None else _names(channel.categories, values)
    for name in panel.static.columns:
        columns[name] = panel.static[name].to_numpy()[series]
    return pd.DataFrame(columns)


def _names(categories: tuple[str, ...], codes: NDArray[np.float64]) -> NDArray[np.object_]:
    """Names of the codes, None where missing."""
    listed = np.array([*categories, None], object)
    return listed[np.where(np.isnan(codes), len(categories), codes).astype(np.int64)]
