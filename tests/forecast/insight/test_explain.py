"""Seeing inside: gradients by lag, and what each input is worth, on data whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from house import QUICK

import forecast as fc
from forecast.datasets.errors import ConfigError, DataError
from forecast.tracking.journal import Entry, due

LONG = {
    "segment": 1,
    "lookback": 60,
    "origins": 1,
    "memory": 4,
    "layers": 1,
    "steps": 30,
    "hidden_size": 32,
    "threads": 1,
}


def _caused(series: int = 12, length: int = 200) -> pd.DataFrame:
    """Weekly season, a strong known cause, a weak past one, and one that does nothing."""
    generator = np.random.default_rng(0)
    parts = []
    for number in range(series):
        promo, noise, useless = generator.normal(size=(3, length))
        season = 4 * np.sin(2 * np.pi * (np.arange(length) / 7 + number / 5))
        y = 100 * (1 + number) + season + 3 * promo + 0.3 * noise
        times = pd.date_range("2024-01-01", periods=length)
        columns = {"ds": times, "y": y, "promo": promo, "useless": useless}
        parts.append(pd.DataFrame({"unique_id": f"s{number:02}", **columns}))
    return pd.concat(parts, ignore_index=True)


def test_a_plain_network_forgets_what_gates_keep() -> None:
    table = _caused()[["unique_id", "ds", "y"]]
    far = {}
    for model in ("rnn", "lstm", "gru"):
        profile = fc.memory_profile(fc.Forecaster(7, model=model, **LONG).fit(table))
        assert list(profile["lag"]) == list(range(1, 61))
        assert (profile["norm"] >= 0).all()
        far[model] = float(profile["norm"].iloc[40:].mean() / profile["norm"].iloc[:5].mean())
    assert far["rnn"] < 1e-3, "the gradient vanishes"
    assert far["lstm"] > 10 * far["rnn"]


def test_profile_of_every_kind(frame: pd.DataFrame) -> None:
    for model in ("auto", "attention", "bigru", "transformer"):
        profile = fc.memory_profile(fc.Forecaster(6, model=model, **QUICK).fit(frame))
        assert profile["norm"].iloc[0] > 0
    with pytest.raises(ConfigError, match="the model is naive"):
        fc.memory_profile(fc.Forecaster(6, model="naive").fit(frame))


def test_importance_finds_the_causes() -> None:
    table = _caused()
    settings = {"known": ["promo"], "past": ["useless"], "season_length": 7, **QUICK, "steps": 300}
    model = fc.Forecaster(7, model="gru", **settings).fit(table)
    found = fc.importance(model, table).set_index("input")["worth"]
    assert found.index[0] in ("promo", "lags 1-7")
    assert found["promo"] > 10 * abs(found["useless"])
    assert found["lags 1-7"] > found["lags 15 and older"]


def test_importance_of_a_baseline() -> None:
    found = fc.importance(fc.Forecaster(7, model="seasonal_naive", season_length=7).fit(_caused()), _caused())
    worth = found.set_index("input")["worth"]
    assert worth["lags 1-7"] > 0.1
    assert worth["lags 8-14"] == 0, "it reads one season"
    assert worth["lags 15 and older"] == 0
    short = _caused(1, 8)
    with pytest.raises(DataError, match="two forecasts"):
        fc.importance(fc.Forecaster(7, model="naive", season_length=7).fit(short), short)


def test_pictures_and_tracks(frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    from forecast.insight.diagnostics import plot_calibration, plot_memory
    from forecast.insight.plotting import save_figure

    monkeypatch.setenv("FORECAST_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("FORECAST_TRACK_GRADIENTS", "1")
    with pytest.warns(UserWarning, match="kept in .forecast/journal"):
        model = fc.Forecaster(6, model="gru", experiment="inside", quantiles=(0.1, 0.5, 0.9), **QUICK).fit(frame)
    monkeypatch.delenv("FORECAST_TRACKING_URI")
    assert {"gradient/core.0", "gradient/embedding", "gradient/decoder"} <= set(model.history_.columns)
    assert (model.history_["gradient/core.0"] > 0).all()
    (record,) = due(None)
    assert "gradient/core.0" in {name for name, *_ in Entry.read(record).metrics}
    result = fc.evaluate(frame, 6, models=["gru", "naive"], cutoffs=3, quantiles=(0.1, 0.5, 0.9), **QUICK)
    found = result.calibration()
    assert list(found.columns) == ["model", "level", "observed", "points"]
    part = result.forecasts[result.forecasts["model"] == "naive"]
    assert found.iloc[-1]["observed"] == (part["y"] <= part["q90"]).mean()
    save_figure(plot_calibration(found), "calibration.png")
    save_figure(plot_memory(fc.memory_profile(model), label="gru"), "memory.png")
    with pytest.raises(ConfigError, match="no quantiles at hand"):
        fc.evaluate(frame, 6, models="naive").calibration()
