"""Forecasts in the form of a wide table become long again, whether they come from memory or from a file."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd

from forecast.datasets.tables.columns import TIMES, TableFormat, find
from forecast.datasets.tables.forms import columns_of, to_pandas
from forecast.datasets.tables.readers import flat
from forecast.datasets.tables.result import CUTOFF, FORECAST

OF_ALL_SERIES = (CUTOFF, "model", "source")
OF_A_SERIES = re.compile(r"(.+?)\.(forecast|q\d+(?:\.\d+)?)")  # as `flat` names them where there are quantiles


def narrowed(forecasts: Any, fmt: TableFormat) -> pd.DataFrame:
    """Return forecasts as a long frame of pandas, with a row for each series and time.

    Args:
        forecasts: a table as `predict` returns it or `write_table` writes it. Those of a wide table have a column for each
            series or, with quantiles, the columns `NAME.forecast`, `NAME.q10` and so on.
        fmt: form of the table that was forecast.
    """
    if fmt.kind != "wide":
        return columns_of(forecasts, fmt)
    frame = flat(forecasts if fmt.library == "dict" else to_pandas(forecasts)[0])
    names = list(map(str, frame.columns))
    if FORECAST in names and FORECAST not in fmt.order:
        return frame
    time = fmt.time if fmt.time in names else find(None, TIMES, names, "time", needed=False)[0] or names[0]
    frame = frame.set_axis(names, axis=1).rename(columns={time: fmt.time})
    return _stacked(
        frame, [fmt.time, *(name for name in OF_ALL_SERIES if name in names and name not in fmt.order)], fmt
    )


def _stacked(frame: pd.DataFrame, shared: list[str], fmt: TableFormat) -> pd.DataFrame:
    """Put the columns of each series below those of the one before, beside the shared ones."""
    own: dict[str, dict[str, str]] = {}
    for name in frame.columns.difference(shared, sort=False):
        found = None if name in fmt.order else OF_A_SERIES.fullmatch(name)
        series, kind = (name, FORECAST) if found is None else found.groups()
        own.setdefault(series, {})[name] = kind
    (id,) = fmt.ids
    parts = [frame[[*shared, *columns]].rename(columns=columns).assign(**{id: s}) for s, columns in own.items()]
    long = pd.concat(parts, ignore_index=True)
    return long[[id, *long.columns.drop(id)]]
