"""Cutoffs: where they stand, and who is left out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from forecast.datasets.errors import ConfigError, DataError
from forecast.datasets.panel import Panel
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.cutoffs import RollingOrigin, cutoffs_between, last_cutoffs


def _ends(panel: Panel, cutoffs: list) -> list[list[int]]:  # type: ignore[type-arg]
    return [(c.origins.end - panel.indptr[c.origins.series]).tolist() for c in cutoffs]


def test_last_cutoffs_count_back_from_each_end(panel: Panel) -> None:
    found = last_cutoffs(panel, horizon=6, n_cutoffs=3, step=2, gap=1)
    assert _ends(panel, found) == [[69] * 3, [71] * 3, [73] * 3]


def test_a_short_series_is_skipped_and_named() -> None:
    table = pd.concat([pd.DataFrame({"unique_id": n, "ds": range(k), "y": 1.0}) for n, k in (("a", 5), ("b", 20))])
    [cutoff] = last_cutoffs(panel_from_table(table, Columns()), horizon=8)
    assert cutoff.skipped == ("a",)
    assert cutoff.origins.series.tolist() == [1]


def test_a_horizon_longer_than_every_series(panel: Panel) -> None:
    with pytest.raises(DataError, match="longer than every series"):
        last_cutoffs(panel, horizon=80)


def test_between_two_times(panel: Panel) -> None:
    found = cutoffs_between(panel, horizon=3, first="2005-01-01", last="2005-12-01", gap=1)
    assert _ends(panel, found) == [[59] * 3, [62] * 3, [65] * 3, [68] * 3]
    with pytest.raises(DataError, match="no series has 3 rows"):
        cutoffs_between(panel, horizon=3, first="2006-07-01")
    with pytest.raises(ConfigError, match="no time of this table"):
        cutoffs_between(panel, horizon=3, first="soon")


@pytest.mark.parametrize("wrong", [{"horizon": 0}, {"n_cutoffs": 0}, {"step": 0}, {"gap": -1}])
def test_impossible_numbers(panel: Panel, wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="at least"):
        last_cutoffs(panel, **{"horizon": 3, **wrong})


def test_splitter_for_scikit_learn() -> None:
    groups = np.repeat(["a", "b"], [30, 12])
    splitter = RollingOrigin(horizon=4, n_splits=2, gap=1)
    splits = list(splitter.split(np.zeros((42, 1)), groups=groups))
    assert len(splits) == splitter.get_n_splits() == 2
    for (train, test), back in zip(splits, (9, 5), strict=True):
        assert train.tolist() == [*range(30 - back), *range(30, 42 - back)]
        assert test.tolist() == [*range(31 - back, 35 - back), *range(43 - back, 47 - back)]


def test_splitter_works_in_cross_validation() -> None:
    from sklearn.linear_model import LinearRegression
    from sklearn.model_selection import cross_val_score

    x = np.arange(40.0)[:, None]
    found = cross_val_score(LinearRegression(), x, 2 * x[:, 0], cv=RollingOrigin(horizon=5, n_splits=3))
    assert found == pytest.approx([1, 1, 1])
