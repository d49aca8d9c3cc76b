"""Calibration, sample paths and what they add up to: right on data whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from house import MODELS, QUICK, same

import forecast as fc
from forecast.architectures import ARCHITECTURES
from forecast.datasets.errors import ConfigError
from forecast.datasets.panel import Panel
from forecast.datasets.synthetic import random_walks
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.origins import Origins
from forecast.protocol import Prediction
from forecast.quantiles import probit
from forecast.uncertainty.conformal import HALF_LIVES_OF_SCORES, Conformal, calibrating_rows
from forecast.uncertainty.past_forecasts import MIN_HISTORY_ROWS, PastForecasts
from forecast.uncertainty.score_pool import ScorePool, quantile_by_row

LEVELS = (0.1, 0.5, 0.9)
SKEWED = (0.05, 0.5, 0.95)
H = 24


class TooSure:
    """Forecasts zero, with quantiles at a third of their distance."""

    name, horizon = "too sure", 4

    def fit(self, panel: Panel) -> TooSure:
        return self

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        quantiles = np.tile(probit(np.array(LEVELS)) / 3, (len(origins), self.horizon, 1))
        return Prediction(np.zeros((len(origins), self.horizon)), LEVELS, quantiles)


def _noise(series: int, length: int, seed: int = 0) -> pd.DataFrame:
    values = np.random.default_rng(seed).normal(size=series * length)
    ids = np.repeat([f"s{k:03}" for k in range(series)], length)
    return pd.DataFrame({"unique_id": ids, "ds": np.tile(np.arange(length), series), "y": values})


def test_conformal_quantile_by_hand() -> None:
    pool = ScorePool.of(np.arange(1.0, 10.0), np.ones(9))
    np.testing.assert_array_equal(pool.quantile(np.array([0.8, 0.5, 0.2, 0.99, 0.01])), [8, 5, 2, 9, 1])
    np.testing.assert_allclose(pool.rank(np.array([0.0, 3.0, 3.5, 99.0])), [0.05, 0.3, 0.35, 0.95])
    assert ScorePool.of(np.array([np.nan]), np.ones(1)).quantile(np.array([0.9])) == [0.0]


def test_old_scores_weigh_less_by_hand() -> None:
    """Weights 1, 1/4, 1/4, 1/2 and the new score's 1: a total of 3, of which 0.9 is 2.7 and 0.6 is 1.8."""
    pool = ScorePool.of(np.array([40.0, 20.0, 30.0, 10.0]), np.array([0.5, 0.25, 0.25, 1.0]))
    np.testing.assert_array_equal(pool.quantile(np.array([0.9, 0.6, 0.4, 0.3])), [40, 40, 10, 10])
    np.testing.assert_allclose(pool.rank(np.array([20.0])), [(1 + 1.25 + 1) / 6])


def test_calibration_follows_errors_that_shrink() -> None:
    """Noise a tenth as large in the newest rows: intervals as wide as the old errors would be far too wide."""
    table = _noise(1, 2000)
    table.loc[table.index >= 1900, "y"] /= 10
    panel = panel_from_table(table, Columns())
    made = Conformal.fit(TooSure(), panel, LEVELS, 1, adaptive=False)
    assert made is not None
    held, _ = calibrating_rows(panel, 4)
    np.testing.assert_allclose(made.weights[-1], 1)
    np.testing.assert_allclose(made.weights[0], 0.5 ** (HALF_LIVES_OF_SCORES * (held - 4) / held), rtol=1e-12)
    found = made.adjust(TooSure(), panel, Origins.last(panel)).quantiles
    even = replace(made, weights=np.ones(len(made.weights))).adjust(TooSure(), panel, Origins.last(panel)).quantiles
    assert found is not None
    assert even is not None
    assert (found[..., -1] < even[..., -1]).all()


