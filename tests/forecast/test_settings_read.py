"""What a model reads of its settings: the others change no bit, and are not recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from house import QUICK

from forecast.architectures import settings_read
from forecast.datasets.panel import Panel
from forecast.fitted import FittedModel
from forecast.settings import Settings

# another value than the default for every setting that some model does not read
OTHERS: dict[str, Any] = {
    "lookback": 36,
    "segment": 4,
    "origins": 2,
    "transform": "log",
    "normaliser": "robust",
    "memory": 18,
    "base": "last",
    "highway": "zero",
    "hidden_size": 8,
    "layers": 2,
    "decoder": "position",
    "teacher_forcing": 0.1,
    "head": "quantile",
    "point": "mean",
    "dropout": 0.2,
    "loss": "mae",
    "series_weights": "scale",
    "members": 2,
    "workers": 2,
    "blend": "off",
    "tune": "auto",
    "preset": "fast",
    "steps": 7,
    "batch_size": 4,
    "learning_rate": 0.5,
    "weight_decay": 0.3,
    "gradient_clip": 0.2,
    "averaging": 0.5,
    "patience": 3,
    "val_size": 9,
    "threads": 2,
    "device": "cpu",
}


@pytest.mark.parametrize(
    "model", ["naive", "seasonal_naive", "drift", "theta", "ets", "boosting", "croston", "zero", "gru"]
)
def test_settings_that_a_model_does_not_read_change_no_bit(panel: Panel, model: str) -> None:
    quick = QUICK if model == "gru" else {}
    plain = Settings(horizon=4, model=model, quantiles=(0.1, 0.5, 0.9), **quick)
    unread = {
        name: value for name, value in OTHERS.items() if name not in settings_read(replace(plain, **{name: value}))
    }
    assert len(unread) > (4 if model == "gru" else 20)
    first, second = (FittedModel.fit(panel, settings) for settings in (plain, replace(plain, **unread)))
    one, other = (fitted.predict(panel, fitted.last_origins(panel)) for fitted in (first, second))
    assert np.array_equal(one.point, other.point)
    assert np.array_equal(np.asarray(one.quantiles), np.asarray(other.quantiles))


def test_what_is_left_empty_or_usual_is_not_read() -> None:
    plain = settings_read(Settings(horizon=4, model="theta"))
    assert plain == {"horizon": 4, "model": "theta", "calibrate": "none", "seed": 0}
    told = settings_read(Settings(horizon=4, model="theta", decimal=",", season_length=7, experiment="air", upper=9.0))
    assert told == {**plain, "decimal": ",", "season_length": 7, "upper": 9.0}


def test_covariates_are_read_by_networks_alone() -> None:
    named = {"known": ("promo",), "static": ("store",)}
    assert not named.keys() & settings_read(Settings(horizon=4, model="ets", **named)).keys()
    assert named.keys() <= settings_read(Settings(horizon=4, model="gru", **named)).keys()


def test_a_few_settings_are_those_of_a_few_models() -> None:
    few = {name: settings_read(Settings(horizon=4, model=name)) for name in ("auto", "zero", "gru", "seq2seq")}
    assert {name for name, read in few.items() if "members" in read} == {"auto"}
    assert {name for name, read in few.items() if "tune" in read} == {"auto", "zero"}
    decoders = {name: settings_read(Settings(horizon=4, decoder=name)) for name in ("direct", "seq2seq", "luong")}
    assert {name for name, read in decoders.items() if "teacher_forcing" in read} == {"seq2seq", "luong"}
