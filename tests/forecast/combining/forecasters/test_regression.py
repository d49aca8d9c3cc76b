"""The regression that joins the pool: what it learns, and what it must not read."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.baselines.smoothing.aligned import Aligned
from forecast.baselines.smoothing.choice import ladder, steps_compared
from forecast.combining.forecasters.regression import (
    LEAST_WINDOWS,
    Learning,
    Regression,
    inputs_read,
    learn_regression,
)
from forecast.combining.forecasters.simple import Forecast, Request, last_season

HORIZON = 5


def _block(values: np.ndarray, observed: np.ndarray | None = None) -> Aligned:
    there = np.ones(values.shape, bool) if observed is None else observed
    return Aligned(np.arange(values.shape[1]), np.where(there, values, 0.0), there, there.argmax(axis=0))


def _request(block: Aligned, season: int, horizon: int = HORIZON) -> Request:
    offsets = ladder(HORIZON, season)
    ends = block.rows - offsets[offsets < block.rows]
    return Request(block, ends, steps_compared(HORIZON), horizon, season)


def _learnt(block: Aligned, season: int) -> Regression:
    offsets, steps = ladder(HORIZON, season), steps_compared(HORIZON)
    return learn_regression([block], offsets, steps, season, 0, len(block.first)).newest((offsets < block.rows).sum())


def _error(found: Forecast, expected: np.ndarray) -> float:
    return float(np.abs(found.final - expected).mean())


def _swinging(rows: int, n: int) -> np.ndarray:
    """Second-order autoregression with a period of about nine rows, which no season shows."""
    random, values = np.random.default_rng(4), np.zeros((rows + 50, n))
    for t in range(2, rows + 50):
        values[t] = 1.5 * values[t - 1] - 0.95 * values[t - 2] + random.normal(size=n)
    return 100 + values[50:]


def test_it_learns_an_autoregression() -> None:
    values = _swinging(200 + HORIZON, 12)
    block = _block(values[:200])
    found = _learnt(block, 1).forecast(_request(block, 1))
    expected = values[200:].T
    optimal = np.empty((12, HORIZON))
    off = [values[198] - 100, values[199] - 100]
    for step in range(HORIZON):
        off.append(1.5 * off[-1] - 0.95 * off[-2])
        optimal[:, step] = 100 + off[-1]
    last = np.abs(values[199][:, None] - expected).mean()
    assert found.available.all()
    assert _error(found, expected) < 0.6 * last
    assert _error(found, expected) < 1.6 * np.abs(optimal - expected).mean(), "it is shrunk a little"


def test_without_windows_it_is_not_available_and_zeros_mean_the_last_season() -> None:
    values = np.random.default_rng(0).normal(size=(60, 3)).cumsum(axis=0)
    block, steps = _block(values), steps_compared(HORIZON)
    asked = _request(block, 4, horizon=11)
    nothing = Regression.unknown(len(asked.ends), inputs_read(4, 0), steps, 4).forecast(asked)
    assert not nothing.available.any()
    season = last_season(asked)
    np.testing.assert_allclose(nothing.final, season.final)
    np.testing.assert_allclose(nothing.earlier, season.earlier)
    few = Learning(ladder(HORIZON, 4), steps, 4, 0, 1)
    few.add(_block(values[:14, :1]))
    assert few.windows.sum() < LEAST_WINDOWS
    assert (few.solve().final == 0).all()


@pytest.mark.parametrize("season", [1, 4, 7])
def test_units_and_levels_change_nothing(season: int) -> None:
    values = 50 + np.random.default_rng(1).normal(size=(90, 6)).cumsum(axis=0)
    found = [_learnt(block, season).forecast(_request(block, season)) for block in (_block(values), _block(8 * values))]
    np.testing.assert_allclose(found[1].final, 8 * found[0].final, rtol=1e-9)


def test_steps_beyond_the_trained_horizon_repeat_its_coefficients_by_season() -> None:
    season = np.tile([1.0, 5.0, 9.0, 3.0], 30)[:, None] + np.zeros((1, 4)) + 10 * np.arange(4)
    block = _block(season)
    found = _learnt(block, 4).forecast(_request(block, 4, horizon=13))
    np.testing.assert_allclose(found.final[:, 4:8], found.final[:, 8:12], atol=0.2)
    np.testing.assert_allclose(found.final[0, :4], [1, 5, 9, 3], atol=0.2)


def test_what_is_missing_has_no_influence() -> None:
    random = np.random.default_rng(2)
    values, observed = random.normal(size=(80, 5)).cumsum(axis=0), random.random((80, 5)) > 0.2
    observed[0] = True
    blocks = [
        Aligned(np.arange(5), np.where(observed, values, hole), observed, np.zeros(5, int)) for hole in (0.0, 1e9)
    ]
    one, other = (_learnt(block, 4).forecast(_request(block, 4)) for block in blocks)
    assert np.array_equal(one.final, other.final)


def test_missing_newest_rows_are_filled_from_the_season() -> None:
    season = np.tile([1.0, 5.0, 9.0, 3.0], 30)[:, None] + 10 * np.arange(4)
    observed = np.ones(season.shape, bool)
    observed[-3:, 1] = False
    block = _block(season, observed)
    whole = _learnt(_block(season), 4)
    found = whole.forecast(_request(block, 4)).final
    expected = whole.forecast(_request(_block(season), 4)).final
    np.testing.assert_allclose(found, expected, atol=0.6)
