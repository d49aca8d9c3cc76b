"""Many to one: a table whose target is what the last rows of a series add up to."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from forecast.datasets.errors import ConfigError, DataError, Problem
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.result import give_ids, give_times
from forecast.datasets.tables.schema import panel_from_table

LISTED = 10  # series that are named
EACH = "_each"


def rolling(
    data: Any,
    rows: int,
    *,
    how: Literal["sum", "mean", "max", "min"] = "sum",
    id: str | None = None,
    time: str | None = None,
    target: str | None = None,
) -> pd.DataFrame:
    """The target of each row replaced by the sum, mean, maximum or minimum of the last `rows` rows up to it.

    With `rows` the horizon, the last step of a forecast of this table is that of the whole horizon: a network that
    is trained on it learns to forecast the total itself. Quantiles of the total come with it; those of
    `forecast.aggregate` come from sample paths.

    Args:
        data: a long or wide frame, a Series with a time index, or anything narwhals reads.
        rows: how many, at least 2.
        how: sum, mean, max or min.
        id, time, target: columns, where they have other than the usual names.

    Returns:
        A long table: id and time (as they were), the target, and under its name with `_each` behind it what stood
        there before, which may be read as a past covariate. The first `rows` - 1 rows of each series have no full
        window and are left out; a window with a missing value is missing.

    Raises:
        ConfigError: if `rows` or `how` is not understood.
        DataError: with every problem of the table, or naming the series that are shorter than a window.
    """
    problems = []
    if not isinstance(rows, int) or isinstance(rows, bool) or rows < 2:
        problems.append(Problem(what=f"rows={rows!r}", expected="a whole number of at least 2"))
    if how not in ("sum", "mean", "max", "min"):
        problems.append(Problem(what=f"how={how!r}", expected="one of sum, mean, max, min"))
    if problems:
        raise ConfigError("the target cannot be rolled", problems=problems)
    panel = panel_from_table(data, Columns(id=id, time=time, target=target))
    short = np.flatnonzero(panel.lengths < rows)
    if len(short):
        listed = [
            Problem(series=str(panel.ids[k]), what=f"{panel.lengths[k]} rows", expected=f"at least {rows}")
            for k in short[:LISTED]
        ]
        raise DataError(f"{len(short)} series are shorter than a window", problems=listed, hint="Leave them out.")
    series = np.repeat(np.arange(panel.n_series), panel.lengths)
    row = np.arange(panel.n_rows) - panel.indptr[series]
    windows = pd.Series(panel.target).groupby(series).rolling(rows)
    fmt = panel.format
    columns: dict[str, Any] = {} if fmt.id is None else {fmt.id: give_ids(panel, series)}
    columns[fmt.time] = give_times(panel, panel.grid.shift(panel.starts[series], row))
    columns[fmt.target] = getattr(windows, how)().to_numpy()
    columns[fmt.target + EACH] = panel.target
    return pd.DataFrame(columns)[row >= rows - 1].reset_index(drop=True)
