"""`auto` keeps the promises of one model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from house import QUICK, same

import forecast as fc
from forecast.automatic.blend import Committee
from forecast.automatic.ensemble import Ensemble
from forecast.datasets.errors import ConfigError
from forecast.datasets.synthetic import random_walks, synthetic
from forecast.datasets.windows.origins import Origins


def _auto(made: fc.Forecaster) -> Ensemble:
    assert isinstance(made.model_, Ensemble)
    return made.model_


def _parts(made: fc.Forecaster) -> list[str]:
    blend = _auto(made).blend
    assert blend is not None
    return [part.name for part in blend.parts]


def test_members_and_blend_are_reported_and_can_be_chosen(frame: pd.DataFrame) -> None:
    made = fc.Forecaster(6, members=2, blend="off", **QUICK).fit(frame)
    blend = _auto(made).blend
    assert blend is not None
    assert made.resolved_.members == 2
    assert blend.weights == (1.0,)
    assert len(_auto(made).members) == 2
    assert set(made.history_["member"]) == {0, 1, 2}, "the probe and two members"
    assert "gru x 2" in made.reasons_["blend"]
    whole = fc.Forecaster(6, preset="fast", **QUICK).fit(frame)
    assert set(_parts(whole)) <= {"gru", "zero", "naive", "seasonal_naive"}
    boosted = fc.Forecaster(6, **QUICK).fit(frame)
    assert "boosting" in _parts(boosted)
    assert boosted.resolved_.blend == "boosted"
    hurried = fc.Forecaster(6, max_time="5s", **QUICK).fit(frame)
    assert hurried.resolved_.blend == "on"
    assert hurried.resolved_.max_time == "5s", "the user's, not a probe's share"
    with pytest.raises(ConfigError, match="blend="):
        fc.Forecaster(6, blend="sometimes")


@pytest.mark.parametrize("length", [80, 600])
def test_the_blend_is_the_weighted_sum(length: int) -> None:
    frame = synthetic(3, length, seed=1)
    made = fc.Forecaster(6, members=2, quantiles=(0.1, 0.9), blend="boosted", lookback=36, **QUICK).fit(frame)
    blend = _auto(made).blend
    assert blend is not None
    panel = made.panel(frame)
    origins, expected = Origins.last(panel), np.zeros(())
    for part, weight in zip(blend.parts, blend.weights, strict=True):
        if isinstance(part, Committee):  # the median of at most two members is their mean
            point = np.mean([member.predict(panel, origins).point for member in part.members], axis=0)
        else:
            point = part.predict(panel, origins).point
        expected = expected + weight * point
    assert _auto(made).predict(panel, origins).point == pytest.approx(expected)
    assert sum(blend.weights) == pytest.approx(1)
    assert same(made.predict(), fc.load(made.save("model")).predict())


def test_long_histories_are_read_by_two_kinds_of_networks() -> None:
    given = {"season_length": 12, "members": 2, "lookback": 36, "blend": "off", **QUICK}
    long = _auto(fc.Forecaster(6, **given).fit(synthetic(2, 600, seed=1)))
    assert len(long.members) == 2
    assert {0.0, -1.0} <= {row["member"] for row in long.history}, "a probe of each kind"
    short = _auto(fc.Forecaster(6, **given).fit(synthetic(2, 100, seed=1)))
    assert {row["member"] for row in short.history} == {0.0, 1.0, 2.0}


def test_fitting_leaves_the_settings_of_everyone_as_they_are(frame: pd.DataFrame) -> None:
    made = fc.Forecaster(6, members=2, max_time="60s", **QUICK).fit(frame)
    auto = _auto(made)
    assert auto.settings == made.settings
    for member in auto.members:
        assert member.settings.max_time == "60s"
        assert member.resolved.max_time != "60s", "its allowance stands in what it resolved"


def test_a_series_too_short_to_validate_is_forecast_by_the_prior() -> None:
    made = fc.Forecaster(6, season_length=12, blend="on", **QUICK).fit(synthetic(3, 9, seed=1))
    blend = _auto(made).blend
    assert blend is not None
    assert [part.name for part in blend.parts] == ["gru", "zero"]
    assert blend.weights == (0.5, 0.5)


def test_auto_on_random_walks_is_no_worse_than_naive() -> None:
    result = fc.evaluate(random_walks(40, 120, seed=3), 6, models=["auto", "naive"], cutoffs=4, steps=100, threads=1)
    assert result.models["auto"]["mae"] <= 1.03 * result.models["naive"]["mae"]


def test_intermittent_demand_is_recognised() -> None:
    random = np.random.default_rng(0)
    demand = np.where(random.random((5, 60)) < 0.3, random.integers(1, 5, (5, 60)), 0)
    table = pd.DataFrame({"unique_id": np.repeat(list("abcde"), 60), "ds": np.tile(np.arange(60), 5)})
    made = fc.Forecaster(4, season_length=12, **QUICK).fit(table.assign(y=demand.ravel()))
    assert made.resolved_.blend == "intermittent"
    assert {"tsb", "sba"} & set(_parts(made))
    level = made.predict()["forecast"].mean()
    assert 0 < level < 2 * demand.mean()


def test_two_ensembles_are_the_same_bits(frame: pd.DataFrame) -> None:
    first, second = (fc.Forecaster(6, **QUICK).fit(frame) for _ in range(2))
    assert same(first.predict(), second.predict())
