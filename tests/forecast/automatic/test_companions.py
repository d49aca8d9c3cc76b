"""Companions are built from the same settings as the model that they stand beside."""

from __future__ import annotations

import pytest

from forecast.automatic.companions import COMPANIONS, companions
from forecast.combining.zero import Zero
from forecast.settings import Settings


@pytest.mark.parametrize("blend", COMPANIONS)
def test_settings_reach_every_companion(blend: str) -> None:
    settings = Settings(horizon=5, model="auto", blend=blend, seed=3, weights="mine.safetensors", tune="auto")
    found = companions(settings, 12, levels=(0.1, 0.9))
    assert len(found) == len(COMPANIONS[blend])
    for companion in found:
        assert (companion.horizon, companion.season_length) == (5, 12)
        assert (companion.levels, companion.seed) == ((0.1, 0.9), 3)
        if isinstance(companion, Zero):
            assert companion.weights_file == "mine.safetensors"
            assert companion.tunes
    assert all(companion.levels == () for companion in companions(settings, 12, levels=()))
