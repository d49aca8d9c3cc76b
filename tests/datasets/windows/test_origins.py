"""Windows around origins, and panels that share their rows."""

from __future__ import annotations

import numpy as np

from forecast.datasets.panel import Panel
from forecast.datasets.synthetic import synthetic
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.origins import Origins, gather
from forecast.models.covariate_encoding import Covariates


def _panel() -> Panel:
    table = synthetic(3, 40, freq=None)
    table["price"] = np.arange(len(table)) % 7.0
    return panel_from_table(table, Columns(past=("price",)))


def test_windows_inside_their_series_equal_those_read_row_by_row() -> None:
    panel = _panel()
    origins = Origins(np.array([0, 2, 1]), panel.indptr[[0, 2, 1]] + np.array([10, 30, 25]))
    window = gather(panel, origins, before=10, after=5)
    rows = origins.end[:, None] + np.arange(-10, 5)
    assert np.array_equal(window.values, panel.values[rows])
    assert window.observed.all()
    assert window.values.flags.c_contiguous
    assert window.values.flags.writeable, "a batch is its own copy"


def test_one_window_across_an_end_changes_no_other_window() -> None:
    panel = _panel()
    inside = Origins(np.array([1]), panel.indptr[[1]] + 20)
    both = Origins(np.array([1, 1]), panel.indptr[[1, 1]] + np.array([20, 3]))
    alone, beside = gather(panel, inside, before=10, after=5), gather(panel, both, before=10, after=5)
    assert np.array_equal(alone.values[0], beside.values[0])
    assert np.array_equal(alone.observed[0], beside.observed[0])
    assert not beside.observed[1, :7].any()


def test_a_panel_that_loses_nothing_is_not_copied() -> None:
    panel = panel_from_table(synthetic(3, 40, freq=None), Columns())
    assert panel.truncate(panel.indptr[1:]) is panel
    assert panel.take(np.arange(3)) is panel
    assert panel.tail(40) is panel
    assert Covariates.of(panel).encode(panel) is panel
    cut = panel.truncate(panel.indptr[1:] - np.array([0, 5, 0]))
    assert cut.lengths.tolist() == [40, 35, 40]


def test_the_callers_table_keeps_its_values_whatever_is_done_to_the_panel() -> None:
    table = synthetic(2, 30, freq=None)
    before = table.copy(deep=True)
    panel = panel_from_table(table, Columns())
    assert not np.shares_memory(panel.target, table["y"].to_numpy())
    assert table.equals(before)