@pytest.mark.parametrize("adaptive", [False, True])
def test_calibration_mends_a_model_that_is_too_sure(adaptive: bool) -> None:
    covered = []
    for seed in range(4):
        panel = panel_from_table(_noise(20, 300, seed), Columns())
        cut = panel.truncate(panel.indptr[1:] - 100)
        calibrated = Conformal.fit(TooSure(), cut, LEVELS, 1, adaptive=adaptive)
        assert calibrated is not None
        back = np.arange(4, 101, 4)
        origins = Origins(np.repeat(np.arange(20), len(back)), (panel.indptr[1:, None] - back).ravel())
        actual = panel.target[origins.end[:, None] + np.arange(4)]
        pair = TooSure().predict(panel, origins).quantiles, calibrated.adjust(TooSure(), panel, origins).quantiles
        covered.append([((actual >= q[:, :, 0]) & (actual <= q[:, :, 2])).mean() for q in pair if q is not None])
    before, after = np.mean(covered, axis=0)
    assert 0.2 < before < 0.4
    assert 0.77 < after < 0.83


@pytest.mark.parametrize("n", [10, 50, 400])
def test_a_level_borrows_its_mirrors_scores_while_its_own_are_few(n: int) -> None:
    """A tenth of 100 scores are enough for the level 0.1; of 50 scores, half as many are missing."""
    levels = (0.1, 0.5, 0.9, 0.95)
    scores = np.tile(np.array([3.0, 2.0, 1.0, 0.5, 2.0]), (n, 1, 1))
    pools = Conformal(levels, scores, np.ones(n), 1, False, {})._pools[0]
    share = max(0.0, 1 - n / 100)
    borrowed = [{3.0, -1.0}, {2.0} if n >= 20 else {2.0, -2.0}, {1.0, -3.0}, {0.5}, {2.0}]
    own = [{3.0}, {2.0}, {1.0}, {0.5}, {2.0}]
    assert [set(pool.values) for pool in pools] == (borrowed if share else own)
    np.testing.assert_allclose(pools[0].below[-1], n * (1 + share))


def test_a_row_of_ranks_has_the_quantiles_of_a_pool() -> None:
    generator = np.random.default_rng(0)
    values, weights = generator.normal(size=(20, 30)), generator.choice([0.0, 0.3, 1.0], size=(20, 30))
    values[generator.random(values.shape) < 0.2] = np.nan
    values[0], weights[1] = np.nan, 0.0
    for level in (0.01, 0.2, 0.5, 0.9, 0.99):
        found = quantile_by_row(values, weights, level)
        assert np.isnan(found[:2]).all()
        used = weights > 0
        pools = [ScorePool.of(v[u], w[u]) for v, w, u in zip(values[2:], weights[2:], used[2:], strict=True)]
        np.testing.assert_array_equal(found[2:], [pool.quantile(np.array([level]))[0] for pool in pools])


class Symmetric(TooSure):
    """Forecasts a normal distribution around the mean of exponential noise, or around that mean as a mean."""

    is_mean = False

    def predict(self, panel: Panel, origins: Origins) -> Prediction:
        quantiles = np.tile(1 + probit(np.array(SKEWED)), (len(origins), self.horizon, 1))
        return Prediction(np.ones((len(origins), self.horizon)), SKEWED, quantiles, is_mean=self.is_mean)


class SymmetricMean(Symmetric):
    is_mean = True


