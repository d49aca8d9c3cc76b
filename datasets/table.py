"""A panel as the long table it came from."""

from __future__ import annotations

import numpy as np
import pandas as pd

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
        values = panel.values[:, number] + panel.offset[series, number]
        columns[channel.name] = np.where(panel.observed[:, number], values, np.nan)
    for name in panel.static.columns:
        columns[name] = panel.static[name].to_numpy()[series]
    return pd.DataFrame(columns)
