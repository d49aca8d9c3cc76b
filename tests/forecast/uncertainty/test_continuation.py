"""Beyond the trained horizon every model goes on, says so where it reads its own forecasts, and knows less and less."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from house import MODELS, QUICK, same

import forecast as fc
from forecast.datasets.errors import ConfigError, DataError
from forecast.datasets.synthetic import synthetic

HORIZON, LONGER = 6, 17
LEVELS = (0.1, 0.5, 0.9)
STEPWISE = (
    "naive",
    "ets",
    "zero",
    "seasonal_naive",
    "drift",
    "naive2",
    "theta",
    "croston",
    "sba",
    "tsb",
    "boosting",
    "deepar",
)


def _quick(name: str) -> dict[str, Any]:
    return {**QUICK, "head": "normal"} if name == "deepar" else QUICK


@pytest.mark.parametrize("name", MODELS)
def test_every_model_goes_on(name: str, caplog: pytest.LogCaptureFixture) -> None:
    table = synthetic(3, 90, seed=1)
    model = fc.Forecaster(HORIZON, model=name, quantiles=LEVELS, **_quick(name)).fit(table)
    short = model.predict()
    found = model.predict(horizon=LONGER)
    assert ("from its own medians" in caplog.text) == (name not in STEPWISE)
    assert len(found) == 3 * LONGER
    months = found["ds"].dt.year * 12 + found["ds"].dt.month
    assert (months.groupby(found["unique_id"]).diff().dropna() == 1).all(), "the times go on along the grid"
    assert same(found.groupby("unique_id").head(HORIZON).reset_index(drop=True), short), "the first steps are the same"
    assert (found["q10"] <= found["forecast"]).all()
    assert (found["forecast"] <= found["q90"]).all()
    again = fc.load(model.save("model")).predict(horizon=LONGER)
    paths = model.predict(horizon=LONGER, samples=4)
    assert same(again, found)
    assert len(paths) == 3 * LONGER * 4
    with pytest.raises(ConfigError, match="horizon=0"):
        model.predict(horizon=0)


@pytest.mark.parametrize("name", ["gru", "theta", "deepar"])
def test_the_interval_of_a_random_walk_goes_on_to_grow(name: str) -> None:
    walks = np.random.default_rng(0).normal(size=(20, 200)).cumsum(axis=1)
    days = np.tile(pd.date_range("2024-01-01", periods=200), 20)
    table = pd.DataFrame({"unique_id": np.repeat(np.arange(20), 200), "ds": days, "y": walks.ravel()})
    settings = {"preset": "fast", "threads": 1, "season_length": 1, **({"head": "normal"} if name == "deepar" else {})}
    found = fc.Forecaster(4, model=name, quantiles=LEVELS, **settings).fit(table).predict(horizon=12)
    step = found.groupby("unique_id").cumcount() + 1
    width = (found["q90"] - found["q10"]).groupby(step).mean()
    assert width[12] / width[3] == pytest.approx(2, rel=0.35)
    assert (width.diff().dropna() > -0.1 * width[1]).all(), "it never shrinks"


def test_known_covariates_reach_as_far() -> None:
    table = synthetic(2, 80, seed=2)
    table["promo"] = (table.groupby("unique_id").cumcount() % 5 == 0).astype(float)
    past = table[table.groupby("unique_id").cumcount() < 60]
    future = table[table.groupby("unique_id").cumcount() >= 60].drop(columns="y")
    model = fc.Forecaster(HORIZON, model="gru", known=["promo"], **QUICK).fit(past)
    assert len(model.predict(future=future, horizon=20)) == 40
    with pytest.raises(DataError):
        model.predict(future=future.groupby("unique_id").head(10), horizon=20)


def test_what_is_not_calibrated_is_said(caplog: pytest.LogCaptureFixture) -> None:
    model = fc.Forecaster(HORIZON, model="theta", quantiles=LEVELS, calibrate="split").fit(synthetic(4, 120, seed=1))
    found = model.predict(horizon=LONGER)
    assert "are not calibrated" in caplog.text
    assert same(found.groupby("unique_id").head(HORIZON).reset_index(drop=True), model.predict())
