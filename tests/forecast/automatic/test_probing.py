"""What a probe is told, and what its learning curve tells."""

from __future__ import annotations

import pytest

from forecast.automatic.members import Kind
from forecast.automatic.probing import probe_plan, probe_seconds, useful_share
from forecast.settings import Settings

FIRST = Kind(origins="auto")


def _curve(best: int, epochs: int = 20) -> list[dict[str, float]]:
    return [{"epoch": float(k), "val_loss": float(abs(k - best))} for k in range(1, epochs + 1)]


@pytest.mark.parametrize(("best", "share"), [(1, 0.05), (5, 0.25), (13, 0.65), (14, 1.0), (20, 1.0)])
def test_the_useful_share_is_where_the_validation_loss_was_least(best: int, share: float) -> None:
    assert useful_share(_curve(best)) == share


def test_a_probe_that_stopped_early_is_measured_on_its_whole_plan() -> None:
    assert useful_share(_curve(4, epochs=10)) == 0.2  # 4 of 20 rounds, though only 10 were run


def test_without_validation_all_of_the_training_is_useful() -> None:
    assert useful_share([{"epoch": 1.0, "train_loss": 0.5}]) == 1.0
    assert useful_share([]) == 1.0


def test_a_probe_leaves_the_validation_rows_out_and_trains_for_less_long() -> None:
    plan = probe_plan(Settings(horizon=6, seed=3, val_size=2), 12, Kind(origins=4), held=9)
    assert plan.settings.val_size == 9
    assert plan.settings.origins == 4
    assert plan.steps_share == 0.4
    assert plan.settings.steps == "auto"
    assert probe_plan(Settings(horizon=6, steps=100), 12, FIRST, held=9).settings.steps == 40
    assert probe_plan(Settings(horizon=6, steps=1), 12, FIRST, held=9).settings.steps == 1


def test_a_probe_takes_its_share_of_the_time() -> None:
    assert probe_seconds(Settings(horizon=6), 1) is None
    assert probe_seconds(Settings(horizon=6, max_time="24s", members=2), 1) == pytest.approx(4)  # 0.4 / 2.4
    assert probe_seconds(Settings(horizon=6, max_time="28s", members=2), 2) == pytest.approx(4)  # 0.4 / 2.8


def test_the_network_is_built_with_its_settings_once() -> None:
    plan = probe_plan(Settings(horizon=6), 12, FIRST, held=9)
    network = plan.build(2.0)
    assert network.settings is plan.settings
    assert network.allowance.seconds == 2.0
    assert network.allowance.limit(network.settings)[0].steps == 320  # 0.4 of the preset's 800
    assert network.allowance.limit(network.settings)[0].max_time == "2.000s"
