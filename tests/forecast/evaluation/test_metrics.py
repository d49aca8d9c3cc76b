"""Metrics against hand-worked numbers, the definitions, and scores other people published."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from house import shared
from hypothesis import given, settings
from hypothesis import strategies as st

import forecast as fc
from forecast.baselines import BASELINES
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.splits import last_cutoffs
from forecast.evaluation.metrics import METRICS, Accumulator
from forecast.evaluation.scales import Scales


def _scores(actual: list[list[float]], forecast: list[list[float]], scale: float = 2.0) -> dict[str, float]:
    n = len(actual)
    one = np.full(n, scale)
    scores = Accumulator(Scales(one, one, one), len(actual[0]))
    scores.add(np.arange(n), np.array(actual), np.array(forecast))
    return scores.result()


def test_hand_worked() -> None:
    found = _scores([[100.0, 200.0]], [[110.0, 190.0]])
    assert found["mae"] == 10
    assert found["mse"] == 100
    assert found["rmse"] == 10
    assert found["bias"] == 0
    assert found["mase"] == 5
    assert found["rmsse"] == 5
    assert found["wape"] == pytest.approx(20 / 300)
    assert found["mape"] == pytest.approx((10 + 5) / 2)
    assert found["smape"] == pytest.approx(200 * (10 / 210 + 10 / 390) / 2)
    assert found["mse_scaled"] == 25
    assert found["mae_scaled"] == 5


def test_positive_bias_is_forecasting_too_much() -> None:
    assert _scores([[1.0]], [[3.0]])["bias"] == 2


def test_nothing_forecast_as_nothing_is_no_error() -> None:
    assert _scores([[0.0, 0.0]], [[0.0, 0.0]])["smape"] == 0


def test_missing_actuals_are_left_out() -> None:
    assert _scores([[1.0, np.nan]], [[3.0, 1e9]])["mae"] == 2


def test_series_weigh_the_same_whatever_their_cutoffs() -> None:
    one = np.ones(2)
    scores = Accumulator(Scales(one, one, one), 1)
    for _ in range(9):
        scores.add(np.array([0]), np.array([[0.0]]), np.array([[1.0]]))
    scores.add(np.array([1]), np.array([[0.0]]), np.array([[3.0]]))
    assert scores.result()["mae"] == 2


def test_a_series_without_scale_is_left_out_and_counted() -> None:
    scale = np.array([np.nan, 1.0])
    scores = Accumulator(Scales(scale, scale, scale), 1)
    scores.add(np.array([0, 1]), np.zeros((2, 1)), np.ones((2, 1)))
    assert scores.result()["mase"] == 1
    assert scores.unscaled == 1


def test_quantile_metrics_by_hand() -> None:
    one = np.ones(1)
    scores = Accumulator(Scales(one, one, one), 2, (0.1, 0.9))
    quantiles = np.array([[[8.0, 12.0], [8.0, 12.0]]])
    scores.add(np.array([0]), np.array([[10.0, 20.0]]), np.full((1, 2), 10.0), quantiles)
    # pinball: 0.1 * 2, 0.1 * 2; then 0.1 * 12, 0.9 * 8; doubled, mean of levels, over the sum of actuals
    expected = (2 * (0.2 + 0.2) / 2 + 2 * (1.2 + 7.2) / 2) / 30
    assert scores.result()["wql"] == pytest.approx(expected)
    assert scores.result()["coverage_80"] == 0.5


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 4), st.integers(0, 99))
def test_streaming_in_parts_is_the_same(n_series: int, horizon: int, cutoffs: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    scales = Scales(*(random.uniform(1, 2, n_series) for _ in range(3)))
    actual, forecast = (random.normal(size=(cutoffs, n_series, horizon)) for _ in range(2))
    series = np.arange(n_series)
    parts, whole = Accumulator(scales, horizon), Accumulator(scales, horizon)
    for cutoff in range(cutoffs):
        parts.add(series, actual[cutoff], forecast[cutoff], cutoff=cutoff)
    numbers = np.repeat(np.arange(cutoffs), n_series)
    whole.add(np.tile(series, cutoffs), actual.reshape(-1, horizon), forecast.reshape(-1, horizon), cutoff=numbers)
    assert parts.result() == pytest.approx(whole.result())
    pd.testing.assert_frame_equal(parts.by_cutoff(), whole.by_cutoff())
    assert parts.by_horizon()["mae"].mean() == pytest.approx(parts.result()["mae"])
    assert parts.by_cutoff()["mae"].mean() == pytest.approx(parts.result()["mae"])


def test_scales_by_hand() -> None:
    table = pd.DataFrame({"ds": range(5), "y": [1.0, 2.0, 4.0, 7.0, 11.0]})
    scales = Scales.of(panel_from_table(table, Columns()), 2, val_size=1)
    assert scales.mase[0] == pytest.approx(np.mean([3, 5, 7]))
    assert scales.rmsse[0] == pytest.approx(np.sqrt(np.mean([1, 4, 9, 16])))
    assert scales.deviation[0] == pytest.approx(np.std([1, 2, 4, 7]))


def test_every_metric_is_computed() -> None:
    assert set(_scores([[1.0]], [[2.0]])) == set(METRICS)


PUBLISHED = [  # M4 competition, as published with the M4 benchmarks
    ("m4_hourly", 48, 24, 24, "seasonal_naive", 13.912, 1.193),
    ("m4_hourly", 48, 24, 24, "naive2", 18.383, 2.395),
    ("m4_hourly", 48, 24, 24, "theta", 18.138, 2.455),
    ("m4_weekly", 13, 1, 1, "naive2", 9.161, 2.777),
]


@pytest.mark.parametrize(("name", "horizon", "season", "mase_season", "model", "smape", "mase"), PUBLISHED)
def test_published_scores(
    name: str, horizon: int, season: int, mase_season: int, model: str, smape: float, mase: float
) -> None:
    panel = panel_from_table(shared(name), Columns())
    [cutoff] = last_cutoffs(panel, horizon=horizon)
    train = panel.truncate(cutoff.origins.end)
    prediction = BASELINES[model](horizon, season_length=season).fit(train).predict(panel, cutoff.origins)
    scores = Accumulator(Scales.of(train, mase_season), horizon)
    actual = panel.target[cutoff.origins.end[:, None] + np.arange(horizon)]
    scores.add(cutoff.origins.series, actual, prediction.point)
    assert scores.result()["smape"] == pytest.approx(smape, abs=1e-3)
    assert scores.result()["mase"] == pytest.approx(mase, abs=1e-3)


def test_score_equals_evaluate(frame: pd.DataFrame) -> None:
    result = fc.evaluate(frame, 6, models="theta", cutoffs=3, quantiles=(0.1, 0.9))
    assert result.forecasts is not None
    found = fc.score(result.forecasts.sample(frac=1, random_state=0), frame)
    assert found == pytest.approx({name: result.metrics[name] for name in found})


def test_score_names_what_has_no_actual(frame: pd.DataFrame) -> None:
    result = fc.Forecaster(6, model="naive").fit(frame).predict()
    with pytest.raises(fc.ForecastError, match="no actual at this time"):
        fc.score(result, frame)
    with pytest.raises(fc.ForecastError, match="'zz'"):
        fc.score(result.assign(unique_id="zz"), frame)


def test_crps_of_a_normal_is_the_closed_form() -> None:
    """From three quantiles, between and beyond which a normal is interpolated exactly (Gneiting & Raftery 2007, 21)."""
    actual = np.random.default_rng(0).normal(size=(40, 3))
    levels = (0.1, 0.5, 0.9)
    quantiles = np.broadcast_to([NormalDist(1.0, 2.0).inv_cdf(level) for level in levels], (40, 3, 3)).copy()
    scales = Scales(np.ones(1), np.ones(1), np.ones(1))
    scores = Accumulator(scales, 3, levels)
    scores.add(np.zeros(40, np.int64), actual, quantiles[:, :, 1], quantiles)
    z = (actual - 1.0) / 2.0
    density = np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
    below = np.vectorize(NormalDist().cdf)(z)
    closed = 2.0 * (z * (2 * below - 1) + 2 * density - 1 / np.sqrt(np.pi))
    assert scores.result()["crps"] == pytest.approx(closed.mean(), rel=0.01)
