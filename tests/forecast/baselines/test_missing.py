"""What is missing has no influence: every baseline forecasts from the rows that were observed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from contracts import LEVELS

from forecast.baselines import BASELINES
from forecast.baselines.base import Baseline
from forecast.datasets.panel import Panel
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.origins import Origins

ROWS, SEASON, HORIZON, HIT = 400, 7, 7, 2  # the series HIT is the one that lacks rows
Values = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Hole = Callable[[np.random.Generator], Values]


def _weekly(seed: int) -> Values:
    """A level and a weekly sine with noise, (6 series, rows and a horizon)."""
    random, row, series = np.random.default_rng(seed), np.arange(ROWS + HORIZON), np.arange(6)[:, None]
    noise = 0.05 * random.standard_normal((6, len(row)))
    return np.asarray(10 + series + 3 * np.sin(2 * np.pi * (row + series) / SEASON) + noise)


def _panel(values: Values) -> Panel:
    n, rows = values.shape
    times = np.tile(pd.date_range("2022-01-01", periods=rows), n)
    ids = np.repeat([f"s{k}" for k in range(n)], rows)
    return panel_from_table(pd.DataFrame({"unique_id": ids, "ds": times, "y": values.ravel()}), Columns(), freq="D")


def _last(count: int) -> Values:
    """Which rows are missing: the newest ones, (rows,) bool."""
    return np.asarray(np.arange(ROWS) >= ROWS - count)


def _with_holes(values: Values, hole: Values) -> Panel:
    values = values[:, :ROWS].copy()
    values[HIT, hole] = np.nan
    return _panel(values)


def _fitted(name: str, panel: Panel, horizon: int = HORIZON) -> Baseline:
    return BASELINES[name](horizon, season_length=SEASON, levels=LEVELS).fit(panel)


def _error(name: str, panel: Panel, actual: Values, horizon: int = HORIZON) -> float:
    """The mean absolute error of the series that lacks rows, over the last HORIZON of the steps."""
    model = BASELINES[name](horizon, season_length=SEASON).fit(panel)
    point = model.predict(panel, Origins.last(panel)).point[HIT, -HORIZON:]
    return float(np.abs(point - actual).mean())


def _seeds(name: str) -> range:
    return range(3 if name == "boosting" else 10)  # a fit of trees takes a second


@cache
def _complete(name: str) -> float:
    """The median error of the complete panels."""
    return float(np.median([_error(name, _panel(v[:, :ROWS]), v[HIT, ROWS:]) for v in map(_weekly, _seeds(name))]))


@pytest.mark.parametrize("name", BASELINES)
def test_what_a_missing_cell_holds_changes_nothing(name: str) -> None:
    random = np.random.default_rng(0)
    hole = (random.random(ROWS) < 0.2) | _last(2)
    panel = _with_holes(_weekly(0), hole)
    poison = replace(panel, values=np.where(panel.observed, panel.values, 1e9).astype(np.float32))
    found = []
    for each in (panel, poison):
        given = _fitted(name, each).predict(each, Origins.last(each))
        found.append(np.concatenate([given.point[:, :, None], np.asarray(given.quantiles)], axis=2))
    assert np.isfinite(found[0]).all()
    assert np.array_equal(*found)


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("count", [1, 3, 7])
def test_missing_newest_rows_cost_what_a_longer_horizon_costs(name: str, count: int) -> None:
    errors, longer = [], []
    for seed in _seeds(name):
        values = _weekly(seed)
        actual = values[HIT, ROWS:]
        errors.append(_error(name, _with_holes(values, _last(count)), actual))
        longer.append(_error(name, _panel(values[:, : ROWS - count]), actual, HORIZON + count))
    assert np.median(errors) <= 1.5 * max(float(np.median(longer)), _complete(name))


def _block(random: np.random.Generator) -> Values:
    """Thirty rows in a row, anywhere in the newer half but for its last month."""
    begin = random.integers(ROWS // 2, ROWS - 60)
    return np.asarray((np.arange(ROWS) >= begin) & (np.arange(ROWS) < begin + 30))


def _singles(random: np.random.Generator) -> Values:
    """A fifth of the rows, at random."""
    return np.asarray(random.random(ROWS) < 0.2)


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("hole", [_block, _singles])
def test_inner_holes_cost_little(name: str, hole: Hole) -> None:
    errors = []
    for seed in _seeds(name):
        values = _weekly(seed)
        errors.append(_error(name, _with_holes(values, hole(np.random.default_rng(seed))), values[HIT, ROWS:]))
    assert np.median(errors) <= 1.6 * _complete(name)


@pytest.mark.parametrize("name", BASELINES)
def test_other_series_keep_every_bit(name: str) -> None:
    values = _weekly(0)
    complete = _panel(values[:, :ROWS])
    model, others = _fitted(name, complete), np.arange(6) != HIT
    for hole in (_last(3), _singles(np.random.default_rng(0))):
        before, after = (model.predict(p, Origins.last(p)) for p in (complete, _with_holes(values, hole)))
        assert np.array_equal(before.point[others], after.point[others])
        assert np.array_equal(np.asarray(before.quantiles)[others], np.asarray(after.quantiles)[others])


@pytest.mark.parametrize("name", BASELINES)
def test_a_rows_company_does_not_change_it(name: str) -> None:
    panel = _with_holes(_weekly(0), _singles(np.random.default_rng(1)) | _last(3))
    model, alone = _fitted(name, panel), panel.take(np.array([HIT]))
    together = model.predict(panel, Origins.last(panel)).quantiles
    by_itself = model.predict(alone, Origins.last(alone)).quantiles
    assert np.array_equal(np.asarray(together)[HIT], np.asarray(by_itself)[0])


@pytest.mark.parametrize("name", BASELINES)
def test_intervals_do_not_shrink_while_nothing_is_observed(name: str) -> None:
    values = _weekly(0)
    cut, late = _panel(values[:, : ROWS - 7]), _with_holes(values, _last(7))
    model = _fitted(name, cut)
    widths = [np.ptp(np.asarray(model.predict(p, Origins.last(p)).quantiles)[HIT], axis=1) for p in (cut, late)]
    assert (widths[1] >= widths[0] * (1 - 1e-9)).all()


@pytest.mark.parametrize("name", BASELINES)
def test_rows_that_a_cut_left_without_a_value_are_not_taken_from_another_series(name: str) -> None:
    panel = _with_holes(_weekly(0), _last(30))
    model, tail = _fitted(name, panel), panel.tail(20)
    alone = tail.take(np.array([HIT]))
    together = model.predict(tail, Origins.last(tail)).point[HIT]
    assert np.isfinite(together).all()
    assert np.array_equal(together, model.predict(alone, Origins.last(alone)).point[0])


def _one(name: str, values: list[float], horizon: int, season: int = 1) -> list[float]:
    panel = panel_from_table(pd.DataFrame({"ds": range(len(values)), "y": values}), Columns(), freq="1")
    model = BASELINES[name](horizon, season_length=season).fit(panel)
    return list(model.predict(panel, Origins.last(panel)).point[0].tolist())


def test_by_hand() -> None:
    hole = float("nan")
    assert _one("naive", [1, 2, 5, hole], 2) == [5, 5]
    assert _one("seasonal_naive", [9, 7, 8, 1, hole, 3], 4, season=3) == [1, 7, 3, 1], "two seasons before"
    assert _one("seasonal_naive", [1, hole, 2, 3, hole, 5], 3, season=3) == [3, 5, 5], "a phase that was never observed"
    assert _one("drift", [1, hole, 5, hole], 2) == [9, 11], "two a row, from the last observed row"
    assert _one("theta", [*range(1, 41), hole, hole], 2) == pytest.approx(_one("theta", list(range(1, 41)), 4)[2:])


def test_naive_intervals_widen_with_the_rows_since_the_last_observed_one() -> None:
    values = _weekly(0)
    late, cut = _with_holes(values, _last(3)), _panel(values[:, : ROWS - 3])
    short, long = BASELINES["naive"](2, levels=LEVELS), BASELINES["naive"](5, levels=LEVELS)
    after = np.asarray(short.predict(late, Origins.last(late)).quantiles)[HIT]
    longer = np.asarray(long.predict(cut, Origins.last(cut)).quantiles)[HIT, 3:]
    # the window of in-sample errors ends at the origin, so that it holds the same pairs here
    np.testing.assert_allclose(after, longer, rtol=1e-12)


@pytest.mark.parametrize("name", ["croston", "sba", "tsb"])
def test_a_missing_row_is_neither_a_demand_nor_a_step_without_one(name: str) -> None:
    hole = float("nan")
    demand = [1.0, 0, 2, 0, 0, 4, 0]
    with_holes = [1.0, hole, 0, 2, hole, hole, 0, hole, 0, 4, 0, hole, hole]
    assert _one(name, with_holes, 2) == _one(name, demand, 2)
