"""Index arithmetic: what a crop reads, and that every row is visited."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.datasets.errors import ConfigError
from forecast.datasets.panel import Panel
from forecast.datasets.synthetic import synthetic
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.crops import CropPlan, WindowSpec
from forecast.datasets.windows.datamodule import ForecastDataModule
from forecast.datasets.windows.origins import Origins, gather


def test_gather_reads_what_a_slice_reads(panel: Panel) -> None:
    origins = Origins(np.array([0, 2]), np.array([40, panel.indptr[2] + 30]))
    window = gather(panel, origins, before=12, after=3)
    for row, end in enumerate(origins.end):
        assert np.array_equal(window.values[row], panel.values[end - 12 : end + 3])
    assert window.observed.all()


def test_gather_masks_what_lies_outside(panel: Panel) -> None:
    window = gather(panel, Origins(np.array([1]), panel.indptr[1:2] + 2), before=5, after=1)
    assert window.observed[0, :, 0].tolist() == [False, False, False, True, True, True]
    assert (window.values[0, :3] == panel.values[panel.indptr[1]]).all()


@settings(max_examples=30, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    segment=st.integers(1, 4),
    n_segments=st.integers(1, 5),
    horizon=st.integers(1, 8),
    seed=st.integers(0, 5),
)
def test_crops_stay_inside_their_series(
    lengths: list[int], segment: int, n_segments: int, horizon: int, seed: int
) -> None:
    table = synthetic(len(lengths), 40, freq=None)
    kept = table.groupby("unique_id").cumcount() < table["unique_id"].map(
        {f"s{k}": length for k, length in enumerate(lengths)}
    )
    panel = panel_from_table(table[kept], Columns(), freq="1")
    spec = WindowSpec(lookback=segment * n_segments, horizon=horizon, segment=segment, origins=n_segments)
    plan = CropPlan(panel, spec, seed)
    if not len(plan):
        assert max(lengths) == 1
        return
    origins = plan.draw(0, 3 * len(plan) + 1)
    assert (origins.end > panel.indptr[origins.series]).all()
    assert (origins.end < panel.indptr[origins.series + 1]).all(), "a row is left to forecast"
    again = CropPlan(panel, spec, seed).draw(len(plan) // 2, len(plan))
    assert np.array_equal(again.end, origins.end[len(plan) // 2 :][: len(plan)]), "a pure function of seed and number"


def test_every_row_becomes_an_origin() -> None:
    panel = panel_from_table(synthetic(1, 60), Columns())
    spec = WindowSpec(lookback=8, horizon=4, segment=4, origins=2)
    plan = CropPlan(panel, spec, seed=0)
    drawn = plan.draw(0, 200 * len(plan))
    seen = set(drawn.end.tolist()) | set((drawn.end - 4).tolist())
    assert set(range(8, 57)) <= seen


def test_window_spec_lists_what_does_not_fit() -> None:
    with pytest.raises(ConfigError, match="multiple of segment=5"):
        WindowSpec(lookback=12, horizon=1, segment=5)
    with pytest.raises(ConfigError, match="horizon=0"):
        WindowSpec(lookback=12, horizon=0)


def test_data_module_has_four_loaders(panel: Panel) -> None:
    spec = WindowSpec(lookback=24, horizon=6, segment=6, origins=2)
    data = ForecastDataModule(panel, spec, batch_size=4, steps=3, val_size=6)
    [batches] = list(data.train_dataloader())
    assert [len(batch.values) for batch in batches] == [4, 4, 4]
    [validation] = list(data.val_dataloader())
    assert validation.scored[:, -6:].all(), "the cut is scored"
    assert not validation.scored[:, :-6].any(), "and nothing before it"
    [test], [last] = list(data.test_dataloader()), list(data.predict_dataloader())
    assert len(test.values) == len(last.values) == panel.n_series


def test_training_rows_end_before_the_validation_cut(panel: Panel) -> None:
    spec = WindowSpec(lookback=12, horizon=6)
    data = ForecastDataModule(panel, spec, batch_size=64, steps=4, val_size=10)
    assert data.train.lengths.tolist() == [70, 70, 70]


def test_crops_looked_up_ahead_are_those_drawn_one_by_one(panel: Panel) -> None:
    spec = WindowSpec(lookback=12, horizon=6, segment=2, origins=3)
    plan = CropPlan(panel, spec, 1)
    ahead = [plan.draw(first, 5) for first in range(0, 4 * len(plan), 5)]
    single = [CropPlan(panel, spec, 1).draw(number, 1) for number in range(5 * len(ahead))]
    assert np.concatenate([o.end for o in ahead]).tolist() == [int(o.end[0]) for o in single]
    assert np.concatenate([o.series for o in ahead]).tolist() == [int(o.series[0]) for o in single]


def test_an_epoch_goes_on_where_the_one_before_ended(panel: Panel) -> None:
    spec = WindowSpec(lookback=12, horizon=6)
    whole = ForecastDataModule(panel, spec, batch_size=4, steps=6)
    halves = ForecastDataModule(panel, spec, batch_size=4, steps=3)
    batches = [*halves.training_batches(0), *halves.training_batches(1)]
    for one, other in zip(whole.training_batches(), batches, strict=True):
        assert np.array_equal(one.values, other.values)