@pytest.mark.parametrize("adaptive", [False, True])
def test_skewed_errors_are_right_on_both_sides(adaptive: bool) -> None:
    """Exponential noise: 5% below q5, half below q50, 5% above q95, of fresh rows of 30 series; mean over draws."""
    shares, means = [], []
    for seed in range(5):
        table = _noise(30, 600, seed).assign(y=np.random.default_rng(seed).exponential(size=30 * 600))
        panel = panel_from_table(table, Columns())
        train = panel.truncate(panel.indptr[1:] - 200)
        back = np.arange(4, 201, 4)
        origins = Origins(np.repeat(np.arange(30), len(back)), (panel.indptr[1:, None] - back).ravel())
        actual = panel.target[origins.end[:, None] + np.arange(4)]
        made = Conformal.fit(Symmetric(), train, SKEWED, 1, adaptive=adaptive)
        assert made is not None
        found = made.adjust(Symmetric(), panel, origins)
        assert found.quantiles is not None
        assert np.array_equal(found.point, found.quantiles[:, :, 1])
        shares.append((actual[:, :, None] <= found.quantiles).mean(axis=(0, 1)))
        made = Conformal.fit(SymmetricMean(), train, SKEWED, 1, adaptive=adaptive)
        assert made is not None
        means.append((made.adjust(SymmetricMean(), panel, origins).point - actual).mean())
    np.testing.assert_allclose(np.mean(shares, axis=0), SKEWED, atol=0.02)
    np.testing.assert_allclose(np.mean(means), 0, atol=0.05)


CALIBRATED = [name for name in MODELS if ARCHITECTURES[name].kind != "network" or name in ("gru", "deepar", "auto")]


@pytest.mark.parametrize("model", CALIBRATED)
def test_a_calibrated_point_is_the_median_whatever_levels_were_asked_for(model: str, frame: pd.DataFrame) -> None:
    settings = {**QUICK, "steps": 4, "model": model, "calibrate": "split"}
    asked = [fc.Forecaster(6, quantiles=levels, **settings).fit(frame) for levels in ((0.1, 0.5, 0.9), (0.1, 0.9))]
    with_median, without = (each.predict() for each in asked)
    np.testing.assert_array_equal(with_median["forecast"], with_median["q50"])
    columns = ["q5", "q10", "q50", "q90", "q95"]
    more = asked[0].predict(quantiles=(0.05, 0.1, 0.5, 0.9, 0.95))
    assert (np.diff(more[columns], axis=1) >= 0).all()
    np.testing.assert_array_equal(more["forecast"], with_median["forecast"])
    assert list(without.columns) == [name for name in with_median if name != "q50"]
    if ARCHITECTURES[model].kind != "network":  # a network is trained for the levels it is asked for
        assert same(without, with_median.drop(columns="q50"))


def test_adaptive_calibration_follows_rows_that_training_has_not_seen() -> None:
    panel = panel_from_table(_noise(5, 300), Columns())
    train = panel.truncate(panel.indptr[1:] - 100)
    split, adaptive = (Conformal.fit(TooSure(), train, LEVELS, 1, adaptive=kind) for kind in (False, True))
    assert split is not None
    assert adaptive is not None
    now, later = Origins(np.arange(5), panel.indptr[1:] - 100), Origins.last(panel)
    for origins, follows in ((now, False), (later, True)):
        pair = [made.adjust(TooSure(), panel, origins).quantiles for made in (split, adaptive)]
        assert np.array_equal(*pair) is not follows
    renamed = replace(panel, ids=np.array([f"new {name}" for name in panel.ids], object))
    new = [made.adjust(TooSure(), renamed, now).quantiles for made in (split, adaptive)]
    assert not np.array_equal(*new), "of a series that was not in the training table every row is new"


def test_past_forecasts_are_unseen_and_only_steps_before_the_origin_count() -> None:
    panel = panel_from_table(_noise(2, 40), Columns())
    origins = Origins(np.array([0, 1, 1]), panel.indptr[1:][[0, 1, 1]] - np.array([0, 0, 10]))
    unseen = panel.indptr[:-1] + np.array([20, 0])
    past = PastForecasts.of(panel, origins, unseen, 4)
    first = np.maximum(unseen, panel.indptr[:-1] + MIN_HISTORY_ROWS)
    assert (past.origins.end >= first[past.origins.series]).all()
    assert len(np.unique(past.origins.end)) == len(past.origins), "each is predicted once"
    for number, is_available in enumerate(past.available):
        ends = past.origins.end[past.number[number][is_available]]
        np.testing.assert_array_equal(ends, origins.end[number] - np.arange(1, len(ends) + 1))
    np.testing.assert_array_equal(past.is_observed[:5].sum(axis=1), [1, 2, 3, 4, 4])
    rows = np.broadcast_to(past.origins.end[:, None, None] + np.arange(4)[None, :, None], (len(past.origins), 4, 1))
    gathered, horizons = past.came_true(rows.astype(np.float64), slice(0, 3))
    assert (np.nanmax(gathered[..., 0], axis=1) == origins.end - 1).all(), "no step at or after the origin"
    np.testing.assert_allclose(horizons, np.isfinite(gathered[..., 0]).sum(axis=1) / 16)


