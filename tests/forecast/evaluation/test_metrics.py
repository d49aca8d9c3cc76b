"""Metrics against hand-worked numbers, the definitions, and scores other people published."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
import pytest
from contracts import check_metric
from house import shared
from hypothesis import given, settings
from hypothesis import strategies as st

import forecast as fc
from forecast.baselines import BASELINES
from forecast.datasets.errors import ConfigError
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.cutoffs import last_cutoffs
from forecast.evaluation.accumulator import Accumulator
from forecast.evaluation.leaderboard import leaderboard_frame, ranked
from forecast.evaluation.metrics import LEAST_LEVELS, METRICS, Metric, Points, chosen_metrics
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
    assert set(_scores([[1.0]], [[2.0]])) == {name for name, m in METRICS.items() if m.needs not in LEAST_LEVELS}


@pytest.mark.parametrize("name", METRICS)
def test_contract(name: str) -> None:
    check_metric(name)


def test_metrics_of_ones_own() -> None:
    def under(points: Points) -> np.ndarray:
        return np.maximum(points.actual - points.forecast, 0)

    gap = Metric("gap", lambda points: points.high - points.forecast, needs="interval")
    chosen = chosen_metrics(["mae", under, gap, "coverage_80", "owa"], (0.1, 0.9))
    assert list(chosen) == ["mae", "under", "gap_80", "coverage_80", "smape", "mase"]
    one = np.ones(1)
    scores = Accumulator(Scales(one, one, one), 2, (0.1, 0.9), chosen)
    quantiles = np.array([[[8.0, 12.0], [8.0, 12.0]]])
    scores.add(np.array([0]), np.array([[13.0, np.nan]]), np.full((1, 2), 10.0), quantiles)
    found = scores.result()
    assert (found["mae"], found["under"], found["gap_80"], found["coverage_80"]) == (3, 3, 2, 0)
    assert list(scores.by_cutoff()["under"]) == [3]
    assert list(chosen_metrics("coverage", (0.05, 0.1, 0.9, 0.95))) == ["coverage_90", "coverage_80"]
    assert list(chosen_metrics(under, ())) == ["under"]


@pytest.mark.parametrize(
    ("asked", "levels", "message"),
    [
        ("smap", (), "Did you mean 'smape'"),
        ("wql", (), "quantiles="),
        ("crps", (0.5,), "two quantiles"),
        ("coverage", (0.5, 0.9), "a central interval"),
        ("coverage_90", (0.1, 0.9), r"quantiles=\(0.05, 0.95\)"),
        ("mse_scaled", (), "scale='train'"),
        (["mae", lambda points: points.error], (), "has no name"),
        (["mae", Metric("mae", lambda points: points.error)], (), "two metrics are named 'mae'"),
    ],
)
def test_a_metric_that_cannot_be_computed_is_refused(asked: Any, levels: tuple[float, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        chosen_metrics(asked, levels)


def test_a_metric_of_another_shape_says_what_was_expected() -> None:
    one = np.ones(1)
    scores = Accumulator(Scales(one, one, one), 2, (), {"total": Metric("total", lambda points: points.error.sum())})
    with pytest.raises(ConfigError, match=r"'total'(.|\n)*shape \(\)(.|\n)*\(1, 2\)"):
        scores.add(np.array([0]), np.zeros((1, 2)), np.ones((1, 2)))


def test_models_are_ranked_by_the_first_metric_that_is_defined() -> None:
    nothing = float("nan")
    models = {"a": {"mase": 2.0, "smape": 1.0}, "b": {"mase": 1.0, "smape": 3.0}, "c": {"mase": nothing, "smape": 2.0}}
    assert ranked(models) == ["b", "a", "c"]
    assert ranked({name: {**metrics, "mase": nothing} for name, metrics in models.items()}) == ["a", "c", "b"]
    assert ranked({"a": {"under": 2.0}, "b": {"under": 1.0}}) == ["b", "a"]
    assert list(leaderboard_frame(models)["model"]) == ["b", "a", "c"]


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
