"""Baselines: worked by hand, equal to other libraries, blind to what comes after the origin."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from contracts import LEVELS, check_baseline
from house import shared

import forecast as fc
from forecast.baselines import BASELINES
from forecast.baselines.histories import Histories
from forecast.baselines.theta import smooth_exponentially
from forecast.baselines.trees import Trees
from forecast.datasets.panel import Panel
from forecast.datasets.synthetic import synthetic
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.origins import Origins


def _one(values: list[float]) -> Panel:
    return panel_from_table(pd.DataFrame({"ds": range(len(values)), "y": values}), Columns(), freq="1")


def _forecast(name: str, values: list[float], horizon: int, season: int = 1) -> list[float]:
    panel = _one(values)
    return (
        BASELINES[name](horizon, season_length=season).fit(panel).predict(panel, Origins.last(panel)).point[0].tolist()
    )


def test_by_hand() -> None:
    assert _forecast("naive", [1, 2, 5], 2) == [5, 5]
    assert _forecast("seasonal_naive", [9, 1, 2, 3], 5, season=3) == [1, 2, 3, 1, 2]
    assert _forecast("seasonal_naive", [1, 2], 3, season=7) == [2, 2, 2], "less than a season: the last value"
    assert _forecast("drift", [1, 2, 5], 2) == [7, 9]
    assert _forecast("naive2", [1, 2, 5], 2) == [5, 5]


def test_intermittent_demand_by_hand() -> None:
    # sizes 2, 4 and gaps 2, 3: size 2 + 0.1 * 2, gap 2 + 0.1 * 1
    demand = [0.0, 2, 0, 0, 4]
    assert _forecast("croston", demand, 2) == pytest.approx([2.2 / 2.1] * 2)
    assert _forecast("sba", demand, 1) == pytest.approx([0.95 * 2.2 / 2.1])
    chance = 0.4
    for here in (0, 1, 0, 0, 1):
        chance += 0.1 * (here - chance)
    assert _forecast("tsb", demand, 1) == pytest.approx([2.2 * chance])
    for name in ("croston", "sba", "tsb"):
        assert _forecast(name, [0.0] * 6, 2) == [0, 0], "no demand yet"


def test_a_chance_falls_while_there_is_no_demand() -> None:
    demand = [3.0, 0, 3, 0, 3, 0]
    assert _forecast("croston", demand, 1) == _forecast("croston", [*demand, 0, 0], 1), "Croston waits for a demand"
    assert _forecast("tsb", [*demand, 0, 0], 1) < _forecast("tsb", demand, 1)


def test_naive2_finds_an_exact_season() -> None:
    season = [0.5, 1.5, 1.0, 1.0]
    found = _forecast("naive2", [100 * s for _ in range(8) for s in season], 4, season=4)
    assert found == pytest.approx([50, 150, 100, 100])


def test_theta_follows_a_line() -> None:
    # half the slope: the theta line of the trend goes on, the smoothed one stays (Hyndman & Billah 2003)
    found = _forecast("theta", [float(k) for k in range(1, 41)], 4)
    assert np.diff(found) == pytest.approx([0.5] * 3)


def test_smoothing_beats_every_weight_of_a_fine_grid() -> None:
    random = np.random.default_rng(0)
    values = random.normal(size=(3, 60)).cumsum(axis=1) + random.normal(size=(3, 60))
    found = smooth_exponentially(Histories.complete(values, np.array([60, 60, 60])))

    def error(series: np.ndarray, alpha: float) -> float:
        # least squares over the first level, by brute force
        def run(level: float) -> np.ndarray:
            errors = []
            for value in series:
                errors.append(value - level)
                level += alpha * errors[-1]
            return np.array(errors)

        base, slope = run(0.0), run(1.0) - run(0.0)
        return float(((base - slope * (base @ slope) / (slope @ slope)) ** 2).sum())

    for row in range(3):
        best = min(error(values[row], alpha) for alpha in np.linspace(0.0001, 0.9999, 400))
        assert found.variance[row] * 60 <= best * (1 + 1e-6)


def test_trees_predict_what_scikit_learn_predicts() -> None:
    from sklearn.ensemble import HistGradientBoostingRegressor

    random = np.random.default_rng(0)
    x = random.normal(size=(500, 4))
    x[random.uniform(size=x.shape) < 0.1] = np.nan
    y = np.nan_to_num(x[:, 0]) * 2 + np.isnan(x[:, 1])
    model = HistGradientBoostingRegressor(max_iter=20, loss="absolute_error").fit(x, y)
    assert Trees.of(model).predict(x) == pytest.approx(model.predict(x), abs=1e-12)


@pytest.mark.parametrize("name", BASELINES)
def test_contract(name: str) -> None:
    check_baseline(BASELINES[name])


@pytest.mark.parametrize("name", BASELINES)
def test_scale_and_shift(name: str) -> None:
    table = synthetic(2, 72, seed=5)
    moved = table.assign(y=3 * table["y"])
    found = []
    for frame in (table, moved):
        panel = panel_from_table(frame, Columns())
        model = BASELINES[name](5, season_length=12).fit(panel)
        found.append(model.predict(panel, Origins.last(panel)).point)
    assert found[1] == pytest.approx(3 * found[0], rel=1e-6)


M3 = [("m3_yearly", 6, 1, 17.88, 16.97), ("m3_monthly", 18, 12, 16.89, 13.89), ("m3_other", 8, 1, 6.30, 4.41)]


@pytest.mark.parametrize(("name", "horizon", "season", "naive2", "theta"), M3)
def test_near_the_published_m3_scores(name: str, horizon: int, season: int, naive2: float, theta: float) -> None:
    """The M3 entries used their authors' own seasonality tests and smoothing, so these agree only nearly."""
    panel = panel_from_table(shared(name), Columns())
    end = panel.indptr[1:] - horizon
    actual = panel.target[end[:, None] + np.arange(horizon)]
    for model, published in (("naive2", naive2), ("theta", theta)):
        point = (
            BASELINES[model](horizon, season_length=season)
            .predict(panel, Origins(np.arange(panel.n_series), end))
            .point
        )
        smape = float((200 * np.abs(actual - point) / (np.abs(actual) + np.abs(point))).mean())
        assert smape == pytest.approx(published, abs=0.55)


def test_boosting_goes_on_with_a_flat_history_at_any_level() -> None:
    random = np.random.default_rng(0)
    flat = {"tiny": np.full(30, 1e-6), "huge": np.full(30, 1e9), "one": np.array([7.0])}
    every = {"moving": random.normal(size=90).cumsum(), **flat}
    frames = [pd.DataFrame({"unique_id": k, "ds": range(len(y)), "y": y}) for k, y in every.items()]
    panel = panel_from_table(pd.concat(frames), Columns(), freq="1")
    found = BASELINES["boosting"](4, levels=LEVELS).fit(panel).predict(panel, Origins.last(panel))
    for name, y in flat.items():
        np.testing.assert_allclose(found.point[list(panel.ids).index(name)], y[-1])
    assert found.quantiles is not None
    assert np.isfinite(found.quantiles).all()
    assert np.ptp(found.point[list(panel.ids).index("moving")]) > 0


def test_boosting_on_histories_shorter_than_its_lags() -> None:
    table = synthetic(3, 60, freq="W", seed=1)
    found = fc.Forecaster(4, model="boosting", season_length=52).fit(table).predict()
    assert np.isfinite(found["forecast"]).all()
