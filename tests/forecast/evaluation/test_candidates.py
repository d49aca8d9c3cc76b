"""Models side by side: each reads its own covariates, and forecasts what it would alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from house import QUICK, same

import forecast as fc
from forecast.datasets.errors import ConfigError
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.evaluator import named_candidates

H = 4


@pytest.fixture
def sales(frame: pd.DataFrame) -> pd.DataFrame:
    """Three series with covariates of every role, numbers and names."""
    random = np.random.default_rng(0)
    columns = {
        "price": random.normal(size=len(frame)),
        "promo": random.choice(["yes", "no"], len(frame)),
        "sun": random.normal(size=len(frame)),
        "store": frame["unique_id"].map({"s0": "x", "s1": "y", "s2": "y"}),
        "size": frame["unique_id"].map({"s0": 1.0, "s1": 2.0, "s2": 5.0}),
    }
    return frame.assign(**columns)


def _gru(**roles: object) -> fc.Forecaster:
    return fc.Forecaster(H, model="gru", **QUICK, **roles)


def test_each_model_forecasts_the_bits_that_it_would_alone(sales: pd.DataFrame) -> None:
    models = [
        fc.Forecaster(H, model="boosting"),
        _gru(known=("price", "promo"), static=("store",)),
        fc.Forecaster(H, model="lstm", past=("price", "sun"), static=("size", "store"), **QUICK),
        fc.Forecaster(H, model="rnn", known=("promo", "price"), **QUICK),
        fc.Forecaster(H, model="theta", known=("price",)),
    ]
    both = fc.evaluate(sales, H, models=models, cutoffs=2, refit="each")
    assert both.forecasts is not None
    for model in models:
        alone = fc.evaluate(sales, H, models=model, cutoffs=2, refit="each")
        assert alone.forecasts is not None
        part = both.forecasts[both.forecasts["model"] == model.settings.model].drop(columns="model")
        assert same(part.reset_index(drop=True), alone.forecasts)
        assert alone.metrics == both.models[model.settings.model]
    both.plot(max_series=1)


def test_the_leaderboard_says_what_each_model_read(sales: pd.DataFrame) -> None:
    theta = fc.Forecaster(H, model="theta", known=("price",))
    result = fc.evaluate(sales, H, models=[theta, _gru(past=("sun",), static=("store",)), "naive"])
    reads = result.leaderboard.set_index("model")["reads"].to_dict()
    assert reads == {"theta": "", "gru": "store, sun", "naive": "", "seasonal_naive": "", "naive2": ""}
    assert "reads" not in fc.evaluate(sales, H, models=["theta", "naive"]).leaderboard


def test_a_panel_with_fewer_roles_is_the_one_read_with_them(sales: pd.DataFrame) -> None:
    every = Columns(known=("price", "promo"), past=("sun", "price"), static=("store", "size"))
    panel = panel_from_table(sales, every)
    assert panel.with_roles(every) is panel
    for roles in (Columns(), Columns(past=("price",)), Columns(known=("promo",), static=("size",))):
        part, alone = panel.with_roles(roles), panel_from_table(sales, roles)
        assert part.channels == alone.channels
        for name in ("values", "observed", "offset", "target"):
            assert np.array_equal(getattr(part, name), getattr(alone, name), equal_nan=True)
        assert part.target is panel.target
        pd.testing.assert_frame_equal(part.static, alone.static)


def test_models_of_different_tables_are_refused(sales: pd.DataFrame) -> None:
    table = sales.assign(z=sales["y"], seen=True)
    with pytest.raises(ConfigError, match="gru: z, theta: y") as refused:
        fc.evaluate(table, H, models=[_gru(target="z"), fc.Forecaster(H, model="theta", target="y", freq="MS")])
    assert len(refused.value.problems) == 1
    with pytest.raises(ConfigError, match="observed differs"):
        fc.evaluate(table, H, models=[_gru(observed="seen"), "theta"])


def test_models_of_one_name_are_called_by_what_differs(frame: pd.DataFrame) -> None:
    naive = [fc.Forecaster(H, model="seasonal_naive", season_length=length) for length in (6, 12)]
    plain = fc.Forecaster(H, model="seasonal_naive")
    result = fc.evaluate(frame, H, models=[plain, *naive, plain, "drift"])
    names = ["seasonal_naive", "seasonal_naive season_length=6", "seasonal_naive season_length=12"]
    assert list(result.models) == [*names, "seasonal_naive_3", "drift"]
    assert set(result.models) <= set(result.leaderboard["model"])


def test_names_leave_out_what_all_models_share() -> None:
    wide = _gru(seed=3, quantiles=(0.1, 0.9)).set_params(hidden_size=64)
    small = _gru(seed=3, quantiles=(0.1, 0.9)).set_params(hidden_size="auto")
    names = named_candidates([small, wide, "lstm"], {}, H)
    assert list(names) == ["gru", "gru hidden_size=64", "lstm"]
    known = named_candidates([small, small.__class__(H, model="gru", known=("a", "b"))], {}, H)
    assert [name for name in known if "known=a,b" in name]
