"""The steps that a time comes to are kept, and another job takes them instead of measuring."""

from __future__ import annotations

from typing import Any

import pytest
from house import same

import forecast as fc
from forecast.datasets.errors import ConfigError
from forecast.datasets.synthetic import synthetic
from forecast.training.settings import taped


def _fitted(model: str, **more: Any) -> fc.Forecaster:
    settings = {"model": model, "max_time": "0.3s", "steps": 60, "hidden_size": 8, "batch_size": 4, **more}
    return fc.Forecaster(4, **settings).fit(synthetic(2, 60, seed=1))


def test_the_steps_of_every_network_are_kept_and_taken() -> None:
    with taped() as first:
        one = _fitted("auto", blend="off")
    assert len(first.steps) == 3, "a probe and two members"
    with taped(first.steps) as again:
        assert same(_fitted("auto", blend="off").predict(), one.predict())
    assert again.is_used_up


def test_measuring_leaves_no_trace_in_what_is_trained() -> None:
    with taped() as first:
        one = _fitted("gru", dropout=0.2)
    with taped(first.steps):
        assert same(_fitted("gru", dropout=0.2).predict(), one.predict())
    with taped([20]):
        assert _fitted("gru", dropout=0.2).resolved_.steps == 20


def test_a_tape_of_another_job_is_refused() -> None:
    with taped([]), pytest.raises(ConfigError, match="there is one more to train"):
        _fitted("gru")