@pytest.mark.parametrize("model", ["gru", "seasonal_naive", "auto"])
@pytest.mark.parametrize("kind", ["split", "adaptive"])
def test_calibrated_models_are_saved_whole(model: str, kind: str, frame: pd.DataFrame) -> None:
    made = fc.Forecaster(6, model=model, quantiles=LEVELS, calibrate=kind, **QUICK).fit(frame)
    found = made.predict()
    assert (found["q10"] <= found["q50"]).all()
    assert (found["q50"] <= found["q90"]).all()
    made.save("model")
    assert same(fc.load("model").predict(), found)
    assert same(made.predict(frame), found)
    held, _ = calibrating_rows(made.panel(frame), 6)
    early = frame[frame.groupby("unique_id").cumcount(ascending=False) >= held]
    plain = fc.Forecaster(6, model=model, quantiles=LEVELS, **QUICK).fit(early).predict(frame)
    assert not plain.equals(found)


def test_calibration_reads_nothing_after_the_cutoff(frame: pd.DataFrame) -> None:
    cutoff = sorted(frame["ds"].unique())[-13]
    spoilt = frame.copy()
    spoilt.loc[spoilt["ds"] > cutoff, "y"] = 1e9
    settings: dict[str, Any] = {"models": "gru", "quantiles": LEVELS, "calibrate": "adaptive", **QUICK}
    found = [fc.evaluate(t, 6, cutoffs=1, start=None, step=6, **settings, gap=6).forecasts for t in (frame, spoilt)]
    columns = ["forecast", "q10", "q50", "q90"]
    assert same(found[0][columns], found[1][columns])


def test_calibration_needs_something_to_calibrate(frame: pd.DataFrame) -> None:
    with pytest.raises(ConfigError, match="calibrate without quantiles"):
        fc.Forecaster(6, model="naive", calibrate="split").fit(frame)
    with pytest.raises(ConfigError, match="long enough"):
        fc.Forecaster(60, model="naive", calibrate="split", quantiles=LEVELS).fit(frame)
    with pytest.raises(ConfigError, match="calibrate='both'"):
        fc.Forecaster(6, calibrate="both")


@pytest.fixture(scope="module")
def walker() -> fc.Forecaster:
    settings = {"steps": 400, "hidden_size": 16, "batch_size": 32, "threads": 1}
    return fc.Forecaster(H, model="gru", quantiles=LEVELS, **settings).fit(random_walks(40, 400, seed=0))


@pytest.mark.parametrize("model", ["gru", "deepar"])
def test_a_random_walks_width_grows_with_the_root_of_the_step(walker: fc.Forecaster, model: str) -> None:
    if model == "deepar":
        settings = {"head": "normal", "preset": "fast", "threads": 1, "season_length": 1}
        walker = fc.Forecaster(H, model=model, quantiles=LEVELS, **settings).fit(random_walks(40, 400, seed=0))
    found = walker.predict()
    paths = walker.predict(samples=400)
    step = found.groupby("unique_id").cumcount() + 1
    direct = (found["q90"] - found["q10"]).groupby(step).mean()
    assert direct[H] / direct[1] == pytest.approx(H**0.5, rel=0.1)
    number = paths.groupby(["unique_id", "sample"]).cumcount() + 1
    bounds = paths.groupby([paths["unique_id"], number])["forecast"].quantile([0.1, 0.9]).unstack()
    width = (bounds[0.9] - bounds[0.1]).groupby(level=1).mean()
    assert width[H] / width[1] == pytest.approx(H**0.5, rel=0.1)


