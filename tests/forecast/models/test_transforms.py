"""What is forecast instead of the target, and how much each series counts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from house import QUICK

import forecast as fc
from forecast.datasets.errors import ConfigError, DataError
from forecast.datasets.synthetic import synthetic
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.datamodule import ForecastDataModule
from forecast.models.recurrent import RecurrentModel, network_settings
from forecast.settings import Settings
from forecast.training.module import ForecastModule
from forecast.training.settings import TrainSettings

LEVELS = (0.1, 0.5, 0.9)


def test_log_is_the_exponential_of_a_forecast_of_logarithms(frame: pd.DataFrame) -> None:
    frame["y"] = frame["y"].abs() + 1
    logs = frame.assign(y=np.log(frame["y"]))
    found = fc.Forecaster(6, model="gru", transform="log", quantiles=LEVELS, **QUICK).fit(frame).predict()
    plain = fc.Forecaster(6, model="gru", quantiles=LEVELS, **QUICK).fit(logs).predict()
    for column in ("forecast", "q10", "q90"):
        np.testing.assert_allclose(found[column], np.exp(plain[column]), rtol=1e-4)


def test_log_of_a_masked_value_is_the_log_of_the_one_before_it(frame: pd.DataFrame) -> None:
    frame["y"] = frame["y"].abs() + 1
    frame.loc[[5, 17, 40], "y"] = np.nan
    logs = panel_from_table(frame.assign(y=np.log(frame["y"])), Columns())
    model = RecurrentModel("gru", "gru", Settings(horizon=6, transform="log"), 12)
    found = model._transformed(panel_from_table(frame, Columns()))
    np.testing.assert_allclose(found.values, logs.values, atol=1e-5)
    np.testing.assert_allclose(found.target, logs.target)


def test_log_names_the_values_it_cannot_take(frame: pd.DataFrame) -> None:
    frame["y"] = frame["y"].abs() + 1
    frame.loc[3, "y"] = 0.0
    with pytest.raises(DataError) as caught:
        fc.Forecaster(6, model="gru", transform="log", **QUICK).fit(frame)
    [problem] = caught.value.problems
    assert problem.series == frame["unique_id"].iloc[3]
    assert "0" in problem.what
    with pytest.raises(ConfigError, match="transform='root'"):
        fc.Forecaster(6, model="gru", transform="root", **QUICK).fit(frame)


@pytest.mark.parametrize("series_weights", ["equal", "scale"])
def test_series_weights(series_weights: str) -> None:
    """By hand: with "scale" the loss is the sum of errors in units of the target over the sum of scales."""
    frame = synthetic(2, 60, seed=1)
    frame.loc[frame["unique_id"] == frame["unique_id"].iloc[0], "y"] *= 1000
    settings = Settings(horizon=6, model="gru", loss="mae", series_weights=series_weights, **QUICK)
    panel = panel_from_table(frame, Columns())
    model = RecurrentModel("gru", "gru", settings, 12)
    resolved, _ = model.plan(panel)
    from forecast.networks.network import ForecastNetwork

    network = ForecastNetwork(network_settings("gru", resolved, panel, 12))
    module = ForecastModule(network, TrainSettings.of(resolved))
    data = ForecastDataModule(panel, network.settings.window, batch_size=8, steps=1)
    batch = next(data.training_batches())
    rows = network.settings.window.lookback
    with torch.no_grad():
        out = network(batch.values[:, :rows], batch.observed[:, :rows])
        loss = float(module.batch_loss(batch))
        target, known = network.targets(batch)
    error = (out.normalised[..., 0] * out.scale + out.level - target).abs()
    counts = known & (out.scale > 0)
    if series_weights == "scale":
        by_hand = float((error * counts).sum() / (out.scale * counts).sum())
    else:
        by_hand = float((error / out.scale * counts).sum() / counts.sum())
    assert loss == pytest.approx(by_hand, rel=1e-4)
