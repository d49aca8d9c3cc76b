"""Members: how many of which kind, and in what they differ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecast.automatic.members import (
    Kind,
    count_members,
    member_settings,
    members_of_kinds,
    network_seed,
)
from forecast.settings import Settings

FIRST = Kind(origins="auto")
PLANNED = Settings(horizon=6, members=8, loss="mixed", lookback=36, segment=6)


@pytest.mark.parametrize(
    ("weights", "counts", "left"),
    [
        ([0.5, 0.4], [4, 4], [0.5, 0.4]),
        ([0.9, 0.02], [8, 0], [0.92, 0.0]),
        ([0.0, 0.6], [0, 8], [0.0, 0.6]),
        ([0.0, 0.0], [8, 0], [0.0, 0.0]),
        ([0.7], [8], [0.7]),
        ([0.0], [8], [0.0]),
    ],
)
def test_members_go_where_the_weight_is(weights: list[float], counts: list[int], left: list[float]) -> None:
    given = np.array(weights)
    made, kept = members_of_kinds(8, given)
    assert made == counts
    assert kept == pytest.approx(left)
    assert given.tolist() == weights, "the given weights stay as they are"


@pytest.mark.parametrize(("preset", "members"), [("fast", 1), ("balanced", 2), ("best", 8)])
def test_a_preset_has_its_members_unless_the_user_says_how_many(preset: str, members: int) -> None:
    assert count_members(Settings(horizon=6, preset=preset)) == members
    assert count_members(Settings(horizon=6, preset=preset, members=3)) == 3


def test_members_of_a_large_ensemble_differ_in_loss_and_lookback() -> None:
    asked = Settings(horizon=6)
    made = [member_settings(asked, PLANNED, FIRST, number) for number in range(1, 5)]
    assert [each.loss for each in made] == ["mae", "auto", "auto", "auto"]
    assert [each.lookback for each in made] == ["auto", "auto", 18, "auto"]
    small = [member_settings(asked, replace(PLANNED, members=3), FIRST, number) for number in range(1, 4)]
    assert {(each.loss, each.lookback) for each in small} == {("auto", "auto")}
    fixed = [member_settings(replace(asked, loss="mse", lookback=24), PLANNED, FIRST, n) for n in range(1, 5)]
    assert {(each.loss, each.lookback) for each in fixed} == {("mse", 24)}


def test_members_learn_from_the_validation_rows_unless_the_user_holds_them_back() -> None:
    assert member_settings(Settings(horizon=6), PLANNED, FIRST, 1).val_size == 0
    assert member_settings(Settings(horizon=6, val_size=7), PLANNED, FIRST, 1).val_size == 7
    assert member_settings(Settings(horizon=6), PLANNED, Kind(origins=3), 1).origins == 3


def test_no_network_of_one_seed_is_a_network_of_another() -> None:
    drawn = {network_seed(seed, number) for seed in range(1000) for number in range(33)}
    assert len(drawn) == 33_000
    assert 0 <= network_seed(2**63 - 1, 8) < 2**63


def test_members_have_seeds_of_their_own() -> None:
    made = [member_settings(Settings(horizon=6, seed=4), PLANNED, FIRST, number) for number in (1, 2)]
    assert [each.seed for each in made] == [network_seed(4, 1), network_seed(4, 2)]