def test_sums_of_paths_are_as_wide_as_sums_are(walker: fc.Forecaster) -> None:
    paths = walker.predict(samples=600)
    total = fc.aggregate(paths, over="horizon", quantiles=(0.1, 0.9))
    assert list(total.columns) == ["unique_id", "forecast", "q10", "q90"]
    steps = np.arange(1, H + 1)
    deviation = np.sqrt(np.minimum.outer(steps, steps).sum())  # of the sum of a walk's steps 1 to H, unit innovations
    one = walker.predict()
    innovation = one.groupby("unique_id").head(1)
    unit = float((innovation["q90"] - innovation["q10"]).mean())
    assert (total["q90"] - total["q10"]).mean() == pytest.approx(unit * deviation, rel=0.15)
    assert same(paths, walker.predict(samples=600)), "the same seed draws the same paths"


def test_sums_over_series(walker: fc.Forecaster) -> None:
    paths = walker.predict(samples=300)
    total = fc.aggregate(paths, over="series", quantiles=[0.1, 0.9])
    assert len(total) == H
    by_hand = paths.groupby(["ds", "sample"])["forecast"].sum().groupby("ds").quantile(0.9)
    np.testing.assert_allclose(total["q90"], by_hand)
    single = walker.predict()
    width = (total["q90"] - total["q10"]).iloc[-1]
    alone = (single["q90"] - single["q10"]).groupby(single["ds"]).sum().iloc[-1]
    assert 0.1 * alone < width < 0.35 * alone, "40 independent walks: about a sixth of the sum of widths"
    with pytest.raises(ConfigError, match="holds no paths"):
        fc.aggregate(single)
    with pytest.raises(ConfigError, match="over='time'"):
        fc.aggregate(paths, over="time")  # type: ignore[arg-type]


def test_paths_need_uncertainty(frame: pd.DataFrame) -> None:
    model = fc.Forecaster(6, model="naive").fit(frame)
    with pytest.raises(ConfigError, match="no paths"):
        model.predict(samples=10)
    model = fc.Forecaster(6, model="naive", quantiles=LEVELS).fit(frame)
    with pytest.raises(ConfigError, match="samples=0"):
        model.predict(samples=0)
    paths = model.predict(samples=10)
    assert len(paths) == 3 * 6 * 10
    model.save("model")
    assert same(fc.load("model").predict(samples=10), paths)
    assert len(model.predict(samples=10, horizon=2)) == 3 * 2 * 10


def test_crps_is_a_normals() -> None:
    generator = np.random.default_rng(0)
    samples, actual = generator.normal(size=(2000, 4000)), generator.normal(size=2000)
    from scipy.stats import norm

    closed = actual * (2 * norm.cdf(actual) - 1) + 2 * norm.pdf(actual) - 1 / np.sqrt(np.pi)
    assert fc.crps(samples, actual).mean() == pytest.approx(closed.mean(), rel=0.01)


def test_winkler_by_hand() -> None:
    from forecast.evaluation.accumulator import Accumulator
    from forecast.evaluation.scales import Scales

    one = np.ones(1)
    scores = Accumulator(Scales(one, one, one), 3, (0.1, 0.9))
    bounds = np.array([[[0.0, 2.0]] * 3])
    scores.add(np.zeros(1, np.int64), np.array([[1.0, -0.5, 3.0]]), np.ones((1, 3)), bounds)
    found = scores.result()
    assert found["winkler_80"] == pytest.approx((2 + (2 + 10 * 0.5) + (2 + 10 * 1)) / 3)
    assert found["width_80"] == pytest.approx(2)
    assert found["coverage_80"] == pytest.approx(1 / 3)
