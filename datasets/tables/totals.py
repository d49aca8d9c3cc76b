"""Totals as targets: a table whose target is the sum, mean, maximum or minimum of the last rows of a series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd

from forecast.datasets.errors import ConfigError, DataError, Problem
from forecast.datasets.tables.columns import Columns, one_or_several
from forecast.datasets.tables.identity import give_ids
from forecast.datasets.tables.result import give_times
from forecast.datasets.tables.schema import panel_from_table

MAX_SERIES_NAMED = 10  # in an error
SINGLE_SUFFIX = "_each"  # of the column with each row's single value


def rolling(
    data: Any,
    rows: int,
    *,
    how: Literal["sum", "mean", "max", "min"] = "sum",
    id: str | Sequence[str] | None = None,
    time: str | None = None,
    target: str | None = None,
) -> pd.DataFrame:
    """Replace the target of each row by the sum, mean, maximum or minimum of the last `rows` rows up to it.

    Where `rows` is the horizon, the last step of a forecast of the new table is the total of the whole horizon, so a
    network that is trained on it learns to forecast the total itself, with quantiles. `forecast.aggregate` computes
    totals from sample paths instead.

    Args:
        data: a long or wide frame, a Series with a time index, or anything that narwhals reads.
        rows: number of rows in a window, at least 2.
        how: the aggregate of a window, which is "sum", "mean", "max" or "min"; "sum" by default.
        id: name of the id column, or of several; None finds it by its usual names.
        time: name of the time column; None finds it by its usual names.
        target: name of the target column; None finds it by its usual names.

    Returns:
        A long table with ids and time as they were, the new target, and the single values under the target's name with
        the suffix `_each`, which may serve as a past covariate. The first `rows` - 1 rows of each series have no full
        window and are left out. A window with a missing value is missing.

    Raises:
        ConfigError: if `rows` or `how` has another value.
        DataError: if the table has problems, or a series is shorter than a window.
    """
    problems = []
    if not isinstance(rows, int) or isinstance(rows, bool) or rows < 2:
        problems.append(Problem(what=f"rows={rows!r}", expected="a whole number of at least 2"))
    if how not in ("sum", "mean", "max", "min"):
        problems.append(Problem(what=f"how={how!r}", expected="one of sum, mean, max, min"))
    if problems:
        raise ConfigError("the target cannot be rolled", problems=problems)
    panel = panel_from_table(data, Columns(id=one_or_several(id), time=time, target=target))
    short = np.flatnonzero(panel.lengths < rows)
    if len(short):
        problems = [
            Problem(series=str(panel.ids[k]), what=f"{panel.lengths[k]} rows", expected=f"at least {rows}")
            for k in short[:MAX_SERIES_NAMED]
        ]
        raise DataError(f"{len(short)} series are shorter than a window", problems=problems, hint="Leave them out.")
    series = np.repeat(np.arange(panel.n_series), panel.lengths)
    row = np.arange(panel.n_rows) - panel.indptr[series]
    windows = pd.Series(panel.target).groupby(series).rolling(rows)
    fmt = panel.format
    columns: dict[str, Any] = give_ids(panel, series)
    columns[fmt.time] = give_times(panel, panel.grid.shift(panel.starts[series], row))
    columns[fmt.target] = getattr(windows, how)().to_numpy()
    columns[fmt.target + SINGLE_SUFFIX] = panel.target
    return pd.DataFrame(columns)[row >= rows - 1].reset_index(drop=True)
