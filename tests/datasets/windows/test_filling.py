"""What stands in the place of a missing target, by hand and by its promises."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from forecast.datasets.panel import Panel
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.filling import fill_from_season, fill_missing

SEASON = [0.0, 5.0, 1.0]


def _panel(*series: list[float]) -> Panel:
    parts = [pd.DataFrame({"unique_id": f"s{k}", "ds": range(len(y)), "y": y}) for k, y in enumerate(series)]
    return panel_from_table(pd.concat(parts), Columns())


def _values(panel: Panel) -> list[float]:
    return (panel.values[:, 0] + np.repeat(panel.offset[:, 0], panel.lengths)).tolist()


def test_a_gap_repeats_the_season_before_it_moved_by_its_drift() -> None:
    rising = [10 + 2 * (k // 3) + SEASON[k % 3] for k in range(18)]  # two more a season
    holes = [*range(10, 14), 17]  # longer than a season, and one at the end
    table = [np.nan if k in holes else value for k, value in enumerate(rising)]
    np.testing.assert_allclose(_values(fill_from_season(_panel(table), 3)), rising, rtol=1e-6)


def test_the_first_season_keeps_the_last_observed_value() -> None:
    assert _values(fill_from_season(_panel([4, np.nan, 6, 7, np.nan]), 3)) == [4, 4, 6, 7, 4 + (7 - 4)]


def test_a_row_is_filled_from_rows_before_it_whatever_stands_beside_and_behind() -> None:
    random = np.random.default_rng(0)
    many = [random.normal(size=50) for _ in range(4)]
    for values in many:
        values[1:][random.random(49) < 0.4] = np.nan
    whole = fill_from_season(_panel(*map(list, many)), 7)
    alone = fill_from_season(_panel(list(many[2])), 7)
    part = slice(*whole.indptr[2:4])
    np.testing.assert_array_equal(whole.values[part], alone.values)
    cut = whole.indptr[:-1] + 30
    early = fill_from_season(_panel(*map(list, many)).truncate(cut), 7)
    np.testing.assert_array_equal(early.values, whole.truncate(cut).values)


def test_what_stood_in_the_place_of_a_missing_value_does_not_matter() -> None:
    panel = _panel([1, 2, 3, np.nan, 5, np.nan, np.nan, 8])
    poisoned = panel.values.copy()
    poisoned[[5, 6], 0] = 1e9
    clean, spoilt = fill_from_season(panel, 2), fill_from_season(replace(panel, values=poisoned), 2)
    np.testing.assert_array_equal(clean.values, spoilt.values)


def test_a_complete_panel_is_the_same_object() -> None:
    panel = _panel([1, 2, 3])
    assert fill_missing(panel, 2) is panel
