"""Times that stand more than once in a series, and the columns that would tell the series apart."""

from __future__ import annotations

import shlex
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecast.datasets.errors import MAX_LISTED_PROBLEMS, Problem
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.readers import with_columns_left_out
from forecast.datasets.time.times import as_text

Integers = NDArray[np.int64]
MOST_COLUMNS_TRIED = 12
MOST_COLUMNS_NAMED = 2
MOST_SHORT = 0.1  # share of the series that may have a single row: a column that counts rows tells no series apart
MIN_DOUBLED = (
    0.5  # share of the rows, for whole numbers to tell series apart: of a few rows, quantities differ by chance
)


def duplicates(
    ids: NDArray[np.object_], series: Integers, times: Integers, integer: bool, roles: Columns, frame: pd.DataFrame
) -> list[Problem]:
    """List the times that stand more than once in a series.

    Args:
        ids: (series,) ids.
        series: (rows,) number of each row's series, ascending; -1 for a row without an id.
        times: (rows,) int64 times, ascending in each series.
        integer: whether times are plain integers.
        roles: the roles of the columns.
        frame: the long table, whose other columns may tell series apart.
    """
    repeated = np.flatnonzero((series[1:] == series[:-1]) & (times[1:] == times[:-1]) & (series[1:] >= 0))
    if not len(repeated):
        return []
    remedy = _remedy(telling_columns(with_columns_left_out(frame, roles), roles), roles)
    return [
        Problem(series=str(ids[series[row]]), column=roles.time, time=as_text(int(times[row]), integer),
                what="the time stands in several rows", expected="each time once a series", remedy=remedy)
        for row in repeated[:MAX_LISTED_PROBLEMS]
    ]  # fmt: skip


def telling_columns(frame: pd.DataFrame, roles: Columns) -> tuple[str, ...]:
    """Find the fewest columns without a role that make each time unique in its series, once they are ids, too.

    Args:
        frame: a long table with doubled times.
        roles: the roles of its columns.

    Returns:
        At most two names, in the order of the table; none where no such columns are found.
    """
    key = [*roles.ids, str(roles.time)]
    if not frame.columns.is_unique:
        return ()
    is_doubled = frame.duplicated(key, keep=False)
    candidates = _candidates(frame, roles, numbers=bool(is_doubled.mean() >= MIN_DOUBLED))
    doubled = frame.loc[is_doubled, [*key, *candidates]]
    if doubled.empty:  # the times are written in several ways
        return ()
    for size in range(1, MOST_COLUMNS_NAMED + 1):
        for names in combinations(candidates, size):
            if not doubled.duplicated([*key, *names]).any() and _are_series(frame, [*roles.ids, *names]):
                return tuple(name for name in frame.columns if name in names)
    return ()


def _candidates(frame: pd.DataFrame, roles: Columns, *, numbers: bool) -> list[str]:
    """List the columns without a role that may name a series: text, and whole numbers where `numbers` says so."""
    used = {*roles.ids, roles.time, roles.target, roles.observed, *roles.static, *roles.covariates}
    names = [name for name in frame.columns if isinstance(name, str) and name not in used and "," not in name]
    text = [name for name in names if _is_text(frame[name])]
    whole = [name for name in names if numbers and pd.api.types.is_integer_dtype(frame[name].dtype)]
    return [name for name in (*text, *whole) if frame[name].notna().all()][:MOST_COLUMNS_TRIED]


def _is_text(column: pd.Series) -> bool:
    return isinstance(column.dtype, pd.CategoricalDtype) or pd.api.types.infer_dtype(column) == "string"


def _are_series(frame: pd.DataFrame, names: list[str]) -> bool:
    """Return whether rows that these columns keep together are series, which have more rows than one."""
    rows = frame.groupby(names, sort=False, observed=True).size()
    return bool((rows == 1).mean() <= MOST_SHORT)


def _remedy(names: tuple[str, ...], roles: Columns) -> str:
    """Say what the user can do."""
    if not names:
        return "Keep one row of each time, or name the id column with id= (--id) if these are several series."
    text = ",".join((*roles.ids, *names))
    return f"Keep one row of each time, or name the columns that tell series apart: --id {shlex.quote(text)} (id={text!r})."
