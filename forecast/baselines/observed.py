"""Which rows were observed, and what was observed last: a missing value is never read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forecast.datasets.panel import Panel
from forecast.datasets.windows.origins import Origins

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def observed_rows(panel: Panel) -> NDArray[np.bool_]:
    """Return whether the target of each row was observed, (rows,)."""
    return np.isfinite(panel.target)


def last_observed(panel: Panel) -> Integers:
    """Return the newest observed row at or before each row in its series, (rows,), -1 where there is none."""
    number, observed = np.arange(panel.n_rows), observed_rows(panel)
    if observed.all():
        return number
    newest = np.maximum.accumulate(np.where(observed, number, -1))
    return np.where(newest >= np.repeat(panel.indptr[:-1], panel.lengths), newest, -1)


def first_observed(panel: Panel) -> Integers:
    """Return the oldest observed row at or after each row, (rows,), whatever the series; past the end where none is."""
    number, observed = np.arange(panel.n_rows), observed_rows(panel)
    if observed.all():
        return number
    return np.minimum.accumulate(np.where(observed, number, panel.n_rows)[::-1])[::-1]


def filled(panel: Panel) -> Floats:
    """Return the target, (rows,) in the table's units, each missing value replaced by the last observed one.

    Where a cut panel begins with missing rows, the series' first observed value stands in for it.
    """
    if observed_rows(panel).all():
        return panel.target
    newest = last_observed(panel)
    return np.where(newest >= 0, panel.target[np.maximum(newest, 0)], np.repeat(panel.offset[:, 0], panel.lengths))


def rows_since_observed(panel: Panel, origins: Origins) -> Integers:
    """Return the missing rows between the last observed one and each origin, (n,); all rows where none is observed."""
    newest = last_observed(panel)[origins.end - 1]
    return origins.end - 1 - np.maximum(newest, panel.indptr[origins.series] - 1)


def rows_before(panel: Panel, origins: Origins, count: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the newest values before each origin, without gaps, and whether each was observed.

    Args:
        panel: the rows.
        origins: n origins.
        count: number of values for each origin.

    Returns:
        Values (n, count), the newest last, and the mask (n, count); values outside repeat the series' first one, and
        missing ones the last observed one.
    """
    rows = origins.end[:, None] + np.arange(-count, 0)
    first = panel.indptr[origins.series][:, None]
    inside, held, observed = rows >= first, np.maximum(rows, first), observed_rows(panel)
    return filled(panel)[held], inside if observed.all() else inside & observed[held]
