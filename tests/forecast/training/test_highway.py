"""The linear highway: finds a law that is linear, leaves noise alone, and never looks past the training rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from house import QUICK

import forecast as fc
from forecast.datasets.panel import Panel
from forecast.datasets.synthetic import random_walks
from forecast.datasets.tables.columns import Columns
from forecast.datasets.tables.schema import panel_from_table
from forecast.datasets.windows.crops import WindowSpec
from forecast.networks.network import ForecastNetwork, NetworkSettings
from forecast.training.highway import fit_highway


def _panel(values: np.ndarray) -> Panel:
    series, rows = values.shape
    table = pd.DataFrame({"unique_id": np.repeat(np.arange(series), rows), "ds": np.tile(np.arange(rows), series)})
    return panel_from_table(table.assign(y=values.ravel()), Columns(), freq="1")


def _network(horizon: int) -> ForecastNetwork:
    torch.manual_seed(0)
    return ForecastNetwork(
        NetworkSettings(
            cell="gru",
            window=WindowSpec(lookback=24, horizon=horizon, segment=4, origins=4),
            hidden_size=8,
            layers=1,
            dropout=0.0,
            normaliser="last",
            memory=8,
            base="last",
            season_length=1,
        )
    )


def _alternating(series: int, rows: int) -> np.ndarray:
    """y(t) = -0.9 y(t-1) + noise: the best forecast of the next change is known."""
    random = np.random.default_rng(0)
    values = np.zeros((series, rows))
    for t in range(1, rows):
        values[:, t] = -0.9 * values[:, t - 1] + random.normal(size=series)
    return values


def test_it_finds_a_linear_law() -> None:
    network = _network(2)
    penalty = fit_highway(network, _panel(_alternating(20, 200)), seed=0)
    assert penalty is not None
    # in units where the last value is 0 and the mean of the rows m: y(t+1) - y(t) = -1.9 y(t), y(t) about -mean's
    rows = torch.tensor([[1.0, -1.0] * 4]) - torch.tensor(-1.0)  # 8 rows that alternate, less the last, -1
    step = (rows @ network.highway.weight.T.detach())[0]
    assert float(step[0]) == pytest.approx(1.9, abs=0.25), "from -1 the next value is 0.9"
    assert float(step[1]) == pytest.approx(0.19, abs=0.25), "and then -0.81"


def test_it_leaves_random_walks_alone() -> None:
    """As good as: which series its rows come from is chance, and so are the weights that are left."""
    weights = []
    for seed in range(9):
        network = _network(4)
        values = random_walks(30, 150, seed=seed)["y"].to_numpy().reshape(30, 150)
        fit_highway(network, _panel(values), seed=0)
        weights.append(float(network.highway.weight.detach().abs().sum(1).max()))
    assert np.median(weights) < 0.3
    assert max(weights) < 0.8


def test_short_series_have_none() -> None:
    network = _network(6)
    assert fit_highway(network, _panel(_alternating(5, 20)), seed=0) is None
    assert (network.highway.weight == 0).all()


def test_it_can_be_left_out() -> None:
    panel = _alternating(4, 100)
    frame = pd.DataFrame(panel.T, index=pd.date_range("2000-01-01", periods=100, freq="D"), columns=list("abcd"))
    plain = fc.Forecaster(3, model="gru", highway="zero", **QUICK).fit(frame)
    fitted = fc.Forecaster(3, model="gru", highway="ridge", **QUICK).fit(frame)
    assert "highway" not in plain.reasons_
    assert "training rows" in fitted.reasons_["highway"]
    assert not plain.predict().equals(fitted.predict())
