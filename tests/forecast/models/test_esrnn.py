"""ES-RNN's exponential smoothing: by hand, without a look ahead, and learnt series by series."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from house import QUICK, same

import forecast as fc
from forecast.datasets.synthetic import synthetic
from forecast.datasets.windows.crops import WindowSpec
from forecast.models.esrnn import Smoothing, SmoothingModel, SmoothingNetwork
from forecast.networks.network import NetworkSettings


def _by_hand(values: np.ndarray, known: np.ndarray, a: float, g: float, period: int) -> tuple[list[float], list[float]]:
    level, season, met, n = 0.0, [0.0] * period, [0] * period, 0
    levels, seasons = [], []
    for row, (y, there) in enumerate(zip(values, known, strict=True)):
        place = row % period
        seasons.append(season[place])
        if there:
            n, met[place] = n + 1, met[place] + 1
            level += max(a, 1 / n) * (y - season[place] - level)
            if period > 1:
                season[place] += max(g, 1 / met[place]) * (y - level - season[place])
        levels.append(level)
    return levels, seasons


@pytest.mark.parametrize("period", [1, 4])
def test_smoothing_by_hand(period: int) -> None:
    rng = np.random.default_rng(0)
    values, known = rng.normal(size=30), rng.random(30) > 0.2
    smoothing = Smoothing(3, period)
    with torch.no_grad():
        smoothing.own.weight[2] = torch.tensor([0.3, -0.2])
    a, g = torch.sigmoid(smoothing.shared + smoothing.own.weight[2]).tolist()
    rows = torch.tensor(values)[None].float()
    found = smoothing(rows, torch.tensor(known)[None].float(), torch.tensor([2.0]))
    levels, seasons = _by_hand(values, known, a, g, period)
    np.testing.assert_allclose(found.level[0].detach(), levels, atol=1e-5)
    np.testing.assert_allclose(found.season[0].detach(), seasons, atol=1e-5)


def _network(lookback: int, origins: int) -> SmoothingNetwork:
    window = WindowSpec(lookback=lookback, horizon=5, segment=4, origins=origins)
    torch.manual_seed(0)
    return SmoothingNetwork(
        NetworkSettings(
            cell="lstm",
            window=window,
            hidden_size=8,
            layers=1,
            dropout=0.0,
            normaliser="last",
            memory=8,
            base="last",
            season_length=4,
            static=(4,),
        )
    ).eval()


def test_an_untrained_network_starts_from_exponential_smoothing() -> None:
    network = _network(24, 1)
    rows = torch.randn(2, 24, 1) + 3
    number = torch.tensor([[1.0], [2.0]])
    read = network.read(rows, torch.ones_like(rows, dtype=torch.bool), number)
    smoothed = network.smoothing(rows[..., 0], torch.ones(2, 24), number[:, 0])
    wanted = smoothed.level[:, -1:] + smoothed.updated[:, [20, 21, 22, 23, 20]]
    torch.testing.assert_close(read.anchor[:, 0] * read.scale[:, 0] + read.level[:, 0], wanted)


def test_a_fork_is_the_forecast_of_the_window_that_ends_there() -> None:
    forked, short = _network(24, 4), _network(16, 2)
    short.load_state_dict(forked.state_dict())
    rows = torch.randn(3, 24, 1).cumsum(1)
    known, number = torch.ones_like(rows, dtype=torch.bool), torch.tensor([[0.0], [1.0], [3.0]])
    whole = forked(rows, known, number)
    part = short(rows[:, :16], known[:, :16], number)
    torch.testing.assert_close(whole.normalised[:, 1], part.normalised[:, -1], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(whole.level[:, 1], part.level[:, -1])


def test_each_series_learns_its_own_coefficients() -> None:
    """A random walk's level follows its last value, that of noise around a mean does not."""
    rng = np.random.default_rng(1)
    values = [rng.normal(size=400).cumsum(), rng.normal(size=400)]
    times = np.tile(np.arange(400), 2)
    table = pd.DataFrame({"unique_id": np.repeat(["7", "8"], 400), "ds": times, "y": np.concatenate(values)})
    settings = {"hidden_size": 8, "layers": 1, "dilations": (), "val_size": 0, "threads": 1, "seed": 0}
    model = fc.Forecaster(3, model="esrnn", steps=400, season_length=1, **settings).fit(table).model_
    assert isinstance(model, SmoothingModel)
    smoothing = model.network.smoothing  # type: ignore[union-attr]
    walk, noise = (smoothing.shared + smoothing.own.weight[1:])[:, 0].sigmoid().tolist()
    assert walk > noise + 0.2


def test_new_series_and_saved_models(tmp_path: Path) -> None:
    table = synthetic(3, 80, seed=1)
    model = fc.Forecaster(6, model="esrnn", quantiles=(0.1, 0.5, 0.9), **QUICK).fit(table)
    assert same(model.predict(), fc.load(model.save(tmp_path / "model")).predict())
    renamed = table.assign(unique_id="new " + table["unique_id"].astype(str))
    assert np.isfinite(model.predict(renamed)["forecast"]).all()
