"""Origins of validation: where they lie, and that they come at all phases."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.automatic.validation import MOST_ORIGINS, Validation, origins_at_all_phases
from forecast.datasets.panel import Panel
from forecast.datasets.synthetic import synthetic
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table


def _panel(n_series: int, rows: int) -> Panel:
    return panel_from_table(synthetic(n_series, rows, seed=1, freq=None), Columns())


def test_origins_lie_a_horizon_apart_in_the_rows_held_back() -> None:
    panel = _panel(1, 40)
    origins = origins_at_all_phases(panel, held=18, horizon=6, season_length=1)
    assert (40 - origins.end).tolist() == [18, 12, 6]  # without a season there are no phases


def test_origins_come_at_all_phases_of_a_season() -> None:
    origins = origins_at_all_phases(_panel(40, 60), held=24, horizon=12, season_length=12)
    assert set((origins.end % 12).tolist()) == set(range(12))


@pytest.mark.parametrize(
    ("held", "horizon", "season"), [(5, 6, 12), (6, 6, 12), (30, 6, 7), (30, 6, 400), (48, 24, 24)]
)
def test_origins_stay_in_the_rows_held_back_with_a_horizon_after_them(held: int, horizon: int, season: int) -> None:
    panel = _panel(7, 80)
    origins = origins_at_all_phases(panel, held, horizon, season)
    back = panel.indptr[origins.series + 1] - origins.end
    assert len(back)
    assert (back <= held).all()
    assert (back >= min(held, horizon)).all()


def test_short_series_have_no_origins_and_many_series_a_limited_number() -> None:
    assert len(origins_at_all_phases(_panel(3, 9), held=6, horizon=6, season_length=1)) == 0  # 3 rows are left, not 4
    assert len(origins_at_all_phases(_panel(3, 10), held=6, horizon=6, season_length=1)) == 3
    assert len(origins_at_all_phases(_panel(700, 12), held=6, horizon=6, season_length=1)) == MOST_ORIGINS


def test_the_scale_reads_no_row_that_is_held_back() -> None:
    panel = _panel(2, 40)
    spoilt = panel.target.copy()
    spoilt[[34, 39, 79]] = 1e9
    kinds = {"held": 6, "horizon": 6, "season_length": 12}
    clean = Validation(panel=panel, **kinds)
    poisoned = Validation(panel=Panel(**{**panel.__dict__, "target": spoilt}), **kinds)
    assert np.array_equal(clean.scale, poisoned.scale)
    assert poisoned.actual.max() == 1e9
    assert clean.earlier.lengths.tolist() == [34, 34]
