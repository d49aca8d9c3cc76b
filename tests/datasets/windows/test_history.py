"""What stands before and after an origin, by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecast.datasets.panel import Panel
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.history import actuals, ends_without_newest, mean_difference, scale_before
from forecast.datasets.windows.origins import Origins, evenly_spread

VALUES = [1, 5, 2, 7, 4, 4, 9, 9.0]


@pytest.fixture
def two() -> Panel:
    """A series of eight rows, and one of three with a hole."""
    frame = pd.DataFrame(
        {"unique_id": ["a"] * 8 + ["b"] * 3, "ds": [*range(8), *range(3)], "y": [*VALUES, 1, np.nan, 3]}
    )
    return panel_from_table(frame, Columns())


def test_actuals_end_with_the_series_and_are_unknown_in_holes(two: Panel) -> None:
    origins = Origins(np.array([0, 0, 1]), np.array([2, 7, 9]))
    expected = [[2, 7, 4], [9, np.nan, np.nan], [np.nan, 3, np.nan]]
    np.testing.assert_array_equal(actuals(two, origins, 3), expected)
    np.testing.assert_array_equal(actuals(two, origins, 2, gap=1), [row[1:] for row in expected])


def test_a_series_too_short_to_spare_rows_keeps_them_all(two: Panel) -> None:
    assert ends_without_newest(two, 2).tolist() == [6, 9]
    assert ends_without_newest(two, 3).tolist() == [5, 11]
    assert ends_without_newest(two, 2, least=2).tolist() == [6, 11]


def test_scale_before_an_origin_is_the_newest_seasonal_difference(two: Panel) -> None:
    origins = Origins(np.array([0, 0, 0]), np.array([1, 2, 6]))
    np.testing.assert_allclose(scale_before(two, origins, 2), [1.0, 4.0, np.mean([1, 2, 2, 3])])


def test_in_sample_scale_counts_observed_pairs_of_one_series(two: Panel) -> None:
    np.testing.assert_allclose(mean_difference(two, 2), [np.mean(np.abs(np.subtract(VALUES[2:], VALUES[:-2]))), 2])
    np.testing.assert_allclose(mean_difference(two, 1, power=2)[0], np.mean(np.diff(VALUES) ** 2))
    assert np.isnan(mean_difference(two, 1)[1])


def test_evenly_spread_numbers_reach_both_ends() -> None:
    assert evenly_spread(10, 4).tolist() == [0, 3, 6, 9]
    assert evenly_spread(3, 5).tolist() == [0, 1, 2]
    assert evenly_spread(0, 5).tolist() == []
