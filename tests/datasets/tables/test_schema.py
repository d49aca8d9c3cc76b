"""Tables in: every dress is understood, every problem is named, nothing is repaired in silence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.datasets.errors import ConfigError, DataError
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.result import panel_to_table
from forecast.datasets.tables.schema import panel_from_table


def _panel(table: Any, freq: str | None = None, **roles: Any) -> Any:
    return panel_from_table(table, Columns(**roles), freq=freq)


def _monthly(n: int = 24) -> pd.DataFrame:
    return pd.DataFrame({"ds": pd.date_range("2020-01-01", periods=n, freq="MS"), "y": np.arange(float(n))})


def test_one_series_without_id() -> None:
    panel = _panel(_monthly())
    assert panel.n_series == 1
    assert panel.grid.freq == "MS"
    assert panel.format.id is None


@pytest.mark.parametrize("names", [("item_id", "timestamp", "target"), ("series_id", "date", "value")])
def test_usual_names(names: tuple[str, str, str]) -> None:
    table = _monthly().assign(unique_id="a")[["unique_id", "ds", "y"]].set_axis(list(names), axis=1)
    fmt = _panel(table).format
    assert (fmt.id, fmt.time, fmt.target) == names


def test_ids_stay_text() -> None:
    table = pd.concat([_monthly().assign(unique_id=name) for name in ("001", "NA")])
    assert list(_panel(table).ids) == ["001", "NA"]


def test_wide_and_series() -> None:
    wide = pd.DataFrame(
        {"a": np.arange(30.0), "b": np.arange(30.0)}, index=pd.date_range("2024", periods=30, name="ds")
    )
    assert _panel(wide).n_series == 2
    assert _panel(wide["a"]).n_series == 1
    assert _panel(wide["a"].to_period("D")).grid.freq == "D"


def test_gaps_and_missing_values_are_masked_and_said() -> None:
    table = _monthly().drop(index=5)
    table.loc[7, "y"] = np.nan
    panel = _panel(table)
    assert panel.n_rows == 24
    assert list(np.flatnonzero(~panel.observed[:, 0])) == [5, 7]
    assert panel.values[5, 0] == panel.values[4, 0], "a masked value is the last observed one"
    assert panel.notes


def test_large_levels_keep_their_digits() -> None:
    table = _monthly().assign(y=lambda t: 1e9 + t["y"])
    panel = _panel(table)
    assert np.array_equal(panel.values[:, 0], np.arange(24, dtype=np.float32))


@settings(max_examples=25, deadline=None)
@given(
    st.randoms(use_true_random=False), st.integers(1, 4), st.sampled_from(["h", "15min", "D", "W-WED", "MS", "QE", "B"])
)
def test_row_order_changes_nothing_and_tables_come_back(random: Any, n_series: int, freq: str) -> None:
    stamps = pd.date_range("2021-03-31", periods=30, freq=freq)
    parts = [pd.DataFrame({"unique_id": f"s{k}", "ds": stamps[k:], "y": np.arange(30.0 - k)}) for k in range(n_series)]
    table = pd.concat(parts, ignore_index=True)
    order = list(range(len(table)))
    random.shuffle(order)
    first, second = _panel(table), _panel(table.iloc[order])
    for name in ("values", "observed", "target", "offset", "indptr", "starts"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name
    assert first.grid == second.grid
    back = panel_to_table(second)
    pd.testing.assert_frame_equal(back, table.astype({"ds": back["ds"].dtype}), check_dtype=False)


BAD: dict[str, tuple[Any, str, str]] = {
    "missing column": (_monthly().drop(columns="y"), "y", "no target column"),
    "duplicates": (pd.concat([_monthly(), _monthly().iloc[[3]]]), "2020-04-01", "several rows"),
    "text": (_monthly().astype({"y": "str"}).replace({"y": {"3.0": "lots"}}), "lots", "number"),
    "infinite": (_monthly().replace({"y": {3.0: np.inf}}), "2020-04-01", "finite"),
    "off the grid": (_monthly().replace({"ds": {pd.Timestamp("2020-04-01"): pd.Timestamp("2020-04-03")}}), "2020", ""),
    "unreadable time": (
        _monthly().astype({"ds": "str"}).replace({"ds": {"2020-04-01": "01/04/2020"}}),
        "01/04/2020",
        "ISO",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_tables_are_named(name: str) -> None:
    table, place, word = BAD[name]
    with pytest.raises(DataError) as caught:
        _panel(table)
    text = str(caught.value)
    assert place in text
    assert word in text
    assert caught.value.exit_code == 3


def test_all_problems_in_one_report() -> None:
    table = pd.concat([_monthly().assign(unique_id=name) for name in ("a", "b")], ignore_index=True)
    table.loc[3, "y"], table.loc[30, "y"] = np.inf, -np.inf
    table = pd.concat([table, table.iloc[[40]]])
    with pytest.raises(DataError) as caught:
        _panel(table)
    found = caught.value.problems
    assert [(problem.series, problem.column) for problem in found] == [("a", "y"), ("b", "y"), ("b", "ds")]
    assert all(problem.time and problem.expected and problem.remedy for problem in found)


def test_empty_table() -> None:
    with pytest.raises(DataError, match="no rows"):
        _panel(_monthly(0))


def test_mixed_frequency_names_the_series() -> None:
    daily = pd.DataFrame({"unique_id": "d", "ds": pd.date_range("2020", periods=60), "y": 1.0})
    weekly = pd.DataFrame({"unique_id": "w", "ds": pd.date_range("2020", periods=9, freq="7D"), "y": 1.0})
    with pytest.raises(DataError, match="'w'"):
        _panel(pd.concat([daily, weekly]))


def test_old_alias_names_the_new_one() -> None:
    with pytest.raises(ConfigError, match="'ME'"):
        _panel(_monthly(), freq="M")


def test_nearest_column_is_named() -> None:
    with pytest.raises(DataError, match="'price'"):
        _panel(_monthly().assign(price=1.0), known=("pricee",))


def test_zone_comes_through_the_clock_change() -> None:
    stamps = pd.date_range("2024-03-30", periods=72, freq="h", tz="Europe/Berlin")
    panel = _panel(pd.DataFrame({"ds": stamps, "y": np.arange(72.0)}))
    assert panel.grid.freq == "h"
    assert panel.n_rows == 72
    assert panel.observed.all()
    assert (panel_to_table(panel)["ds"] == stamps).all()
