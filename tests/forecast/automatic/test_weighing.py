"""`auto`: weights that can be worked out by hand, and an ensemble that keeps the promises of one model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from house import QUICK, same

import forecast as fc
from forecast.automatic.ensemble import Ensemble
from forecast.automatic.weighing import blend_weights, members_of_kinds
from forecast.datasets.errors import ConfigError
from forecast.datasets.synthetic import random_walks, synthetic
from forecast.datasets.windows.origins import Origins


def _weights(errors: list[float], n: int = 4000, prior: tuple[float, ...] = (0.5, 0.5)) -> np.ndarray:
    """Two unbiased forecasts with independent errors of these deviations."""
    random = np.random.default_rng(0)
    actual = random.normal(size=(n, 3))
    forecasts = np.stack([actual + deviation * random.normal(size=actual.shape) for deviation in errors])
    return blend_weights(forecasts, actual, np.ones(n), np.array(prior))


def test_weights_are_inverse_variances() -> None:
    """The best linear combination of independent normal errors weighs by 1 / variance (Bates & Granger 1969)."""
    assert _weights([1.0, 1.0]) == pytest.approx([0.5, 0.5], abs=0.03)
    assert _weights([1.0, 2.0]) == pytest.approx([0.8, 0.2], abs=0.04)
    assert _weights([1.0, 20.0]) == pytest.approx([1.0, 0.0], abs=1e-9)


def test_nothing_to_learn_from_leaves_the_prior() -> None:
    none = np.full((3, 2), np.nan)
    assert blend_weights(np.zeros((2, 3, 2)), none, np.ones(3), np.array([0.3, 0.7])).tolist() == [0.3, 0.7]
    few = _weights([1.0, 3.0], n=1, prior=(0.0, 1.0))
    assert few[1] > 0.5, "one origin does not overrule the prior"


def test_weights_do_not_depend_on_units() -> None:
    random = np.random.default_rng(1)
    actual, forecasts = random.normal(size=(50, 4)), random.normal(size=(3, 50, 4))
    prior = np.full(3, 1 / 3)
    plain = blend_weights(forecasts, actual, np.ones(50), prior)
    assert blend_weights(1e6 * forecasts, 1e6 * actual, np.full(50, 1e6), prior) == pytest.approx(plain)
    assert plain.sum() == pytest.approx(1)
    assert (plain >= 0).all()


def test_members_and_blend_are_reported_and_can_be_chosen(frame: pd.DataFrame) -> None:
    made = fc.Forecaster(6, members=2, blend="off", **QUICK).fit(frame)
    assert isinstance(made.model_, Ensemble)
    assert made.resolved_.members == 2
    assert made.model_.weights.tolist() == [1.0]
    assert len(made.model_.members) == 2
    assert set(made.history_["member"]) == {0, 1, 2}, "the probe and two members"
    assert "gru x 2" in made.reasons_["blend"]
    whole = fc.Forecaster(6, preset="fast", **QUICK).fit(frame)
    assert isinstance(whole.model_, Ensemble)
    assert len(whole.model_.weights) == 4, "the network, Theta, naive and seasonal naive"
    boosted = fc.Forecaster(6, **QUICK).fit(frame)
    assert "boosting" in [other.name for other in boosted.model_.others]  # type: ignore[union-attr]
    assert boosted.resolved_.blend == "boosted"
    hurried = fc.Forecaster(6, max_time="5s", **QUICK).fit(frame)
    assert hurried.resolved_.blend == "on"
    with pytest.raises(ConfigError, match="blend="):
        fc.Forecaster(6, blend="sometimes")


@pytest.mark.parametrize("length", [80, 600])
def test_the_blend_is_the_weighted_sum(length: int) -> None:
    frame = synthetic(3, length, seed=1)
    made = fc.Forecaster(6, members=2, quantiles=(0.1, 0.9), blend="boosted", lookback=36, **QUICK).fit(frame)
    model = made.model_
    assert isinstance(model, Ensemble)
    panel = made.panel(frame)
    origins = Origins.last(panel)
    points, parts = [member.predict(panel, origins).point for member in model.members], []
    for count in model.counts:
        parts.append(np.mean(points[:count], axis=0) if count else 0.0)
        points = points[count:]
    parts += [
        o.predict(panel, origins).point if w else 0.0 for o, w in zip(model.others, model.weights[-4:], strict=True)
    ]
    expected = sum(w * part for w, part in zip(model.weights, parts, strict=True))
    assert model.predict(panel, origins).point == pytest.approx(expected)
    assert same(made.predict(), fc.load(made.save("model")).predict())


def test_long_histories_are_read_by_two_kinds_of_networks() -> None:
    long = fc.Forecaster(6, season_length=12, members=2, lookback=36, **QUICK).fit(synthetic(2, 600, seed=1)).model_
    assert isinstance(long, Ensemble)
    assert len(long.counts) == 2
    assert sum(long.counts) == 2
    assert {0.0, -1.0} <= {row["member"] for row in long.history}, "a probe of each kind"
    short = fc.Forecaster(6, season_length=12, members=2, lookback=36, **QUICK).fit(synthetic(2, 100, seed=1)).model_
    assert short.counts == [2]  # type: ignore[union-attr]


def test_members_go_where_the_weight_is() -> None:
    for weights, counts, left in (
        ([0.5, 0.4, 0.1], [4, 4], [0.5, 0.4]),
        ([0.9, 0.02, 0.08], [8, 0], [0.92, 0.0]),
        ([0.0, 0.6, 0.4], [0, 8], [0.0, 0.6]),
        ([0.0, 0.0, 1.0], [8, 0], [0.0, 0.0]),
    ):
        found = np.array(weights)
        assert members_of_kinds(8, found[:2]) == counts
        assert found[:2] == pytest.approx(left)


def test_auto_on_random_walks_is_no_worse_than_naive() -> None:
    result = fc.evaluate(random_walks(40, 120, seed=3), 6, models=["auto", "naive"], cutoffs=4, steps=100, threads=1)
    assert result.models["auto"]["mae"] <= 1.03 * result.models["naive"]["mae"]


def test_intermittent_demand_is_recognised() -> None:
    random = np.random.default_rng(0)
    demand = np.where(random.random((5, 60)) < 0.3, random.integers(1, 5, (5, 60)), 0)
    table = pd.DataFrame({"unique_id": np.repeat(list("abcde"), 60), "ds": np.tile(np.arange(60), 5)})
    made = fc.Forecaster(4, season_length=12, **QUICK).fit(table.assign(y=demand.ravel()))
    assert made.resolved_.blend == "intermittent"
    assert {"tsb", "sba"} <= {other.name for other in made.model_.others}  # type: ignore[union-attr]
    level = made.predict()["forecast"].mean()
    assert 0 < level < 2 * demand.mean()


def test_processes_change_nothing(frame: pd.DataFrame) -> None:
    alone, side_by_side = (fc.Forecaster(6, members=2, workers=n, **QUICK).fit(frame) for n in (1, 2))
    assert same(alone.predict(), side_by_side.predict())


def test_two_ensembles_are_the_same_bits(frame: pd.DataFrame) -> None:
    first, second = (fc.Forecaster(6, **QUICK).fit(frame) for _ in range(2))
    assert same(first.predict(), second.predict())
